//! What a run looks like at this moment, kept from its events, and its lines for a terminal of some width. Pure: time comes in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::paint::Paint;
use super::text;
use crate::model::event::{Event, JobId, Progress, Stage, Standing};
use crate::model::outcome::{FailCode, Outcome};

/// The run so far.
#[derive(Clone, Debug)]
pub struct View {
    dirs: Vec<PathBuf>,
    started: Instant,
    /// Media files seen, and whether there may be more.
    pub found: u64,
    pub walk_done: bool,
    pub converted: u64,
    pub skipped: u64,
    pub failed: u64,
    pub planned: u64,
    dry_run: bool,
    before: u64,
    after: u64,
    pub jobs: BTreeMap<JobId, Job>,
    standing: Standing,
}

/// One running job.
#[derive(Clone, Debug)]
pub struct Job {
    path: PathBuf,
    pub name: String,
    pub bytes: u64,
    pub stage: Stage,
    pub progress: Progress,
    /// When the progress was told; its ETA runs down from there.
    told: Instant,
}

/// The stage in one word of at most ten letters.
pub fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Probing => "looking",
        Stage::Waiting => "waiting",
        Stage::Encoding => "encoding",
        Stage::Verifying => "verifying",
        Stage::Committing => "swapping in",
    }
}

impl View {
    pub fn new(now: Instant) -> Self {
        Self {
            dirs: Vec::new(),
            started: now,
            found: 0,
            walk_done: false,
            converted: 0,
            skipped: 0,
            failed: 0,
            planned: 0,
            dry_run: false,
            before: 0,
            after: 0,
            jobs: BTreeMap::new(),
            standing: Standing::Working,
        }
    }

    /// Takes an event in.
    pub fn take(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RunStarted { dirs, dry_run, .. } => {
                self.dirs.clone_from(dirs);
                self.dry_run = *dry_run;
                self.started = now;
            }
            Event::Walked { files, done, .. } => {
                self.found = *files;
                self.walk_done = *done;
            }
            Event::Planned { .. } => self.planned += u64::from(self.dry_run),
            Event::Skipped { path, .. } => {
                self.skipped += 1;
                // A job can find under its claim that there is nothing to do.
                self.jobs.retain(|_, job| job.path != *path);
            }
            Event::JobStarted { job, path, bytes } => {
                let name = text::below(path, &self.dirs);
                let progress = Progress::default();
                let path = path.clone();
                let begun = Job { path, name, bytes: *bytes, stage: Stage::Probing, progress, told: now };
                self.jobs.insert(*job, begun);
            }
            Event::JobStage { job, stage } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.stage = *stage;
                    job.progress = Progress::default();
                    job.told = now;
                }
            }
            Event::JobProgress { job, progress } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.progress = *progress;
                    job.told = now;
                }
            }
            Event::JobEnded { job, outcome, .. } => {
                self.jobs.remove(job);
                match outcome.as_ref() {
                    Outcome::Converted(converted) => {
                        self.converted += 1;
                        self.before += converted.bytes_before;
                        self.after += converted.bytes_after;
                    }
                    Outcome::Skipped(_) => self.skipped += 1,
                    Outcome::Failed(failed) if failed.code == FailCode::Interrupted => {}
                    Outcome::Failed(_) => self.failed += 1,
                }
            }
            Event::Standing { standing, .. } => self.standing = *standing,
            Event::Note { .. } | Event::Jobs { .. } | Event::RunEnded { .. } => {}
        }
    }

    /// Files that are settled.
    pub fn done(&self) -> u64 {
        self.converted + self.skipped + self.failed + self.planned
    }

    /// Part of the files that is settled; running jobs count with their own part.
    pub fn fraction(&self) -> Option<f64> {
        if !self.walk_done || self.found == 0 {
            return None;
        }
        let running: f64 = self.jobs.values().filter_map(|job| job.progress.fraction).sum();
        Some(((self.done() as f64 + running) / self.found as f64).clamp(0.0, 1.0))
    }

    /// Counts that matter, in words: `12 converted, 1 failed, 21.1 GiB saved`.
    pub fn counts(&self) -> String {
        let mut parts = Vec::new();
        match self.standing {
            Standing::Working => {}
            Standing::Holding => parts.push("HOLDING".to_owned()),
            Standing::Paused => parts.push("PAUSED".to_owned()),
            Standing::Leaving => parts.push("LEAVING".to_owned()),
        }
        if self.dry_run {
            parts.push(format!("{} to convert", self.planned));
        } else {
            parts.push(format!("{} converted", self.converted));
        }
        if self.skipped > 0 {
            parts.push(format!("{} left alone", self.skipped));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        match self.before.cmp(&self.after) {
            std::cmp::Ordering::Greater => {
                parts.push(format!("{} saved", text::bytes(self.before - self.after)));
            }
            std::cmp::Ordering::Less => parts.push(format!("{} more", text::bytes(self.after - self.before))),
            std::cmp::Ordering::Equal => {}
        }
        parts.join(", ")
    }

    /// `12/348 files`, or what is known while the walk goes on.
    pub fn files(&self) -> String {
        let found = self.found.max(self.done());
        let more = if self.walk_done { "" } else { "+" };
        format!("{}/{found}{more} files", self.done())
    }

    /// The line at the bottom.
    pub fn overall_line(&self, columns: usize, paint: Paint, now: Instant) -> String {
        let took = text::time(now.saturating_duration_since(self.started).as_secs_f64());
        let files = self.files();
        let mut left = columns.saturating_sub(text::width(&files) + text::width(&took) + 4);
        let bar_columns = if left >= 60 {
            24
        } else if left >= 40 {
            12
        } else {
            0
        };
        let mut line = paint.strong(&files);
        if bar_columns > 0 {
            line.push_str("  ");
            line.push_str(&bar(
                self.fraction(),
                bar_columns,
                paint,
                now.saturating_duration_since(self.started),
            ));
            left -= bar_columns + 2;
        }
        line.push_str("  ");
        line.push_str(&text::shorten(&self.counts(), left));
        line.push_str("  ");
        line.push_str(&paint.faint(&took));
        line
    }

    /// A running job's line: fixed columns first, the name gets what is left.
    pub fn job_line(&self, id: JobId, columns: usize, paint: Paint, now: Instant) -> String {
        let Some(job) = self.jobs.get(&id) else { return String::new() };
        let progress = &job.progress;
        let waited = now.saturating_duration_since(job.told);
        let percent = progress
            .fraction
            .map_or(String::new(), |part| format!("{:.0} %", (part * 100.0).clamp(0.0, 100.0)));
        let mut line = format!("{:<11} {percent:>5}", stage_word(job.stage));
        let mut used = text::width(&line);
        if columns >= 72 {
            line.push(' ');
            let bar_columns = if columns >= 110 { 20 } else { 10 };
            line.push_str(&bar(progress.fraction, bar_columns, paint, waited));
            used += bar_columns + 1;
        }
        if columns >= 56 {
            let fps = progress.fps.map_or(String::new(), |fps| format!("{fps:.0} fps"));
            let speed = progress.speed.map_or(String::new(), |speed| format!("{speed:.1}x"));
            line.push_str(&format!(" {fps:>8} {speed:>6}"));
            used += 16;
        }
        if columns >= 44 {
            // Between two reports the time left runs down by itself.
            let left = progress.eta.map(|eta| (eta - waited.as_secs_f64()).max(0.0));
            line.push_str(&format!(
                " {:>8}",
                left.map_or(String::new(), |left| format!("-{}", text::time(left)))
            ));
            used += 9;
        }
        line.push_str("  ");
        line.push_str(&paint.name(&text::shorten(&job.name, columns.saturating_sub(used + 2))));
        line
    }

    /// One line about everything that runs, for a log.
    pub fn log_line(&self, now: Instant) -> String {
        let mut line = format!("{}, {}", self.files(), self.counts());
        for job in self.jobs.values() {
            line.push_str(&format!("; {} {}", stage_word(job.stage), job.name));
            if let Some(part) = job.progress.fraction {
                line.push_str(&format!(" {:.0} %", part * 100.0));
            }
            if let Some(speed) = job.progress.speed {
                line.push_str(&format!(" at {speed:.1}x"));
            }
            if let Some(eta) = job.progress.eta {
                let waited = now.saturating_duration_since(job.told).as_secs_f64();
                line.push_str(&format!(", {} left", text::time((eta - waited).max(0.0))));
            }
        }
        line
    }
}

/// A bar that can be read without colours; a block wanders through it while the end is unknown.
pub fn bar(fraction: Option<f64>, columns: usize, paint: Paint, waited: Duration) -> String {
    let Some(fraction) = fraction else {
        let block = 3.min(columns);
        let positions = columns - block + 1;
        let at = (waited.as_millis() / 250) as usize % positions;
        let (before, after) = ("─".repeat(at), "─".repeat(columns - block - at));
        return format!("{}{}{}", paint.faint(&before), paint.good(&"━".repeat(block)), paint.faint(&after));
    };
    let halves = (fraction.clamp(0.0, 1.0) * columns as f64 * 2.0).floor() as usize;
    let (full, half) = (halves / 2, halves % 2);
    let filled = format!("{}{}", "━".repeat(full), if half == 1 { "╸" } else { "" });
    format!("{}{}", paint.good(&filled), paint.faint(&"─".repeat(columns - full - half)))
}
