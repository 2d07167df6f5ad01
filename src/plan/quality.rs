//! One quality word for every encoder, and the presets that go with it.
//!
//! The three columns are meant to look alike. A number is on x264's CRF scale and is carried to the other encoders along
//! the line through the same three points, so that a profile means the same on every machine of the fleet.

use crate::model::policy::{Quality, VideoCodec};

/// One encoder: what it makes, how ffmpeg counts its quality, and ours for the three words.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub encoder: &'static str,
    pub codec: VideoCodec,
    /// High, standard, small.
    pub points: [f32; 3],
    /// Smallest and largest value the encoder takes.
    pub range: (f32, f32),
    /// Our preset.
    pub preset: Option<&'static str>,
}

/// In the order `auto` tries them: the fastest hardware first, software as the floor.
pub const TABLE: &[Row] = &[
    row("h264_nvenc", VideoCodec::H264, [20.0, 23.0, 27.0], (1.0, 51.0), Some("p5")),
    row("h264_qsv", VideoCodec::H264, [19.0, 22.0, 26.0], (1.0, 51.0), Some("medium")),
    row("h264_videotoolbox", VideoCodec::H264, [68.0, 60.0, 50.0], (1.0, 100.0), None),
    row("h264_amf", VideoCodec::H264, [19.0, 22.0, 26.0], (0.0, 51.0), Some("quality")),
    row("h264_vaapi", VideoCodec::H264, [19.0, 22.0, 26.0], (1.0, 52.0), None),
    row("libx264", VideoCodec::H264, [18.0, 21.0, 24.0], (0.0, 51.0), Some("medium")),
    row("hevc_nvenc", VideoCodec::Hevc, [22.0, 25.0, 29.0], (1.0, 51.0), Some("p5")),
    row("hevc_qsv", VideoCodec::Hevc, [20.0, 24.0, 28.0], (1.0, 51.0), Some("medium")),
    row("hevc_videotoolbox", VideoCodec::Hevc, [66.0, 58.0, 48.0], (1.0, 100.0), None),
    row("hevc_amf", VideoCodec::Hevc, [20.0, 24.0, 28.0], (0.0, 51.0), Some("quality")),
    row("hevc_vaapi", VideoCodec::Hevc, [20.0, 24.0, 28.0], (1.0, 52.0), None),
    row("libx265", VideoCodec::Hevc, [19.0, 22.0, 26.0], (0.0, 51.0), Some("medium")),
    row("av1_nvenc", VideoCodec::Av1, [26.0, 31.0, 37.0], (1.0, 51.0), Some("p5")),
    row("av1_qsv", VideoCodec::Av1, [22.0, 27.0, 32.0], (1.0, 51.0), Some("medium")),
    row("av1_amf", VideoCodec::Av1, [80.0, 100.0, 130.0], (0.0, 255.0), Some("quality")),
    row("av1_vaapi", VideoCodec::Av1, [80.0, 100.0, 130.0], (1.0, 255.0), None),
    row("libsvtav1", VideoCodec::Av1, [24.0, 30.0, 37.0], (1.0, 63.0), Some("6")),
    row("libaom-av1", VideoCodec::Av1, [22.0, 28.0, 35.0], (0.0, 63.0), Some("4")),
];

const fn row(
    encoder: &'static str,
    codec: VideoCodec,
    points: [f32; 3],
    range: (f32, f32),
    preset: Option<&'static str>,
) -> Row {
    Row { encoder, codec, points, range, preset }
}

/// The row of an encoder.
pub fn of(encoder: &str) -> Option<&'static Row> {
    TABLE.iter().find(|r| r.encoder == encoder)
}

impl Row {
    /// The encoder's own number for a quality, rounded to halves.
    pub fn value(&self, quality: Quality) -> f32 {
        /// x264's CRF at the three words.
        const CRF: [f32; 3] = [18.0, 21.0, 24.0];
        let crf = match quality {
            Quality::High => CRF[0],
            Quality::Standard => CRF[1],
            Quality::Small => CRF[2],
            Quality::Value(crf) => crf,
        };
        let (from, to) = if crf <= CRF[1] { (0, 1) } else { (1, 2) };
        let slope = (self.points[to] - self.points[from]) / (CRF[to] - CRF[from]);
        let value = self.points[from] + (crf - CRF[from]) * slope;
        ((value * 2.0).round() / 2.0).clamp(self.range.0, self.range.1)
    }
}
