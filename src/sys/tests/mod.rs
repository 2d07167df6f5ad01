//! The machine's own tests, one file for each thing it does.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sys::process::Spawn;

mod content;
mod host;
mod mounts;
mod names;
mod paths;
mod process;
mod races;
mod roles;
mod stop;

/// A folder of the test's own.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a test needs a folder")
}

/// This very program, to play one of [`roles`].
fn player(role: &str) -> Spawn {
    let program: PathBuf = std::env::current_exe().unwrap();
    let args = ["--exact", "sys::tests::roles::plays_its_role", "--nocapture", "--test-threads=1", "--quiet"];
    let mut args: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
    args.push(format!("role:{role}").into());
    Spawn { program, args, background: false }
}

/// Waits until it is so, at most ten seconds.
fn soon(mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    is_so()
}
