//! `.mediabox_cache.json`, one in each media folder, in mediabox's own format plus ours: facts and what was done,
//! merged as a union, replaced under a claim.
//!
//! The Python workers read and write the same file, without a lock: every entry of ours carries their fields with their
//! types, entries and fields that we do not know are kept as they are, and what a blind writer of theirs drops costs a
//! probe. A file that does not parse is set aside, never overwritten.

mod entry;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claim::{self, Acquired, Doorbells, Forgetful, Terms};
use super::layout;
use crate::model::error::{Error, Result};
use crate::model::key::{Fingerprint, Stamp};
use crate::model::media::MediaInfo;
use crate::sys;
use crate::sys::netfs::FileSystem;

/// Larger than any folder's cache; more is somebody's mistake or attack.
const LIMIT: u64 = 64 * 1024 * 1024;
/// The field of an entry that is ours.
const OURS: &str = "mbx";
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

/// One folder's cache as it was read.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Why the file on the share could not be used, if so.
    pub fault: Option<String>,
    memos: HashMap<String, Vec<Memo>>,
}

/// What to add: the memo, and the facts (for the Python workers' fields) where known.
#[derive(Clone, Debug)]
pub struct Addition {
    pub memo: Memo,
    pub media: Option<MediaInfo>,
}

/// Reads a folder's cache; an absent one is empty, a damaged one is empty with a fault (and is never overwritten blindly).
pub fn read(dir: &Path) -> Folder {
    match load(&dir.join(layout::CACHE_NAME)) {
        Ok(map) => {
            let mut memos: HashMap<String, Vec<Memo>> = HashMap::new();
            for memo in map.values().filter_map(memo_of) {
                memos.entry(memo.name.clone()).or_default().push(memo);
            }
            Folder { fault: None, memos }
        }
        Err(fault) => Folder { fault: Some(fault.to_string()), memos: HashMap::new() },
    }
}

impl Folder {
    /// The memo of a file, where name and stamp still match; the newest where several do.
    pub fn memo(&self, name: &str, stamp: &Stamp) -> Option<&Memo> {
        let fitting = self.memos.get(name)?.iter().filter(|memo| memo.stamp.same_file(stamp));
        fitting.max_by(|a, b| a.at.total_cmp(&b.at))
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
    merge(&mut map, additions);
    let listed: Vec<String> =
        sys::fs::list(dir)?.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect();
    forget_the_gone(&mut map, &listed);
    let text = entry::to_text(&Value::Object(map))?;
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

fn load(path: &Path) -> std::result::Result<Map<String, Value>, Fault> {
    let text = match sys::fs::read_small(path, LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(Fault::Damaged(format!("larger than {} MiB", LIMIT >> 20)));
        }
        Err(error) => return Err(Fault::Io(error)),
    };
    match serde_json::from_slice(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Fault::Damaged("not a JSON object".to_owned())),
        Err(error) => Err(Fault::Damaged(error.to_string())),
    }
}

/// Our memo in an entry; `None` where it has none, or one of a newer version that we do not understand.
fn memo_of(entry: &Value) -> Option<Memo> {
    Memo::deserialize(entry.get(OURS)?).ok()
}

/// Adds to the union: per file the newer memo wins; other fields and entries stay as they are.
fn merge(map: &mut Map<String, Value>, additions: &[Addition]) {
    for addition in additions {
        let memo = &addition.memo;
        // Another state of the same name is history.
        map.retain(|_, entry| {
            let same_name = entry.get("file_name").and_then(Value::as_str) == Some(memo.name.as_str());
            !same_name || entry::stamp_of(entry).is_none_or(|stamp| stamp.same_file(&memo.stamp))
        });
        // An SMB view of the same file may have rounded its time: its entry is continued.
        let key = map
            .iter()
            .find(|(_, entry)| entry.get("file_name").and_then(Value::as_str) == Some(memo.name.as_str()))
            .map_or_else(|| entry::key(&memo.name, &memo.stamp), |(key, _)| key.clone());
        let old = map.get(&key).and_then(Value::as_object).cloned().unwrap_or_default();
        let older = old.get(OURS).and_then(|ours| Memo::deserialize(ours).ok());
        if older.is_some_and(|older| older.at > memo.at) {
            continue;
        }
        map.insert(key.clone(), Value::Object(entry::build(old, &key, addition)));
    }
}

/// Entries of files that are not listed any more; what has no file name is not ours to judge.
fn forget_the_gone(map: &mut Map<String, Value>, listed: &[String]) {
    let listed: std::collections::HashSet<&str> = listed.iter().map(String::as_str).collect();
    map.retain(|_, entry| {
        entry.get("file_name").and_then(Value::as_str).is_none_or(|name| listed.contains(name))
    });
}
