//! What the user wants done: a profile's values, plain and complete.

use serde::{Deserialize, Serialize};

use super::encoders::EncoderChoice;

/// Which kinds of file a run touches (`--type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeFilter {
    Video,
    Audio,
    #[default]
    Both,
}

/// What a walk does with symbolic links to folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    #[default]
    Skip,
    Follow,
}

/// A profile with all its values, flags already applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The profile's name, for records.
    pub name: String,
    /// Container of video results.
    pub container: Container,
    /// What happens to video streams.
    pub video: VideoPolicy,
    /// What happens to audio streams of video files.
    pub audio: AudioPolicy,
    /// What happens to subtitles.
    pub subtitles: SubtitlePolicy,
    /// What happens to audio-only files.
    pub music: MusicPolicy,
    /// Drop the result where it is larger than this percentage of the source; `None`: size is not the aim.
    pub max_output_percent: Option<u32>,
    /// Drop the result where its picture is less like the source's than this VMAF; `None`: it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_vmaf: Option<u32>,
}

/// Containers we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Mp4,
    Matroska,
    Mp3,
    Opus,
    M4a,
    Flac,
    /// The source's own container (profile `remux` keeps what it cannot better).
    Same,
}

/// Rules for video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoPolicy {
    /// The codec to make; `None`: every video stream is copied.
    pub codec: Option<VideoCodec>,
    /// 8 or 10.
    pub bit_depth: u8,
    /// Largest picture; `None`: as it is.
    pub max_width: Option<u32>,
    /// Largest picture; `None`: as it is.
    pub max_height: Option<u32>,
    /// Highest frame rate.
    pub max_fps: Option<u32>,
    /// Highest H.264/HEVC level times ten (41 = 4.1); `None`: by size.
    pub max_level: Option<u32>,
    /// Keep or tone-map HDR.
    pub hdr: HdrPolicy,
    /// HDR10+ and Dolby Vision that the result cannot carry.
    pub dynamic_hdr: DynamicHdr,
    /// Quality aim.
    pub quality: Quality,
    /// kbit/s.
    pub max_bitrate: Option<u32>,
    /// kbit.
    pub buffer_size: Option<u32>,
    /// Encoder's own word (`medium`, `p5`, `8`); `None`: ours.
    pub preset: Option<String>,
    /// Encoder's own word (`film`, `grain`).
    pub tune: Option<String>,
    /// Families of encoders, in their order.
    pub encoder: EncoderChoice,
    /// Deinterlacing.
    pub deinterlace: Deinterlace,
    /// Appended to the encoder's arguments as they are.
    pub extra_args: Vec<String>,
    /// Cap at 1080p and rename 2160p/4K/UHD/1440p in names (`--downgrade-resolution`).
    pub downgrade_resolution: bool,
}

/// Video codecs we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    H264,
    Hevc,
    Av1,
}

impl VideoCodec {
    pub const ALL: [Self; 3] = [Self::H264, Self::Hevc, Self::Av1];

    /// ffprobe's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
        }
    }
}

/// HDR sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HdrPolicy {
    /// Keep it as it is.
    Keep,
    /// Tone-map to SDR BT.709.
    ToneMap,
}

/// Dynamic HDR metadata that would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicHdr {
    /// Leave such files alone.
    Skip,
    /// Convert, and say what is lost.
    Drop,
    /// Keep it where the tools can.
    Keep,
}

/// One word for all encoders, or a number in x264's CRF scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    High,
    Standard,
    Small,
    /// On x264's CRF scale, carried to every other encoder along the line through the words (docs/PROFILES.md).
    Value(f32),
}

/// Interlaced sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlace {
    Auto,
    Never,
    Always,
}

/// Rules for audio in video files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioPolicy {
    /// Encode what does not fit to this; `None`: every audio stream is copied.
    pub codec: Option<AudioCodec>,
    /// Codecs (ffprobe names) that are copied as they are.
    pub copy: Vec<String>,
    /// kbit/s per channel pair for encoded audio.
    pub bitrate_stereo: u32,
    /// Most channels an encoded stream keeps.
    pub max_channels: u32,
    /// Stereo handling.
    pub stereo: Stereo,
    /// Keep only these languages (ISO 639-2); empty: all. Never narrows to nothing.
    pub languages: Vec<String>,
}

/// Audio codecs we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioCodec {
    Aac,
    Opus,
    Mp3,
    Flac,
}

/// Stereo from surround.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stereo {
    /// Leave channels as they are.
    Keep,
    /// Every stream becomes stereo (`--force-stereo`).
    Force,
    /// Add a stereo stream with raised dialogue beside the surround one.
    Add,
}

/// Rules for subtitles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubtitlePolicy {
    /// Image subtitles the container cannot carry are written beside the result.
    pub image_sidecars: bool,
    /// Keep only these languages; empty: all.
    pub languages: Vec<String>,
}

/// Rules for audio-only files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MusicPolicy {
    /// Convert music at all.
    pub enabled: bool,
    /// Codec to make.
    pub codec: AudioCodec,
    /// kbit/s (ignored by FLAC).
    pub bitrate: u32,
}
