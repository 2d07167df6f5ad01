//! Folders in which something changed, told by the kernel (inotify). It tells of this machine's own doing only: nothing of what
//! other machines do on a share.

use std::path::{Path, PathBuf};

use super::os;

/// What was told since the last time.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// In these folders names came or went, or a file was closed that had been written.
    Folders(Vec<PathBuf>),
    /// So much happened that not all of it could be told.
    Lost,
}

/// The half of the twins whose kernel tells nothing of folders, or not in a way that is worth it.
#[derive(Debug)]
pub enum Silent {}

impl Silent {
    pub fn begin() -> Option<Self> {
        None
    }
    pub fn watch(&mut self, _folder: &Path) -> bool {
        match *self {}
    }
    pub fn news(&mut self) -> News {
        match *self {}
    }
}

/// A list of folders that are watched.
#[derive(Debug)]
pub struct Notices(os::notice::Notices);

impl Notices {
    /// Begins with an empty list; `None` where this system does not tell.
    pub fn begin() -> Option<Self> {
        os::notice::Notices::begin().map(Self)
    }

    /// Watches a folder; again: under its new name, where it was moved. False: the system allows no more.
    #[must_use = "a folder that is not watched has to be looked at"]
    pub fn watch(&mut self, folder: &Path) -> bool {
        self.0.watch(folder)
    }

    /// What was told since the last time; never waits.
    pub fn news(&mut self) -> News {
        self.0.news()
    }
}
