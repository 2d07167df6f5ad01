//! ffprobe: one process per file, its JSON turned into [`MediaInfo`] by pure code.

use std::path::Path;

use super::tools::Tools;
use crate::model::error::Result;
use crate::model::media::MediaInfo;

/// Parses `ffprobe -of json -show_format -show_streams -show_chapters -show_programs` (and `-show_frames` of the first
/// frame per video stream where given). Pure. Unknown fields are ignored; streams listed twice (programs) count once.
pub fn parse(json: &[u8]) -> std::result::Result<MediaInfo, String> {
    let _ = json;
    todo!()
}

/// Probes a file. [`Kind::Media`](crate::model::error::Kind::Media) where ffprobe cannot read it, with its telling line. HDR side data that sits only
/// in frames (mastering, light level, HDR10+, Dolby Vision RPU) is looked for in the first frames where the stream may have it.
pub fn probe(tools: &Tools, file: &Path) -> Result<MediaInfo> {
    let _ = (tools, file);
    todo!()
}

/// Where the streams of a file really end: the last packet's timestamp + duration per stream index, in seconds relative to the
/// file's start time. Reads packets (no decode); for files whose header may lie.
pub fn measured_ends(tools: &Tools, file: &Path) -> Result<Vec<(u32, f64)>> {
    let _ = (tools, file);
    todo!()
}

/// Looks at real frames (idet over samples): true where the picture is interlaced.
pub fn interlaced(tools: &Tools, file: &Path, media: &MediaInfo) -> Result<bool> {
    let _ = (tools, file, media);
    todo!()
}
