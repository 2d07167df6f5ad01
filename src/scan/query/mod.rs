//! Questions about remembered facts: a file as a row of named fields, and expressions over them. Pure.

mod expression;
pub mod packed;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::model::key::Stamp;
use crate::model::media::{Hdr, MediaInfo, Stream, StreamKind, Video};

pub use expression::{Expression, number};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Flag,
    /// Several texts: one of them counts.
    List,
}

/// A field's value in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Text(String),
    Flag(bool),
    List(Vec<String>),
    /// The file has no such thing: a song has no height.
    None,
}

/// One file. The names are those of expressions, columns and JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Relative to the folder asked about, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Seconds.
    pub duration: Option<f64>,
    /// kbit/s of the whole file.
    pub bitrate: Option<u64>,
    pub container: String,
    /// Video codec; none: no video.
    pub codec: Option<String>,
    pub profile: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fps: Option<f64>,
    pub bit_depth: Option<u8>,
    pub hdr: bool,
    /// `SDR`, `HDR10`, `HDR10+`, `HLG`, `Dolby Vision 8`.
    pub range: Option<String>,
    /// Codec of the first audio stream.
    pub audio_codec: Option<String>,
    /// Most channels of any audio stream.
    pub audio_channels: Option<u32>,
    pub audio_tracks: usize,
    pub audio_languages: Vec<String>,
    pub subtitles: usize,
    pub subtitle_languages: Vec<String>,
    pub title: Option<String>,
}

/// Every field: its name and kind.
pub const FIELDS: [(&str, Kind); 22] = [
    ("path", Kind::Text),
    ("name", Kind::Text),
    ("size", Kind::Number),
    ("modified", Kind::Number),
    ("duration", Kind::Number),
    ("bitrate", Kind::Number),
    ("container", Kind::Text),
    ("codec", Kind::Text),
    ("profile", Kind::Text),
    ("width", Kind::Number),
    ("height", Kind::Number),
    ("fps", Kind::Number),
    ("bit_depth", Kind::Number),
    ("hdr", Kind::Flag),
    ("range", Kind::Text),
    ("audio_codec", Kind::Text),
    ("audio_channels", Kind::Number),
    ("audio_tracks", Kind::Number),
    ("audio_languages", Kind::List),
    ("subtitles", Kind::Number),
    ("subtitle_languages", Kind::List),
    ("title", Kind::Text),
];

impl Row {
    /// A file's row.
    pub fn of(path: String, stamp: Stamp, media: &MediaInfo) -> Self {
        let main = media.main_video();
        let video = main.and_then(|stream| stream.video.as_ref());
        let audio = || media.of_kind(StreamKind::Audio);
        let subtitles = || media.of_kind(StreamKind::Subtitle);
        let named = |stream: &Stream| Some(stream.codec.clone()).filter(|codec| !codec.is_empty());
        Self {
            path,
            size: stamp.size,
            modified: stamp.sec,
            duration: media.duration,
            bitrate: media.bit_rate.map(|bits| bits / 1000),
            container: container(media),
            codec: main.and_then(named),
            profile: main.and_then(|stream| stream.profile.clone()),
            width: video.map(|video| video.width),
            height: video.map(|video| video.height),
            fps: video.and_then(Video::fps).map(|fps| (fps * 1000.0).round() / 1000.0),
            bit_depth: video.map(|video| video.bit_depth),
            hdr: video.is_some_and(|video| dynamic_range(video) != "SDR"),
            range: video.map(dynamic_range),
            audio_codec: audio().next().and_then(named),
            audio_channels: audio().filter_map(|s| s.audio.as_ref()).map(|audio| audio.channels).max(),
            audio_tracks: audio().count(),
            audio_languages: audio().filter_map(|stream| stream.language.clone()).collect(),
            subtitles: subtitles().count(),
            subtitle_languages: subtitles().filter_map(|stream| stream.language.clone()).collect(),
            title: media.tags.get("title").cloned(),
        }
    }

    /// A field by its name; [`Value::None`] for one there is not.
    pub fn field(&self, name: &str) -> Value {
        let text = |text: &Option<String>| text.clone().map_or(Value::None, Value::Text);
        let number = |number: Option<f64>| number.map_or(Value::None, Value::Number);
        match name {
            "path" => Value::Text(self.path.clone()),
            "name" => Value::Text(self.path.rsplit('/').next().unwrap_or_default().to_owned()),
            "size" => Value::Number(self.size as f64),
            "modified" => Value::Number(self.modified as f64),
            "duration" => number(self.duration),
            "bitrate" => number(self.bitrate.map(|n| n as f64)),
            "container" => Value::Text(self.container.clone()),
            "codec" => text(&self.codec),
            "profile" => text(&self.profile),
            "width" => number(self.width.map(f64::from)),
            "height" => number(self.height.map(f64::from)),
            "fps" => number(self.fps),
            "bit_depth" => number(self.bit_depth.map(f64::from)),
            "hdr" => Value::Flag(self.hdr),
            "range" => text(&self.range),
            "audio_codec" => text(&self.audio_codec),
            "audio_channels" => number(self.audio_channels.map(f64::from)),
            "audio_tracks" => Value::Number(self.audio_tracks as f64),
            "audio_languages" => Value::List(self.audio_languages.clone()),
            "subtitles" => Value::Number(self.subtitles as f64),
            "subtitle_languages" => Value::List(self.subtitle_languages.clone()),
            "title" => text(&self.title),
            _ => Value::None,
        }
    }

    /// A field for a table or CSV.
    pub fn cell(&self, name: &str) -> String {
        match self.field(name) {
            Value::Number(number) => format!("{number}"),
            Value::Text(text) => text,
            Value::Flag(flag) => if flag { "yes" } else { "no" }.to_owned(),
            Value::List(list) => list.join(" "),
            Value::None => String::new(),
        }
    }
}

/// Sorts by a field: numbers from the largest, texts from A; files without it last. Equal ones keep the order of paths.
pub fn sort(rows: &mut [Row], field: &str) {
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    rows.sort_by(|a, b| match (a.field(field), b.field(field)) {
        (Value::Number(a), Value::Number(b)) => b.total_cmp(&a),
        (Value::Text(a), Value::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Value::Flag(a), Value::Flag(b)) => b.cmp(&a),
        (Value::List(a), Value::List(b)) => a.cmp(&b),
        (a, b) => (a == Value::None).cmp(&(b == Value::None)),
    });
}

/// A field's kind, where there is such a field.
pub fn kind(name: &str) -> Option<Kind> {
    FIELDS.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind)
}

/// ffprobe names a family of formats; people know its first or most usual member.
fn container(media: &MediaInfo) -> String {
    match media.format.as_str() {
        "mov,mp4,m4a,3gp,3g2,mj2" => "mp4".to_owned(),
        "matroska,webm" => "matroska".to_owned(),
        other => other.split(',').next().unwrap_or_default().to_owned(),
    }
}

fn dynamic_range(video: &Video) -> String {
    match (video.dolby_vision, video.hdr10_plus, video.hdr()) {
        (Some(vision), _, _) => format!("Dolby Vision {}", vision.profile),
        (None, true, _) => "HDR10+".to_owned(),
        (None, false, Hdr::Pq) => "HDR10".to_owned(),
        (None, false, Hdr::Hlg) => "HLG".to_owned(),
        (None, false, Hdr::Sdr) => "SDR".to_owned(),
    }
}
