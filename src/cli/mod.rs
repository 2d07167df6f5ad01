//! Arguments and nothing else: one file per subcommand, its args struct on top.

mod args;
mod caps;
mod check;
mod completions;
mod config;
mod doctor;
mod history;
mod locks;
mod pause;
mod probe;
mod profiles;
mod query;
mod retry;
mod run;
mod scan;
mod schedule;
mod service;
mod session;
mod setup;
mod status;
mod undo;
mod verify;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::model::error::{Error, Kind, Result};
use args::Common;
use run::RunArgs;

/// Converts a media library on a NAS, from many machines at once, with no server
///
/// Run it with --dir on each machine that mounts the library. Each file is claimed on the share itself, converted, verified, and
/// only then swapped in; originals wait in the library's trash.
#[derive(Debug, Parser)]
#[command(
    name = "media-converter",
    version,
    after_help = EXIT_CODES,
    max_term_width = 100,
    subcommand_help_heading = "Subcommands",
    subcommand_value_name = "SUBCOMMAND",
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Scan(scan::ScanArgs),
    Query(query::QueryArgs),
    Stats(query::StatsArgs),
    Probe(probe::ProbeArgs),
    Verify(verify::VerifyArgs),
    Check(check::CheckArgs),
    Locks(locks::LocksArgs),
    Status(status::StatusArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    History(history::HistoryArgs),
    Undo(undo::UndoArgs),
    Retry(retry::RetryArgs),
    Config(config::ConfigArgs),
    Profiles(profiles::ProfilesArgs),
    Caps(caps::CapsArgs),
    Doctor(doctor::DoctorArgs),
    Setup(setup::SetupArgs),
    Service(service::ServiceArgs),
    Schedule(schedule::ScheduleArgs),
    Completions(completions::CompletionsArgs),
}

/// Shown at the end of `--help` and in docs/cli.md.
const EXIT_CODES: &str = "\
Exit codes:
    0  all well, also where there was nothing to do
    1  at least one file failed; the others are done
    2  wrong usage or a wrong configuration
    3  ffmpeg or ffprobe is missing or does not run
    4  the library is missing, unwritable, or not the one it was
    5  this machine is sick and has withdrawn itself; others can do its files
   10  `locks` found stale claims
   20  `setup --require-gpu` found no graphics adapter that encodes
   70  a bug of ours
  130  interrupted";

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Well,
    /// The run is over, and some file failed.
    SomeFailed,
    /// `locks` found stale claims.
    Stale,
    /// As an error of this kind would end, but already told.
    Of(Kind),
    /// With the exit code that the subcommand documents; told already.
    Code(u8),
}

impl Ending {
    fn code(self) -> u8 {
        match self {
            Ending::Well => 0,
            Ending::SomeFailed => 1,
            Ending::Stale => 10,
            Ending::Of(kind) => kind.exit_code(),
            Ending::Code(code) => code,
        }
    }
}

/// The program's entry: parses the arguments, runs, and returns the documented exit code.
pub fn main() -> ExitCode {
    if std::env::args_os().len() < 2 {
        crate::ui::out(&format!("{}\n", Cli::command().render_help()));
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version come here, too, and are no errors.
            let code = if error.use_stderr() { Kind::Usage.exit_code() } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    ExitCode::from(end(&cli))
}

/// Runs once more with these words, as a service does after each rest; its exit code.
fn again(words: &[String]) -> u8 {
    match Cli::try_parse_from(words) {
        Ok(cli) => end(&cli),
        Err(_) => Kind::Usage.exit_code(),
    }
}

/// Runs, and tells how it ended.
fn end(cli: &Cli) -> u8 {
    let look = session::first_look(&cli.common, cli.wants_json());
    match std::panic::catch_unwind(|| dispatch(cli, look)) {
        Ok(Ok(ending)) => ending.code(),
        Ok(Err(error)) => {
            look.error(&error);
            error.kind.exit_code()
        }
        Err(_) => {
            let error = Error::new(Kind::Internal, "go on").because("the program met a state it did not expect").hint(
                "This is a bug of ours: no media file is harmed by it, claims go stale by themselves. Please report the lines above.",
            );
            look.error(&error);
            Kind::Internal.exit_code()
        }
    }
}

impl Cli {
    fn wants_json(&self) -> bool {
        match &self.command {
            None => self.run.json,
            Some(Command::Scan(args)) => args.json,
            Some(Command::Query(args)) => args.json,
            Some(Command::Stats(args)) => args.json,
            Some(Command::Probe(args)) => args.json,
            Some(Command::Locks(args)) => args.json,
            Some(Command::Status(args)) => args.json,
            Some(Command::History(args)) => args.json,
            Some(Command::Undo(args)) => args.json,
            Some(Command::Verify(args)) => args.json,
            Some(Command::Check(args)) => args.json,
            Some(Command::Retry(args)) => args.json,
            Some(Command::Config(args)) => args.json(),
            Some(Command::Profiles(args)) => args.json(),
            Some(Command::Caps(args)) => args.json,
            Some(Command::Doctor(args)) => args.json,
            Some(Command::Setup(args)) => args.json,
            Some(
                Command::Pause(_)
                | Command::Resume(_)
                | Command::Service(_)
                | Command::Schedule(_)
                | Command::Completions(_),
            ) => false,
        }
    }
}

fn dispatch(cli: &Cli, look: crate::ui::Look) -> Result<Ending> {
    let common = &cli.common;
    match &cli.command {
        None => run::run(&cli.run, common, look),
        Some(Command::Scan(args)) => scan::run(args, common, look),
        Some(Command::Query(args)) => query::run(args, common, look),
        Some(Command::Stats(args)) => query::stats(args, common, look),
        Some(Command::Probe(args)) => probe::run(args, common, look),
        Some(Command::Locks(args)) => locks::run(args, common, look),
        Some(Command::Status(args)) => status::run(args, common, look),
        Some(Command::Pause(args)) => pause::pause(args, common, look),
        Some(Command::Resume(args)) => pause::resume(args, common, look),
        Some(Command::History(args)) => history::run(args, common, look),
        Some(Command::Undo(args)) => undo::run(args, common, look),
        Some(Command::Verify(args)) => verify::run(args, common, look),
        Some(Command::Check(args)) => check::run(args, common, look),
        Some(Command::Retry(args)) => retry::run(args, common, look),
        Some(Command::Config(args)) => config::run(args, common, look),
        Some(Command::Profiles(args)) => profiles::run(args, common, look),
        Some(Command::Caps(args)) => caps::run(args, common, look),
        Some(Command::Doctor(args)) => doctor::run(args, common, look),
        Some(Command::Setup(args)) => setup::run(args, common, look),
        Some(Command::Service(args)) => service::run(args, look),
        Some(Command::Schedule(args)) => schedule::run(args, look),
        Some(Command::Completions(args)) => Ok(completions::run(args)),
    }
}
