//! Taking, keeping, losing, sealing and releasing a claim.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::Commit;
use crate::model::error::Result;

/// The terms a claim is taken on.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Others may call the claim dead after this long without a heartbeat, by the file server's clock.
    pub stale_after: Duration,
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Also hold `<file>.lock` for second-generation Python workers.
    pub legacy_locks: bool,
}

/// What earlier looks at a claim saw, so that short runs accumulate evidence. Kept by `store`; in memory in tests.
pub trait Memory: Send + Sync + std::fmt::Debug {
    /// (first seen at this boot clock, boot id) of this exact state (`token` + heartbeat counter + mtime) of a claim.
    fn first_seen(&self, state: &str) -> Option<(Duration, String)>;
    /// Remembers that the state is seen now; keeps the first time where it is known already.
    fn saw(&self, state: &str, at: Duration, boot: &str);
    /// Forgets it (the claim moved on).
    fn forget(&self, state: &str);
}

/// Who holds a claim, for one line to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub hostname: String,
    pub pid: u32,
    /// Seconds since the claim was taken, by the file server's clock where it could be asked.
    pub age: Option<f64>,
    /// Seconds since the last heartbeat, likewise.
    pub silent: Option<f64>,
    /// Ours, a Python worker's, unreadable …, in words.
    pub what: String,
}

/// The result of asking for a claim.
#[derive(Debug)]
#[must_use = "a claim that is not released keeps others away"]
pub enum Acquired {
    /// It is ours; a heartbeat runs.
    Mine(Claim),
    /// Somebody else's.
    Held(Holder),
    /// A dead worker's half-done swap is in the way: `job::recover` finishes or undoes it, then ask again.
    HalfDone(HalfDone),
    /// The source is gone.
    Gone,
}

/// A claim held by this process; its heartbeat runs until it is released, sealed or lost. Dropping it releases.
#[derive(Debug)]
#[must_use = "a claim that is not released keeps others away"]
pub struct Claim {
    _private: (),
}

/// A sealed claim: ours to commit, and recoverable by anybody should we die now.
#[derive(Debug)]
#[must_use = "a sealed claim must be finished"]
pub struct Sealed {
    _private: (),
}

/// Somebody's sealed claim whose holder is dead.
#[derive(Debug)]
#[must_use = "it blocks the file until it is finished"]
pub struct HalfDone {
    pub commit: Commit,
    /// The dead worker's work folder with the stage file (while it lasts).
    pub work_dir: PathBuf,
}

/// Asks for the claim on `source`. Takes over a stale claim; removes the dead worker's work folder before it returns `Mine`.
pub fn acquire(source: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Acquired> {
    let _ = (source, terms, memory);
    todo!()
}

impl Claim {
    /// The private folder for the result and everything temporary; on the same file system as the source.
    pub fn work_dir(&self) -> &Path {
        todo!()
    }
    /// Why the claim is lost, once it is: taken over, or not renewable for so long that others may judge it dead.
    pub fn lost(&self) -> Option<String> {
        todo!()
    }
    /// Gives it up: removes the doorbell, the entry and the work folder.
    pub fn release(self) {
        todo!()
    }
    /// Writes the commit record and seals: from here on the swap will be finished or undone by somebody, whatever happens.
    /// `Err`: the claim was lost; nothing was touched. The claim is released in that case.
    pub fn seal(self, commit: &Commit) -> Result<Sealed> {
        let _ = commit;
        todo!()
    }
}

impl Sealed {
    pub fn work_dir(&self) -> &Path {
        todo!()
    }
    /// The swap is done or undone: removes the doorbell, the seal and the work folder.
    pub fn finish(self) {
        todo!()
    }
}

impl HalfDone {
    /// The swap is done or undone: removes the doorbell, the seal and the dead worker's folder.
    pub fn finish(self) {
        todo!()
    }
}
