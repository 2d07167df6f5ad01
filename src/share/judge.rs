//! Is this claim alive? Pure: facts in, verdict and reason out. The model checker runs this code.
//!
//! Safety never hangs on the answer: a wrong «dead» costs somebody's work, a wrong «alive» costs time. No two machines'
//! clocks meet here. Ages are differences of the file server's own stamps; how long something stayed unchanged is
//! measured by one machine's own clock since boot.

use std::fmt;
use std::time::Duration;

use crate::sys::host::Life;

/// What a claim is, in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nobody holds it.
    Free,
    /// Held, as far as can be told.
    Held,
    /// Its holder is dead or silent for too long.
    Stale,
    /// A swap is under way or was left half done.
    Sealed,
}

/// mediabox's own limit, by which its Python workers take each other's locks.
pub const PYTHON_STALE: Duration = Duration::from_secs(1800);
/// Stamps of a share may be this coarse.
const GRAIN: f64 = 2.0;

/// What is known of a holder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// What this machine knows of the process.
    pub life: Life,
    /// The holder said that it left.
    pub left: bool,
    /// Seconds since the last beat, both ends by the file server's clock; negative where a stamp lies in the future.
    pub silent: Option<f64>,
    /// How long this very state (token, beat, stamp) has been seen, by this machine's own clock since boot.
    pub unchanged: Option<Duration>,
    /// The *holder's* staleness timeout.
    pub ttl: Duration,
    /// The holder's time between beats.
    pub heartbeat: Duration,
}

/// A verdict with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    pub dead: bool,
    pub why: Why,
}

/// The reason for an opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    ProcessGone,
    Left,
    Unchanged,
    SilentAndUnchanged,
    SilentForLong,
    Beats,
    MaybeBeats,
    GrowingFile,
    FromTheFuture,
    Young,
    Old,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProcessGone => "its process has ended on this machine",
            Self::Left => "its worker left it",
            Self::Unchanged => "it has not changed for its whole timeout",
            Self::SilentAndUnchanged => {
                "no heartbeat for longer than its timeout, and none since we first looked"
            }
            Self::SilentForLong => "no heartbeat for more than twice its timeout",
            Self::Beats => "its worker is alive",
            Self::MaybeBeats => "no heartbeat for longer than its timeout; one more look will tell",
            Self::GrowingFile => "its worker is writing a result",
            Self::FromTheFuture => "its stamp lies in the server's future; only watching it can tell",
            Self::Old => "it is older than any lock is respected",
            Self::Young => "it is younger than its timeout",
        })
    }
}

fn dead(why: Why) -> Opinion {
    Opinion { dead: true, why }
}

fn alive(why: Why) -> Opinion {
    Opinion { dead: false, why }
}

/// Judges a worker of our kind.
pub fn judge(evidence: &Evidence) -> Opinion {
    if evidence.life == Life::Gone {
        return dead(Why::ProcessGone);
    }
    if evidence.left {
        return dead(Why::Left);
    }
    let ttl = evidence.ttl.as_secs_f64();
    let unchanged = evidence.unchanged.unwrap_or_default();
    // Watched for the whole timeout by one clock: needs no other.
    if unchanged >= evidence.ttl {
        return dead(Why::Unchanged);
    }
    match evidence.silent {
        Some(silent) if silent >= 2.0 * ttl => dead(Why::SilentForLong),
        // A server clock that was set forward makes every claim look silent. Two beats later the living have moved on.
        Some(silent) if silent >= ttl => {
            if unchanged >= 2 * evidence.heartbeat {
                dead(Why::SilentAndUnchanged)
            } else {
                alive(Why::MaybeBeats)
            }
        }
        Some(silent) if silent < -GRAIN => alive(Why::FromTheFuture),
        _ => alive(Why::Beats),
    }
}

/// What is known of a lock that no worker of our kind wrote. It is never refreshed, so its age says nothing about its
/// holder beyond mediabox's own rule; a growing result beside it is the only sign of life. A dead pid proves nothing:
/// mediabox runs in containers that share a host name and not a pid namespace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForeignEvidence {
    /// Seconds since the lock was written, by the file server's clock.
    pub age: Option<f64>,
    /// Seconds since `<stem>.tmp.mp4` or `.tmp.mp3` beside it was written, likewise.
    pub result_age: Option<f64>,
    /// How long it has been seen unchanged, by this machine's own clock.
    pub unchanged: Option<Duration>,
    /// The limit: [`PYTHON_STALE`], for an unreadable lock at least our own timeout.
    pub limit: Duration,
}

/// Judges a Python worker's lock, or one that nobody can read.
pub fn judge_foreign(evidence: &ForeignEvidence) -> Opinion {
    let limit = evidence.limit.as_secs_f64();
    if evidence.result_age.is_some_and(|age| age < limit) {
        return alive(Why::GrowingFile);
    }
    if evidence.unchanged.is_some_and(|time| time >= evidence.limit) {
        return dead(Why::Unchanged);
    }
    match evidence.age {
        Some(age) if age > limit => dead(Why::Old),
        Some(age) if age < -GRAIN => alive(Why::FromTheFuture),
        _ => alive(Why::Young),
    }
}
