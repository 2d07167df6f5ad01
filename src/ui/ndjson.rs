//! Events as NDJSON on stdout (`--json`), documented in docs/json.md: types that others parse, so they change only by growing.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Clock, print};
use crate::model::error::{Error, Kind};
use crate::model::event::{Event, JobId, Level, Sink, Stage, Standing, Summary};
use crate::model::outcome::{FailCode, Outcome};
use crate::model::plan::{Plan, SkipCode};

/// Version of everything we print as JSON; grows when something that was there changes or goes.
pub const SCHEMA: u32 = 1;

/// Progress of one job, and of the walk, is told at most this often.
const PACE: Duration = Duration::from_secs(1);

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Line {
    RunStarted {
        at: f64,
        schema: u32,
        version: String,
        dirs: Vec<String>,
        profile: String,
        jobs: usize,
        dry_run: bool,
    },
    Walked {
        at: f64,
        files: u64,
        bytes: u64,
        done: bool,
    },
    Planned {
        at: f64,
        path: String,
        plan: Box<Plan>,
    },
    Skipped {
        at: f64,
        path: String,
        code: SkipCode,
        words: String,
    },
    JobStarted {
        at: f64,
        job: JobId,
        path: String,
        bytes: u64,
    },
    JobStage {
        at: f64,
        job: JobId,
        stage: StageName,
    },
    JobProgress {
        at: f64,
        job: JobId,
        fraction: Option<f64>,
        fps: Option<f64>,
        speed: Option<f64>,
        bytes: u64,
        eta: Option<f64>,
    },
    JobEnded {
        at: f64,
        job: JobId,
        path: String,
        #[serde(flatten)]
        outcome: Box<Outcome>,
    },
    Note {
        at: f64,
        level: String,
        path: Option<String>,
        text: String,
    },
    Standing {
        at: f64,
        standing: StandingName,
        why: Option<String>,
    },
    Jobs {
        at: f64,
        jobs: usize,
        why: String,
    },
    RunEnded {
        at: f64,
        converted: u64,
        planned: u64,
        skipped: BTreeMap<SkipCode, u64>,
        failed: BTreeMap<FailCode, u64>,
        recovered: u64,
        bytes_before: u64,
        bytes_after: u64,
        seconds: f64,
        interrupted: bool,
        #[serde(default)]
        withdrawn: Option<String>,
    },
    /// The run as a whole failed; the last line.
    Error {
        at: f64,
        kind: String,
        message: String,
        hint: Option<String>,
        exit_code: u8,
    },
}

/// Names of stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    Probing,
    Waiting,
    Encoding,
    Verifying,
    Committing,
}

/// Names of standings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingName {
    Working,
    Holding,
    Paused,
    Leaving,
}

/// Names of an error's kinds.
pub fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage => "usage",
        Kind::MissingTool => "missing_tool",
        Kind::Library => "library",
        Kind::Interrupted => "interrupted",
        Kind::Media => "media",
        Kind::Encode => "encode",
        Kind::Verify => "verify",
        Kind::Claim => "claim",
        Kind::Space => "space",
        Kind::Io => "io",
        Kind::Internal => "internal",
    }
}

/// Names of a note's levels.
pub fn level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// JSON has no bytes: what is not Unicode in a path becomes U+FFFD.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Line {
    /// The line for an event.
    pub fn of(event: &Event, at: f64) -> Self {
        match event.clone() {
            Event::RunStarted { dirs, profile, jobs, dry_run } => Line::RunStarted {
                at,
                schema: SCHEMA,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                dirs: dirs.iter().map(|dir| text(dir)).collect(),
                profile,
                jobs,
                dry_run,
            },
            Event::Walked { files, bytes, done } => Line::Walked { at, files, bytes, done },
            Event::Planned { path, plan } => Line::Planned { at, path: text(&path), plan },
            Event::Skipped { path, skip } => {
                Line::Skipped { at, path: text(&path), code: skip.code, words: skip.words }
            }
            Event::JobStarted { job, path, bytes } => Line::JobStarted { at, job, path: text(&path), bytes },
            Event::JobStage { job, stage } => {
                let stage = match stage {
                    Stage::Probing => StageName::Probing,
                    Stage::Waiting => StageName::Waiting,
                    Stage::Encoding => StageName::Encoding,
                    Stage::Verifying => StageName::Verifying,
                    Stage::Committing => StageName::Committing,
                };
                Line::JobStage { at, job, stage }
            }
            Event::JobProgress { job, progress: p } => Line::JobProgress {
                at,
                job,
                fraction: p.fraction,
                fps: p.fps,
                speed: p.speed,
                bytes: p.bytes,
                eta: p.eta,
            },
            Event::JobEnded { job, path, outcome } => Line::JobEnded { at, job, path: text(&path), outcome },
            Event::Note { level, path, text: words } => Line::Note {
                at,
                level: level_word(level).to_owned(),
                path: path.as_deref().map(text),
                text: words,
            },
            Event::Standing { standing, why } => {
                let standing = match standing {
                    Standing::Working => StandingName::Working,
                    Standing::Holding => StandingName::Holding,
                    Standing::Paused => StandingName::Paused,
                    Standing::Leaving => StandingName::Leaving,
                };
                Line::Standing { at, standing, why }
            }
            Event::Jobs { jobs, why } => Line::Jobs { at, jobs, why },
            Event::RunEnded { summary } => Self::ended(*summary, at),
        }
    }

    fn ended(summary: Summary, at: f64) -> Self {
        Line::RunEnded {
            at,
            converted: summary.converted,
            planned: summary.planned,
            skipped: summary.skipped,
            failed: summary.failed,
            recovered: summary.recovered,
            bytes_before: summary.bytes_before,
            bytes_after: summary.bytes_after,
            seconds: summary.seconds,
            interrupted: summary.interrupted,
            withdrawn: summary.withdrawn,
        }
    }

    /// The line for the error that ended the run.
    pub fn error(error: &Error, at: f64) -> Self {
        Line::Error {
            at,
            kind: kind_word(error.kind).to_owned(),
            message: error.line(),
            hint: error.hint.clone(),
            exit_code: error.kind.exit_code(),
        }
    }

    /// As it is printed, with its line feed.
    pub fn write(&self) -> String {
        // Numbers that are no numbers become null; nothing else in these types can fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// Lines on stdout.
#[derive(Debug)]
pub struct Ndjson {
    clock: Clock,
    last: Mutex<HashMap<Option<JobId>, Instant>>,
}

impl Ndjson {
    pub fn new(clock: Clock) -> Self {
        Self { clock, last: Mutex::default() }
    }

    /// Not every step of progress is worth a line.
    fn due(&self, event: &Event, now: Instant) -> bool {
        let key = match event {
            Event::JobProgress { job, .. } => Some(*job),
            Event::Walked { done: false, .. } => None,
            _ => return true,
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.get(&key).is_none_or(|last| now.saturating_duration_since(*last) >= PACE);
        if due {
            last.insert(key, now);
        }
        due
    }
}

impl Sink for Ndjson {
    fn emit(&self, event: &Event) {
        if self.due(event, Instant::now()) {
            print::out(&Line::of(event, (self.clock.wall)()).write());
        }
    }
}
