//! One stem's place on the share: the calls that the machines of `steps` ask for, made for real.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::layout;
use super::steps::{Call, Inside, Seen};
use crate::sys;
use crate::sys::fs::{Created, EntryKind, Removed};
use crate::sys::host::Life;

/// Where the authority for one stem lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub dir: PathBuf,
    pub hash: String,
}

/// Deepest folder that a dead worker's work folder is searched to.
const DEPTH: u32 = 8;

/// Pauses while a removed file lingers in its folder: 20 ms, doubled to 1.28 s; 2.5 s in all.
const LINGER_FIRST: Duration = Duration::from_millis(20);
const LINGER_LAST: Duration = Duration::from_millis(1280);

/// Tokens of attempts and claims of this very process. Any other token with our pid is of an ended attempt.
static LIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn live() -> std::sync::MutexGuard<'static, BTreeSet<String>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process's use of a token; ends when dropped.
#[derive(Debug)]
pub(super) struct Live(String);

impl Live {
    pub fn new(token: &str) -> Self {
        live().insert(token.to_owned());
        Self(token.to_owned())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        live().remove(&self.0);
    }
}

/// What can be told from a token alone.
pub(super) fn life_of_token(token: &str) -> Option<Life> {
    let me = sys::host::me();
    let (home, pid) = layout::token_parts(token)?;
    if pid == me.pid && home == sys::host::home(me) {
        return Some(if live().contains(token) { Life::Alive } else { Life::Gone });
    }
    Some(sys::host::life_by_pid(home, pid))
}

impl Site {
    pub fn of(source: &Path) -> Self {
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let dir = match source.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        Self { dir, hash: layout::stem_hash(&name) }
    }

    pub fn lock(&self) -> PathBuf {
        self.dir.join(layout::lock_dir_name(&self.hash))
    }

    pub fn work(&self, token: &str) -> PathBuf {
        self.dir.join(layout::work_dir_name(&self.hash, token))
    }

    pub fn own(&self, token: &str) -> PathBuf {
        self.lock().join(layout::own(token))
    }

    pub fn info(&self, token: &str) -> PathBuf {
        self.work(token).join(layout::INFO)
    }

    /// The owners in the lock directory; none where it is missing.
    pub fn owners(&self) -> io::Result<Vec<String>> {
        let entries = sys::fs::list(&self.lock()).or_else(none_where_missing)?;
        Ok(entries
            .iter()
            .filter_map(|entry| layout::own_token(entry.name.to_str()?))
            .map(str::to_owned)
            .collect())
    }

    /// Removes the litter of file managers that alone keeps a lock directory without owners; says what is not litter.
    fn clear_litter(&self) -> io::Result<()> {
        for entry in sys::fs::list(&self.lock()).or_else(none_where_missing)? {
            let name = entry.name.to_string_lossy();
            if layout::own_token(&name).is_some() {
                return Ok(());
            }
            if !layout::is_litter(&name) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("«{name}» in {} is not of ours; remove it by hand", self.lock().display()),
                ));
            }
            remove_tree(&self.lock().join(&entry.name), entry.kind, DEPTH, &|_| false)?;
        }
        Ok(())
    }

    /// What lies in an owner's entry.
    pub fn inside(&self, owner: &str) -> io::Result<Inside<String>> {
        let own = self.own(owner);
        match sys::fs::list(&own) {
            Ok(entries) if !entries.iter().any(|entry| entry.name == layout::SEAL) => {
                return Ok(Inside::Open);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Inside::Gone),
            Err(error) => return Err(error),
        }
        match sys::fs::list(&own.join(layout::SEAL)) {
            Ok(entries) => Ok(entries
                .iter()
                .find_map(|entry| layout::by_token(entry.name.to_str()?))
                .map_or(Inside::Open, |token| Inside::Sealed(token.to_owned()))),
            // The whole entry was moved away between the two listings.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Inside::Gone),
            Err(error) => Err(error),
        }
    }

    /// The whole lock directory, for deciding whom a work folder belongs to.
    pub fn listing(&self) -> io::Result<Vec<(String, Inside<String>)>> {
        self.owners()?.into_iter().map(|owner| self.inside(&owner).map(|inside| (owner, inside))).collect()
    }

    /// Makes a call. `judge` answers [`Call::Judge`]. A changing call's failure is not believed; it is kept in `fault`
    /// for the case that nothing else explains what is seen afterwards.
    pub fn make(
        &self,
        me: &str,
        call: &Call<String>,
        judge: &mut dyn FnMut(&str) -> io::Result<bool>,
        fault: &mut Option<io::Error>,
    ) -> io::Result<Seen<String>> {
        let changed = match call {
            Call::ListLock => {
                let owners = self.owners()?;
                if owners.is_empty() {
                    self.clear_litter()?;
                }
                return Ok(Seen::Lock(owners));
            }
            Call::ListOwner(owner) => return self.inside(owner).map(Seen::Owner),
            Call::Judge(owner) => return judge(owner).map(Seen::Dead),
            Call::Retire => return self.retire(me).map(Seen::Retired),
            Call::Publish => return Ok(self.publish(me, &self.work(me), fault)),
            Call::TakeOver(owner) => {
                super::step("takeover.before-rename");
                let made = sys::fs::consume(&self.own(owner), &self.own(me)).map(drop);
                super::step("takeover.renamed");
                made
            }
            Call::Revoke(owner) => {
                super::step("takeover.before-revoke");
                let made = self.remove_work(owner).map(drop);
                super::step("takeover.revoked");
                made
            }
            Call::DropOwner(owner) => sys::fs::remove_dir(&self.own(owner)).map(drop),
            Call::PublishSeal => {
                super::step("seal.before-publish");
                let staging = self.work(me).join(layout::SEAL_STAGING);
                let slot = self.own(me).join(layout::SEAL);
                let made = sys::fs::offer_dir(&staging, &slot, &layout::by(me)).map(drop);
                super::step("seal.published");
                made
            }
            Call::MoveAway(owner) => self.move_away(me, owner),
            Call::RemoveLock => sys::fs::remove_dir(&self.lock()).map(drop),
        };
        if let Err(error) = changed {
            *fault = Some(error);
        }
        Ok(Seen::Made)
    }

    /// Publishes what is staged in the work folder at `work`.
    pub fn publish(&self, me: &str, work: &Path, fault: &mut Option<io::Error>) -> Seen<String> {
        super::step("claim.before-publish");
        let made = sys::fs::offer_dir(&work.join(layout::CLAIM_STAGING), &self.lock(), &layout::own(me));
        super::step("claim.published");
        match made {
            Ok(Created::Yes) => return Seen::Entered,
            Ok(Created::Exists) => {}
            Err(error) => *fault = Some(error),
        }
        Seen::Made
    }

    /// Moves my staging out of reach of a publish that may be under way; true: the entry is still in it.
    fn retire(&self, me: &str) -> io::Result<bool> {
        let (staging, away) =
            (self.work(me).join(layout::CLAIM_STAGING), self.work(me).join(layout::RETIRED));
        sys::fs::consume(&staging, &away)?;
        match sys::fs::list(&away) {
            Ok(entries) => Ok(entries.iter().any(|entry| entry.name.to_str() == Some(&layout::own(me)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Moves an entry, seal and all, out of the lock directory: into my work folder where that is still there, else into
    /// a folder of the shape of one, which a sweep would know.
    fn move_away(&self, me: &str, owner: &str) -> io::Result<()> {
        let from = self.own(owner);
        let mut away = self.work(me).join(layout::ENDED);
        let moved = match sys::fs::consume(&from, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                away = self.work(&layout::new_token());
                sys::fs::consume(&from, &away)
            }
            moved => moved,
        };
        super::step("finish.moved");
        if moved? == Removed::Yes {
            remove_tree(&away, EntryKind::Dir, DEPTH, &|_| false)?;
        }
        Ok(())
    }

    /// Removes a work folder entry by entry: first what could still be published, then the stage file, then the rest. A
    /// displaced original is never removed. Returns what had to stay.
    ///
    /// Another machine may have looked into it a moment ago, so that a folder is tried again that is not empty yet.
    pub fn remove_work(&self, token: &str) -> io::Result<Vec<PathBuf>> {
        let work = self.work(token);
        let mut stranded = Vec::new();
        let gone = outlast(|| {
            stranded = empty_work(&work)?;
            Ok(sys::fs::remove_dir(&work)? != Removed::NotEmpty || !stranded.is_empty())
        })?;
        if !gone {
            tracing::debug!("{} is not empty yet and stays for a sweep", work.display());
        }
        Ok(stranded)
    }

    /// Takes away what a token could still publish.
    pub fn unstage(&self, token: &str) -> io::Result<()> {
        let work = self.work(token);
        for entry in sys::fs::list(&work).or_else(none_where_missing)? {
            if matches!(entry.name.to_str(), Some(layout::CLAIM_STAGING | layout::SEAL_STAGING)) {
                remove_tree(&work.join(&entry.name), EntryKind::Dir, DEPTH, &|_| false)?;
            }
        }
        Ok(())
    }
}

/// Looks again while a removed name lingers, for as long as the pauses last. False: it still does.
///
/// Windows and SMB servers keep a removed name in its folder until the last handle on it is closed ([MS-FSA] 2.1.5.4, delete
/// pending), and somebody may be looking at it.
pub(super) fn outlast(mut is_gone: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    let mut pause = LINGER_FIRST;
    while !is_gone()? {
        if pause > LINGER_LAST {
            return Ok(false);
        }
        let _ = sys::stop::sleep_unless(pause, sys::stop::Stop::Now);
        pause *= 2;
    }
    Ok(true)
}

/// Removes what may be removed; returns what has to stay.
fn empty_work(work: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = sys::fs::list(work).or_else(none_where_missing)?;
    entries.sort_by_key(|entry| match entry.name.to_str() {
        Some(layout::CLAIM_STAGING | layout::SEAL_STAGING) => 0,
        Some(layout::STAGE) => 1,
        _ => 2,
    });
    let (originals, rest): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| is_original(&work.join(&entry.name)));
    let stranded: Vec<PathBuf> = originals.into_iter().map(|entry| work.join(entry.name)).collect();
    for entry in rest {
        // As long as there is an original, the record stays that tells what it was called.
        if stranded.is_empty() || entry.name != layout::COMMIT {
            remove_tree(&work.join(&entry.name), entry.kind, DEPTH, &is_original)?;
        }
    }
    Ok(stranded)
}

fn none_where_missing(error: io::Error) -> io::Result<Vec<sys::fs::Entry>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) }
}

pub(super) fn is_original(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(layout::ORIGINAL_PREFIX))
}

/// Removes something of ours by name, folders from the inside out, except what `keep` says.
fn remove_tree(path: &Path, kind: EntryKind, depth: u32, keep: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    if kind != EntryKind::Dir {
        return sys::fs::remove_file(path).map(drop);
    }
    if depth == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "folders too deep to be ours"));
    }
    for entry in sys::fs::list(path).or_else(none_where_missing)? {
        let inner = path.join(&entry.name);
        if !keep(&inner) {
            remove_tree(&inner, entry.kind, depth - 1, keep)?;
        }
    }
    sys::fs::remove_dir(path).map(drop)
}

/// Makes a folder under a unique name of ours, where «exists» can only be a lost reply.
pub(super) fn make_own_dir(path: &Path) -> io::Result<()> {
    match sys::fs::create_dir(path)? {
        Created::Yes | Created::Exists => Ok(()),
    }
}

/// Writes a claim's first record. Nothing hangs on its being there: a claim without one is held as long as its entry is
/// young, and the next beat writes it to the disk.
pub(super) fn write_record(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match sys::fs::jot_new(path, bytes)? {
        Created::Yes => Ok(()),
        Created::Exists => sys::fs::overwrite_in_place(path, bytes),
    }
}

/// Writes a file under a unique name of ours, where «exists» can only be a lost reply.
pub(super) fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match sys::fs::write_new(path, bytes)? {
        Created::Yes => Ok(()),
        Created::Exists => sys::fs::overwrite_in_place(path, bytes),
    }
}
