//! What holds a path: UNC or mapped drive, or a volume of this machine.

use std::io;
use std::path::{Component, Path, PathBuf, Prefix};

use windows_sys::Win32::Storage::FileSystem::{GetDriveTypeW, GetVolumeInformationW, GetVolumePathNameW};

use super::wide;
use crate::sys::netfs::{FileSystem, Mount};

/// `DRIVE_REMOTE` of GetDriveTypeW.
const REMOTE: u32 = 4;

pub fn of(path: &Path) -> io::Result<Mount> {
    // Sees through mapped drives, junctions and links to shares. RAM disks and some drivers cannot do it.
    let real = match std::fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => std::path::absolute(path)?,
    };
    if let Some(share) = share_of(&real) {
        return Ok(Mount { kind: FileSystem::WindowsNetwork, options: Vec::new(), source: share });
    }
    let root = volume_of(dunce::simplified(&real))?;
    let (drive, name) = ask(&root);
    let kind = match name {
        _ if drive == REMOTE => FileSystem::WindowsNetwork,
        // WinFsp file systems that pose as a disk call themselves `FUSE-rclone` and the like.
        name if name.to_ascii_uppercase().starts_with("FUSE") => {
            FileSystem::Fuse { subtype: name.get(5..).unwrap_or_default().to_ascii_lowercase() }
        }
        name => FileSystem::Local(name),
    };
    Ok(Mount { kind, options: Vec::new(), source: root.to_string_lossy().into_owned() })
}

fn share_of(path: &Path) -> Option<String> {
    let Some(Component::Prefix(prefix)) = path.components().next() else { return None };
    match prefix.kind() {
        Prefix::UNC(server, share) | Prefix::VerbatimUNC(server, share) => {
            Some(format!(r"\\{}\{}", server.to_string_lossy(), share.to_string_lossy()))
        }
        _ => None,
    }
}

/// The mount point of the volume, with its last backslash.
#[expect(unsafe_code, reason = "a Win32 call on buffers of ours")]
fn volume_of(path: &Path) -> io::Result<PathBuf> {
    let name = wide(path);
    let mut buffer = vec![0u16; name.len() + 300];
    // SAFETY: both buffers outlive the call and the length is that of the second.
    if unsafe { GetVolumePathNameW(name.as_ptr(), buffer.as_mut_ptr(), buffer.len() as u32) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PathBuf::from(text(&buffer)))
}

/// The kind of drive and the name of its file system (empty where it does not tell).
#[expect(unsafe_code, reason = "Win32 calls on buffers of ours")]
fn ask(root: &Path) -> (u32, String) {
    let root = wide(root);
    let mut name = [0u16; 64];
    // SAFETY: `root` ends in NUL; `name` has the length that is said; null is allowed for what is not wanted.
    unsafe {
        let drive = GetDriveTypeW(root.as_ptr());
        GetVolumeInformationW(
            root.as_ptr(),
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            name.as_mut_ptr(),
            name.len() as u32,
        );
        (drive, text(&name))
    }
}

fn text(buffer: &[u16]) -> String {
    let end = buffer.iter().position(|unit| *unit == 0).unwrap_or(buffer.len());
    String::from_utf16_lossy(&buffer[..end])
}
