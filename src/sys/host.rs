//! Who we are: the machine, this boot of it, this process — so that another process can tell whether we still live.

use serde::{Deserialize, Serialize};

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
    todo!()
}

/// Whether the worker of this identity still runs, as far as this machine can tell. A *different* boot id is
/// [`Life::Unknown`], not a proof of death (cloned machines share ids).
pub fn life(of: &Identity) -> Life {
    let _ = of;
    todo!()
}

/// Eight hex digits that stand for (machine, boot, pid namespace); part of claim tokens.
pub fn home(of: &Identity) -> String {
    let _ = of;
    todo!()
}

/// [`life`] for a token's parts alone: the home digits and the pid, without a start time. `Gone` only where the home
/// is ours and no process has the pid.
pub fn life_by_pid(home: &str, pid: u32) -> Life {
    let _ = (home, pid);
    todo!()
}

/// Random bytes from the operating system, as hex.
pub fn random_hex(bytes: usize) -> String {
    let _ = bytes;
    todo!()
}
