//! What a release is made with. `cargo xtask --help` says what there is.
//!
//! Nothing here ships; so it may write files, run programs and read the environment, which the product's own code may not.

#![allow(
    clippy::disallowed_methods,
    reason = "a release tool writes files and runs cargo; the fences are for the product"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever makes the release")]

mod archive;
mod deb;
mod dist;
mod papers;
mod sbom;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// What a release of media-converter is made with
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write completions for five shells and the man pages into a folder
    Papers {
        /// The folder
        #[arg(value_name = "DIR")]
        out: PathBuf,
    },
    /// Build archives (and Debian packages) for each target, their SHA256SUMS and the list of parts
    ///
    /// A target that this machine cannot build is left out aloud, unless it was named.
    Dist(dist::DistArgs),
    /// Make a Debian package of a program that is built already
    Deb(deb::DebArgs),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Papers { out } => papers::write(&out),
        Task::Dist(args) => dist::run(&args),
        Task::Deb(args) => deb::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was being done, and why it failed.
type Result<T> = std::result::Result<T, String>;

/// Says what was being done when this failed.
fn doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// The version of what is released.
fn version() -> Result<String> {
    let text = read(&root().join("Cargo.toml"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("version = "))
        .map(|version| version.trim_matches('"').to_owned())
        .ok_or_else(|| "Cargo.toml names no version".to_owned())
}

/// Seconds since 1970 that every file of a release bears: two builds of one commit are the same, byte by byte.
fn date() -> u64 {
    std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .or_else(|| output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root())).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(315_532_800)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(doing(path.display()))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(doing(folder.display()))?;
    }
    std::fs::write(path, bytes).map_err(doing(path.display()))
}

/// Runs a program whose words are for whoever sits there.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(doing(format!("{command:?}")))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

/// What a program says.
fn output(command: &mut Command) -> Result<String> {
    let done = command.output().map_err(doing(format!("{command:?}")))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim()))
    }
}

/// Whether PATH has such a program.
fn have(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path)
            .any(|folder| ["", ".exe"].iter().any(|end| folder.join(format!("{program}{end}")).is_file()))
    })
}
