//! Library identity: `.mediabox/id` at the root, made once.

use std::path::{Path, PathBuf};

use crate::model::error::Result;

/// One library as this machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Where its root is on this machine.
    pub root: PathBuf,
    /// Its id, the same on every machine.
    pub id: String,
}

/// Finds the library of `dir` (upward from it), or makes `dir` the root of a new one where `create` says so. `expected`: the id this
/// machine saw there before; another id, or none, is an error ([`Kind::Library`]) that says the share may not be mounted.
///
/// [`Kind::Library`]: crate::model::error::Kind::Library
pub fn open(dir: &Path, expected: Option<&str>, create: bool) -> Result<Option<Library>> {
    let _ = (dir, expected, create);
    todo!()
}
