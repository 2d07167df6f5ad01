//! What each container can hold, and whether a file is in the wanted one already.

use std::collections::BTreeMap;
use std::path::Path;

use super::words;
use crate::model::media::{Editions, MediaInfo, Stream, StreamKind};
use crate::model::plan::Lost;
use crate::model::policy::Container;

/// The extension of a file name, lower case, without the dot.
pub fn extension(name: &str) -> String {
    Path::new(name).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// An MP4 by its content: the MOV family without QuickTime's and 3GPP's brands.
pub fn is_mp4(media: &MediaInfo) -> bool {
    let brand = media.tags.get("major_brand").map(|b| b.trim().to_lowercase()).unwrap_or_default();
    media.format.starts_with("mov,") && brand != "qt" && !brand.starts_with("3g")
}

/// A Matroska file (WebM included) by its content.
pub fn is_matroska(media: &MediaInfo) -> bool {
    media.format.starts_with("matroska")
}

/// ffprobe's list of names as the one that a person knows.
pub fn words(media: &MediaInfo) -> String {
    let brand = media.tags.get("major_brand").map(|b| b.trim().to_lowercase()).unwrap_or_default();
    match media.format.split(',').next().unwrap_or_default() {
        "mov" if brand == "qt" => "quicktime".to_owned(),
        "mov" if brand.starts_with("3g") => "3gp".to_owned(),
        "mov" => "mp4".to_owned(),
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}

/// The container that a video file is to have; `None`: it keeps its own.
pub fn wanted(container: Container, name: &str, media: &MediaInfo) -> Option<Container> {
    let extension = extension(name);
    let in_mp4 = is_mp4(media) && matches!(extension.as_str(), "mp4" | "m4v");
    let in_matroska = is_matroska(media) && matches!(extension.as_str(), "mkv" | "webm" | "mk3d");
    match container {
        Container::Mp4 => (!in_mp4).then_some(Container::Mp4),
        Container::Matroska => (!in_matroska).then_some(Container::Matroska),
        _ if in_mp4 || in_matroska => None,
        // MP4 where it is at home with everything, since more players know it; Matroska holds the rest. Data tracks
        // decide nothing: neither holds them.
        _ if media.streams.iter().all(is_at_home_in_mp4) => Some(Container::Mp4),
        _ => Some(Container::Matroska),
    }
}

/// How a container takes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Bit for bit.
    AsIs,
    /// After a conversion to this codec that loses nothing or nearly nothing.
    As(&'static str),
    /// Not at all.
    No,
}

/// How a container takes a stream.
pub fn holds(container: Container, stream: &Stream) -> Holds {
    match container {
        Container::Mp4 | Container::M4a => mp4_holds(stream),
        _ => matroska_holds(stream),
    }
}

fn is_at_home_in_mp4(stream: &Stream) -> bool {
    match stream.kind {
        StreamKind::Data => true,
        StreamKind::Video => matches!(stream.codec.as_str(), "h264" | "hevc" | "av1" | "mpeg4"),
        _ => mp4_holds(stream) == Holds::AsIs,
    }
}

fn mp4_holds(stream: &Stream) -> Holds {
    let codec = stream.codec.as_str();
    let as_is = match stream.kind {
        StreamKind::Video => {
            matches!(
                codec,
                "h264" | "hevc" | "av1" | "vp9" | "mpeg4" | "mpeg2video" | "mpeg1video" | "vc1" | "mjpeg"
            )
        }
        // MP2 comes back named MP3, and DTS needs frame sizes that broadcasts do not tell.
        StreamKind::Audio => {
            matches!(codec, "aac" | "mp3" | "ac3" | "eac3" | "alac" | "opus" | "flac")
        }
        StreamKind::Subtitle => match codec {
            "mov_text" => true,
            _ if is_text(codec) => return Holds::As("mov_text"),
            _ => false,
        },
        StreamKind::Picture => match codec {
            "mjpeg" | "png" => true,
            "" => false,
            _ => return Holds::As("png"),
        },
        StreamKind::Data => is_chapter_track(stream),
        StreamKind::Attachment => false,
    };
    if as_is { Holds::AsIs } else { Holds::No }
}

fn matroska_holds(stream: &Stream) -> Holds {
    let codec = stream.codec.as_str();
    match stream.kind {
        _ if codec.is_empty() && stream.kind != StreamKind::Attachment => Holds::No,
        StreamKind::Video | StreamKind::Attachment => Holds::AsIs,
        StreamKind::Picture if matches!(codec, "mjpeg" | "png") => Holds::AsIs,
        StreamKind::Picture => Holds::As("png"),
        StreamKind::Audio => match codec {
            // Discs' own packings of PCM: the samples move into FLAC, bit for bit.
            "pcm_bluray" | "pcm_dvd" | "pcm_s8" | "pcm_s16be_planar" | "pcm_s16le_planar" => {
                Holds::As("flac")
            }
            "aac_latm" => Holds::As("aac"),
            _ => Holds::AsIs,
        },
        StreamKind::Subtitle => match codec {
            "subrip" | "ass" | "ssa" | "webvtt" | "hdmv_pgs_subtitle" | "dvd_subtitle" | "dvb_subtitle"
            | "hdmv_text_subtitle" => Holds::AsIs,
            _ if is_text(codec) => Holds::As("subrip"),
            _ => Holds::No,
        },
        StreamKind::Data => Holds::No,
    }
}

/// Text subtitles that ffmpeg can read.
pub fn is_text(codec: &str) -> bool {
    matches!(
        codec,
        "subrip"
            | "srt"
            | "ass"
            | "ssa"
            | "mov_text"
            | "webvtt"
            | "text"
            | "microdvd"
            | "subviewer"
            | "subviewer1"
            | "sami"
            | "realtext"
            | "stl"
            | "vplayer"
            | "pjs"
            | "mpl2"
            | "jacosub"
            | "eia_608"
    )
}

/// The text track that an MP4's chapters are; ffprobe lists it as a data stream beside the chapters themselves.
pub fn is_chapter_track(stream: &Stream) -> bool {
    stream.kind == StreamKind::Data
        && stream.codec_tag == "text"
        && matches!(stream.codec.as_str(), "bin_data" | "")
}

/// A timecode track; its value is also a tag, from which the muxer makes a new track.
pub fn is_timecode(stream: &Stream) -> bool {
    stream.kind == StreamKind::Data && stream.codec_tag == "tmcd"
}

/// Container tags that ffmpeg has no place for in MP4, as one loss.
pub fn lost_tags(media: &MediaInfo) -> Option<Lost> {
    let lost = homeless_tags(media);
    (!lost.is_empty()).then(|| Lost {
        source: None,
        what: format!("tags {}", lost.into_keys().collect::<Vec<_>>().join(", ")),
        why: "MP4 has no place for them".to_owned(),
    })
}

/// What of Matroska's chapters ffmpeg passes over, so that no result has it.
pub fn lost_editions(media: &MediaInfo) -> impl Iterator<Item = Lost> {
    let Editions { more, nested, linked: _, ordered } = media.editions;
    let all = [
        (more > 0).then(|| format!("{more} further editions of the chapters")),
        (nested > 0).then(|| format!("{nested} chapters within chapters")),
        ordered.then(|| "the order in which the chapters are to be played".to_owned()),
    ];
    let lost = |what| Lost { source: None, what, why: "ffmpeg does not read it".to_owned() };
    all.into_iter().flatten().map(lost)
}

/// Tags of a stream that MP4 has no place for: all but language and title. Those about its bytes are of the old file only.
pub fn lost_stream_tags(container: Container, stream: &Stream) -> Option<Lost> {
    const OF_THE_BYTES: [&str; 16] = [
        "language",
        "title",
        "handler_name",
        "vendor_id",
        "encoder",
        "encoder_options",
        "creation_time",
        "duration",
        "bps",
        "number_of_frames",
        "number_of_bytes",
        "source_id",
        "timecode",
        "rotate",
        "alpha_mode",
        "variant_bitrate",
    ];
    let played = matches!(stream.kind, StreamKind::Video | StreamKind::Audio | StreamKind::Subtitle);
    let said = |name: &str| name.split_once('-').map_or(name, |(name, _)| name).to_owned();
    let homeless = |name: &&String| {
        !OF_THE_BYTES.contains(&said(name).as_str())
            && !name.starts_with('_')
            && !name.starts_with("id3v2_priv")
    };
    let names: Vec<&str> = stream.tags.keys().filter(homeless).map(String::as_str).collect();
    (played && container == Container::Mp4 && !names.is_empty()).then(|| Lost {
        source: Some(stream.index),
        what: format!("tags {} of {}", names.join(", "), words::stream(stream)),
        why: "MP4 has no place for them".to_owned(),
    })
}

/// Container tags that ffmpeg does not write into MP4, with their values.
pub fn homeless_tags(media: &MediaInfo) -> BTreeMap<&str, &str> {
    /// Written by ffmpeg's MP4 muxer.
    const KEPT: [&str; 25] = [
        "title",
        "artist",
        "album_artist",
        "composer",
        "album",
        "date",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
        "season_number",
        "track",
        "disc",
        "media_type",
        "hd_video",
        "compilation",
        "timecode",
        "location",
    ];
    /// About the old file, not about the film.
    const OF_THE_FILE: [&str; 9] = [
        "major_brand",
        "minor_version",
        "compatible_brands",
        "encoder",
        "creation_time",
        "encoded_by",
        "duration",
        "software",
        "handler_name",
    ];
    // Ogg has the song's tags at its stream; the stream's language stays there.
    let ogg = media.of_kind(StreamKind::Audio).next().filter(|_| media.format == "ogg");
    let of_stream = ogg.into_iter().flat_map(|stream| &stream.tags).filter(|(k, _)| *k != "language");
    of_stream
        .chain(&media.tags)
        .map(|(k, value)| (k.as_str(), value.as_str()))
        .filter(|(k, _)| !KEPT.contains(k) && !OF_THE_FILE.contains(k))
        .filter(|(k, _)| !k.starts_with("location") && !k.starts_with('_') && !k.starts_with("itun"))
        .collect()
}
