//! Passes over the library: one, or with `--watch` one after another; in the walk's order or by rank; wishes before all.

use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Run;
use super::choose::Young;
use super::lookout::Lookout;
use super::order::{self, Rank};
use super::stream::{Finding, Stream};
use crate::job::{self, Task};
use crate::model::event::{Event, Level};
use crate::model::order::Order;
use crate::model::outcome::FailCode;
use crate::model::plan::{Skip, SkipCode};
use crate::scan::recall;
use crate::scan::walk::{self, File, Folder, Found};
use crate::share::cache;
use crate::share::library::Library;
use crate::share::wishes::{self, Wish};
use crate::sys;

/// Ordered work waits this long for the walk to end, so that in most libraries the first file is the first of all.
const PATIENCE: Duration = Duration::from_secs(10);
/// A wish that is being worked on is looked at again after this long.
const AGAIN: Duration = Duration::from_secs(60);
/// Rests of a watch between passes over everything: ten times as long as the last took, within these bounds.
const REST: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));
/// The same, where changes are noticed without.
const SELDOM: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(3600));
/// The trash is looked through this often.
const TRASH: Duration = Duration::from_secs(3600);

/// What choosing carries along.
pub(super) struct Hand<'a> {
    pub send: &'a SyncSender<Task>,
    pub young: Vec<Young>,
    pub stream: Stream,
    pub serving: Serving,
    /// With `--watch`: where something may have changed.
    pub lookout: Option<Lookout>,
    /// Files handed to slots.
    pub sent: u64,
}

/// What is being chosen from; only what comes later in this list jumps its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Serving {
    Backlog,
    /// What came since it was looked at.
    News,
    Wishes,
}

/// What a watch remembers of folders in which there is nothing to do: their state, by a hash of their path.
#[derive(Debug, Default)]
pub(super) struct Settled {
    hasher: RandomState,
    folders: Mutex<HashMap<u64, [u8; 16]>>,
}

impl Settled {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, [u8; 16]>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has(&self, folder: &Path, state: &[u8; 16]) -> bool {
        self.lock().get(&self.hasher.hash_one(folder)) == Some(state)
    }

    pub fn put(&self, folder: &Path, state: [u8; 16]) {
        self.lock().insert(self.hasher.hash_one(folder), state);
    }
}

/// When wishes that were looked at are to be looked at again, by their tokens.
pub(super) type Wishes = HashMap<String, Duration>;

/// A file in the queue of an ordered pass.
struct Candidate {
    rank: Rank,
    path: PathBuf,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank).then_with(|| other.path.cmp(&self.path))
    }
}

impl Run<'_> {
    /// Everything that was asked for: folders first, single files, then what was too young; with `--watch` again and again.
    pub(super) fn choose_all(&self, send: &SyncSender<Task>) {
        let lookout = self.options.stay.then(|| {
            let dirs = self.libraries.iter().filter(|(path, _)| path.is_dir());
            Lookout::over(dirs.map(|(path, library)| (path.clone(), library.root.clone())))
        });
        let serving = Serving::Backlog;
        let mut hand = Hand { send, young: Vec::new(), stream: Stream::default(), serving, lookout, sent: 0 };
        let mut emptied = sys::clock::boot();
        self.pass(&mut hand);
        for (path, library) in self.libraries.iter().filter(|(path, _)| !path.is_dir()) {
            self.choose_file(path, library, &mut hand);
        }
        self.choose_young(&mut hand);
        if self.options.stay && !self.over() {
            let text = "all that is here has been looked at; watching for what comes".to_owned();
            self.note(Level::Info, None, text);
        }
        let mut cost = Duration::ZERO;
        let mut missing = false;
        while self.options.stay && !self.over() {
            self.ledger.flush_all(self.sink.as_ref());
            if sys::clock::boot().saturating_sub(emptied) > TRASH {
                emptied = sys::clock::boot();
                self.empty_trash();
            }
            let (least, most) =
                if hand.lookout.as_ref().is_some_and(Lookout::is_trusted) { SELDOM } else { REST };
            if self.rest((cost * 10).clamp(least, most), &mut hand) {
                return;
            }
            if let Some(error) = self.gone() {
                if !missing {
                    self.note(Level::Warn, None, format!("waiting for the library: {}", error.line()));
                }
                missing = true;
                continue;
            }
            missing = false;
            let (began, before) = (sys::clock::boot(), hand.sent);
            self.pass(&mut hand);
            self.choose_young(&mut hand);
            if hand.sent == before {
                cost = sys::clock::boot().saturating_sub(began);
            }
        }
    }

    /// One pass over all folders.
    fn pass(&self, hand: &mut Hand<'_>) {
        let roots: Vec<PathBuf> = self.libraries.keys().filter(|path| path.is_dir()).cloned().collect();
        {
            let mut tally = self.tally();
            (tally.files, tally.bytes) = (0, 0);
        }
        let bounds = &self.options.bounds;
        let bounds = if hand.lookout.is_some() { &bounds.with_times() } else { bounds };
        hand.stream.start(walk::walk(&roots, bounds, self.spread));
        if self.options.order == Order::Spread {
            self.choose_as_found(hand);
        } else {
            self.choose_by_rank(hand);
        }
        // A pass that ends early must not leave its folders to the next.
        while hand.stream.take().is_some() {}
        if let Some(lookout) = hand.lookout.as_mut().filter(|_| !self.over()) {
            lookout.passed();
        }
    }

    fn choose_as_found(&self, hand: &mut Hand<'_>) {
        while !self.over() {
            if let Some(folder) = hand.stream.take() {
                self.choose_folder(&folder, hand);
            } else if hand.stream.has_ended() {
                return;
            } else {
                self.pump(hand, Duration::from_millis(200));
            }
        }
    }

    fn choose_by_rank(&self, hand: &mut Hand<'_>) {
        let began = sys::clock::boot();
        let mut heap = BinaryHeap::new();
        while !self.over() {
            while let Some(folder) = hand.stream.take() {
                self.line_up(&folder, &mut heap);
            }
            let early = sys::clock::boot().saturating_sub(began) < PATIENCE;
            if !hand.stream.has_ended() && (heap.is_empty() || early) {
                self.pump(hand, Duration::from_millis(200));
                continue;
            }
            // The best is chosen when there is a slot for it, not before: a better one may still come.
            if !self.options.dry_run && !heap.is_empty() && !self.wait_for_slot(hand) {
                return;
            }
            while let Some(folder) = hand.stream.take() {
                self.line_up(&folder, &mut heap);
            }
            let Some(Candidate { path, .. }) = heap.pop() else { return };
            self.choose_candidate(&path, hand);
        }
    }

    /// Puts what may be worth a conversion in line by its rank; what the fleet remembers to be settled is left alone now.
    fn line_up(&self, folder: &Folder, heap: &mut BinaryHeap<Candidate>) {
        let Some((root, library)) = self.library_of(&folder.path) else { return };
        self.tidy(folder, library);
        let files = self.wanted(root, folder);
        let state = self.options.stay.then(|| folder.state());
        if files.is_empty() || state.is_some_and(|state| self.settled.has(&folder.path, &state)) {
            return;
        }
        let memos = self.memos(folder, library);
        let mut settled = true;
        for file in files {
            let path = folder.path.join(&file.name);
            let memo = memos.memo(&file.name, &file.stamp);
            if let Some(skip) = memo.and_then(|memo| recall::skip(memo, &self.digest, sys::clock::wall())) {
                settled &= lasts(skip.code);
                self.skip(path, skip);
                continue;
            }
            settled = false;
            let media = (self.options.order == Order::Savings).then(|| {
                let key = sys::path::key(&library.root, &path)?;
                let own = self.store.media_get(&library.id, &key, &file.stamp, &self.by);
                own.or_else(|| Some(memos.facts(&file.name, &file.stamp)?.media))
            });
            let dice = self.settled.hasher.hash_one(&path);
            let rank = order::rank(self.options.order, &file.stamp, media.flatten().as_ref(), dice);
            heap.push(Candidate { rank, path });
        }
        if let Some(state) = state.filter(|_| settled) {
            self.settled.put(&folder.path, state);
        }
        if !self.options.dry_run {
            self.ledger.flush(&folder.path, self.sink.as_ref());
        }
    }

    /// A file whose turn has come, perhaps days after it was put in line.
    fn choose_candidate(&self, path: &Path, hand: &mut Hand<'_>) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return;
        };
        let Some((_, library)) = self.library_of(path) else { return };
        let Ok(stamp) = sys::fs::stamp(path) else {
            let skip = Skip { code: SkipCode::Gone, words: "it is gone".to_owned() };
            return self.skip(path.to_owned(), skip);
        };
        let file = File { name: name.to_owned(), stamp };
        let memos = cache::read(folder);
        let choice = self.choose(folder, &file, library, Some(&memos), true);
        self.act(folder, &file, library, choice, hand);
        if !self.options.dry_run {
            self.ledger.flush(folder, self.sink.as_ref());
        }
    }

    /// The folder that was named and its library, for a path in it.
    pub(super) fn library_of(&self, path: &Path) -> Option<(&Path, &Library)> {
        let holds = |(root, library)| path.starts_with::<&Path>(root).then_some((root, library));
        self.libraries.iter().map(|(root, library)| (root.as_path(), library)).filter_map(holds).next_back()
    }

    /// Takes one more finding of the walk, waiting for it at most this long. False: nothing to wait for.
    pub(super) fn pump(&self, hand: &mut Hand<'_>, time: Duration) -> bool {
        let before = hand.stream.has_ended();
        let Hand { stream, lookout, .. } = hand;
        let more = stream.pump(
            time,
            |folder| {
                if let Some(lookout) = lookout {
                    self.mark(lookout, folder);
                }
                let Some((root, _)) = self.library_of(&folder.path) else { return };
                let files = self.wanted(root, folder);
                if files.is_empty() {
                    return;
                }
                let mut tally = self.tally();
                tally.files += files.len() as u64;
                tally.bytes += files.iter().map(|file| file.stamp.size).sum::<u64>();
                let (files, bytes) = (tally.files, tally.bytes);
                drop(tally);
                self.sink.emit(&Event::Walked { files, bytes, done: false });
            },
            |finding| self.tell(finding),
        );
        if !before && hand.stream.has_ended() {
            let (files, bytes) = {
                let tally = self.tally();
                (tally.files, tally.bytes)
            };
            self.sink.emit(&Event::Walked { files, bytes, done: true });
        }
        more
    }

    fn tell(&self, finding: Finding) {
        match finding {
            Finding::Odd(path, why) => {
                self.note(Level::Warn, Some(path), format!("left alone: {}", why.words()));
            }
            Finding::Unreadable(path, error) => {
                self.tally().failed(FailCode::Io);
                let text = format!("this folder could not be read: {error}; the run goes on without it");
                self.note(Level::Error, Some(path), text);
            }
        }
    }

    /// Waits until a slot is free for another conversion, and serves wishes before anything else gets it. False: none
    /// may start any more (`--limit`), or we are to stop.
    pub(super) fn wait_for_slot(&self, hand: &mut Hand<'_>) -> bool {
        loop {
            if self.over() {
                return false;
            }
            let free = {
                let tally = self.tally();
                let limit = self.options.limit;
                limit.is_none_or(|limit| tally.summary.converted + tally.running < limit)
            };
            if free && self.slots.has_place(&self.gate) {
                if self.serve_wishes(hand) || self.serve_news(hand) {
                    continue;
                }
                return true;
            }
            if !self.pump(hand, Duration::from_millis(200)) {
                let tally = self.tally();
                let waited = self.ended.wait_timeout(tally, Duration::from_millis(200));
                drop(waited.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Does what somebody wished first. True: something was handed to a slot.
    pub(super) fn serve_wishes(&self, hand: &mut Hand<'_>) -> bool {
        if hand.serving >= Serving::Wishes || self.options.dry_run {
            return false;
        }
        let mut roots: Vec<&Library> = self.libraries.values().collect();
        roots.sort_by(|a, b| a.root.cmp(&b.root));
        roots.dedup_by(|a, b| a.root == b.root);
        let before = hand.sent;
        let serving = std::mem::replace(&mut hand.serving, Serving::Wishes);
        for library in roots {
            // A wish that cannot be read now is read a moment later.
            for wish in wishes::list(&library.root).unwrap_or_default() {
                if self.over() {
                    break;
                }
                self.serve(&wish, library, hand);
            }
        }
        hand.serving = serving;
        hand.sent > before
    }

    fn serve(&self, wish: &Wish, library: &Library, hand: &mut Hand<'_>) {
        let now = sys::clock::boot();
        {
            let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            if wishes.get(&wish.token).is_some_and(|later| *later > now) {
                return;
            }
            wishes.insert(wish.token.clone(), now + AGAIN);
        }
        let fulfilled = match wish.place(&library.root) {
            None => true,
            Some(path) => match self.ours(&path) {
                // Another machine's folder: its wish.
                None => false,
                Some(path) => {
                    let text = format!("wished for by {}: this goes first", wish.host);
                    self.note(Level::Info, Some(path.clone()), text);
                    self.look_first(&path, hand)
                }
            },
        };
        if fulfilled && let Err(error) = wishes::remove(&library.root, wish) {
            self.note(Level::Warn, None, format!("a wish that is fulfilled could not be removed: {error}"));
        }
    }

    /// The part of a wish that lies in the folders this process works on.
    fn ours(&self, path: &Path) -> Option<PathBuf> {
        let dirs = || self.libraries.keys().filter(|dir| dir.is_dir());
        if dirs().any(|dir| path.starts_with(dir)) {
            return Some(path.to_owned());
        }
        dirs().find(|dir| dir.starts_with(path)).cloned()
    }

    /// Chooses what lies at a path. True: there is nothing to do there any more.
    fn look_first(&self, path: &Path, hand: &mut Hand<'_>) -> bool {
        if path.is_dir() {
            let mut settled = true;
            for found in walk::walk(&[path.to_owned()], &self.options.bounds, self.spread) {
                if self.over() {
                    return false;
                }
                if let Found::Folder(folder) = found {
                    settled &= self.choose_folder(&folder, hand);
                }
            }
            return settled;
        }
        let Some(parent) = path.parent() else { return true };
        let folder =
            walk::walk(&[parent.to_owned()], &self.options.bounds, 0).find_map(|found| match found {
                Found::Folder(folder) if folder.path == parent => Some(folder),
                _ => None,
            });
        let Some(mut folder) = folder else { return !parent.is_dir() };
        folder.files.retain(|file| path.file_name().is_some_and(|name| name == file.name.as_str()));
        self.choose_folder(&folder, hand)
    }

    /// Removes what rested long enough.
    pub(super) fn empty_trash(&self) {
        self.libraries.values().for_each(|library| self.empty_trash_of(&library.root));
    }

    /// The same, in one folder that has a trash.
    pub(super) fn empty_trash_of(&self, folder: &Path) {
        let days = self.options.trash_days;
        let gone = job::trash::empty(folder, Duration::from_secs(u64::from(days) * 86_400));
        if gone > 0 {
            let text = format!("{gone} originals had rested for {days} days and were removed");
            self.note(Level::Info, None, text);
        }
    }
}

/// A skip that holds until the file changes.
pub(super) fn lasts(code: SkipCode) -> bool {
    matches!(
        code,
        SkipCode::Fits
            | SkipCode::OtherType
            | SkipCode::NotMedia
            | SkipCode::WouldLose
            | SkipCode::NotSmaller
            | SkipCode::NameTaken
            | SkipCode::NameTooLong
            | SkipCode::Undone
    )
}
