//! What the tests of the real program stand on: a temporary share, workers on it, and clips to convert.

#![allow(dead_code, reason = "not every platform and feature uses all of it")]

pub mod clips;
pub mod fake;
pub mod play;
pub mod share;
pub mod worker;

#[allow(unused_imports, reason = "each test takes what it needs")]
pub use clips::Clip;
pub use share::Share;
#[allow(unused_imports, reason = "each test takes what it needs")]
pub use worker::{Run, Worker};

use std::path::PathBuf;

/// Real media of other projects, beside the repository where somebody put it.
pub fn real_media() -> Option<PathBuf> {
    // Each file takes a dozen starts of a program, and each start takes a second here.
    if skipped_under_wine(
        "what ffmpeg makes of real media takes minutes here, and is the same on every system",
    ) {
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/media");
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
    println!("SKIPPED: ../shared/media is not beside the repository");
    None
}

/// Whether wine plays Windows here; says aloud what is skipped for it, and why. `tests/wine/wine` tells.
pub fn skipped_under_wine(what: &str) -> bool {
    let wine = std::env::var_os("TESTS_UNDER_WINE").is_some();
    if wine {
        println!("SKIPPED: under wine: {what}");
    }
    wine
}

/// A tool of the machine that a test needs; says aloud what is skipped without it.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file = if cfg!(windows) { format!("{name}.exe") } else { name.into() };
    let found = std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: `{name}` is not installed");
    }
    found
}
