//! What names there are: making, publishing, consuming, replacing and removing them.
//!
//! Each function comes in two halves: the call, and the look at what is really there. The look decides, because a
//! reply may be lost after the server did what it was asked. The halves are apart so that a test can lose a reply.

use std::io;
use std::path::Path;

use super::patience::{Patience, patiently, present};
use super::{Created, Removed, fingerprint, folder_of, is_listed, list, stamp};
use crate::sys::netfs::{self, FileSystem};
use crate::sys::os;
use crate::sys::os::fs::Links;

/// A call of the operating system on two names.
type TwoNames<'a> = &'a mut dyn FnMut(&Path, &Path) -> io::Result<()>;

/// Makes one folder. `Exists` where the name is taken; under a unique name of ours that can only be a lost reply, so
/// that the caller may go on.
pub fn create_dir(path: &Path) -> io::Result<Created> {
    match patiently(|| std::fs::create_dir(path)) {
        Ok(()) => Ok(Created::Yes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Exists),
        Err(error) => Err(error),
    }
}

/// Makes a folder and its parents.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    patiently(|| std::fs::create_dir_all(path))
}

/// Publishes the private, non-empty folder `from` as `to`, which must be absent or empty; the listing of `to` for
/// `child` (something inside `from` that nobody else has) decides, never the return code. `Exists` also where we
/// published it and somebody has consumed `child` since.
pub fn publish_dir(from: &Path, to: &Path, child: &str) -> io::Result<Created> {
    publish_dir_by(&mut os::fs::rename_dir, from, to, child)
}

/// As [`publish_dir`], for a caller that lists `to` afterwards whatever this says: a success is not looked at twice, which
/// spares two to four round trips.
pub fn offer_dir(from: &Path, to: &Path, child: &str) -> io::Result<Created> {
    match os::fs::rename_dir(from, to) {
        Ok(()) => Ok(Created::Yes),
        Err(_) => publish_dir(from, to, child),
    }
}

pub(in crate::sys) fn publish_dir_by(
    rename: TwoNames,
    from: &Path,
    to: &Path,
    child: &str,
) -> io::Result<Created> {
    let mut patience = Patience::new();
    loop {
        let told = rename(from, to);
        let found = match list(to) {
            Ok(entries)
                if entries.iter().any(|entry| entry.name == child)
                    || os::fs::is_surely_there(&to.join(child)) =>
            {
                return Ok(Created::Yes);
            }
            Ok(entries) => Some(entries.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Created::Exists),
            Err(error) => return Err(error),
        };
        let error = match (told, found) {
            // It went in and was taken on since; or another's is there.
            (Ok(()), _) | (Err(_), Some(1..)) => return Ok(Created::Exists),
            (Err(error), Some(0) | None) => error,
        };
        let again = match error.kind() {
            // Whoever was there went away between the call and the look.
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => true,
            io::ErrorKind::NotFound => is_listed(from)? && can_hold(to)?,
            _ => os::fs::is_transient_change(&error),
        };
        if !again || !patience.wait() {
            return Err(error);
        }
    }
}

/// The folder that is to hold `path` is there, so that ENOENT can only be a client's stale memory.
fn can_hold(path: &Path) -> io::Result<bool> {
    match folder_of(path).map(list) {
        Some(Ok(_)) => Ok(true),
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(false),
    }
}

/// Publishes the file `from` under the name `to` without replacing anything that is there. Tries a hard link, then
/// the platform's no-replace rename where that is safe (not on Linux SMB), else `Unsupported`. Identity of what lies at
/// `to` decides. On `Yes` by link, `from` is still there too.
pub fn publish_file(from: &Path, to: &Path) -> io::Result<Created> {
    match hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        result => return result,
    }
    let folder = folder_of(to).unwrap_or(to);
    if !os::fs::has_safe_no_replace(&netfs::of(folder)?.kind) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this file system has neither hard links nor a safe rename that replaces nothing",
        ));
    }
    rename_new_by(&mut os::fs::rename_new, from, to)
}

/// Renames `from` to `to`, which must be free; for this machine's own disks. A running program may be renamed so.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<Created> {
    rename_new_by(&mut os::fs::rename_new, from, to)
}

/// Removes a program that may be running. False: this system keeps running programs (Windows), and at once, for no
/// patience would help.
pub fn remove_running(path: &Path) -> io::Result<bool> {
    match os::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if os::fs::is_transient_change(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renames `from` to `to`, which must be free.
pub(in crate::sys) fn rename_new_by(rename: TwoNames, from: &Path, to: &Path) -> io::Result<Created> {
    let known = Known::look(from)?;
    let mut patience = Patience::new();
    loop {
        let error = match rename(from, to) {
            Ok(()) => return Ok(Created::Yes),
            Err(error) => error,
        };
        let left = is_listed(from)?;
        if is_listed(to)? {
            return Ok(if !left && known.is_at(to)? { Created::Yes } else { Created::Exists });
        }
        let again = match error.kind() {
            io::ErrorKind::AlreadyExists => true,
            io::ErrorKind::NotFound => left && can_hold(to)?,
            _ => os::fs::is_transient_change(&error),
        };
        if !again || !patience.wait() {
            return Err(error);
        }
    }
}

/// A second name for the same file. `Unsupported` where the share has no hard links.
pub fn hard_link(from: &Path, to: &Path) -> io::Result<Created> {
    hard_link_by(&mut os::fs::hard_link, from, to)
}

pub(in crate::sys) fn hard_link_by(link: TwoNames, from: &Path, to: &Path) -> io::Result<Created> {
    let mut patience = Patience::new();
    loop {
        let error = match link(from, to) {
            Ok(()) => return Ok(Created::Yes),
            Err(error) => error,
        };
        if os::fs::has_no_links(&error) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, error));
        }
        if is_listed(to)? {
            match is_one_file(from, to) {
                Ok(true) => return Ok(Created::Yes),
                Ok(false) => return Ok(Created::Exists),
                // Gone again since it was listed.
                Err(lost) if lost.kind() == io::ErrorKind::NotFound => {}
                Err(unknown) => return Err(unknown),
            }
        }
        let again = match error.kind() {
            io::ErrorKind::AlreadyExists => true,
            io::ErrorKind::NotFound => is_listed(from)? && can_hold(to)?,
            _ => os::fs::is_transient_change(&error),
        };
        if !again || !patience.wait() {
            return Err(error);
        }
    }
}

/// Two names are one file: by inode, and where inode numbers are made up by the client, by stamp and content.
fn is_one_file(a: &Path, b: &Path) -> io::Result<bool> {
    let one = |path: &Path| present(path, || os::fs::identity(path, Links::Stay));
    if one(a)? == one(b)? {
        return Ok(true);
    }
    if has_true_inodes(b)? {
        return Ok(false);
    }
    Ok(fingerprint(a)? == fingerprint(b)?)
}

/// The numbers that tell files apart come from the file system itself. A cifs mount with `noserverino`, many FUSE
/// file systems and some SMB servers behind Windows invent them on the way.
fn has_true_inodes(path: &Path) -> io::Result<bool> {
    let kind = netfs::of(folder_of(path).unwrap_or(path))?.kind;
    Ok(matches!(kind, FileSystem::Local(_) | FileSystem::Nfs { .. }))
}

/// A file as it was before it was moved, to be recognised afterwards.
struct Known {
    identity: os::fs::Identity,
    stamp: crate::model::key::Stamp,
}

impl Known {
    fn look(path: &Path) -> io::Result<Self> {
        Ok(Self { identity: present(path, || os::fs::identity(path, Links::Stay))?, stamp: stamp(path)? })
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let found = match Self::look(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if found.identity == self.identity {
            return Ok(true);
        }
        Ok(found.stamp == self.stamp && !has_true_inodes(path)?)
    }
}

/// Renames `from` to `to`. `to` must be a unique name of ours (its being there proves that we did it).
/// `Absent`: `from` is gone and `to` is not there, so somebody else consumed it.
pub fn consume(from: &Path, to: &Path) -> io::Result<Removed> {
    consume_by(&mut os::fs::rename_taking, from, to)
}

pub(in crate::sys) fn consume_by(rename: TwoNames, from: &Path, to: &Path) -> io::Result<Removed> {
    let mut patience = Patience::new();
    loop {
        let told = rename(from, to);
        // Success is looked at too: an SMB server renames whatever a handle was opened on, so that of two clients
        // that both opened `from`, both are told Ok and the later one has the file.
        if is_listed(to)? {
            return Ok(Removed::Yes);
        }
        let error = match told {
            Ok(()) => return Ok(Removed::Absent),
            Err(error) => error,
        };
        if !is_listed(from)? {
            return if can_hold(to)? { Ok(Removed::Absent) } else { Err(error) };
        }
        let again = match error.kind() {
            io::ErrorKind::NotFound => can_hold(to)?,
            _ => os::fs::is_transient_change(&error),
        };
        if !again || !patience.wait() {
            return Err(error);
        }
    }
}

/// Puts `from` in the place of the existing file `to` in one step, so that `to` always exists. Not to be used on
/// Linux SMB. `Absent`: `from` is gone.
pub fn replace(from: &Path, to: &Path) -> io::Result<Removed> {
    replace_by(&mut os::fs::rename_over, from, to)
}

pub(in crate::sys) fn replace_by(rename: TwoNames, from: &Path, to: &Path) -> io::Result<Removed> {
    let known = match Known::look(from) {
        Ok(known) => known,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removed::Absent),
        Err(error) => return Err(error),
    };
    let mut patience = Patience::new();
    loop {
        let error = match rename(from, to) {
            Ok(()) => return Ok(Removed::Yes),
            Err(error) => error,
        };
        if !is_listed(from)? {
            return Ok(if known.is_at(to)? { Removed::Yes } else { Removed::Absent });
        }
        let again = match error.kind() {
            io::ErrorKind::NotFound => can_hold(to)?,
            _ => os::fs::is_transient_change(&error),
        };
        if !again || !patience.wait() {
            return Err(error);
        }
    }
}

/// Exchanges two files in one step (Linux `RENAME_EXCHANGE` on local disks); `Unsupported` elsewhere.
pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    if !matches!(netfs::of(folder_of(b).unwrap_or(b))?.kind, FileSystem::Local(_)) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "only a local disk can exchange two names"));
    }
    // Not repeated: a second exchange would undo the first, and a local disk loses no replies.
    os::fs::exchange(a, b)
}

/// Removes a file. This is no competition: Windows and SMB tell several callers at once that they removed it. Where
/// one of many is to have a file, it is [`consume`]d.
pub fn remove_file(path: &Path) -> io::Result<Removed> {
    remove_by(&mut |path| os::fs::remove_file(path), path)
}

/// Removes an empty folder.
pub fn remove_dir(path: &Path) -> io::Result<Removed> {
    remove_by(&mut |path| std::fs::remove_dir(path), path)
}

pub(in crate::sys) fn remove_by(
    remove: &mut dyn FnMut(&Path) -> io::Result<()>,
    path: &Path,
) -> io::Result<Removed> {
    let mut patience = Patience::new();
    let mut doubtful = false;
    loop {
        let error = match remove(path) {
            Ok(()) => return Ok(Removed::Yes),
            Err(error) => error,
        };
        let again = match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => return Ok(Removed::NotEmpty),
            io::ErrorKind::NotFound => is_listed(path)?,
            _ => {
                doubtful = true;
                os::fs::is_transient_change(&error) && is_listed(path)?
            }
        };
        if again && patience.wait() {
            continue;
        }
        return if again || is_listed(path)? {
            Err(error)
        } else if doubtful {
            Ok(Removed::Yes)
        } else {
            Ok(Removed::Absent)
        };
    }
}
