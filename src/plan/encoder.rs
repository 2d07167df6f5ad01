//! Which encoder makes the video: only those that proved themselves on this machine.

use super::quality::{self, Row};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::policy::{EncoderChoice, VideoCodec};

/// What an encode asks of its encoder.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub codec: VideoCodec,
    pub ten_bit: bool,
    /// Mastering display or light level must end up in the stream. The hardware encoders of ffmpeg write them in some
    /// versions and silently not in others, so only the software encoders count.
    pub static_hdr: bool,
}

/// The best working encoder, or why there is none.
pub fn choose(need: Need, choice: EncoderChoice, caps: &Caps) -> Result<(&'static Row, &EncoderCap), String> {
    let mut why = Vec::new();
    for row in quality::TABLE.iter().filter(|r| r.codec == need.codec && allowed(r, choice)) {
        match caps.working(row.encoder) {
            Some(cap) if need.ten_bit && !cap.ten_bit => why.push(format!("{}: no 10 bit", row.encoder)),
            Some(cap) if need.static_hdr && cap.hardware => {
                why.push(format!("{}: does not keep HDR metadata", row.encoder));
            }
            Some(cap) => return Ok((row, cap)),
            None => why.push(format!("{}: {}", row.encoder, failure(row.encoder, caps))),
        }
    }
    Err(format!("no working {} encoder here ({})", name(need.codec), why.join(", ")))
}

/// A run under this choice may come to use the encoder.
pub fn may_use(codec: Option<VideoCodec>, choice: EncoderChoice, encoder: &str) -> bool {
    quality::of(encoder).is_some_and(|row| Some(row.codec) == codec && allowed(row, choice))
}

/// The encoder makes this codec.
pub fn makes(codec: VideoCodec, encoder: &str) -> bool {
    quality::of(encoder).is_some_and(|row| row.codec == codec)
}

fn allowed(row: &Row, choice: EncoderChoice) -> bool {
    let software = row.encoder.starts_with("lib");
    match choice {
        EncoderChoice::Auto => true,
        EncoderChoice::Software => software,
        EncoderChoice::Nvenc => row.encoder.ends_with("_nvenc"),
        EncoderChoice::Qsv => row.encoder.ends_with("_qsv"),
        EncoderChoice::Vaapi => row.encoder.ends_with("_vaapi"),
        EncoderChoice::Amf => row.encoder.ends_with("_amf"),
        EncoderChoice::VideoToolbox => row.encoder.ends_with("_videotoolbox"),
    }
}

fn failure(encoder: &str, caps: &Caps) -> String {
    match caps.encoders.iter().find(|e| e.name == encoder).map(|e| &e.verdict) {
        Some(Verdict::Failed { why }) => why.clone(),
        Some(Verdict::Works { .. }) => "works".to_owned(),
        Some(Verdict::NotListed) | None => "not in this ffmpeg".to_owned(),
    }
}

/// ffprobe's name of a codec.
pub fn name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "h264",
        VideoCodec::Hevc => "hevc",
        VideoCodec::Av1 => "av1",
    }
}
