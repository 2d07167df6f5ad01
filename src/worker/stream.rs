//! The walk beside the jobs: while slots are full the walk goes on, so that the total is known and the next file is ready.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use crate::scan::walk::{Folder, Found, Next, Oddity, Walk};

/// Files that are held ready; a walk that is further ahead waits, so that memory is bounded on trees of any size.
const AHEAD: usize = 200_000;

/// What the walk brings besides folders.
#[derive(Debug)]
pub(super) enum Finding {
    Unreadable(PathBuf, std::io::Error),
    Odd(PathBuf, Oddity),
}

/// A walk and what it found so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    walk: Option<Walk>,
    ready: VecDeque<Folder>,
    files: usize,
}

impl Stream {
    /// A stream over a running walk; what was ready from the one before stays.
    pub fn start(&mut self, walk: Walk) {
        self.walk = Some(walk);
    }

    /// The walk has ended; what is ready may still be taken.
    pub fn has_ended(&self) -> bool {
        self.walk.is_none()
    }

    /// Waits at most this long for more, where there is room; what came is given to `count` before it is put in line.
    /// False: there is nothing to wait for.
    pub fn pump(
        &mut self,
        time: Duration,
        mut count: impl FnMut(&Folder),
        mut finding: impl FnMut(Finding),
    ) -> bool {
        if self.files >= AHEAD {
            return false;
        }
        let Some(walk) = &mut self.walk else { return false };
        match walk.next_within(time) {
            Next::Found(Found::Folder(folder)) => {
                count(&folder);
                self.files += folder.files.len();
                self.ready.push_back(folder);
            }
            Next::Found(Found::Unreadable { path, error }) => finding(Finding::Unreadable(path, error)),
            Next::Found(Found::Odd { path, why }) => finding(Finding::Odd(path, why)),
            Next::Nothing => {}
            Next::End => self.walk = None,
        }
        true
    }

    /// The next folder that is ready.
    pub fn take(&mut self) -> Option<Folder> {
        let folder = self.ready.pop_front()?;
        self.files -= folder.files.len();
        Some(folder)
    }
}
