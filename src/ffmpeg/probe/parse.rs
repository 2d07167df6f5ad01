//! ffprobe's JSON as [`MediaInfo`]. Pure.

use serde_json::Value;

use super::field::{bit_depth, clock, disposition, number, pair, ratio, statistic, tags, text, whole};
use super::frames;
use crate::model::media::{Audio, Chapter, Disposition, MediaInfo, Stream, StreamKind, Tags, Video};

/// Parses `ffprobe -of json -show_format -show_streams -show_chapters -show_programs` (and `-show_frames` of the first
/// frame per video stream where given). Pure. Unknown fields are ignored; streams listed twice (programs) count once.
pub fn parse(json: &[u8]) -> std::result::Result<MediaInfo, String> {
    // Tags may hold any bytes; ffprobe replaces what is not UTF-8, but only since it was taught to.
    let lossy = String::from_utf8_lossy(json);
    let root: Value =
        serde_json::from_str(&lossy).map_err(|e| format!("ffprobe's answer is not JSON: {e}"))?;
    let format = root.get("format").cloned().unwrap_or(Value::Null);
    let mut media = MediaInfo {
        format: text(&format, "format_name").unwrap_or_default(),
        duration: number(&format, "duration").filter(|d| *d > 0.0),
        start_time: number(&format, "start_time"),
        size: whole(&format, "size").unwrap_or(0),
        bit_rate: whole(&format, "bit_rate"),
        tags: tags(&format),
        ..MediaInfo::default()
    };
    let list = |name: &str| root.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let programs = list("programs");
    // A recording of one program often names all that its channel sends.
    let sent = |p: &&Value| p.get("streams").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    media.programs = programs.iter().filter(sent).count() as u32;
    let of_programs = programs.iter().filter_map(|p| p.get("streams")?.as_array()).flatten().cloned();
    for value in list("streams").into_iter().chain(of_programs) {
        if let Some(stream) = stream(&value)
            && media.stream(stream.index).is_none()
        {
            media.streams.push(stream);
        }
    }
    media.streams.sort_by_key(|s| s.index);
    if media.format != "avi" {
        // Everywhere else a frame has a time of its own.
        media.streams.iter_mut().filter_map(|s| s.video.as_mut()).for_each(|v| v.shown_late = 0);
    }
    demote_pictures(&mut media);
    media.chapters = list("chapters").iter().filter_map(chapter).collect();
    if root.get("frames").is_some() {
        frames::merge(&mut media, lossy.as_bytes());
    }
    Ok(media)
}

fn stream(value: &Value) -> Option<Stream> {
    let index = u32::try_from(whole(value, "index")?).ok()?;
    let disposition = disposition(value);
    let tags = tags(value);
    let kind = kind(value, disposition);
    let codec = text(value, "codec_name").unwrap_or_default();
    let length = || statistic(&tags, "duration").and_then(clock);
    let count = || statistic(&tags, "number_of_frames").and_then(|n| n.parse().ok());
    Some(Stream {
        index,
        kind,
        codec_tag: text(value, "codec_tag_string").filter(|t| !t.starts_with("[0]")).unwrap_or_default(),
        profile: text(value, "profile"),
        // -99 is ffmpeg's word for unknown.
        level: number(value, "level").map(|l| l as i32).filter(|l| *l > 0),
        language: tags
            .get("language")
            .map(|l| l.trim().to_lowercase())
            .filter(|l| !l.is_empty() && l != "und"),
        title: title(&tags),
        disposition,
        start_time: number(value, "start_time"),
        duration: number(value, "duration").filter(|d| *d > 0.0).or_else(length),
        bit_rate: whole(value, "bit_rate")
            .or_else(|| statistic(&tags, "bps")?.parse().ok())
            .filter(|b| *b > 0),
        frames: whole(value, "nb_frames").or_else(count).filter(|n| *n > 0),
        video: matches!(kind, StreamKind::Video | StreamKind::Picture).then(|| video(value, &tags)),
        audio: (kind == StreamKind::Audio).then(|| audio(value)),
        codec,
        tags,
    })
}

fn kind(value: &Value, disposition: Disposition) -> StreamKind {
    match value.get("codec_type").and_then(Value::as_str) {
        Some("video") if disposition.attached_pic || disposition.timed_thumbnails => StreamKind::Picture,
        Some("video") => StreamKind::Video,
        Some("audio") => StreamKind::Audio,
        Some("subtitle") => StreamKind::Subtitle,
        Some("attachment") => StreamKind::Attachment,
        _ => StreamKind::Data,
    }
}

/// The language tag, where it says one.
pub fn language(tags: &Tags) -> Option<String> {
    tags.get("language").map(|l| l.trim().to_lowercase()).filter(|l| !l.is_empty() && l != "und")
}

/// The title tag; MP4 has no such tag for tracks, there it is the handler's name, unless that is the name of the tool
/// that wrote the file.
pub fn title(tags: &Tags) -> Option<String> {
    const TOOLS: [&str; 8] =
        ["handle", "iso media", "gpac", "core media", "mainconcept", "l-smash", "produced by", "bento4"];
    let named = |t: &&String| !t.trim().is_empty();
    tags.get("title").filter(named).cloned().or_else(|| {
        let handler = tags.get("handler_name").filter(named)?;
        let lower = handler.to_lowercase();
        (!TOOLS.iter().any(|tool| lower.contains(tool))).then(|| handler.clone())
    })
}

fn video(value: &Value, tags: &Tags) -> Video {
    let pix_fmt = text(value, "pix_fmt").unwrap_or_default();
    let mut video = Video {
        width: whole(value, "width").unwrap_or(0) as u32,
        height: whole(value, "height").unwrap_or(0) as u32,
        sar: value.get("sample_aspect_ratio").and_then(Value::as_str).and_then(pair).unwrap_or((0, 1)),
        bit_depth: bit_depth(&pix_fmt),
        pix_fmt,
        color_range: text(value, "color_range"),
        color_primaries: text(value, "color_primaries"),
        color_transfer: text(value, "color_transfer"),
        color_space: text(value, "color_space"),
        chroma_location: text(value, "chroma_location"),
        frame_rate: ratio(value, "r_frame_rate"),
        avg_frame_rate: ratio(value, "avg_frame_rate"),
        field_order: text(value, "field_order"),
        rotation: tags.get("rotate").and_then(|r| r.parse().ok()).map_or(0, upright),
        has_b_frames: whole(value, "has_b_frames").is_some_and(|n| n > 0),
        shown_late: whole(value, "has_b_frames").unwrap_or(0) as u32,
        closed_captions: whole(value, "closed_captions").is_some_and(|n| n > 0),
        ..Video::default()
    };
    frames::side_data(&mut video, value);
    video
}

/// Any angle as 0, 90, 180 or 270.
pub(super) fn upright(degrees: i32) -> i32 {
    ((degrees.rem_euclid(360) + 45) / 90 % 4) * 90
}

/// A decoder that says «unknown» where its stream says nothing, whatever the container said.
pub fn leaves_colors_open(stream: &Stream) -> bool {
    let open =
        |v: &Video| v.color_primaries.is_none() || v.color_transfer.is_none() || v.color_space.is_none();
    matches!(stream.codec.as_str(), "hevc" | "av1") && stream.video.as_ref().is_some_and(open)
}

/// Fills in what such streams leave open, from the JSON of streams that no decoder has looked at.
pub fn colors_of_container(media: &mut MediaInfo, json: &[u8]) {
    let Ok(container) = parse(json) else { return };
    for stream in media.streams.iter_mut().filter(|s| leaves_colors_open(s)) {
        let said = container.stream(stream.index).and_then(|s| s.video.as_ref());
        let Some((video, said)) = stream.video.as_mut().zip(said) else { continue };
        for (own, said) in [
            (&mut video.color_primaries, &said.color_primaries),
            (&mut video.color_transfer, &said.color_transfer),
            (&mut video.color_space, &said.color_space),
        ] {
            if own.is_none() && said.is_some() {
                own.clone_from(said);
                video.tagged_by_container = true;
            }
        }
    }
}

fn audio(value: &Value) -> Audio {
    let bits =
        whole(value, "bits_per_raw_sample").filter(|b| *b > 0).or_else(|| whole(value, "bits_per_sample"));
    Audio {
        channels: whole(value, "channels").unwrap_or(0) as u32,
        layout: text(value, "channel_layout"),
        sample_rate: whole(value, "sample_rate").unwrap_or(0) as u32,
        bits: bits.unwrap_or(0) as u32,
    }
}

fn chapter(value: &Value) -> Option<Chapter> {
    Some(Chapter {
        start: number(value, "start_time")?,
        end: number(value, "end_time")?,
        title: tags(value).remove("title").filter(|t| !t.is_empty()),
    })
}

/// Cover art that lost its flag on the way (ffmpeg's Matroska muxer writes it as a track of one frame) is still a
/// picture: an image codec with one frame, or with no rate at all.
fn demote_pictures(media: &mut MediaInfo) {
    for stream in media.streams.iter_mut().filter(|s| s.kind == StreamKind::Video) {
        let still = matches!(stream.codec.as_str(), "mjpeg" | "png" | "bmp" | "webp" | "gif" | "tiff");
        let rate = stream.video.as_ref().and_then(|v| v.avg_frame_rate);
        let short = stream.duration.is_some_and(|d| d < 0.2);
        if still && (stream.frames == Some(1) || rate.is_none() || (stream.frames.is_none() && short)) {
            stream.kind = StreamKind::Picture;
        }
    }
}
