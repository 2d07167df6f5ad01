//! Running ffmpeg: progress out, stderr kept and classified, stalls noticed, stop requests obeyed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use super::progress::Severity;
use super::tools::Tools;
use crate::model::event::Progress;

/// What the runner asks its caller between blocks of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Continue,
    /// Hold the child (SIGSTOP) until told otherwise.
    Pause,
    /// Kill it; the run ends with [`End::Stopped`].
    Stop,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// ffmpeg ended by itself with this code (which proves nothing); `None`: by a signal.
    Exited(Option<i32>),
    /// Killed because the caller said so.
    Stopped,
    /// Killed because nothing moved (no progress and no CPU time) for the stall limit.
    Stalled,
}

/// Everything a run left.
#[derive(Clone, Debug)]
pub struct Report {
    pub end: End,
    /// Last progress.
    pub progress: Progress,
    /// Seconds of media written, frames written.
    pub out_time: f64,
    pub frames: u64,
    /// Seconds the child ran.
    pub seconds: f64,
    /// Lines of stderr that are not harmless, by severity; the first 20 of each.
    pub lines: BTreeMap<Severity, Vec<String>>,
    /// The last 40 lines of stderr.
    pub stderr_tail: String,
    /// The command line as a shell would take it, for records.
    pub command: String,
}

/// Settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No progress and no CPU time for this long is a stall.
    pub stall: Duration,
    /// Low priority.
    pub background: bool,
}

/// Runs ffmpeg with `args`; `watch` is called at every block of progress and at least five times a second.
pub fn run(
    tools: &Tools,
    args: &[OsString],
    duration: Option<f64>,
    limits: Limits,
    watch: &mut dyn FnMut(&Progress) -> Order,
) -> std::io::Result<Report> {
    let _ = (tools, args, duration, limits, watch);
    todo!()
}
