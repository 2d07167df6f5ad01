//! Whether a share keeps its folders' times, found out by trying: a folder's own time must move when a name comes, goes or is
//! changed in it. FAT does not, and some servers only after a while.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::layout;
use crate::sys;

/// Coarser clocks than this no file system has (FAT: 2 s).
const COARSEST: Duration = Duration::from_millis(2100);

/// Whether folder times can be relied on below a library's root. Where nothing can be tried, they cannot.
pub fn are_kept(root: &Path) -> bool {
    let folder = layout::trial_dir(root, &sys::host::random_hex(4));
    let kept = sys::fs::create_dir_all(&folder).and_then(|()| try_in(&folder));
    for entry in sys::fs::list(&folder).unwrap_or_default() {
        let _ = sys::fs::remove_file(&folder.join(entry.name));
    }
    let _ = sys::fs::remove_dir(&folder);
    kept.inspect_err(|error| tracing::debug!("folder times could not be tried: {error}")).unwrap_or(false)
}

fn try_in(folder: &Path) -> io::Result<bool> {
    let path = |name: String| folder.join(name);
    let steps: [&dyn Fn(u8) -> io::Result<()>; 3] = [
        &|n| sys::fs::write_new(&path(format!("new-{n}")), b"x").map(drop),
        &|n| sys::fs::consume(&path(format!("new-{n}")), &path(format!("old-{n}"))).map(drop),
        &|n| sys::fs::remove_file(&path(format!("old-{n}"))).map(drop),
    ];
    // Both files are there before any of them is renamed or removed.
    for n in 1..=2 {
        let _ = sys::fs::write_new(&path(format!("new-{n}")), b"x")?;
    }
    for (number, step) in steps.into_iter().enumerate() {
        // The first step makes files of its own.
        let shift = if number == 0 { 2 } else { 0 };
        if !moves(folder, |n| step(n + shift))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a change moves the folder's time: at once, or, where the clock is coarse, a while after the last change.
fn moves(folder: &Path, change: impl Fn(u8) -> io::Result<()>) -> io::Result<bool> {
    let before = sys::fs::folder_time(folder)?;
    change(1)?;
    if sys::fs::folder_time(folder)? != before {
        // The other file takes part in what comes next.
        change(2)?;
        return Ok(true);
    }
    if sys::stop::sleep(COARSEST) {
        return Ok(false);
    }
    change(2)?;
    Ok(sys::fs::folder_time(folder)? != before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_this_machine_keeps_them_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(are_kept(dir.path()));
        assert_eq!(sys::fs::list(&dir.path().join(layout::LIBRARY_DIR)).expect("listed"), []);
    }

    #[test]
    fn what_cannot_be_tried_is_not_relied_on() {
        assert!(!are_kept(Path::new("/proc/self")));
    }

    #[test]
    fn a_change_that_moves_no_time_is_noticed() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(!moves(dir.path(), |_| Ok(())).expect("tried"));
    }
}
