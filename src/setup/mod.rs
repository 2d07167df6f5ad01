//! What makes a machine ready for work: ffmpeg, its place in PATH, a look at the graphics, a real encode; and who starts
//! us: services and timers.
//!
//! Promises: a list of steps, each with its ending and its reason; after a fatal one, what the earlier ones replaced is
//! put back; an interrupted set-up is put right by the next. What is downloaded is used only with the SHA-256 that the
//! caller gave. Never asks anything, never removes what it did not put there.

pub mod fetch;
mod ffmpeg;
mod hardware;
mod launchd;
mod packages;
mod path;
mod program;
pub mod report;
pub mod schedule;
pub mod service;
mod trial;
pub mod units;
mod unpack;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::ffmpeg::tools::Tools;
use crate::model::error::{Error, Kind};
use crate::sys::{self, graphics::Adapter, stop::Stop};
use report::{Report, State, Step};

/// `--require-gpu` and no graphics adapter encodes.
pub const NO_GPU: u8 = 20;

/// Where a missing ffmpeg is to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The system's package manager.
    Packages,
    /// An archive at an address.
    Url { url: String, sha256: String },
    /// A folder that holds an archive or the programs; no network is used.
    Folder { folder: PathBuf, sha256: Option<String> },
}

/// What the user wants.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub source: Source,
    /// Where programs of ours go, and what is put in PATH.
    pub programs: PathBuf,
    /// Where an unfinished download waits for the next try.
    pub downloads: PathBuf,
    /// The user's home, for the shell's profile.
    pub home: Option<PathBuf>,
    /// Programs that the user names.
    pub ffmpeg: Option<PathBuf>,
    pub ffprobe: Option<PathBuf>,
    pub require_gpu: bool,
    /// Says what it would do, and changes nothing.
    pub dry_run: bool,
    /// Does again what is done already.
    pub force: bool,
    /// Leaves PATH alone.
    pub keep_path: bool,
    /// Copies this very program to the others.
    pub install: bool,
    /// Where the user's settings lie, for units of their own.
    pub config: Option<PathBuf>,
}

/// Somebody who watches.
pub trait Watch {
    /// A step begins.
    fn begins(&self, name: &str);
    /// Bytes so far, and of how many.
    fn progress(&self, done: u64, total: Option<u64>);
    /// A step that takes its time says what it does.
    fn note(&self, text: &str);
    /// A step has ended.
    fn ended(&self, step: &Step);
}

/// What a step hands to those after it.
pub struct Context<'a> {
    pub wishes: &'a Wishes,
    pub watch: &'a dyn Watch,
    pub adapters: Vec<Adapter>,
    pub tools: Option<Tools>,
    /// Folders that programs were put into.
    pub installed: Vec<PathBuf>,
    undo: Vec<Undo>,
    finish: Vec<Box<dyn FnOnce()>>,
}

struct Undo {
    what: String,
    act: Box<dyn FnOnce() -> io::Result<()>>,
}

impl Context<'_> {
    /// Remembers how to take back what was just done. Done in reverse order after a fatal step.
    fn can_undo(&mut self, what: impl Into<String>, act: impl FnOnce() -> io::Result<()> + 'static) {
        self.undo.push(Undo { what: what.into(), act: Box::new(act) });
    }

    /// Something to be done only once nothing can fail any more.
    fn at_the_end(&mut self, act: impl FnOnce() + 'static) {
        self.finish.push(Box::new(act));
    }
}

/// How a step ended, by the step itself.
#[derive(Debug)]
pub enum Ending {
    /// All is as it should be.
    Fine(String),
    /// It is now.
    Changed(String),
    /// Nothing was done.
    Skipped(String),
    /// Not as it should be, but one can work; and what to do.
    Warning(String, String),
}

/// One thing to do.
pub struct Task {
    pub name: &'static str,
    pub work: fn(&mut Context) -> Result<Ending, Fatal>,
}

/// A failure that ends the set-up.
#[derive(Debug)]
pub struct Fatal {
    pub reason: String,
    pub advice: Option<String>,
    pub exit_code: u8,
}

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        let exit_code = error.kind.exit_code();
        Self { reason: error.line(), advice: error.hint, exit_code }
    }
}

/// The set-up of a worker.
pub const WORKER: &[Task] = &[
    Task { name: "graphics", work: hardware::look },
    Task { name: "ffmpeg", work: ffmpeg::have },
    Task { name: "program", work: program::put },
    Task { name: "path", work: path::put },
    Task { name: "encode", work: trial::encode },
];

/// The way back: what earlier set-ups, `service install` and `schedule install` left on this machine.
pub const UNINSTALL: &[Task] = &[
    Task { name: "service", work: program::no_service },
    Task { name: "schedule", work: program::no_schedule },
    Task { name: "path", work: program::no_path },
    Task { name: "programs", work: program::remove },
];

/// Does one after the other; ends with what came of each.
pub fn run(wishes: &Wishes, tasks: &[Task], watch: &dyn Watch) -> Report {
    let mut context = Context {
        wishes,
        watch,
        adapters: Vec::new(),
        tools: None,
        installed: Vec::new(),
        undo: Vec::new(),
        finish: Vec::new(),
    };
    let mut report = Report::begin(wishes.dry_run);
    let mut failed = None;
    for task in tasks {
        let began = Instant::now();
        watch.begins(task.name);
        let ending = if failed.is_some() {
            Ok(Ending::Skipped("an earlier step failed".to_owned()))
        } else if sys::stop::asked() > Stop::No {
            Err(Fatal::from(Error::new(Kind::Interrupted, "go on: we were asked to stop")))
        } else {
            (task.work)(&mut context)
        };
        let (state, reason, advice) = match ending {
            Ok(Ending::Fine(reason)) => (State::Ok, reason, None),
            Ok(Ending::Changed(reason)) => (State::Changed, reason, None),
            Ok(Ending::Skipped(reason)) => (State::Skipped, reason, None),
            Ok(Ending::Warning(reason, advice)) => (State::Failed, reason, Some(advice)),
            Err(fatal) => {
                failed = Some(fatal.exit_code);
                (State::Failed, fatal.reason, fatal.advice)
            }
        };
        let fatal = state == State::Failed && failed.is_some();
        let seconds = began.elapsed().as_secs_f64();
        let step = Step { name: task.name.to_owned(), state, fatal, reason, advice, seconds };
        watch.ended(&step);
        report.steps.push(step);
    }
    match failed {
        Some(code) => {
            report.exit_code = code;
            for Undo { what, act } in context.undo.into_iter().rev() {
                report.put_back.push(match act() {
                    Ok(()) => what,
                    Err(error) => format!("{what}: could not be put back: {error}"),
                });
            }
        }
        None => context.finish.into_iter().for_each(|act| act()),
    }
    report.ffmpeg = context.tools.filter(|_| failed.is_none()).map(|tools| tools.ffmpeg);
    report.end();
    report
}
