//! Decides. Pure: (what a file is, what this machine can do, what the profile wants) → a plan or a skip, in words.
//!
//! Promises: every stream of the source is either in the plan, in a sidecar, or named among the lost with a reason.
//! Never does IO, never reads a clock.

use crate::model::caps::Caps;
use crate::model::media::MediaInfo;
use crate::model::plan::Decision;
use crate::model::policy::{Policy, TypeFilter};

/// A file as the planner sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// File name with extension, no folder.
    pub name: &'a str,
    pub media: &'a MediaInfo,
    /// Interlacing seen by looking at real frames; `None`: not looked.
    pub interlaced: Option<bool>,
}

/// The decision for one file.
pub fn decide(subject: Subject<'_>, policy: &Policy, caps: &Caps, types: TypeFilter) -> Decision {
    let _ = (subject, policy, caps, types);
    todo!()
}

/// Names of the built-in profiles.
pub fn profile_names() -> &'static [&'static str] {
    &["universal", "chromecast", "compact", "remux", "audio"]
}

/// A built-in profile's policy.
pub fn profile(name: &str) -> Option<Policy> {
    let _ = name;
    todo!()
}

/// The extensions (lower case) the walk hands on: video and audio.
pub fn is_media_extension(extension: &str, types: TypeFilter) -> bool {
    let _ = (extension, types);
    todo!()
}

/// The decision depends on real frames: probe them (`ffmpeg::probe::interlaced`) and decide again.
pub fn wants_frames(subject: Subject<'_>, policy: &Policy) -> bool {
    let _ = (subject, policy);
    todo!()
}

/// A short text that is the same exactly when the policy would decide the same: remembered with what was done, so that
/// a changed profile is noticed.
pub fn policy_digest(policy: &Policy) -> String {
    let _ = policy;
    todo!()
}
