//! Events in words: the lines that stand above the bars, and those of a log. Pure.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::paint::Paint;
use super::{Verbosity, plans, text};
use crate::model::event::{Event, Level, Standing};
use crate::model::outcome::{Converted, FailCode, Failed, Outcome};
use crate::model::plan::{Plan, Skip, SkipCode};

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A dry run's plan is what was asked for: data.
    Out,
    Err,
}

/// Some lines about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub stream: Stream,
    pub level: Level,
    /// Several lines are separated by `\n`; continuation lines are indented.
    pub text: String,
}

/// Knows the run's folders, so that paths can be short.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub verbosity: Verbosity,
    pub paint: Paint,
    dirs: Vec<PathBuf>,
    dry_run: bool,
    /// Files that a job has begun with.
    begun: BTreeSet<PathBuf>,
}

/// Continuation lines stand under the text behind the verb.
const INDENT: &str = "            ";

impl Speaker {
    pub fn new(verbosity: Verbosity, paint: Paint) -> Self {
        Self { verbosity, paint, dirs: Vec::new(), dry_run: false, begun: BTreeSet::new() }
    }

    /// The path as people are shown it.
    pub fn short(&self, path: &std::path::Path) -> String {
        text::below(path, &self.dirs)
    }

    /// What there is to say about an event, besides progress and the summary.
    pub fn say(&mut self, event: &Event) -> Option<Said> {
        match event {
            Event::RunStarted { dirs, profile, jobs, dry_run } => {
                self.dirs.clone_from(dirs);
                self.dry_run = *dry_run;
                let jobs = match jobs {
                    1 => "one file at a time".to_owned(),
                    most => format!("up to {most} files at once"),
                };
                let what = if *dry_run { "dry run, nothing is changed" } else { "starting" };
                self.at(Level::Info, "run", &format!("{what}: profile {profile}, {jobs}"), &[])
            }
            Event::Planned { path, plan } => self.planned(path, plan),
            Event::Skipped { path, skip } => {
                let said = self.skipped(path, skip);
                self.begun.remove(path);
                said
            }
            Event::JobStarted { path, .. } => {
                self.begun.insert(path.clone());
                None
            }
            Event::JobStage { .. }
            | Event::JobProgress { .. }
            | Event::Walked { .. }
            | Event::RunEnded { .. } => None,
            Event::Standing { standing, why } => {
                let (level, verb, words) = match standing {
                    Standing::Working => (Level::Info, "working", "on again"),
                    Standing::Holding => (Level::Info, "holding", "no new file is begun"),
                    Standing::Paused => (Level::Info, "paused", "the running files stand still"),
                    // Its note says more.
                    Standing::Leaving => return None,
                };
                let why = why.as_ref().map(|why| format!("{}; ", text::clean(why))).unwrap_or_default();
                self.at(level, verb, &format!("{why}{words}"), &[])
            }
            Event::Jobs { jobs, why } => {
                let jobs = text::counted(*jobs as u64, "job");
                self.at(Level::Debug, "jobs", &format!("{jobs} at once: {why}"), &[])
            }
            Event::JobEnded { path, outcome, .. } => {
                let said = match outcome.as_ref() {
                    Outcome::Converted(converted) => self.converted(path, converted),
                    Outcome::Skipped(skip) => self.skipped(path, skip),
                    Outcome::Failed(failed) => self.failed(path, failed),
                };
                self.begun.remove(path);
                said
            }
            Event::Note { level, path, text } => {
                let text = match path {
                    Some(path) => format!("{}: {}", self.short(path), text::clean(text)),
                    None => text::clean(text),
                };
                let verb = match level {
                    Level::Debug => "debug",
                    Level::Info => "note",
                    Level::Warn => "warning",
                    Level::Error => "error",
                };
                self.at(*level, verb, &text, &[])
            }
        }
    }

    /// One line with its verb in a column of its own, and continuation lines under it.
    fn at(&self, level: Level, verb: &str, first: &str, more: &[String]) -> Option<Said> {
        let wanted = match self.verbosity {
            Verbosity::Quiet => level >= Level::Warn,
            Verbosity::Normal => level >= Level::Info,
            Verbosity::Verbose => true,
        };
        wanted.then(|| {
            let padded = format!("{verb:<11}");
            let verb = match level {
                Level::Error => self.paint.bad(&padded),
                Level::Warn => self.paint.warn(&padded),
                Level::Info if verb == "converted" => self.paint.good(&padded),
                Level::Info | Level::Debug => self.paint.faint(&padded),
            };
            let mut text = format!("{verb} {first}");
            for line in more {
                text.push('\n');
                text.push_str(INDENT);
                text.push_str(line);
            }
            Said { stream: Stream::Err, level, text }
        })
    }

    fn planned(&self, path: &std::path::Path, plan: &Plan) -> Option<Said> {
        let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let output = text::clean(&plan.output_name(&stem));
        let first = format!("{} → {}", self.short(path), self.paint.name(&output));
        let more: Vec<String> = plans::lines(plan).iter().map(|line| text::clean(line)).collect();
        let verb = if self.dry_run { "convert" } else { "plan" };
        let level = if self.dry_run { Level::Info } else { Level::Debug };
        let mut said = self.at(level, verb, &first, &more)?;
        if self.dry_run {
            said.stream = Stream::Out;
        }
        Some(said)
    }

    fn skipped(&self, path: &std::path::Path, skip: &Skip) -> Option<Said> {
        // A run over a converted library skips nearly everything; only what somebody else is doing right now is news, and what
        // was worked on in vain.
        let news = self.dry_run || self.begun.contains(path) || skip.code == SkipCode::Claimed;
        let level = if news { Level::Info } else { Level::Debug };
        let mut said =
            self.at(level, "skip", &format!("{}: {}", self.short(path), text::clean(&skip.words)), &[])?;
        if self.dry_run {
            said.stream = Stream::Out;
        }
        Some(said)
    }

    fn converted(&self, path: &std::path::Path, converted: &Converted) -> Option<Said> {
        // The folder and mostly the stem are the source's: only what is new is worth the room.
        let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let output = converted.output.strip_prefix(&stem).filter(|rest| rest.starts_with('.'));
        let mut first = format!(
            "{} → {}  {}  in {}",
            self.short(path),
            self.paint.name(&text::clean(output.unwrap_or(&converted.output))),
            text::change(converted.bytes_before, converted.bytes_after),
            text::took(converted.total_seconds),
        );
        if let Some(encoder) = &converted.encoder {
            first.push_str(&format!("  by {encoder}"));
        }
        let failed = converted.instead_of.iter().map(|why| format!("first tried: {}", text::clean(why)));
        let lost = converted.lost.iter().map(|lost| format!("without {}", text::clean(lost)));
        let more: Vec<String> = failed.chain(lost).collect();
        self.at(Level::Info, "converted", &first, &more)
    }

    fn failed(&self, path: &std::path::Path, failed: &Failed) -> Option<Said> {
        if failed.code == FailCode::Interrupted {
            return self.at(
                Level::Info,
                "dropped",
                &format!("{}: it stays as it was", self.short(path)),
                &[],
            );
        }
        let mut first = format!("{}: {}", self.short(path), failed.code.words());
        // Errors name their path for whoever reads them alone; here it stands a few words before.
        let words = failed.words.replace(&format!(" {}", path.display()), "");
        if !words.is_empty() {
            first.push_str(&format!(": {}", text::clean(&words)));
        }
        let mut more: Vec<String> =
            failed.hint.iter().map(|hint| format!("hint: {}", text::clean(hint))).collect();
        if self.verbosity == Verbosity::Verbose
            && let Some(stderr) = &failed.stderr
        {
            more.extend(stderr.lines().map(|line| format!("| {}", text::clean(line))));
        }
        self.at(Level::Error, "failed", &first, &more)
    }
}
