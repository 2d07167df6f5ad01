//! The examination of a machine on which several files failed in a row: do share, scratch and encoder still work?

use std::path::Path;

use super::Run;
use crate::ffmpeg::caps;
use crate::model::caps::Verdict;
use crate::share::{layout, library};
use crate::sys;
use crate::sys::fs::Created;

/// What is wrong with this machine; `None`: nothing that can be found.
pub(super) fn find(run: &Run<'_>) -> Option<String> {
    run.roots.iter().find_map(|(root, id)| share(root, id)).or_else(|| scratch(run)).or_else(|| encoder(run))
}

/// It is still there, still the same, and can still be written.
fn share(root: &Path, id: &str) -> Option<String> {
    if let Err(error) = library::open(root, Some(id).filter(|id| !id.is_empty()), false) {
        return Some(format!("the share is lost ({})", error.line()));
    }
    let trial = layout::trial_dir(root, &sys::host::random_hex(8));
    match sys::fs::create_dir(&trial) {
        Ok(Created::Yes) => {
            let _ = sys::fs::remove_dir(&trial);
            None
        }
        Ok(Created::Exists) => None,
        Err(error) => Some(format!("the share can no longer be written ({error})")),
    }
}

/// There is room, and a file can be made.
fn scratch(run: &Run<'_>) -> Option<String> {
    let spare = run.options.min_free.unwrap_or(64 << 20);
    let temp = run.options.temp_dir.as_deref();
    let library = run.roots.iter().map(|(root, _)| root.as_path());
    for place in temp.into_iter().chain(library) {
        if let Ok(free) = sys::fs::free_space(place)
            && free < spare
        {
            return Some(format!("{} has only {} MB of room left", place.display(), free / 1_000_000));
        }
    }
    let temp = temp?;
    let file = temp.join(format!("media-converter-{}", sys::host::random_hex(8)));
    let made = sys::fs::write_new(&file, b"a trial; may be deleted");
    let _ = sys::fs::remove_file(&file);
    made.err().map(|error| format!("{} can no longer be written ({error})", temp.display()))
}

/// The encoder that every machine has still makes a film out of a test picture.
fn encoder(run: &Run<'_>) -> Option<String> {
    let codec = run.options.policy.video.codec?;
    let software = run.options.caps.encoders.iter().find(|cap| {
        !cap.hardware && matches!(cap.verdict, Verdict::Works { .. }) && crate::plan::makes(codec, &cap.name)
    })?;
    match caps::complete(&run.options.tools, None, &|name| name == software.name) {
        Err(error) => Some(format!("ffmpeg no longer runs ({})", error.line())),
        Ok(now) => match &now.encoders.first()?.verdict {
            Verdict::Failed { why } => Some(format!("{} no longer works here ({why})", software.name)),
            Verdict::Works { .. } | Verdict::NotListed => None,
        },
    }
}
