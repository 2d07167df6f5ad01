//! Audio streams of video files.

use super::container::{Holds, holds};
use super::{flags, language, words};
use crate::model::caps::Caps;
use crate::model::media::{Audio, Disposition, MediaInfo, Stream, StreamKind};
use crate::model::plan::{Action, AudioEncode, Lost, Skip, SkipCode, StreamPlan};
use crate::model::policy::{AudioCodec, AudioPolicy, Container, Stereo};

/// Title of the stereo track that `stereo = "add"` makes; by it the track is recognised next time.
pub const ADDED_TITLE: &str = "Stereo (clear dialogue)";

/// What happens to the audio of a video file.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    pub streams: Vec<StreamPlan>,
    pub lost: Vec<Lost>,
    pub why: Vec<String>,
    /// Why a stream is encoded although that alone is no reason to touch the file.
    pub besides: Vec<String>,
    /// Streams that could be kept only by an encode that nobody asked for, or that ffmpeg does not know: the file is better
    /// left alone.
    pub refused: Option<Skip>,
}

/// Where the sound goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub container: Container,
    /// The profile makes video, so an encode where nothing else helps is in its spirit.
    pub film_is_encoded: bool,
    pub caps: &'a Caps,
}

/// Decides all audio streams.
pub fn decide(media: &MediaInfo, policy: &AudioPolicy, target: Target<'_>) -> Sound {
    let all: Vec<&Stream> = media.of_kind(StreamKind::Audio).collect();
    let languages: Vec<Option<&str>> = all.iter().map(|s| s.language.as_deref()).collect();
    let keep = language::keep(&policy.languages, &languages);
    let mut sound = Sound::default();
    for (stream, keep) in all.iter().zip(&keep) {
        if *keep {
            one(stream, media.hidden_sound(stream), policy, target, &mut sound);
        } else {
            let why = "its language is not among those to keep".to_owned();
            sound.why.push(format!("{} is not among the languages to keep", words::stream(stream)));
            sound.lost.push(Lost { source: Some(stream.index), what: words::stream(stream), why });
        }
    }
    if policy.stereo == Stereo::Add {
        let kept: Vec<&Stream> = all.iter().zip(&keep).filter(|(_, k)| **k).map(|(s, _)| *s).collect();
        add_stereo(&kept, policy, &mut sound);
    }
    sound
}

/// One stream, of which an edit list hides so many seconds.
fn one(stream: &Stream, hidden: f64, policy: &AudioPolicy, target: Target<'_>, sound: &mut Sound) {
    let Target { container, film_is_encoded, caps } = target;
    let fallback = Audio::default();
    let audio = stream.audio.as_ref().unwrap_or(&fallback);
    let uncut = hidden > 0.0 && cannot_cut(stream, container, caps);
    let holds = if uncut { Holds::As(kindred(stream)) } else { holds(container, stream) };
    let channels_known = audio.channels > 0 && audio.sample_rate > 0 && !stream.codec.is_empty();
    let most = if policy.stereo == Stereo::Force { 2 } else { policy.max_channels.max(1) };
    let too_many = audio.channels > most && (policy.codec.is_some() || policy.stereo == Stereo::Force);
    let wanted = match policy.codec {
        None => true,
        Some(_) => policy.copy.contains(&stream.codec) && plays(stream),
    };
    if holds == Holds::AsIs && wanted && !too_many {
        let action = Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None };
        sound.streams.push(planned(stream, container, action));
        return;
    }
    if !channels_known {
        // Nothing to decode it with here; a newer ffmpeg may know it.
        let words = format!("ffmpeg cannot tell what is in {}", words::stream(stream));
        sound.refused.get_or_insert(Skip { code: SkipCode::CannotHere, words });
        return;
    }
    let codec = match (policy.codec, holds) {
        (Some(codec), _) => codec,
        // Force is an encode that was asked for.
        _ if too_many => AudioCodec::Aac,
        (None, Holds::As("flac")) => AudioCodec::Flac,
        // The film is encoded anyway, and AAC in another packing is the nearest thing there is.
        (None, Holds::As("aac")) if film_is_encoded => AudioCodec::Aac,
        (None, _) if uncut => {
            let words = uncut_words(stream, caps);
            sound.refused.get_or_insert(Skip { code: SkipCode::CannotHere, words });
            return;
        }
        (None, _) => {
            let words = format!("the container does not carry {} without an encode", words::stream(stream));
            sound.refused.get_or_insert(Skip { code: SkipCode::WouldLose, words });
            return;
        }
    };
    let encode = encode(audio, codec, policy.bitrate_stereo, most);
    let name = words::stream(stream);
    if too_many {
        sound.why.push(format!("{name} has {} channels, wanted are up to {most}", audio.channels));
        let what = format!("{} channels of {name}", audio.channels);
        let why = format!("the profile makes {}", layout_words(&encode));
        sound.lost.push(Lost { source: Some(stream.index), what, why });
    } else if uncut && wanted {
        sound.besides.push(uncut_words(stream, caps));
    } else if stream.codec == encode.codec {
        sound.why.push(format!(
            "{name} is {}, which few players know",
            stream.profile.as_deref().unwrap_or("odd")
        ));
    } else {
        sound.why.push(format!("{name} must become {}", encode.codec));
    }
    sound.streams.push(planned(stream, container, Action::Audio(encode)));
}

/// Matroska hides nothing, so a copy has to leave out what an edit list hides. It begins with a whole packet, and what is missing of a
/// long one would be heard. Versions after 8.0 add what was hidden to the length and write it as the codec's delay, by which a player
/// that knows of no such delays comes late.
fn cannot_cut(stream: &Stream, container: Container, caps: &Caps) -> bool {
    let long = stream.packet_seconds().is_some_and(|seconds| seconds > 0.04);
    container == Container::Matroska && (long || caps.release.is_none_or(|release| release > (8, 0)))
}

fn uncut_words(stream: &Stream, caps: &Caps) -> String {
    let (name, version) = (words::stream(stream), &caps.version);
    format!("ffmpeg {version} cannot leave out of a copy in Matroska what an edit list hides of {name}")
}

/// What an encode makes of it that nobody asked for: lossless stays lossless.
fn kindred(stream: &Stream) -> &'static str {
    let codec = stream.codec.as_str();
    if codec.starts_with("pcm_") || matches!(codec, "flac" | "alac") { "flac" } else { "aac" }
}

fn layout_words(encode: &AudioEncode) -> String {
    encode.layout.clone().unwrap_or_else(|| format!("{} channels", encode.channels))
}

fn planned(stream: &Stream, container: Container, action: Action) -> StreamPlan {
    StreamPlan {
        source: stream.index,
        action,
        language: language::written(container, stream),
        title: stream.title.clone(),
        disposition: flags::written(container, stream),
    }
}

/// AAC comes in kinds that hardly anything plays: Main, SSR, LTP, xHE.
fn plays(stream: &Stream) -> bool {
    stream.codec != "aac"
        || stream.profile.as_deref().is_none_or(|p| matches!(p, "LC" | "HE-AAC" | "HE-AACv2" | "-1"))
}

/// An encode of at most `most` channels.
pub fn encode(audio: &Audio, codec: AudioCodec, bitrate_stereo: u32, most: u32) -> AudioEncode {
    let (encoder, name, limit) = match codec {
        AudioCodec::Aac => ("aac", "aac", 8),
        AudioCodec::Opus => ("libopus", "opus", 8),
        AudioCodec::Mp3 => ("libmp3lame", "mp3", 2),
        AudioCodec::Flac => ("flac", "flac", 8),
    };
    let channels = audio.channels.min(most).min(limit).max(1);
    // Players know no AAC of seven channels: what one back speaker plays, two play.
    let channels = match (codec, channels, most) {
        (AudioCodec::Aac, 7, 8..) => 8,
        (AudioCodec::Aac, 7, _) => 6,
        _ => channels,
    };
    let layout = if channels == audio.channels { layout(audio) } else { default_layout(channels) };
    let sample_rate = sample_rate(audio.sample_rate, codec);
    AudioEncode {
        encoder: encoder.to_owned(),
        codec: name.to_owned(),
        channels,
        dialogue_downmix: channels <= 2 && audio.channels >= 5,
        layout: layout.map(str::to_owned),
        bitrate: if codec == AudioCodec::Flac { 0 } else { bitrate(channels, bitrate_stereo) },
        sample_rate: (sample_rate != audio.sample_rate).then_some(sample_rate),
    }
}

/// kbit/s: the pair's rate for each pair of full-range channels; the bass channel of x.1 costs next to nothing.
fn bitrate(channels: u32, stereo: u32) -> u32 {
    let full_range = if channels >= 6 { channels - 1 } else { channels };
    stereo * full_range / 2
}

/// The layout in the form encoders know: surround speakers that a codec calls «side» are the same «back» ones of AAC,
/// FLAC and Opus.
fn layout(audio: &Audio) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 15] = [
        ("mono", "mono"),
        ("stereo", "stereo"),
        ("downmix", "stereo"),
        ("2.1", "2.1"),
        ("3.0", "3.0"),
        ("3.0(back)", "3.0"),
        ("4.0", "4.0"),
        ("quad", "quad"),
        ("quad(side)", "quad"),
        ("5.0", "5.0"),
        ("5.0(side)", "5.0"),
        ("5.1", "5.1"),
        ("5.1(side)", "5.1"),
        ("6.1", "6.1"),
        ("7.1", "7.1"),
    ];
    let known = audio.layout.as_deref().and_then(|l| KNOWN.iter().find(|(from, _)| *from == l));
    known.map(|(_, to)| *to).or_else(|| default_layout(audio.channels))
}

fn default_layout(channels: u32) -> Option<&'static str> {
    match channels {
        1 => Some("mono"),
        2 => Some("stereo"),
        3 => Some("2.1"),
        4 => Some("quad"),
        5 => Some("5.0"),
        6 => Some("5.1"),
        7 => Some("6.1"),
        8 => Some("7.1"),
        _ => None,
    }
}

/// The source's rate where the codec and ordinary players take it; else half or a quarter of it, or the next above.
pub fn sample_rate(rate: u32, codec: AudioCodec) -> u32 {
    const RATES: [u32; 9] = [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
    match codec {
        // Lossless stays lossless.
        AudioCodec::Flac => rate,
        // Opus counts at 48 kHz whatever it is given.
        AudioCodec::Opus => 48_000,
        AudioCodec::Aac | AudioCodec::Mp3 if RATES.contains(&rate) => rate,
        AudioCodec::Aac | AudioCodec::Mp3 if rate > 48_000 => {
            if rate.is_multiple_of(44_100) {
                44_100
            } else {
                48_000
            }
        }
        AudioCodec::Aac | AudioCodec::Mp3 => RATES.into_iter().find(|r| *r >= rate).unwrap_or(48_000),
    }
}

/// A stereo track for each language that has surround only. Commentary is nobody's main sound: neither a source for it
/// nor a reason against it.
fn add_stereo(kept: &[&Stream], policy: &AudioPolicy, sound: &mut Sound) {
    let channels = |s: &Stream| s.audio.as_ref().map_or(0, |a| a.channels);
    let main = |s: &Stream| {
        !(s.disposition.comment || s.disposition.visual_impaired || s.disposition.descriptions)
            && channels(s) > 0
    };
    let mut done: Vec<Option<String>> = Vec::new();
    for stream in kept.iter().filter(|s| main(s) && channels(s) > 2) {
        let language = stream.language.as_deref().map(language::normal);
        let same = |s: &Stream| s.language.as_deref().map(language::normal) == language;
        let there = kept.iter().any(|s| {
            same(s)
                && ((main(s) && (1..=2).contains(&channels(s))) || s.title.as_deref() == Some(ADDED_TITLE))
        });
        if there || done.contains(&language) {
            continue;
        }
        let Some(audio) = &stream.audio else { continue };
        let codec = policy.codec.unwrap_or(AudioCodec::Aac);
        let encode = encode(audio, codec, policy.bitrate_stereo, 2);
        sound.why.push(format!("{} has no stereo beside it", words::stream(stream)));
        let disposition = Disposition { dub: stream.disposition.dub, ..Disposition::default() };
        sound.streams.push(StreamPlan {
            source: stream.index,
            action: Action::Audio(encode),
            language: language.clone(),
            title: Some(ADDED_TITLE.to_owned()),
            disposition,
        });
        done.push(language);
    }
}
