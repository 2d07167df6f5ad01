//! The machine's own tests, one file for each thing it does.

use tempfile::TempDir;

mod names;

/// A folder of the test's own.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a test needs a folder")
}
