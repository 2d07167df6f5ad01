//! From a path to a decision: facts (remembered or probed), then the plan.

use std::path::Path;

use crate::ffmpeg::{probe, tools::Tools};
use crate::model::caps::Caps;
use crate::model::error::Result;
use crate::model::key::Stamp;
use crate::model::media::MediaInfo;
use crate::model::plan::Decision;
use crate::model::policy::{Policy, TypeFilter};
use crate::plan;

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

/// Probes and decides. Errors are ffprobe's: the file cannot be read.
pub fn examine(path: &Path, rules: Rules<'_>) -> Result<Examined> {
    let stamp = crate::sys::fs::stamp(path)
        .map_err(|error| crate::model::error::Error::io("look at the file", path, error))?;
    let media = probe::probe(rules.tools, path)?;
    let decision = decide(path, &media, rules)?;
    Ok(Examined { stamp, media, decision })
}

/// Decides from facts, looking at real frames only where the decision hangs on them.
pub fn decide(path: &Path, media: &MediaInfo, rules: Rules<'_>) -> Result<Decision> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut subject = plan::Subject { name: &name, media, interlaced: None };
    if plan::wants_frames(subject, rules.policy) {
        subject.interlaced = Some(probe::interlaced(rules.tools, path, media)?);
    }
    Ok(plan::decide(subject, rules.policy, rules.caps, rules.types))
}
