//! The only place that spells the name of a file of ours.

use std::path::{Path, PathBuf};

/// Folder of ours at the library's root.
pub const LIBRARY_DIR: &str = ".mediabox";
/// The doorbell's ending.
pub const LOCK_SUFFIX: &str = ".mediabox.lock";
/// The second Python generation's ending.
pub const LEGACY_LOCK_SUFFIX: &str = ".lock";
/// The shared cache, one in each media folder.
pub const CACHE_NAME: &str = ".mediabox_cache.json";
/// Settings that the whole fleet shares, at the library's root.
pub const CONFIG_NAME: &str = "media-converter.toml";

/// A name of ours in a media folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// `.mbx-<hash>.lk`
    LockDir { hash: String },
    /// `.mbx-<hash>.w-<token>`
    WorkDir { hash: String, token: String },
    /// `<file>.mediabox.lock`
    Doorbell { file: String },
    /// `.mediabox_cache.json` and what belongs to it
    Cache,
    /// `.mediabox`
    Library,
    /// `media-converter.toml`
    Config,
}

/// What a name is, where it is ours.
pub fn ours(name: &str) -> Option<Ours> {
    let _ = name;
    todo!()
}

/// First 16 hex digits of BLAKE3 over the folded *stem*: sources that would make the same output share one claim.
pub fn stem_hash(file_name: &str) -> String {
    let _ = file_name;
    todo!()
}

/// `.mbx-<h>.lk` beside `source`.
pub fn lock_dir(source: &Path) -> PathBuf {
    let _ = source;
    todo!()
}

/// `.mbx-<h>.w-<token>` beside `source`.
pub fn work_dir(source: &Path, token: &str) -> PathBuf {
    let _ = (source, token);
    todo!()
}

/// `<file>.mediabox.lock`
pub fn doorbell(source: &Path) -> PathBuf {
    let _ = source;
    todo!()
}

/// The trash folder of a library: `.mediabox/trash`.
pub fn trash(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("trash")
}
