//! Who we are: the machine, this boot of it, this process — so that another process can tell whether we still live.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::os;
use super::os::host::Process;

/// A worker's identity, complete enough that neither a reused pid nor a container's small pids fool anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Host name, for people.
    pub hostname: String,
    /// Stable id of the installation (`/etc/machine-id`, Windows MachineGuid), hashed with our name; hex.
    pub machine: String,
    /// This boot (`/proc/sys/kernel/random/boot_id`; Windows: hash of boot time); hex.
    pub boot: String,
    /// The pid namespace (Linux: its inode; elsewhere 0).
    pub pid_namespace: u64,
    /// Process id within that namespace.
    pub pid: u32,
    /// The process's start time in the kernel's own unit (Linux: clock ticks since boot; Windows: FILETIME).
    pub start: u64,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, and it is the same process.
    Alive,
    /// It is certainly gone: same boot, same pid namespace, and the pid is free or belongs to another start time.
    Gone,
    /// Cannot be told from here: another machine, another boot, another pid namespace.
    Unknown,
}

/// This process's identity; computed once.
pub fn me() -> &'static Identity {
    static ME: OnceLock<Identity> = OnceLock::new();
    ME.get_or_init(|| {
        let hostname = gethostname::gethostname().to_string_lossy().into_owned();
        let mut hasher = blake3::Hasher::new_derive_key("media-converter machine v1");
        for part in [os::host::machine_id().as_str(), os::host::container(), hostname.as_str()] {
            // The host name is in it because clones of one image share an id, and rarely share a name.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Identity {
            machine: digits(&hasher, 32),
            boot: os::host::boot_id(),
            pid_namespace: os::host::pid_namespace(),
            pid: std::process::id(),
            start: os::host::own_start(),
            hostname,
        }
    })
}

/// Whether the worker of this identity still runs, as far as this machine can tell. A *different* boot id is
/// [`Life::Unknown`], not a proof of death (cloned machines share ids).
pub fn life(of: &Identity) -> Life {
    let me = me();
    // An empty boot id means that the system told nothing, and two nothings prove nothing.
    if me.boot.is_empty()
        || (&of.machine, &of.boot, of.pid_namespace) != (&me.machine, &me.boot, me.pid_namespace)
    {
        return Life::Unknown;
    }
    if of.pid == me.pid {
        return if of.start == me.start { Life::Alive } else { Life::Gone };
    }
    match os::host::process(of.pid) {
        Process::Absent | Process::Dead => Life::Gone,
        Process::Runs { start: Some(start) } if of.start != 0 && start != of.start => Life::Gone,
        Process::Runs { .. } => Life::Alive,
        Process::Hidden => Life::Unknown,
    }
}

/// Eight hex digits that stand for (machine, boot, pid namespace); part of claim tokens.
pub fn home(of: &Identity) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("media-converter home v1");
    for part in [&of.machine, &of.boot] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&of.pid_namespace.to_le_bytes());
    digits(&hasher, 8)
}

/// [`life`] for a token's parts alone: the home digits and the pid, without a start time. `Gone` only where the home
/// is ours and no process has the pid.
pub fn life_by_pid(home: &str, pid: u32) -> Life {
    let me = me();
    if me.boot.is_empty() || home != self::home(me) {
        return Life::Unknown;
    }
    if pid == me.pid {
        return Life::Alive;
    }
    match os::host::process(pid) {
        Process::Absent | Process::Dead => Life::Gone,
        Process::Runs { .. } => Life::Alive,
        Process::Hidden => Life::Unknown,
    }
}

/// Random bytes from the operating system, as hex.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("a system without randomness cannot make unique names");
    buffer.iter().fold(String::with_capacity(bytes * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is a hex digit"));
        }
        text
    })
}

fn digits(hasher: &blake3::Hasher, count: usize) -> String {
    let mut text = hasher.finalize().to_hex().to_string();
    text.truncate(count);
    text
}
