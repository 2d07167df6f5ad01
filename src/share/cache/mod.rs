//! `.mediabox_cache.json`, one in each media folder, in mediabox's own format plus ours: facts and what was done,
//! merged as a union, replaced under a claim.
//!
//! The Python workers read and write the same file, without a lock: every entry of ours carries their fields with their
//! types, entries and fields that we do not know are kept as they are, and what a blind writer of theirs drops costs a
//! probe. A file that does not parse is set aside, never overwritten.

mod entry;
#[cfg(test)]
mod tests;
mod union;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::claim::{self, Acquired, Doorbells, Forgetful, Terms};
use super::layout;
use super::site::Site;
use crate::model::error::{Error, Result};
use crate::model::key::{Fingerprint, Stamp};
use crate::model::media::MediaInfo;
use crate::sys;
use crate::sys::netfs::FileSystem;
use crate::sys::stop::Stop;
use union::{Pairs, Union};

/// Larger than any folder's cache; more is somebody's mistake or attack. A hundred thousand films in one folder fit.
const LIMIT: u64 = 256 * 1024 * 1024;
/// The fields of an entry that are ours: the memo, and what a probe said.
const OURS: &str = "mbx";
const FACTS: &str = "mbx_facts";
/// A writer holds the cache for milliseconds: a dead one is not waited for as long as a transcode.
const STALE_AFTER: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A cache of so many entries is compared with its folder's listing by every write; a larger one seldomer, the larger the folder:
/// over SMB 40,000 names take 312 requests.
const SMALL: usize = 256;
/// Who waits for another writer asks for the claim itself this often.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// What we remember of a file for the whole fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memo {
    /// File name.
    pub name: String,
    /// Size and time it had.
    pub stamp: Stamp,
    /// Content fingerprint, so that a renamed file is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print: Option<Fingerprint>,
    /// `plan::policy_digest` it was decided under.
    pub policy: String,
    /// What came of it.
    pub verdict: Verdict,
    /// In words.
    pub words: String,
    /// How often it was tried.
    #[serde(default)]
    pub tries: u32,
    /// Host that wrote this.
    pub host: String,
    /// Seconds since 1970 by that host's clock; for people and for choosing between two memos, never for safety.
    pub at: f64,
}

/// What came of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as the policy wants it.
    Fits,
    /// It is a result of ours.
    Converted,
    /// It must not be converted (would lose something, nothing in it).
    LeftAlone,
    /// The result was not smaller.
    NotSmaller,
    /// The file itself is at fault.
    Bad,
    /// Failed for another reason; may be tried again.
    Failed,
}

/// What somebody's probe said of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Who vouches for them: the probing tool and its reader's revision.
    pub by: String,
    pub media: MediaInfo,
}

/// One folder's cache as it was read.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Why the file on the share could not be used, if so.
    pub fault: Option<String>,
    /// By names in NFC: Macs list accents apart, everybody else does not.
    states: HashMap<String, Vec<State>>,
}

/// One state of one file.
#[derive(Clone, Debug)]
struct State {
    stamp: Stamp,
    memo: Option<Memo>,
    /// Read only when asked for: most visits need the memo alone.
    facts: Option<Written>,
}

/// Facts as they are written: compact JSON in a string, which costs a Python worker that rewrites the file next to nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    by: String,
    media: String,
}

/// What to add: what was decided or done (none: only looked at), and the facts where known.
#[derive(Clone, Debug)]
pub struct Addition {
    pub name: String,
    pub stamp: Stamp,
    pub memo: Option<Memo>,
    pub facts: Option<Facts>,
}

impl Addition {
    /// A memo, with the facts where known.
    pub fn of(memo: Memo, facts: Option<Facts>) -> Self {
        Self { name: memo.name.clone(), stamp: memo.stamp, memo: Some(memo), facts }
    }
}

/// Reads a folder's cache; an absent one is empty, a damaged one is empty with a fault (and is never overwritten blindly).
pub fn read(dir: &Path) -> Folder {
    let fault = |fault: Fault| Folder { fault: Some(fault.to_string()), states: HashMap::new() };
    let text = match text(&dir.join(layout::CACHE_NAME)) {
        Ok(Some(text)) => text,
        Ok(None) => return Folder::default(),
        Err(error) => return fault(error),
    };
    parse(&text).unwrap_or_else(fault)
}

/// A folder's cache from its text. An entry that is not understood is left out.
fn parse(text: &[u8]) -> std::result::Result<Folder, Fault> {
    let Pairs(entries) = serde_json::from_slice(text).map_err(|error| Fault::Damaged(error.to_string()))?;
    let mut states: HashMap<String, Vec<State>> = HashMap::with_capacity(entries.len());
    for (_, entry) in entries {
        let Ok(entry) = serde_json::from_str::<Lean>(entry.get()) else { continue };
        // An object of a newer version that we do not understand is no memo of ours.
        let memo = entry.mbx.and_then(|text| serde_json::from_str::<Memo>(text.get()).ok());
        let facts = entry.mbx_facts.and_then(|text| serde_json::from_str(text.get()).ok());
        let own = entry.file_size.zip(entry.file_mtime).map(|(size, time)| entry::stamp_from(size, time));
        // Where another program has gone on with the entry of a file that changed, the memo is of what was there before.
        let memo = memo.filter(|memo: &Memo| own.is_none_or(|own| own.same_file(&memo.stamp)));
        // The memo's own stamp has the nanoseconds whole.
        let Some(stamp) = memo.as_ref().map(|memo| memo.stamp).or(own) else { continue };
        let Some(name) = entry.file_name else { continue };
        states.entry(sys::path::composed(&name).into_owned()).or_default().push(State { stamp, memo, facts });
    }
    Ok(Folder { fault: None, states })
}

/// What we read of an entry.
#[derive(Deserialize)]
struct Lean<'a> {
    #[serde(borrow, default)]
    file_name: Option<Cow<'a, str>>,
    #[serde(default)]
    file_size: Option<u64>,
    #[serde(default)]
    file_mtime: Option<f64>,
    #[serde(borrow, default)]
    mbx: Option<&'a RawValue>,
    #[serde(borrow, default)]
    mbx_facts: Option<&'a RawValue>,
}

/// For the fuzzers: any bytes are a cache or damaged, and a cache can be gone on with.
#[cfg(fuzzing)]
pub fn any_text(bytes: &[u8]) {
    let stamp = Stamp { size: 7, sec: 5, nsec: 0 };
    let facts = Some(Facts { by: "fuzzer".to_owned(), media: MediaInfo::default() });
    let addition = [Addition { name: "a.mkv".to_owned(), stamp, memo: None, facts }];
    let folder = parse(bytes);
    let Ok(mut union) = Union::parse(bytes) else { return };
    assert!(folder.is_ok(), "what a writer goes on with is no damage to a reader");
    let changed = union.merge(&addition);
    let text = union.text().expect("it is written");
    assert!(parse(&text).expect("it is read").has_facts("a.mkv", &stamp), "changed: {changed}");
    let mut again = Union::parse(&text).expect("it is read");
    assert!(!again.merge(&addition), "the same is not learnt twice");
    again.forget_the_gone(&[]);
    let _ = again.text().expect("it is written");
}

impl Folder {
    /// The memo of a file, where name and stamp still match; the newest where several do.
    pub fn memo(&self, name: &str, stamp: &Stamp) -> Option<&Memo> {
        let memos = self.states_of(name, stamp).filter_map(|state| state.memo.as_ref());
        memos.max_by(|a, b| a.at.total_cmp(&b.at))
    }

    /// Adds what this machine knows better.
    pub fn know(&mut self, memo: Memo) {
        let states = self.states.entry(sys::path::composed(&memo.name).into_owned()).or_default();
        states.push(State { stamp: memo.stamp, memo: Some(memo), facts: None });
    }

    /// What somebody's probe said of a file, where name and stamp still match.
    pub fn facts(&self, name: &str, stamp: &Stamp) -> Option<Facts> {
        self.states_of(name, stamp).find_map(|state| {
            let written = state.facts.as_ref()?;
            Some(Facts { by: written.by.clone(), media: serde_json::from_str(&written.media).ok()? })
        })
    }

    /// Somebody's probe is remembered of a file as it is in `stamp`.
    pub fn has_facts(&self, name: &str, stamp: &Stamp) -> bool {
        self.states_of(name, stamp).any(|state| state.facts.is_some())
    }

    fn states_of(&self, name: &str, stamp: &Stamp) -> impl Iterator<Item = &State> {
        let states = self.states.get(&*sys::path::composed(name)).map(Vec::as_slice).unwrap_or_default();
        states.iter().filter(move |state| state.stamp.same_file(stamp))
    }
}

/// Size and time of a folder's cache; `None` where there is none, or it cannot be told now.
pub fn stamp(dir: &Path) -> Option<Stamp> {
    sys::fs::stamp(&dir.join(layout::CACHE_NAME)).ok()
}

/// As [`add`], waiting for other writers at most this long. To ask for a claim costs dozens of requests, so while somebody holds it
/// only its folder is listed.
pub fn add_within(dir: &Path, additions: &[Addition], patience: Duration) -> Result<bool> {
    let until = sys::clock::boot() + patience;
    let site = Site::of(&dir.join(layout::CACHE_NAME));
    // To prove over SMB that nobody holds it takes a listing of the whole folder, and by then somebody does. Its clients take a name
    // for absent a second too long at most, where one of NFS does for half a minute: there it is proven before it is asked for.
    let glance = sys::netfs::of(dir)
        .is_ok_and(|mount| matches!(mount.kind, FileSystem::LinuxSmb | FileSystem::WindowsNetwork));
    let seems_free = || {
        if glance {
            sys::fs::seems_absent(&site.lock())
        } else {
            site.owners().is_ok_and(|owners| owners.is_empty())
        }
    };
    loop {
        if add(dir, additions)? {
            return Ok(true);
        }
        // Whoever holds it may be dead, which only asking finds out.
        let ask = sys::clock::boot() + ASK_AGAIN;
        loop {
            if sys::clock::boot() >= until {
                return Ok(false);
            }
            // Those that wait must not all come at once. Asked to stop or not, what was learnt is worth a moment.
            let jitter = u64::from_str_radix(&sys::host::random_hex(1), 16).unwrap_or(0);
            if sys::stop::sleep_unless(Duration::from_millis(20 + jitter / 2), Stop::Now) {
                return Ok(false);
            }
            if sys::clock::boot() >= ask || seems_free() {
                break;
            }
        }
    }
}

/// Merges additions into the folder's cache under its own claim. `Ok(false)`: somebody else is writing; try later.
pub fn add(dir: &Path, additions: &[Addition]) -> Result<bool> {
    if additions.is_empty() {
        return Ok(true);
    }
    let path = dir.join(layout::CACHE_NAME);
    let terms = Terms { stale_after: STALE_AFTER, heartbeat: HEARTBEAT, legacy_locks: false };
    // Nobody waits at this door, and the file need not be there yet.
    let claim = match claim::claim(&path, &terms, &Forgetful, Doorbells::None)? {
        Acquired::Mine(claim) => claim,
        Acquired::Held(_) | Acquired::HalfDone(_) | Acquired::Gone => return Ok(false),
    };
    let written = rewrite(dir, &path, claim.work_dir(), additions, &|| claim.is_current());
    claim.release();
    written.map_err(|error| Error::io("share what was learnt in", &path, error))
}

/// Reads, merges and replaces. `Ok(false)`: the claim was lost on the way, and nothing was changed.
fn rewrite(
    dir: &Path,
    path: &Path,
    work: &Path,
    additions: &[Addition],
    mine: &dyn Fn() -> bool,
) -> std::io::Result<bool> {
    let set_aside = || {
        // Kept for whoever wants to know; what it said is learnt again.
        let aside = dir.join(format!("{}.bad-{}", layout::CACHE_NAME, sys::host::random_hex(8)));
        sys::fs::consume(path, &aside)
    };
    let old = match text(path) {
        Ok(old) => old,
        Err(Fault::Damaged(_)) => {
            set_aside()?;
            None
        }
        Err(Fault::Io(error)) => return Err(error),
    };
    let mut there = old.is_some();
    let old = old.unwrap_or_else(|| b"{}".to_vec());
    let mut union = if let Ok(union) = Union::parse(&old) {
        union
    } else {
        set_aside()?;
        there = false;
        Union::default()
    };
    if !union.merge(additions) {
        return Ok(true);
    }
    // To list thousands of names over SMB takes seconds: in a large folder what is gone may stay for some writes.
    let dice = u64::from_str_radix(&sys::host::random_hex(4), 16).unwrap_or(0);
    let seldom = if union.len() <= SMALL { 1 } else { (union.len() / SMALL).max(8) as u64 };
    if dice.is_multiple_of(seldom) {
        let listed: Vec<String> =
            sys::fs::list(dir)?.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect();
        union.forget_the_gone(&listed);
    }
    let mut text = union.text()?;
    if text.len() as u64 > LIMIT {
        // What nobody would read must not be written: facts can be learnt again, verdicts cannot.
        union.drop_facts();
        text = union.text()?;
        if text.len() as u64 > LIMIT {
            return Err(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                "too many files for one cache",
            ));
        }
    }
    // The stage's name is one that a take-over removes: a writer that slept through its claim finds nothing to rename.
    let stage = work.join(layout::STAGE);
    let _ = sys::fs::write_new(&stage, &text)?;
    if !mine() {
        return Ok(false);
    }
    if !there {
        // A blind writer may have made one in the meantime: theirs stays, ours is merged the next time.
        return match sys::fs::publish_file(&stage, path) {
            Ok(created) => Ok(created == sys::fs::Created::Yes),
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                Ok(sys::fs::write_new(path, &text)? == sys::fs::Created::Yes)
            }
            Err(error) => Err(error),
        };
    }
    if matches!(sys::netfs::of(dir).map(|mount| mount.kind), Ok(FileSystem::LinuxSmb)) {
        // Linux SMB may destroy what it renames over: the old one steps aside for a moment, and readers take an absent
        // cache for an unknown one.
        let old = work.join(layout::OLD_CACHE);
        sys::fs::consume(path, &old)?;
        let created = sys::fs::publish_file(&stage, path)?;
        sys::fs::remove_file(&old)?;
        return Ok(created == sys::fs::Created::Yes);
    }
    Ok(sys::fs::replace(&stage, path)? == sys::fs::Removed::Yes)
}

/// Why a cache could not be read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The file's text; `None` where there is none.
fn text(path: &Path) -> std::result::Result<Option<Vec<u8>>, Fault> {
    match sys::fs::read_small(path, LIMIT) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Fault::Damaged(format!("larger than {} MiB", LIMIT >> 20)))
        }
        Err(error) => Err(Fault::Io(error)),
    }
}
