//! What this ffmpeg can really do here: every candidate encoder is tried with a real, short encode.

use super::tools::Tools;
use crate::model::caps::Caps;
use crate::model::error::Result;

/// Lists encoders and filters and tries the candidates. Takes seconds; the caller caches it per ffmpeg build.
pub fn trial(tools: &Tools) -> Result<Caps> {
    let _ = tools;
    todo!()
}

/// What identifies the conditions of a trial: ffmpeg's version and path, size and mtime, drivers and devices. A changed text means a new trial.
pub fn conditions(tools: &Tools) -> String {
    let _ = tools;
    todo!()
}
