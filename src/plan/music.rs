//! A file of sound without moving pictures.

use super::{Subject, audio, container, language, words};
use crate::model::media::{Audio, Disposition, Stream, StreamKind};
use crate::model::plan::{Action, AudioEncode, Decision, Lost, Plan, Skip, SkipCode, StreamPlan};
use crate::model::policy::{AudioCodec, Container, Policy};

/// Decides a music file.
pub fn decide(subject: Subject<'_>, policy: &Policy) -> Decision {
    match plan(subject, policy) {
        Ok(plan) => Decision::Convert(Box::new(plan)),
        Err(skip) => Decision::Skip(skip),
    }
}

fn plan(subject: Subject<'_>, policy: &Policy) -> Result<Plan, Skip> {
    if !policy.music.enabled {
        let words = format!("profile {} leaves music alone", policy.name);
        return Err(Skip { code: SkipCode::OtherType, words });
    }
    let media = subject.media;
    let tracks: Vec<&Stream> = media.of_kind(StreamKind::Audio).collect();
    if let Some(odd) = tracks.iter().find(|s| s.codec.is_empty() || facts(s).is_none()) {
        let words = format!("ffmpeg does not know what {} is", words::stream(odd));
        return Err(Skip { code: SkipCode::CannotHere, words });
    }
    // MP3 has two channels and one track. Where the source has more, AAC in M4A holds them all.
    let most = tracks.iter().filter_map(|s| facts(s)).map(|a| a.channels).max().unwrap_or(2);
    let codec = match policy.music.codec {
        AudioCodec::Mp3 if most > 2 || tracks.len() > 1 => AudioCodec::Aac,
        AudioCodec::Opus | AudioCodec::Flac if tracks.len() > 1 => AudioCodec::Aac,
        codec => codec,
    };
    // 320 for MP3 is 192 for AAC; more would only be more.
    let bitrate =
        if codec == policy.music.codec { policy.music.bitrate } else { policy.music.bitrate.min(192) };
    let (target, extension) = match codec {
        AudioCodec::Mp3 => (Container::Mp3, "mp3"),
        AudioCodec::Aac => (Container::M4a, "m4a"),
        AudioCodec::Opus => (Container::Opus, "opus"),
        AudioCodec::Flac => (Container::Flac, "flac"),
    };
    let mut plan = Plan {
        profile: policy.name.clone(),
        container: target,
        extension: extension.to_owned(),
        stem: None,
        streams: Vec::new(),
        lost: Vec::new(),
        sidecars: Vec::new(),
        chapters: false,
        why: Vec::new(),
        generate_timestamps: false,
        max_output_percent: None,
    };
    for stream in &tracks {
        let action = track(stream, codec, bitrate);
        if let Action::Audio(encode) = &action {
            plan.why.push(format!("music is {}, wanted is {}", words::codec(stream), encode.codec));
        }
        plan.streams.push(StreamPlan {
            source: stream.index,
            action,
            language: stream.language.as_deref().map(language::normal),
            // Of a single track the title is the song's, which is the file's.
            title: stream.title.clone().filter(|_| tracks.len() > 1),
            disposition: if target == Container::M4a { stream.disposition } else { Disposition::default() },
        });
    }
    if plan.why.is_empty() && in_container(target, subject) {
        return Err(Skip {
            code: SkipCode::Fits,
            words: format!("already what profile {} wants", policy.name),
        });
    }
    if plan.why.is_empty() {
        plan.why.push(format!("container is {}, wanted is {extension}", container::words(media)));
    }
    for stream in media.streams.iter().filter(|s| s.kind != StreamKind::Audio) {
        other(stream, target, &mut plan);
    }
    let carries_chapters = matches!(target, Container::Mp3 | Container::M4a | Container::Opus);
    plan.chapters = carries_chapters && !media.chapters.is_empty();
    if !media.chapters.is_empty() && !carries_chapters {
        let (what, why) =
            (format!("{} chapters", media.chapters.len()), format!("{extension} has no place for them"));
        plan.lost.push(Lost { source: None, what, why });
    }
    plan.lost.extend(container::lost_editions(media));
    Ok(plan)
}

fn facts(stream: &Stream) -> Option<&Audio> {
    stream.audio.as_ref().filter(|a| a.channels > 0 && a.sample_rate > 0)
}

fn track(stream: &Stream, codec: AudioCodec, bitrate: u32) -> Action {
    let fallback = Audio::default();
    let facts = facts(stream).unwrap_or(&fallback);
    let encode = audio::encode(facts, codec, bitrate, 8);
    if stream.codec == encode.codec {
        return Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None };
    }
    Action::Audio(AudioEncode {
        bitrate: music_bitrate(&encode, codec, bitrate),
        dialogue_downmix: false,
        ..encode
    })
}

/// MPEG-1 layer 3 takes 320 kbit/s at 32 kHz and above; its extensions for low rates stop at 160 and 64.
fn music_bitrate(encode: &AudioEncode, codec: AudioCodec, wanted: u32) -> u32 {
    match (codec, encode.sample_rate) {
        (AudioCodec::Mp3, _) => wanted.min(320),
        _ => encode.bitrate,
    }
}

fn in_container(target: Container, subject: Subject<'_>) -> bool {
    let format = subject.media.format.as_str();
    let extension = container::extension(subject.name);
    match target {
        Container::Mp3 => format == "mp3" && extension == "mp3",
        Container::M4a => format.starts_with("mov,") && matches!(extension.as_str(), "m4a" | "m4b"),
        Container::Opus => format == "ogg" && matches!(extension.as_str(), "opus" | "ogg" | "oga"),
        _ => format == "flac" && extension == "flac",
    }
}

/// Covers and whatever else lies beside the sound.
fn other(stream: &Stream, target: Container, plan: &mut Plan) {
    let lose = |why: String| Lost { source: Some(stream.index), what: words::stream(stream), why };
    let name = plan.extension.clone();
    if stream.kind != StreamKind::Picture {
        if !container::is_chapter_track(stream) {
            plan.lost.push(lose(format!("{name} has no place for it")));
        }
        return;
    }
    let action = match (target, stream.codec.as_str()) {
        (Container::Opus, _) if plan.streams.iter().any(|s| s.action.is_picture()) => {
            // As a comment, of which ffmpeg keeps one of a name.
            plan.lost.push(lose("ffmpeg writes one picture into Opus".to_owned()));
            return;
        }
        (_, "mjpeg" | "png") => Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None },
        (_, "") => {
            plan.lost.push(lose("ffmpeg does not know what it is".to_owned()));
            return;
        }
        _ => Action::Picture { codec: "png".to_owned() },
    };
    let mut disposition = stream.disposition;
    disposition.attached_pic = true;
    plan.streams.push(StreamPlan {
        source: stream.index,
        action,
        language: None,
        title: stream.title.clone(),
        disposition,
    });
}
