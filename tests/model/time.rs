//! Time: the judge that ships, and the holder's own patience, under every interleaving of beats, stalls, looks, deaths and
//! clocks that are hours off. The unit is one heartbeat of a minute.

use std::time::Duration;

use stateright::{Checker, Expectation, Model, Property};

use super::super::claim::{HEARTBEAT, STALE_AFTER, Terms};
use super::super::judge::{Evidence, Opinion, judge};
use crate::sys::host::Life;

const MINUTE: u64 = 60;
/// The model ends here; all bounds lie before.
const END: u64 = 34;

/// Whose clocks decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clocks {
    /// The server's stamps, and each machine's own clock since boot.
    Ours,
    /// The holder's wall clock in the record against the looker's: what most lock files do.
    Wall,
}

#[derive(Clone, Copy, Debug)]
struct Timing {
    clocks: Clocks,
    /// Minutes by which the holder's wall clock differs from the looker's.
    skew: i64,
    /// Minutes by which the server's clock is set forward at some moment.
    jump: i64,
    /// Whether the looker remembers earlier looks.
    remembers: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Now {
    /// True minutes.
    time: u64,
    /// The server's clock minus the true time.
    server: i64,
    /// True time of the last beat, and its stamp by the server's clock then.
    beat: u64,
    stamp: i64,
    /// When the holder died or began to sleep.
    quiet_since: Option<u64>,
    /// The looker saw this stamp first at this time.
    seen: Option<(i64, u64)>,
    verdict: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tick {
    /// A minute passes with a beat.
    Beat,
    /// A minute passes in which no beat gets through.
    Stall,
    /// A minute passes after the holder died, or fell asleep for good.
    Quiet,
    Look,
    SetServer,
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * MINUTE)
}

impl Timing {
    fn look(&self, now: &Now) -> Opinion {
        let silent = match self.clocks {
            Clocks::Ours => now.time as i64 + now.server - now.stamp,
            Clocks::Wall => now.time as i64 - (now.beat as i64 + self.skew),
        };
        let unchanged = now
            .seen
            .filter(|(stamp, _)| self.remembers && *stamp == now.stamp)
            .map(|(_, first)| minutes(now.time - first));
        judge(&Evidence {
            life: Life::Unknown,
            left: false,
            silent: Some((silent * MINUTE as i64) as f64),
            unchanged,
            ttl: STALE_AFTER,
            heartbeat: HEARTBEAT,
        })
    }
}

const TTL: u64 = STALE_AFTER.as_secs() / MINUTE;

impl Model for Timing {
    type State = Now;
    type Action = Tick;

    fn init_states(&self) -> Vec<Now> {
        vec![Now { time: 0, server: 0, beat: 0, stamp: 0, quiet_since: None, seen: None, verdict: None }]
    }

    fn actions(&self, now: &Now, actions: &mut Vec<Tick>) {
        if now.verdict != Some(true) {
            actions.push(Tick::Look);
        }
        if now.time >= END {
            return;
        }
        actions.push(Tick::Quiet);
        if now.quiet_since.is_none() {
            actions.push(Tick::Beat);
            // A server that restarts keeps a beat for a minute or two; longer is a partition, which is Quiet.
            if now.time - now.beat < 2 {
                actions.push(Tick::Stall);
            }
            if self.jump != 0 && now.server == 0 {
                actions.push(Tick::SetServer);
            }
        }
    }

    fn next_state(&self, before: &Now, tick: Tick) -> Option<Now> {
        let mut now = before.clone();
        now.verdict = None;
        match tick {
            Tick::Beat => {
                now.time += 1;
                now.beat = now.time;
                now.stamp = now.time as i64 + now.server;
            }
            Tick::Stall => now.time += 1,
            Tick::Quiet => {
                now.quiet_since = Some(now.quiet_since.unwrap_or(now.time));
                now.time += 1;
            }
            Tick::SetServer => now.server = self.jump,
            Tick::Look => {
                now.verdict = Some(self.look(&now).dead);
                if now.seen.is_none_or(|(stamp, _)| stamp != now.stamp) {
                    now.seen = Some((now.stamp, now.time));
                }
            }
        }
        Some(now)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a beating worker is never called dead", |m: &Self, now: &Now| {
                // A server clock set forward makes everything look old until the next beat: only a look that has
                // nothing to compare with may be fooled, and the cost is that worker's time.
                m.jump > 0 || now.quiet_since.is_some() || now.verdict != Some(true)
            }),
            Property::always("a worker knows before others may act", |m: &Self, now: &Now| {
                let patience = Terms::default().patience();
                m.jump > 0 || now.verdict != Some(true) || minutes(now.time - now.beat) >= patience
            }),
            Property::always("the dead are found in twice the timeout", |m: &Self, now: &Now| {
                // Counted by the server's clock, or where that was set back, by a machine that keeps watch.
                let late = now.quiet_since.is_some_and(|since| now.time >= since + 2 * TTL);
                m.jump < 0 || now.verdict != Some(false) || !late
            }),
            Property::always("a watcher finds the dead in a timeout of its own", |m: &Self, now: &Now| {
                let watched = now.seen.is_some_and(|(stamp, first)| {
                    stamp == now.stamp && now.time >= first + TTL && now.quiet_since.is_some()
                });
                !m.remembers || now.verdict != Some(false) || !watched
            }),
            Property::sometimes("somebody is called dead", |_: &Self, now: &Now| now.verdict == Some(true)),
            Property::sometimes("somebody is called alive", |_: &Self, now: &Now| now.verdict == Some(false)),
        ]
    }
}

fn violations(timing: Timing) -> Vec<&'static str> {
    let checker = timing.checker().threads(2).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let violated: Vec<_> = discoveries
        .keys()
        .filter(|name| timing.property(name).expectation == Expectation::Always)
        .copied()
        .collect();
    println!("model: {timing:?}: {} states, violated: {violated:?}", checker.unique_state_count());
    assert!(
        violated.is_empty() == (discoveries.len() == 2) || !violated.is_empty(),
        "a verdict was not reached"
    );
    violated
}

#[test]
fn the_judge_is_right_whatever_the_clocks_of_the_machines_say() {
    for remembers in [false, true] {
        for jump in [0, 300, -300] {
            // The machines' wall clocks are hours apart, and the judge is not even told.
            let timing = Timing { clocks: Clocks::Ours, skew: 180, jump, remembers };
            let violated = violations(timing);
            assert!(violated.is_empty(), "{timing:?}: {violated:?}");
        }
    }
}

#[test]
fn a_judge_that_compares_wall_clocks_is_caught() {
    for skew in [-180, 180] {
        let timing = Timing { clocks: Clocks::Wall, skew, jump: 0, remembers: false };
        assert!(!violations(timing).is_empty());
    }
    let agreed = Timing { clocks: Clocks::Wall, skew: 0, jump: 0, remembers: false };
    assert!(violations(agreed).is_empty(), "with clocks that agree nobody would notice");
}
