//! Making the result: room first, then ffmpeg, watched for stalls, stop requests and a lost claim.

use std::path::{Path, PathBuf};

use super::gate::{Gate, Word};
use super::room::{Room, Short};
use super::scratch::Scratch;
use super::{Context, Halt, Source, Task, io_halt, tags};
use crate::ffmpeg::progress::Severity;
use crate::ffmpeg::run::{self, End, Limits, Order, Report};
use crate::ffmpeg::tools::Tools;
use crate::ffmpeg::{args, probe};
use crate::model::event::{Event, Level, Progress, Sink, Stage};
use crate::model::media::{MediaInfo, Stream, StreamKind};
use crate::model::outcome::FailCode;
use crate::model::plan::{Action, Plan, StreamPlan};
use crate::model::policy::Container;
use crate::plan;
use crate::share::claim::Claim;
use crate::sys;
use crate::sys::stop::{self, Stop};

/// The stage file's name in the work folder; no media extension, so that no media server ever indexes it.
pub const STAGE: &str = "out.part";
/// Between two looks for room that other jobs have.
const ROOM_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// What the encode left.
#[derive(Debug)]
pub(crate) struct Made {
    /// The result, where it was encoded; in the work folder after [`Made::bring`].
    pub stage: PathBuf,
    /// Subtitles for their own files: (path beside the stage, suffix after the stem).
    pub sidecars: Vec<(PathBuf, String)>,
    pub seconds: f64,
    pub encoder: Option<String>,
    pub report: Report,
    /// The source's real length in seconds where its header was found to lie.
    pub measured: Option<f64>,
    /// Bytes carried from and to the share by way of `--temp-dir`: the source once, the results once.
    pub moved: Option<u64>,
    /// Goes with everything in it when the job is over.
    scratch: Scratch,
    _room: Room,
}

/// Runs the plan. The result lies where it was encoded, unverified.
pub(crate) fn run(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &Source,
) -> std::result::Result<Made, Halt> {
    let scratch = Scratch::begin(context.temp_dir, claim.work_dir())?;
    let room = room(task, context, sink, claim, source.print.stamp.size, &scratch)?;
    let output = scratch.dir.join(STAGE);
    let sidecars: Vec<PathBuf> =
        (0..source.plan.sidecars.len()).map(|n| scratch.dir.join(format!("side{n}.part"))).collect();
    let refs: Vec<&Path> = sidecars.iter().map(PathBuf::as_path).collect();
    let pictures = pictures(task, context, sink, claim, source, &scratch.dir)?;
    let covers: Vec<&Path> = pictures.iter().map(PathBuf::as_path).collect();
    let chapters = chapters(source, &scratch.dir)?;
    let files = args::Files {
        input: &task.path,
        output: &output,
        sidecars: &refs,
        pictures: &covers,
        chapters: chapters.as_deref(),
    };
    let arguments = args::transcode(&source.plan, &source.media, files, context.tools.release);
    let report = ffmpeg(task, context, sink, claim, &arguments, source.media.duration)?;
    let measured = judge(task, context, source, &report)?;
    if source.plan.container == Container::M4a {
        tags::add(&output, &plan::homeless_tags(&source.media))?;
    }

    let mut made = Made {
        stage: output,
        sidecars: Vec::new(),
        seconds: report.seconds,
        encoder: source.plan.streams.iter().find_map(|stream| match &stream.action {
            Action::Video(encode) => Some(encode.encoder.clone()),
            _ => None,
        }),
        report,
        measured,
        moved: None,
        scratch,
        _room: room,
    };
    if made.encoder.is_none() && source.plan.is_remux() {
        made.encoder = Some("copy".to_owned());
    }
    made.sidecars = sidecars
        .into_iter()
        .zip(&source.plan.sidecars)
        .map(|(path, sidecar)| (path, sidecar.suffix.clone()))
        .collect();
    Ok(made)
}

impl Made {
    /// Copies a verified result from `--temp-dir` into the work folder: the share is read once, for the encode, and written
    /// once. What was verified is what was made; reading the copy back would mostly ask this machine's own cache.
    pub fn bring(
        &mut self,
        context: Context<'_>,
        claim: &Claim,
        source: u64,
    ) -> std::result::Result<(), Halt> {
        if !self.scratch.is_own() {
            return Ok(());
        }
        let mut carried = source;
        for path in self.sidecars.iter_mut().map(|(path, _)| path).chain([&mut self.stage]) {
            let place = claim.work_dir().join(path.file_name().unwrap_or_default());
            carried += bring(path, &place, context.gate)?;
            *path = place;
        }
        self.moved = Some(carried);
        Ok(())
    }
}

/// Copies a finished file to the share, whole and synced, under a name nobody looks at; its bytes.
fn bring(from: &Path, to: &Path, gate: &Gate) -> std::result::Result<u64, Halt> {
    let mut go_on = |_| {
        // A pause holds the network, too.
        while matches!(gate.word(), Word::Pause(_)) && stop::asked() == Stop::No {
            gate.wait(std::time::Duration::from_millis(500));
        }
        stop::asked() < Stop::Now
    };
    let copied = |e| io_halt("copy the result to the share", to, e);
    if sys::fs::copy_new(from, to, &mut go_on).map_err(copied)? == sys::fs::Created::Exists {
        return Err(Halt::fail(FailCode::Io, format!("{} is there already", to.display())));
    }
    let made = sys::fs::fingerprint(from).map_err(copied)?;
    let there = sys::fs::fingerprint(to).map_err(copied)?;
    if !made.same_content(&there) {
        let words = format!("{} arrived other than it was sent", to.display());
        return Err(Halt::fail(FailCode::Io, words)
            .hint("check the share (media-converter doctor DIR); the original is untouched"));
    }
    Ok(there.stamp.size)
}

/// Takes the covers out that the transcode is to attach; the files go with the folder they are in.
fn pictures(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &Source,
    dir: &Path,
) -> std::result::Result<Vec<PathBuf>, Halt> {
    let mut pictures = Vec::new();
    for (n, stream) in source.plan.attached().enumerate() {
        let path = dir.join(format!("cover{n}.part"));
        let report = ffmpeg(task, context, sink, claim, &args::picture(stream, &task.path, &path), None)?;
        if !sys::fs::stamp(&path).is_ok_and(|stamp| stamp.size > 0) {
            return Err(Halt::fail(FailCode::Encode, "ffmpeg could not take the cover out")
                .hint(format!("the command was: {}", report.command))
                .stderr(report.stderr_tail));
        }
        if source.plan.container == Container::Opus {
            pictures.push(comment(stream, source, &path)?);
        } else {
            pictures.push(path);
        }
    }
    Ok(pictures)
}

/// A picture as the comment that keeps it in Ogg, in a file beside its own.
fn comment(stream: &StreamPlan, source: &Source, picture: &Path) -> std::result::Result<PathBuf, Halt> {
    /// No cover is as large; the transcode would hold it in memory several times over.
    const LARGEST: u64 = 32 << 20;
    let bytes = sys::fs::read_small(picture, LARGEST).map_err(|e| io_halt("read the cover", picture, e))?;
    let facts = source.media.stream(stream.source).and_then(|s| s.video.as_ref());
    let size = facts.map_or((0, 0), |video| (video.width, video.height));
    let path = picture.with_extension("comment.part");
    write(path, &args::comment(&bytes, stream.action.codec(), size))
}

/// The chapters as ffmpeg's own text, where the source's will not do as they are.
fn chapters(source: &Source, dir: &Path) -> std::result::Result<Option<PathBuf>, Halt> {
    if !source.plan.opens_chapters(&source.media) {
        return Ok(None);
    }
    write(dir.join("chapters.part"), &args::chapters(&source.media)).map(Some)
}

/// A text for ffmpeg to read, where the result is made.
fn write(path: PathBuf, text: &str) -> std::result::Result<PathBuf, Halt> {
    match sys::fs::write_new(&path, text.as_bytes()) {
        Ok(sys::fs::Created::Yes) => Ok(path),
        Ok(sys::fs::Created::Exists) => {
            Err(Halt::fail(FailCode::Io, format!("{} is there already", path.display())))
        }
        Err(error) => Err(io_halt("write what ffmpeg is to read", &path, error)),
    }
}

/// Waits until the other jobs leave room for this one.
fn room(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    bytes: u64,
    scratch: &Scratch,
) -> std::result::Result<Room, Halt> {
    let dirs = [scratch.dir.as_path(), claim.work_dir()];
    let dirs = if scratch.is_own() { &dirs[..] } else { &dirs[..1] };
    let mut told = false;
    loop {
        let words = match context.rooms.take(dirs, bytes, context.min_free) {
            Ok(room) => {
                if told {
                    sink.emit(&Event::JobStage { job: task.id, stage: Stage::Encoding });
                }
                return Ok(room);
            }
            Err(Short::Ever(halt)) => return Err(halt),
            Err(Short::Now(words)) => words,
        };
        if !told {
            told = true;
            sink.emit(&Event::Note { level: Level::Info, path: Some(task.path.clone()), text: words });
            sink.emit(&Event::JobStage { job: task.id, stage: Stage::Waiting });
        }
        wait(context, claim, ROOM_WAIT)?;
    }
}

/// Waits for something that another job or machine has to give; `Err` where nobody wants the result any more.
pub(super) fn wait(
    context: Context<'_>,
    claim: &Claim,
    time: std::time::Duration,
) -> std::result::Result<(), Halt> {
    if stop::sleep(time) || matches!(context.gate.word(), Word::Leave(_)) {
        return Err(Halt::fail(FailCode::Interrupted, "stopped before the end"));
    }
    claim.lost().map_or(Ok(()), |why| Err(Halt::claim_lost(why)))
}

/// Runs ffmpeg under the claim's eyes; `Err` where it was stopped or stalled.
pub(crate) fn ffmpeg(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    arguments: &[std::ffi::OsString],
    duration: Option<f64>,
) -> std::result::Result<Report, Halt> {
    let mut lost = None;
    let limits = Limits { stall: context.stall, background: context.background };
    let report = run::run(context.tools, arguments, duration, limits, &mut |progress: &Progress| {
        sink.emit(&Event::JobProgress { job: task.id, progress: *progress });
        if stop::asked() > Stop::No {
            return Order::Stop;
        }
        lost = claim.lost();
        match context.gate.word() {
            _ if lost.is_some() => Order::Stop,
            Word::Leave(_) => Order::Stop,
            // The heartbeat is a thread of its own and goes on.
            Word::Pause(_) => Order::Pause,
            Word::Go | Word::Hold(_) => Order::Continue,
        }
    })
    .map_err(|e| {
        io_halt("start ffmpeg", &context.tools.ffmpeg, e).hint("check that ffmpeg is installed and runs")
    })?;
    if let Some(why) = lost {
        return Err(Halt::claim_lost(why));
    }
    match report.end {
        End::Exited(_) => Ok(report),
        End::Killed => Err(Halt::fail(
            FailCode::Killed,
            "ffmpeg was killed: most likely, this machine or its container ran out of memory",
        )
        .hint("convert fewer files at once (--jobs 1), or give it more memory; the original is untouched")
        .stderr(report.stderr_tail)),
        End::Stopped => Err(Halt::fail(FailCode::Interrupted, "stopped before the end")),
        End::Stalled => Err(Halt::fail(
            FailCode::Stalled,
            format!(
                "ffmpeg made no progress for {} and was stopped",
                super::span(context.stall.as_secs_f64())
            ),
        )
        .hint("raise --stall if this machine is that slow, or look at the file with media-converter probe")
        .stderr(report.stderr_tail)),
    }
}

/// Looks at what ffmpeg said and made, before the result is opened at all. `Some` is the source's measured length where its
/// header claims another.
fn judge(
    task: &Task,
    context: Context<'_>,
    source: &Source,
    report: &Report,
) -> std::result::Result<Option<f64>, Halt> {
    let first = |severity| report.lines.get(&severity).and_then(|lines| lines.first()).cloned();
    if let Some(line) = first(Severity::DiskFull) {
        return Err(Halt::fail(FailCode::Space, line)
            .hint("make room on that disk, or encode elsewhere with --temp-dir; the original is untouched"));
    }
    if let Some(line) = first(Severity::Io) {
        return Err(Halt::fail(FailCode::Io, format!("the share failed while the file was read: {line}"))
            .hint("check that the share is mounted and healthy (media-converter doctor DIR); the original is untouched"));
    }
    let promised = source.media.duration.filter(|seconds| *seconds > 0.0);
    let short = promised.is_some_and(|seconds| report.out_time < seconds - tolerance(seconds));
    if let Some(line) = first(Severity::Truncated) {
        return Err(Halt::fail(FailCode::Truncated, cut_short(promised, report.out_time, &line))
            .hint("get a whole copy of the file; this one was left alone"));
    }
    if let Some(line) = first(Severity::Damaged).filter(|_| short) {
        return Err(Halt::fail(FailCode::Truncated, cut_short(promised, report.out_time, &line))
            .hint("get a whole copy of the file; this one was left alone"));
    }
    let half = || {
        may_end_anywhere(&source.media)
            && ends_in_half_a_frame(context.tools, &task.path, &source.media, report)
    };
    if let Some(line) = first(Severity::Damaged).filter(|_| !half()) {
        return Err(Halt::fail(FailCode::Damaged, format!("it does not decode cleanly: {line}"))
            .hint("get another copy of the file; this one was left alone")
            .stderr(report.stderr_tail.clone()));
    }
    if report.end != End::Exited(Some(0)) {
        let words = match report.end {
            End::Exited(Some(code)) => format!("ffmpeg ended with exit code {code}"),
            _ => "ffmpeg was ended by a signal".to_owned(),
        };
        return Err(Halt::fail(FailCode::Encode, words)
            .hint(format!("the command was: {}", report.command))
            .stderr(report.stderr_tail.clone()));
    }
    // ffmpeg's own count goes with a subtitle that a DVD shows until the next one comes, for seven weeks if need be.
    if !short && !source.media.has_absurd_duration() {
        return Ok(without_late_subtitles(&source.media, &source.plan));
    }
    // The header promises more than came out, without a word from ffmpeg: count the packets themselves.
    let ends = probe::measure(context.tools, &task.path, probe::Streams::All)
        .map_err(|e| Halt::fail(FailCode::Truncated, e.line()).hint("it was left alone"))?;
    let subtitle = |index: u32| source.media.stream(index).is_some_and(|s| s.kind == StreamKind::Subtitle);
    let real = ends.iter().filter(|(index, _)| !subtitle(**index)).map(|(_, s)| s.end).fold(0.0, f64::max);
    let promised = promised.unwrap_or(0.0);
    if !short {
        return Ok(header_is_absurd(source.print.stamp.size, promised, real).then_some(real));
    }
    if real >= promised - tolerance(promised) {
        return Err(Halt::fail(
            FailCode::Verify,
            format!(
                "duration: the source holds {}, ffmpeg made only {} of it",
                super::span_fine(real),
                super::span_fine(report.out_time)
            ),
        )
        .hint(format!("the original is untouched; the command was: {}", report.command))
        .stderr(report.stderr_tail.clone()));
    }
    if header_is_absurd(source.print.stamp.size, promised, real) || counts_from_zero(&source.media, real) {
        return Ok(Some(real));
    }
    let end = |index: u32| ends.get(&index).map_or(0.0, |measure| measure.end);
    if report.out_time >= real - tolerance(real) && is_all_there(&source.media, end) {
        let stays = source.plan.streams.iter().filter(|stream| subtitle(stream.source));
        return Ok(Some(stays.map(|stream| end(stream.source)).fold(real, f64::max)));
    }
    Err(Halt::fail(FailCode::Truncated, cut_short(Some(promised), real, "the streams end early"))
        .hint("get a whole copy of the file; this one was left alone"))
}

/// Matroska's length may count from zero rather than from the first frame: a recording whose clock begins at an hour promises that
/// hour, too.
pub(crate) fn counts_from_zero(media: &MediaInfo, real: f64) -> bool {
    let begin = media.start_time.filter(|_| media.format.starts_with("matroska")).unwrap_or(0.0);
    begin > 0.0 && media.duration.is_some_and(|end| (end - begin - real).abs() <= tolerance(real))
}

/// The length that is left where a subtitle that outlasts all else is not in the result.
pub(crate) fn without_late_subtitles(media: &MediaInfo, plan: &Plan) -> Option<f64> {
    let promised = media.duration?;
    let stays = |s: &&Stream| match s.kind {
        StreamKind::Video | StreamKind::Audio => true,
        kind => kind == StreamKind::Subtitle && plan.streams.iter().any(|planned| planned.source == s.index),
    };
    let lengths: Option<Vec<f64>> = media.streams.iter().filter(stays).map(|s| s.duration).collect();
    let longest = lengths?.into_iter().fold(0.0, f64::max);
    let goes = media.of_kind(StreamKind::Subtitle).any(|s| !stays(&s));
    (goes && longest > 0.0 && promised - longest > tolerance(longest)).then_some(longest)
}

/// All that is seen and heard is as long as its own header says: what the file has beyond is a subtitle that outlasts it.
pub(crate) fn is_all_there(media: &MediaInfo, end: impl Fn(u32) -> f64) -> bool {
    let played = || media.streams.iter().filter(|s| matches!(s.kind, StreamKind::Video | StreamKind::Audio));
    let whole = |s: &Stream| s.duration.is_some_and(|long| end(s.index) >= long - tolerance(long));
    played().next().is_some() && played().all(whole)
}

/// Containers of broadcasts have no header that promises a length, and a recording stops where somebody stopped it.
pub(crate) fn may_end_anywhere(media: &MediaInfo) -> bool {
    ["mpegts", "mpeg"].contains(&media.format.as_str())
}

/// All that a decode complained of is the last frame, of which only a part was recorded: every player drops it.
pub(crate) fn ends_in_half_a_frame(tools: &Tools, file: &Path, media: &MediaInfo, report: &Report) -> bool {
    let lines = report.counts.get(&Severity::Damaged).copied().unwrap_or(0);
    let complete = report.end == End::Exited(Some(0)) && !report.lines.contains_key(&Severity::Truncated);
    media.duration.is_some_and(|seconds| {
        complete && lines > 0 && probe::damage_is_at_the_end(tools, file, seconds, lines)
    })
}

fn cut_short(promised: Option<f64>, real: f64, sign: &str) -> String {
    match promised {
        Some(promised) => {
            format!("its header promises {}, it holds {} ({sign})", super::span(promised), super::span(real))
        }
        None => format!("it ends before its end ({sign})"),
    }
}

/// How far a result's length may be off: a second, or half a percent of a long film; less for clips of a few seconds.
pub(crate) fn tolerance(seconds: f64) -> f64 {
    (seconds * 0.005).max((0.2 + seconds * 0.1).min(1.0))
}

/// A header so wrong that truncation cannot explain it: spread over the promised time, the file would hold less than a
/// kilobit a second (the poorest speech codec needs more), while over the measured time it is ordinary media.
pub(crate) fn header_is_absurd(bytes: u64, promised: f64, real: f64) -> bool {
    let bits = bytes as f64 * 8.0;
    promised > 0.0 && real > 0.0 && bits / promised < 1000.0 && bits / real > 4000.0
}
