//! Never by exit code: the result is opened, compared with the plan and the source, and decoded to its end.
//!
//! [`checks`] and [`counts`] are pure: lists of named checks over (source, plan, result) and over what was counted of both.
//! Each fault names the check, what was expected and what was found. docs/FIDELITY.md says which check catches what.

mod checks;
pub(crate) mod counts;
mod dynamic;
mod likeness;
mod order;
mod picture;

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

pub(crate) use checks::{faults, planned_kind};

use super::transcode::{self, Made, tolerance};
use super::{Context, Halt, Source, Task, io_halt};
use crate::ffmpeg::probe::Streams;
use crate::ffmpeg::progress::Severity;
use crate::ffmpeg::run::{End, Report};
use crate::ffmpeg::tools::Tools;
use crate::ffmpeg::totals::Totals;
use crate::ffmpeg::{args, probe};
use crate::model::event::Sink;
use crate::model::media::{MediaInfo, StreamKind};
use crate::model::outcome::FailCode;
use crate::model::plan::{Action, Plan, SkipCode};
use crate::share::claim::Claim;
use crate::sys;
use counts::{After, Pair};

/// What to do about a result that was dropped.
const AGAIN: &str = "the original is untouched; run again with -vv to see ffmpeg's words, or try --verify fast --dry-run to see the plan";

/// How thoroughly results are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Headers, durations and every stream; no decode of the whole result.
    Fast,
    /// And a full decode.
    #[default]
    Full,
}

/// A result that passed.
#[derive(Debug)]
pub(crate) struct Verified {
    pub media: MediaInfo,
    pub seconds: f64,
}

/// One check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The check's stable name.
    pub check: &'static str,
    pub expected: String,
    pub found: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.check, self.expected, self.found)
    }
}

/// What is compared: a source with its facts, what was to become of it, and the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'a> {
    pub source: (&'a Path, &'a MediaInfo),
    pub plan: &'a Plan,
    pub result: &'a Path,
    /// What was counted while the source was decoded.
    pub before: &'a Totals,
    /// What was counted while the result was written, where that is known.
    pub made: Option<&'a Totals>,
    /// The source's real length in seconds where its header was found to lie.
    pub measured: Option<f64>,
}

/// Runs ffmpeg on these arguments over a file of this length.
pub(crate) type Decode<'a> = &'a mut dyn FnMut(&[OsString], Option<f64>) -> std::result::Result<Report, Halt>;

/// Verifies the stage file; `Err` says which check failed, or that the result is of no use.
pub(crate) fn result(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &Source,
    made: &Made,
) -> std::result::Result<Verified, Halt> {
    let began = Instant::now();
    let bytes = sys::fs::stamp(&made.stage).map_err(|e| io_halt("look at the result", &made.stage, e))?.size;
    if let Some(percent) = source.plan.max_output_percent {
        let before = source.print.stamp.size;
        if u128::from(bytes) * 100 > u128::from(before) * u128::from(percent) {
            return Err(Halt::skip(
                SkipCode::NotSmaller,
                format!(
                    "the result is {} % of the source, more than {percent} %",
                    bytes * 100 / before.max(1)
                ),
            ));
        }
    }
    let sides = Sides {
        source: (&task.path, &source.media),
        plan: &source.plan,
        result: &made.stage,
        before: &made.report.totals,
        made: Some(&made.report.totals),
        measured: made.measured,
    };
    let mut decode =
        |arguments: &[OsString], seconds| transcode::ffmpeg(task, context, sink, claim, arguments, seconds);
    let (media, mut found) = inspect(context.tools, sides, context.verify, &mut decode)?;
    for (path, suffix) in &made.sidecars {
        if !sys::fs::stamp(path).is_ok_and(|stamp| stamp.size > 0) {
            found.push(Fault {
                check: "sidecar",
                expected: format!("subtitles for «{suffix}»"),
                found: "nothing".to_owned(),
            });
        }
    }
    found.extend(counts::sidecars(&source.plan, &made.report.totals));
    if let Some(least) = context.policy.min_vmaf.filter(|_| found.is_empty()) {
        likeness::enough(sides, &media, context.bench.caps().has_filter("libvmaf"), least, &mut decode)?;
    }
    match found.first() {
        None => Ok(Verified { media, seconds: began.elapsed().as_secs_f64() }),
        Some(fault) => Err(Halt::fail(FailCode::Verify, fault.to_string())
            .hint(AGAIN)
            .stderr(made.report.stderr_tail.clone())),
    }
}

/// Every check over a source and its result, cheap ones first: the result's facts, and its faults. `Err` where it does not
/// even open or decode.
pub(crate) fn inspect(
    tools: &Tools,
    sides: Sides<'_>,
    depth: Depth,
    decode: Decode<'_>,
) -> std::result::Result<(MediaInfo, Vec<Fault>), Halt> {
    let Sides { source: (path, source), plan, result, before, made, measured } = sides;
    let media = probe::probe(tools, result).map_err(|e| {
        Halt::fail(FailCode::Verify, format!("open: the result does not open: {}", e.line())).hint(AGAIN)
    })?;
    let found = if checks::frames_may_say_more(source, plan, &media) {
        let mut source = source.clone();
        probe::look_into_frames(tools, path, &mut source);
        faults(&source, plan, &media, measured)
    } else {
        faults(source, plan, &media, measured)
    };
    if !found.is_empty() {
        return Ok((media, found));
    }
    let report = if depth == Depth::Full {
        let texts: Vec<u32> = media.of_kind(StreamKind::Subtitle).map(|s| s.index).collect();
        let kept = counts::kept(source, plan, &media);
        let report = decode(&args::decode(result, &texts, &kept), media.duration)?;
        decoded(tools, sides, &media, &report)?;
        Some(report)
    } else {
        None
    };
    let after = match (&report, made) {
        (Some(report), _) => After::Decoded(&report.totals),
        (None, Some(made)) => After::Made(made),
        (None, None) => return Ok((media, found)),
    };
    let mut pairs = counts::pairs(source, plan, &media, before, after);
    if report.is_some() && media.of_kind(StreamKind::Subtitle).any(|s| s.codec == counts::MP4_TEXT) {
        let texts = probe::measure(tools, result, Streams::Subtitles).unwrap_or_default();
        counts::without_blanks(&mut pairs, &texts);
    }
    let mut found = counts::faults(source, &media, &pairs, None);
    if !found.is_empty() {
        // Seldom: the counts differ, and only the packets of both files tell whether anything is missing.
        let seen = probe::measure(tools, path, Streams::All)
            .and_then(|was| Ok((was, probe::measure(tools, result, Streams::All)?)));
        if let Ok(measures) = seen {
            found = counts::faults(source, &media, &pairs, Some(&measures));
        }
    }
    if let (true, Some(report)) = (found.is_empty(), &report) {
        // Behind the sidecars where the source was counted by its transcode, alone where it was only decoded.
        let first = 1 + made.map_or(0, |_| plan.sidecars.len() as u32);
        found = counts::carried(plan, &pairs, (before, first), &report.totals);
        found.extend(dynamic::differs(tools, path, plan, result));
        found.extend(order::differs(tools, path, &pairs, result));
    }
    if depth == Depth::Full && found.is_empty() {
        found.extend(picture::differs(tools, (path, source), plan, (result, &media)));
    }
    Ok((media, found))
}

/// What a full decode of the result showed.
fn decoded(
    tools: &Tools,
    sides: Sides<'_>,
    media: &MediaInfo,
    report: &Report,
) -> std::result::Result<(), Halt> {
    let bad = [Severity::Damaged, Severity::Truncated]
        .iter()
        .find_map(|severity| report.lines.get(severity).and_then(|lines| lines.first()));
    if let Some(line) = bad {
        let copied = sides.plan.streams.iter().any(|s| matches!(s.action, Action::Copy { .. }));
        let recording = transcode::may_end_anywhere(sides.source.1);
        if copied && recording && transcode::ends_in_half_a_frame(tools, sides.result, media, report) {
            return Ok(());
        }
        // A copied stream brings the source's damage along: the source is at fault, not the result.
        let (code, words) = if copied {
            (FailCode::Damaged, format!("it does not decode cleanly: {line}"))
        } else {
            (FailCode::Verify, format!("decode: the result does not decode cleanly: {line}"))
        };
        return Err(Halt::fail(code, words)
            .hint("the original is untouched")
            .stderr(report.stderr_tail.clone()));
    }
    if report.end != End::Exited(Some(0)) {
        return Err(Halt::fail(
            FailCode::Verify,
            format!("decode: ffmpeg could not decode the result ({:?})", report.end),
        )
        .hint("the original is untouched")
        .stderr(report.stderr_tail.clone()));
    }
    let expected = media.duration.unwrap_or(0.0);
    let short = report.out_time < expected - tolerance(expected);
    if short && !transcode::is_all_there(media, |_| report.out_time) {
        return Err(Halt::fail(
            FailCode::Verify,
            Fault {
                check: "decode",
                expected: super::span(expected),
                found: format!("frames for only {}", super::span(report.out_time)),
            }
            .to_string(),
        )
        .hint("the original is untouched"));
    }
    Ok(())
}
