//! The calls behind `sys::fs`, one system call each; what they mean is decided there.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::sys::netfs::FileSystem;

/// Whether a symbolic link is looked at or through.
#[derive(Clone, Copy, Debug)]
pub enum Links {
    Follow,
    Stay,
}

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    #[expect(clippy::unnecessary_wraps, reason = "Windows has volumes without a number")]
    pub fn volume(self) -> Option<u64> {
        Some(self.0)
    }
}

pub fn identity(path: &Path, links: Links) -> io::Result<Identity> {
    let metadata = match links {
        Links::Follow => std::fs::metadata(path)?,
        Links::Stay => std::fs::symlink_metadata(path)?,
    };
    Ok(Identity(metadata.dev(), metadata.ino()))
}

/// The folder is opened for it: NFS answers an opening afresh, and a bare stat from its memory for up to a minute.
pub fn folder_metadata(dir: &Path) -> io::Result<std::fs::Metadata> {
    File::open(dir)?.metadata()
}

/// What keeps a folder found.
pub type Held = std::os::fd::OwnedFd;

/// A folder that is open for nothing but finding it, and the path by which the kernel goes on from there.
pub fn hold(folder: &Path) -> Option<(std::path::PathBuf, Held)> {
    super::kernel::hold(folder)
}

/// Worth another attempt. EACCES and EROFS are not: on Unix they do not pass by waiting.
pub fn is_transient(error: &io::Error) -> bool {
    let Some(code) = error.raw_os_error() else { return error.kind() == io::ErrorKind::Interrupted };
    matches!(
        Errno::from_raw_os_error(code),
        Errno::BUSY | Errno::STALE | Errno::AGAIN | Errno::INTR | Errno::TXTBSY
            // A cifs client says these while it reconnects.
            | Errno::HOSTDOWN | Errno::TIMEDOUT | Errno::CONNRESET | Errno::CONNABORTED
    )
}

/// The same, for opening a file that is there. EINVAL as well: Linux' SMB client asks for one lease per file, and the server
/// knows leases by name (MS-SMB2 3.3.5.9.8). While a file with two names is open by one of them, or was until a second
/// ago (`closetimeo`), opening it by the other is refused with it.
pub fn is_transient_open(error: &io::Error) -> bool {
    is_transient(error) || error.raw_os_error() == Some(Errno::INVAL.raw_os_error())
}

/// The same, for a call that changes something.
pub fn is_transient_change(error: &io::Error) -> bool {
    is_transient(error)
}

/// Somebody else uses it.
pub fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy
}

/// Nobody can keep a file to himself here.
#[cfg(test)]
pub fn open_unshared(_path: &Path) -> Option<File> {
    None
}

/// The file system (or this very file) takes no second name. EPERM: vfat, exfat, many FUSE and cifs servers;
/// EMLINK: too many names already.
pub fn has_no_links(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| {
        let code = Errno::from_raw_os_error(code);
        code == Errno::PERM
            || code == Errno::NOTSUP
            || code == Errno::OPNOTSUPP
            || code == Errno::NOSYS
            || code == Errno::MLINK
    })
}

/// The no-replace rename is atomic only where this kernel itself runs the file system: on cifs it overwrites what
/// another client made, NFS refuses it.
pub fn has_safe_no_replace(kind: &FileSystem) -> bool {
    matches!(kind, FileSystem::Local(_))
}

/// Closes a file that was written to: NFS and SMB write at the latest now, and say here what came of it (close(2)).
#[expect(unsafe_code, reason = "the standard library closes without a word")]
pub fn close(file: File) -> io::Result<()> {
    // SAFETY: the descriptor is ours, and nobody uses it after this, whatever is answered.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Two file names are one. Linux compares bytes; macOS folds case and normal form.
pub fn same_name(a: &OsStr, b: &OsStr) -> bool {
    if cfg!(target_os = "macos")
        && let (Some(a), Some(b)) = (a.to_str(), b.to_str())
    {
        return crate::sys::path::folded(a) == crate::sys::path::folded(b);
    }
    a == b
}

/// Whether something else than a listing can prove that a name is there. Not needed: a Linux client reads folders afresh.
pub fn is_surely_there(_path: &Path) -> bool {
    false
}

pub fn rename_dir(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

pub fn rename_taking(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    flagged(from, to, RenameFlags::NOREPLACE)
}

pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    flagged(a, b, RenameFlags::EXCHANGE)
}

fn flagged(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<()> {
    rustix::fs::renameat_with(CWD, from, CWD, to, flags).map_err(|code| match code {
        // An old kernel or a file system without the flag.
        Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => {
            io::Error::new(io::ErrorKind::Unsupported, io::Error::from(code))
        }
        code => code.into(),
    })
}

pub fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to)
}

pub fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

pub fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some FUSE file systems have no fsync for folders; there is nothing else to be done.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

pub fn free_space(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// futimens(2) needs ownership, not a writable handle.
pub fn open_for_times(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub fn adopt_ownership(from: &Path, to: &Path) {
    let (Ok(wanted), Ok(found)) = (std::fs::metadata(from), std::fs::metadata(to)) else { return };
    if (wanted.uid(), wanted.gid()) != (found.uid(), found.gid())
        && std::os::unix::fs::chown(to, Some(wanted.uid()), Some(wanted.gid())).is_err()
    {
        // Only root gives files away, but a member of the group may pass a file to it.
        let _ = std::os::unix::fs::chown(to, None, Some(wanted.gid()));
    }
    let mode = wanted.mode() & 0o777;
    if mode != found.mode() & 0o777 {
        // Shares without Unix modes refuse this, and it is not worth a word.
        let _ = std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode));
    }
}

/// lseek(2): SEEK_DATA fails with ENXIO where there is no data to the end. A file system without holes says that all is
/// data, or that it does not know the call.
pub fn is_hollow(path: &Path) -> bool {
    File::open(path)
        .is_ok_and(|file| rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)) == Err(Errno::NXIO))
}
