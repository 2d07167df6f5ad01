//! How long to go on, and what a failure to find something is worth.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{EntryKind, PATIENCE, list_once};
use crate::sys::os;

/// Pauses of 10 ms and growing, [`PATIENCE`] in all.
pub struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: Duration::from_millis(10) }
    }

    /// Sleeps before another attempt; false: patience is at its end.
    pub fn wait(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(Duration::from_millis(200));
        true
    }
}

/// Runs `operation`, which changes nothing or may be repeated, until it ends in something other than a transient error.
pub fn patiently<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut patience = Patience::new();
    loop {
        match operation() {
            Err(error) if os::fs::is_transient(&error) && patience.wait() => {}
            result => return result,
        }
    }
}

/// As [`patiently`], for something that needs `path` to be there: `NotFound` is believed only where a fresh listing
/// agrees. An NFS client keeps saying ENOENT for half a minute about a name that it once looked up in vain; the
/// listing makes it look again.
pub fn present<T>(path: &Path, mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut patience = Patience::new();
    loop {
        let error = match operation() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::NotFound {
            match seen(path) {
                Ok(true) if patience.wait() => {}
                // Whoever asks must not take this for absence.
                Ok(true) => return Err(io::Error::other("the name is listed, but cannot be opened")),
                Ok(false) => return Err(error),
                Err(reason) if reason.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                Err(reason) => return Err(reason),
            }
        } else if !os::fs::is_transient_open(&error) || !patience.wait() {
            return Err(error);
        }
    }
}

/// A fresh listing has the name, and it is not a symbolic link (whose target may well be missing).
fn seen(path: &Path) -> io::Result<bool> {
    let (Some(name), Some(folder)) = (path.file_name(), super::folder_of(path)) else { return Ok(false) };
    match list_once(folder) {
        Ok(entries) => Ok(entries
            .iter()
            .any(|entry| entry.kind != EntryKind::Symlink && os::fs::same_name(&entry.name, name))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => seen(folder),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) if os::fs::is_transient(&error) => Ok(true),
        Err(error) => Err(error),
    }
}
