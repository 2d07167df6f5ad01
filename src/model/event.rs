//! What happens during a run, told to whoever listens: bars, log lines, NDJSON.

use std::path::PathBuf;

use super::outcome::Outcome;
use super::plan::{Plan, Skip};

/// One running job, unique within the process.
pub type JobId = u64;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins.
    RunStarted { dirs: Vec<PathBuf>, profile: String, jobs: usize, dry_run: bool },
    /// The walk has seen this many media files so far; `done` when it has ended.
    Walked { files: u64, bytes: u64, done: bool },
    /// The dry run's plan, or the plan of a job about to start.
    Planned { path: PathBuf, plan: Box<Plan> },
    /// A file was left alone.
    Skipped { path: PathBuf, skip: Skip },
    /// A claim was taken and the job begins.
    JobStarted { job: JobId, path: PathBuf, bytes: u64 },
    /// A job entered a new stage.
    JobStage { job: JobId, stage: Stage },
    /// Progress of the stage.
    JobProgress { job: JobId, progress: Progress },
    /// The job ended.
    JobEnded { job: JobId, path: PathBuf, outcome: Box<Outcome> },
    /// A finding that is no job's: an unreadable folder, a takeover, a recovered swap.
    Note { level: Level, path: Option<PathBuf>, text: String },
    /// The machine or its people allow other things than before; why, where it is less than everything.
    Standing { standing: Standing, why: Option<String> },
    /// From now on this many jobs at once; why, a clause.
    Jobs { jobs: usize, why: String },
    /// The run ends.
    RunEnded { summary: Box<Summary> },
}

/// Stages of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Probing,
    /// For something that others use up: the encode sessions of a card.
    Waiting,
    Encoding,
    Verifying,
    Committing,
}

/// Whether this machine works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Working,
    /// Running jobs go on, no new ones begin.
    Holding,
    /// Running jobs stand still; their claims are kept alive.
    Paused,
    /// The machine is sick and leaves the work to others.
    Leaving,
}

impl Standing {
    /// Its word on the share and in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Working => "working",
            Standing::Holding => "holding",
            Standing::Paused => "paused",
            Standing::Leaving => "leaving",
        }
    }
}

/// Weight of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Progress within a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Part done, 0 to 1; `None` where the length is unknown.
    pub fraction: Option<f64>,
    /// Frames per second.
    pub fps: Option<f64>,
    /// Times real time.
    pub speed: Option<f64>,
    /// Bytes written so far.
    pub bytes: u64,
    /// Seconds left, by the stage's own speed.
    pub eta: Option<f64>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Conversions in place.
    pub converted: u64,
    /// Skips by reason.
    pub skipped: std::collections::BTreeMap<super::plan::SkipCode, u64>,
    /// Failures by reason.
    pub failed: std::collections::BTreeMap<super::outcome::FailCode, u64>,
    /// Files that a dry run would convert.
    pub planned: u64,
    /// Bytes of the converted originals.
    pub bytes_before: u64,
    /// Bytes of their results.
    pub bytes_after: u64,
    /// Seconds.
    pub seconds: f64,
    /// The run was stopped before its end.
    pub interrupted: bool,
    /// Half-done work of dead workers that this run finished or undid.
    pub recovered: u64,
    /// Why the machine withdrew itself, where it did.
    pub withdrawn: Option<String>,
}

/// Somebody who listens. Called from many threads; must not block for long.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);
}
