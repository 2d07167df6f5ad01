//! Which machine, which boot, which process.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::kernel;
pub use super::kernel::{boot_id, container, machine_id, own_start, pid_namespace};

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
        Ok(()) | Err(Errno::PERM) => kernel::look(pid),
        Err(Errno::SRCH) => Process::Absent,
        Err(_) => Process::Hidden,
    }
}
