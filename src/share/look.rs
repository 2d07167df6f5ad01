//! Gathers what the judge wants to know.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::claim::{HEARTBEAT, Holder, Memory, STALE_AFTER};
use super::judge::{self, Evidence, ForeignEvidence, Opinion};
use super::layout;
use super::record::{self, Info, Lock};
use super::site::{Site, life_of_token};
use crate::model::key::Stamp;
use crate::sys;
use crate::sys::host::Life;

/// The file server's clock: the mtime of a folder that was just made there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ServerTime(pub f64);

impl ServerTime {
    /// Reads the stamp of a folder that this attempt just made.
    pub fn of(fresh: &Path) -> Option<Self> {
        sys::fs::stamp(fresh).ok().map(|stamp| Self(seconds(&stamp)))
    }

    /// Makes a probe folder and removes it again.
    pub fn probe(dir: &Path) -> Option<Self> {
        let probe = dir.join(layout::work_dir_name(&layout::stem_hash(""), &layout::new_token()));
        let _made = sys::fs::create_dir(&probe).ok()?;
        let time = Self::of(&probe);
        // A left-over is swept like any orphaned work folder.
        let _ = sys::fs::remove_dir(&probe);
        time
    }

    pub fn since(self, stamp: &Stamp) -> f64 {
        self.0 - seconds(stamp)
    }
}

fn seconds(stamp: &Stamp) -> f64 {
    stamp.sec as f64 + f64::from(stamp.nsec) * 1e-9
}

/// A look at one owner.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub opinion: Opinion,
    pub holder: Holder,
    pub info: Option<Info>,
    /// What was remembered of this look.
    pub state: Option<String>,
}

/// Looks at an owner, and remembers what was seen for the next look.
pub(super) fn at_owner(
    site: &Site,
    owner: &str,
    now: Option<ServerTime>,
    memory: &dyn Memory,
) -> io::Result<Look> {
    at_token(site, owner, &site.own(owner), now, memory)
}

/// Looks at the worker of a work folder that no claim refers to.
pub(super) fn at_orphan(
    site: &Site,
    token: &str,
    now: Option<ServerTime>,
    memory: &dyn Memory,
) -> io::Result<Look> {
    at_token(site, token, &site.work(token), now, memory)
}

/// `entry`: what has a stamp where there is no record.
fn at_token(
    site: &Site,
    owner: &str,
    entry: &Path,
    now: Option<ServerTime>,
    memory: &dyn Memory,
) -> io::Result<Look> {
    let path = site.info(owner);
    let info = match sys::fs::read_small(&path, record::MOST_LOCK_BYTES).map(|bytes| record::lock(&bytes)) {
        Ok(Lock::Ours(info)) if info.token == owner => Some(info),
        Ok(_) => None,
        Err(error) if absent_or_odd(&error) => None,
        Err(error) => return Err(error),
    };
    // Without a record the entry itself is the only thing with a stamp, and nothing ever refreshes it.
    let stamped = if info.is_some() { path } else { entry.to_owned() };
    let stamp = match sys::fs::stamp(&stamped) {
        Ok(stamp) => Some(stamp),
        Err(error) if absent_or_odd(&error) => None,
        Err(error) => return Err(error),
    };
    let beat = info.as_ref().map_or(0, |info| info.beat);
    let state = stamp.map(|stamp| format!("{owner}/{beat}/{}.{:09}", stamp.sec, stamp.nsec));
    let evidence = Evidence {
        life: life(owner, info.as_ref()),
        left: info.as_ref().is_some_and(|info| info.left),
        silent: now.zip(stamp).map(|(now, stamp)| now.since(&stamp)),
        unchanged: state.as_deref().map(|state| unchanged(state, memory)),
        ttl: info.as_ref().map_or(STALE_AFTER, Info::stale_after),
        heartbeat: info.as_ref().map_or(HEARTBEAT, Info::heartbeat),
    };
    let opinion = judge::judge(&evidence);
    // The entry was made for the claim and never written to since.
    let claimed = sys::fs::stamp(entry).ok();
    Ok(Look {
        opinion,
        holder: Holder {
            hostname: info.as_ref().map_or_else(|| "unknown".to_owned(), |i| i.identity.hostname.clone()),
            pid: info.as_ref().map_or_else(
                || layout::token_parts(owner).map_or(0, |(_, pid)| pid),
                |info| info.identity.pid,
            ),
            age: now.zip(claimed).map(|(now, stamp)| now.since(&stamp)),
            silent: evidence.silent,
            what: format!("media-converter: {}", opinion.why),
        },
        info,
        state,
    })
}

fn life(token: &str, info: Option<&Info>) -> Life {
    match life_of_token(token) {
        Some(Life::Unknown) | None => info.map_or(Life::Unknown, |info| sys::host::life(&info.identity)),
        // A pid that runs may be another process by now: the record knows when ours started.
        Some(Life::Alive) => info.map_or(Life::Alive, |info| match sys::host::life(&info.identity) {
            Life::Gone => Life::Gone,
            _ => Life::Alive,
        }),
        Some(Life::Gone) => Life::Gone,
    }
}

/// How long this state has been seen, by this machine's clock in this boot.
fn unchanged(state: &str, memory: &dyn Memory) -> Duration {
    let (now, boot) = (sys::clock::boot(), sys::host::me().boot.as_str());
    match memory.first_seen(state) {
        Some((at, seen_in)) if seen_in == boot && at <= now => now.saturating_sub(at),
        Some(_) => {
            // Seen before a restart: that clock is gone.
            memory.forget(state);
            memory.saw(state, now, boot);
            Duration::ZERO
        }
        None => {
            memory.saw(state, now, boot);
            Duration::ZERO
        }
    }
}

/// Looks at a lock file that no worker of our kind keeps. `None`: it is not there (any more).
pub(super) fn at_foreign(
    path: &Path,
    names: &[String],
    now: Option<ServerTime>,
    own_ttl: Duration,
    memory: &dyn Memory,
) -> io::Result<Option<(Opinion, Holder, Vec<u8>)>> {
    let bytes = match sys::fs::read_small(path, record::MOST_LOCK_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Larger than any lock, or not a file: held like anything that cannot be understood.
        Err(error) if absent_or_odd(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let stamp = match sys::fs::stamp(path) {
        Ok(stamp) => stamp,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let lock = record::lock(&bytes);
    let dir = path.parent().unwrap_or(Path::new("."));
    let result_age = names
        .iter()
        .filter(|name| is_python_result(name, path))
        .filter_map(|name| sys::fs::stamp(&dir.join(name)).ok())
        .filter_map(|stamp| now.map(|now| now.since(&stamp)))
        .reduce(f64::min);
    let state = format!("{}/{}.{:09}/{}", path.display(), stamp.sec, stamp.nsec, stamp.size);
    let age = now.map(|now| now.since(&stamp));
    let limit = match lock {
        Lock::Unreadable => judge::PYTHON_STALE.max(own_ttl),
        _ => judge::PYTHON_STALE,
    };
    let evidence = ForeignEvidence { age, result_age, unchanged: Some(unchanged(&state, memory)), limit };
    let opinion = judge::judge_foreign(&evidence);
    let holder = match lock {
        Lock::Python { hostname, pid, .. } => {
            Holder { hostname, pid, age, silent: age, what: format!("mediabox (Python): {}", opinion.why) }
        }
        Lock::Ours(info) => Holder {
            hostname: info.identity.hostname,
            pid: info.identity.pid,
            age: None,
            silent: age,
            what: "media-converter".to_owned(),
        },
        Lock::Unreadable => Holder {
            hostname: "unknown".to_owned(),
            pid: 0,
            age,
            silent: age,
            what: format!("an unreadable lock: {}", opinion.why),
        },
    };
    Ok(Some((opinion, holder, bytes)))
}

/// `<stem>.tmp.mp4` or `.tmp.mp3` of the lock's file: what mediabox writes while it works.
fn is_python_result(name: &str, lock: &Path) -> bool {
    let lock = lock.file_name().unwrap_or_default().to_string_lossy();
    let file = lock
        .strip_suffix(layout::LOCK_SUFFIX)
        .or_else(|| lock.strip_suffix(layout::LEGACY_LOCK_SUFFIX))
        .unwrap_or(&lock);
    let stem = sys::path::folded(layout::stem(file));
    let name = sys::path::folded(name);
    [".tmp.mp4", ".tmp.mp3"].iter().any(|ending| name.strip_suffix(ending) == Some(stem.as_str()))
}

/// Errors that say something about the file, not about the share.
fn absent_or_odd(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::InvalidData
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::PermissionDenied
    )
}
