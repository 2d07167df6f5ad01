//! Mapped drives, of which there are none here.

use std::path::{Path, PathBuf};

pub fn behind(_path: &Path) -> Option<PathBuf> {
    None
}
