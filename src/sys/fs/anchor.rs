//! Folders that are found at once.

use std::path::{Path, PathBuf};

use crate::sys::os;

/// A folder under a path that leads straight to it, whatever is above. A network client asks the server anew about each
/// folder on a path that it walks, above all about one that something was just made in; that is a round trip for
/// every call. No handle at the server is open meanwhile; but the share cannot be unmounted, so it is for a few calls in a
/// row. Where the system has no such thing, or the folder is not there, it is the folder's own path.
#[derive(Debug)]
pub struct Anchor {
    path: PathBuf,
    _held: Option<os::fs::Held>,
}

impl Anchor {
    /// Looks the folder up, once.
    pub fn at(folder: &Path) -> Self {
        match os::fs::hold(folder) {
            Some((path, held)) => Self { path, _held: Some(held) },
            None => Self { path: folder.to_owned(), _held: None },
        }
    }

    /// The short path; not one for people.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
