//! The walk: many folders in flight, because on a share the round trip is the cost, not the CPU.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::model::key::Stamp;
use crate::model::policy::TypeFilter;
use crate::share::layout;
use crate::{plan, sys};

/// Folders being listed at once. Each waits for the network most of the time.
const THREADS: usize = 8;
/// Folders listed ahead of the consumer: bounds memory on trees of any size.
const AHEAD: usize = 64;

/// One folder as its listing showed it.
#[derive(Debug)]
pub struct Folder {
    pub path: PathBuf,
    /// Regular files that are not ours, not hidden and not known junk, sorted by name.
    pub files: Vec<File>,
    /// Every name in the listing, for sidecars and taken names.
    pub names: Vec<OsString>,
    /// The listing shows lock folders, work folders or lock files.
    pub has_claims: bool,
    /// Size and time of the folder's shared cache, where there is one.
    pub cache: Option<Stamp>,
}

impl Folder {
    /// Keeps what is media of any kind, and lets go of what only a conversion needs.
    pub fn keep_media(&mut self) {
        self.names = Vec::new();
        self.files.retain(|file| {
            plan::is_media_extension(&sys::path::extension(Path::new(&file.name)), TypeFilter::Both)
        });
    }

    /// A digest of the files and of the shared cache: the same as before, where nothing came, went or changed since.
    pub fn state(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        let mut add = |name: &str, stamp: &Stamp| {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&stamp.size.to_le_bytes());
            hasher.update(&stamp.sec.to_le_bytes());
            hasher.update(&stamp.nsec.to_le_bytes());
        };
        for file in &self.files {
            add(&file.name, &file.stamp);
        }
        if let Some(cache) = &self.cache {
            add("", cache);
        }
        let mut state = [0; 16];
        state.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        state
    }
}

/// One file of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub stamp: Stamp,
}

/// What the walk hands on.
#[derive(Debug)]
pub enum Found {
    Folder(Folder),
    /// A folder (or a name in it) that could not be read; the walk went on.
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    /// A name that is not Unicode: no claim can be named after it, so it is left alone.
    Odd {
        path: PathBuf,
    },
}

/// A running walk; iterate to the end or drop it to stop.
#[derive(Debug)]
pub struct Walk {
    found: Receiver<Found>,
}

impl Iterator for Walk {
    type Item = Found;
    fn next(&mut self) -> Option<Found> {
        self.found.recv().ok()
    }
}

/// What a wait for the walk came to.
#[derive(Debug)]
pub enum Next {
    Found(Found),
    /// Nothing in that time.
    Nothing,
    /// The walk is over.
    End,
}

impl Walk {
    /// The next finding, waited for at most this long.
    pub fn next_within(&mut self, time: Duration) -> Next {
        match self.found.recv_timeout(time) {
            Ok(found) => Next::Found(found),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    folders: VecDeque<PathBuf>,
    /// Folders being listed now; the walk is over when this is 0 and the queue is empty.
    busy: usize,
    stop: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Walks the tree below `roots`. `spread` turns the order of sub-folders, so that machines that use different numbers
/// start in different places and meet late.
pub fn walk(roots: &[PathBuf], spread: u64) -> Walk {
    let (send, found) = mpsc::sync_channel(AHEAD);
    let shared = Arc::new(Shared::default());
    shared.lock().folders.extend(roots.iter().cloned());
    for _ in 0..THREADS {
        let (listener, queue) = (send.clone(), Arc::clone(&shared));
        std::thread::spawn(move || work(&queue, &listener, spread));
    }
    Walk { found }
}

fn work(shared: &Shared, send: &SyncSender<Found>, spread: u64) {
    loop {
        let folder = {
            let mut queue = shared.lock();
            loop {
                if queue.stop {
                    return;
                }
                if let Some(folder) = queue.folders.pop_front() {
                    queue.busy += 1;
                    break folder;
                }
                if queue.busy == 0 {
                    shared.changed.notify_all();
                    return;
                }
                queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        };
        // Lowered on every way out, also by a panic: the other threads would wait for this one for ever.
        let turn = Turn(shared);
        let (mut below, heard) = list(&folder, send);
        if !below.is_empty() {
            let places = (spread % below.len() as u64) as usize;
            below.rotate_left(places);
        }
        {
            let mut queue = shared.lock();
            // Depth first: the frontier stays small, and a season's folders come one after another.
            for path in below.into_iter().rev() {
                queue.folders.push_front(path);
            }
            queue.stop |= !heard;
        }
        drop(turn);
    }
}

/// A thread's turn at a folder.
struct Turn<'a>(&'a Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.changed.notify_all();
    }
}

/// Lists one folder, sends what it found, and returns its sub-folders and whether anybody still listens.
fn list(dir: &Path, send: &SyncSender<Found>) -> (Vec<PathBuf>, bool) {
    let mut below = Vec::new();
    let mut folder =
        Folder { path: dir.to_owned(), files: Vec::new(), names: Vec::new(), has_claims: false, cache: None };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return (below, send.send(Found::Unreadable { path: dir.to_owned(), error }).is_ok()),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                if send.send(Found::Unreadable { path: dir.to_owned(), error }).is_err() {
                    return (below, false);
                }
                // A directory stream that fails once (ESTALE, EIO) may fail for ever: what is listed so far counts.
                break;
            }
        };
        let raw = entry.file_name();
        let Some(name) = raw.to_str() else {
            if send.send(Found::Odd { path: entry.path() }).is_err() {
                return (below, false);
            }
            continue;
        };
        match layout::ours(name) {
            Some(layout::Ours::LockDir { .. } | layout::Ours::WorkDir { .. }) => {
                folder.has_claims = true;
                continue;
            }
            Some(other) => {
                folder.has_claims |= matches!(other, layout::Ours::Doorbell { .. });
                if name == layout::CACHE_NAME {
                    let meta = entry.metadata().and_then(|meta| sys::fs::stamp_of(&meta));
                    folder.cache = meta.ok();
                }
                folder.names.push(raw);
                continue;
            }
            None => {}
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !is_junk_folder(name) {
                below.push(entry.path());
            }
        } else if kind.is_file() && !is_junk_file(name) {
            // A file that vanishes between listing and stat is simply not there any more.
            if let Ok(stamp) = entry.metadata().and_then(|meta| sys::fs::stamp_of(&meta)) {
                folder.files.push(File { name: name.to_owned(), stamp });
            }
        }
        folder.names.push(raw);
    }
    folder.files.sort_by(|a, b| a.name.cmp(&b.name));
    below.sort();
    (below, send.send(Found::Folder(folder)).is_ok())
}

/// Folders that never hold a library: ours, hidden ones, and what NAS boxes and desktops leave.
pub fn is_junk_folder(name: &str) -> bool {
    name.starts_with('.')
        || [
            "@eadir",
            "#recycle",
            "@recycle",
            "lost+found",
            "$recycle.bin",
            "system volume information",
            "#snapshot",
        ]
        .contains(&name.to_ascii_lowercase().as_str())
}

/// Files that are never media of the user's: hidden ones (AppleDouble `._*` among them) and the temporary outputs of
/// the Python workers, which carry a media extension while they grow.
pub fn is_junk_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with('.')
        || ["mp4", "mkv", "avi", "mov", "mp3", "m4a", "flac"]
            .iter()
            .any(|extension| lower.ends_with(&format!(".tmp.{extension}")))
}
