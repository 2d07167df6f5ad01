//! Where ffmpeg writes: the claim's work folder, or a folder of our own below `--temp-dir`, and what dead workers left there.

use std::path::{Path, PathBuf};

use super::{Halt, io_halt};
use crate::share::claim;
use crate::share::layout;
use crate::sys;
use crate::sys::fs::EntryKind;

/// No path is longer.
const MOST_NOTE_BYTES: u64 = 64 * 1024;

/// Goes with everything in it, where it is our own.
#[derive(Debug)]
pub(super) struct Scratch {
    pub dir: PathBuf,
    own: bool,
}

impl Scratch {
    pub fn begin(temp_dir: Option<&Path>, work_dir: &Path) -> Result<Self, Halt> {
        let Some(temp) = temp_dir else { return Ok(Self { dir: work_dir.to_owned(), own: false }) };
        let dir = layout::scratch_dir(temp, work_dir);
        let note = work_dir.as_os_str().as_encoded_bytes();
        sys::fs::create_dir_all(&dir)
            .and_then(|()| sys::fs::write_new(&dir.join(layout::SCRATCH_NOTE), note).map(drop))
            .map_err(|e| {
                io_halt("make a folder in --temp-dir", &dir, e)
                    .hint("name an existing, writable folder with --temp-dir")
            })?;
        Ok(Self { dir, own: true })
    }

    /// It lies below `--temp-dir`.
    pub fn is_own(&self) -> bool {
        self.own
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.own {
            remove(&self.dir);
        }
    }
}

/// Removes what workers left in `temp` whose claims are over: with a killed one nobody else cleans up behind it.
pub fn clear(temp: &Path) {
    for entry in sys::fs::list(temp).unwrap_or_default() {
        let dir = temp.join(&entry.name);
        if entry.kind != EntryKind::Dir || !entry.name.to_str().is_some_and(layout::is_scratch) {
            continue;
        }
        // One without the note was left before it was written, or is being made now: its name tells of the process.
        let noted = sys::fs::read_small(&dir.join(layout::SCRATCH_NOTE), MOST_NOTE_BYTES)
            .ok()
            .and_then(|note| String::from_utf8(note).ok())
            .map(PathBuf::from);
        let is_over = match &noted {
            Some(work) => claim::is_over(work),
            None => claim::has_ended(&dir),
        };
        if is_over {
            tracing::debug!("{} was left by a dead worker", dir.display());
            remove(&dir);
        }
    }
}

/// What cannot be removed is left to the next run.
fn remove(dir: &Path) {
    for entry in sys::fs::list(dir).unwrap_or_default() {
        let _ = sys::fs::remove_file(&dir.join(entry.name));
    }
    let _ = sys::fs::remove_dir(dir);
}
