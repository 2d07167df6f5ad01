//! Finding ffmpeg and ffprobe and knowing what build they are.

use std::path::{Path, PathBuf};

use crate::model::error::Result;

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    /// Version word of the first line, e.g. `5.1.9-0+deb12u1`.
    pub version: String,
    /// Major, minor; `None` for builds from git.
    pub release: Option<(u32, u32)>,
}

/// Finds both: the given paths, else beside our own program, else PATH. [`Kind::MissingTool`] with what to install where one is missing or
/// does not run.
///
/// [`Kind::MissingTool`]: crate::model::error::Kind::MissingTool
pub fn find(ffmpeg: Option<&Path>, ffprobe: Option<&Path>) -> Result<Tools> {
    let _ = (ffmpeg, ffprobe);
    todo!()
}
