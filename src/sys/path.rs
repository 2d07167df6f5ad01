//! Names: keys relative to a root, stems, extensions, what a person is shown.

use std::path::{Path, PathBuf};

use crate::model::key::Key;

/// The key of `path` below `root`: `/`-separated, NFC. `None` where `path` is not below `root` or is not Unicode.
pub fn key(root: &Path, path: &Path) -> Option<Key> {
    let _ = (root, path);
    todo!()
}

/// NFC, then case-folded: two names that are one file on some share give the same text.
pub fn folded(name: &str) -> String {
    let _ = name;
    todo!()
}

/// Lower-case extension without the dot; empty where there is none.
pub fn extension(path: &Path) -> String {
    let _ = path;
    todo!()
}

/// The absolute, symlink-free path of an existing file or folder, without `\\?\` where it is not needed (dunce).
pub fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    let _ = path;
    todo!()
}
