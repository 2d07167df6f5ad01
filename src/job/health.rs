//! Whether a file is whole: by its headers in a blink, or by decoding all of it. Changes nothing, claims nothing.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::transcode::{counts_from_zero, ends_in_half_a_frame, is_all_there, may_end_anywhere, tolerance};
use crate::ffmpeg::progress::Severity;
use crate::ffmpeg::run::{self, End, Limits, Order, Report};
use crate::ffmpeg::tools::Tools;
use crate::ffmpeg::{args, probe};
use crate::model::error::{Error, Kind, Result};
use crate::model::media::{MediaInfo, StreamKind};
use crate::model::outcome::FailCode;
use crate::scan::examine;
use crate::scan::headers::{self, whole};
use crate::sys::stop::{self, Stop};

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ailment {
    /// `unreadable`, `damaged` or `truncated`.
    pub code: FailCode,
    pub words: String,
}

impl Ailment {
    fn new(code: FailCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }
}

/// How ffmpeg runs over a file that nobody converts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Low priority.
    pub background: bool,
    /// No progress for this long is a stall.
    pub stall: Duration,
}

/// What headers tell. `Err` where the share, not the file, is at fault.
pub fn glance(tools: &Tools, path: &Path) -> Result<Option<Ailment>> {
    facts(tools, path).map(std::result::Result::err)
}

/// What a full decode tells.
pub fn decode(tools: &Tools, path: &Path, pace: Pace) -> Result<Option<Ailment>> {
    if let Err(ailment) = facts(tools, path)? {
        return Ok(Some(ailment));
    }
    // A reader of headers alone knows nothing of start times, nor of a broadcast.
    let media = match examine::facts(tools, path) {
        Ok(media) => media,
        Err(error) => return unreadable(error).map(Some),
    };
    let report = over(tools, &args::decode(path, &[], &[]), media.duration, pace)?;
    judge(tools, path, &media, &report)
}

/// The file's facts, or what is wrong with it already.
fn facts(tools: &Tools, path: &Path) -> Result<std::result::Result<MediaInfo, Ailment>> {
    if let Some(short) = whole::shortfall(path) {
        return Ok(Err(Ailment::new(FailCode::Truncated, short.to_string())));
    }
    let media = match headers::read(path) {
        Some(media) => media,
        None => match probe::probe(tools, path) {
            Ok(media) => media,
            Err(error) => return unreadable(error).map(Err),
        },
    };
    let unknown = media.streams.iter().find(|s| match s.kind {
        StreamKind::Video => s.codec.is_empty() || s.video.as_ref().is_some_and(|v| v.width == 0),
        StreamKind::Audio => s.codec.is_empty() || s.audio.as_ref().is_some_and(|a| a.channels == 0),
        _ => false,
    });
    if let Some(stream) = unknown {
        let words = format!("nothing can be learnt of stream {} ({:?})", stream.index, stream.kind);
        return Ok(Err(Ailment::new(FailCode::Damaged, words)));
    }
    if media.has_absurd_duration() {
        let claims = super::span(media.duration.unwrap_or(0.0));
        let words = format!("its header claims {claims}, which its size cannot hold");
        return Ok(Err(Ailment::new(FailCode::Damaged, words)));
    }
    Ok(Ok(media))
}

fn unreadable(error: Error) -> Result<Ailment> {
    match error.kind {
        Kind::Media => {
            let why = error.source.as_ref().map_or_else(|| error.line(), ToString::to_string);
            Ok(Ailment::new(FailCode::Unreadable, why))
        }
        _ => Err(error),
    }
}

/// Runs ffmpeg over a file until it ends, stalls or we are to stop.
pub(crate) fn over(
    tools: &Tools,
    arguments: &[OsString],
    seconds: Option<f64>,
    pace: Pace,
) -> Result<Report> {
    let limits = Limits { stall: pace.stall, background: pace.background };
    let watch = &mut |_: &_| if stop::asked() > Stop::No { Order::Stop } else { Order::Continue };
    let report = run::run(tools, arguments, seconds, limits, watch)
        .map_err(|e| Error::new(Kind::MissingTool, "run ffmpeg").at(&tools.ffmpeg).because(e))?;
    match report.end {
        End::Stopped => Err(Error::new(Kind::Interrupted, "go on")),
        End::Killed => Err(Error::new(Kind::Encode, "decode the file")
            .because("ffmpeg was killed")
            .hint("Most likely, this machine or its container ran out of memory; give it more.")),
        _ => Ok(report),
    }
}

/// What a decode of a whole file showed.
fn judge(tools: &Tools, path: &Path, media: &MediaInfo, report: &Report) -> Result<Option<Ailment>> {
    let first = |severity| report.lines.get(&severity).and_then(|lines| lines.first()).cloned();
    if let Some(line) = first(Severity::Io) {
        return Err(Error::new(Kind::Io, "read the file").at(path).because(line));
    }
    if let Some(line) = first(Severity::Truncated) {
        return Ok(Some(Ailment::new(FailCode::Truncated, line)));
    }
    if let Some(line) = first(Severity::Damaged) {
        let half = may_end_anywhere(media) && ends_in_half_a_frame(tools, path, media, report);
        return Ok((!half).then(|| {
            let lines = report.counts.get(&Severity::Damaged).copied().unwrap_or(1);
            let more = if lines > 1 { format!(" (and {} more)", lines - 1) } else { String::new() };
            Ailment::new(FailCode::Damaged, format!("{line}{more}"))
        }));
    }
    if report.end == End::Stalled {
        return Ok(Some(Ailment::new(FailCode::Damaged, "ffmpeg comes to no end with it")));
    }
    if report.end != End::Exited(Some(0)) {
        let last = report.stderr_tail.lines().last().unwrap_or("ffmpeg could not decode it").to_owned();
        return Ok(Some(Ailment::new(FailCode::Damaged, last)));
    }
    let promised = media.duration.unwrap_or(0.0);
    let real = report.out_time;
    let short = real < promised - tolerance(promised)
        && !counts_from_zero(media, real)
        && !is_all_there(media, |_| real);
    Ok(short.then(|| {
        let words = format!("its header promises {}, it holds {}", super::span(promised), super::span(real));
        Ailment::new(FailCode::Truncated, words)
    }))
}
