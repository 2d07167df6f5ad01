//! What is in files: reading, writing, hashing, copying, stamping.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::patience::{patiently, present};
use super::{Created, FINGERPRINT_SPAN, stamp_of};
use crate::model::key::{Fingerprint, Stamp};
use crate::sys::os;

/// Size, mtime and the hash of both ends, from one open handle. A file shorter than the span is hashed twice over, so
/// that the rule needs no exception.
pub fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    present(path, || {
        let mut file = File::open(path)?;
        let stamp = stamp_of(&file.metadata()?)?;
        let span = stamp.size.min(FINGERPRINT_SPAN);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&stamp.size.to_le_bytes());
        let mut bytes = vec![0; span as usize];
        file.read_exact(&mut bytes)?;
        hasher.update(&bytes);
        file.seek(SeekFrom::Start(stamp.size - span))?;
        file.read_exact(&mut bytes)?;
        hasher.update(&bytes);
        let mut hash = hasher.finalize().to_hex().to_string();
        hash.truncate(32);
        Ok(Fingerprint { stamp, hash })
    })
}

/// Reads a small file whole; `InvalidData` where it is larger than `max` bytes.
pub fn read_small(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    present(path, || {
        let mut bytes = Vec::new();
        File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {max} bytes")));
        }
        Ok(bytes)
    })
}

/// Opens a file that only this process knows of, for changes in place.
pub fn open_ours(path: &Path) -> io::Result<File> {
    patiently(|| OpenOptions::new().read(true).write(true).open(path))
}

/// At most `max` bytes of a file from an offset on; fewer at its end.
pub fn read_from(path: &Path, offset: u64, max: u64) -> io::Result<Vec<u8>> {
    present(path, || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// Adds bytes at the end of a file that only this process writes to, makes it where it is not there, and fsyncs.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Opening is repeated, writing is not: half of the bytes may be there already.
    let mut file = patiently(|| OpenOptions::new().append(true).create(true).open(path))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates a file that must not exist, writes it, fsyncs and closes it.
///
/// Exclusive creation is no claim on NFS: two clients may both be told that they made the file. What must have one
/// winner goes through [`super::publish_file`] or [`super::publish_dir`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<Created> {
    make_new(path, bytes, File::sync_all)
}

/// As [`write_new`], for what may be empty after a power cut: the server has it, but need not have it on its disk.
pub fn jot_new(path: &Path, bytes: &[u8]) -> io::Result<Created> {
    make_new(path, bytes, |_| Ok(()))
}

fn make_new(path: &Path, bytes: &[u8], secure: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Created> {
    let mut file = match patiently(|| create(path)) {
        Ok(file) => file,
        // Also after a lost reply of our own: an empty file under the name may as well be somebody's who is about to
        // write it, and nothing can tell the two apart.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Exists),
        Err(error) => return Err(error),
    };
    let written = file.write_all(bytes).and_then(|()| secure(&file));
    let written = written.and(os::fs::close(file));
    match written {
        Ok(()) => Ok(Created::Yes),
        Err(error) => {
            discard(path);
            Err(error)
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Takes away what we just made and could not finish.
fn discard(path: &Path) {
    // The failure that led here is the one to report; a left-over is swept by name later.
    let _ = super::remove_file(path);
}

/// Overwrites an existing file from offset 0 without truncating or creating it, then fsyncs: the file server stamps
/// its mtime. `NotFound` where the name is gone.
pub fn overwrite_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    present(path, || {
        // Neither O_TRUNC nor utimes: a cifs client would stamp the file by its own clock.
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    })
}

/// fsync of a file's content (fails on a deferred write error).
pub fn sync_file(path: &Path) -> io::Result<()> {
    // Windows flushes only through a handle that may write; Linux reports a deferred error through any handle that
    // was opened before anybody else saw the error.
    present(path, || OpenOptions::new().write(true).open(path).or_else(|_| File::open(path))?.sync_all())
}

/// fsync of a folder's entries; a no-op where the platform has no such thing.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    patiently(|| os::fs::sync_dir(path))
}

/// Copies content only (never mode bits) to a new name and fsyncs it; `progress` gets the bytes so far and returns
/// false to stop (`Interrupted`). Whatever ends it early takes the unfinished copy away.
pub fn copy_new(from: &Path, to: &Path, progress: &mut dyn FnMut(u64) -> bool) -> io::Result<Created> {
    let mut source = present(from, || File::open(from))?;
    let mut target = match patiently(|| create(to)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Exists),
        Err(error) => return Err(error),
    };
    let result = copy(&mut source, &mut target, progress);
    drop(target);
    if result.is_err() {
        discard(to);
    }
    result.map(|()| Created::Yes)
}

fn copy(source: &mut File, target: &mut File, progress: &mut dyn FnMut(u64) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; 1024 * 1024];
    let mut done = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => return target.sync_all(),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        target.write_all(&buffer[..read])?;
        done += read as u64;
        if !progress(done) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the copy was stopped"));
        }
    }
}

/// Whether an advisory lock on a file keeps another open handle out. Never waits for a lock; a server may hold back its
/// answer all the same.
pub fn excludes(path: &Path) -> io::Result<bool> {
    let open = || present(path, || OpenOptions::new().read(true).write(true).open(path));
    let (mine, other) = (open()?, open()?);
    match mine.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
    }
    let kept_out = matches!(other.try_lock(), Err(TryLockError::WouldBlock));
    mine.unlock()?;
    Ok(kept_out)
}

/// Sets a file's mtime (best effort on shares that refuse).
pub fn set_mtime(path: &Path, stamp: &Stamp) -> io::Result<()> {
    let nanos = Duration::from_nanos(u64::from(stamp.nsec));
    let whole = Duration::from_secs(stamp.sec.unsigned_abs());
    let base = if stamp.sec < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    let time = base
        .and_then(|base| base.checked_add(nanos))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a time that this system cannot hold"))?;
    let set = present(path, || {
        os::fs::open_for_times(path)?.set_times(std::fs::FileTimes::new().set_modified(time))
    });
    match set {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        result => result,
    }
}
