//! `.mediabox_cache.json`, one in each media folder, in mediabox's own format plus ours: facts and what was done,
//! merged as a union, replaced under a claim.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::key::{Fingerprint, Stamp};
use crate::model::media::MediaInfo;

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
}

/// Reads a folder's cache; an absent one is empty, a damaged one is empty with a fault (and is never overwritten blindly).
pub fn read(dir: &Path) -> Folder {
    let _ = dir;
    todo!()
}

impl Folder {
    /// The memo of a file, where name and stamp still match.
    pub fn memo(&self, name: &str, stamp: &Stamp) -> Option<&Memo> {
        let _ = (name, stamp);
        todo!()
    }
}

/// What to add: the memo, and the facts (for the Python workers' fields) where known.
#[derive(Clone, Debug)]
pub struct Addition {
    pub memo: Memo,
    pub media: Option<MediaInfo>,
}

/// Merges additions into the folder's cache under its own claim. `Ok(false)`: somebody else is writing; try later.
pub fn add(
    dir: &Path,
    additions: &[Addition],
    terms: &super::claim::Terms,
) -> crate::model::error::Result<bool> {
    let _ = (dir, additions, terms);
    todo!()
}
