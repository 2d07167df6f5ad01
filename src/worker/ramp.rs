//! `--jobs auto`: how many files at once. Starts with one, adds one while that brings more work done, and backs off under
//! pressure. Pure: time and facts come in. How busy the processor is counts for nothing: it is meant to be.

use std::time::Duration;

/// A level is watched this long before it is judged.
const WINDOW: Duration = Duration::from_secs(30);
/// One more job is worth it where it brings at least this part more.
const WORTH: f64 = 0.03;
/// After a step that did not help, or pressure, nothing is tried for this long.
const REST: Duration = Duration::from_secs(600);
const CALM: Duration = Duration::from_secs(120);

/// What is seen at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Work done so far, in any unit that grows evenly.
    pub done: f64,
    /// Jobs running now.
    pub running: usize,
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
    /// When the level was first full, and the work done by then.
    window: Option<(Duration, f64)>,
    /// The level below and its rate, while one more is on trial.
    before: Option<(usize, f64)>,
    quiet_until: Duration,
}

impl Ramp {
    /// `first`: where an earlier run on this machine came to; one where there was none.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self { slots: first.clamp(1, most), most, window: None, before: None, quiet_until: Duration::ZERO }
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
        if seen.running < self.slots {
            // Not full: whatever was done says nothing about the level.
            self.window = None;
            return None;
        }
        let (since, done) = *self.window.get_or_insert((now, seen.done));
        let watched = now.saturating_sub(since);
        if watched < WINDOW {
            return None;
        }
        let rate = (seen.done - done) / watched.as_secs_f64();
        self.window = Some((now, seen.done));
        if let Some((below, its_rate)) = self.before.take()
            && rate < its_rate * (1.0 + WORTH)
        {
            self.quiet_until = now + REST;
            let words = format!("{} at once did not get more done", self.slots);
            return Some(self.change(below, words));
        }
        if now < self.quiet_until || self.slots >= self.most || !seen.room {
            return None;
        }
        self.before = Some((self.slots, rate));
        Some(self.change(self.slots + 1, "trying whether one more gets more done".to_owned()))
    }

    fn change(&mut self, slots: usize, why: String) -> (usize, String) {
        self.slots = slots;
        self.window = None;
        (slots, why)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ramp, Seen};
    use std::time::Duration;

    /// Runs a machine whose throughput with `n` jobs is `rate(n)` for some seconds; returns the levels in their order.
    fn levels(
        ramp: &mut Ramp,
        from: u64,
        seconds: u64,
        rate: impl Fn(usize) -> f64,
        seen: Seen,
    ) -> Vec<usize> {
        let mut done = 0.0;
        let mut levels = vec![ramp.slots()];
        for second in from..from + seconds {
            let seen = Seen { done, running: ramp.slots(), ..seen };
            if let Some((slots, _)) = ramp.look(Duration::from_secs(second), seen) {
                levels.push(slots);
            }
            done += rate(ramp.slots());
        }
        levels
    }

    const FREE: Seen = Seen { done: 0.0, running: 0, pressure: false, room: true };

    #[test]
    fn it_climbs_every_half_minute_while_that_helps_and_steps_back_where_it_does_not() {
        let mut ramp = Ramp::new(1, 16);
        let levels = levels(&mut ramp, 0, 300, |n| (n as f64).min(4.0), FREE);
        assert_eq!(levels, [1, 2, 3, 4, 5, 4]);
    }

    #[test]
    fn it_never_goes_above_the_most_nor_up_without_room_for_one_more() {
        assert_eq!(levels(&mut Ramp::new(1, 3), 0, 600, |n| n as f64, FREE), [1, 2, 3]);
        let full = Seen { room: false, ..FREE };
        assert_eq!(levels(&mut Ramp::new(2, 16), 0, 600, |n| n as f64, full), [2]);
    }

    #[test]
    fn pressure_halves_at_once_and_then_there_is_calm() {
        let mut ramp = Ramp::new(8, 16);
        let look = |ramp: &mut Ramp, second, pressure| {
            let seen = Seen { done: second as f64, running: ramp.slots(), pressure, room: true };
            ramp.look(Duration::from_secs(second), seen).map(|(slots, _)| slots)
        };
        assert_eq!(look(&mut ramp, 1, true), Some(4));
        assert_eq!(look(&mut ramp, 2, true), Some(2));
        assert_eq!(look(&mut ramp, 3, true), Some(1));
        assert_eq!(look(&mut ramp, 4, true), None, "never below one");
        assert_eq!(levels(&mut ramp, 5, 110, |n| n as f64, FREE), [1], "calm");
        assert_eq!(levels(&mut ramp, 125, 25, |n| n as f64, FREE), [1, 2]);
    }

    #[test]
    fn a_level_that_is_not_full_is_not_judged() {
        let mut ramp = Ramp::new(2, 16);
        for second in 0..600 {
            let seen = Seen { done: 0.0, running: 1, ..FREE };
            assert_eq!(ramp.look(Duration::from_secs(second), seen), None);
        }
    }

    #[test]
    fn what_did_not_help_is_tried_again_after_a_rest() {
        let mut ramp = Ramp::new(1, 4);
        assert_eq!(levels(&mut ramp, 0, 400, |_| 1.0, FREE), [1, 2, 1]);
        assert_eq!(levels(&mut ramp, 400, 400, |n| n as f64, FREE), [1, 2, 3, 4]);
    }

    #[test]
    fn an_earlier_runs_level_is_taken_as_far_as_this_one_allows() {
        assert_eq!(Ramp::new(9, 4).slots(), 4);
        assert_eq!(Ramp::new(0, 4).slots(), 1);
    }
}
