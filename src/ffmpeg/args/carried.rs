//! Counting the frames that carry something besides the picture.

use std::ffi::OsString;
use std::path::Path;

use super::{Line, encode_of};
use crate::model::media::FrameData;
use crate::model::plan::Plan;

/// Something that an encode has to keep in its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The source's stream.
    pub source: u32,
    pub what: FrameData,
}

/// All that the encodes of a plan have to keep. A transcode counts the source's frames that have it: in outputs of their own,
/// in this order, behind the result and its sidecars.
pub fn kept(plan: &Plan) -> Vec<Kept> {
    let of = |stream| encode_of(stream).into_iter().flat_map(|encode| &encode.keep);
    plan.streams.iter().flat_map(|s| of(s).map(|what| Kept { source: s.source, what: *what })).collect()
}

/// The arguments that count the frames of the first video stream that carry this: the run's first output has them.
pub fn carried(input: &Path, what: FrameData) -> Vec<OsString> {
    let mut line = Line::quiet();
    line.word("-i").path(input);
    output("0:v:0", what, &mut line);
    line.0
}

/// An output to nowhere that takes only the frames of a stream that carry this, so that ffmpeg's own count tells how many.
pub(super) fn output(stream: &str, what: FrameData, line: &mut Line) {
    let kind = match what {
        FrameData::Captions => "A53_CC",
        FrameData::StaticHdr => "MASTERING_DISPLAY_METADATA",
        FrameData::Hdr10Plus => "DYNAMIC_HDR_PLUS",
        FrameData::DolbyVision => "DOVI_METADATA",
    };
    line.word("-map").word(stream).word("-vf").word(format!("sidedata=mode=select:type={kind}"));
    line.words(&["-f", "null", "-"]);
}
