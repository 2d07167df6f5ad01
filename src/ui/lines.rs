//! Sober lines for a log: what happened, and how far it is at growing intervals.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::paint::Paint;
use super::view::View;
use super::words::{Said, Speaker, Stream};
use super::{Clock, Verbosity, print, summary, text};
use crate::model::event::{Event, Level, Sink};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `2026-11-20T21:04:05 converted   a.mkv → a.mp4 …`
    Text,
    /// One JSON object a line: `at`, `level`, `text`.
    Json,
}

/// Waits between two lines of progress; the last one is repeated.
const INTERVALS: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// Lines on stderr.
#[derive(Debug)]
pub struct Lines {
    form: Form,
    clock: Clock,
    verbosity: Verbosity,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    speaker: Speaker,
    view: View,
    dry_run: bool,
    last: Instant,
    told: usize,
}

impl Lines {
    pub fn new(form: Form, clock: Clock, verbosity: Verbosity, paint: Paint) -> Self {
        let now = Instant::now();
        let paint = if form == Form::Json { Paint::PLAIN } else { paint };
        let inner = Inner {
            speaker: Speaker::new(verbosity, paint),
            view: View::new(now),
            dry_run: false,
            last: now,
            told: 0,
        };
        Self { form, clock, verbosity, inner: Mutex::new(inner) }
    }

    /// What there is to write about an event at this time.
    fn lines(&self, event: &Event, now: Instant) -> Vec<Said> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.view.take(event, now);
        let mut said = Vec::new();
        match event {
            Event::RunStarted { dry_run, .. } => {
                inner.dry_run = *dry_run;
                inner.last = now;
            }
            Event::JobStarted { path, bytes, .. } if self.verbosity != Verbosity::Quiet => {
                let text =
                    format!("{:<11} {} ({})", "starting", inner.speaker.short(path), text::bytes(*bytes));
                said.push(Said { stream: Stream::Err, level: Level::Info, text });
            }
            Event::RunEnded { summary } if self.verbosity != Verbosity::Quiet => {
                let lines = summary::lines(summary, inner.dry_run, inner.speaker.paint);
                said.extend(lines.into_iter().map(|text| Said {
                    stream: Stream::Err,
                    level: Level::Info,
                    text,
                }));
            }
            _ => {}
        }
        said.extend(inner.speaker.say(event));
        let interval = INTERVALS[inner.told.min(INTERVALS.len() - 1)];
        if self.verbosity != Verbosity::Quiet
            && matches!(event, Event::JobProgress { .. } | Event::Walked { .. })
            && now.saturating_duration_since(inner.last) >= interval
        {
            inner.last = now;
            inner.told += 1;
            let text = format!("{:<11} {}", "progress", inner.view.log_line(now));
            said.push(Said { stream: Stream::Err, level: Level::Info, text });
        }
        said
    }

    fn write(&self, said: &Said) {
        match (said.stream, self.form) {
            (Stream::Out, _) => print::out(&format!("{}\n", said.text)),
            (Stream::Err, form) => write(form, &self.clock, said.level, &said.text),
        }
    }
}

/// One message in this form to stderr.
pub(super) fn write(form: Form, clock: &Clock, level: Level, text: &str) {
    let wall = (clock.wall)();
    match form {
        Form::Text => {
            let iso = (clock.iso)(wall);
            // Microseconds are for machines.
            let stamp = iso.split('.').next().unwrap_or(&iso);
            print::err(&format!("{stamp} {}", text.replace('\n', &format!("\n{stamp} "))));
        }
        Form::Json => {
            // A column of verbs is for eyes; a log collector wants one line of text.
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let level = super::ndjson::level_word(level);
            let line = serde_json::json!({ "at": wall, "level": level, "text": flat });
            print::err(&line.to_string());
        }
    }
}

impl Sink for Lines {
    fn emit(&self, event: &Event) {
        for said in self.lines(event, Instant::now()) {
            self.write(&said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Progress;

    fn progress_at(lines: &Lines, start: Instant, second: u64) -> usize {
        let event = Event::JobProgress { job: 1, progress: Progress::default() };
        lines.lines(&event, start + Duration::from_secs(second)).len()
    }

    #[test]
    fn progress_is_told_at_growing_intervals() {
        let clock = Clock { wall: || 0.0, iso: |_| String::new() };
        let lines = Lines::new(Form::Text, clock, Verbosity::Normal, Paint::PLAIN);
        let start = Instant::now();
        let begun = Event::RunStarted { dirs: vec![], profile: "universal".into(), jobs: 1, dry_run: false };
        assert_eq!(lines.lines(&begun, start).len(), 1);
        let told: Vec<u64> = (1..=2000).filter(|second| progress_at(&lines, start, *second) > 0).collect();
        assert_eq!(told, [10, 40, 100, 400, 1000, 1600]);
    }

    #[test]
    fn quiet_tells_no_progress_and_no_summary() {
        let clock = Clock { wall: || 0.0, iso: |_| String::new() };
        let lines = Lines::new(Form::Text, clock, Verbosity::Quiet, Paint::PLAIN);
        let start = Instant::now();
        assert!((1..=2000).all(|second| progress_at(&lines, start, second) == 0));
        assert!(lines.lines(&Event::RunEnded { summary: Box::default() }, start).is_empty());
    }
}
