//! Bars on a terminal: one line per running job, one for the whole run at the bottom, everything else above them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint::Paint;
use super::view::View;
use super::words::{Speaker, Stream};
use super::{Verbosity, print, summary};
use crate::model::event::{Event, JobId, Sink};

/// Redraws per second: enough for a block that wanders, little enough for a slow connection.
const REDRAWS: u8 = 8;
/// The bars move by themselves this often, so that a silent ffmpeg does not look like a dead program.
const TICK: Duration = Duration::from_millis(250);

/// The bars.
pub struct Bars {
    multi: MultiProgress,
    width: Arc<dyn Fn() -> usize + Send + Sync>,
    paint: Paint,
    state: Arc<Mutex<View>>,
    inner: Mutex<Inner>,
}

struct Inner {
    speaker: Speaker,
    dry_run: bool,
    overall: Option<ProgressBar>,
    jobs: BTreeMap<JobId, ProgressBar>,
}

impl std::fmt::Debug for Bars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bars").finish_non_exhaustive()
    }
}

/// A thread that panicked while it drew leaves numbers behind that are good enough to draw.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bars {
    /// Bars on stderr.
    pub fn on_stderr(verbosity: Verbosity, paint: Paint) -> Self {
        let terminal = console::Term::stderr();
        // One column is left free: a full last column makes some terminals wrap.
        let width = move || usize::from(terminal.size().1).saturating_sub(1).clamp(20, 200);
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
        let bars = Self::on(target, Arc::new(width), verbosity, paint);
        print::set_bars(Some(bars.multi.clone()));
        bars
    }

    pub(super) fn on(
        target: ProgressDrawTarget,
        width: Arc<dyn Fn() -> usize + Send + Sync>,
        verbosity: Verbosity,
        paint: Paint,
    ) -> Self {
        Self {
            multi: MultiProgress::with_draw_target(target),
            width,
            paint,
            state: Arc::new(Mutex::new(View::new(Instant::now()))),
            inner: Mutex::new(Inner {
                speaker: Speaker::new(verbosity, paint),
                dry_run: false,
                overall: None,
                jobs: BTreeMap::new(),
            }),
        }
    }

    /// A bar whose only content is a line that is made anew at each draw, so that it always fits the terminal's width.
    fn bar(
        &self,
        line: impl Fn(&View, usize, Instant) -> String + Send + Sync + Clone + 'static,
    ) -> ProgressBar {
        let state = Arc::clone(&self.state);
        let width = Arc::clone(&self.width);
        let style = ProgressStyle::with_template("{line}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("line", move |_: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                let view = lock(&state);
                let _ = w.write_str(&line(&view, width(), Instant::now()));
            });
        ProgressBar::no_length().with_style(style)
    }

    fn say(&self, text: &str, stream: Stream) {
        match stream {
            Stream::Err => {
                let _ = self.multi.println(text);
            }
            Stream::Out => self.multi.suspend(|| print::out_directly(&format!("{text}\n"))),
        }
    }
}

impl Sink for Bars {
    fn emit(&self, event: &Event) {
        lock(&self.state).take(event, Instant::now());
        let mut inner = lock(&self.inner);
        if let Some(said) = inner.speaker.say(event) {
            self.say(&said.text, said.stream);
        }
        let paint = self.paint;
        match event {
            Event::RunStarted { dry_run, .. } => {
                inner.dry_run = *dry_run;
                let overall =
                    self.multi.add(self.bar(move |view, width, now| view.overall_line(width, paint, now)));
                overall.enable_steady_tick(TICK);
                inner.overall = Some(overall);
            }
            Event::JobStarted { job, .. } => {
                let id = *job;
                let bar = self.bar(move |view, width, now| view.job_line(id, width, paint, now));
                let bar = match &inner.overall {
                    Some(overall) => self.multi.insert_before(overall, bar),
                    None => self.multi.add(bar),
                };
                bar.enable_steady_tick(TICK);
                inner.jobs.insert(id, bar);
            }
            Event::JobStage { job, .. } | Event::JobProgress { job, .. } => {
                if let Some(bar) = inner.jobs.get(job) {
                    bar.tick();
                }
            }
            Event::JobEnded { .. } | Event::Skipped { .. } => {
                let view = lock(&self.state);
                let ended: Vec<JobId> =
                    inner.jobs.keys().filter(|id| !view.jobs.contains_key(id)).copied().collect();
                drop(view);
                for bar in ended.iter().filter_map(|id| inner.jobs.remove(id)) {
                    bar.finish_and_clear();
                    self.multi.remove(&bar);
                }
            }
            Event::RunEnded { summary } => {
                for bar in std::mem::take(&mut inner.jobs).into_values().chain(inner.overall.take()) {
                    bar.finish_and_clear();
                }
                if inner.speaker.verbosity != Verbosity::Quiet {
                    let lines = summary::lines(summary, inner.dry_run, self.paint);
                    let _ = self.multi.println(lines.join("\n"));
                }
                let _ = self.multi.clear();
                print::set_bars(None);
            }
            Event::Walked { .. }
            | Event::Planned { .. }
            | Event::Note { .. }
            | Event::Standing { .. }
            | Event::Jobs { .. } => {}
        }
    }
}

impl Drop for Bars {
    /// A run that ended by an error leaves no bars under its message.
    fn drop(&mut self) {
        let _ = self.multi.clear();
        print::set_bars(None);
    }
}
