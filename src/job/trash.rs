//! Where originals rest after a swap: `.mediabox/trash/<day>-<token>/` at the library's root, each with a record.
//!
//! The original lies there under `<name>.original`, without a media extension, so that no media server and no Python
//! worker takes it for a film. `record.json` says where it came from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::share::layout;
use crate::share::record::Commit;
use crate::sys;
use crate::sys::fs::{Created, Removed};

/// Ending of a kept original.
pub const ENDING: &str = ".original";
/// Longest name in bytes on the file systems of servers (`NAME_MAX`).
const MOST_NAME_BYTES: usize = 255;
const RECORD: &str = "record.json";
/// Records are a few hundred bytes; more is not ours.
const RECORD_LIMIT: u64 = 1024 * 1024;

/// What is known of a trashed original.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// Folder of the source relative to the library's root, `/`-separated; empty for the root itself.
    pub folder: String,
    /// The swap that put it here.
    pub commit: Commit,
}

/// One resting original.
#[derive(Clone, Debug, PartialEq)]
pub struct Resting {
    /// Its folder in the trash.
    pub dir: PathBuf,
    /// The original's file.
    pub file: PathBuf,
    pub rest: Rest,
}

/// The trash folder's name for a commit: the day by this machine's clock (for people) and the claim's random digits, with which its
/// work folder's name ends.
pub fn place(work_dir: &Path) -> String {
    let day: String = sys::clock::local_iso(sys::clock::wall()).chars().take(10).collect();
    let name = work_dir.file_name().unwrap_or_default().to_string_lossy();
    let digits: String = name.chars().skip(name.chars().count().saturating_sub(16)).collect();
    format!("{}/trash/{day}-{digits}", layout::LIBRARY_DIR)
}

/// The name an original rests or is kept under. A name near the file system's limit loses its end, for a name that is
/// too long would leave the swap half done for ever; the record has the whole name.
pub fn resting_name(source: &str) -> String {
    marked_name(source, "")
}

/// The same, told from others of this source by a mark.
pub fn marked_name(source: &str, mark: &str) -> String {
    let most = MOST_NAME_BYTES - mark.len() - ENDING.len();
    let end = (0..=source.len().min(most)).rev().find(|end| source.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{mark}{ENDING}", &source[..end])
}

/// Moves a displaced original to its place. Idempotent: `Absent` where it is gone already.
/// Where the library's root is another file system (a nested mount), or this user may not write there (another made it), the
/// folder's own `.mediabox` takes it.
pub fn lay(original: &Path, folder: &Path, root: &Path, commit: &Commit) -> std::io::Result<Removed> {
    let place = commit.trash.clone().unwrap_or_else(|| place(original.parent().unwrap_or(folder)));
    let rest = Rest {
        folder: sys::path::key(root, folder).map(|key| key.0).unwrap_or_default(),
        commit: commit.clone(),
    };
    let in_base = |base: &Path| {
        let dir = place.split('/').fold(base.to_owned(), |path, part| path.join(part));
        lay_in(&dir, original, &rest)
    };
    match in_base(root) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::CrossesDevices
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::NotADirectory
                    // Windows' words for a file where a folder should be.
                    | ErrorKind::NotFound
                    | ErrorKind::AlreadyExists
            ) =>
        {
            in_base(folder)
        }
        result => result,
    }
}

fn lay_in(dir: &Path, original: &Path, rest: &Rest) -> std::io::Result<Removed> {
    let text = serde_json::to_vec_pretty(rest).map_err(std::io::Error::other)?;
    sys::fs::create_dir_all(dir)?;
    // The record first: an original without a record could not be found by `undo`.
    let record = dir.join(RECORD);
    if sys::fs::write_new(&record, &text)? == Created::Exists {
        renew(&record, text)?;
    }
    let laid = sys::fs::consume(original, &dir.join(resting_name(&rest.commit.source)));
    match &laid {
        // A platform without folder fsync says so by success; a failure here costs nothing but certainty.
        Ok(_) => drop(sys::fs::sync_dir(dir)),
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let _ = sys::fs::remove_file(&record);
            let _ = sys::fs::remove_dir(dir);
        }
        Err(_) => {}
    }
    laid
}

/// Writes the record anew that somebody left who died before the original came: it may be half written, and its time, from
/// which the rest is counted, is of then. In place, because an original that another finisher laid down meanwhile must not be
/// without one.
fn renew(record: &Path, mut text: Vec<u8>) -> std::io::Result<()> {
    let there = sys::fs::read_small(record, RECORD_LIMIT)?;
    text.resize(text.len().max(there.len()), b' ');
    match sys::fs::overwrite_in_place(record, &text) {
        // Another user's, and whole.
        Err(_) if serde_json::from_slice::<Rest>(&there).is_ok() => Ok(()),
        result => result,
    }
}

/// Every resting original of a library (and of `folder`, where a nested mount keeps its own), the last that was laid down first:
/// by their records' times, for a day has many and the digits of their names are random.
pub fn list(root: &Path, folder: Option<&Path>) -> Vec<Resting> {
    let mut all = Vec::new();
    for base in [Some(root), folder.filter(|f| *f != root)].into_iter().flatten() {
        let trash = layout::trash(base);
        for entry in sys::fs::list(&trash).unwrap_or_default() {
            let dir = trash.join(entry.name);
            let Ok(text) = sys::fs::read_small(&dir.join(RECORD), RECORD_LIMIT) else { continue };
            let Ok(rest) = serde_json::from_slice::<Rest>(&text) else { continue };
            let since = sys::fs::stamp(&dir.join(RECORD)).map(|stamp| (stamp.sec, stamp.nsec)).ok();
            let file = dir.join(resting_name(&rest.commit.source));
            all.push((since, Resting { dir, file, rest }));
        }
    }
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    all.into_iter().map(|(_, resting)| resting).collect()
}

/// Removes what has rested for longer than `keep`, by the file server's clock. Returns how many originals went.
pub fn empty(root: &Path, keep: Duration) -> usize {
    let trash = layout::trash(root);
    let Ok(entries) = sys::fs::list(&trash) else { return 0 };
    if entries.is_empty() {
        return 0;
    }
    // The server's now: the stamp of something just made there.
    let probe = trash.join(format!("now-{}", sys::host::random_hex(8)));
    if !matches!(sys::fs::create_dir(&probe), Ok(sys::fs::Created::Yes)) {
        return 0;
    }
    let now = sys::fs::stamp(&probe);
    let _ = sys::fs::remove_dir(&probe);
    let Ok(now) = now else { return 0 };
    let mut gone = 0;
    for entry in entries {
        let dir = trash.join(&entry.name);
        // The record is written once, when the original is laid down: its time is when the rest began.
        let Ok(began) = sys::fs::stamp(&dir.join(RECORD)) else { continue };
        if now.sec.saturating_sub(began.sec) <= keep.as_secs().cast_signed() {
            continue;
        }
        let Ok(text) = sys::fs::read_small(&dir.join(RECORD), RECORD_LIMIT) else { continue };
        // Only what our own record names is removed; anything else in there is somebody's and stays.
        let Ok(rest) = serde_json::from_slice::<Rest>(&text) else { continue };
        if sys::fs::remove_file(&dir.join(resting_name(&rest.commit.source))).is_ok() {
            let _ = sys::fs::remove_file(&dir.join(RECORD));
            let _ = sys::fs::remove_dir(&dir);
            gone += 1;
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_at_the_limit_still_has_a_place_to_rest() {
        assert_eq!(resting_name("Film.mkv"), "Film.mkv.original");
        for long in ["n".repeat(255), "ä".repeat(127), format!("x{}", "語".repeat(84))] {
            let name = resting_name(&long);
            assert!(name.len() <= MOST_NAME_BYTES && name.len() > MOST_NAME_BYTES - 4, "{}", name.len());
            assert!(name.ends_with(ENDING));
        }
    }
}
