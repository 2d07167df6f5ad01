//! What this machine's ffmpeg really can do, with the evidence.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::media::FrameData;

/// The result of trying things, for one ffmpeg build on one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caps {
    /// First line's version word, e.g. `5.1.9-0+deb12u1`.
    pub version: String,
    /// Major and minor version; `None` for builds from git.
    pub release: Option<(u32, u32)>,
    /// What was tried, per encoder.
    pub encoders: Vec<EncoderCap>,
    /// Filters that are compiled in.
    pub filters: BTreeSet<String>,
    /// Encoders that are compiled in (video, audio and subtitle); being listed proves nothing for hardware.
    pub listed: BTreeSet<String>,
    /// Hardware decoders that were tried; `None`: not yet.
    #[serde(default)]
    pub decoders: Option<Vec<DecodeCap>>,
    /// The trial of tone mapping by libplacebo, which needs a card with Vulkan; `None`: not tried, or resting.
    #[serde(default)]
    pub libplacebo: Option<Verdict>,
}

/// The trial of one way to decode one codec in hardware.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecodeCap {
    /// ffmpeg's name of the way: `cuda`, `vaapi`, `d3d11va`, `videotoolbox`.
    pub accel: String,
    pub device: Option<String>,
    /// ffprobe's name of the codec.
    pub codec: String,
    /// The sample had 10 bit.
    pub ten_bit: bool,
    pub verdict: Verdict,
    /// How many times as fast the whole chain was as with software's decoder, where the pictures were right.
    pub gain: Option<f64>,
}

/// Less than this is not worth another thing that can break.
const WORTH: f64 = 1.05;

impl DecodeCap {
    /// Right, and faster.
    pub fn is_worth_it(&self) -> bool {
        matches!(self.verdict, Verdict::Works { .. }) && self.gain.is_some_and(|gain| gain >= WORTH)
    }
}

/// One encoder's trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderCap {
    /// ffmpeg's encoder name, e.g. `hevc_nvenc`.
    pub name: String,
    /// What it makes: `h264`, `hevc`, `av1`, `aac` …
    pub codec: String,
    /// Hardware or software.
    pub hardware: bool,
    /// The device it was tried on, e.g. `/dev/dri/renderD128`.
    pub device: Option<String>,
    /// 10-bit 4:2:0 input works.
    pub ten_bit: bool,
    /// What was in every frame that it made of a clip whose frames have it.
    #[serde(default)]
    pub keeps: BTreeSet<FrameData>,
    /// Encodes that really ran at once, of those tried (eight); `None` for software, which has no such limit.
    #[serde(default)]
    pub sessions: Option<u32>,
    /// The largest picture that was tried and worked; `None` for software.
    #[serde(default)]
    pub largest: Option<(u32, u32)>,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a trial showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// A real encode came out right.
    Works {
        /// Frames per second on the trial clip.
        fps: f64,
    },
    /// The trial failed; `why` is the telling line of ffmpeg.
    Failed { why: String },
    /// ffmpeg does not know it.
    NotListed,
}

impl Caps {
    /// The encoder's trial, where it worked.
    pub fn working(&self, name: &str) -> Option<&EncoderCap> {
        self.encoders.iter().find(|e| e.name == name && matches!(e.verdict, Verdict::Works { .. }))
    }
    /// Every device on which the encoder works.
    pub fn devices(&self, name: &str) -> impl Iterator<Item = &EncoderCap> {
        self.encoders.iter().filter(move |e| e.name == name && matches!(e.verdict, Verdict::Works { .. }))
    }
    /// It runs on a device of its own.
    pub fn is_hardware(&self, name: &str) -> bool {
        self.encoders.iter().any(|e| e.name == name && e.hardware)
    }
    /// The same machine without some of its encoders.
    #[must_use]
    pub fn without(&self, leave_out: impl Fn(&EncoderCap) -> bool) -> Caps {
        let mut caps = self.clone();
        caps.encoders.retain(|e| !leave_out(e));
        caps
    }
    /// A hardware decoder that is right for this codec and makes the whole chain faster.
    pub fn decoder(&self, codec: &str, ten_bit: bool) -> Option<&DecodeCap> {
        let all = self.decoders.iter().flatten();
        all.filter(|d| d.codec == codec && d.ten_bit == ten_bit && d.is_worth_it())
            .max_by(|a, b| a.gain.unwrap_or(0.0).total_cmp(&b.gain.unwrap_or(0.0)))
    }
    /// A card maps HDR to SDR, and was seen to do it right.
    pub fn has_libplacebo(&self) -> bool {
        matches!(self.libplacebo, Some(Verdict::Works { .. }))
    }
    /// A filter is compiled in.
    pub fn has_filter(&self, name: &str) -> bool {
        self.filters.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Caps, DecodeCap, Verdict};

    #[test]
    fn only_a_decoder_that_is_right_and_clearly_faster_is_used_and_the_best_of_them() {
        let cap = |accel: &str, codec: &str, works, gain| DecodeCap {
            accel: accel.into(),
            device: None,
            codec: codec.into(),
            ten_bit: false,
            verdict: if works { Verdict::Works { fps: 1.0 } } else { Verdict::Failed { why: "no".into() } },
            gain,
        };
        let all = vec![
            cap("vaapi", "h264", true, Some(1.2)),
            cap("cuda", "h264", true, Some(1.4)),
            cap("other", "h264", false, Some(9.0)),
            cap("cuda", "hevc", true, Some(1.01)),
            cap("cuda", "vp9", true, None),
        ];
        let caps = Caps { decoders: Some(all), ..Caps::default() };
        assert_eq!(caps.decoder("h264", false).map(|d| d.accel.as_str()), Some("cuda"));
        assert_eq!(caps.decoder("h264", true), None, "10 bit was not tried");
        for codec in ["hevc", "vp9", "mpeg4"] {
            assert_eq!(caps.decoder(codec, false), None, "{codec}");
        }
        assert_eq!(Caps::default().decoder("h264", false), None);
    }
}
