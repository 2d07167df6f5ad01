//! The walk: many folders in flight, because on a share the round trip is the cost, not the CPU.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::model::key::Stamp;
use crate::model::policy::Links;
use crate::scan::bounds::{self, Bounds};
use crate::share::layout;
use crate::sys;
use crate::sys::netfs::FileSystem;

/// Folders being listed at once. Each waits for the network most of the time.
const THREADS: usize = 8;
/// Folders listed ahead of the consumer: bounds memory on trees of any size.
const AHEAD: usize = 64;

/// One folder as its listing showed it.
#[derive(Debug)]
pub struct Folder {
    pub path: PathBuf,
    /// Media files of any kind that are within the bounds, sorted by name.
    pub files: Vec<File>,
    /// Every name in the listing, for sidecars and taken names.
    pub names: Vec<OsString>,
    /// The listing shows lock folders, work folders or lock files.
    pub has_claims: bool,
    /// Size and time of the folder's shared cache, where there is one.
    pub cache: Option<Stamp>,
    /// Its own time right before it was listed, where that was asked for.
    pub time: Option<(i64, u32)>,
}

impl Folder {
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
    /// A name that we cannot work with: it is left alone.
    Odd {
        path: PathBuf,
        why: Oddity,
    },
}

/// What is odd about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// No claim can be named after it.
    NotUnicode,
    /// We are on Windows, to whose programs it means another file, or a device.
    NotItself,
    /// An SMB server shows it in the place of a name that it cannot show. The result would be named after it, and the
    /// true name be lost.
    MadeUp,
}

impl Oddity {
    /// For people, after the path and a colon.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotUnicode => "its name is not valid Unicode; rename it to have it converted",
            Self::NotItself => {
                "to Windows' programs its name means something else (it ends with a dot or a space, or is a device's); \
                 rename it, or let a machine that is not Windows convert it"
            }
            Self::MadeUp => {
                "the server made this name up in the place of one that it cannot show over SMB (`:`, `?` and the like); \
                 rename it, or let a machine on NFS convert it"
            }
        }
    }
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

/// A folder to be listed.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// A link led there: where it really lies has to be looked up.
    linked: bool,
}

#[derive(Debug, Default)]
struct Queue {
    folders: VecDeque<Place>,
    /// Folders behind links that were listed, by their real paths.
    behind: HashSet<PathBuf>,
    /// Folders being listed now; the walk is over when this is 0 and the queue is empty.
    busy: usize,
    stop: bool,
}

#[derive(Debug)]
struct Shared {
    /// Names come from an SMB server.
    smb: bool,
    queue: Mutex<Queue>,
    changed: Condvar,
    roots: Vec<PathBuf>,
    bounds: Bounds,
    spread: u64,
    known: Known,
}

/// Sub-folders that are not entered.
struct Known(Box<dyn Fn(&Path) -> bool + Send + Sync>);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a folder that a link led to is to be listed: what lies below a root is walked anyway, and nothing twice. A
    /// link to one of its own parents ends here.
    fn is_new(&self, folder: &Path) -> bool {
        let Ok(real) = sys::path::canonical(folder) else { return false };
        !self.roots.iter().any(|root| real.starts_with(root)) && self.lock().behind.insert(real)
    }
}

/// Walks the tree below `roots`, within `bounds`. `spread` turns the order of sub-folders, so that machines that use
/// different numbers start in different places and meet late.
pub fn walk(roots: &[PathBuf], bounds: &Bounds, spread: u64) -> Walk {
    begin(roots, bounds.clone(), spread, Known(Box::new(|_| false)))
}

/// Lists some folders, and what lies below them in folders that are not `known`. Links are not followed: who led here is not known.
pub fn look(
    folders: &[PathBuf],
    bounds: &Bounds,
    known: impl Fn(&Path) -> bool + Send + Sync + 'static,
) -> Walk {
    begin(folders, bounds.without_links(), 0, Known(Box::new(known)))
}

fn begin(roots: &[PathBuf], bounds: Bounds, spread: u64, known: Known) -> Walk {
    let (send, found) = mpsc::sync_channel(AHEAD);
    let smb = roots.iter().any(|root| {
        sys::netfs::of(root)
            .is_ok_and(|mount| matches!(mount.kind, FileSystem::LinuxSmb | FileSystem::WindowsNetwork))
    });
    let place = |path: &PathBuf| Place { path: path.clone(), linked: false };
    let queue = Queue { folders: roots.iter().map(place).collect(), ..Queue::default() };
    let real = |root: &PathBuf| sys::path::canonical(root).unwrap_or_else(|_| root.clone());
    let roots = if bounds.links == Links::Follow { roots.iter().map(real).collect() } else { Vec::new() };
    let shared = Arc::new(Shared {
        smb,
        queue: Mutex::new(queue),
        changed: Condvar::new(),
        roots,
        bounds,
        spread,
        known,
    });
    for _ in 0..THREADS {
        let (listener, shared) = (send.clone(), Arc::clone(&shared));
        std::thread::spawn(move || work(&shared, &listener));
    }
    Walk { found }
}

fn work(shared: &Shared, send: &SyncSender<Found>) {
    loop {
        let place = {
            let mut queue = shared.lock();
            loop {
                if queue.stop {
                    return;
                }
                if let Some(place) = queue.folders.pop_front() {
                    queue.busy += 1;
                    break place;
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
        if place.linked && !shared.is_new(&place.path) {
            continue;
        }
        let (mut below, heard) = list(&place, shared.smb, &shared.bounds, send);
        below.retain(|place| !(shared.known.0)(&place.path));
        if !below.is_empty() {
            let places = (shared.spread % below.len() as u64) as usize;
            below.rotate_left(places);
        }
        {
            let mut queue = shared.lock();
            // Depth first: the frontier stays small, and a season's folders come one after another.
            for place in below.into_iter().rev() {
                queue.folders.push_front(place);
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
fn list(place: &Place, smb: bool, bounds: &Bounds, send: &SyncSender<Found>) -> (Vec<Place>, bool) {
    let dir = &place.path;
    let mut below = Vec::new();
    let time = if bounds.times { sys::fs::folder_time(dir).ok() } else { None };
    let mut folder = Folder {
        path: dir.to_owned(),
        files: Vec::new(),
        names: Vec::new(),
        has_claims: false,
        cache: None,
        time,
    };
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
            if send.send(Found::Odd { path: entry.path(), why: Oddity::NotUnicode }).is_err() {
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
        let passed_by = bounds.passes_by(name);
        if !passed_by && let Some(why) = oddity(name, bounds::is_media(name), smb) {
            if send.send(Found::Odd { path: entry.path(), why }).is_err() {
                return (below, false);
            }
            folder.names.push(raw);
            continue;
        }
        if !passed_by && bounds::is_media(name) {
            // One look tells what it is and how large; where a listing does not tell kinds, another would be a round trip.
            // A file that vanishes between listing and look is simply not there any more.
            if let Ok(meta) = entry.metadata() {
                enter(&entry.path(), meta.file_type(), place, bounds, &mut below);
                if meta.is_file()
                    && let Ok(stamp) = sys::fs::stamp_of(&meta)
                {
                    folder.files.push(File { name: name.to_owned(), stamp });
                }
            }
        } else if !passed_by && let Ok(kind) = entry.file_type() {
            enter(&entry.path(), kind, place, bounds, &mut below);
        }
        folder.names.push(raw);
    }
    folder.files.sort_by(|a, b| a.name.cmp(&b.name));
    below.sort_by(|a, b| a.path.cmp(&b.path));
    (below, send.send(Found::Folder(folder)).is_ok())
}

/// Puts a folder in line, or where a link leads, where links are followed. Links to files are left alone by either setting: a
/// swap would replace the link, and the file behind it would stay.
fn enter(path: &Path, kind: std::fs::FileType, from: &Place, bounds: &Bounds, below: &mut Vec<Place>) {
    if kind.is_dir() {
        below.push(Place { path: path.to_owned(), linked: from.linked });
    } else if kind.is_symlink() && bounds.links == Links::Follow && path.is_dir() {
        below.push(Place { path: path.to_owned(), linked: true });
    }
}

/// What keeps us from working with a name; in a folder of a made-up name nothing is named after it.
pub(super) fn oddity(name: &str, is_file: bool, smb: bool) -> Option<Oddity> {
    if !sys::path::means_itself(name) {
        Some(Oddity::NotItself)
    } else if is_file && smb && sys::path::is_made_up(name) {
        Some(Oddity::MadeUp)
    } else {
        None
    }
}
