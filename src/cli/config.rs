//! `config show`: each setting's value and where it came from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Ending;
use super::args::Common;
use super::run::RunArgs;
use super::session::Session;
use crate::config::Origin;
use crate::config::value::Value;
use crate::model::error::Result;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look};

/// Look at the settings
#[derive(Args, Clone, Debug)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum ConfigCommand {
    Show(Box<ShowArgs>),
}

/// Print each setting, its value and where it came from
///
/// Takes the flags of the main job, so that a command line can be tried: put `config show` before its flags.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    run: RunArgs,
}

impl ConfigArgs {
    /// `--json` was given.
    pub fn json(&self) -> bool {
        let ConfigCommand::Show(args) = &self.command;
        args.run.json
    }
}

/// What `config show --json` prints.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    /// Configuration files that were read, in order.
    files: Vec<PathBuf>,
    settings: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    key: &'static str,
    /// As it is written in a file; null: unset.
    value: Option<String>,
    /// `default`, `file`, `environment` or `flag`.
    from: &'static str,
    /// The file and line, the variable or the flag.
    origin: String,
}

/// Runs it.
pub fn run(args: &ConfigArgs, common: &Common, look: Look) -> Result<Ending> {
    let ConfigCommand::Show(args) = &args.command;
    let run = &args.run;
    let session = Session::begin(common, run.collect(), run.library_dirs(), look)?;
    let shown: Vec<Shown> = session
        .settings
        .shown()
        .map(|(key, setting)| Shown {
            key,
            value: (setting.value != Value::Unset).then(|| setting.value.to_string()),
            from: match setting.origin {
                Origin::Default => "default",
                Origin::File { .. } => "file",
                Origin::Environment(_) => "environment",
                Origin::Flag(_) => "flag",
            },
            origin: setting.origin.to_string(),
        })
        .collect();
    if run.json {
        let files = session.settings.files.clone();
        ui::out_json(&Document { schema: SCHEMA, files, settings: shown });
        return Ok(Ending::Well);
    }
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|s| vec![s.key.to_owned(), s.value.unwrap_or_else(|| Value::Unset.to_string()), s.origin])
        .collect();
    let headings = [("setting", Align::Left), ("value", Align::Left), ("from", Align::Left)];
    ui::out(&table(&headings, &rows));
    for file in &session.settings.files {
        session.look.note(&format!("read {}", file.display()));
    }
    Ok(Ending::Well)
}
