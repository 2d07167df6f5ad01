//! This machine's own SQLite on a local disk: history, caps, observations of claims, known libraries.
//!
//! Promises: never needed for correctness, never on a share, may be deleted at any time; where it cannot be opened the run goes on with
//! one in memory. Never locks out another process of ours (WAL, busy timeout).

use std::path::Path;

use crate::model::caps::Caps;
use crate::model::error::Result;
use crate::model::outcome::Outcome;

/// An open store.
#[derive(Debug)]
pub struct Store {
    _private: (),
}

/// One line of history.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Seconds since 1970.
    pub at: f64,
    pub path: String,
    pub profile: String,
    pub outcome: Outcome,
}

impl Store {
    /// Opens or creates the store in this folder (the platform's state folder: [`crate::config`] knows it).
    pub fn open(folder: &Path) -> Result<Self> {
        let _ = folder;
        todo!()
    }
    /// A store that is forgotten at the end.
    pub fn in_memory() -> Self {
        todo!()
    }
    pub fn add_history(&self, record: &Record) -> Result<()> {
        let _ = record;
        todo!()
    }
    /// Newest first.
    pub fn history(&self, limit: usize, path_contains: Option<&str>) -> Result<Vec<Record>> {
        let _ = (limit, path_contains);
        todo!()
    }
    /// Caps found under these conditions (`ffmpeg::caps::conditions`).
    pub fn caps(&self, conditions: &str) -> Option<Caps> {
        let _ = conditions;
        todo!()
    }
    pub fn set_caps(&self, conditions: &str, caps: &Caps) {
        let _ = (conditions, caps);
        todo!()
    }
    /// The library id that was seen at this folder before.
    pub fn library_at(&self, dir: &Path) -> Option<String> {
        let _ = dir;
        todo!()
    }
    pub fn set_library_at(&self, dir: &Path, id: &str) {
        let _ = (dir, id);
        todo!()
    }
    /// First time (boot clock in seconds, boot id) that this state of a claim was seen.
    pub fn first_seen(&self, state: &str) -> Option<(f64, String)> {
        let _ = state;
        todo!()
    }
    pub fn saw(&self, state: &str, at: f64, boot: &str) {
        let _ = (state, at, boot);
        todo!()
    }
    pub fn forget(&self, state: &str) {
        let _ = state;
        todo!()
    }
}
