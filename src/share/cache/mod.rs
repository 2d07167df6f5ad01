//! `.mediabox_cache.json`, one in each media folder, in mediabox's own format plus ours: facts and what was done,
//! merged as a union, replaced under a claim.
//!
//! The Python workers read and write the same file, without a lock: every entry of ours carries their fields with their
//! types, entries and fields that we do not know are kept as they are, and what a blind writer of theirs drops costs a
//! probe. A file that does not parse is set aside, never overwritten.

mod entry;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::claim::{self, Acquired, Doorbells, Forgetful, Terms};
use super::layout;
use crate::model::error::{Error, Result};
use crate::model::key::{Fingerprint, Stamp};
use crate::model::media::MediaInfo;
use crate::sys;
use crate::sys::netfs::FileSystem;

/// Larger than any folder's cache; more is somebody's mistake or attack. A hundred thousand films in one folder fit.
const LIMIT: u64 = 256 * 1024 * 1024;
/// The fields of an entry that are ours: the memo, and what a probe said.
const OURS: &str = "mbx";
const FACTS: &str = "mbx_facts";
/// A writer holds the cache for milliseconds: a dead one is not waited for as long as a transcode.
const STALE_AFTER: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(10);

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
    let entries: Entries = serde_json::from_slice(text).map_err(|error| Fault::Damaged(error.to_string()))?;
    let mut states: HashMap<String, Vec<State>> = HashMap::with_capacity(entries.0.len());
    for entry in entries.0 {
        let Ok(entry) = serde_json::from_str::<Lean>(entry.get()) else { continue };
        // An object of a newer version that we do not understand is no memo of ours.
        let memo = entry.mbx.and_then(|text| serde_json::from_str::<Memo>(text.get()).ok());
        let facts = entry.mbx_facts.and_then(|text| serde_json::from_str(text.get()).ok());
        // The memo's own stamp has the nanoseconds whole.
        let stamp = match (&memo, entry.file_size, entry.file_mtime) {
            (Some(memo), _, _) => memo.stamp,
            (None, Some(size), Some(time)) => entry::stamp_from(size, time),
            _ => continue,
        };
        let Some(name) = entry.file_name else { continue };
        states.entry(name.into_owned()).or_default().push(State { stamp, memo, facts });
    }
    Ok(Folder { fault: None, states })
}

/// The values of a JSON object, each not looked into yet: one odd entry must not cost the others.
struct Entries<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some((_, value)) = map.next_entry::<IgnoredAny, &RawValue>()? {
                    values.push(value);
                }
                Ok(Entries(values))
            }
        }
        deserializer.deserialize_map(Values)
    }
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

impl Folder {
    /// The memo of a file, where name and stamp still match; the newest where several do.
    pub fn memo(&self, name: &str, stamp: &Stamp) -> Option<&Memo> {
        let memos = self.states_of(name, stamp).filter_map(|state| state.memo.as_ref());
        memos.max_by(|a, b| a.at.total_cmp(&b.at))
    }

    /// Adds what this machine knows better.
    pub fn know(&mut self, memo: Memo) {
        let states = self.states.entry(memo.name.clone()).or_default();
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
        let states = self.states.get(name).map(Vec::as_slice).unwrap_or_default();
        states.iter().filter(move |state| state.stamp.same_file(stamp))
    }
}

/// Size and time of a folder's cache; `None` where there is none, or it cannot be told now.
pub fn stamp(dir: &Path) -> Option<Stamp> {
    sys::fs::stamp(&dir.join(layout::CACHE_NAME)).ok()
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
    let mut map = match load(path) {
        Ok(map) => map,
        Err(Fault::Damaged(_)) => {
            // Kept for whoever wants to know; what it said is learnt again.
            let aside = dir.join(format!("{}.bad-{}", layout::CACHE_NAME, sys::host::random_hex(8)));
            sys::fs::consume(path, &aside)?;
            Map::new()
        }
        Err(Fault::Io(error)) => return Err(error),
    };
    if !merge(&mut map, additions) {
        return Ok(true);
    }
    let listed: Vec<String> =
        sys::fs::list(dir)?.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect();
    forget_the_gone(&mut map, &listed);
    let mut map = Value::Object(map);
    let mut text = entry::to_text(&map)?;
    if text.len() as u64 > LIMIT {
        // What nobody would read must not be written: facts can be learnt again, verdicts cannot.
        entry::drop_facts(&mut map);
        text = entry::to_text(&map)?;
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
    if !listed.iter().any(|name| name == layout::CACHE_NAME) || !sys::fs::is_listed(path)? {
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

fn load(path: &Path) -> std::result::Result<Map<String, Value>, Fault> {
    let Some(text) = text(path)? else { return Ok(Map::new()) };
    match serde_json::from_slice(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Fault::Damaged("not a JSON object".to_owned())),
        Err(error) => Err(Fault::Damaged(error.to_string())),
    }
}

/// The name that an entry is about; what has none is not ours to judge.
fn name_of(entry: &Value) -> Option<&str> {
    entry.get("file_name").and_then(Value::as_str)
}

/// Adds to the union: per file the newer memo wins; other fields and entries stay as they are. Whether that changed
/// anything.
fn merge(map: &mut Map<String, Value>, additions: &[Addition]) -> bool {
    let mut keys: HashMap<String, Vec<String>> = HashMap::with_capacity(map.len());
    for (key, entry) in map.iter() {
        if let Some(name) = name_of(entry) {
            keys.entry(name.to_owned()).or_default().push(key.clone());
        }
    }
    let mut changed = false;
    for addition in additions {
        let own = keys.entry(addition.name.clone()).or_default();
        own.retain(|key| {
            let stamp = map.get(key).and_then(entry::stamp_of);
            let same = stamp.is_none_or(|stamp| stamp.same_file(&addition.stamp));
            if !same {
                // Another state of the same name is history.
                map.remove(key);
                changed = true;
            }
            same
        });
        // An SMB view of the same file may have rounded its time: its entry is continued.
        let key = own.first().cloned().unwrap_or_else(|| {
            let key = entry::key(&addition.name, &addition.stamp);
            own.push(key.clone());
            key
        });
        changed |= entry::extend(map, &key, addition);
    }
    changed
}

/// Entries of files that are not listed any more; what has no file name is not ours to judge.
fn forget_the_gone(map: &mut Map<String, Value>, listed: &[String]) {
    let listed: std::collections::HashSet<&str> = listed.iter().map(String::as_str).collect();
    map.retain(|_, entry| name_of(entry).is_none_or(|name| listed.contains(name)));
}
