//! A plan as ffmpeg's arguments. Pure, golden-tested.

use std::ffi::OsString;
use std::path::Path;

use crate::model::media::MediaInfo;
use crate::model::plan::Plan;

/// The arguments (without the program) of the transcode: `-progress pipe:1 -nostdin -nostats -y`, the muxer named with
/// `-f` so that `output` may end in `.part`. `sidecars`: one output path per [`Plan::sidecars`], same order.
pub fn transcode(
    plan: &Plan,
    media: &MediaInfo,
    input: &Path,
    output: &Path,
    sidecars: &[&Path],
    release: Option<(u32, u32)>,
) -> Vec<OsString> {
    let _ = (plan, media, input, output, sidecars, release);
    todo!()
}

/// A full decode of every audio and video stream to nowhere, for verification (`-v warning`, `-progress pipe:1`).
pub fn decode(input: &Path) -> Vec<OsString> {
    let _ = input;
    todo!()
}
