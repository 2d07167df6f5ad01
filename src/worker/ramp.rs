//! `--jobs auto`: how many files at once. Starts with one, adds one while that brings more work done, and backs off under
//! pressure. Pure: time and facts come in.
//!
//! A busy processor is no pressure: it is meant to be busy, and what we start gives way to everybody else. But it tells whether
//! one more can get anything done: where it is full, nothing; where it has time to spare that one more job takes up, surely.
//! Where it has time to spare that one more does not take up (a card encodes, the share is slow), only the work done tells.

use std::time::Duration;

/// Time to spare is judged after this long: long enough that a pause between two files does not count as much.
const GLANCE: Duration = Duration::from_secs(10);
/// The work done at a level is judged after this long.
const WINDOW: Duration = Duration::from_secs(30);
/// Where less of the processor's time than this is unused, it is full.
const SPARE: f64 = 0.04;
/// One more job is worth it where it takes up at least this part of the time that was to spare, or of what the others take each.
const TAKEN: (f64, f64) = (0.5, 0.25);
/// And where it brings at least this part more work done.
const WORTH: f64 = 0.03;
/// After a step that did not help, or pressure, nothing is tried for this long.
const REST: Duration = Duration::from_secs(600);
const CALM: Duration = Duration::from_secs(120);
/// Looks at which a place may be empty: between two files it is.
const GAP: u32 = 3;

/// What is seen at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Work done so far, in any unit that grows evenly.
    pub done: f64,
    /// Jobs running now.
    pub running: usize,
    /// The processors' time so far: unused, and all there was. `None`: the system does not tell.
    pub processor: Option<(Duration, Duration)>,
    /// Memory is short, or the kernel stalls for the lack of it.
    pub pressure: bool,
    /// There is memory for one more job above the floor.
    pub room: bool,
}

/// How many files at once.
#[derive(Clone, Debug)]
pub struct Ramp {
    slots: usize,
    most: usize,
    /// When the level was first full, and what was seen then.
    window: Option<(Duration, Seen)>,
    /// Looks in a row at which the level was not full.
    gap: u32,
    /// What the level below did, while one more is on trial.
    before: Option<Level>,
    /// The last step took up what the processor had to spare: what runs here is the processor's work, and its time tells all.
    proven: bool,
    quiet_until: Duration,
}

/// What was seen of a level.
#[derive(Clone, Copy, Debug)]
struct Level {
    slots: usize,
    /// Work a second; `None`: it was not watched for long enough.
    rate: Option<f64>,
    /// Part of the processor's time that was unused.
    spare: Option<f64>,
}

impl Ramp {
    /// `first`: where an earlier run on this machine came to; one where there was none.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self {
            slots: first.clamp(1, most),
            most,
            window: None,
            gap: 0,
            before: None,
            proven: false,
            quiet_until: Duration::ZERO,
        }
    }

    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Looks; `Some`: from now on this many, and why.
    pub fn look(&mut self, now: Duration, seen: Seen) -> Option<(usize, String)> {
        if seen.pressure {
            self.quiet_until = now + CALM;
            self.before = None;
            let half = (self.slots / 2).max(1);
            return (half < self.slots).then(|| self.change(half, "memory is short".to_owned()));
        }
        self.gap = if seen.running < self.slots { self.gap + 1 } else { 0 };
        if self.gap >= GAP || (self.gap > 0 && self.window.is_none()) {
            // Not full: whatever was done says nothing about the level.
            self.window = None;
            return None;
        }
        let (since, first) = *self.window.get_or_insert((now, seen));
        let watched = now.saturating_sub(since);
        if watched < GLANCE {
            return None;
        }
        let spare = seen.processor.zip(first.processor).and_then(|(now, then)| spare(now, then));
        let long = watched >= WINDOW;
        let rate = long.then(|| (seen.done - first.done) / watched.as_secs_f64());
        if let Some(before) = self.before {
            let taken = took_up(&before, spare);
            let more = || Some(rate? >= before.rate? * (1.0 + WORTH));
            match taken || more().unwrap_or(false) {
                true => (self.before, self.proven) = (None, taken),
                false if !long => return None,
                false => {
                    (self.before, self.proven) = (None, false);
                    self.quiet_until = now + REST;
                    let words = format!("{} at once did not get more done", self.slots);
                    return Some(self.change(before.slots, words));
                }
            }
        }
        let has_time = spare.is_none_or(|spare| spare >= SPARE);
        if (long || self.proven) && has_time && now >= self.quiet_until && self.slots < self.most && seen.room
        {
            self.before = Some(Level { slots: self.slots, rate, spare });
            return Some(self.change(self.slots + 1, "trying whether one more gets more done".to_owned()));
        }
        if long {
            self.window = Some((now, seen));
        }
        None
    }

    fn change(&mut self, slots: usize, why: String) -> (usize, String) {
        self.slots = slots;
        self.window = None;
        self.gap = 0;
        (slots, why)
    }
}

/// One more fills the processor, or took up a good part of what it had to spare.
fn took_up(before: &Level, spare: Option<f64>) -> bool {
    let Some((now, then)) = spare.zip(before.spare) else { return false };
    let each = (1.0 - then) / before.slots as f64;
    now < SPARE || then - now >= (TAKEN.0 * then).min(TAKEN.1 * each)
}

/// Part of the processors' time between two looks that nobody used.
fn spare((idle, all): (Duration, Duration), (idle_then, all_then): (Duration, Duration)) -> Option<f64> {
    let all = all.checked_sub(all_then).filter(|all| !all.is_zero())?;
    Some(idle.saturating_sub(idle_then).as_secs_f64() / all.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{Ramp, Seen};
    use std::time::Duration;

    /// A machine: the work that `n` jobs get done in a second, and the part of its processor that they leave unused.
    struct Machine<'a> {
        rate: &'a dyn Fn(usize) -> f64,
        spare: Option<&'a dyn Fn(usize) -> f64>,
        seen: Seen,
    }

    /// Runs it for some seconds; returns the levels in their order.
    fn run(ramp: &mut Ramp, from: u64, seconds: u64, machine: &Machine<'_>) -> Vec<usize> {
        let (mut done, mut idle) = (0.0, 0.0);
        let mut levels = vec![ramp.slots()];
        for second in from..from + seconds {
            let time = Duration::from_secs(second);
            let processor = machine.spare.map(|_| (Duration::from_secs_f64(idle), time));
            let seen = Seen { done, running: ramp.slots(), processor, ..machine.seen };
            if let Some((slots, _)) = ramp.look(time, seen) {
                levels.push(slots);
            }
            done += (machine.rate)(ramp.slots());
            idle += machine.spare.map_or(0.0, |spare| spare(ramp.slots()));
        }
        levels
    }

    const FREE: Seen = Seen { done: 0.0, running: 0, processor: None, pressure: false, room: true };

    /// One whose processor tells nothing.
    fn levels(ramp: &mut Ramp, from: u64, seconds: u64, rate: impl Fn(usize) -> f64) -> Vec<usize> {
        run(ramp, from, seconds, &Machine { rate: &rate, spare: None, seen: FREE })
    }

    /// One whose jobs are the processor's work: each takes this part of it, and the rest of what they get done is noise.
    fn busy(most: usize, each: f64, seconds: u64) -> Vec<usize> {
        let spare = |n: usize| (1.0 - each * n as f64).max(0.01);
        // Work that comes in bursts, as where files are short: it must not matter.
        let count = std::cell::Cell::new(0_u32);
        let rate = |_| {
            count.set(count.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
            f64::from(count.get() >> 24)
        };
        run(&mut Ramp::new(1, most), 0, seconds, &Machine { rate: &rate, spare: Some(&spare), seen: FREE })
    }

    #[test]
    fn it_climbs_every_half_minute_while_that_helps_and_steps_back_where_it_does_not() {
        let levels = levels(&mut Ramp::new(1, 16), 0, 300, |n| (n as f64).min(4.0));
        assert_eq!(levels, [1, 2, 3, 4, 5, 4]);
    }

    #[test]
    fn where_the_processor_is_full_one_more_is_not_even_tried() {
        assert_eq!(busy(2, 0.97, 3600), [1]);
        assert_eq!(busy(16, 0.25, 3600), [1, 2, 3, 4], "four of a quarter each");
    }

    #[test]
    fn one_more_that_takes_up_what_was_to_spare_stays_whatever_the_measured_work_says() {
        assert_eq!(busy(2, 0.90, 3600), [1, 2], "two processors and an encoder that nearly fills them");
        assert_eq!(busy(4, 0.60, 3600), [1, 2]);
        assert_eq!(busy(16, 0.125, 3600), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn after_the_first_step_that_the_processor_proved_the_next_come_sooner() {
        assert_eq!(busy(16, 0.125, 95), [1, 2, 3, 4, 5, 6, 7], "half a minute, then ten seconds each");
    }

    #[test]
    fn a_card_or_a_slow_share_that_leaves_the_processor_idle_is_judged_by_the_work_done() {
        let idle = |_| 0.8;
        let levels = |rate: &dyn Fn(usize) -> f64| {
            run(&mut Ramp::new(1, 16), 0, 500, &Machine { rate, spare: Some(&idle), seen: FREE })
        };
        assert_eq!(levels(&|n| (n as f64).min(3.0)), [1, 2, 3, 4, 3]);
        assert_eq!(levels(&|_| 1.0), [1, 2, 1]);
    }

    #[test]
    fn a_processor_that_others_keep_busy_is_left_to_them() {
        let machine = Machine { rate: &|n| n as f64, spare: Some(&|_| 0.0), seen: FREE };
        assert_eq!(run(&mut Ramp::new(1, 16), 0, 3600, &machine), [1]);
    }

    #[test]
    fn it_never_goes_above_the_most_nor_up_without_room_for_one_more() {
        assert_eq!(levels(&mut Ramp::new(1, 3), 0, 600, |n| n as f64), [1, 2, 3]);
        let full = Machine { rate: &|n| n as f64, spare: None, seen: Seen { room: false, ..FREE } };
        assert_eq!(run(&mut Ramp::new(2, 16), 0, 600, &full), [2]);
    }

    #[test]
    fn pressure_halves_at_once_and_then_there_is_calm() {
        let mut ramp = Ramp::new(8, 16);
        let look = |ramp: &mut Ramp, second, pressure| {
            let seen = Seen { done: second as f64, running: ramp.slots(), pressure, ..FREE };
            ramp.look(Duration::from_secs(second), seen).map(|(slots, _)| slots)
        };
        assert_eq!(look(&mut ramp, 1, true), Some(4));
        assert_eq!(look(&mut ramp, 2, true), Some(2));
        assert_eq!(look(&mut ramp, 3, true), Some(1));
        assert_eq!(look(&mut ramp, 4, true), None, "never below one");
        assert_eq!(levels(&mut ramp, 5, 110, |n| n as f64), [1], "calm");
        assert_eq!(levels(&mut ramp, 125, 25, |n| n as f64), [1, 2]);
    }

    #[test]
    fn a_level_that_is_not_full_is_not_judged_and_a_change_of_files_does_not_count() {
        let levels = |empty: &dyn Fn(u64) -> bool| {
            let mut ramp = Ramp::new(2, 16);
            for second in 0..100 {
                let running = if empty(second) { 1 } else { ramp.slots() };
                let seen = Seen { done: (second * ramp.slots() as u64) as f64, running, ..FREE };
                ramp.look(Duration::from_secs(second), seen);
            }
            ramp.slots()
        };
        assert_eq!(levels(&|_| true), 2);
        assert_eq!(levels(&|second| second % 20 > 15), 2, "four seconds of twenty");
        assert!(levels(&|second| second % 20 == 15) > 2, "one second of twenty");
    }

    #[test]
    fn what_did_not_help_is_tried_again_after_a_rest() {
        let mut ramp = Ramp::new(1, 4);
        assert_eq!(levels(&mut ramp, 0, 400, |_| 1.0), [1, 2, 1]);
        assert_eq!(levels(&mut ramp, 400, 400, |n| n as f64), [1, 2, 3, 4]);
    }

    #[test]
    fn an_earlier_runs_level_is_taken_as_far_as_this_one_allows() {
        assert_eq!(Ramp::new(9, 4).slots(), 4);
        assert_eq!(Ramp::new(0, 4).slots(), 1);
    }
}
