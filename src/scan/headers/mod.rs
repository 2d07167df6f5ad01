//! Facts of Matroska and MP4 files from their headers, in this process: no ffprobe, a few bounded reads.
//!
//! Promises: what it says is what ffprobe says, or it says nothing and the file goes to ffprobe. It steps back for anything
//! unusual: other containers and codecs, fragments, fields, dynamic HDR, several parameter sets, two headers that
//! disagree. It trusts no length field, reads at most [`source`]'s budget, and never panics or loops.
//!
//! It covers everything in [`MediaInfo`] but what [`covered`] blanks: start times, streams' bit rates, captions inside the
//! video, B-frames, and for MP4 container tags but the brands, chapters, the base frame rate, and streams' tags but language and title.
//!
//! What may rest on it: the decision that a file already fits ([`crate::scan::examine`]), and statistics. What may not: a
//! conversion. Before a file is touched, ffprobe's word is taken.

#![expect(
    clippy::option_option,
    reason = "the outer one steps back, the inner one is a box that is not there"
)]

mod boxes;
mod codec;
mod dynamic;
mod ebml;
mod matroska;
mod mp4;
mod names;
mod source;
#[cfg(test)]
mod tests;
pub mod whole;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use crate::ffmpeg::probe;
use crate::model::media::{
    Disposition, DolbyVision, Editions, Hdr, MediaInfo, Stream, StreamKind, Tags, Video, Witness,
};
use crate::model::policy::Policy;
use codec::Picture;
use names::{Color, Range, UNSPECIFIED};
use source::Source;

/// Reads a file's facts; `None`: ask ffprobe.
pub fn read(path: &Path) -> Option<MediaInfo> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    from(file, size)
}

/// Reads facts from anything that can seek.
pub fn from<R: Read + Seek>(file: R, size: u64) -> Option<MediaInfo> {
    let mut source = Source::new(file, size);
    let start = source.up_to(0, 16)?;
    let media = match (start.get(..4)?, start.get(4..8)?) {
        ([0x1a, 0x45, 0xdf, 0xa3], _) => matroska::read(&mut source)?,
        (_, b"ftyp") => mp4::read(&mut source)?,
        _ => return None,
    };
    Some(MediaInfo { witness: Witness::Headers, ..media })
}

/// Puts ffprobe's facts of a Matroska file right: what it says of a language besides (`pt-BR`) stands in an element that ffmpeg passes
/// over, as it does of chapters that are more than a list; and a file that was written into a pipe has no length, of which ffprobe makes a
/// guess that may be many times too long.
pub fn correct(path: &Path, media: &mut MediaInfo) {
    if !media.format.starts_with("matroska") {
        return;
    }
    let told = File::open(path).ok().and_then(|file| {
        let size = file.metadata().ok()?.len();
        matroska::besides(&mut Source::new(file, size))
    });
    let Some(matroska::Besides { languages, promises_length, editions }) = told else { return };
    media.editions = editions;
    for (stream, tag) in media.streams.iter_mut().zip(languages) {
        if let Some(tag) = tag.filter(|tag| tag.contains('-')) {
            stream.language = Some(tag.to_lowercase());
        }
    }
    if !promises_length {
        media.duration = None;
    }
}

/// The facts without those that headers do not tell: what remains is the same from [`read`] and from ffprobe.
pub fn covered(media: &MediaInfo) -> MediaInfo {
    let mut media = media.clone();
    let mp4 = media.format.starts_with("mov,");
    media.start_time = None;
    media.editions = Editions::default();
    media.witness = Witness::Headers;
    if mp4 {
        media
            .tags
            .retain(|name, _| ["major_brand", "minor_version", "compatible_brands"].contains(&name.as_str()));
        media.chapters = Vec::new();
    }
    for stream in &mut media.streams {
        stream.start_time = None;
        stream.bit_rate = None;
        if mp4 {
            stream.tags = Tags::new();
        }
        if !matches!(stream.kind, StreamKind::Video | StreamKind::Audio) {
            // ffprobe gives a stream without packets at the start the file's duration.
            stream.duration = None;
        }
        if stream.codec == "eac3" {
            // Newer versions of ffmpeg name the Atmos extension, which is deep in the frames.
            stream.profile = None;
        }
        if let Some(video) = &mut stream.video {
            video.closed_captions = false;
            video.has_b_frames = false;
            if mp4 {
                // Measured from the packets, where the average comes from the table of times.
                video.frame_rate = None;
            }
        }
    }
    media
}

/// Whether a policy's decision by these facts is the one by ffprobe's: headers of MP4 do not tell a stream's bit rate, so
/// a limit on it counts as kept only where the whole file is below.
pub fn enough(media: &MediaInfo, policy: &Policy) -> bool {
    let Some(limit) = policy.video.max_bitrate.map(|kilobits| f64::from(kilobits) * 1000.0) else {
        return true;
    };
    media.of_kind(StreamKind::Video).all(|stream| {
        let seconds = stream.duration.or(media.duration).unwrap_or(0.0);
        stream.bit_rate.is_some() || media.size as f64 * 8.0 <= limit * seconds
    })
}

/// An empty stream of a kind.
fn stream(kind: StreamKind, codec: &str) -> Stream {
    Stream {
        index: 0,
        kind,
        codec: codec.to_owned(),
        codec_tag: String::new(),
        profile: None,
        level: None,
        language: None,
        title: None,
        disposition: Disposition::default(),
        start_time: None,
        duration: None,
        bit_rate: None,
        frames: None,
        tags: Tags::new(),
        video: None,
        audio: None,
    }
}

/// What the container says about a picture.
#[derive(Clone, Debug)]
struct Container {
    /// Sample aspect ratio; none: the stream's own counts.
    sar: Option<(u32, u32)>,
    color: Color,
    /// Average frame rate.
    rate: (u32, u32),
    /// The rate of most frames; none where ffprobe would measure it.
    base_rate: Option<(u32, u32)>,
    rotation: i32,
    field_order: Option<&'static str>,
    dolby_vision: Option<DolbyVision>,
}

impl Default for Container {
    fn default() -> Self {
        Self {
            sar: None,
            color: Color::UNKNOWN,
            rate: (0, 0),
            base_rate: None,
            rotation: 0,
            field_order: None,
            dolby_vision: None,
        }
    }
}

/// A picture as ffprobe shows it: the stream's word before the container's, where the decoder exports it.
fn video(picture: &Picture, container: &Container) -> Option<Video> {
    let mut color = container.color;
    let mut tagged_by_container = false;
    if picture.states_color {
        let mut of = |own: u8, container: u8| {
            let open = picture.leaves_color_open && own == UNSPECIFIED && container != UNSPECIFIED;
            tagged_by_container |= open;
            if open { container } else { own }
        };
        color = Color {
            range: color.range,
            primaries: of(picture.color.primaries, color.primaries),
            transfer: of(picture.color.transfer, color.transfer),
            matrix: of(picture.color.matrix, color.matrix),
        };
    }
    if picture.states_range {
        color.range = picture.color.range;
    }
    // The pixel format of full range has another name; a container that says so of a silent stream is ffprobe's.
    if color.range == Range::Full && !picture.states_range {
        return None;
    }
    let transfer = names::transfer(color.transfer)?;
    Some(Video {
        width: picture.width,
        height: picture.height,
        sar: container.sar.unwrap_or(picture.sar),
        pix_fmt: picture.pix_fmt.to_owned(),
        bit_depth: picture.bit_depth,
        color_range: color.range.name(),
        color_primaries: names::primaries(color.primaries)?,
        color_transfer: transfer,
        color_space: names::matrix(color.matrix)?,
        tagged_by_container,
        chroma_location: picture.chroma_location.map(str::to_owned),
        frame_rate: container.base_rate,
        avg_frame_rate: Some(container.rate),
        field_order: picture.field_order.or(container.field_order).map(str::to_owned),
        rotation: container.rotation,
        has_b_frames: picture.has_b_frames.unwrap_or(false),
        dolby_vision: container.dolby_vision,
        ..Video::default()
    })
}

/// Whether ffprobe's facts hang on the first pictures, too: more than eight bits, or a curve of HDR. `None` for codecs
/// whose pictures are not read here.
fn wants_picture(codec: &str, video: &Video) -> Option<bool> {
    if video.bit_depth <= 8 && video.hdr() == Hdr::Sdr {
        return Some(false);
    }
    // Dolby Vision's own messages are ffprobe's.
    (codec == "hevc" && video.dolby_vision.is_none()).then_some(true)
}

/// The Dolby Vision configuration record (Dolby Vision Streams Within the ISO Base Media File Format, 3.2).
fn dolby_vision(record: &[u8]) -> Option<DolbyVision> {
    let bits = u16::from_be_bytes(record.get(2..4)?.try_into().ok()?);
    Some(DolbyVision {
        profile: (bits >> 9) as u8,
        compatibility: record.get(4)? >> 4,
        enhancement_layer: bits >> 1 & 1 != 0,
    })
}

/// Fills a stream's fields from its tags, by the rules of the reader of ffprobe's answers.
fn settle(stream: &mut Stream) {
    let statistic = |name: &str| probe::statistic(&stream.tags, name);
    stream.duration = stream.duration.or_else(|| statistic("duration").and_then(probe::clock));
    stream.frames = stream.frames.or_else(|| statistic("number_of_frames")?.parse().ok()).filter(|n| *n > 0);
    stream.bit_rate = statistic("bps").and_then(|rate| rate.parse().ok()).filter(|rate| *rate > 0);
    stream.language = probe::language(&stream.tags);
    stream.title = probe::title(&stream.tags);
}

/// The file's duration in microseconds, and the bit rate that follows from it, with ffmpeg's rounding.
fn micros(duration: u64, media: &mut MediaInfo) {
    media.duration = Some(duration as f64 / 1e6);
    media.bit_rate = Some((media.size as f64 * 8.0 * 1e6 / duration as f64) as u64);
}

/// Microseconds since 1970 as ffmpeg writes `creation_time`.
fn timestamp(micros: i64) -> Option<String> {
    let (days, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    // Civil date from days, after Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_part + 2) / 5 + 1;
    let month = if month_part < 10 { month_part + 3 } else { month_part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if !(1970..=9999).contains(&year) {
        return None;
    }
    let (seconds, part) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{part:06}Z"))
}
