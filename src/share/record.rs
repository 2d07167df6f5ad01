//! What lies in our files on the share, each tolerant of unknown fields and golden-tested.

use serde::{Deserialize, Serialize};

use crate::model::key::Fingerprint;

/// What becomes of an original once its result is in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    /// Into `.mediabox/trash/` at the library's root.
    #[default]
    Trash,
    /// Removed.
    Delete,
    /// Kept beside the result as `<file>.original` (never under a media extension).
    Keep,
}

/// Everything that whoever finishes a sealed swap needs to know; lies in the work folder, complete and fsynced,
/// before the claim is sealed. Names are file names in the source's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Format version of this record.
    pub version: u32,
    /// The source's file name.
    pub source: String,
    /// The source as it was when it was transcoded.
    pub source_print: Fingerprint,
    /// The result's file name.
    pub target: String,
    /// The verified result.
    pub output_print: Fingerprint,
    /// The result's name in the work folder.
    pub stage: String,
    /// Further results (subtitles): (name in the work folder, name in the folder), each published without replacing.
    #[serde(default)]
    pub sidecars: Vec<(String, String)>,
    /// Existing sidecars that follow a changed stem: (old name, new name).
    #[serde(default)]
    pub renames: Vec<(String, String)>,
    /// What becomes of the original.
    pub originals: Originals,
    /// Where the original goes, relative to the library's root, `/`-separated (for `trash`).
    pub trash: Option<String>,
    /// The library's id.
    pub library: String,
}
