//! Where something may have changed since a watch last looked: by the kernel's word on local disks, by folders' own times on
//! shares that keep them.
//!
//! It says where to look first, never what is there. Passes over everything go on, only seldom, and find out a share whose
//! folders' times lie.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rayon::prelude::*;

use crate::scan::bounds::Bounds;
use crate::scan::walk::{self, File, Folder, Walk};
use crate::share::times;
use crate::sys;
use crate::sys::netfs::FileSystem;
use crate::sys::notice::{News, Notices};

/// Folders' times are looked through again after ten times as long as that takes, within these bounds.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));
/// A folder in which something happened is looked at this often, until everything in it is quiet and done.
const AGAIN: Duration = Duration::from_secs(5);
/// It is given up this long after the last that happened; the next pass comes by.
const PATIENCE: Duration = Duration::from_secs(180);
/// A time that is older than this when a folder is looked at again cannot hide a later change: no file system's clock is coarser.
const RIPE: Duration = Duration::from_secs(3);
/// Passes over everything after which nothing can have slipped between a listing and its watch.
const PASSES: u32 = 2;
/// Folders asked for their time at once.
const AT_ONCE: usize = 8;

/// How changes below a folder are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The kernel tells.
    Told,
    /// Folders' times might do; nobody has tried yet.
    Untried,
    /// By folders' times.
    Times,
    /// Only a pass over everything will.
    Nothing,
}

/// A folder as it was listed last.
#[derive(Debug)]
struct Mark {
    time: Option<(i64, u32)>,
    /// Digest of its media files' names.
    names: u64,
    /// Digests of the states of files that passes and earlier news dealt with, sorted.
    files: Box<[u64]>,
    /// When this time was seen first, by the boot clock.
    since: Duration,
    /// It was the same at two listings far enough apart.
    ripe: bool,
}

type Known = Arc<Mutex<HashMap<PathBuf, Mark>>>;

/// A tree that is watched.
struct Tree {
    root: PathBuf,
    /// The root of its library, where things can be tried.
    library: PathBuf,
    way: Way,
}

/// What a watch remembers of folders.
pub(super) struct Lookout {
    trees: Vec<Tree>,
    notices: Option<Notices>,
    known: Known,
    hasher: RandomState,
    /// Folders in which something happened: when they are looked at again, and until when they are.
    fresh: HashMap<PathBuf, (Duration, Duration)>,
    /// When folders' times are looked through again.
    due: Duration,
    passes: u32,
    lost: bool,
}

impl Lookout {
    /// Over trees and the roots of their libraries.
    pub fn over(trees: impl Iterator<Item = (PathBuf, PathBuf)>) -> Self {
        let notices = Notices::begin();
        let way = |root: &Path| match sys::netfs::of(root).map(|mount| mount.kind) {
            Ok(FileSystem::Local(_)) if notices.is_some() => Way::Told,
            // What unites several folders has the time of one of them.
            Ok(FileSystem::Fuse { .. }) | Err(_) => Way::Nothing,
            Ok(_) => Way::Untried,
        };
        Self {
            trees: trees.map(|(root, library)| Tree { way: way(&root), root, library }).collect(),
            notices,
            known: Known::default(),
            hasher: RandomState::new(),
            fresh: HashMap::new(),
            due: Duration::ZERO,
            passes: 0,
            lost: false,
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Mark>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tree_of(&mut self, folder: &Path) -> Option<&mut Tree> {
        let holds = self.trees.iter_mut().filter(|tree| folder.starts_with(&tree.root));
        holds.max_by_key(|tree| tree.root.as_os_str().len())
    }

    /// A folder was listed by a pass. What to say of a share that was found to lie.
    pub fn saw(&mut self, folder: &Folder, now: Duration) -> Option<String> {
        let files = self.states(folder);
        self.list(folder, files, now)
    }

    /// A folder was listed for its news; its files that are new since a pass or earlier news dealt with it.
    pub fn news_of(&mut self, folder: &Folder, now: Duration) -> (Vec<File>, Option<String>) {
        let old = self
            .known()
            .get_mut(&folder.path)
            .map(|mark| std::mem::take(&mut mark.files))
            .unwrap_or_default();
        let is_new = |file: &&File| old.binary_search(&self.state(file)).is_err();
        let new = folder.files.iter().filter(is_new).cloned().collect();
        (new, self.list(folder, old, now))
    }

    fn state(&self, file: &File) -> u64 {
        self.hasher.hash_one((&file.name, file.stamp.size, file.stamp.sec, file.stamp.nsec))
    }

    fn states(&self, folder: &Folder) -> Box<[u64]> {
        let mut states: Vec<u64> = folder.files.iter().map(|file| self.state(file)).collect();
        states.sort_unstable();
        states.into()
    }

    fn list(&mut self, folder: &Folder, files: Box<[u64]>, now: Duration) -> Option<String> {
        let names = self.hasher.hash_one(folder.files.iter().map(|file| &file.name).collect::<Vec<_>>());
        let old = self.known().get(&folder.path).map(|mark| (mark.time, mark.names, mark.since, mark.ripe));
        let same = old.filter(|(time, ..)| *time == folder.time);
        let mark = Mark {
            time: folder.time,
            names,
            files,
            since: same.map_or(now, |(_, _, since, _)| since),
            ripe: same.is_some_and(|(_, _, since, ripe)| ripe || now.saturating_sub(since) >= RIPE),
        };
        self.known().insert(folder.path.clone(), mark);
        let is_watched = match &mut self.notices {
            Some(notices) if self.trees.iter().any(|tree| tree.way == Way::Told) => {
                notices.watch(&folder.path)
            }
            _ => false,
        };
        let tree = self.tree_of(&folder.path)?;
        let lie = match tree.way {
            Way::Told if !is_watched => {
                tree.way = Way::Untried;
                return None;
            }
            Way::Told | Way::Nothing => false,
            // A name that came between the look at the time and the listing is no lie.
            Way::Untried | Way::Times => {
                same.is_some_and(|(_, old, _, ripe)| ripe && old != names) && {
                    let now = sys::fs::folder_time(&folder.path).ok();
                    now.is_some() && now == folder.time
                }
            }
        };
        if !lie {
            return None;
        }
        tree.way = Way::Nothing;
        Some(format!(
            "{}: names changed in a folder whose time did not, so times are not relied on here; new files are found by looking everywhere",
            tree.root.display()
        ))
    }

    /// A pass over everything ended.
    pub fn passed(&mut self) {
        self.passes += 1;
        self.lost = false;
    }

    /// Whether passes over everything may be rare.
    pub fn is_trusted(&self) -> bool {
        self.passes >= PASSES
            && !self.lost
            && self.trees.iter().all(|tree| matches!(tree.way, Way::Told | Way::Times))
    }

    /// Something happened of which nobody knows where.
    pub fn wants_all(&self) -> bool {
        self.lost
    }

    /// Folders to look at now.
    pub fn changed(&mut self, now: Duration) -> Vec<PathBuf> {
        let mut happened = Vec::new();
        if let Some(notices) = &mut self.notices {
            match notices.news() {
                News::Folders(folders) => happened.extend(folders),
                News::Lost => self.lost = true,
            }
        }
        if now >= self.due {
            let began = sys::clock::boot();
            self.try_ways();
            happened.extend(self.moved());
            let took = sys::clock::boot().saturating_sub(began);
            self.due = now + took + (took * 10).clamp(PAUSE.0, PAUSE.1);
        }
        for folder in happened {
            self.fresh.insert(folder, (now, now + PATIENCE));
        }
        let ready =
            |(folder, (at, _)): (&PathBuf, &(Duration, Duration))| (*at <= now).then(|| folder.clone());
        let ready: Vec<PathBuf> = self.fresh.iter().filter_map(ready).collect();
        for folder in &ready {
            if let Some((at, _)) = self.fresh.get_mut(folder) {
                *at = now + AGAIN;
            }
        }
        ready
    }

    /// Finds out about folders' times, where that is still to be done.
    fn try_ways(&mut self) {
        for tree in self.trees.iter_mut().filter(|tree| tree.way == Way::Untried) {
            tree.way = if times::are_kept(&tree.library) { Way::Times } else { Way::Nothing };
            tracing::debug!("{}: changes are noticed by {:?}", tree.root.display(), tree.way);
        }
    }

    /// Folders whose time is another than when they were listed.
    fn moved(&mut self) -> Vec<PathBuf> {
        let by_times: Vec<&Path> =
            self.trees.iter().filter(|tree| tree.way == Way::Times).map(|tree| tree.root.as_path()).collect();
        if by_times.is_empty() {
            return Vec::new();
        }
        let mut folders: Vec<(PathBuf, Option<(i64, u32)>)> =
            self.known().iter().map(|(path, mark)| (path.clone(), mark.time)).collect();
        folders.retain(|(path, _)| by_times.iter().any(|root| path.starts_with(root)));
        let moved = |(path, time): &(PathBuf, Option<(i64, u32)>)| match sys::fs::folder_time(path) {
            Ok(now) => Some(now) != *time,
            // Its parent's time tells where it went.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.known().remove(path);
                false
            }
            Err(_) => false,
        };
        // On a share the round trip is the cost.
        let ask =
            || folders.par_iter().filter(|folder| moved(folder)).map(|(path, _)| path.clone()).collect();
        match rayon::ThreadPoolBuilder::new().num_threads(AT_ONCE).build() {
            Ok(pool) => pool.install(ask),
            Err(_) => folders.iter().filter(|folder| moved(folder)).map(|(path, _)| path.clone()).collect(),
        }
    }

    /// Lists folders, and those below them that nobody has seen yet.
    pub fn look(&self, folders: &[PathBuf], bounds: &Bounds) -> Walk {
        let known = Arc::clone(&self.known);
        walk::look(folders, &bounds.with_times(), move |folder| {
            known.lock().unwrap_or_else(PoisonError::into_inner).contains_key(folder)
        })
    }

    /// Whether nobody has listed this folder yet.
    pub fn is_new(&self, folder: &Path) -> bool {
        !self.known().contains_key(folder)
    }

    /// What came of the look at a folder's news.
    pub fn looked(&mut self, folder: &Folder, rest: Rest, now: Duration) {
        let path = &folder.path;
        if matches!(rest, Rest::Done | Rest::New) {
            let files = self.states(folder);
            if let Some(mark) = self.known().get_mut(path) {
                mark.files = files;
            }
        }
        match rest {
            Rest::Done => {
                self.fresh.remove(path);
            }
            Rest::New | Rest::Young => {
                self.fresh.insert(path.clone(), (now + AGAIN, now + PATIENCE));
            }
            Rest::Open => {
                let until = self.fresh.get(path).map_or(now + PATIENCE, |(_, until)| *until);
                if now > until {
                    self.fresh.remove(path);
                } else {
                    self.fresh.insert(path.clone(), (now + AGAIN, until));
                }
            }
        }
    }

    /// A folder that could not be listed.
    pub fn forget(&mut self, folder: &Path) {
        self.known().remove(folder);
        self.fresh.remove(folder);
    }
}

/// What is left to do in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, until something changes.
    Done,
    /// The same, but the folder itself is new: something may have come between its listing and the watch over it.
    New,
    /// A file may still be written, which moves no folder's time.
    Young,
    Open,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::Links;
    use crate::scan::walk::Found;

    fn bounds() -> Bounds {
        Bounds::new(Links::Skip, false, &[]).expect("no names")
    }

    /// A lookout over a folder that goes by its folders' times.
    fn by_times(root: &Path) -> Lookout {
        let mut lookout = Lookout::over([(root.to_owned(), root.to_owned())].into_iter());
        lookout.notices = None;
        lookout.trees[0].way = Way::Untried;
        lookout
    }

    fn pass(lookout: &mut Lookout, root: &Path, now: Duration) -> Vec<String> {
        let mut lies = Vec::new();
        for found in walk::walk(&[root.to_owned()], &bounds().with_times(), 0) {
            if let Found::Folder(folder) = found {
                lies.extend(lookout.saw(&folder, now));
            }
        }
        lookout.passed();
        lies
    }

    fn folder(path: &Path) -> Folder {
        walk::look(&[path.to_owned()], &bounds().with_times(), |_| true)
            .find_map(|found| match found {
                Found::Folder(folder) => Some(folder),
                _ => None,
            })
            .expect("listed")
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn in_which_names_change_is_found(mut lookout: Lookout, root: &Path) {
        for folder in [".mediabox", "a/deep", "b", "c"] {
            std::fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        assert_eq!(pass(&mut lookout, root, SECOND), [""; 0]);
        assert!(!lookout.is_trusted(), "something may have slipped through");
        assert_eq!(pass(&mut lookout, root, 10 * SECOND), [""; 0]);
        assert!(lookout.changed(20 * SECOND).is_empty());
        assert!(lookout.is_trusted());
        std::fs::create_dir_all(root.join("b/new/newer")).expect("a folder");
        std::fs::write(root.join("a/deep/x.mkv"), b"x").expect("a file");
        let later = sys::clock::boot() + 100 * SECOND;
        let mut changed = lookout.changed(later);
        changed.sort();
        assert_eq!(changed, [root.join("a/deep"), root.join("b")]);
        let found: Vec<Folder> = lookout
            .look(&changed, &bounds())
            .filter_map(|found| match found {
                Found::Folder(folder) => Some(folder),
                _ => None,
            })
            .collect();
        let mut names: Vec<_> = found.iter().filter_map(|folder| folder.path.file_name()?.to_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["b", "deep", "new", "newer"]);
        for folder in &found {
            assert_eq!(lookout.news_of(folder, later).1, None);
        }
        assert!(lookout.changed(later + SECOND).is_empty(), "not at once again");
        lookout.looked(&folder(&root.join("b")), Rest::Done, later);
        let again = lookout.changed(later + 2 * AGAIN);
        assert!(again.contains(&root.join("a/deep")), "until everything there is done: {again:?}");
        lookout.looked(&folder(&root.join("a/deep")), Rest::Open, later + 2 * PATIENCE);
        assert!(!lookout.changed(later + 3 * PATIENCE).contains(&root.join("a/deep")), "but not for ever");
    }

    #[test]
    fn only_what_is_new_in_a_folder_is_news_until_it_is_done() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str| std::fs::write(dir.path().join(name), name).expect("a file");
        let mut lookout = by_times(dir.path());
        write("backlog.mkv");
        pass(&mut lookout, dir.path(), SECOND);
        let mut news = |now: u32| {
            let listed = folder(dir.path());
            let (new, _) = lookout.news_of(&listed, now * SECOND);
            (new.into_iter().map(|file| file.name).collect::<Vec<_>>(), listed)
        };
        assert_eq!(news(2).0, [""; 0]);
        write("new.mkv");
        assert_eq!(news(3).0, ["new.mkv"]);
        let (names, listed) = news(4);
        assert_eq!(names, ["new.mkv"], "until it is done");
        lookout.looked(&listed, Rest::Done, 5 * SECOND);
        assert_eq!(lookout.news_of(&listed, 6 * SECOND).0, []);
    }

    #[test]
    fn folders_in_which_names_change_are_found_by_their_times() {
        let dir = tempfile::tempdir().expect("a folder");
        in_which_names_change_is_found(by_times(dir.path()), dir.path());
    }

    #[test]
    fn folders_in_which_names_change_are_told_of_by_the_kernel() {
        let dir = tempfile::tempdir().expect("a folder");
        let lookout = Lookout::over([(dir.path().to_owned(), dir.path().to_owned())].into_iter());
        if lookout.trees[0].way != Way::Told {
            println!("SKIPPED: nothing is told of the folders of {}", dir.path().display());
            return;
        }
        in_which_names_change_is_found(lookout, dir.path());
    }

    #[test]
    fn a_share_whose_folders_times_lie_is_found_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut lookout = by_times(dir.path());
        pass(&mut lookout, dir.path(), SECOND);
        pass(&mut lookout, dir.path(), 10 * SECOND);
        let _ = lookout.changed(20 * SECOND);
        assert!(lookout.is_trusted());
        let time = crate::sys::fs::stamp(dir.path()).expect("a time");
        pass(&mut lookout, dir.path(), 30 * SECOND);
        pass(&mut lookout, dir.path(), 40 * SECOND);
        std::fs::write(dir.path().join("x.mkv"), b"x").expect("a file");
        crate::sys::fs::set_mtime(dir.path(), &time).expect("set back");
        let lies = pass(&mut lookout, dir.path(), 50 * SECOND);
        assert_eq!(lies.len(), 1, "{lies:?}");
        assert!(!lookout.is_trusted());
    }
}
