//! `completions SHELL`

use clap::{Args, CommandFactory};

use super::{Cli, Ending};

/// Print a completion script for a shell
///
/// For example: media-converter completions bash > ~/.local/share/bash-completion/completions/media-converter
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Runs it.
pub fn run(args: &CompletionsArgs) -> Ending {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "media-converter", &mut script);
    crate::ui::out(&String::from_utf8_lossy(&script));
    Ending::Well
}
