//! The calls behind `sys::fs`, one step each; what they mean is decided there.

use std::ffi::{OsStr, c_void};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_DELETE_PENDING, ERROR_INVALID_FUNCTION,
    ERROR_INVALID_PARAMETER, ERROR_LOCK_VIOLATION, ERROR_NETNAME_DELETED, ERROR_NETWORK_UNREACHABLE,
    ERROR_NOT_SUPPORTED, ERROR_SEM_TIMEOUT, ERROR_SHARING_VIOLATION, ERROR_TOO_MANY_LINKS,
    ERROR_UNEXP_NET_ERR, NTSTATUS, STATUS_DELETE_PENDING,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, DELETE, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_ID_INFO, FILE_READ_ATTRIBUTES, FILE_RENAME_INFO, FILE_WRITE_ATTRIBUTES, FileIdInfo, FileRenameInfo,
    GetDiskFreeSpaceExW, GetFileInformationByHandle, GetFileInformationByHandleEx, MOVEFILE_WRITE_THROUGH,
    MoveFileExW, SYNCHRONIZE, SetFileInformationByHandle,
};

use super::wide;
use crate::sys::netfs::FileSystem;

/// Whether a symbolic link is looked at or through.
#[derive(Clone, Copy, Debug)]
pub enum Links {
    Follow,
    Stay,
}

/// Volume and file id, where the file system has any. Two files without an id are never the same.
#[derive(Clone, Copy, Debug)]
pub struct Identity(Option<(u64, u128)>);

impl Identity {
    pub fn volume(self) -> Option<u64> {
        self.0.map(|(volume, _)| volume)
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

/// Closes a file that was written to.
#[expect(clippy::unnecessary_wraps, reason = "one half of the twins: Unix has something to say")]
pub fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

/// What keeps a folder found: nothing does.
pub type Held = std::convert::Infallible;

/// There is no path that begins at an open folder.
pub fn hold(_folder: &Path) -> Option<(std::path::PathBuf, Held)> {
    None
}

#[expect(unsafe_code, reason = "Win32 calls on a handle and buffers of ours")]
pub fn identity(path: &Path, links: Links) -> io::Result<Identity> {
    let stay = match links {
        Links::Follow => 0,
        Links::Stay => FILE_FLAG_OPEN_REPARSE_POINT,
    };
    let file = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | stay)
        .open(path)?;
    let mut long = FILE_ID_INFO::default();
    // SAFETY: the handle is open and the buffer is of the type that the class asks for.
    let told = unsafe {
        GetFileInformationByHandleEx(
            file.as_raw_handle(),
            FileIdInfo,
            (&raw mut long).cast::<c_void>(),
            size_of::<FILE_ID_INFO>() as u32,
        )
    };
    let id = u128::from_ne_bytes(long.FileId.Identifier);
    if told != 0 && id != 0 && id != u128::MAX {
        return Ok(Identity(Some((long.VolumeSerialNumber, id))));
    }
    // Redirectors and FAT know the older call only.
    let mut short = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: as above.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut short) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let id = (u64::from(short.nFileIndexHigh) << 32) | u64::from(short.nFileIndexLow);
    let known = id != 0 && id != u64::MAX;
    Ok(Identity(known.then_some((u64::from(short.dwVolumeSerialNumber), u128::from(id)))))
}

fn is_one_of(error: &io::Error, codes: &[u32]) -> bool {
    error.raw_os_error().is_some_and(|code| codes.contains(&code.cast_unsigned()))
}

/// Asked of the server: the redirector would answer from a listing of the folder above.
pub fn folder_metadata(dir: &Path) -> io::Result<std::fs::Metadata> {
    OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(dir)?
        .metadata()
}

/// Worth another attempt: somebody (an indexer, a virus scanner, a player) has it open, or the server is away.
pub fn is_transient(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
        || is_delete_pending(error)
        || is_one_of(
            error,
            &[
                ERROR_SHARING_VIOLATION,
                ERROR_LOCK_VIOLATION,
                ERROR_DELETE_PENDING,
                ERROR_UNEXP_NET_ERR,
                ERROR_NETNAME_DELETED,
                ERROR_SEM_TIMEOUT,
                ERROR_NETWORK_UNREACHABLE,
            ],
        )
}

/// The name is being removed, and whoever has it open keeps it a moment longer: SMB servers do so. Windows calls that "access
/// denied" like any other refusal, and only the status beneath, this thread's last, tells them apart.
#[expect(unsafe_code, reason = "a call that reads a number of this thread's")]
fn is_delete_pending(error: &io::Error) -> bool {
    #[link(name = "ntdll")]
    unsafe extern "system" {
        fn RtlGetLastNtStatus() -> NTSTATUS;
    }
    // SAFETY: it takes nothing and reads the thread's own block.
    is_one_of(error, &[ERROR_ACCESS_DENIED]) && unsafe { RtlGetLastNtStatus() } == STATUS_DELETE_PENDING
}

/// The same, for opening a file that is there.
pub fn is_transient_open(error: &io::Error) -> bool {
    is_transient(error)
}

/// The same, for a call that changes something: there "access denied" also says that a target is open, or that a
/// folder has something open in it, or that a name is about to vanish.
pub fn is_transient_change(error: &io::Error) -> bool {
    is_transient(error) || is_one_of(error, &[ERROR_ACCESS_DENIED])
}

/// Another program has it open and shares it with nobody.
pub fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy
        || is_one_of(error, &[ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_DELETE_PENDING])
}

/// Opens a file as programs do that let others read it, and neither write to it nor take its name.
#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "one half of the twins: Unix has no such thing")]
pub fn open_unshared(path: &Path) -> Option<File> {
    let shared = windows_sys::Win32::Storage::FileSystem::FILE_SHARE_READ;
    Some(OpenOptions::new().read(true).share_mode(shared).open(path).expect("it is there, and nobody's"))
}

/// The file system (or this very file) takes no second name.
pub fn has_no_links(error: &io::Error) -> bool {
    is_one_of(error, &[ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED, ERROR_TOO_MANY_LINKS])
}

/// The server itself refuses to rename onto a name that is there.
pub fn has_safe_no_replace(_kind: &FileSystem) -> bool {
    true
}

/// Two file names are one: NTFS and SMB servers keep case and ignore it.
pub fn same_name(a: &OsStr, b: &OsStr) -> bool {
    match (a.to_str(), b.to_str()) {
        (Some(a), Some(b)) => a == b || crate::sys::path::folded(a) == crate::sys::path::folded(b),
        _ => a == b,
    }
}

/// The network redirector may show a listing ten seconds old, but to open a name that is there always reaches the
/// server. (A failure to open proves nothing: the redirector remembers those for a while, too.)
pub fn is_surely_there(path: &Path) -> bool {
    identity(path, Links::Stay).is_ok()
}

/// Never replaces: an empty folder in the way has to be removed first, which fails for one that is not empty.
pub fn rename_dir(from: &Path, to: &Path) -> io::Result<()> {
    match rename_new(from, to) {
        Err(error) if is_one_of(&error, &[ERROR_ALREADY_EXISTS, ERROR_ACCESS_DENIED]) => {
            if std::fs::remove_dir(to).is_ok() {
                rename_new(from, to)
            } else {
                Err(error)
            }
        }
        result => result,
    }
}

/// Renames through a handle that nobody shares. A rename is bound to an open handle, so that two clients who both had
/// the file open would both be told of success.
#[expect(unsafe_code, reason = "a Win32 call on a handle of ours and a buffer built here")]
pub fn rename_taking(from: &Path, to: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .access_mode(DELETE | SYNCHRONIZE)
        .share_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(from)?;
    let name = wide(&std::path::absolute(to)?);
    // The struct ends in the first unit of the name; the rest follows it.
    let size = size_of::<FILE_RENAME_INFO>() + name.len() * 2;
    let mut buffer = vec![0u64; size.div_ceil(8)];
    let info = buffer.as_mut_ptr().cast::<FILE_RENAME_INFO>();
    // SAFETY: the buffer is zeroed (replace nothing, no root folder), aligned for the struct and long enough for the name
    // with its NUL; the handle is open.
    let done = unsafe {
        (*info).FileNameLength = ((name.len() - 1) * 2) as u32;
        let start = (&raw mut (*info).FileName).cast::<u16>();
        std::ptr::copy_nonoverlapping(name.as_ptr(), start, name.len());
        SetFileInformationByHandle(file.as_raw_handle(), FileRenameInfo, info.cast::<c_void>(), size as u32)
    };
    if done != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    drop(file);
    if is_one_of(&error, &[ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_INVALID_FUNCTION]) {
        return rename_new(from, to);
    }
    Err(error)
}

/// MoveFileExW, and where the target is open the rename with POSIX semantics: the standard library does both.
pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Without flags that would replace, copy or wait for a reboot.
#[expect(unsafe_code, reason = "a Win32 call on two names of ours")]
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from), wide(to));
    // SAFETY: both names end in NUL.
    if unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_WRITE_THROUGH) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

pub fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "Windows cannot exchange two names"))
}

pub fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to)
}

pub fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mut permissions = std::fs::symlink_metadata(path)?.permissions();
            if !permissions.readonly() {
                return Err(error);
            }
            #[expect(
                clippy::permissions_set_readonly_false,
                reason = "this is Windows, where it is one attribute"
            )]
            permissions.set_readonly(false);
            std::fs::set_permissions(path, permissions)?;
            std::fs::remove_file(path)
        }
        result => result,
    }
}

/// Windows has no such thing; renames were asked to be written through. Only that the folder is there can be said.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(drop)
}

#[expect(unsafe_code, reason = "a Win32 call on a name and a number of ours")]
pub fn free_space(path: &Path) -> io::Result<u64> {
    let folder = if std::fs::metadata(path)?.is_dir() { Some(path) } else { path.parent() };
    // A share's root wants its last backslash.
    let name = wide(&folder.unwrap_or(path).join(""));
    let mut free = 0;
    // SAFETY: the name ends in NUL; null is allowed for what is not wanted.
    let told = unsafe {
        GetDiskFreeSpaceExW(name.as_ptr(), &raw mut free, std::ptr::null_mut(), std::ptr::null_mut())
    };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(free) }
}

pub fn open_for_times(path: &Path) -> io::Result<File> {
    OpenOptions::new().access_mode(FILE_WRITE_ATTRIBUTES).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)
}

/// A new file has its folder's access list, which is what its readers need.
pub fn adopt_ownership(_from: &Path, _to: &Path) {}

/// NTFS can tell, but few servers pass it on: not asked.
pub fn is_hollow(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::Foundation::STATUS_ACCESS_DENIED;

    /// Fails as a call does whose answer this was.
    #[expect(unsafe_code, reason = "a call that writes two numbers of this thread's")]
    fn failed_with(status: NTSTATUS) -> io::Error {
        #[link(name = "ntdll")]
        unsafe extern "system" {
            fn RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status: NTSTATUS) -> u32;
        }
        // SAFETY: it writes the thread's own block.
        unsafe { RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status) };
        io::Error::last_os_error()
    }

    #[test]
    fn a_name_about_to_go_is_waited_for_and_a_forbidden_one_is_not() {
        let pending = failed_with(STATUS_DELETE_PENDING);
        assert_eq!(pending.raw_os_error(), Some(ERROR_ACCESS_DENIED.cast_signed()));
        assert!(is_transient(&pending) && is_transient_open(&pending));
        let forbidden = failed_with(STATUS_ACCESS_DENIED);
        assert_eq!(forbidden.raw_os_error(), Some(ERROR_ACCESS_DENIED.cast_signed()));
        assert!(!is_transient(&forbidden) && !is_transient_open(&forbidden));
    }
}
