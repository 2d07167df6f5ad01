//! Children: ffmpeg and ffprobe, in their own group or job object, so that they never outlive us.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a child is to be run.
#[derive(Clone, Debug)]
pub struct Spawn {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Low CPU and IO priority (nice 10, IO idle/best-effort 7; Windows below normal).
    pub background: bool,
}

/// A running child. Dropping it kills the whole group and waits.
#[derive(Debug)]
pub struct Child {
    _private: (),
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The signal, on Unix.
    pub signal: Option<i32>,
}

impl Ended {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// A short child's whole output.
#[derive(Clone, Debug)]
pub struct Output {
    pub ended: Ended,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// It ran past the deadline and was killed.
    pub timed_out: bool,
}

/// Starts a child with stdin closed; each line of stdout and stderr goes to its callback, from threads of its own.
/// On Linux the child gets PR_SET_PDEATHSIG; on Windows it joins a job object that kills on close.
pub fn spawn(
    spawn: &Spawn,
    on_stdout: impl FnMut(&str) + Send + 'static,
    on_stderr: impl FnMut(&str) + Send + 'static,
) -> std::io::Result<Child> {
    let _ = (spawn, on_stdout, on_stderr);
    todo!()
}

/// Runs a short child to its end, with a deadline and at most `limit` bytes of each output kept.
pub fn output(spawn: &Spawn, deadline: Duration, limit: usize) -> std::io::Result<Output> {
    let _ = (spawn, deadline, limit);
    todo!()
}

impl Child {
    pub fn id(&self) -> u32 {
        todo!()
    }
    /// Waits at most `time`; `None`: it still runs. After the end, all lines have been delivered.
    pub fn wait(&mut self, time: Duration) -> std::io::Result<Option<Ended>> {
        let _ = time;
        todo!()
    }
    /// Kills the whole group at once and reaps it.
    pub fn kill(&mut self) {
        todo!()
    }
    /// Stops the whole group (SIGSTOP; NtSuspendProcess).
    pub fn suspend(&self) -> std::io::Result<()> {
        todo!()
    }
    /// Lets it go on.
    pub fn resume(&self) -> std::io::Result<()> {
        todo!()
    }
    /// CPU time used so far by the child itself; `None` where it cannot be told.
    pub fn cpu_time(&self) -> Option<Duration> {
        todo!()
    }
}

/// The program of this name in PATH (`.exe` added on Windows); a path with a separator is taken as it is.
pub fn find_program(name: &Path) -> Option<PathBuf> {
    let _ = name;
    todo!()
}
