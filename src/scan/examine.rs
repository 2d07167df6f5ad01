//! From a path to a decision: facts (remembered or probed), then the plan.

use std::path::Path;

use crate::ffmpeg::{probe, tools::Tools};
use crate::model::caps::Caps;
use crate::model::error::Result;
use crate::model::key::Stamp;
use crate::model::media::{MediaInfo, Witness};
use crate::model::plan::{Decision, Skip, SkipCode};
use crate::model::policy::{Policy, TypeFilter};
use crate::plan;
use crate::scan::headers;

/// What decisions rest on, the same for every file of a run.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub tools: &'a Tools,
    pub caps: &'a Caps,
    pub policy: &'a Policy,
    pub types: TypeFilter,
}

/// A file that was looked at.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Size and time when it was looked at.
    pub stamp: Stamp,
    pub media: MediaInfo,
    pub decision: Decision,
}

/// Looks at the headers, and leaves the file alone where they are enough to see that it may stay; else probes and decides.
/// A plan never rests on less than ffprobe's facts. Errors are ffprobe's: the file cannot be read.
pub fn examine(path: &Path, rules: Rules<'_>) -> Result<Examined> {
    let stamp = stamp(path)?;
    if let Some(media) = headers::read(path)
        && let Some(decision) = glance(path, &media, rules)
    {
        return Ok(Examined { stamp, media, decision });
    }
    probed(path, stamp, rules, decide)
}

/// Probes and decides, whatever the headers would say.
pub fn fully(path: &Path, rules: Rules<'_>) -> Result<Examined> {
    probed(path, stamp(path)?, rules, decide)
}

/// Decides from remembered facts of the file as it is in `stamp`; probes where they are too thin for what comes of them.
pub fn recalled(path: &Path, stamp: Stamp, media: MediaInfo, rules: Rules<'_>) -> Result<Examined> {
    let decision = match media.witness {
        Witness::Ffprobe => decide(path, &media, rules)?,
        Witness::Headers => match glance(path, &media, rules) {
            Some(decision) => decision,
            None => return fully(path, rules),
        },
    };
    Ok(Examined { stamp, media, decision })
}

/// Decides from facts that another machine's probe vouches for: where they are enough to see that the file may stay, it
/// does; else this machine's own ffprobe is asked.
pub fn hinted(path: &Path, stamp: Stamp, media: MediaInfo, rules: Rules<'_>) -> Result<Examined> {
    match glance(path, &media, rules) {
        Some(decision) => Ok(Examined { stamp, media, decision }),
        None => fully(path, rules),
    }
}

/// What would come of a file, for counting: from its headers where they tell as much as ffprobe would. `known`: facts
/// remembered of the file as it is in the given stamp. Nothing is converted by this word; who converts looks again.
pub fn outlook(path: &Path, stamp: Stamp, known: Option<MediaInfo>, rules: Rules<'_>) -> Result<Examined> {
    let probed = || probed(path, self::stamp(path)?, rules, weigh);
    let Some(media) = known.or_else(|| headers::read(path)) else { return probed() };
    let decision = match media.witness {
        Witness::Ffprobe => Some(weigh(path, &media, rules)?),
        Witness::Headers => foresee(path, &media, rules),
    };
    match decision {
        Some(decision) => Ok(Examined { stamp, media, decision }),
        None => probed(),
    }
}

fn stamp(path: &Path) -> Result<Stamp> {
    crate::sys::fs::stamp(path)
        .map_err(|error| crate::model::error::Error::io("look at the file", path, error))
}

/// How facts become a decision.
type Judge = fn(&Path, &MediaInfo, Rules<'_>) -> Result<Decision>;

/// ffprobe's facts, put right where headers tell more.
pub fn facts(tools: &Tools, path: &Path) -> Result<MediaInfo> {
    let mut media = probe::probe(tools, path)?;
    headers::correct(path, &mut media);
    Ok(media)
}

fn probed(path: &Path, stamp: Stamp, rules: Rules<'_>, judge: Judge) -> Result<Examined> {
    // A process for each file of an aborted download would tell nothing that the file system does not.
    if stamp.size > 0 && crate::sys::fs::is_hollow(path) {
        return Err(crate::model::error::Error::new(crate::model::error::Kind::Media, "read the file")
            .at(path)
            .because(
                "there is no data in it: its space was only set aside, as by a download that never began",
            ));
    }
    let media = facts(rules.tools, path)?;
    let decision = judge(path, &media, rules)?;
    Ok(Examined { stamp, media, decision })
}

/// A decision that the headers alone carry. Most files of a library that was converted before end here, each without a
/// process of its own.
fn glance(path: &Path, media: &MediaInfo, rules: Rules<'_>) -> Option<Decision> {
    foresee(path, media, rules).filter(may_rest)
}

/// What ffprobe's facts would lead to, as far as headers tell; `None` where it hangs on what they do not.
fn foresee(path: &Path, media: &MediaInfo, rules: Rules<'_>) -> Option<Decision> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let subject = plan::Subject { name: &name, media, interlaced: None };
    if !headers::enough(media, rules.policy) || plan::wants_frames(subject, rules.policy) {
        return None;
    }
    Some(plan::decide(subject, rules.policy, rules.caps, rules.types))
}

/// The decisions that may rest on headers: those that leave the file as it is because of what it is.
pub fn may_rest(decision: &Decision) -> bool {
    matches!(decision, Decision::Skip(Skip { code: SkipCode::Fits | SkipCode::OtherType, .. }))
}

/// Decides from facts, looking at real frames only where the decision or what it loses hangs on them.
pub fn decide(path: &Path, media: &MediaInfo, rules: Rules<'_>) -> Result<Decision> {
    let decision = weigh(path, media, rules)?;
    let captioned: Vec<u32> = plan::may_have_captions(&decision, media)
        .into_iter()
        .filter(|stream| probe::captions(rules.tools, path, media, *stream))
        .collect();
    if captioned.is_empty() {
        return Ok(decision);
    }
    let mut media = media.clone();
    for stream in media.streams.iter_mut().filter(|s| captioned.contains(&s.index)) {
        stream.video.iter_mut().for_each(|video| video.closed_captions = true);
    }
    weigh(path, &media, rules)
}

/// Decides from facts, looking at real frames only where the decision itself hangs on them.
fn weigh(path: &Path, media: &MediaInfo, rules: Rules<'_>) -> Result<Decision> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut subject = plan::Subject { name: &name, media, interlaced: None };
    if plan::wants_frames(subject, rules.policy) {
        subject.interlaced = Some(probe::interlaced(rules.tools, path, media)?);
    }
    Ok(plan::decide(subject, rules.policy, rules.caps, rules.types))
}
