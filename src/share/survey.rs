//! Read-only: what claims lie in a folder or a tree, and what they are. And the sweep of what dead workers left.

use std::path::{Path, PathBuf};

use super::claim::{HalfDone, Holder, Memory, Terms};
use super::judge::Judgement;
use crate::model::error::Result;

/// One claim found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The file it is for, where known.
    pub file: Option<PathBuf>,
    /// The lock file or folder.
    pub lock: PathBuf,
    pub holder: Option<Holder>,
    pub judgement: Judgement,
    /// The judgement in words.
    pub why: String,
}

/// The claims of one folder (not below it). Takes no lock, changes nothing.
pub fn folder(dir: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Vec<Found>> {
    let _ = (dir, terms, memory);
    todo!()
}

/// What a sweep of one folder came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// Stale claims and orphaned work folders removed, in words.
    pub removed: Vec<String>,
    /// Half-done swaps whose holders are dead: the caller finishes or undoes them.
    pub half_done: Vec<HalfDone>,
    /// Files displaced by a swap that died in the gap, for the caller to put back: (file that survives, name it had).
    pub stranded: Vec<(PathBuf, PathBuf)>,
}

/// Clears what dead workers left in one folder whose listing shows names of ours. Touches no media file.
pub fn sweep(dir: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Swept> {
    let _ = (dir, terms, memory);
    todo!()
}
