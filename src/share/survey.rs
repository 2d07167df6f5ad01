//! Read-only: what claims lie in a folder, and what they are. And the sweep of what dead workers left.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::claim::{HalfDone, Holder, Memory, Terms};
use super::judge::Judgement;
use super::layout::{self, Ours};
use super::look::{self, ServerTime};
use super::record::{self, Lock};
use super::site::Site;
use super::steps::{Inside, referenced};
use super::sweep;
use crate::model::error::{Error, Result};
use crate::sys;

/// Whose a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A worker's of our kind.
    Ours,
    /// A Python worker's.
    Legacy,
    /// Half written, damaged, or somebody else's.
    Unreadable,
}

impl Whose {
    fn of(info: Option<&record::Info>) -> Self {
        if info.is_some() { Self::Ours } else { Self::Unreadable }
    }
}

/// One claim found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The file it is for, where known.
    pub file: Option<PathBuf>,
    /// The lock file or folder.
    pub lock: PathBuf,
    pub holder: Option<Holder>,
    pub whose: Whose,
    pub judgement: Judgement,
    /// The judgement in words.
    pub why: String,
}

/// The claims of one folder (not below it). Takes no lock; of the folder's content it changes nothing (the server's
/// clock is asked by a folder of ours that is there for a moment).
pub fn folder(dir: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Vec<Found>> {
    survey(dir, terms, memory).map_err(|error| Error::io("look at the claims in", dir, error))
}

/// What a sweep of one folder came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// Stale claims and orphaned work folders removed, in words.
    pub removed: Vec<String>,
    /// Half-done swaps whose holders are dead: the caller finishes or undoes them.
    pub half_done: Vec<HalfDone>,
    /// Files displaced by a swap that died in the gap, for the caller to put back: (file that survives, name it had).
    pub stranded: Vec<(PathBuf, PathBuf)>,
}

/// Clears what dead workers left in one folder whose listing shows names of ours. Touches no media file.
pub fn sweep(dir: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Swept> {
    sweep::folder(dir, terms, memory)
        .map_err(|error| Error::io("clear what dead workers left in", dir, error))
}

/// The names of ours in a folder.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub names: Vec<String>,
    /// Stems with a lock directory or a work folder.
    pub hashes: BTreeSet<String>,
    pub works: Vec<(String, String)>,
    /// Lock files of any kind, with the file each is for.
    pub bells: Vec<(PathBuf, String)>,
}

impl Shelf {
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut shelf = Self::default();
        for entry in sys::fs::list(dir)? {
            let Ok(name) = entry.name.into_string() else { continue };
            match layout::ours(&name) {
                Some(Ours::LockDir { hash }) => {
                    shelf.hashes.insert(hash);
                }
                Some(Ours::WorkDir { hash, token }) => {
                    shelf.hashes.insert(hash.clone());
                    shelf.works.push((hash, token));
                }
                Some(Ours::Doorbell { file }) => shelf.bells.push((dir.join(&name), file)),
                _ => {
                    // `Movie.mkv.lock` is a lock; `Movie.lock` is some file of that stem.
                    if let Some(file) = name.strip_suffix(layout::LEGACY_LOCK_SUFFIX)
                        && layout::stem(file) != file
                    {
                        shelf.bells.push((dir.join(&name), file.to_owned()));
                    }
                }
            }
            shelf.names.push(name);
        }
        Ok(shelf)
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty() && self.bells.is_empty()
    }
}

fn survey(dir: &Path, terms: &Terms, memory: &dyn Memory) -> io::Result<Vec<Found>> {
    let shelf = Shelf::read(dir)?;
    if shelf.is_empty() {
        return Ok(Vec::new());
    }
    let now = ServerTime::probe(dir);
    let mut found = Vec::new();
    let mut listings = Vec::new();
    for hash in &shelf.hashes {
        let site = Site { dir: dir.to_owned(), hash: hash.clone() };
        let listing = site.listing()?;
        for (owner, inside) in &listing {
            found.push(owner_found(&site, owner, inside, now, memory)?);
        }
        listings.push((site, listing));
    }
    for (hash, token) in &shelf.works {
        let Some((site, listing)) = listings.iter().find(|(site, _)| site.hash == *hash) else { continue };
        if referenced(token, listing) {
            continue;
        }
        let look = look::at_orphan(site, token, now, memory)?;
        found.push(Found {
            file: look.info.as_ref().and_then(|info| file_of(dir, &info.file)),
            lock: site.work(token),
            whose: Whose::of(look.info.as_ref()),
            judgement: if look.opinion.dead { Judgement::Stale } else { Judgement::Free },
            why: if look.opinion.dead {
                format!("a work folder that belongs to no claim: {}", look.opinion.why)
            } else {
                "a worker is asking for the claim, or clearing up".to_owned()
            },
            holder: Some(look.holder),
        });
    }
    for (bell, file) in &shelf.bells {
        found.extend(bell_found(dir, bell, file, &shelf.names, now, terms, memory)?);
    }
    Ok(found)
}

fn owner_found(
    site: &Site,
    owner: &str,
    inside: &Inside<String>,
    now: Option<ServerTime>,
    memory: &dyn Memory,
) -> io::Result<Found> {
    let look = look::at_owner(site, owner, now, memory)?;
    let (judgement, why) = match (inside, look.opinion.dead) {
        (Inside::Sealed(_), true) => (Judgement::Stale, format!("a half-done swap: {}", look.opinion.why)),
        (Inside::Sealed(_), false) => (Judgement::Sealed, "its result is being swapped in".to_owned()),
        (_, true) => (Judgement::Stale, look.opinion.why.to_string()),
        (_, false) => (Judgement::Held, look.opinion.why.to_string()),
    };
    Ok(Found {
        file: look.info.as_ref().and_then(|info| file_of(&site.dir, &info.file)),
        lock: site.lock(),
        whose: Whose::of(look.info.as_ref()),
        holder: Some(look.holder),
        judgement,
        why,
    })
}

/// A lock file that stands for itself: one of ours belongs to the lock directory's line.
fn bell_found(
    dir: &Path,
    bell: &Path,
    file: &str,
    names: &[String],
    now: Option<ServerTime>,
    terms: &Terms,
    memory: &dyn Memory,
) -> io::Result<Option<Found>> {
    let lock = match sys::fs::read_small(bell, record::MOST_LOCK_BYTES) {
        Ok(bytes) => record::lock(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => Lock::Unreadable,
    };
    let is_legacy = !bell.to_string_lossy().ends_with(layout::LOCK_SUFFIX);
    if is_legacy && lock == Lock::Unreadable && !names.iter().any(|name| name == file) {
        // Some program's own lock, beside no such file.
        return Ok(None);
    }
    if let Lock::Ours(info) = &lock {
        let site = Site { dir: dir.to_owned(), hash: layout::stem_hash(file) };
        if referenced(&info.token, &site.listing()?) {
            return Ok(None);
        }
        return Ok(Some(Found {
            file: Some(dir.join(file)),
            lock: bell.to_owned(),
            whose: Whose::Ours,
            holder: Some(Holder {
                hostname: info.identity.hostname.clone(),
                pid: info.identity.pid,
                age: None,
                silent: now.zip(sys::fs::stamp(bell).ok()).map(|(now, stamp)| now.since(&stamp)),
                what: "media-converter".to_owned(),
            }),
            judgement: Judgement::Stale,
            why: "its claim is over".to_owned(),
        }));
    }
    let Some((opinion, holder, _)) = look::at_foreign(bell, names, now, terms.stale_after, memory)? else {
        return Ok(None);
    };
    Ok(Some(Found {
        file: Some(dir.join(file)),
        lock: bell.to_owned(),
        whose: if matches!(lock, Lock::Python { .. }) { Whose::Legacy } else { Whose::Unreadable },
        judgement: if opinion.dead { Judgement::Stale } else { Judgement::Held },
        why: holder.what.clone(),
        holder: Some(holder),
    }))
}

/// The file's name from a path of another machine, whatever its separator.
fn file_of(dir: &Path, path: &str) -> Option<PathBuf> {
    path.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).map(|name| dir.join(name))
}
