//! What the result of a plan will look like to ffprobe. The verification compares with it, and a property test feeds it
//! back into `decide`: a result that would be converted again is a bug.

use super::flags;
use crate::model::media::{Audio, FrameData, MediaInfo, Stream, StreamKind, Tags, Video};
use crate::model::plan::{Action, AudioEncode, Plan, StreamPlan, VideoEncode};
use crate::model::policy::Container;

/// The result as ffprobe will describe it, as far as a plan determines it. What only the bytes decide (bit rates,
/// measured durations of each stream, profiles that encoders choose) is left out.
#[cfg(test)]
pub fn expected(plan: &Plan, source: &MediaInfo) -> MediaInfo {
    let mut tags = Tags::new();
    let format = match plan.container {
        Container::Mp4 => {
            tags.insert("major_brand".to_owned(), "isom".to_owned());
            "mov,mp4,m4a,3gp,3g2,mj2"
        }
        Container::M4a => {
            tags.insert("major_brand".to_owned(), "M4A ".to_owned());
            "mov,mp4,m4a,3gp,3g2,mj2"
        }
        Container::Mp3 => "mp3",
        Container::Opus => "ogg",
        Container::Flac => "flac",
        Container::Matroska | Container::Same => "matroska,webm",
    };
    let mut streams = expected_streams(plan, source);
    if plan.chapters && matches!(plan.container, Container::Mp4 | Container::M4a) {
        streams.push(chapter_track(streams.len() as u32));
    }
    // Pictures in MP4 are no tracks; ffprobe lists them after all tracks.
    if matches!(plan.container, Container::Mp4 | Container::M4a) {
        streams.sort_by_key(|s| s.kind == StreamKind::Picture);
    }
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.index = index as u32;
    }
    MediaInfo {
        format: format.to_owned(),
        duration: source.duration,
        start_time: Some(0.0),
        size: 0,
        bit_rate: None,
        streams,
        chapters: if plan.chapters { source.chapters.clone() } else { Vec::new() },
        tags,
        ..MediaInfo::default()
    }
}

/// The streams of the result, one for each of [`Plan::streams`] in their order.
pub fn expected_streams(plan: &Plan, source: &MediaInfo) -> Vec<Stream> {
    let streams = plan.streams.iter().enumerate();
    let mut streams: Vec<Stream> = streams.filter_map(|(n, s)| one(n as u32, s, plan, source)).collect();
    flags::enable_first(plan.container, &mut streams);
    streams
}

fn one(index: u32, planned: &StreamPlan, plan: &Plan, source: &MediaInfo) -> Option<Stream> {
    let from = source.stream(planned.source)?;
    let mut stream = Stream {
        index,
        codec_tag: String::new(),
        language: planned.language.clone().filter(|l| is_kept(l, plan.container)),
        title: planned.title.clone(),
        disposition: flags::read(plan.container, from.kind, planned.disposition),
        start_time: None,
        duration: None,
        bit_rate: None,
        frames: None,
        tags: Tags::new(),
        ..from.clone()
    };
    match &planned.action {
        Action::Copy { codec, tag, .. } => {
            stream.codec.clone_from(codec);
            stream.codec_tag = tag.clone().unwrap_or_default();
            stream.bit_rate = from.bit_rate;
            if stream.kind == StreamKind::Attachment {
                stream.tags.clone_from(&from.tags);
            }
        }
        Action::Video(encode) => {
            stream.codec.clone_from(&encode.codec);
            stream.profile = None;
            stream.level = encode.level.map(|l| l as i32);
            stream.video = Some(encoded_video(encode, from.video.as_ref()));
        }
        Action::Audio(encode) => {
            stream.codec.clone_from(&encode.codec);
            stream.profile = None;
            stream.audio = Some(encoded_audio(encode, from.audio.as_ref()));
        }
        Action::Subtitle { codec } | Action::Picture { codec } => stream.codec.clone_from(codec),
    }
    Some(stream)
}

/// The stream itself carries the language: MP4 packs it into three letters, and anything else becomes `und`.
fn is_kept(language: &str, container: Container) -> bool {
    match container {
        Container::Mp4 | Container::M4a => {
            language.len() == 3 && language.bytes().all(|b| b.is_ascii_lowercase())
        }
        // A tag of the file there, not of its only track.
        Container::Mp3 | Container::Flac | Container::Opus => false,
        Container::Matroska | Container::Same => true,
    }
}

fn encoded_video(encode: &VideoEncode, from: Option<&Video>) -> Video {
    let fallback = Video::default();
    let from = from.unwrap_or(&fallback);
    Video {
        width: encode.width,
        height: encode.height,
        sar: encode.sar,
        pix_fmt: encode.pix_fmt.clone(),
        bit_depth: if encode.pix_fmt.contains("10") { 10 } else { 8 },
        color_range: encode.color.range.clone(),
        color_primaries: encode.color.primaries.clone(),
        color_transfer: encode.color.transfer.clone(),
        color_space: encode.color.matrix.clone(),
        tagged_by_container: false,
        chroma_location: None,
        frame_rate: encode.fps.or(from.frame_rate),
        avg_frame_rate: encode.fps.or(from.avg_frame_rate),
        field_order: Some("progressive".to_owned()),
        rotation: 0,
        warped: false,
        has_b_frames: from.has_b_frames,
        shown_late: 0,
        closed_captions: encode.keep.contains(&FrameData::Captions),
        mastering: encode.mastering.clone(),
        content_light: encode.content_light,
        hdr10_plus: encode.keep.contains(&FrameData::Hdr10Plus),
        dolby_vision: from.dolby_vision.filter(|_| encode.keep.contains(&FrameData::DolbyVision)),
    }
}

fn encoded_audio(encode: &AudioEncode, from: Option<&Audio>) -> Audio {
    Audio {
        channels: encode.channels,
        layout: encode.layout.clone(),
        sample_rate: encode.sample_rate.or(from.map(|a| a.sample_rate)).unwrap_or(0),
        bits: if encode.codec == "flac" { from.map_or(0, |a| a.bits) } else { 0 },
    }
}

#[cfg(test)]
fn chapter_track(index: u32) -> Stream {
    let track = Stream {
        index,
        kind: StreamKind::Data,
        codec: "bin_data".to_owned(),
        codec_tag: "text".to_owned(),
        profile: None,
        level: None,
        language: Some("eng".to_owned()),
        title: None,
        disposition: crate::model::media::Disposition::default(),
        start_time: None,
        duration: None,
        bit_rate: None,
        frames: None,
        tags: Tags::new(),
        video: None,
        audio: None,
    };
    debug_assert!(super::container::is_chapter_track(&track), "the track made here must be known as one");
    track
}
