//! What only macOS has: sysctl, libproc, and file systems named by statfs.

use std::ffi::{CStr, c_void};
use std::time::Duration;

use super::host::Process;

/// `SZOMB` of <sys/proc.h>.
const ZOMBIE: u32 = 5;

/// There is no path that begins at an open folder.
pub fn hold(_folder: &std::path::Path) -> Option<(std::path::PathBuf, std::os::fd::OwnedFd)> {
    None
}

/// The installation's id; empty where it does not tell, and the host name has to do.
#[expect(unsafe_code, reason = "gethostuuid(2) fills a buffer of ours")]
pub fn machine_id() -> String {
    let mut id = [0u8; 16];
    let patience = libc::timespec { tv_sec: 5, tv_nsec: 0 };
    // SAFETY: the buffer has the 16 bytes of a uuid_t.
    if unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const patience) } != 0 {
        return String::new();
    }
    format!("{:032x}", u128::from_be_bytes(id))
}

pub fn container() -> &'static str {
    ""
}

/// `kern.bootsessionuuid`, new with each boot.
pub fn boot_id() -> String {
    sysctl(c"kern.bootsessionuuid").replace('-', "").to_lowercase()
}

pub fn pid_namespace() -> u64 {
    0
}

/// Microseconds since 1970, as the kernel noted them when the process started.
pub fn own_start() -> u64 {
    match look(std::process::id()) {
        Process::Runs { start: Some(start) } => start,
        _ => 0,
    }
}

/// A process that is there. Of other users' processes the kernel tells no start.
pub fn look(pid: u32) -> Process {
    match info::<libc::proc_bsdinfo>(pid, libc::PROC_PIDTBSDINFO) {
        Some(found) if found.pbi_status == ZOMBIE => Process::Dead,
        Some(found) => {
            Process::Runs { start: Some(found.pbi_start_tvsec * 1_000_000 + found.pbi_start_tvusec) }
        }
        None => Process::Runs { start: None },
    }
}

/// User and system time of a process.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let found = info::<libc::proc_taskinfo>(pid, libc::PROC_PIDTASKINFO)?;
    // In units of mach_absolute_time, which are nanoseconds on Intel and 125/3 of one on Apple's own processors.
    let ticks = found.pti_total_user + found.pti_total_system;
    let nanos = if cfg!(target_arch = "aarch64") { ticks.saturating_mul(125) / 3 } else { ticks };
    Some(Duration::from_nanos(nanos))
}

#[expect(unsafe_code, reason = "proc_pidinfo fills a struct of ours")]
fn info<T>(pid: u32, flavor: i32) -> Option<T> {
    let mut found = std::mem::MaybeUninit::<T>::zeroed();
    let size = i32::try_from(size_of::<T>()).ok()?;
    // SAFETY: the struct is the one of the flavor and has the size that is said; it is read only when it was filled whole.
    unsafe {
        let told =
            libc::proc_pidinfo(pid.cast_signed(), flavor, 0, found.as_mut_ptr().cast::<c_void>(), size);
        (told == size).then(|| found.assume_init())
    }
}

#[expect(unsafe_code, reason = "sysctlbyname(3) fills a buffer of ours")]
fn sysctl(name: &CStr) -> String {
    let mut buffer = [0u8; 128];
    let mut size = buffer.len();
    // SAFETY: the name ends in NUL and `size` is that of the buffer.
    let failed = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            buffer.as_mut_ptr().cast::<c_void>(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    if failed != 0 {
        return String::new();
    }
    CStr::from_bytes_until_nul(&buffer).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

pub mod netfs {
    //! What holds a path, by statfs(2).

    use std::io;
    use std::path::Path;

    use crate::sys::netfs::{FileSystem, Mount};

    /// What holds a path, by statfs(2).
    pub fn of(path: &Path) -> io::Result<Mount> {
        let found = rustix::fs::statfs(path)?;
        let text = |field: &[std::ffi::c_char]| {
            let bytes: Vec<u8> = field.iter().take_while(|c| **c != 0).map(|c| c.cast_unsigned()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let kind = match text(&found.f_fstypename).as_str() {
            "nfs" => FileSystem::Nfs { version: None },
            // Not measured; treated like the SMB client that needs the most care.
            "smbfs" => FileSystem::LinuxSmb,
            name @ ("webdav" | "afpfs") => FileSystem::Fuse { subtype: name.to_owned() },
            name if name.contains("fuse") => FileSystem::Fuse { subtype: name.to_owned() },
            name => FileSystem::Local(name.to_owned()),
        };
        Ok(Mount { kind, options: Vec::new(), source: text(&found.f_mntfromname) })
    }
}

/// FSEvents needs a thread and a run loop, and APFS keeps its folders' times.
pub mod notice {
    pub use crate::sys::notice::Silent as Notices;
}
