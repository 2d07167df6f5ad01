//! Never by exit code: the result is opened, compared with the plan and the source, and decoded to its end.
//!
//! [`faults`] is pure: a list of named checks over (source, plan, result). Each fault names the check, what was
//! expected and what was found.

use std::time::Instant;

use super::transcode::{self, Made, tolerance};
use super::{Context, Halt, Source, Task, io_halt};
use crate::ffmpeg::progress::Severity;
use crate::ffmpeg::run::{End, Report};
use crate::ffmpeg::{args, probe};
use crate::model::event::Sink;
use crate::model::media::{MediaInfo, Stream, StreamKind, Video};
use crate::model::outcome::FailCode;
use crate::model::plan::{Action, Plan, SkipCode};
use crate::plan;
use crate::share::claim::Claim;
use crate::sys;

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
    let again = "the original is untouched; run again with -vv to see ffmpeg's words, or try --verify fast --dry-run to see the plan";
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
    let media = probe::probe(context.tools, &made.stage).map_err(|e| {
        Halt::fail(FailCode::Verify, format!("the result does not open: {}", e.line())).hint(again)
    })?;
    let mut found = faults(&source.media, &source.plan, &media, made.measured);
    for (path, suffix) in &made.sidecars {
        if !sys::fs::stamp(path).is_ok_and(|stamp| stamp.size > 0) {
            found.push(Fault {
                check: "sidecar",
                expected: format!("subtitles for «{suffix}»"),
                found: "nothing".to_owned(),
            });
        }
    }
    if let Some(fault) = found.first() {
        return Err(Halt::fail(FailCode::Verify, fault.to_string())
            .hint(again)
            .stderr(made.report.stderr_tail.clone()));
    }
    if context.verify == Depth::Full {
        let report =
            transcode::ffmpeg(task, context, sink, claim, &args::decode(&made.stage), media.duration)?;
        decoded(&source.plan, &media, &report)?;
    }
    Ok(Verified { media, seconds: began.elapsed().as_secs_f64() })
}

/// What a full decode of the result showed.
fn decoded(plan: &Plan, media: &MediaInfo, report: &Report) -> std::result::Result<(), Halt> {
    let bad = [Severity::Damaged, Severity::Truncated]
        .iter()
        .find_map(|severity| report.lines.get(severity).and_then(|lines| lines.first()));
    if let Some(line) = bad {
        let copied = plan.streams.iter().any(|s| matches!(s.action, Action::Copy { .. }));
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
    if report.out_time < expected - tolerance(expected) {
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

/// Every check that needs no decode. `measured`: the source's real length where its header lies.
pub fn faults(source: &MediaInfo, plan: &Plan, output: &MediaInfo, measured: Option<f64>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |ok: bool, check: &'static str, expected: String, found: String| {
        if !ok {
            faults.push(Fault { check, expected, found });
        }
    };
    let promised = plan::expected_streams(plan, source);
    for kind in [
        StreamKind::Video,
        StreamKind::Audio,
        StreamKind::Subtitle,
        StreamKind::Picture,
        StreamKind::Attachment,
    ] {
        let planned: Vec<_> = plan.streams.iter().filter(|s| planned_kind(&s.action) == kind).collect();
        let found: Vec<&Stream> = output.of_kind(kind).collect();
        check(
            planned.len() == found.len(),
            "streams",
            format!("{} × {kind:?}", planned.len()),
            format!("{}", found.len()),
        );
        let promised = promised.iter().filter(|s| s.kind == kind);
        for ((expected, found), planned) in promised.zip(&found).zip(&planned) {
            // A picture is only looked at.
            let rows = if planned.action.is_picture() { Vec::new() } else { looks(expected, found) };
            for (what, expected, found) in rows {
                check(expected == found, what, expected, found);
            }
        }
        for (plan, out) in planned.iter().zip(&found) {
            let input = source.stream(plan.source);
            for (what, expected, found) in compare(&plan.action, input, out) {
                check(expected == found, what, expected, found);
            }
            if plan.language.is_some() && kind != StreamKind::Picture {
                let known = plan.language.clone().unwrap_or_default();
                // Containers spell languages in their own code set (ger, deu, de): only a missing one is a fault.
                check(out.language.is_some() || !is_iso_639_2(&known), "language", known, "none".to_owned());
            }
        }
    }
    let length = measured.or_else(|| source.duration.filter(|seconds| *seconds > 0.0));
    if let Some(expected) = length {
        let found = output.duration.unwrap_or(0.0);
        check(
            (found - expected).abs() <= tolerance(expected),
            "duration",
            super::span_fine(expected),
            super::span_fine(found),
        );
    }
    if plan.chapters {
        check(
            output.chapters.len() == source.chapters.len(),
            "chapters",
            source.chapters.len().to_string(),
            output.chapters.len().to_string(),
        );
    }
    faults
}

/// The kind of stream that an action leaves in the result.
fn planned_kind(action: &Action) -> StreamKind {
    match action {
        Action::Copy { kind, .. } => *kind,
        Action::Video(_) => StreamKind::Video,
        Action::Audio(_) => StreamKind::Audio,
        Action::Subtitle { .. } => StreamKind::Subtitle,
        Action::Picture { .. } => StreamKind::Picture,
    }
}

/// (check, expected, found) of one stream.
fn compare(action: &Action, input: Option<&Stream>, out: &Stream) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    let size = |stream: &Stream| {
        stream.video.as_ref().map(|v| format!("{}×{}", v.width, v.height)).unwrap_or_default()
    };
    let channels = |stream: &Stream| stream.audio.as_ref().map_or(0, |a| a.channels).to_string();
    match action {
        Action::Copy { codec, kind, .. } => {
            rows.push(("codec", codec.clone(), out.codec.clone()));
            if let Some(input) = input {
                match kind {
                    StreamKind::Video => rows.push(("picture size", size(input), size(out))),
                    StreamKind::Audio => rows.push(("channels", channels(input), channels(out))),
                    _ => {}
                }
            }
        }
        Action::Video(encode) => {
            rows.push(("codec", encode.codec.clone(), out.codec.clone()));
            rows.push(("picture size", format!("{}×{}", encode.width, encode.height), size(out)));
            if let Some(video) = &out.video {
                rows.push(("pixel format", encode.pix_fmt.clone(), video.pix_fmt.clone()));
            }
        }
        Action::Audio(encode) => {
            rows.push(("codec", encode.codec.clone(), out.codec.clone()));
            rows.push(("channels", encode.channels.to_string(), channels(out)));
        }
        Action::Subtitle { codec } | Action::Picture { codec } => {
            rows.push(("codec", codec.clone(), out.codec.clone()));
        }
    }
    rows
}

/// (check, expected, found) of what makes a stream look, sound and be chosen as before. What neither a plan nor every
/// container determines (an unknown layout, an untagged colour) is not compared.
fn looks(expected: &Stream, found: &Stream) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    let mut row = |what, expected: String, found: String| rows.push((what, expected, found));
    if let (Some(wanted), Some(got)) = (&expected.video, &found.video) {
        row("rotation", wanted.rotation.to_string(), got.rotation.to_string());
        if wanted.sar.0 > 0 && got.sar.0 > 0 {
            let shape = |sar: (u32, u32)| format!("{:.2}", f64::from(sar.0) / f64::from(sar.1.max(1)));
            row("pixel shape", shape(wanted.sar), shape(got.sar));
        }
        let colors = [
            ("primaries", &wanted.color_primaries, &got.color_primaries),
            ("transfer", &wanted.color_transfer, &got.color_transfer),
            ("matrix", &wanted.color_space, &got.color_space),
        ];
        // No range is the limited one, to every player.
        let range = |v: &Video| v.color_range.clone().unwrap_or_else(|| "tv".to_owned());
        row("range", range(wanted), range(got));
        for (what, wanted, got) in colors {
            // A copy may come out better tagged than it went in, never worse.
            if let Some(wanted) = wanted {
                row(what, wanted.clone(), got.clone().unwrap_or_else(|| "none".to_owned()));
            }
        }
        row("mastering display", mastering(wanted), mastering(got));
        row("light level", format!("{:?}", wanted.content_light), format!("{:?}", got.content_light));
        row("HDR10+", wanted.hdr10_plus.to_string(), got.hdr10_plus.to_string());
        row(
            "Dolby Vision",
            wanted.dolby_vision.is_some().to_string(),
            got.dolby_vision.is_some().to_string(),
        );
    }
    if let (Some(wanted), Some(got)) = (&expected.audio, &found.audio) {
        if wanted.sample_rate > 0 {
            row("sample rate", wanted.sample_rate.to_string(), got.sample_rate.to_string());
        }
        if let (Some(wanted), Some(got)) = (&wanted.layout, &got.layout) {
            row("layout", wanted.clone(), got.clone());
        }
    }
    let (wanted, got) = (expected.disposition, found.disposition);
    let flags = [
        ("forced", wanted.forced, got.forced),
        ("commentary", wanted.comment, got.comment),
        ("hearing impaired", wanted.hearing_impaired, got.hearing_impaired),
        ("visual impaired", wanted.visual_impaired, got.visual_impaired),
    ];
    for (what, wanted, got) in flags.into_iter().filter(|(_, wanted, _)| *wanted) {
        row(what, wanted.to_string(), got.to_string());
    }
    rows
}

/// ST 2086 values to three digits: AV1 keeps them as binary fractions, HEVC as decimal ones.
fn mastering(video: &Video) -> String {
    let Some(m) = &video.mastering else { return "none".to_owned() };
    let number = |(n, d): (u32, u32)| f64::from(n) / f64::from(d.max(1));
    let point = |(x, y)| format!("({:.3}, {:.3})", number(x), number(y));
    let luminance = format!("{:.3} to {:.0}", number(m.min_luminance), number(m.max_luminance));
    format!("{} {} {} {} {luminance}", point(m.red), point(m.green), point(m.blue), point(m.white))
}

fn is_iso_639_2(language: &str) -> bool {
    language.len() == 3 && language.bytes().all(|b| b.is_ascii_lowercase()) && language != "und"
}
