//! What only Linux has: /proc.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::host::Process;

/// With O_PATH no file system is told of the opening (open(2)), and a path through /proc/self/fd begins at the folder
/// itself (proc_pid_fd(5)).
pub fn hold(folder: &Path) -> Option<(PathBuf, OwnedFd)> {
    use rustix::fs::{Mode, OFlags};
    let held =
        rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    // A container may have no /proc.
    path.symlink_metadata().is_ok().then_some((path, held))
}

pub fn look(pid: u32) -> Process {
    if !is_our_proc() {
        return Process::Runs { start: None };
    }
    match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse(&stat).map_or(Process::Runs { start: None }, |stat| match stat.state {
            b'Z' | b'X' | b'x' => Process::Dead,
            _ => Process::Runs { start: Some(stat.start) },
        }),
        Err(_) => Process::Runs { start: None },
    }
}

/// The parts of `/proc/<pid>/stat` that are used (proc_pid_stat(5)).
pub struct Stat {
    pub state: u8,
    /// User and system time of all threads, in ticks.
    pub cpu: u64,
    /// Start in ticks since boot.
    pub start: u64,
}

/// The program's name comes in brackets and may itself hold brackets and spaces, so fields count from the last one.
pub fn parse(stat: &[u8]) -> Option<Stat> {
    let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = str::from_utf8(stat.get(after..)?).ok()?.split_ascii_whitespace().collect();
    // The first field after the name is number 3.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        cpu: number(14)? + number(15)?,
        start: number(22)?,
    })
}

/// /proc shows the namespace that it was mounted in, which in a hand-made container may not be ours.
pub fn is_our_proc() -> bool {
    std::fs::read_link("/proc/self")
        .is_ok_and(|target| target.to_str().is_some_and(|text| text == std::process::id().to_string()))
}

pub fn own_start() -> u64 {
    std::fs::read("/proc/self/stat").ok().and_then(|stat| parse(&stat)).map_or(0, |stat| stat.start)
}

/// The installation's id; empty where there is none, and the host name has to do.
pub fn machine_id() -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| text.len() >= 32 && text != "uninitialized")
        .unwrap_or_default()
}

/// A word for the container we are in, as an image's machine id is that of all its containers.
pub fn container() -> &'static str {
    let there = |path: &str| std::path::Path::new(path).exists();
    if there("/.dockerenv") {
        "docker"
    } else if there("/run/.containerenv") {
        "podman"
    } else if there("/run/systemd/container") {
        "nspawn"
    } else {
        ""
    }
}

pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().replace('-', ""))
        .unwrap_or_default()
}

pub fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// User and system time of a process.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    if !is_our_proc() {
        return None;
    }
    let stat = parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    #[expect(unsafe_code, reason = "sysconf(3): a number in, a number out")]
    // SAFETY: no memory is involved.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    (ticks > 0).then(|| Duration::from_secs_f64(stat.cpu as f64 / ticks as f64))
}
