//! ffmpeg's `-progress` blocks and stderr lines, read by pure functions.

use crate::model::event::Progress;

/// Collects `key=value` lines of `-progress pipe:1`; a block ends with `progress=`.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Expected seconds of output, where known.
    pub duration: Option<f64>,
    /// Seconds of output so far (`out_time_us`).
    pub out_time: f64,
    /// Frames so far.
    pub frames: u64,
    /// Frames ffmpeg dropped or duplicated.
    pub dropped: u64,
    pub duplicated: u64,
    fps: Option<f64>,
    speed: Option<f64>,
    bytes: u64,
}

impl Meter {
    pub fn new(duration: Option<f64>) -> Self {
        Self { duration, ..Self::default() }
    }
    /// Takes one line; `Some` at the end of each block. Never panics, whatever the line is.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let _ = line;
        todo!()
    }
}

/// What a line of stderr means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Says nothing about the media.
    Harmless,
    /// Worth recording.
    Suspicious,
    /// The input is cut short.
    Truncated,
    /// The media is damaged.
    Damaged,
    /// No room on the disk.
    DiskFull,
    /// The encoder or its device failed.
    Encoder,
}

/// Classifies one line of ffmpeg's stderr.
pub fn classify(line: &str) -> Severity {
    let _ = line;
    todo!()
}
