//! What ffprobe (or a header reader) says a file is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tags by lower-case name.
pub type Tags = BTreeMap<String, String>;

/// Everything known about one media file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// ffprobe's `format_name`, e.g. `matroska,webm`.
    pub format: String,
    /// The header's duration in seconds; may lie (see `fragmented` MP4s).
    pub duration: Option<f64>,
    /// The first timestamp in seconds; far from 0 in broadcast streams.
    pub start_time: Option<f64>,
    /// Bytes.
    pub size: u64,
    /// Bits per second over all.
    pub bit_rate: Option<u64>,
    /// Streams, each once, in file order.
    pub streams: Vec<Stream>,
    /// Chapters in order.
    pub chapters: Vec<Chapter>,
    /// What else is said of them, which ffmpeg passes over.
    #[serde(default, skip_serializing_if = "Editions::is_plain")]
    pub editions: Editions,
    /// Container tags.
    pub tags: Tags,
    /// Number of programs with streams in them (broadcast).
    pub programs: u32,
    /// Who says so.
    #[serde(default)]
    pub witness: Witness,
}

/// Whose word facts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// ffprobe's: a plan may rest on it.
    #[default]
    Ffprobe,
    /// Our reader's of headers alone: enough to leave a file as it is, and for statistics.
    Headers,
}

/// Matroska's chapters where they are more than a list (RFC 9559, 5.1.7 and 20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Editions {
    /// Editions after the first.
    pub more: u32,
    /// Chapters within chapters.
    pub nested: u32,
    /// Chapters that lie in other files and are played from there.
    pub linked: u32,
    /// The film is played in the order of its chapters, and nothing between them.
    pub ordered: bool,
}

impl Editions {
    /// A list, or nothing.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// ffmpeg's index in the file.
    pub index: u32,
    /// What it carries.
    pub kind: StreamKind,
    /// ffprobe's `codec_name`; empty where unknown.
    pub codec: String,
    /// ffprobe's `codec_tag_string`, e.g. `hvc1`.
    pub codec_tag: String,
    /// ffprobe's `profile`, e.g. `High 10`.
    pub profile: Option<String>,
    /// ffprobe's `level`: 41 for H.264 4.1, 123 for HEVC 4.1.
    pub level: Option<i32>,
    /// ISO 639-2 language tag as written, lower case; `None` where missing or `und`.
    pub language: Option<String>,
    /// Title tag.
    pub title: Option<String>,
    /// Dispositions that are set.
    pub disposition: Disposition,
    /// Start in seconds.
    pub start_time: Option<f64>,
    /// Duration in seconds, of the stream's own header or its DURATION tag.
    pub duration: Option<f64>,
    /// Bits per second.
    pub bit_rate: Option<u64>,
    /// Frames (`nb_frames` or the NUMBER_OF_FRAMES tag).
    pub frames: Option<u64>,
    /// Other tags (file name and mime type of attachments among them).
    pub tags: Tags,
    /// Set for [`StreamKind::Video`] and [`StreamKind::Picture`].
    pub video: Option<Video>,
    /// Set for [`StreamKind::Audio`].
    pub audio: Option<Audio>,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Moving pictures.
    Video,
    /// A still picture: cover art (`attached_pic`) or a thumbnail track.
    Picture,
    /// Sound.
    Audio,
    /// Text or image subtitles.
    Subtitle,
    /// Timecode, telemetry, anything else.
    Data,
    /// A font or another attached file.
    Attachment,
}

/// Dispositions of a stream as ffprobe names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disposition {
    pub default: bool,
    pub forced: bool,
    pub original: bool,
    pub dub: bool,
    pub comment: bool,
    pub hearing_impaired: bool,
    pub visual_impaired: bool,
    pub attached_pic: bool,
    pub timed_thumbnails: bool,
    pub captions: bool,
    pub descriptions: bool,
    pub still_image: bool,
}

/// Facts of a video stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Sample (pixel) aspect ratio; (1, 1) is square, (0, 1) unknown.
    pub sar: (u32, u32),
    /// ffmpeg's pixel format name, e.g. `yuv420p10le`.
    pub pix_fmt: String,
    /// Bits per component.
    pub bit_depth: u8,
    /// `tv`, `pc` or none.
    pub color_range: Option<String>,
    /// e.g. `bt2020`.
    pub color_primaries: Option<String>,
    /// e.g. `smpte2084` (PQ), `arib-std-b67` (HLG).
    pub color_transfer: Option<String>,
    /// Matrix, e.g. `bt2020nc`.
    pub color_space: Option<String>,
    /// The container alone says some of these. ffmpeg's decoders of HEVC and AV1 forget what it said, and players do not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tagged_by_container: bool,
    /// e.g. `left`, `topleft`.
    pub chroma_location: Option<String>,
    /// Base frame rate (`r_frame_rate`).
    pub frame_rate: Option<(u32, u32)>,
    /// Average frame rate; differs from the base rate where the rate varies.
    pub avg_frame_rate: Option<(u32, u32)>,
    /// `progressive`, `tt`, `bb`, `tb`, `bt` or none.
    pub field_order: Option<String>,
    /// Degrees clockwise to show it upright: 0, 90, 180, 270.
    pub rotation: i32,
    /// The container's matrix does more than turn by quarters: it mirrors the picture, or turns it by another angle.
    #[serde(default, skip_serializing_if = "is_false")]
    pub warped: bool,
    /// B-frames are in use.
    pub has_b_frames: bool,
    /// Frames by which a picture comes later than its packet's time says: AVI knows only when a packet is decoded, and B-frames
    /// make the decoder wait. 0 in every other container.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shown_late: u32,
    /// CEA-608/708 captions inside the video stream.
    pub closed_captions: bool,
    /// SMPTE ST 2086 mastering display.
    pub mastering: Option<Mastering>,
    /// MaxCLL, MaxFALL in cd/m².
    pub content_light: Option<(u32, u32)>,
    /// HDR10+ (SMPTE ST 2094-40) dynamic metadata was seen in the frames.
    pub hdr10_plus: bool,
    /// Dolby Vision configuration.
    pub dolby_vision: Option<DolbyVision>,
}

/// What lies in the frames of a video besides the picture, where an encoder may lose it without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameData {
    /// CEA-608/708 captions.
    Captions,
    /// Mastering display and light level.
    StaticHdr,
    Hdr10Plus,
    /// The RPU.
    DolbyVision,
}

impl FrameData {
    pub fn words(self) -> &'static str {
        match self {
            FrameData::Captions => "closed captions",
            FrameData::StaticHdr => "mastering display",
            FrameData::Hdr10Plus => "HDR10+",
            FrameData::DolbyVision => "Dolby Vision",
        }
    }
}

/// Static or absent high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// Standard dynamic range.
    Sdr,
    /// Perceptual quantiser (HDR10 and its dynamic relatives).
    Pq,
    /// Hybrid log-gamma.
    Hlg,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
fn is_false(it: &bool) -> bool {
    !*it
}

impl Video {
    /// The dynamic range, by the transfer function.
    pub fn hdr(&self) -> Hdr {
        match self.color_transfer.as_deref() {
            Some("smpte2084") => Hdr::Pq,
            Some("arib-std-b67") => Hdr::Hlg,
            _ => Hdr::Sdr,
        }
    }
    /// Frames per second, the average where known.
    pub fn fps(&self) -> Option<f64> {
        self.avg_frame_rate
            .or(self.frame_rate)
            .filter(|(n, d)| *n > 0 && *d > 0)
            .map(|(n, d)| f64::from(n) / f64::from(d))
    }
}

/// SMPTE ST 2086 values as exact rationals, in ffprobe's own units (chromaticity 0–1, luminance cd/m²).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mastering {
    pub red: ((u32, u32), (u32, u32)),
    pub green: ((u32, u32), (u32, u32)),
    pub blue: ((u32, u32), (u32, u32)),
    pub white: ((u32, u32), (u32, u32)),
    pub min_luminance: (u32, u32),
    pub max_luminance: (u32, u32),
}

/// The Dolby Vision configuration record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DolbyVision {
    /// 5, 7, 8 …
    pub profile: u8,
    /// Base layer compatibility: 0 none, 1 HDR10, 2 SDR, 4 HLG, 6 HDR10 of UHD Blu-ray.
    pub compatibility: u8,
    /// An enhancement layer is there.
    pub enhancement_layer: bool,
}

/// Facts of an audio stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audio {
    /// Number of channels.
    pub channels: u32,
    /// ffmpeg's layout name, e.g. `5.1(side)`; none where unknown.
    pub layout: Option<String>,
    /// Hz.
    pub sample_rate: u32,
    /// Bits per raw sample; 0 where it has no meaning.
    pub bits: u32,
}

/// One chapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// Title.
    pub title: Option<String>,
}

impl Stream {
    /// Seconds of sound in one packet; of FLAC and Opus, as most encoders cut them.
    pub fn packet_seconds(&self) -> Option<f64> {
        let rate = self.audio.as_ref().map(|audio| audio.sample_rate).filter(|rate| *rate > 0)?;
        let doubled = self.profile.as_deref().is_some_and(|p| p.starts_with("HE-AAC")) && rate > 24_000;
        let samples: u32 = match self.codec.as_str() {
            "aac" if doubled => 2048,
            "aac" => 1024,
            "ac3" | "eac3" => 1536,
            "mp3" if rate < 32_000 => 576,
            "mp3" => 1152,
            "alac" | "flac" => 4096,
            "opus" => 960,
            pcm if pcm.starts_with("pcm_") => 1,
            _ => return None,
        };
        Some(f64::from(samples) / f64::from(rate))
    }
}

impl MediaInfo {
    /// Seconds of this sound that an edit list hides at its beginning, as telephones do where they trim a film; 0 where that cannot be
    /// told. An encoder's run-up and the unused end of the last packet are hidden in every file.
    pub fn hidden_sound(&self, stream: &Stream) -> f64 {
        let Some((packet, shown)) = stream.packet_seconds().zip(stream.duration) else { return 0.0 };
        let hidden = stream
            .frames
            .filter(|_| self.format.starts_with("mov,"))
            .map(|frames| frames as f64 * packet - shown);
        hidden.filter(|seconds| *seconds > 0.1 + 2.0 * packet).unwrap_or(0.0)
    }

    /// Streams of one kind, in file order.
    pub fn of_kind(&self, kind: StreamKind) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(move |s| s.kind == kind)
    }
    /// The video stream that players show: the default one, else the first.
    pub fn main_video(&self) -> Option<&Stream> {
        self.of_kind(StreamKind::Video)
            .find(|s| s.disposition.default)
            .or_else(|| self.of_kind(StreamKind::Video).next())
    }
    /// The header's duration cannot be true: spread over it, the file would hold less than a kilobit a second, sound included
    /// (the poorest speech codec needs more). Seen in fragmented MP4s, whose true length stands only in the fragments.
    pub fn has_absurd_duration(&self) -> bool {
        let sound = self.of_kind(StreamKind::Audio).next().is_some();
        sound
            && self.duration.is_some_and(|seconds| self.size > 0 && self.size as f64 * 8.0 < seconds * 1000.0)
    }
    /// The stream with ffmpeg's index.
    pub fn stream(&self, index: u32) -> Option<&Stream> {
        self.streams.iter().find(|s| s.index == index)
    }
}
