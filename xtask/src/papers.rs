//! Completions and man pages, from the program's own description of its arguments.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use media_converter::cli::Cli;

use crate::{Result, doing};

/// `completions/` and `man/` below the folder.
pub fn write(out: &Path) -> Result<()> {
    completions(&out.join("completions"))?;
    man(&out.join("man"))
}

fn completions(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(doing(folder.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "media-converter", folder)
            .map_err(doing(format!("completions for {shell}")))?;
    }
    Ok(())
}

fn man(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(doing(folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(doing("man pages"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_shell_and_every_subcommand_has_its_paper() {
        let folder = tempfile::tempdir().unwrap();
        super::write(folder.path()).unwrap();
        for (file, word) in [
            ("completions/media-converter.bash", "--dry-run"),
            ("completions/_media-converter", "--dry-run"),
            ("completions/media-converter.fish", "dry-run"),
            ("completions/_media-converter.ps1", "--dry-run"),
            ("completions/media-converter.elv", "--dry-run"),
            ("man/media-converter.1", ".TH media\\-converter 1"),
            ("man/media-converter-undo.1", ".TH media\\-converter\\-undo 1"),
            ("man/media-converter-service-install.1", "install"),
        ] {
            let text =
                std::fs::read_to_string(folder.path().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            let (text, word) = (text.replace("\\-", "-"), word.replace("\\-", "-"));
            assert!(text.contains(&word), "{file}: {text:.300}");
        }
    }
}
