//! Running ffmpeg: progress out, stderr kept and classified, stalls noticed, stop requests obeyed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::progress::{Listener, Meter, Severity, clean};
use super::tools::Tools;
use super::totals::{self, Totals};
use crate::model::event::Progress;
use crate::sys::process::{self, Child, Spawn};

/// Time between two looks at the child: the caller is asked at least five times a second.
const LOOK: Duration = Duration::from_millis(150);
/// Lines kept per severity, and of the end.
const LINES_KEPT: usize = 20;
const TAIL_KEPT: usize = 40;
/// Characters kept of a line: damaged tags are printed whole.
const LINE_KEPT: usize = 1000;
/// CPU time that counts as life. Less than this in a whole stall limit is a timer ticking.
const LIFE: Duration = Duration::from_millis(50);
/// A child that only uses CPU is stopped after this many stall limits: an encoder may think for long, but not for ever.
const SPIN: u32 = 10;

/// What the runner asks its caller between blocks of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Continue,
    /// Hold the child (SIGSTOP) until told otherwise.
    Pause,
    /// Kill it; the run ends with [`End::Stopped`].
    Stop,
}

/// signal(7): the same number on every Unix.
const SIGKILL: i32 = 9;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// ffmpeg ended by itself with this code (which proves nothing); `None`: by a signal.
    Exited(Option<i32>),
    /// Ended by the signal that no program catches (SIGKILL), which was not ours: by the kernel, where memory ran out.
    Killed,
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
    /// Seconds the child ran, pauses left out.
    pub seconds: f64,
    /// Lines of stderr that are not harmless, by severity, without addresses; the first 20 of each.
    pub lines: BTreeMap<Severity, Vec<String>>,
    /// How many lines there were of each, kept or not.
    pub counts: BTreeMap<Severity, u64>,
    /// What ffmpeg counted of each stream, where it was asked to tell (`-v level+verbose`).
    pub totals: Totals,
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
) -> io::Result<Report> {
    let heard = Arc::new(Mutex::new(Heard { meter: Meter::new(duration), ..Heard::default() }));
    let spawn = Spawn { program: tools.ffmpeg.clone(), args: args.to_vec(), background: limits.background };
    let stdout = Arc::clone(&heard);
    let stderr = Arc::clone(&heard);
    let mut child = process::spawn(
        &spawn,
        move |line| {
            lock(&stdout).meter.line(line);
        },
        move |line| lock(&stderr).stderr(line),
    )?;
    let (end, ran) = attend(&mut child, &heard, limits.stall, watch)?;
    let heard = lock(&heard);
    Ok(Report {
        end,
        progress: heard.meter.now(),
        out_time: heard.meter.out_time,
        frames: heard.meter.frames,
        seconds: ran.as_secs_f64(),
        lines: heard.lines.clone(),
        counts: heard.counts.clone(),
        totals: heard.totals.clone(),
        stderr_tail: heard.tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n"),
        command: command_line(&tools.ffmpeg, args),
    })
}

/// What the child has said so far.
#[derive(Debug, Default)]
struct Heard {
    meter: Meter,
    listener: Listener,
    lines: BTreeMap<Severity, Vec<String>>,
    counts: BTreeMap<Severity, u64>,
    totals: Totals,
    tail: VecDeque<String>,
}

impl Heard {
    fn stderr(&mut self, line: &str) {
        let line: String = line.chars().take(LINE_KEPT).collect();
        let (level, line) = totals::level(&line);
        if matches!(level, Some("info" | "verbose" | "debug" | "trace")) {
            // `[in#0/matroska @ 0x55]   Input stream …` since ffmpeg 6, without the context before.
            self.totals.line(line.rsplit_once("] ").map_or(line.as_str(), |(_, text)| text));
            return;
        }
        let severity = self.listener.line(&line);
        if severity != Severity::Harmless {
            *self.counts.entry(severity).or_default() += 1;
            let kept = self.lines.entry(severity).or_default();
            if kept.len() < LINES_KEPT {
                kept.push(clean(&line));
            }
        }
        if self.tail.len() == TAIL_KEPT {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stays with the child to its end; returns how it ended and how long it ran.
fn attend(
    child: &mut Child,
    heard: &Mutex<Heard>,
    stall: Duration,
    watch: &mut dyn FnMut(&Progress) -> Order,
) -> io::Result<(End, Duration)> {
    let mut ran = Duration::ZERO;
    let mut pulse = Pulse::new(stall);
    let mut paused = false;
    loop {
        let before = Instant::now();
        let ended = child.wait(LOOK)?;
        let time = before.elapsed();
        if !paused {
            ran += time;
        }
        if let Some(ended) = ended {
            let end = if ended.signal == Some(SIGKILL) { End::Killed } else { End::Exited(ended.code) };
            return Ok((end, ran));
        }
        let (progress, mark) = {
            let heard = lock(heard);
            (heard.meter.now(), heard.meter.mark())
        };
        match watch(&progress) {
            Order::Stop => {
                child.kill();
                return Ok((End::Stopped, ran));
            }
            Order::Pause => {
                if !paused {
                    child.suspend()?;
                    paused = true;
                }
                continue;
            }
            Order::Continue if paused => {
                child.resume()?;
                paused = false;
                pulse = Pulse::new(stall);
            }
            Order::Continue => {}
        }
        if pulse.is_gone(time, mark, child.cpu_time()) {
            child.kill();
            return Ok((End::Stalled, ran));
        }
    }
}

/// Whether anything moves.
#[derive(Debug)]
struct Pulse {
    stall: Duration,
    mark: (u64, u64, u64),
    cpu: Duration,
    /// Since progress moved.
    without_progress: Duration,
    /// Since progress or CPU time moved.
    without_life: Duration,
}

impl Pulse {
    fn new(stall: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { stall, mark: (0, 0, 0), cpu: zero, without_progress: zero, without_life: zero }
    }

    fn is_gone(&mut self, passed: Duration, mark: (u64, u64, u64), cpu: Option<Duration>) -> bool {
        // A machine that slept, or we ourselves were held: that time is nobody's stall.
        let passed = passed.min(Duration::from_secs(1));
        self.without_progress += passed;
        self.without_life += passed;
        if mark != self.mark {
            self.mark = mark;
            self.without_progress = Duration::ZERO;
            self.without_life = Duration::ZERO;
        }
        if let Some(cpu) = cpu
            && cpu.saturating_sub(self.cpu) >= LIFE
        {
            self.cpu = cpu;
            self.without_life = Duration::ZERO;
        }
        self.without_life >= self.stall || self.without_progress >= self.stall.saturating_mul(SPIN)
    }
}

/// A command as a POSIX shell would take it.
pub fn command_line(program: &Path, args: &[OsString]) -> String {
    let words = std::iter::once(program.as_os_str()).chain(args.iter().map(OsString::as_os_str));
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
