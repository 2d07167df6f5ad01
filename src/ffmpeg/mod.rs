//! The only room that knows ffmpeg's words.
//!
//! Promises: `args`, `progress` and the parsing half of `probe` are pure. No exit code is believed: a run's stderr is
//! classified line by line. Never chooses what to do with a file; that is `plan`.

pub mod args;
pub mod caps;
pub mod encoders;
pub mod probe;
pub mod progress;
pub mod run;
pub mod samples;
pub mod tools;
pub mod totals;

#[cfg(test)]
#[path = "../../tests/it/support/play.rs"]
pub mod play;
