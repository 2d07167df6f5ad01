//! Which encoder makes the video: only those that proved themselves on this machine.

use std::collections::BTreeSet;

use super::quality::{self, Row};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::media::FrameData;
use crate::model::policy::{EncoderChoice, VideoCodec};

/// What an encode asks of its encoder.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    pub codec: VideoCodec,
    pub ten_bit: bool,
    /// Mastering display or light level must end up in the stream.
    pub static_hdr: bool,
    /// What the result's frames have to carry as the source's do.
    pub keep: &'a BTreeSet<FrameData>,
    /// Pixels of the result.
    pub size: (u32, u32),
}

/// The best working encoder, or why there is none.
pub fn choose<'a>(
    need: Need<'_>,
    choice: EncoderChoice,
    caps: &'a Caps,
) -> Result<(&'static Row, &'a EncoderCap), String> {
    let (mut why, mut losing) = (Vec::new(), Vec::new());
    for row in quality::TABLE.iter().filter(|r| r.codec == need.codec && allowed(r, choice)) {
        match caps.working(row.encoder) {
            Some(cap) if need.ten_bit && !cap.ten_bit => why.push(format!("{}: no 10 bit", row.encoder)),
            Some(cap) if need.static_hdr && !writes_static_hdr(cap) => {
                why.push(format!("{}: loses HDR10's values", row.encoder));
            }
            Some(cap) if !need.keep.is_subset(&cap.keeps) => {
                let lost: Vec<&str> = need.keep.difference(&cap.keeps).map(|what| what.words()).collect();
                losing.push(format!("{}: loses {}", row.encoder, lost.join(" and ")));
            }
            Some(cap) if !holds(cap.largest, need.size) => {
                let (width, height) = cap.largest.unwrap_or_default();
                why.push(format!("{}: only up to {width}×{height}", row.encoder));
            }
            Some(cap) => return Ok((row, cap)),
            None => why.push(format!("{}: {}", row.encoder, failure(row.encoder, caps))),
        }
    }
    if !losing.is_empty() {
        // What else does not work has nothing to do with this file.
        let what: Vec<&str> = need.keep.iter().map(|what| what.words()).collect();
        let (what, losing) = (what.join(" and "), losing.join(", "));
        return Err(format!("an encode would lose its {what}; no encoder here keeps it ({losing})"));
    }
    Err(format!("no {} encoder here that can ({})", name(need.codec), why.join(", ")))
}

/// These take the values as parameters. The others write what the frames say in some versions of ffmpeg and silently not in
/// others, which the trial tells.
fn writes_static_hdr(cap: &EncoderCap) -> bool {
    matches!(cap.name.as_str(), "libx265" | "libsvtav1") || cap.keeps.contains(&FrameData::StaticHdr)
}

/// The size is no larger than what was tried, upright or turned.
fn holds(largest: Option<(u32, u32)>, (width, height): (u32, u32)) -> bool {
    largest.is_none_or(|(w, h)| (width <= w && height <= h) || (width <= h && height <= w && w <= 4096))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_not_asked_for_more_than_it_was_seen_to_do() {
        let cap = |name: &str, largest: Option<(u32, u32)>| EncoderCap {
            name: name.to_owned(),
            codec: "h264".to_owned(),
            hardware: largest.is_some(),
            device: None,
            ten_bit: true,
            keeps: [].into(),
            sessions: None,
            largest,
            verdict: Verdict::Works { fps: 100.0 },
        };
        let caps = Caps {
            encoders: vec![cap("h264_nvenc", Some((3840, 2160))), cap("libx264", None)],
            ..Caps::default()
        };
        let nothing = BTreeSet::new();
        let with_size =
            |size| Need { codec: VideoCodec::H264, ten_bit: false, static_hdr: false, keep: &nothing, size };
        let with = |size| choose(with_size(size), EncoderChoice::Auto, &caps).map(|(row, _)| row.encoder);
        assert_eq!(with((1920, 1080)), Ok("h264_nvenc"));
        assert_eq!(with((2160, 3840)), Ok("h264_nvenc"), "upright");
        assert_eq!(with((4096, 2160)), Ok("libx264"));
        let need = with_size((7680, 4320));
        let why = choose(need, EncoderChoice::Nvenc, &caps).map(|(row, _)| row.encoder).unwrap_err();
        assert!(why.contains("only up to 3840×2160"), "{why}");
    }
}
