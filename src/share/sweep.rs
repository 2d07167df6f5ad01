//! Clearing what dead workers left in one folder: stale claims, orphaned work folders, doorbells whose claim is over, and
//! mediabox's locks by mediabox's own rule. Half-done swaps are handed on; displaced originals are never removed.

use std::io;
use std::path::Path;

use super::attempt::take_stale;
use super::bell;
use super::claim::{Acquired, Memory, Terms};
use super::layout;
use super::look::{self, ServerTime};
use super::record::{self, Commit, Lock};
use super::site::{Site, make_own_dir};
use super::stand::{Stand, half_done};
use super::steps::{Inside, referenced};
use super::survey::{Shelf, Swept};
use crate::sys;

pub(super) fn folder(dir: &Path, terms: &Terms, memory: &dyn Memory) -> io::Result<Swept> {
    let shelf = Shelf::read(dir)?;
    let mut swept = Swept::default();
    if shelf.is_empty() {
        return Ok(swept);
    }
    let now = ServerTime::probe(dir);
    for hash in &shelf.hashes {
        let site = Site { dir: dir.to_owned(), hash: hash.clone() };
        authority(&site, terms, memory, now, &mut swept)?;
    }
    for (hash, token) in &shelf.works {
        let site = Site { dir: dir.to_owned(), hash: hash.clone() };
        orphan(&site, token, memory, now, &mut swept)?;
    }
    for (path, file) in &shelf.bells {
        let site = Site { dir: dir.to_owned(), hash: layout::stem_hash(file) };
        lock_file(&site, path, file, &shelf.names, terms, memory, now, &mut swept)?;
    }
    Ok(swept)
}

/// The lock directory of one stem.
fn authority(
    site: &Site,
    terms: &Terms,
    memory: &dyn Memory,
    now: Option<ServerTime>,
    swept: &mut Swept,
) -> io::Result<()> {
    let listing = site.listing()?;
    if listing.is_empty() {
        // Fails for one that is not empty any more.
        return sys::fs::remove_dir(&site.lock()).map(drop);
    }
    for (owner, inside) in listing {
        let look = look::at_owner(site, &owner, now, memory)?;
        if !look.opinion.dead {
            continue;
        }
        let file = look.info.as_ref().map_or("a file", |info| info.file.as_str()).to_owned();
        match inside {
            Inside::Gone => {}
            Inside::Sealed(sealer) => {
                if let Some(Acquired::HalfDone(half)) = half_done(site, &owner, &sealer)? {
                    swept.half_done.push(half);
                }
            }
            // By the machine of a claim, since a live worker may be after the same one.
            Inside::Open => match take_stale(site, terms, memory)? {
                Some(Acquired::Mine(claim)) => {
                    claim.release();
                    swept.removed.push(format!(
                        "a stale claim on {file} by {} (pid {}): {}",
                        look.holder.hostname, look.holder.pid, look.opinion.why
                    ));
                }
                Some(Acquired::HalfDone(half)) => swept.half_done.push(half),
                _ => {}
            },
        }
    }
    Ok(())
}

/// A work folder that may belong to no claim.
fn orphan(
    site: &Site,
    token: &String,
    memory: &dyn Memory,
    now: Option<ServerTime>,
    swept: &mut Swept,
) -> io::Result<()> {
    if referenced(token, &site.listing()?) || !sys::fs::is_listed(&site.work(token))? {
        return Ok(());
    }
    let look = look::at_orphan(site, token, now, memory)?;
    if !look.opinion.dead {
        return Ok(());
    }
    super::step("sweep.before-unstage");
    // What it could still publish goes first: then the second look is final.
    site.unstage(token)?;
    if referenced(token, &site.listing()?) {
        return Ok(());
    }
    let work = site.work(token);
    let old_cache = work.join(layout::OLD_CACHE);
    let cache = site.dir.join(layout::CACHE_NAME);
    if sys::fs::is_listed(&old_cache)? && !sys::fs::is_listed(&cache)? {
        // Its writer died between moving the old cache aside and publishing the new one.
        let _ = sys::fs::publish_file(&old_cache, &cache)?;
    }
    let commit = sys::fs::read_small(&work.join(layout::COMMIT), record::MOST_COMMIT_BYTES)
        .ok()
        .and_then(|bytes| Commit::parse(&bytes));
    if commit.is_none() && sys::fs::list(&work)?.iter().any(|e| super::site::is_original(&work.join(&e.name)))
    {
        // Without the record nobody knows what it was called; it stays where it is, with everything that could tell.
        swept
            .removed
            .push(format!("nothing of {}: it holds a displaced original of unknown name", work.display()));
        return Ok(());
    }
    super::step("sweep.before-remove");
    let stranded = site.remove_work(token)?;
    if stranded.is_empty() {
        swept.removed.push(format!("a dead worker's {}", work.display()));
    }
    if let Some(commit) = commit {
        let name = site.dir.join(&commit.source);
        swept.stranded.extend(stranded.into_iter().map(|path| (path, name.clone())));
    }
    Ok(())
}

/// A lock file: ours whose claim is over, or one of mediabox's that is older than mediabox itself respects.
#[expect(clippy::too_many_arguments, reason = "one sweep's whole context, used in one place")]
fn lock_file(
    site: &Site,
    path: &Path,
    file: &str,
    names: &[String],
    terms: &Terms,
    memory: &dyn Memory,
    now: Option<ServerTime>,
    swept: &mut Swept,
) -> io::Result<()> {
    let bytes = match sys::fs::read_small(path, record::MOST_LOCK_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Vec::new(),
        Err(error) => return Err(error),
    };
    let why = match record::lock(&bytes) {
        // A doorbell is hung after its token became the owner. So a token that is no owner now is over.
        Lock::Ours(info) => {
            if referenced(&info.token, &site.listing()?) {
                return Ok(());
            }
            "its claim is over".to_owned()
        }
        Lock::Unreadable if !path.to_string_lossy().ends_with(layout::LOCK_SUFFIX) => return Ok(()),
        Lock::Python { .. } | Lock::Unreadable => {
            match look::at_foreign(path, names, now, terms.stale_after, memory)? {
                Some((opinion, _, judged)) if opinion.dead && judged == bytes => opinion.why.to_string(),
                _ => return Ok(()),
            }
        }
    };
    let stand = Stand::new(site.clone());
    make_own_dir(&stand.work)?;
    // Its number of beats may have gone on, its token not.
    let is_meant = |found: &[u8]| match (record::lock(found), record::lock(&bytes)) {
        (Lock::Ours(found), Lock::Ours(meant)) => found.token == meant.token,
        _ => found == bytes,
    };
    let taken = bell::take_away(path, site, &stand.token, &is_meant);
    stand.remove();
    taken?;
    if !sys::fs::is_listed(path)? {
        swept.removed.push(format!("the lock of {file}: {why}"));
    }
    Ok(())
}
