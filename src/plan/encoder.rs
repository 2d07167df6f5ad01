//! Which encoder makes the video: only those that proved themselves on this machine.

use std::collections::BTreeSet;

use super::quality::{self, Row};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::encoders::{EncoderChoice, Families, Family};
use crate::model::media::FrameData;
use crate::model::policy::VideoCodec;

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
    families: &Families,
    caps: &'a Caps,
) -> Result<(&'static Row, &'a EncoderCap), String> {
    let (mut why, mut losing) = (Vec::new(), Vec::new());
    let mut rows: Vec<(usize, &Row)> = quality::TABLE
        .iter()
        .filter(|row| row.codec == need.codec)
        .filter_map(|row| Some((families.place(family(row))?, row)))
        .collect();
    rows.sort_by_key(|(place, _)| *place);
    for (_, row) in rows {
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
    if why.is_empty() && losing.is_empty() {
        return Err(format!("nothing that `encoder = \"{families}\"` names makes {}", need.codec.name()));
    }
    if !losing.is_empty() {
        // What else does not work has nothing to do with this file.
        let what: Vec<&str> = need.keep.iter().map(|what| what.words()).collect();
        let (what, losing) = (what.join(" and "), losing.join(", "));
        return Err(format!("an encode would lose its {what}; no encoder here keeps it ({losing})"));
    }
    Err(format!("no {} encoder here that can ({})", need.codec.name(), why.join(", ")))
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
pub fn may_use(codec: Option<VideoCodec>, choice: &EncoderChoice, encoder: &str) -> bool {
    quality::of(encoder)
        .is_some_and(|row| Some(row.codec) == codec && choice.of(row.codec).place(family(row)).is_some())
}

/// The encoder makes this codec.
pub fn makes(codec: VideoCodec, encoder: &str) -> bool {
    quality::of(encoder).is_some_and(|row| row.codec == codec)
}

/// The way by which the encoder is reached.
fn family(row: &Row) -> Family {
    match row.encoder.rsplit_once('_') {
        Some((_, "nvenc")) => Family::Nvenc,
        Some((_, "qsv")) => Family::Qsv,
        Some((_, "vaapi")) => Family::Vaapi,
        Some((_, "amf")) => Family::Amf,
        Some((_, "videotoolbox")) => Family::VideoToolbox,
        _ => Family::Software,
    }
}

fn failure(encoder: &str, caps: &Caps) -> String {
    match caps.encoders.iter().find(|e| e.name == encoder).map(|e| &e.verdict) {
        Some(Verdict::Failed { why }) => why.clone(),
        Some(Verdict::Works { .. }) => "works".to_owned(),
        Some(Verdict::NotListed) | None => "not in this ffmpeg".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(name: &str, largest: Option<(u32, u32)>) -> EncoderCap {
        EncoderCap {
            name: name.to_owned(),
            codec: "h264".to_owned(),
            hardware: !name.starts_with("lib"),
            device: None,
            ten_bit: true,
            keeps: [].into(),
            sessions: None,
            largest,
            verdict: Verdict::Works { fps: 100.0 },
        }
    }

    #[test]
    fn a_card_is_not_asked_for_more_than_it_was_seen_to_do() {
        let caps = Caps {
            encoders: vec![cap("h264_nvenc", Some((3840, 2160))), cap("libx264", None)],
            ..Caps::default()
        };
        let nothing = BTreeSet::new();
        let with_size =
            |size| Need { codec: VideoCodec::H264, ten_bit: false, static_hdr: false, keep: &nothing, size };
        let families = |text: &str| text.parse::<EncoderChoice>().unwrap().of(VideoCodec::H264).clone();
        let with = |size| choose(with_size(size), &families("auto"), &caps).map(|(row, _)| row.encoder);
        assert_eq!(with((1920, 1080)), Ok("h264_nvenc"));
        assert_eq!(with((2160, 3840)), Ok("h264_nvenc"), "upright");
        assert_eq!(with((4096, 2160)), Ok("libx264"));
        let need = with_size((7680, 4320));
        let chosen = |text: &str| choose(need, &families(text), &caps).map(|(row, _)| row.encoder);
        let why = chosen("nvenc").unwrap_err();
        assert!(why.contains("only up to 3840×2160"), "{why}");
        assert_eq!(chosen("nvenc, software"), Ok("libx264"));
    }

    #[test]
    fn the_first_family_of_the_order_that_works_is_taken() {
        let names = ["h264_nvenc", "h264_vaapi", "libx264"];
        let caps = Caps { encoders: names.iter().map(|name| cap(name, None)).collect(), ..Caps::default() };
        let nothing = BTreeSet::new();
        let need = Need {
            codec: VideoCodec::H264,
            ten_bit: false,
            static_hdr: false,
            keep: &nothing,
            size: (640, 360),
        };
        for (order, encoder) in [
            ("auto", "h264_nvenc"),
            ("vaapi, auto", "h264_vaapi"),
            ("qsv, software, nvenc", "libx264"),
            ("h264=vaapi; software", "h264_vaapi"),
            ("hevc=vaapi; software", "libx264"),
        ] {
            let choice: EncoderChoice = order.parse().unwrap();
            let chosen = choose(need, choice.of(VideoCodec::H264), &caps).map(|(row, _)| row.encoder);
            assert_eq!(chosen, Ok(encoder), "{order}");
            let tried: Vec<&str> =
                names.into_iter().filter(|name| may_use(Some(VideoCodec::H264), &choice, name)).collect();
            assert!(tried.contains(&encoder), "{order}: {tried:?}");
        }
        let why = choose(need, "qsv".parse::<EncoderChoice>().unwrap().of(VideoCodec::H264), &caps);
        assert!(why.unwrap_err().contains("h264_qsv: not in this ffmpeg"));
        let need = Need { codec: VideoCodec::Av1, ..need };
        let apple: EncoderChoice = "videotoolbox".parse().unwrap();
        let why = choose(need, apple.of(VideoCodec::Av1), &caps).unwrap_err();
        assert_eq!(why, "nothing that `encoder = \"videotoolbox\"` names makes av1");
    }
}
