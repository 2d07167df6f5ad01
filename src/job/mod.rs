//! One file's journey: claim → look again → transcode → verify → commit → record.
//!
//! Promises: the original is untouched until a verified result lies beside it; whatever ends the job, the claim is
//! released and the work folder is gone. Only `job::{commit,recover}` change or remove a file that is not ours.

pub mod bench;
pub mod commit;
pub mod compare;
mod encode;
pub mod forgive;
pub mod gate;
pub mod health;
pub mod recover;
pub mod room;
pub mod scratch;
mod tags;
pub mod transcode;
pub mod trash;
pub mod undo;
pub mod verify;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ffmpeg::tools::Tools;
use crate::model::caps::Caps;
use crate::model::error::{Error, Kind};
use crate::model::event::{Event, JobId, Level, Sink, Stage};
use crate::model::key::{Fingerprint, Stamp};
use crate::model::media::MediaInfo;
use crate::model::outcome::{Converted, FailCode, Failed, Outcome};
use crate::model::plan::{Action, Decision, Plan, Skip, SkipCode};
use crate::model::policy::{Policy, TypeFilter};
use crate::scan::examine::{self, Examined, Rules};
use crate::scan::headers::whole;
use crate::share::claim::{self, Acquired, Around, Claim, Holder, Memory, Terms};
use crate::share::library::Library;
use crate::share::record::Originals;
use crate::sys;
use bench::Bench;
use gate::Gate;
use room::Rooms;

/// What every job of a run has in common.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub policy: &'a Policy,
    pub types: TypeFilter,
    pub tools: &'a Tools,
    pub bench: &'a Bench,
    /// Whether jobs may run now.
    pub gate: &'a Gate,
    /// Bytes to leave free on the disks.
    pub min_free: Option<u64>,
    /// What the jobs that run here will still write.
    pub rooms: &'a Arc<Rooms>,
    pub temp_dir: Option<&'a Path>,
    pub originals: Originals,
    /// A result carries its original's time.
    pub keep_mtime: bool,
    pub verify: verify::Depth,
    pub terms: Terms,
    /// ffmpeg runs at low priority.
    pub background: bool,
    /// No progress for this long is a stall.
    pub stall: Duration,
    /// A file younger than this, by the file server's clock, is still being written.
    pub min_age: Duration,
    pub memory: &'a dyn Memory,
}

/// One file to convert.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: JobId,
    pub path: PathBuf,
    pub library: Library,
    /// What the chooser saw; looked at again under the claim.
    pub seen: Examined,
}

/// How a job ended, and what to remember of it.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    /// The file that the memo is about (the result where there is one), its stamp and facts.
    pub subject: Option<(PathBuf, Stamp, Option<Fingerprint>, Option<MediaInfo>)>,
    /// A dead worker's half-done swap was finished or undone on the way.
    pub recovered: bool,
}

/// Why a job stops before its end.
#[derive(Debug)]
pub(crate) enum Halt {
    Skip(Skip),
    Fail(Failed),
}

impl Halt {
    fn skip(code: SkipCode, words: impl Into<String>) -> Self {
        Halt::Skip(Skip { code, words: words.into() })
    }
    pub(crate) fn fail(code: FailCode, words: impl Into<String>) -> Self {
        Halt::Fail(Failed {
            code,
            words: words.into(),
            hint: None,
            stderr: None,
            retry: !code.is_the_files_fault(),
        })
    }
    pub(crate) fn claim_lost(why: impl Into<String>) -> Self {
        Halt::fail(FailCode::ClaimLost, why).hint("another worker has the file now; nothing is lost")
    }
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        if let Halt::Fail(failed) = &mut self {
            failed.hint = Some(text.into());
        }
        self
    }
    pub(crate) fn stderr(mut self, text: impl Into<String>) -> Self {
        if let Halt::Fail(failed) = &mut self {
            failed.stderr = Some(text.into()).filter(|text: &String| !text.trim().is_empty());
        }
        self
    }
}

/// An IO failure in the middle of a job, with what to do about it.
pub(crate) fn io_halt(doing: &str, path: &Path, error: std::io::Error) -> Halt {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FailCode::Space,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => FailCode::ReadOnly,
        _ => FailCode::Io,
    };
    let hint = match code {
        FailCode::Space => {
            "make room on that disk, or encode elsewhere with --temp-dir; the original is untouched"
        }
        FailCode::ReadOnly => "give this user write permission to the folder, or leave it out with --exclude",
        _ => {
            "check that the share is mounted and healthy (media-converter doctor DIR); the original is untouched"
        }
    };
    Halt::fail(code, Error::io(doing, path, error).line()).hint(hint)
}

fn error_halt(error: &Error, otherwise: FailCode) -> Halt {
    let code = match error.kind {
        Kind::Space => FailCode::Space,
        Kind::Claim => FailCode::ClaimLost,
        Kind::Media => FailCode::Unreadable,
        Kind::Interrupted => FailCode::Interrupted,
        Kind::Io => match error.source.as_deref().and_then(|e| e.downcast_ref::<std::io::Error>()) {
            Some(io)
                if matches!(
                    io.kind(),
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                FailCode::ReadOnly
            }
            _ => FailCode::Io,
        },
        _ => otherwise,
    };
    let hint = error.hint.clone();
    match Halt::fail(code, error.line()) {
        Halt::Fail(mut failed) => {
            failed.hint = hint.or_else(|| {
                (code == FailCode::ReadOnly).then(|| {
                    "give this user write permission to the folder, or leave it out with --exclude".into()
                })
            });
            Halt::Fail(failed)
        }
        halt @ Halt::Skip(_) => halt,
    }
}

/// Takes one file from claim to record. Never panics on a bad file; never leaves a claim behind.
pub fn run(task: &Task, context: Context<'_>, sink: &dyn Sink) -> Ended {
    let mut recovered = false;
    let mut ended = match start(task, context, sink, &mut recovered) {
        Ok(claim) => journey(task, context, sink, claim),
        Err(Halt::Skip(skip)) => Ended { outcome: Outcome::Skipped(skip), subject: None, recovered: false },
        Err(Halt::Fail(failed)) => {
            Ended { outcome: Outcome::Failed(failed), subject: None, recovered: false }
        }
    };
    ended.recovered |= recovered;
    ended
}

/// Claims the file; finishes a dead worker's half-done swap that is in the way.
fn start(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    recovered: &mut bool,
) -> std::result::Result<Claim, Halt> {
    // Twice: a half-done swap is finished first, then the file is looked at as it is now.
    for _ in 0..2 {
        match claim::acquire(&task.path, &context.terms, context.memory) {
            Ok(Acquired::Mine(claim)) => return Ok(claim),
            Ok(Acquired::Held(holder)) => return Err(Halt::skip(SkipCode::Claimed, held_by(&holder))),
            Ok(Acquired::Gone) => return Err(Halt::skip(SkipCode::Gone, "it is gone")),
            Ok(Acquired::HalfDone(half)) => {
                let folder = task.path.parent().unwrap_or(Path::new("."));
                let text = recover::finish(half, folder, &task.library.root);
                sink.emit(&Event::Note { level: Level::Warn, path: Some(task.path.clone()), text });
                *recovered = true;
            }
            Err(error) => return Err(error_halt(&error, FailCode::Io)),
        }
    }
    Err(Halt::skip(SkipCode::Claimed, "a half-done swap of a dead worker is still in the way"))
}

/// One line about who holds a file.
pub fn held_by(holder: &Holder) -> String {
    let age = holder.age.map(|age| format!(", for {}", span(age))).unwrap_or_default();
    let silent = holder.silent.filter(|s| *s > 0.0);
    let silent = silent.map(|s| format!(", last heartbeat {} ago", span(s))).unwrap_or_default();
    format!("{} on {} (pid {}){age}{silent}", holder.what, holder.hostname, holder.pid)
}

/// Seconds in the largest two units; tenths below ten seconds.
pub(crate) fn span(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// Seconds with two decimals, for comparisons.
pub(crate) fn span_fine(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// Everything that happens under the claim, on one screen.
fn journey(task: &Task, context: Context<'_>, sink: &dyn Sink, claim: Claim) -> Ended {
    let began = Instant::now();
    sink.emit(&Event::JobStarted { job: task.id, path: task.path.clone(), bytes: task.seen.stamp.size });
    let mut print = None;
    let result = (|| {
        sink.emit(&Event::JobStage { job: task.id, stage: Stage::Probing });
        let mut source = look_again(task, context, &claim)?;
        print = Some(source.print.clone());
        sink.emit(&Event::Planned { path: task.path.clone(), plan: Box::new(source.plan.clone()) });
        let done = encode::run(task, context, sink, &claim, &mut source)?;
        sink.emit(&Event::JobStage { job: task.id, stage: Stage::Committing });
        Ok((source, done))
    })();
    let (source, encode::Done { made, verified, instead_of }) = match result {
        Ok(done) => done,
        Err(halt) => {
            // Released first: whatever was wrong with this file, nobody must wait for it.
            claim.release();
            return halted(task, halt, print);
        }
    };
    let (subject, outcome) = match commit::swap(task, context, claim, &source, &made) {
        Ok(published) => {
            let subject = Some((
                published.target,
                published.print.stamp,
                Some(published.print.clone()),
                Some(verified.media),
            ));
            let outcome = Outcome::Converted(Converted {
                output: source.target.clone(),
                bytes_before: source.print.stamp.size,
                bytes_after: published.print.stamp.size,
                encode_seconds: made.seconds,
                verify_seconds: verified.seconds,
                total_seconds: began.elapsed().as_secs_f64(),
                encoder: made.encoder,
                instead_of,
                bytes_moved: made.moved,
                lost: source.plan.lost.iter().map(|lost| format!("{} ({})", lost.what, lost.why)).collect(),
            });
            (subject, outcome)
        }
        Err(halt) => return halted(task, halt, print),
    };
    Ended { outcome, subject, recovered: false }
}

/// The end of a job that converted nothing: the memo is about the source as it was seen.
fn halted(task: &Task, halt: Halt, print: Option<Fingerprint>) -> Ended {
    // What was looked at under the claim counts, where it came to that.
    let stamp = print.as_ref().map_or(task.seen.stamp, |print| print.stamp);
    let subject = Some((task.path.clone(), stamp, print, Some(task.seen.media.clone())));
    match halt {
        Halt::Skip(skip) => Ended { outcome: Outcome::Skipped(skip), subject, recovered: false },
        Halt::Fail(failed) => Ended { outcome: Outcome::Failed(failed), subject, recovered: false },
    }
}

/// The source as it is under the claim.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub media: MediaInfo,
    pub print: Fingerprint,
    pub plan: Plan,
    /// The result's file name.
    pub target: String,
}

/// The encoders of the plan may still be used.
fn is_possible(decision: &Decision, caps: &Caps) -> bool {
    let Decision::Convert(plan) = decision else { return true };
    plan.streams.iter().all(|stream| match &stream.action {
        Action::Video(encode) => caps.working(&encode.encoder).is_some(),
        _ => true,
    })
}

/// A file that is shorter than its own structure says is left alone. Seen in a few small reads; an encode would take hours to find it.
pub fn cut_short(path: &Path) -> Option<Failed> {
    let short = whole::shortfall(path)?;
    let hint = "get a whole copy of the file; if it plays to its end, its header lies, and a copy by any muxer mends it";
    Some(Failed {
        code: FailCode::Truncated,
        words: short.to_string(),
        hint: Some(hint.to_owned()),
        stderr: None,
        retry: !FailCode::Truncated.is_the_files_fault(),
    })
}

/// The file may have changed since the chooser looked, or another machine may have converted it a moment ago.
fn look_again(task: &Task, context: Context<'_>, claim: &Claim) -> std::result::Result<Source, Halt> {
    let name = task.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let around = match claim.look_around(&task.path, context.memory) {
        Ok(Around::Clear(around)) => around,
        Ok(Around::Held(holder)) => return Err(Halt::skip(SkipCode::Claimed, held_by(&holder))),
        Ok(Around::Gone) => return Err(Halt::skip(SkipCode::Gone, "it is gone")),
        Err(error) => return Err(error_halt(&error, FailCode::Io)),
    };
    let print = sys::fs::fingerprint(&task.path).map_err(|e| io_halt("read the file", &task.path, e))?;
    // The file server's clock is the mtime of the folder just made there: no two machines' clocks are compared.
    if let Ok(now) = sys::fs::stamp(claim.work_dir()) {
        let age = now.sec.saturating_sub(print.stamp.sec);
        if (0..context.min_age.as_secs().cast_signed()).contains(&age) {
            return Err(Halt::skip(
                SkipCode::TooYoung,
                format!("changed {age} s ago; it may still be copied"),
            ));
        }
    }
    let caps = context.bench.caps();
    if let Some(failed) = cut_short(&task.path) {
        return Err(Halt::Fail(failed));
    }
    let rules = Rules { tools: context.tools, caps: &caps, policy: context.policy, types: context.types };
    let examined = if print.stamp != task.seen.stamp {
        examine::examine(&task.path, rules).map_err(|e| error_halt(&e, FailCode::Unreadable))?
    } else if is_possible(&task.seen.decision, &caps) {
        task.seen.clone()
    } else {
        // Its encoder failed elsewhere since the file was chosen.
        examine::recalled(&task.path, print.stamp, task.seen.media.clone(), rules)
            .map_err(|e| error_halt(&e, FailCode::Unreadable))?
    };
    let plan = match examined.decision {
        Decision::Convert(plan) => *plan,
        Decision::Skip(skip) => return Err(Halt::Skip(skip)),
    };
    let target = match new_name(&plan, &name) {
        Some(target)
            if sys::fs::holds(&around, &task.path.with_file_name(&target))
                || is_taken(around.iter().map(|entry| &*entry.name), &target) =>
        {
            return Err(Halt::skip(SkipCode::NameTaken, format!("«{target}» is there already")));
        }
        Some(target) => target,
        None => name,
    };
    Ok(Source { media: examined.media, print, plan, target })
}

/// The name of what a file of this name becomes; `None` where it keeps its own, spelling and all: `A.MP4` and `a.mp4` are one file to a
/// machine that folds case, whatever this one makes of them.
pub fn new_name(plan: &Plan, name: &str) -> Option<String> {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let target = plan.output_name(&stem);
    (sys::path::folded(&target) != sys::path::folded(name)).then_some(target)
}

/// One of the names in a folder is this one to a machine that folds case.
pub fn is_taken<'n>(names: impl IntoIterator<Item = &'n OsStr>, name: &str) -> bool {
    let wanted = sys::path::folded(name);
    names.into_iter().filter_map(OsStr::to_str).any(|name| sys::path::folded(name) == wanted)
}
