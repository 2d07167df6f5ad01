//! How many jobs may run at once, and how much work they have got done: what the ramp and the chooser share.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::job::gate::{Gate, Word};
use crate::model::event::{Event, JobId, Sink, Stage};
use crate::model::media::{MediaInfo, StreamKind};
use crate::sys::stop::{self, Stop};

/// How often somebody who waits looks whether we are to stop.
const LOOK: Duration = Duration::from_millis(200);
/// Part of a job that is encoding; the rest is verification.
const ENCODING: f64 = 0.8;

/// Places for jobs.
#[derive(Debug)]
pub(super) struct Slots {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    most: usize,
    running: usize,
}

impl Slots {
    pub fn new(most: usize) -> Self {
        Self { state: Mutex::new(State { most, running: 0 }), changed: Condvar::new() }
    }

    /// Waits until another job may start; false: none may, because we are to stop or to leave.
    pub fn enter(&self, gate: &Gate) -> bool {
        loop {
            if stop::asked() > Stop::No {
                return false;
            }
            match gate.wait(LOOK) {
                Word::Leave(_) => return false,
                Word::Go => {}
                Word::Hold(_) | Word::Pause(_) => continue,
            }
            let full = |state: &mut State| state.running >= state.most;
            let (mut state, _) = self
                .changed
                .wait_timeout_while(self.lock(), LOOK, full)
                .unwrap_or_else(PoisonError::into_inner);
            // While we waited for the place, somebody may have said otherwise.
            if state.running < state.most && gate.word() == Word::Go {
                state.running += 1;
                return true;
            }
        }
    }

    /// [`Slots::enter`] would not have to wait now.
    pub fn has_place(&self, gate: &Gate) -> bool {
        let state = self.lock();
        state.running < state.most && gate.word() == Word::Go
    }

    pub fn leave(&self) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        self.changed.notify_all();
    }

    /// From now on this many; those that run above it come to their end.
    pub fn set(&self, most: usize) {
        self.lock().most = most;
        self.changed.notify_all();
    }

    pub fn running(&self) -> usize {
        self.lock().running
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands events on and keeps count of the work that they tell of.
pub(super) struct Meter<'a> {
    sink: &'a dyn Sink,
    work: &'a Work,
}

/// The work of all jobs, in pixels.
#[derive(Debug, Default)]
pub(super) struct Work(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Of jobs that have ended.
    ended: f64,
    /// Whole work and part done of those that run.
    running: BTreeMap<JobId, (f64, f64, Stage)>,
}

impl Work {
    pub fn begin(&self, job: JobId, media: &MediaInfo, bytes: u64) {
        self.lock().running.insert(job, (amount(media, bytes), 0.0, Stage::Probing));
    }

    /// What was begun counts even where nothing came of it: the machine did work.
    pub fn end(&self, job: JobId) {
        let mut inner = self.lock();
        if let Some((whole, part, _)) = inner.running.remove(&job) {
            inner.ended += whole * part;
        }
    }

    pub fn done(&self) -> f64 {
        let inner = self.lock();
        inner.ended + inner.running.values().map(|(whole, part, _)| whole * part).sum::<f64>()
    }

    pub fn meter<'a>(&'a self, sink: &'a dyn Sink) -> Meter<'a> {
        Meter { sink, work: self }
    }

    fn take(&self, event: &Event) {
        let mut inner = self.lock();
        match event {
            Event::JobStage { job, stage } => {
                let Some((_, part, now)) = inner.running.get_mut(job) else { return };
                *now = *stage;
                *part = match stage {
                    Stage::Probing | Stage::Waiting | Stage::Encoding => 0.0,
                    Stage::Verifying => ENCODING,
                    Stage::Committing => 1.0,
                };
            }
            Event::JobProgress { job, progress } => {
                let (Some((_, part, stage)), Some(fraction)) =
                    (inner.running.get_mut(job), progress.fraction)
                else {
                    return;
                };
                *part = match stage {
                    Stage::Encoding => fraction * ENCODING,
                    Stage::Verifying => ENCODING + fraction * (1.0 - ENCODING),
                    _ => *part,
                };
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Meter<'_> {
    fn emit(&self, event: &Event) {
        self.work.take(event);
        self.sink.emit(event);
    }
}

/// Pictures times their size, so that a film in 4K counts as much more than an episode in SD. Sound is little work.
fn amount(media: &MediaInfo, bytes: u64) -> f64 {
    let video = media.of_kind(StreamKind::Video).next().and_then(|stream| stream.video.as_ref());
    let Some(((video, seconds), rate)) =
        video.zip(media.duration).zip(video.and_then(|video| video.avg_frame_rate))
    else {
        return bytes as f64;
    };
    let rate = f64::from(rate.0) / f64::from(rate.1.max(1));
    seconds * rate * f64::from(video.width) * f64::from(video.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Progress;

    #[test]
    fn work_grows_with_progress_and_never_goes_back_at_a_change_of_stage() {
        let work = Work::default();
        work.begin(1, &MediaInfo::default(), 1000);
        let stage = |stage| work.take(&Event::JobStage { job: 1, stage });
        let progress = |fraction| {
            let progress = Progress { fraction: Some(fraction), ..Progress::default() };
            work.take(&Event::JobProgress { job: 1, progress });
        };
        let mut seen = vec![work.done()];
        stage(Stage::Encoding);
        for fraction in [0.1, 0.5, 1.0] {
            progress(fraction);
            seen.push(work.done());
        }
        stage(Stage::Verifying);
        seen.push(work.done());
        progress(0.5);
        seen.push(work.done());
        stage(Stage::Committing);
        seen.push(work.done());
        work.end(1);
        seen.push(work.done());
        assert!(seen.is_sorted(), "{seen:?}");
        assert!((seen[seen.len() - 1] - 1000.0).abs() < 1e-6, "{seen:?}");
    }

    #[test]
    fn places_are_given_up_to_the_most_and_nobody_enters_a_machine_that_leaves() {
        let (slots, gate) = (Slots::new(1), Gate::default());
        assert!(slots.enter(&gate));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| slots.enter(&gate));
            slots.set(2);
            assert!(second.join().unwrap());
        });
        assert_eq!(slots.running(), 2);
        gate.say(Word::Leave("sick".into()));
        assert!(!slots.enter(&gate));
    }
}
