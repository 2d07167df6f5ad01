//! What became of contents, whatever their names: the fleet's memory that outlives a rename and a move.
//!
//! `.mediabox/results/<token>.log`, one file for each process that has something to add. Nobody writes to another's file,
//! so there is nothing to lock and nothing to lose; a line torn by a crash ends in no line feed or has a wrong sum and is
//! left out. Old files are gathered into one now and then: the union is written and synced before its parts go, and who
//! finds its own file gone after writing to it writes to a new one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cache::Verdict;
use super::layout;
use crate::model::key::Fingerprint;
use crate::sys;
use crate::sys::fs::{EntryKind, Removed};

/// What other machines added is looked for this often at most.
const FRESH: Duration = Duration::from_secs(30);
/// Files of other processes before old ones are gathered into one.
const MANY: usize = 64;
/// A file that nobody wrote to for this long (seconds, by the file server's clock) is old.
const OLD: i64 = 86_400;
/// Read at a time.
const PIECE: u64 = 4 * 1024 * 1024;
/// Longer lines are not ours.
const LONGEST: usize = 512;
/// More of one file is somebody's mistake or attack: about five million lines.
const LARGEST: u64 = 1 << 30;

/// What became of a content.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    pub verdict: Verdict,
    /// `plan::policy_digest` it was decided under.
    pub policy: Arc<str>,
    /// Seconds since 1970 by the clock of whoever wrote it; for people and for choosing between two, never for safety.
    pub at: f64,
}

/// The memory of one library. Reads nothing before it is asked.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By size, then by hash: most files need no look at their content, because nothing of their size is known.
    known: HashMap<u64, Vec<(u128, Fate)>>,
    /// How far each file was read.
    read: HashMap<OsString, u64>,
    /// When the folder was last listed, by the boot clock.
    looked: Option<Duration>,
    /// The file that this process writes to.
    own: Option<PathBuf>,
    policies: HashMap<String, Arc<str>>,
}

impl Results {
    /// The memory of the library at `root`.
    pub fn of(root: &Path) -> Self {
        Self { folder: layout::results(root), state: Mutex::default() }
    }

    /// Some content of this size is known, so that a fingerprint is worth its two reads.
    pub fn knows_size(&self, size: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refresh(&self.folder);
        state.known.contains_key(&size)
    }

    /// What became of this content: the newest word on it, under whatever policy.
    pub fn find(&self, print: &Fingerprint) -> Option<Fate> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refresh(&self.folder);
        let hash = number(&print.hash)?;
        let fates = state.known.get(&print.stamp.size)?.iter().filter(|(known, _)| *known == hash);
        fates.map(|(_, fate)| fate).max_by(|a, b| a.at.total_cmp(&b.at)).cloned()
    }

    /// [`Results::find`] for a file, which is opened only where something of its size is known.
    pub fn find_file(&self, path: &Path, size: u64) -> Option<Fate> {
        if !self.knows_size(size) {
            return None;
        }
        // A file that cannot be read now fails where it is converted, with the reason.
        self.find(&sys::fs::fingerprint(path).ok()?)
    }

    /// Adds what became of a content; on the share when this returns.
    pub fn add(&self, print: &Fingerprint, fate: &Fate) -> io::Result<()> {
        let Some(hash) = number(&print.hash) else { return Ok(()) };
        let line = line(print.stamp.size, hash, fate);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        sys::fs::create_dir_all(&self.folder)?;
        // Twice: whoever gathers old files may take ours for one, if this machine slept for a day.
        for _ in 0..2 {
            let first = state.own.is_none();
            let own = state
                .own
                .get_or_insert_with(|| self.folder.join(layout::results_file(&layout::new_token())))
                .clone();
            sys::fs::append(&own, line.as_bytes())?;
            if sys::fs::is_listed(&own)? {
                if first {
                    // The union of the old ones is a saving, not a need.
                    if let Err(error) = gather(&self.folder, &own) {
                        tracing::debug!("old results were not gathered: {error}");
                    }
                }
                break;
            }
            state.own = None;
        }
        state.insert(print.stamp.size, hash, fate.clone());
        Ok(())
    }
}

impl State {
    fn insert(&mut self, size: u64, hash: u128, fate: Fate) {
        let fates = self.known.entry(size).or_default();
        match fates.iter_mut().find(|(known, old)| *known == hash && old.policy == fate.policy) {
            Some((_, old)) if old.at > fate.at => {}
            Some((_, old)) => *old = fate,
            None => fates.push((hash, fate)),
        }
    }

    fn refresh(&mut self, folder: &Path) {
        let now = sys::clock::boot();
        if self.looked.is_some_and(|looked| now.saturating_sub(looked) < FRESH) {
            return;
        }
        self.looked = Some(now);
        // Absent until the first conversion; unreadable costs a conversion that was not needed, never a file.
        for name in files(folder).unwrap_or_default() {
            let from = self.read.get(&name).copied().unwrap_or_default();
            let mut policies = std::mem::take(&mut self.policies);
            let done = lines(&folder.join(&name), from, |text| {
                if let Some((size, hash, fate)) = parse(text, &mut policies) {
                    self.insert(size, hash, fate);
                }
            });
            self.policies = policies;
            if let Ok(done) = done {
                self.read.insert(name, done);
            }
        }
    }
}

fn files(folder: &Path) -> io::Result<Vec<OsString>> {
    let ours = |name: &OsString| name.to_str().is_some_and(layout::is_results_file);
    let entries = sys::fs::list(folder)?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .map(|entry| entry.name)
        .filter(ours)
        .collect())
}

/// Calls `each` for every whole line from an offset on; returns where the next one begins.
fn lines(path: &Path, from: u64, mut each: impl FnMut(&str)) -> io::Result<u64> {
    let mut next = from;
    while next < LARGEST {
        let piece = sys::fs::read_from(path, next, PIECE)?;
        let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') else {
            // A torn tail, or megabytes that are no lines: the one is waited for, the other passed over.
            return Ok(if piece.len() as u64 == PIECE { next + PIECE } else { next });
        };
        for line in piece[..end].split(|byte| *byte == b'\n').filter(|line| line.len() <= LONGEST) {
            if let Ok(line) = std::str::from_utf8(line) {
                each(line);
            }
        }
        next += end as u64 + 1;
        if (piece.len() as u64) < PIECE {
            break;
        }
    }
    Ok(next)
}

/// `sum hash size verdict policy at`, with a sum over the rest.
fn line(size: u64, hash: u128, fate: &Fate) -> String {
    let verdict = serde_json::to_string(&fate.verdict).unwrap_or_default();
    let policy: String = fate.policy.chars().filter(char::is_ascii_graphic).collect();
    let rest = format!("{hash:032x} {size} {} {policy} {:.3}", verdict.trim_matches('"'), fate.at);
    format!("{} {rest}\n", sum(&rest))
}

pub(crate) fn parse(line: &str, policies: &mut HashMap<String, Arc<str>>) -> Option<(u64, u128, Fate)> {
    let (said, rest) = line.split_once(' ')?;
    if said != sum(rest) {
        return None;
    }
    let mut words = rest.split(' ');
    let hash = number(words.next()?)?;
    let size = words.next()?.parse().ok()?;
    // A verdict of a newer version is not understood, and its line is left out.
    let verdict = serde_json::from_value(words.next()?.into()).ok()?;
    let policy = words.next()?;
    let at = words.next()?.parse().ok()?;
    // A library knows a handful of policies; a million lines share their texts.
    let policy = match policies.get(policy) {
        Some(policy) => Arc::clone(policy),
        None => Arc::clone(policies.entry(policy.to_owned()).or_insert_with(|| policy.into())),
    };
    Some((size, hash, Fate { verdict, policy, at }))
}

fn sum(text: &str) -> String {
    let mut hex = blake3::hash(text.as_bytes()).to_hex().to_string();
    hex.truncate(8);
    hex
}

fn number(hash: &str) -> Option<u128> {
    u128::from_str_radix(hash, 16).ok()
}

/// Where there are many files, gathers those that nobody writes to any more into one.
fn gather(folder: &Path, own: &Path) -> io::Result<()> {
    let names = files(folder)?;
    if names.len() <= MANY {
        return Ok(());
    }
    // Ours was written this moment: its time is the file server's «now».
    let now = sys::fs::stamp(own)?.sec;
    let mut old = Vec::new();
    let mut union = State::default();
    let mut policies = HashMap::new();
    for name in names {
        let path = folder.join(name);
        let Ok(stamp) = sys::fs::stamp(&path) else { continue };
        if path == own || now - stamp.sec < OLD {
            continue;
        }
        // Under a new name first, which is read like any other: a writer that still holds it either was done before, and
        // its line is in the union, or misses its file afterwards and writes again.
        let ours = folder.join(layout::results_file(&layout::new_token()));
        if sys::fs::consume(&path, &ours)? != Removed::Yes {
            continue;
        }
        lines(&ours, 0, |text| {
            if let Some((size, hash, fate)) = parse(text, &mut policies) {
                union.insert(size, hash, fate);
            }
        })?;
        old.push(ours);
    }
    if old.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for (size, fates) in &union.known {
        for (hash, fate) in fates {
            text.push_str(&line(*size, *hash, fate));
        }
    }
    let path = folder.join(layout::results_file(&layout::new_token()));
    let _ = sys::fs::write_new(&path, text.as_bytes())?;
    sys::fs::sync_dir(folder)?;
    if sys::fs::read_small(&path, LARGEST)? != text.as_bytes() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "what was written does not read back"));
    }
    for path in old {
        // Somebody else may gather the same ones; the unions hold the same.
        if sys::fs::remove_file(&path)? == Removed::NotEmpty {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::Stamp;

    fn print(number: u128, size: u64) -> Fingerprint {
        Fingerprint { stamp: Stamp { size, sec: 1, nsec: 0 }, hash: format!("{number:032x}") }
    }

    fn fate(verdict: Verdict, at: f64) -> Fate {
        Fate { verdict, policy: "0123abcd".into(), at }
    }

    #[test]
    fn another_machine_knows_a_result_by_its_content_under_any_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let here = Results::of(dir.path());
        std::fs::write(dir.path().join("Film.mp4"), b"a film").expect("written");
        let film = sys::fs::fingerprint(&dir.path().join("Film.mp4")).expect("a print");
        assert!(!here.knows_size(6));
        here.add(&film, &fate(Verdict::Converted, 1.0)).expect("added");
        assert_eq!(here.find(&film).map(|fate| fate.verdict), Some(Verdict::Converted), "we know at once");

        std::fs::create_dir(dir.path().join("Elsewhere")).expect("a folder");
        let renamed = dir.path().join("Elsewhere/Film (2020) x264.mp4");
        std::fs::rename(dir.path().join("Film.mp4"), &renamed).expect("renamed");
        let there = Results::of(dir.path());
        assert_eq!(there.find_file(&renamed, 6).map(|fate| fate.verdict), Some(Verdict::Converted));
        std::fs::write(&renamed, b"b film").expect("written");
        assert_eq!(there.find_file(&renamed, 6), None, "another content of the same size");
    }

    #[test]
    fn the_newest_word_on_a_content_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let results = Results::of(dir.path());
        results.add(&print(1, 5), &fate(Verdict::Converted, 2.0)).expect("added");
        results.add(&print(1, 5), &fate(Verdict::LeftAlone, 3.0)).expect("added");
        results.add(&print(1, 5), &fate(Verdict::Failed, 1.0)).expect("added");
        let again = Results::of(dir.path());
        assert_eq!(again.find(&print(1, 5)), Some(fate(Verdict::LeftAlone, 3.0)));
    }

    #[test]
    fn torn_and_foreign_lines_are_left_out_and_the_rest_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let results = Results::of(dir.path());
        results.add(&print(1, 5), &fate(Verdict::Converted, 1.0)).expect("added");
        let own = results.state.lock().expect("not poisoned").own.clone().expect("its file");
        let whole = line(6, 2, &fate(Verdict::Converted, 1.0));
        let text = format!("\u{0}\u{0}\nrubbish\n{whole}{}", &whole[..whole.len() - 7]);
        sys::fs::append(&own, text.as_bytes()).expect("added");
        let again = Results::of(dir.path());
        assert!(again.knows_size(5) && again.knows_size(6));
        // The torn tail is read when it is whole.
        sys::fs::append(&own, &whole.as_bytes()[whole.len() - 7..]).expect("added");
        again.state.lock().expect("not poisoned").looked = None;
        assert!(again.knows_size(6));
    }

    #[test]
    fn many_old_files_become_one_and_nothing_is_lost() {
        let dir = tempfile::tempdir().expect("a folder");
        for number in 0..70 {
            let process = Results::of(dir.path());
            process.add(&print(number, 5), &fate(Verdict::Converted, 1.0)).expect("added");
            let own = process.state.lock().expect("not poisoned").own.clone().expect("its file");
            sys::fs::set_mtime(&own, &Stamp { size: 0, sec: 1_000_000_000, nsec: 0 }).expect("set");
        }
        let last = Results::of(dir.path());
        last.add(&print(99, 5), &fate(Verdict::Converted, 1.0)).expect("added");
        assert!(files(&layout::results(dir.path())).expect("listed").len() < 10, "gathered");
        let again = Results::of(dir.path());
        for number in (0..70).chain([99]) {
            assert!(again.find(&print(number, 5)).is_some(), "{number}");
        }
    }

    #[test]
    fn who_finds_its_file_gone_writes_to_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let results = Results::of(dir.path());
        results.add(&print(1, 5), &fate(Verdict::Converted, 1.0)).expect("added");
        let own = results.state.lock().expect("not poisoned").own.clone().expect("its file");
        std::fs::remove_file(&own).expect("removed");
        results.add(&print(2, 5), &fate(Verdict::Converted, 1.0)).expect("added");
        assert!(Results::of(dir.path()).find(&print(2, 5)).is_some());
    }
}
