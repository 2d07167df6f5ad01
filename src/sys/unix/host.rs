//! Which machine, which boot, which process.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// What the kernel says of a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// No process has it.
    Absent,
    /// It has ended and waits to be reaped; it will never do anything again.
    Dead,
    /// It runs; `start` where it could be read.
    Runs { start: Option<u64> },
    /// It cannot be told.
    Hidden,
}

/// Asks the kernel for a pid of our own namespace.
pub fn process(pid: u32) -> Process {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Process::Hidden };
    // kill(2) with no signal, because /proc may hide the processes of other users (hidepid).
    match test_kill_process(number) {
        Ok(()) | Err(Errno::PERM) => look(pid),
        Err(Errno::SRCH) => Process::Absent,
        Err(_) => Process::Hidden,
    }
}

#[cfg(not(target_os = "macos"))]
fn look(pid: u32) -> Process {
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
#[cfg(not(target_os = "macos"))]
pub struct Stat {
    pub state: u8,
    /// User and system time of all threads, in ticks.
    pub cpu: u64,
    /// Start in ticks since boot.
    pub start: u64,
}

/// The program's name comes in brackets and may itself hold brackets and spaces, so fields count from the last one.
#[cfg(not(target_os = "macos"))]
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
#[cfg(not(target_os = "macos"))]
pub fn is_our_proc() -> bool {
    std::fs::read_link("/proc/self")
        .is_ok_and(|target| target.to_str().is_some_and(|text| text == std::process::id().to_string()))
}

#[cfg(not(target_os = "macos"))]
pub fn own_start() -> u64 {
    std::fs::read("/proc/self/stat").ok().and_then(|stat| parse(&stat)).map_or(0, |stat| stat.start)
}

/// The installation's id; empty where there is none, and the host name has to do.
#[cfg(not(target_os = "macos"))]
pub fn machine_id() -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| text.len() >= 32 && text != "uninitialized")
        .unwrap_or_default()
}

/// A word for the container we are in, as an image's machine id is that of all its containers.
#[cfg(not(target_os = "macos"))]
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

#[cfg(not(target_os = "macos"))]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().replace('-', ""))
        .unwrap_or_default()
}

#[cfg(not(target_os = "macos"))]
pub fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}
