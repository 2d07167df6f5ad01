//! The decision about one file, in values that a person can read and ffmpeg's arguments can be built from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::media::MediaInfo;
use super::policy::Container;

/// What to do with a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Decision {
    /// Make this.
    Convert(Box<Plan>),
    /// Leave it alone.
    Skip(Skip),
}

/// Why a file is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// Machine-readable reason; summaries count by it.
    pub code: SkipCode,
    /// The reason in words, a clause without a full stop.
    pub words: String,
}

/// Reasons to skip, stable names for JSON and summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipCode {
    /// It already is what the profile wants.
    Fits,
    /// Not a kind of file this run touches (`--type`).
    OtherType,
    /// Nothing in it that we convert (an image, a data file).
    NotMedia,
    /// Converting would lose something the profile may not drop (Dolby Vision, HDR10+).
    WouldLose,
    /// Still being copied: too young (`--min-age`).
    TooYoung,
    /// Another worker holds it.
    Claimed,
    /// Tried before, to no use: the result was not smaller.
    NotSmaller,
    /// Tried before and failed; parked.
    Parked,
    /// The result's name is taken by another file.
    NameTaken,
    /// The result's name, or a subtitle's beside it, would be longer than file systems allow.
    NameTooLong,
    /// Its conversion was undone; only who names it has it converted again.
    Undone,
    /// The file was gone, or had changed, when its turn came.
    Gone,
    /// The profile needs something this machine lacks.
    CannotHere,
}

impl SkipCode {
    /// Words for the summary's table.
    pub fn words(self) -> &'static str {
        match self {
            SkipCode::Fits => "already as wanted",
            SkipCode::OtherType => "other type than asked for",
            SkipCode::NotMedia => "nothing to convert in it",
            SkipCode::WouldLose => "converting would lose something",
            SkipCode::TooYoung => "still being written",
            SkipCode::Claimed => "another worker has it",
            SkipCode::NotSmaller => "result would not be smaller",
            SkipCode::Parked => "failed before, parked",
            SkipCode::NameTaken => "name of the result is taken",
            SkipCode::NameTooLong => "name of the result is too long",
            SkipCode::Undone => "conversion was undone",
            SkipCode::Gone => "gone or changed meanwhile",
            SkipCode::CannotHere => "this machine cannot",
        }
    }
}

/// One conversion, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Profile name, for records.
    pub profile: String,
    /// Container to write.
    pub container: Container,
    /// The result's extension without the dot.
    pub extension: String,
    /// The result's stem where it differs from the source's (`--downgrade-resolution`).
    pub stem: Option<String>,
    /// Streams of the result, in order.
    pub streams: Vec<StreamPlan>,
    /// Streams and properties that the result will not carry, each named with its reason.
    pub lost: Vec<Lost>,
    /// Subtitles written beside the result.
    pub sidecars: Vec<Sidecar>,
    /// Chapters are kept.
    pub chapters: bool,
    /// Why the file is converted, in words, most important first.
    pub why: Vec<String>,
    /// Regenerate missing timestamps (`-fflags +genpts`).
    pub generate_timestamps: bool,
    /// The result must not exceed this percentage of the source's size.
    pub max_output_percent: Option<u32>,
}

/// One stream of the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamPlan {
    /// Source stream (ffmpeg's index).
    pub source: u32,
    /// What happens to it.
    pub action: Action,
    /// Language to write.
    pub language: Option<String>,
    /// Title to write.
    pub title: Option<String>,
    /// Disposition to write.
    pub disposition: super::media::Disposition,
}

/// What happens to a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Bit for bit; `tag` forces a codec tag (`hvc1`).
    Copy { kind: super::media::StreamKind, codec: String, tag: Option<String> },
    /// A video encode.
    Video(Box<VideoEncode>),
    /// An audio encode.
    Audio(AudioEncode),
    /// A text subtitle conversion to this codec (`mov_text`, `subrip`, `ass`).
    Subtitle { codec: String },
    /// Cover art re-encoded (`mjpeg`, `png`) where the container needs it.
    Picture { codec: String },
}

impl Action {
    /// It leaves cover art.
    pub fn is_picture(&self) -> bool {
        matches!(self, Action::Picture { .. } | Action::Copy { kind: super::media::StreamKind::Picture, .. })
    }
    /// ffprobe's name of the codec it leaves.
    pub fn codec(&self) -> &str {
        match self {
            Action::Copy { codec, .. } | Action::Subtitle { codec } | Action::Picture { codec } => codec,
            Action::Video(encode) => &encode.codec,
            Action::Audio(encode) => &encode.codec,
        }
    }
}

/// A video encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoEncode {
    /// ffmpeg encoder name, e.g. `libx264`.
    pub encoder: String,
    /// ffprobe's name of what comes out: `h264`, `hevc`, `av1`.
    pub codec: String,
    /// Device for hardware encoders.
    pub device: Option<String>,
    /// The source is decoded in hardware, by this way of ffmpeg's and on this device.
    #[serde(default)]
    pub decode: Option<Decoding>,
    /// Pixels of the result.
    pub width: u32,
    /// Pixels of the result.
    pub height: u32,
    /// Scale to width × height.
    pub scale: bool,
    /// Pixel format of the result, e.g. `yuv420p`; an encoder may want another form of it as its input.
    pub pix_fmt: String,
    /// Encoder's quality number on its own scale.
    pub quality: f32,
    /// H.264/HEVC profile word, e.g. `high`.
    pub profile: Option<String>,
    /// Level times ten.
    pub level: Option<u32>,
    /// Encoder's preset word.
    pub preset: Option<String>,
    /// Encoder's tune word.
    pub tune: Option<String>,
    /// kbit/s.
    pub max_bitrate: Option<u32>,
    /// kbit.
    pub buffer_size: Option<u32>,
    /// Frame rate to force.
    pub fps: Option<(u32, u32)>,
    /// Deinterlace.
    pub deinterlace: bool,
    /// Tone-map to SDR BT.709; names the source curve.
    pub tone_map: Option<super::media::Hdr>,
    /// Who does it.
    #[serde(default)]
    pub tone_mapper: ToneMapper,
    /// Sample (pixel) aspect ratio of the result, after rotation; (0, 1): unknown in the source, left so.
    pub sar: (u32, u32),
    /// The source's colours, where they have to be converted to `color`; none of it: they stay as they are.
    pub from_color: Option<ColorTags>,
    /// Colour tags to write: primaries, transfer, matrix, range.
    pub color: ColorTags,
    /// Static HDR metadata to write.
    pub mastering: Option<super::media::Mastering>,
    /// MaxCLL, MaxFALL.
    pub content_light: Option<(u32, u32)>,
    /// What the source's frames carry besides the picture and the result's have to carry, too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keep: BTreeSet<super::media::FrameData>,
    /// Appended as they are.
    pub extra_args: Vec<String>,
}

/// Who makes SDR of HDR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToneMapper {
    /// The processor, frame by frame by one curve.
    #[default]
    Zscale,
    /// A card, by a curve that follows the scene's brightness.
    Libplacebo,
}

/// A way to decode in hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoding {
    /// `cuda`, `vaapi`, `d3d11va`, `videotoolbox`.
    pub accel: String,
    pub device: Option<String>,
}

/// Colour tags by ffmpeg's names; none: leave unset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColorTags {
    pub primaries: Option<String>,
    pub transfer: Option<String>,
    pub matrix: Option<String>,
    pub range: Option<String>,
}

/// An audio encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioEncode {
    /// ffmpeg encoder name, e.g. `aac`.
    pub encoder: String,
    /// ffprobe's name of what comes out.
    pub codec: String,
    /// Channels of the result.
    pub channels: u32,
    /// Layout of the result, e.g. `5.1`.
    pub layout: Option<String>,
    /// kbit/s; 0 where it has no meaning.
    pub bitrate: u32,
    /// Hz to resample to.
    pub sample_rate: Option<u32>,
    /// Downmix to stereo with the centre raised and gentle compression.
    pub dialogue_downmix: bool,
}

/// Something the result will not carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The source stream, where it is one.
    pub source: Option<u32>,
    /// What, e.g. `subtitle hdmv_pgs_subtitle (ger)`.
    pub what: String,
    /// Why, a clause.
    pub why: String,
}

/// A subtitle stream written to its own file beside the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Source stream.
    pub source: u32,
    /// Name after the stem: `.ger.forced.sup`.
    pub suffix: String,
    /// ffmpeg's muxer: `sup`, `matroska`, `srt`.
    pub muxer: String,
}

impl Plan {
    /// The result's file name for a source of this stem.
    pub fn output_name(&self, stem: &str) -> String {
        format!("{}.{}", self.stem.as_deref().unwrap_or(stem), self.extension)
    }
    /// Pictures that must be taken out into files before the transcode, which attaches them: in Matroska a cover is an
    /// attached file, and ffmpeg would make a video track of one frame of it. In Ogg it is a comment.
    pub fn attached(&self) -> impl Iterator<Item = &StreamPlan> {
        self.streams.iter().filter(|s| self.attaches(s))
    }
    /// This stream is one of [`Plan::attached`].
    pub fn attaches(&self, stream: &StreamPlan) -> bool {
        matches!(self.container, Container::Matroska | Container::Opus) && stream.action.is_picture()
    }
    /// A chapter without a title comes before the others: MP4's are a track, of which most players add lengths up, so that it must
    /// begin with the film or each chapter is shown too early by as much.
    pub fn opens_chapters(&self, media: &MediaInfo) -> bool {
        /// Seconds that nobody notices.
        const SLIGHT: f64 = 0.5;
        let begin = media.chapters.first().map_or(0.0, |first| first.start) - media.start_time.unwrap_or(0.0);
        self.chapters && matches!(self.container, Container::Mp4 | Container::M4a) && begin > SLIGHT
    }
    /// Nothing is re-encoded: the plan is a change of container.
    pub fn is_remux(&self) -> bool {
        self.streams.iter().all(|s| matches!(s.action, Action::Copy { .. } | Action::Subtitle { .. }))
    }
}
