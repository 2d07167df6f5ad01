//! The encode and its verification, and what follows where the encoder and not the file is at fault: a wait for a free
//! session of the card, or one more try in software.

use std::path::Path;
use std::time::Duration;

use super::transcode::{self, Made};
use super::verify::{self, Verified};
use super::{Context, Halt, Source, Task};
use crate::ffmpeg::progress;
use crate::model::event::{Event, Level, Sink, Stage};
use crate::model::outcome::{FailCode, Failed};
use crate::model::plan::{Action, Decision, Plan};
use crate::scan::examine::{self, Rules};
use crate::share::claim::Claim;
use crate::sys;

/// First wait for a free session, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Somebody else's programs may hold the card for the whole evening: after this the file is encoded in software.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// A verified result.
#[derive(Debug)]
pub(crate) struct Done {
    pub made: Made,
    pub verified: Verified,
    /// The encoder that was tried first, and what came of it.
    pub instead_of: Option<String>,
}

/// Makes and verifies the result, at most once more in software. `source.plan` is the plan that was carried out.
pub(crate) fn run(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &mut Source,
) -> Result<Done, Halt> {
    if context.bench.is_full(&source.plan)
        && let Some(plan) = in_software(task, context, source)
    {
        // The ramp added this job because it gets more done: the processor works beside the card.
        source.plan = plan;
    }
    let codec = source.media.main_video().map(|stream| stream.codec.clone()).unwrap_or_default();
    let decodes = is_decoded_in_hardware(&source.plan);
    let seat = context.bench.seat(&mut source.plan, &codec);
    let first = patiently(task, context, sink, claim, source, seat.is_hardware());
    let (halt, full) = match first {
        Ok((made, verified)) => {
            seat.worked();
            return Ok(Done { made, verified, instead_of: None });
        }
        Err(Halt::Fail(failed)) if seat.is_hardware() && is_full(&failed) => (failed, true),
        Err(Halt::Fail(failed)) if seat.is_hardware() && may_be_the_card(&failed, decodes) => (failed, false),
        Err(halt) => return Err(halt),
    };
    let name = encoder(&source.plan);
    let words = words(&halt);
    if !full {
        seat.failed(&words);
    }
    let Some(plan) = in_software(task, context, source) else {
        return Err(Halt::Fail(Failed {
            hint: Some(format!(
                "{name} rests for a while; with --encoder auto the file would be encoded in software at once"
            )),
            ..halt
        }));
    };
    let instead_of = format!("{name}: {words}");
    sink.emit(&Event::Note {
        level: Level::Warn,
        path: Some(task.path.clone()),
        text: format!("{name} failed ({words}); once more with {}", encoder(&plan)),
    });
    source.plan = plan;
    clear(claim.work_dir());
    match attempt(task, context, sink, claim, source) {
        Ok((made, verified)) => Ok(Done { made, verified, instead_of: Some(instead_of) }),
        Err(halt) => {
            if !full && matches!(&halt, Halt::Fail(failed) if failed.code != FailCode::Interrupted) {
                seat.forgive();
            }
            Err(halt)
        }
    }
}

/// As often as all sessions are in use, with a wait between; once more after a stall.
fn patiently(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &Source,
    on_card: bool,
) -> Result<(Made, Verified), Halt> {
    let since = sys::clock::boot();
    let mut wait = FIRST_WAIT;
    let mut stalled = false;
    loop {
        let failed = match attempt(task, context, sink, claim, source) {
            Err(Halt::Fail(failed)) if is_full(&failed) => failed,
            // A share that hung, a machine that was out of breath: once more, unless there is something better to try.
            Err(Halt::Fail(failed)) if failed.code == FailCode::Stalled && !stalled && !on_card => {
                stalled = true;
                let text = format!("{}; once more", failed.words);
                sink.emit(&Event::Note { level: Level::Warn, path: Some(task.path.clone()), text });
                clear(claim.work_dir());
                continue;
            }
            end => return end,
        };
        if sys::clock::boot().saturating_sub(since) >= PATIENCE {
            return Err(Halt::Fail(failed));
        }
        if wait == FIRST_WAIT {
            sink.emit(&Event::Note {
                level: Level::Info,
                path: Some(task.path.clone()),
                text: format!("all sessions of {} are in use; waiting for one", encoder(&source.plan)),
            });
        }
        sink.emit(&Event::JobStage { job: task.id, stage: Stage::Waiting });
        transcode::wait(context, claim, wait)?;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn attempt(
    task: &Task,
    context: Context<'_>,
    sink: &dyn Sink,
    claim: &Claim,
    source: &Source,
) -> Result<(Made, Verified), Halt> {
    let attempt = || {
        sink.emit(&Event::JobStage { job: task.id, stage: Stage::Encoding });
        let mut made = transcode::run(task, context, sink, claim, source)?;
        sink.emit(&Event::JobStage { job: task.id, stage: Stage::Verifying });
        let verified = verify::result(task, context, sink, claim, source, &made)?;
        made.bring(context, claim, source.print.stamp.size)?;
        Ok((made, verified))
    };
    attempt().map_err(|halt| match &halt {
        // Whoever took the claim over removed the work folder under ffmpeg: neither the file nor the encoder is to blame.
        Halt::Fail(failed) if failed.code != FailCode::Interrupted => {
            claim.lost_by_now().map_or(halt, Halt::claim_lost)
        }
        _ => halt,
    })
}

/// Out of sessions: nobody's fault.
fn is_full(failed: &Failed) -> bool {
    failed.code == FailCode::Encode
        && failed.stderr.as_deref().is_some_and(|text| text.lines().any(progress::is_session_limit))
}

/// The file decodes, there is room, the share answers: what is left is the encoder. Where a card decodes, it may be the one that
/// found the file damaged.
fn may_be_the_card(failed: &Failed, decodes: bool) -> bool {
    match failed.code {
        FailCode::Encode | FailCode::Stalled | FailCode::Verify => true,
        FailCode::Damaged | FailCode::Truncated => decodes,
        _ => false,
    }
}

fn is_decoded_in_hardware(plan: &Plan) -> bool {
    plan.streams.iter().any(|s| matches!(&s.action, Action::Video(encode) if encode.decode.is_some()))
}

/// What the encoder said, rather than what ffmpeg said of it.
fn words(failed: &Failed) -> String {
    let telling = failed.stderr.as_deref().filter(|_| failed.code == FailCode::Encode);
    telling.and_then(progress::telling).unwrap_or_else(|| failed.words.clone())
}

fn encoder(plan: &Plan) -> String {
    let name = plan.streams.iter().find_map(|stream| match &stream.action {
        Action::Video(encode) => Some(encode.encoder.clone()),
        _ => None,
    });
    name.unwrap_or_else(|| "ffmpeg".to_owned())
}

/// The same file decided anew on a machine without cards. Where the user wants hardware and nothing else, nothing is left.
fn in_software(task: &Task, context: Context<'_>, source: &Source) -> Option<Plan> {
    let caps = context.bench.software();
    let rules = Rules { tools: context.tools, caps: &caps, policy: context.policy, types: context.types };
    let decision = examine::decide(&task.path, &source.media, rules).ok()?;
    match decision {
        Decision::Convert(plan) if plan.extension == source.plan.extension => Some(*plan),
        _ => None,
    }
}

/// What the first try left in the work folder; only our own names are ever touched.
fn clear(work_dir: &Path) {
    for entry in sys::fs::list(work_dir).unwrap_or_default() {
        if Path::new(&entry.name).extension().is_some_and(|ending| ending == "part") {
            let _ = sys::fs::remove_file(&work_dir.join(entry.name));
        }
    }
}
