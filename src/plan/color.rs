//! Colours of a video encode: what the source is, what the result is tagged with, and whether that is a conversion.

use crate::model::media::{Hdr, Video};
use crate::model::plan::ColorTags;
use crate::model::policy::HdrPolicy;

/// Colours of an encode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colors {
    /// Tags of the result.
    pub to: ColorTags,
    /// The source's, where they must be converted.
    pub from: Option<ColorTags>,
    /// The curve to tone-map from.
    pub tone_map: Option<Hdr>,
}

impl Colors {
    /// The conversion needs zscale: swscale knows matrices and ranges, but neither primaries nor curves.
    pub fn needs_zscale(&self) -> bool {
        self.tone_map.is_some() || self.from.as_ref().is_some_and(|f| f.primaries != self.to.primaries)
    }
}

/// Colours for an encode of this stream.
pub fn plan(video: &Video, policy: HdrPolicy) -> Colors {
    match policy {
        HdrPolicy::Keep => keep(video),
        HdrPolicy::ToneMap => standard(video),
    }
}

/// As they are: what is not tagged stays untagged, since a guess written down would become a fact.
fn keep(video: &Video) -> Colors {
    let from = source(video);
    // An untagged range is the limited one, by every standard and in every player.
    let mut to =
        ColorTags { range: Some(from.range.clone().unwrap_or_else(|| "tv".to_owned())), ..from.clone() };
    if is_rgb(video) {
        // Luma needs some matrix; the one of its size is what players assume.
        to = ColorTags { matrix: guess(video).matrix, range: Some("tv".to_owned()), ..to };
    }
    let convert = is_rgb(video) || is_full(video);
    Colors { to, from: convert.then_some(from), tone_map: None }
}

/// SDR in limited range: HDR is tone-mapped, wide gamut becomes BT.709; what is BT.601 stays BT.601 and says so.
fn standard(video: &Video) -> Colors {
    let from = source(video);
    if video.hdr() != Hdr::Sdr {
        // A stream with a curve of HDR and no primaries is BT.2020: nothing else was ever published with these curves.
        let primaries = from.primaries.clone().unwrap_or_else(|| "bt2020".to_owned());
        let matrix = from.matrix.clone().unwrap_or_else(|| "bt2020nc".to_owned());
        let range = from.range.clone().unwrap_or_else(|| "tv".to_owned());
        let transfer = from.transfer.clone();
        let from =
            ColorTags { primaries: Some(primaries), transfer, matrix: Some(matrix), range: Some(range) };
        return Colors { to: bt709(), from: Some(from), tone_map: Some(video.hdr()) };
    }
    if wide(video) {
        let range = Some(from.range.unwrap_or_else(|| "tv".to_owned()));
        let matrix = from.matrix.filter(|m| m != "gbr").unwrap_or_else(|| "bt2020nc".to_owned());
        // BT.2020's SDR curve is BT.709's.
        let from = ColorTags {
            primaries: Some("bt2020".to_owned()),
            transfer: Some("bt709".to_owned()),
            matrix: Some(matrix),
            range,
        };
        return Colors { to: bt709(), from: Some(from), tone_map: None };
    }
    let guess = guess(video);
    let to = if is_rgb(video) {
        guess
    } else {
        ColorTags {
            primaries: from.primaries.clone().or(guess.primaries),
            transfer: from.transfer.clone().or(guess.transfer),
            matrix: from.matrix.clone().or(guess.matrix),
            range: Some("tv".to_owned()),
        }
    };
    let convert = is_rgb(video) || is_full(video);
    let from = ColorTags {
        matrix: from.matrix.or_else(|| to.matrix.clone()),
        primaries: to.primaries.clone(),
        ..from
    };
    Colors { to, from: convert.then_some(from), tone_map: None }
}

/// The tags as they are in the source. A `yuvj` format says full range whatever the tag says.
fn source(video: &Video) -> ColorTags {
    ColorTags {
        primaries: video.color_primaries.clone(),
        transfer: video.color_transfer.clone(),
        matrix: video.color_space.clone(),
        range: if is_full(video) { Some("pc".to_owned()) } else { video.color_range.clone() },
    }
}

fn is_full(video: &Video) -> bool {
    !is_rgb(video) && (video.color_range.as_deref() == Some("pc") || video.pix_fmt.starts_with("yuvj"))
}

/// Red, green and blue rather than luma and chroma (screen recordings, lossless archives, palettes).
fn is_rgb(video: &Video) -> bool {
    let name = video.pix_fmt.as_str();
    video.color_space.as_deref() == Some("gbr")
        || ["rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8"].iter().any(|p| name.starts_with(p))
}

fn wide(video: &Video) -> bool {
    video.color_primaries.as_deref() == Some("bt2020")
        || (video.color_primaries.is_none()
            && matches!(video.color_space.as_deref(), Some("bt2020nc" | "bt2020c")))
}

/// What untagged video is by every player's own rule: BT.709 from HD on, BT.601 below, in the flavour of its line count.
fn guess(video: &Video) -> ColorTags {
    if video.width > 1024 || video.height > 576 {
        bt709()
    } else if matches!(video.height, 288 | 576) {
        tags("bt470bg", "smpte170m", "smpte170m", "tv")
    } else {
        tags("smpte170m", "smpte170m", "smpte170m", "tv")
    }
}

fn bt709() -> ColorTags {
    tags("bt709", "bt709", "bt709", "tv")
}

fn tags(primaries: &str, transfer: &str, matrix: &str, range: &str) -> ColorTags {
    ColorTags {
        primaries: Some(primaries.to_owned()),
        transfer: Some(transfer.to_owned()),
        matrix: Some(matrix.to_owned()),
        range: Some(range.to_owned()),
    }
}
