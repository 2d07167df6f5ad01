//! How a file's journey ended.

use serde::{Deserialize, Serialize};

use super::error::Kind;
use super::plan::Skip;

/// The end of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The result is in place.
    Converted(Converted),
    /// Left alone.
    Skipped(Skip),
    /// Tried, and the original is untouched.
    Failed(Failed),
}

/// Facts of a finished conversion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Converted {
    /// The result's name (no folder).
    pub output: String,
    /// Bytes of the original.
    pub bytes_before: u64,
    /// Bytes of the result.
    pub bytes_after: u64,
    /// Seconds in ffmpeg's encode.
    pub encode_seconds: f64,
    /// Seconds in verification.
    pub verify_seconds: f64,
    /// Seconds from claim to release.
    pub total_seconds: f64,
    /// Video encoder, or `copy`, or none for audio.
    pub encoder: Option<String>,
    /// What the result does not carry, in words.
    pub lost: Vec<String>,
    /// Which encoder failed first, and why, where the file was encoded once more in software.
    #[serde(default)]
    pub instead_of: Option<String>,
    /// Bytes carried between the library and `--temp-dir`; none where the encode was made beside the source.
    #[serde(default)]
    pub bytes_moved: Option<u64>,
}

/// Facts of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Coarse reason; summaries count by it.
    pub code: FailCode,
    /// One line of what happened.
    pub words: String,
    /// What the user can do.
    pub hint: Option<String>,
    /// The end of ffmpeg's stderr, where it was ffmpeg.
    pub stderr: Option<String>,
    /// Trying again (elsewhere, later) may help.
    pub retry: bool,
}

/// Reasons to fail, stable names for JSON and summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailCode {
    /// ffprobe cannot read it.
    Unreadable,
    /// Damaged: it does not decode cleanly.
    Damaged,
    /// Cut short: it holds less than its header promises.
    Truncated,
    /// ffmpeg ended with an error.
    Encode,
    /// ffmpeg made no progress.
    Stalled,
    /// ffmpeg was killed by somebody else, which is the kernel where memory runs out.
    Killed,
    /// The result did not pass verification.
    Verify,
    /// The source changed while it was converted.
    SourceChanged,
    /// The claim was lost.
    ClaimLost,
    /// No room.
    Space,
    /// No permission to write.
    ReadOnly,
    /// Any other file-system failure.
    Io,
    /// Stopped by the user before the end.
    Interrupted,
}

impl FailCode {
    /// Words for the summary's table.
    pub fn words(self) -> &'static str {
        match self {
            FailCode::Unreadable => "cannot be read",
            FailCode::Damaged => "damaged",
            FailCode::Truncated => "cut short",
            FailCode::Encode => "ffmpeg failed",
            FailCode::Stalled => "ffmpeg made no progress",
            FailCode::Killed => "ffmpeg was killed",
            FailCode::Verify => "result did not verify",
            FailCode::SourceChanged => "source changed meanwhile",
            FailCode::ClaimLost => "claim lost",
            FailCode::Space => "no room",
            FailCode::ReadOnly => "no permission to write",
            FailCode::Io => "file-system error",
            FailCode::Interrupted => "interrupted",
        }
    }
    /// The failure lies in the file itself: remembered, so that no machine tries for ever.
    pub fn is_the_files_fault(self) -> bool {
        matches!(self, FailCode::Unreadable | FailCode::Damaged | FailCode::Truncated)
    }
    /// The kind of error it counts as.
    pub fn kind(self) -> Kind {
        match self {
            FailCode::Unreadable | FailCode::Damaged | FailCode::Truncated => Kind::Media,
            FailCode::Encode | FailCode::Stalled | FailCode::Killed => Kind::Encode,
            FailCode::Verify => Kind::Verify,
            FailCode::ClaimLost => Kind::Claim,
            FailCode::Space => Kind::Space,
            FailCode::SourceChanged | FailCode::ReadOnly | FailCode::Io => Kind::Io,
            FailCode::Interrupted => Kind::Interrupted,
        }
    }
}
