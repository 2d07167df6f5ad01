//! The built-in profiles, as values. `docs/PROFILES.md` says in tables what each does to every kind of stream.

use crate::model::encoders::EncoderChoice;
use crate::model::policy::{
    AudioCodec, AudioPolicy, Container, Deinterlace, DynamicHdr, HdrPolicy, MusicPolicy, Policy, Quality,
    Stereo, SubtitlePolicy, VideoCodec, VideoPolicy,
};

/// Names of the built-in profiles.
pub fn profile_names() -> &'static [&'static str] {
    &["universal", "chromecast", "compact", "remux", "audio"]
}

/// A built-in profile's policy.
pub fn profile(name: &str) -> Option<Policy> {
    match name {
        "universal" => Some(universal()),
        "chromecast" => Some(chromecast()),
        "compact" => Some(compact()),
        "remux" => Some(remux()),
        "audio" => Some(audio()),
        _ => None,
    }
}

/// One sentence about a built-in profile.
pub fn profile_summary(name: &str) -> Option<&'static str> {
    match name {
        "universal" => {
            Some("H.264 8-bit SDR and AAC in MP4: plays directly on everything; music to MP3 320k")
        }
        "chromecast" => Some("what Chromecast Gen 2 and 3 play: H.264 up to 720p30, AAC stereo, MP4"),
        "compact" => {
            Some("HEVC 10 bit in Matroska, everything else copied: the smallest file that looks the same")
        }
        "remux" => Some("another container only, no stream is re-encoded"),
        "audio" => Some("music to MP3 320k with tags and cover; videos are left alone"),
        _ => None,
    }
}

/// Plays directly on everything.
fn universal() -> Policy {
    Policy {
        name: "universal".to_owned(),
        container: Container::Mp4,
        video: VideoPolicy {
            codec: Some(VideoCodec::H264),
            bit_depth: 8,
            max_width: None,
            max_height: None,
            max_fps: None,
            max_level: None,
            hdr: HdrPolicy::ToneMap,
            dynamic_hdr: DynamicHdr::Skip,
            quality: Quality::Standard,
            max_bitrate: None,
            buffer_size: None,
            preset: None,
            tune: None,
            encoder: EncoderChoice::default(),
            deinterlace: Deinterlace::Auto,
            extra_args: Vec::new(),
            downgrade_resolution: false,
        },
        audio: AudioPolicy {
            codec: Some(AudioCodec::Aac),
            copy: vec!["aac".to_owned()],
            bitrate_stereo: 192,
            max_channels: 8,
            stereo: Stereo::Keep,
            languages: Vec::new(),
        },
        subtitles: SubtitlePolicy { image_sidecars: true, languages: Vec::new() },
        music: MusicPolicy { enabled: true, codec: AudioCodec::Mp3, bitrate: 320 },
        max_output_percent: None,
        min_vmaf: None,
    }
}

/// The limits of Chromecast generations 2 and 3: H.264 High up to level 4.1, and, so that its Wi-Fi keeps up, 720p30
/// with peaks of 8 Mbit/s.
fn chromecast() -> Policy {
    let mut policy = Policy { name: "chromecast".to_owned(), ..universal() };
    policy.video.max_width = Some(1280);
    policy.video.max_height = Some(720);
    policy.video.max_fps = Some(30);
    policy.video.max_level = Some(41);
    policy.video.quality = Quality::High;
    policy.video.max_bitrate = Some(8000);
    policy.video.buffer_size = Some(16_000);
    policy.audio.max_channels = 2;
    policy.audio.stereo = Stereo::Force;
    policy
}

/// The smallest file at a quality nobody sees.
fn compact() -> Policy {
    let mut policy = Policy { name: "compact".to_owned(), ..universal() };
    policy.container = Container::Matroska;
    policy.video.codec = Some(VideoCodec::Hevc);
    policy.video.bit_depth = 10;
    policy.video.hdr = HdrPolicy::Keep;
    policy.audio.codec = None;
    policy.audio.copy = Vec::new();
    policy.music.enabled = false;
    policy.max_output_percent = Some(95);
    policy
}

/// Container only.
fn remux() -> Policy {
    let mut policy = Policy { name: "remux".to_owned(), ..compact() };
    policy.container = Container::Same;
    policy.video.codec = None;
    policy.video.bit_depth = 8;
    policy.video.deinterlace = Deinterlace::Never;
    policy.max_output_percent = None;
    policy
}

/// Music only.
fn audio() -> Policy {
    Policy { name: "audio".to_owned(), container: Container::Mp3, ..universal() }
}
