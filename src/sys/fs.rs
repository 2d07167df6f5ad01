//! One careful layer for every change of a file system.
//!
//! NFS and SMB give false errors after a lost reply (docs/PROTOCOL.md): EEXIST, ENOENT, ESTALE, EAGAIN or a sharing
//! violation for something that did happen. Each function here looks at what is really there before it reports.
//! Transient errors (EBUSY, ESTALE, EAGAIN, EINTR, Windows 5/32/33/183) are retried with back-off for at most
//! [`PATIENCE`].

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::model::key::Stamp;
use crate::sys::os;

mod anchor;
mod content;
mod grow;
mod names;
mod patience;

pub use anchor::Anchor;
pub use content::{
    append, copy_new, excludes, fingerprint, jot_new, open_ours, overwrite_in_place, read_from, read_small,
    set_mtime, sync_dir, sync_file, write_new,
};
pub use grow::{Growing, make_program};
pub use names::{
    consume, create_dir, create_dir_all, exchange, hard_link, offer_dir, publish_dir, publish_file,
    remove_dir, remove_file, remove_running, rename_new, replace,
};

#[cfg(test)]
pub(in crate::sys) use names::{
    consume_by, hard_link_by, publish_dir_by, remove_by, rename_new_by, replace_by,
};
use patience::{patiently, present};

/// Longest time one call keeps retrying transient errors.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes hashed at each end of a file for a [`Fingerprint`].
pub const FINGERPRINT_SPAN: u64 = 64 * 1024;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Dir,
    Symlink,
    Other,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub kind: EntryKind,
}

/// Result of creating a name that must not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the name may belong to somebody else"]
pub enum Created {
    /// We made it.
    Yes,
    /// Something of that name is there and is not ours.
    Exists,
}

/// Result of removing a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// We removed it (or a lost reply of ours did).
    Yes,
    /// Nothing of that name was there.
    Absent,
    /// A folder that is not empty.
    NotEmpty,
}

/// Lists a folder afresh, sorted by name. Listing is the only proof of absence on NFS; `NotFound` here means that the
/// listing of the folder above agrees.
pub fn list(dir: &Path) -> io::Result<Vec<Entry>> {
    present(dir, || list_once(dir))
}

fn list_once(dir: &Path) -> io::Result<Vec<Entry>> {
    let items = std::fs::read_dir(dir).map_err(|error| {
        // Windows calls it an invalid name, a missing path or a wrong folder, as the file system's driver likes.
        match std::fs::metadata(dir) {
            Ok(found) if !found.is_dir() => io::Error::new(io::ErrorKind::NotADirectory, error),
            // An invalid name, some of them say, of a folder that goes away in this very moment.
            Ok(_) if error.kind() == io::ErrorKind::InvalidFilename => {
                io::Error::new(io::ErrorKind::Interrupted, error)
            }
            Err(lost) if error.kind() == io::ErrorKind::InvalidFilename => lost,
            _ => error,
        }
    })?;
    let mut entries = Vec::new();
    for item in items {
        let item = item?;
        let kind = match item.file_type() {
            Ok(kind) if kind.is_symlink() => EntryKind::Symlink,
            Ok(kind) if kind.is_dir() => EntryKind::Dir,
            Ok(kind) if kind.is_file() => EntryKind::File,
            // Where the kind needs a stat of its own, the name may be gone by now; it was listed all the same.
            _ => EntryKind::Other,
        };
        entries.push(Entry { name: item.file_name(), kind });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// A name seems not to be there, by a look that costs one request and proves nothing: a client may remember it so.
pub fn seems_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A name is in a fresh listing of its folder. A folder that is itself not there lists nothing.
pub fn is_listed(path: &Path) -> io::Result<bool> {
    let (Some(name), Some(folder)) = (path.file_name(), folder_of(path)) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a path without a last name cannot be listed",
        ));
    };
    if os::fs::is_surely_there(path) {
        return Ok(true);
    }
    match list(folder) {
        Ok(entries) => Ok(has(&entries, name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The last name of `path` is in a listing of its folder.
pub fn holds(folder: &[Entry], path: &Path) -> bool {
    path.file_name().is_some_and(|name| os::fs::is_surely_there(path) || has(folder, name))
}

fn has(folder: &[Entry], name: &OsStr) -> bool {
    folder.iter().any(|entry| os::fs::same_name(&entry.name, name))
}

/// The folder that holds a name; `.` for a bare name.
fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// The file system says that a file holds no data at all, whatever its size. False where it cannot tell.
pub fn is_hollow(path: &Path) -> bool {
    os::fs::is_hollow(path)
}

/// `stat` through the link: size and mtime.
pub fn stamp(path: &Path) -> io::Result<Stamp> {
    present(path, || stamp_of(&std::fs::metadata(path)?))
}

/// A folder's own time, asked of the server and not of this machine's memory: it moves when a name comes, goes or is changed in
/// it, on shares that keep it.
pub fn folder_time(dir: &Path) -> io::Result<(i64, u32)> {
    let stamp = stamp_of(&os::fs::folder_metadata(dir)?)?;
    Ok((stamp.sec, stamp.nsec))
}

/// The stamp in metadata that a listing already fetched.
pub fn stamp_of(metadata: &std::fs::Metadata) -> io::Result<Stamp> {
    let (sec, nsec) = match metadata.modified()?.duration_since(std::time::SystemTime::UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        // Before 1970 the nanoseconds still count upwards, as in `struct timespec`.
        Err(error) => {
            let before = error.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
            }
        }
    };
    Ok(Stamp { size: metadata.len(), sec, nsec })
}

/// What an operation ended in after all of [`PATIENCE`] only says that another program has the file open: an indexer, a virus
/// scanner, a backup. That is nobody's fault, and passes.
pub fn is_in_use(error: &io::Error) -> bool {
    os::fs::is_in_use(error)
}

#[cfg(test)]
pub(crate) use os::fs::open_unshared;

/// Bytes free for us on the file system of `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    patiently(|| os::fs::free_space(path))
}

/// Gives `to` the permission bits and owner of `from` as far as the share allows; never fails. Windows: nothing to do,
/// a new file inherits its folder's access list.
pub fn adopt_ownership(from: &Path, to: &Path) {
    os::fs::adopt_ownership(from, to);
}

/// The file system that holds a path, as a number that is the same for all its folders; `None` where it has none.
pub fn volume(path: &Path) -> Option<u64> {
    present(path, || os::fs::identity(path, os::fs::Links::Follow)).ok()?.volume()
}

/// Both names are one file (device and inode, or the Windows file id), symbolic links followed.
pub fn same_file(a: &Path, b: &Path) -> io::Result<bool> {
    let a = present(a, || os::fs::identity(a, os::fs::Links::Follow))?;
    let b = present(b, || os::fs::identity(b, os::fs::Links::Follow))?;
    Ok(a == b)
}
