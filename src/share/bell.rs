//! The doorbell: `<file>.mediabox.lock`, for people, scripts and mediabox's Python workers. It carries no authority among
//! ours; among theirs it is all there is, so one that is not of ours is respected.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::claim::{Holder, Memory};
use super::layout;
use super::look::{self, ServerTime};
use super::pulse::Bell;
use super::record::{self, Lock};
use super::site::Site;
use crate::sys;
use crate::sys::fs::{Created, Entry, Removed};

/// What ringing came to.
#[derive(Debug)]
pub(super) enum Rung {
    /// It hangs there. `linked`: it is a second name of the holder's record, so that each beat moves it too.
    Yes { linked: bool },
    /// The name with the ending is too long for the share: there is no doorbell.
    TooLong,
    /// Somebody who is not of ours has it.
    Held(Holder),
}

/// Everything that is asked about locks of others.
pub(super) struct Ringing<'a> {
    pub site: &'a Site,
    pub token: &'a str,
    pub now: Option<ServerTime>,
    pub ttl: Duration,
    pub memory: &'a dyn Memory,
}

/// Whose lock a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Mine,
    /// A worker of our kind; since we hold the lock directory, that one does not.
    Another,
    Foreign,
    Nobody,
}

/// Looks whose lock lies there.
pub(super) fn whose(path: &Path, token: &str) -> io::Result<Whose> {
    match sys::fs::read_small(path, record::MOST_LOCK_BYTES) {
        Ok(bytes) => Ok(whose_bytes(&bytes, token)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Whose::Nobody),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Whose::Foreign),
        Err(error) => Err(error),
    }
}

fn whose_bytes(bytes: &[u8], token: &str) -> Whose {
    match record::lock(bytes) {
        Lock::Ours(info) if info.token == token => Whose::Mine,
        Lock::Ours(_) => Whose::Another,
        Lock::Python { .. } | Lock::Unreadable => Whose::Foreign,
    }
}

/// Hangs the doorbell at `bell`, a second name of the record. The caller holds the lock directory. `near`: shorter paths to
/// the record and to the doorbell, by which it usually hangs at once.
pub(super) fn ring(near: (&Path, &Path), bell: &Path, ringing: &Ringing<'_>) -> io::Result<Rung> {
    if matches!(sys::fs::hard_link(near.0, near.1), Ok(Created::Yes)) {
        return Ok(Rung::Yes { linked: true });
    }
    let info = ringing.site.info(ringing.token);
    for _ in 0..4 {
        match sys::fs::hard_link(&info, bell) {
            Ok(Created::Yes) => return Ok(Rung::Yes { linked: true }),
            Ok(Created::Exists) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return Ok(Rung::TooLong),
            // Without hard links it is written in one piece; whose it is by then is read back below.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let bytes = sys::fs::read_small(&info, record::MOST_LOCK_BYTES)?;
                match sys::fs::write_new(bell, &bytes) {
                    Ok(Created::Yes) if whose(bell, ringing.token)? == Whose::Mine => {
                        return Ok(Rung::Yes { linked: false });
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                        return Ok(Rung::TooLong);
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
        match whose(bell, ringing.token)? {
            Whose::Mine => return Ok(Rung::Yes { linked: sys::fs::same_file(&info, bell)? }),
            Whose::Nobody => {}
            Whose::Another => {
                take_away(bell, ringing.site, ringing.token, &|bytes| {
                    whose_bytes(bytes, ringing.token) == Whose::Another
                })?;
            }
            Whose::Foreign => {
                // A growing result beside it is a sign of life.
                let names = names(&sys::fs::list(&ringing.site.dir)?);
                let Some((opinion, holder, judged)) =
                    look::at_foreign(bell, &names, ringing.now, ringing.ttl, ringing.memory)?
                else {
                    continue;
                };
                if !opinion.dead {
                    return Ok(Rung::Held(holder));
                }
                take_away(bell, ringing.site, ringing.token, &|bytes| bytes == judged)?;
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the lock file keeps changing hands"))
}

/// The names in a listing, as far as they are Unicode.
fn names(entries: &[Entry]) -> Vec<String> {
    entries.iter().filter_map(|entry| entry.name.to_str().map(str::to_owned)).collect()
}

/// Moves a lock file to a private name, looks at it there, and removes it if it is the one that was meant; another is
/// put back. There is no way to remove a name only if it still means the same file.
pub(super) fn take_away(
    bell: &Path,
    site: &Site,
    token: &str,
    is_meant: &dyn Fn(&[u8]) -> bool,
) -> io::Result<()> {
    let away = site.work(token).join(layout::OLD_DOORBELL);
    if sys::fs::consume(bell, &away)? != Removed::Yes {
        return Ok(());
    }
    super::step("doorbell.away");
    let meant = match sys::fs::read_small(&away, record::MOST_LOCK_BYTES) {
        Ok(bytes) => is_meant(&bytes),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => false,
        Err(error) => return Err(error),
    };
    if !meant {
        // Somebody who came in between keeps the name; then this one had been given up for it.
        match sys::fs::publish_file(&away, bell) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let bytes = sys::fs::read_small(&away, record::MOST_LOCK_BYTES)?;
                let _ = sys::fs::write_new(bell, &bytes)?;
            }
            Err(error) => return Err(error),
        }
    }
    sys::fs::remove_file(&away).map(drop)
}

/// Takes our own doorbell away at the end.
pub(super) fn silence(bell: &Path, site: &Site, token: &str) -> io::Result<()> {
    if whose(bell, token)? == Whose::Mine {
        take_away(bell, site, token, &|bytes| whose_bytes(bytes, token) == Whose::Mine)?;
    }
    Ok(())
}

/// The first lock of others, beside any file of this stem, that keeps us away: sources that would make the same output
/// share one claim, and a Python worker may hold any of them, in either generation's way.
pub(super) fn other_locks(
    folder: &[Entry],
    except: &[Bell],
    ringing: &Ringing<'_>,
) -> io::Result<Option<Holder>> {
    let names = names(folder);
    for name in &names {
        let path = ringing.site.dir.join(name);
        let Some(file) = name
            .strip_suffix(layout::LOCK_SUFFIX)
            .or_else(|| name.strip_suffix(layout::LEGACY_LOCK_SUFFIX))
            .filter(|file| !file.is_empty() && layout::stem_hash(file) == ringing.site.hash)
        else {
            continue;
        };
        // `Movie.mkv.lock` is a lock; `Movie.lock` is some file of that stem.
        if except.iter().any(|bell| bell.path == path)
            || !file.contains('.')
            || whose(&path, ringing.token)? != Whose::Foreign
        {
            continue;
        }
        let look = look::at_foreign(&path, &names, ringing.now, ringing.ttl, ringing.memory)?;
        if let Some((opinion, holder, _)) = look
            && !opinion.dead
        {
            return Ok(Some(holder));
        }
    }
    Ok(None)
}
