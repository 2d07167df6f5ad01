//! What a login of this user begins with: the PATH that programs started from now on get.

use std::io;
use std::path::Path;

use super::os;

/// How a folder stands in this user's PATH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPath {
    /// Programs find what lies there now.
    Now,
    /// It is written down, and the next login (Windows: the next console) knows it.
    Soon,
    No,
}

/// What [`add_to_path`] changed, so that it can be taken back.
#[derive(Debug)]
#[must_use = "a set-up that fails later takes it back"]
pub struct Added(os::lasting::Added);

impl Added {
    /// Puts back what was there before; leaves alone what somebody else has changed since.
    pub fn take_back(self) -> io::Result<()> {
        self.0.take_back()
    }

    /// Where it was written, for people.
    pub fn place(&self) -> String {
        self.0.place()
    }
}

/// Whether this user's programs find what lies in the folder. `home`: the user's home, unless Windows.
pub fn in_path(folder: &Path, home: Option<&Path>) -> io::Result<InPath> {
    let now = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&now).any(|entry| os::lasting::same_folder(&entry, folder)) {
        return Ok(InPath::Now);
    }
    Ok(if os::lasting::is_written_down(folder, home)? { InPath::Soon } else { InPath::No })
}

/// Writes the folder into this user's PATH for every login to come: Windows' registry (and tells the running programs),
/// else the shell's profile. Nothing of the system's is touched.
pub fn add_to_path(folder: &Path, home: Option<&Path>) -> io::Result<Added> {
    os::lasting::add_to_path(folder, home).map(Added)
}

/// Takes the folder out again, for an uninstaller. False: it was not there, or not by us.
pub fn remove_from_path(folder: &Path, home: Option<&Path>) -> io::Result<bool> {
    os::lasting::remove_from_path(folder, home)
}

/// Where a user's own programs go.
pub fn programs_folder(home: &Path) -> std::path::PathBuf {
    os::lasting::programs_folder(home)
}
