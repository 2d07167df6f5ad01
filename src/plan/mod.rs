//! Decides. Pure: (what a file is, what this machine can do, what the profile wants) → a plan or a skip, in words.
//!
//! Promises: every stream of the source is either in the plan, in a sidecar, or named among the lost with a reason; what
//! a plan makes is decided as «already as wanted» when it is met again.
//! Never does IO, never reads a clock.

mod audio;
mod color;
mod container;
mod encoder;
mod expected;
mod film;
mod flags;
mod language;
mod level;
mod music;
mod names;
mod profiles;
mod quality;
mod rate;
mod same;
mod subtitle;
mod video;
mod words;

#[cfg(test)]
mod tests;

use crate::model::caps::Caps;
use crate::model::media::{MediaInfo, StreamKind};
use crate::model::plan::{Action, Decision, Skip, SkipCode};
use crate::model::policy::{Container, Deinterlace, Policy, TypeFilter, VideoCodec};

pub use container::homeless_tags;
#[cfg(test)]
pub use expected::expected;
pub use expected::expected_streams;
pub use profiles::{profile, profile_names, profile_summary};
pub use same::unchanged;

/// A file as the planner sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// File name with extension, no folder.
    pub name: &'a str,
    pub media: &'a MediaInfo,
    /// Interlacing seen by looking at real frames; `None`: not looked.
    pub interlaced: Option<bool>,
}

/// The decision for one file.
pub fn decide(subject: Subject<'_>, policy: &Policy, caps: &Caps, types: TypeFilter) -> Decision {
    match by_kind(subject, policy, caps, types) {
        Decision::Convert(plan) => match names::too_long(subject.name, &plan) {
            Some(words) => Decision::Skip(Skip { code: SkipCode::NameTooLong, words }),
            None => Decision::Convert(plan),
        },
        skip @ Decision::Skip(_) => skip,
    }
}

fn by_kind(subject: Subject<'_>, policy: &Policy, caps: &Caps, types: TypeFilter) -> Decision {
    let has = |kind| subject.media.of_kind(kind).next().is_some();
    let skip = |code, words: &str| Decision::Skip(Skip { code, words: words.to_owned() });
    match (has(StreamKind::Video), has(StreamKind::Audio)) {
        (true, _) if types == TypeFilter::Audio => {
            skip(SkipCode::OtherType, "a video, and only audio is asked for")
        }
        (true, _) => film::decide(subject, policy, caps),
        (false, true) if types == TypeFilter::Video => {
            skip(SkipCode::OtherType, "music, and only video is asked for")
        }
        (false, true) => music::decide(subject, policy),
        (false, false) => skip(SkipCode::NotMedia, "neither video nor audio in it"),
    }
}

/// The encoder makes this codec.
pub fn makes(codec: VideoCodec, encoder: &str) -> bool {
    encoder::makes(codec, encoder)
}

/// A run under this policy may come to use this video encoder, so it has to be tried.
pub fn may_use(policy: &Policy, encoder: &str) -> bool {
    encoder::may_use(policy.video.codec, &policy.video.encoder, encoder)
}

/// The extensions (lower case) the walk hands on: video and audio.
pub fn is_media_extension(extension: &str, types: TypeFilter) -> bool {
    const VIDEO: [&str; 29] = [
        "mkv", "mp4", "avi", "mov", "wmv", "flv", "ts", "m2ts", "mts", "m4v", "webm", "3gp", "3g2", "mpg",
        "mpeg", "mpe", "vob", "ogv", "ogm", "divx", "asf", "f4v", "rm", "rmvb", "dv", "mxf", "m2v", "mk3d",
        "wtv",
    ];
    // No .m4b: an audiobook's chapters and place marks are worth more than another extension.
    const AUDIO: [&str; 19] = [
        "flac", "wav", "aiff", "aif", "ape", "wv", "m4a", "ogg", "oga", "opus", "wma", "mp3", "aac", "mka",
        "tta", "dsf", "dff", "ac3", "dts",
    ];
    let video = || VIDEO.contains(&extension);
    let audio = || AUDIO.contains(&extension);
    match types {
        TypeFilter::Both => video() || audio(),
        // An .mp4 may hold nothing but sound; every other video file would be probed for nothing.
        TypeFilter::Audio => audio() || extension == "mp4",
        TypeFilter::Video => video(),
    }
}

/// The decision depends on real frames: probe them (`ffmpeg::probe::interlaced`) and decide again.
pub fn wants_frames(subject: Subject<'_>, policy: &Policy) -> bool {
    let touched = policy.video.codec.is_some()
        && policy.video.deinterlace == Deinterlace::Auto
        && matches!(policy.container, Container::Mp4 | Container::Matroska | Container::Same);
    let Some(stream) = subject.media.main_video().filter(|_| touched && subject.interlaced.is_none()) else {
        return false;
    };
    let Some(facts) = &stream.video else { return false };
    if !video::may_be_interlaced(stream, facts) {
        return false;
    }
    // A silent header matters only where the stream is encoded anyway: looking at every good file of a library for a
    // flag that nobody set would cost more than it finds.
    facts.field_order.is_some()
        || !video::reasons(&rate::told(subject.media, stream), facts, Some(false), &policy.video).is_empty()
}

/// Streams that the decision encodes and that may carry captions of which no header tells: look (`ffmpeg::probe::captions`), say so
/// in the facts, and decide again.
pub fn may_have_captions(decision: &Decision, media: &MediaInfo) -> Vec<u32> {
    let Decision::Convert(plan) = decision else { return Vec::new() };
    let encoded = plan.streams.iter().filter(|s| matches!(s.action, Action::Video(_)));
    let untold = |index: &u32| {
        media.stream(*index).is_some_and(|stream| {
            matches!(stream.codec.as_str(), "h264" | "hevc" | "mpeg2video")
                && stream.video.as_ref().is_some_and(|video| !video.closed_captions)
        })
    };
    encoded.map(|s| s.source).filter(untold).collect()
}

/// A short text that is the same exactly when the policy would decide the same: remembered with what was done, so that
/// a changed profile is noticed.
pub fn policy_digest(policy: &Policy) -> String {
    /// Raised when the same policy comes to decide otherwise in a way that should be tried again.
    const RULES: u32 = 1;
    // Serde writes the fields in their order of declaration, so equal policies give equal text. The name is no decision.
    let nameless = Policy { name: String::new(), ..policy.clone() };
    let text = serde_json::to_string(&nameless).unwrap_or_else(|_| format!("{nameless:?}"));
    let hash = blake3::hash(format!("{RULES}\n{text}").as_bytes()).to_hex();
    hash.as_str().chars().take(16).collect()
}
