//! One careful layer for every change of a file system.
//!
//! NFS and SMB give false errors after a lost reply (docs/PROTOCOL.md): EEXIST, ENOENT, ESTALE, EAGAIN or a sharing
//! violation for something that did happen. Each function here looks at what is really there before it reports.
//! Transient errors (EBUSY, ESTALE, EAGAIN, EINTR, Windows 5/32/33/183) are retried with back-off for at most
//! [`PATIENCE`].

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::model::key::{Fingerprint, Stamp};

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

/// Lists a folder afresh, sorted by name. Listing is the only proof of absence on NFS.
pub fn list(dir: &Path) -> io::Result<Vec<Entry>> {
    let _ = dir;
    todo!()
}

/// A name is in a fresh listing of its folder.
pub fn is_listed(path: &Path) -> io::Result<bool> {
    let _ = path;
    todo!()
}

/// `stat` through the link: size and mtime.
pub fn stamp(path: &Path) -> io::Result<Stamp> {
    let _ = path;
    todo!()
}

/// Size, mtime and the hash of both ends, from one open handle.
pub fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let _ = path;
    todo!()
}

/// Reads a small file whole; `InvalidData` where it is larger than `max` bytes.
pub fn read_small(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let _ = (path, max);
    todo!()
}

/// Creates a file that must not exist, writes it, fsyncs and closes it.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<Created> {
    let _ = (path, bytes);
    todo!()
}

/// Overwrites an existing file from offset 0 without truncating or creating it, then fsyncs: the file server stamps
/// its mtime. `NotFound` where the name is gone.
pub fn overwrite_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = (path, bytes);
    todo!()
}

/// Makes one folder. `Exists` where the name is taken.
pub fn create_dir(path: &Path) -> io::Result<Created> {
    let _ = path;
    todo!()
}

/// Makes a folder and its parents.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    let _ = path;
    todo!()
}

/// Publishes the private, non-empty folder `from` as `to`, which must be absent or empty; the listing of `to` for
/// `child` (something inside `from` that nobody else has) decides, never the return code.
pub fn publish_dir(from: &Path, to: &Path, child: &str) -> io::Result<Created> {
    let _ = (from, to, child);
    todo!()
}

/// Publishes the file `from` under the name `to` without replacing anything that is there. Tries a hard link, then
/// the platform's no-replace rename where that is safe (not on Linux SMB), else `Unsupported`. Identity of what lies at
/// `to` decides. On `Yes` by link, `from` is still there too.
pub fn publish_file(from: &Path, to: &Path) -> io::Result<Created> {
    let _ = (from, to);
    todo!()
}

/// A second name for the same file. `Unsupported` where the share has no hard links.
pub fn hard_link(from: &Path, to: &Path) -> io::Result<Created> {
    let _ = (from, to);
    todo!()
}

/// Renames `from` to `to`. `to` must be a unique name of ours (its being there proves that we did it).
/// `Absent`: `from` is gone and `to` is not there, so somebody else consumed it.
pub fn consume(from: &Path, to: &Path) -> io::Result<Removed> {
    let _ = (from, to);
    todo!()
}

/// Puts `from` in the place of the existing file `to` in one step, so that `to` always exists. Not to be used on
/// Linux SMB. `Absent`: `from` is gone.
pub fn replace(from: &Path, to: &Path) -> io::Result<Removed> {
    let _ = (from, to);
    todo!()
}

/// Exchanges two files in one step (Linux `RENAME_EXCHANGE` on local disks); `Unsupported` elsewhere.
pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    let _ = (a, b);
    todo!()
}

/// Removes a file.
pub fn remove_file(path: &Path) -> io::Result<Removed> {
    let _ = path;
    todo!()
}

/// Removes an empty folder.
pub fn remove_dir(path: &Path) -> io::Result<Removed> {
    let _ = path;
    todo!()
}

/// fsync of a file's content (fails on a deferred write error).
pub fn sync_file(path: &Path) -> io::Result<()> {
    let _ = path;
    todo!()
}

/// fsync of a folder's entries; a no-op where the platform has no such thing.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    let _ = path;
    todo!()
}

/// Copies content only (never mode bits) to a new name and fsyncs it; `progress` gets the bytes so far and returns
/// false to stop (`Interrupted`).
pub fn copy_new(from: &Path, to: &Path, progress: &mut dyn FnMut(u64) -> bool) -> io::Result<Created> {
    let _ = (from, to, progress);
    todo!()
}

/// Bytes free for us on the file system of `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let _ = path;
    todo!()
}

/// Sets a file's mtime (best effort on shares that refuse).
pub fn set_mtime(path: &Path, stamp: &Stamp) -> io::Result<()> {
    let _ = (path, stamp);
    todo!()
}

/// Gives `to` the permission bits and owner of `from` as far as the share allows; never fails.
pub fn adopt_ownership(from: &Path, to: &Path) {
    let _ = (from, to);
    todo!()
}

/// Both names are one file (device and inode, or the Windows file id).
pub fn same_file(a: &Path, b: &Path) -> io::Result<bool> {
    let _ = (a, b);
    todo!()
}
