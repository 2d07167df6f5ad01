//! What is known of a tree, folder by folder: from this machine's memory where nothing changed, else from what the
//! machines share, else by looking at the files; and what was learnt goes back to both.
//!
//! Machines that scan at once divide the work without talking: each takes folders in an order of its own, and looks at what the
//! others have shared of a folder before it opens a file there. (In one order, from different places, they would catch up with
//! each other and go on side by side, each looking at what the other looks at.)

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::census::Census;
use super::turns::{Pile, Turns};
use crate::model::error::{Error, Kind};
use crate::model::key::Stamp;
use crate::model::media::{MediaInfo, Witness};
use crate::model::policy::TypeFilter;
use crate::plan;
use crate::scan::bounds::Bounds;
use crate::scan::examine::{self, Examined, Rules};
use crate::scan::filter::Filter;
use crate::scan::journal;
use crate::scan::query::{Row, packed};
use crate::scan::walk::{self, File, Folder, Found};
use crate::share::cache::{self, Addition, Facts, Memo, Verdict};
use crate::share::library::Library;
use crate::store::{FolderFacts, NOT_WHOLE, Store};
use crate::sys;
use crate::sys::stop::{self, Stop};
use crate::ui::{Counter, Look};

/// Files looked at before what was learnt is shared: what a machine that dies has to do again, and what two machines in
/// one huge folder do twice at most.
const CHUNK: usize = 256;
/// Files that the walk may be ahead: the total is known early, and memory is bounded.
const AHEAD: usize = 100_000;

/// Another machine that writes a folder's cache is waited for so long; what it kept us from sharing is shared by the next scan.
const PATIENCE: Duration = Duration::from_secs(2);

/// What to do about files that nobody knows yet.
#[derive(Clone, Copy, Debug)]
pub enum Unknown<'a> {
    /// Leave them out.
    Leave,
    /// Look at them, and count by these rules.
    Look(Rules<'a>),
}

/// Where facts of a tree are remembered.
#[derive(Clone, Debug)]
pub struct Place {
    /// Keys are relative to it.
    pub root: PathBuf,
    /// The library's id, or the folder where there is none.
    pub id: String,
}

impl Place {
    /// In the tree's library, or, where there is none yet, by the folder.
    pub fn of(root: &Path, library: Option<&Library>) -> Self {
        match library {
            Some(library) => Self { root: library.root.clone(), id: library.id.clone() },
            None => Self { root: root.to_owned(), id: format!("at:{}", root.display()) },
        }
    }

    /// The key of a folder at or below the root; the root's own is empty.
    pub fn key(&self, folder: &Path) -> String {
        sys::path::key(&self.root, folder).map(|key| key.0).unwrap_or_default()
    }
}

/// Everything the gathering threads share.
pub struct Gather<'a> {
    pub unknown: Unknown<'a>,
    pub types: TypeFilter,
    pub filter: Filter,
    pub bounds: Bounds,
    pub store: &'a Store,
    /// Who vouches for what we look at ourselves.
    pub by: String,
    /// By which rules files are counted; counts of other rules are not ours.
    pub rules: String,
    /// Look at every file again, whatever is remembered.
    pub full: bool,
    /// What is learnt is written to the share.
    pub share: bool,
    /// Each file is listed, so that counts by folder are not enough.
    pub each_file: bool,
    pub jobs: usize,
    pub turns: Turns,
    pub census: Mutex<Census>,
    pub counter: Counter,
    pub look: Look,
    /// The first failure to share was told.
    pub unshared: AtomicBool,
}

/// A tree being gathered.
struct Tree<'a> {
    root: &'a Path,
    place: &'a Place,
    spread: u64,
    hasher: RandomState,
    /// Folders that hold media, by the hash of their keys.
    seen: Mutex<HashSet<u64>>,
    waiting: AtomicUsize,
    fewer: (Mutex<()>, Condvar),
}

/// What was found out about one file.
struct Seen<'a> {
    file: &'a File,
    result: std::result::Result<Examined, Error>,
}

impl Gather<'_> {
    fn census(&self) -> std::sync::MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gathers one tree.
    pub fn tree(&self, root: &Path, place: &Place) {
        let spread = u64::from_str_radix(&sys::host::random_hex(6), 16).unwrap_or(0);
        let tree = Tree {
            root,
            place,
            spread,
            hasher: RandomState::new(),
            seen: Mutex::default(),
            waiting: AtomicUsize::new(0),
            fewer: (Mutex::new(()), Condvar::new()),
        };
        self.store.use_library(&place.id);
        // Threads of our own: one that waits for the last file of a folder must not begin another folder meanwhile, as those of a
        // pool do, and keep from the other machines what it has learnt of the first.
        let pile = Pile::new(spread);
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while let Some(folder) = pile.take() {
                        self.folder(&tree, folder);
                    }
                });
            }
            let _ends = pile.ends();
            self.walk(&tree, &mut |folder| pile.put(folder));
        });
        // Whoever saw everything knows what is gone.
        if stop::asked() == Stop::No && self.census().saw_all() {
            let seen = tree.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
            let hasher = &tree.hasher;
            self.store.forget_folders(&place.id, &place.key(root), |folder| {
                seen.contains(&hasher.hash_one(folder))
            });
        }
    }

    fn walk(&self, tree: &Tree<'_>, go: &mut dyn FnMut(Folder)) {
        for found in walk::walk(&[tree.root.to_owned()], &self.bounds, tree.spread) {
            if stop::asked() > Stop::No {
                return;
            }
            match found {
                Found::Folder(mut folder) => {
                    // Only a conversion needs them.
                    folder.names = Vec::new();
                    if folder.files.is_empty() {
                        continue;
                    }
                    self.counter.found(folder.files.len() as u64);
                    tree.enter(folder.files.len());
                    go(folder);
                }
                Found::Unreadable { path, error } => self.census().not_looked_at(&path, &error.to_string()),
                Found::Odd { path, why } => self.census().not_looked_at(&path, why.words()),
            }
        }
        self.counter.found_all();
    }

    fn folder(&self, tree: &Tree<'_>, folder: Folder) {
        let files = folder.files.len();
        if stop::asked() == Stop::No {
            self.look_into(tree, folder);
        }
        self.counter.done(files as u64);
        tree.leave(files);
    }

    fn look_into(&self, tree: &Tree<'_>, folder: Folder) {
        let place = tree.place;
        let key = place.key(&folder.path);
        let state = folder.state();
        tree.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(tree.hasher.hash_one(key.as_str()));
        let known = !self.full
            && match self.unknown {
                Unknown::Leave => self.store.folder_state(&place.id, &key) == Some(state),
                Unknown::Look(_) if self.each_file => false,
                Unknown::Look(_) => match self.store.counts(&place.id, &key, &self.rules, &state) {
                    Some(counts) => self.census().absorb(&counts),
                    None => false,
                },
            };
        if known {
            return;
        }
        let local: HashMap<String, (Stamp, String, MediaInfo)> = if self.full {
            HashMap::new()
        } else {
            let facts = self.store.facts_in(&place.id, &key);
            facts.into_iter().map(|(name, stamp, by, media)| (name, (stamp, by, media))).collect()
        };
        let is_local =
            |file: &File| local.get(&stored(&file.name)).is_some_and(|(stamp, ..)| *stamp == file.stamp);
        // The walk is far ahead: another machine may have shared since what is to be looked at here.
        let mut cache_stamp = folder.cache;
        if !folder.files.iter().all(is_local) {
            cache_stamp = cache::stamp(&folder.path);
        }
        let mut shared =
            if cache_stamp.is_some() { cache::read(&folder.path) } else { cache::Folder::default() };
        if let Some(fault) = &shared.fault {
            self.look.note(&format!(
                "{}: what the machines shared here is not readable: {fault}; it is set aside and learnt again",
                folder.path.display()
            ));
        }
        let journal = journal::compare(self.store.learnt(&place.id, &key), &folder.files, &shared);
        for name in &journal.outdated {
            self.store.unlearn(&place.id, &key, name);
        }
        let mut additions: Vec<Addition> =
            journal.missing.into_iter().map(|memo| Addition::of(memo, None)).collect();
        let mut gathered = Gathered::default();
        let below = sys::path::key(tree.root, &folder.path).map(|key| key.0).unwrap_or_default();
        let (known, mut unknown): (Vec<&File>, Vec<&File>) = folder.files.iter().partition(|file| {
            !self.full
                && (is_local(file) || shared.has_facts(&file.name, &file.stamp) || self.is_bad(&shared, file))
        });
        self.take(&folder, &below, &known, &local, &shared, &mut gathered, &mut additions);
        let turn = tree.spread as usize % unknown.len().max(1);
        unknown.rotate_left(turn);
        let mut shared_all = true;
        for (number, chunk) in unknown.chunks(CHUNK).enumerate() {
            if stop::asked() > Stop::No {
                gathered.partly = true;
                break;
            }
            if number > 0 {
                shared_all &= self.give(&folder.path, &mut additions, &mut cache_stamp);
                if !self.full && self.share {
                    // Another machine may have come from the other side.
                    shared = cache::read(&folder.path);
                }
            }
            self.take(&folder, &below, chunk, &local, &shared, &mut gathered, &mut additions);
        }
        shared_all &= self.give(&folder.path, &mut additions, &mut cache_stamp);
        self.keep(place, &key, folder, cache_stamp.filter(|_| shared_all), shared_all, gathered);
    }

    /// A file that somebody found unreadable is not tried again until it changes.
    fn is_bad(&self, shared: &cache::Folder, file: &File) -> bool {
        !self.full && shared.memo(&file.name, &file.stamp).is_some_and(|memo| memo.verdict == Verdict::Bad)
    }

    /// Takes files into the counts, and what was learnt of them into the additions.
    #[expect(clippy::too_many_arguments, reason = "all of it belongs to one folder's visit")]
    fn take(
        &self,
        folder: &Folder,
        below: &str,
        files: &[&File],
        local: &HashMap<String, (Stamp, String, MediaInfo)>,
        shared: &cache::Folder,
        gathered: &mut Gathered,
        additions: &mut Vec<Addition>,
    ) {
        let wanted = |file: &File| {
            let name = if below.is_empty() { file.name.clone() } else { format!("{below}/{}", file.name) };
            plan::is_media_extension(&sys::path::extension(Path::new(&file.name)), self.types)
                && self.filter.wants(&name)
        };
        let one = |file: &&File| -> Option<(Taken, Option<Examined>)> {
            let path = folder.path.join(&file.name);
            let remembered = local.get(&stored(&file.name)).filter(|(stamp, ..)| *stamp == file.stamp);
            let facts = match remembered {
                Some((_, by, media)) => Some(Facts { by: by.clone(), media: media.clone() }),
                None if self.full => None,
                None => shared.facts(&file.name, &file.stamp),
            };
            let taken = |facts, bad, new| Taken { file: (*file).clone(), facts, bad, new, looked: false };
            let Unknown::Look(rules) = self.unknown else {
                return facts.map(|facts| (taken(Some(facts), None, remembered.is_none()), None));
            };
            if !wanted(file) {
                return facts.map(|facts| (taken(Some(facts), None, remembered.is_none()), None));
            }
            if facts.is_none()
                && self.is_bad(shared, file)
                && let Some(memo) = shared.memo(&file.name, &file.stamp)
            {
                return Some((taken(None, Some(memo.words.clone()), false), None));
            }
            // Facts of another machine's ffprobe count like our own: nothing is converted by this word.
            let seen = Seen {
                file,
                result: examine::outlook(&path, file.stamp, facts.as_ref().map(|f| f.media.clone()), rules),
            };
            Some(match seen.result {
                Ok(examined) => {
                    let same = facts.as_ref().is_some_and(|facts| facts.media == examined.media);
                    let new = remembered.is_none() || !same;
                    let by = facts.filter(|_| same).map_or_else(|| self.by.clone(), |facts| facts.by);
                    let facts = Facts { by, media: examined.media.clone() };
                    let mut taken = taken(Some(facts), None, new);
                    taken.file.stamp = examined.stamp;
                    taken.looked = !same;
                    (taken, Some(examined))
                }
                Err(error) => {
                    // Gone since it was listed, or a share that fails: that says nothing about the file.
                    let bad = (error.kind == Kind::Media).then(|| error.line());
                    if bad.is_none() {
                        self.census().not_looked_at(&path, &error.line());
                        return None;
                    }
                    (taken(None, bad, true), None)
                }
            })
        };
        for (file, answer) in files.iter().zip(self.turns.each(files, one)) {
            let Some((taken, examined)) = answer else {
                gathered.partly |= wanted(file) || matches!(self.unknown, Unknown::Leave);
                continue;
            };
            let path = || folder.path.join(&taken.file.name);
            match (&examined, &taken.bad) {
                (Some(examined), _) => gathered.census(self).examined(&path(), examined),
                (None, Some(words)) => {
                    gathered.census(self).unreadable(&path(), taken.file.stamp.size, words);
                }
                (None, None) => {}
            }
            if let Some(facts) = &taken.facts
                && (!shared.has_facts(&taken.file.name, &taken.file.stamp)
                    || (taken.looked && facts.media.witness == Witness::Ffprobe))
            {
                additions.push(Addition {
                    name: taken.file.name.clone(),
                    stamp: taken.file.stamp,
                    memo: None,
                    facts: Some(facts.clone()),
                });
            }
            if let Some(words) = taken.bad.as_ref().filter(|_| taken.new) {
                additions.push(Addition::of(bad(&taken.file, words), None));
            }
            gathered.taken.push(taken);
        }
    }

    /// Shares additions; whether all of them are on the share, or cannot be.
    fn give(&self, folder: &Path, additions: &mut Vec<Addition>, stamp: &mut Option<Stamp>) -> bool {
        if additions.is_empty() || !self.share {
            return true;
        }
        match cache::add_within(folder, additions, PATIENCE) {
            Ok(true) => {
                additions.clear();
                *stamp = cache::stamp(folder);
                true
            }
            Ok(false) => false,
            Err(error) => {
                if !self.unshared.swap(true, Ordering::Relaxed) {
                    self.look.note(&format!(
                        "what is learnt here cannot be shared with other machines, and is kept on this one: {error}"
                    ));
                }
                additions.clear();
                true
            }
        }
    }

    /// Keeps a folder in this machine's own memory.
    fn keep(
        &self,
        place: &Place,
        key: &str,
        mut folder: Folder,
        cache: Option<Stamp>,
        shared_all: bool,
        gathered: Gathered,
    ) {
        folder.cache = cache;
        let whole = shared_all && !gathered.partly;
        let state = if whole { folder.state() } else { NOT_WHOLE };
        let mut rows = Vec::new();
        let mut new = Vec::new();
        for taken in gathered.taken {
            let Some(facts) = taken.facts else { continue };
            rows.push(Row::of(stored(&taken.file.name), taken.file.stamp, &facts.media));
            if taken.new {
                new.push((stored(&taken.file.name), taken.file.stamp, facts.by, facts.media));
            }
        }
        let counts = match (self.unknown, gathered.census) {
            (Unknown::Look(_), census) => {
                let census = census.unwrap_or_else(|| Census::new("", self.each_file));
                let counts = whole.then(|| (self.rules.clone(), state, census.counts()));
                self.census().add(census);
                counts
            }
            (Unknown::Leave, _) => None,
        };
        let listed = folder.files.iter().map(|file| stored(&file.name)).collect();
        let facts = FolderFacts { state, rows: packed::pack(&rows), new, listed, counts };
        self.store.put_folder(&place.id, key, &facts);
    }
}

/// One folder, as far as it was looked at.
#[derive(Default)]
struct Gathered {
    taken: Vec<Taken>,
    census: Option<Census>,
    /// Some files were not looked at.
    partly: bool,
}

impl Gathered {
    fn census(&mut self, gather: &Gather<'_>) -> &mut Census {
        self.census.get_or_insert_with(|| Census::new("", gather.each_file))
    }
}

/// One file and what is known of it.
struct Taken {
    file: File,
    facts: Option<Facts>,
    /// Why ffprobe cannot read it.
    bad: Option<String>,
    /// This machine did not remember it before.
    new: bool,
    /// It was looked at now.
    looked: bool,
}

impl Tree<'_> {
    /// Waits until the walk is not too far ahead.
    fn enter(&self, files: usize) {
        let mut guard = self.fewer.0.lock().unwrap_or_else(PoisonError::into_inner);
        while self.waiting.load(Ordering::Acquire) > AHEAD {
            guard = self.fewer.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_add(files, Ordering::AcqRel);
    }

    fn leave(&self, files: usize) {
        let before = self.waiting.fetch_sub(files, Ordering::AcqRel);
        if before > AHEAD {
            let _guard = self.fewer.0.lock().unwrap_or_else(PoisonError::into_inner);
            self.fewer.1.notify_all();
        }
    }
}

/// The name as keys spell it.
fn stored(name: &str) -> String {
    sys::path::composed(name).into_owned()
}

fn bad(file: &File, words: &str) -> Memo {
    Memo {
        name: file.name.clone(),
        stamp: file.stamp,
        print: None,
        policy: String::new(),
        verdict: Verdict::Bad,
        words: words.to_owned(),
        tries: 1,
        host: sys::host::me().hostname.clone(),
        at: sys::clock::wall(),
    }
}
