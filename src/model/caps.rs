//! What this machine's ffmpeg really can do, with the evidence.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
    /// A filter is compiled in.
    pub fn has_filter(&self, name: &str) -> bool {
        self.filters.contains(name)
    }
}
