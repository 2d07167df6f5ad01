//! inotify: the kernel tells in which of the watched folders something changed.

use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::sys::notice::News;

/// Events taken out of the kernel at once.
const BUFFER: usize = 64 * 1024;

#[derive(Debug)]
pub struct Notices {
    inotify: OwnedFd,
    folders: HashMap<i32, PathBuf>,
}

impl Notices {
    pub fn begin() -> Option<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        Some(Self { inotify, folders: HashMap::new() })
    }

    pub fn watch(&mut self, folder: &Path) -> bool {
        let wanted = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ONLYDIR;
        match inotify::add_watch(&self.inotify, folder, wanted) {
            Ok(number) => {
                self.folders.insert(number, folder.to_owned());
                true
            }
            // It is gone: there is nothing to tell of it.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => true,
            Err(_) => false,
        }
    }

    pub fn news(&mut self) -> News {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let (mut changed, mut lost) = (BTreeSet::new(), false);
        let mut gone = Vec::new();
        while let Ok(event) = reader.next() {
            lost |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            if event.events().contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
            } else if let Some(folder) = self.folders.get(&event.wd()) {
                changed.insert(folder.clone());
            }
        }
        for number in gone {
            self.folders.remove(&number);
        }
        if lost { News::Lost } else { News::Folders(changed.into_iter().collect()) }
    }
}
