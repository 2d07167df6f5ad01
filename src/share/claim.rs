//! Taking, keeping, losing, sealing and releasing a claim.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::attempt::attempt_claim;
use super::bell::{self, Ringing, Whose};
use super::layout::{self, Ours};
use super::look::ServerTime;
use super::pulse::Pulse;
use super::record::Commit;
use super::site::life_of_token;
use super::stand::{HalfEnd, Stand};
use super::steps::{Ending, SealEnd};
use crate::model::error::{Error, Kind, Result};
use crate::sys;
use crate::sys::fs::Entry;
use crate::sys::host::Life;

/// Default of [`Terms::stale_after`]; docs/PROTOCOL.md says why.
pub const STALE_AFTER: Duration = Duration::from_secs(900);
/// Default of [`Terms::heartbeat`].
pub const HEARTBEAT: Duration = Duration::from_secs(60);

/// How often a claim is asked for anew when something moves while we look.
const ATTEMPTS: u32 = 5;

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

impl Default for Terms {
    fn default() -> Self {
        Self { stale_after: STALE_AFTER, heartbeat: HEARTBEAT, legacy_locks: false }
    }
}

impl Terms {
    /// A claim that was not renewed for this long counts as lost: three beats before anybody else may think so.
    pub(super) fn patience(&self) -> Duration {
        self.stale_after.saturating_sub(3 * self.heartbeat).max(self.stale_after / 2)
    }
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

/// Remembers nothing: every look is a first look.
#[derive(Clone, Copy, Debug)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn first_seen(&self, _state: &str) -> Option<(Duration, String)> {
        None
    }
    fn saw(&self, _state: &str, _at: Duration, _boot: &str) {}
    fn forget(&self, _state: &str) {}
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
    /// The source is gone, and its folder with it.
    Gone,
}

/// What lies around a claimed file.
#[derive(Debug)]
pub enum Around {
    /// The file is there, and nobody else has it: its folder, as listed under the claim.
    Clear(Vec<Entry>),
    /// A Python worker has it, or another file of the same stem.
    Held(Holder),
    /// The file is gone.
    Gone,
}

/// A claim held by this process; its heartbeat runs until it is released, sealed or lost. Dropping it releases.
#[derive(Debug)]
#[must_use = "a claim that is not released keeps others away"]
pub struct Claim {
    held: Option<(Stand, Pulse)>,
    now: Option<ServerTime>,
    stale_after: Duration,
    /// Somebody looked around under it.
    looked: AtomicBool,
    /// Whose claim it was before, where it was taken over.
    pub taken_from: Option<Holder>,
}

/// A sealed claim: ours to commit, and recoverable by anybody should we die now.
#[derive(Debug)]
#[must_use = "a sealed claim must be finished"]
pub struct Sealed {
    held: Option<(Stand, Pulse)>,
}

/// Somebody's sealed claim whose holder is dead.
#[derive(Debug)]
#[must_use = "it blocks the file until it is finished"]
pub struct HalfDone {
    pub commit: Commit,
    /// The dead worker's work folder with the stage file (while it lasts).
    pub work_dir: PathBuf,
    pub(super) end: HalfEnd,
}

/// Asks for the claim on `source`. Takes over a stale claim; removes the dead worker's work folder before it returns `Mine`.
pub fn acquire(source: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Acquired> {
    claim(source, terms, memory, Doorbells::Hung)
}

/// Whether a claim shows itself to people and to Python workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doorbells {
    Hung,
    /// For files of our own, which nobody else claims.
    None,
}

impl Doorbells {
    /// Where they hang.
    pub(super) fn of(self, source: &Path, terms: &Terms) -> Vec<PathBuf> {
        match self {
            Self::None => Vec::new(),
            Self::Hung if terms.legacy_locks => {
                vec![layout::doorbell(source), layout::legacy_doorbell(source)]
            }
            Self::Hung => vec![layout::doorbell(source)],
        }
    }
}

pub(super) fn claim(source: &Path, terms: &Terms, memory: &dyn Memory, bells: Doorbells) -> Result<Acquired> {
    let mut busy = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            // Several that all withdrew must not meet again at the same moment.
            let jitter = u64::from_str_radix(&sys::host::random_hex(1), 16).unwrap_or(0);
            if sys::stop::sleep(Duration::from_millis(20 + jitter)) {
                break;
            }
        }
        match attempt_claim(source, terms, memory, bells) {
            Ok(Some(acquired)) => return Ok(acquired),
            Ok(None) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle
                ) =>
            {
                // The folder went away under us, or the file did.
                if !sys::fs::is_listed(source).map_err(|e| Error::io("look for the file", source, e))? {
                    return Ok(Acquired::Gone);
                }
                busy = Some(error);
            }
            Err(error) if sys::fs::is_in_use(&error) => {
                tracing::debug!("{} cannot be claimed now: {error}", source.display());
                return Ok(Acquired::Held(somebody("a program that has a lock file here open")));
            }
            Err(error) => return Err(Error::io("claim the file", source, error)),
        }
    }
    match busy {
        Some(error) => Err(Error::io("claim the file", source, error)),
        None => Ok(Acquired::Held(somebody("several workers are after it at this moment"))),
    }
}

/// A holder of whom no record tells.
fn somebody(what: &str) -> Holder {
    let what = what.to_owned();
    Holder { hostname: "unknown".to_owned(), pid: 0, age: None, silent: None, what }
}

impl Claim {
    pub(super) fn new(
        stand: Stand,
        pulse: Pulse,
        now: Option<ServerTime>,
        terms: &Terms,
        bells: Doorbells,
        taken_from: Option<Holder>,
    ) -> Self {
        // A claim for a file of our own has nobody to look for.
        let looked = AtomicBool::new(bells == Doorbells::None);
        Self { held: Some((stand, pulse)), now, stale_after: terms.stale_after, looked, taken_from }
    }

    /// Looks around, once, before the file is worked on: it may have been converted a moment before the claim, and a Python
    /// worker may have a lock beside any file of this stem. One listing answers both, and whatever else is asked of it.
    pub fn look_around(&self, source: &Path, memory: &dyn Memory) -> Result<Around> {
        let (stand, pulse) = self.parts();
        let look = || {
            let folder = sys::fs::list(&stand.site.dir)?;
            let ringing = Ringing {
                site: &stand.site,
                token: &stand.token,
                now: self.now,
                ttl: self.stale_after,
                memory,
            };
            if let Some(holder) = bell::other_locks(&folder, pulse.bells(), &ringing)? {
                return Ok(Around::Held(holder));
            }
            let is_there = sys::fs::holds(&folder, source);
            Ok(if is_there { Around::Clear(folder) } else { Around::Gone })
        };
        let around = look().map_err(|error| Error::io("list the folder", &stand.site.dir, error))?;
        super::step("claim.looked");
        self.looked.store(matches!(around, Around::Clear(_)), Ordering::Relaxed);
        Ok(around)
    }

    fn parts(&self) -> &(Stand, Pulse) {
        self.held.as_ref().expect("a claim is held until it is consumed")
    }

    /// The private folder for the result and everything temporary; on the same file system as the source.
    pub fn work_dir(&self) -> &Path {
        &self.parts().0.work
    }

    /// Why the claim is lost, once it is: taken over, or not renewable for so long that others may judge it dead.
    pub fn lost(&self) -> Option<String> {
        self.parts().1.lost()
    }

    /// As [`Claim::lost`], by a fresh look at the share.
    pub fn lost_by_now(&self) -> Option<String> {
        self.lost().or_else(|| self.parts().1.taken())
    }

    /// A fresh look: it is not lost, and the lock directory names us.
    pub(crate) fn is_current(&self) -> bool {
        let stand = &self.parts().0;
        self.lost().is_none() && stand.site.owners().is_ok_and(|owners| owners == [stand.token.clone()])
    }

    /// Gives it up: removes the doorbell, the entry and the work folder.
    pub fn release(mut self) {
        self.give_up();
    }

    fn give_up(&mut self) {
        let Some((stand, pulse)) = self.held.take() else { return };
        pulse.stop();
        super::step("release.begin");
        silence_all(&pulse, &stand);
        super::step("release.silent");
        stand.end(Ending::release(stand.token.clone()));
        super::step("release.free");
        stand.remove();
    }

    /// Writes the commit record and seals: from here on the swap will be finished or undone by somebody, whatever happens.
    /// `Err`: the claim was lost; nothing was touched. The claim is released in that case.
    pub fn seal(mut self, commit: &Commit) -> Result<Sealed> {
        let lost = |why: String| Error::new(Kind::Claim, "keep the claim").because(why);
        if let Some(why) = self.lost() {
            return Err(lost(why));
        }
        if !self.looked.load(Ordering::Relaxed) {
            return Err(lost("nobody looked around under it".to_owned()));
        }
        let (stand, pulse) = self.parts();
        for bell in pulse.bells() {
            let whose = bell::whose(&bell.path, &stand.token)
                .map_err(|e| Error::io("look at the lock file", &bell.path, e))?;
            // A Python worker knows nothing of seals, so its lock is the last thing to look at.
            if whose == Whose::Foreign {
                return Err(lost(format!("{} was taken by another program", bell.path.display())));
            }
        }
        if let Err(error) = stand.stage_seal(commit) {
            return Err(match pulse.taken() {
                Some(why) => lost(why),
                None => Error::io("write the commit record", &stand.work, error),
            });
        }
        match stand.seal().map_err(|e| Error::io("seal the claim", &stand.work, e)) {
            Ok(SealEnd::Sealed) => {
                super::step("seal.sealed");
                Ok(Sealed { held: self.held.take() })
            }
            Ok(SealEnd::Lost) => {
                let why = self.parts().1.taken().unwrap_or_else(|| "it cannot be sealed".to_owned());
                self.leave();
                Err(lost(why))
            }
            Err(error) => {
                self.leave();
                Err(error)
            }
        }
    }

    /// Nobody can tell from here whether the seal will count: what refers to us stays, marked as left.
    fn leave(&mut self) {
        let Some((stand, pulse)) = self.held.take() else { return };
        pulse.leave();
        silence_all(&pulse, &stand);
        stand.end(Ending::release(stand.token.clone()));
        stand.remove();
    }
}

/// The claim with this work folder is over, for certain: its process has ended on this machine, or the folder is gone from
/// where it lay. Not so where that place cannot be listed.
pub fn is_over(work_dir: &Path) -> bool {
    let Some(Ours::WorkDir { token, .. }) =
        work_dir.file_name().and_then(|name| name.to_str()).and_then(layout::ours)
    else {
        return false;
    };
    match life_of_token(&token) {
        Some(Life::Gone) => true,
        Some(Life::Alive) => false,
        Some(Life::Unknown) | None => work_dir
            .parent()
            .is_some_and(|folder| sys::fs::list(folder).is_ok_and(|names| !sys::fs::holds(&names, work_dir))),
    }
}

/// The process whose folder below `--temp-dir` this is has ended on this machine.
pub fn has_ended(scratch: &Path) -> bool {
    let token = scratch.file_name().and_then(|name| name.to_str()).and_then(layout::scratch_token);
    token.is_some_and(|token| life_of_token(&token) == Some(Life::Gone))
}

#[cfg(test)]
impl Claim {
    /// Leaves everything as a killed process would.
    pub(super) fn die(mut self) {
        if let Some((_, pulse)) = self.held.take() {
            pulse.stop();
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.give_up();
    }
}

fn silence_all(pulse: &Pulse, stand: &Stand) {
    for bell in pulse.bells() {
        if let Err(error) = bell::silence(&bell.path, &stand.site, &stand.token) {
            tracing::debug!("{} stays for a sweep: {error}", bell.path.display());
        }
    }
}

impl Sealed {
    pub fn work_dir(&self) -> &Path {
        &self.held.as_ref().expect("a seal is held until it is finished").0.work
    }

    /// The swap is done or undone: removes the doorbell, the seal and the work folder.
    pub fn finish(mut self) {
        let Some((stand, pulse)) = self.held.take() else { return };
        pulse.stop();
        super::step("finish.begin");
        silence_all(&pulse, &stand);
        super::step("finish.silent");
        stand.end(Ending::finish(stand.token.clone()));
        super::step("finish.free");
        stand.remove();
    }
}

impl Drop for Sealed {
    /// A swap that was not finished is left to the next visitor, at once rather than after the timeout.
    fn drop(&mut self) {
        if let Some((_, pulse)) = &self.held {
            pulse.leave();
        }
    }
}

impl HalfDone {
    /// The swap is done or undone: removes the doorbell, the seal and the dead worker's folder.
    pub fn finish(self) {
        self.end.clear(Some(&self.commit.source));
    }
}
