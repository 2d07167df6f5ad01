//! Children: ffmpeg and ffprobe, in their own group or job object, so that they never outlive us.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::os;

/// A line longer than this is cut: a broken child may print for ever without an end of line.
const LONGEST_LINE: usize = 64 * 1024;

/// How long after the child's end its pipes may stay open (a grandchild holds them) before the group is killed.
const LINGER: Duration = Duration::from_secs(2);

/// How long a killed child may take to end. In a system call on a dead file server it may take for ever.
const BURIAL: Duration = Duration::from_secs(10);

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
#[must_use = "dropping it kills it"]
pub struct Child {
    group: os::process::Group,
    readers: [Reader; 2],
    ended: Option<Ended>,
}

/// The thread that reads one pipe.
#[derive(Debug)]
struct Reader {
    /// Hears the end: the sender is dropped.
    done: Receiver<()>,
    /// Nobody listens any more.
    muted: Arc<AtomicBool>,
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
/// A line ends at `\n` or `\r`; empty lines are left out. On Linux the child gets PR_SET_PDEATHSIG; on Windows it joins a
/// job object that kills on close.
pub fn spawn(
    spawn: &Spawn,
    on_stdout: impl FnMut(&str) + Send + 'static,
    on_stderr: impl FnMut(&str) + Send + 'static,
) -> io::Result<Child> {
    let mut stdout = Lines::new(on_stdout);
    let mut stderr = Lines::new(on_stderr);
    start(spawn, move |bytes| stdout.take(bytes), move |bytes| stderr.take(bytes))
}

/// Runs a short child to its end, with a deadline and at most `limit` bytes of each output kept.
pub fn output(spawn: &Spawn, deadline: Duration, limit: usize) -> io::Result<Output> {
    let kept = [Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new()))];
    let keep = |store: &Arc<Mutex<Vec<u8>>>| {
        let store = Arc::clone(store);
        move |bytes: &[u8]| {
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            let room = limit.saturating_sub(store.len());
            store.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    };
    let mut child = start(spawn, keep(&kept[0]), keep(&kept[1]))?;
    let (ended, timed_out) = match child.wait(deadline)? {
        Some(ended) => (ended, false),
        None => (child.end(), true),
    };
    let [stdout, stderr] =
        kept.map(|store| std::mem::take(&mut *store.lock().unwrap_or_else(PoisonError::into_inner)));
    Ok(Output { ended, stdout, stderr, timed_out })
}

fn start(
    spawn: &Spawn,
    on_stdout: impl FnMut(&[u8]) + Send + 'static,
    on_stderr: impl FnMut(&[u8]) + Send + 'static,
) -> io::Result<Child> {
    let mut command = Command::new(&spawn.program);
    command.args(&spawn.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (group, stdout, stderr) = os::process::start(command, spawn.background)?;
    Ok(Child {
        group,
        readers: [Reader::start(stdout, on_stdout)?, Reader::start(stderr, on_stderr)?],
        ended: None,
    })
}

impl Reader {
    /// `take` gets what was read, and an empty slice at the end.
    fn start(
        mut pipe: impl Read + Send + 'static,
        mut take: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Self> {
        let (end, done) = channel();
        let muted = Arc::new(AtomicBool::new(false));
        let deaf = Arc::clone(&muted);
        std::thread::Builder::new().name("child output".to_owned()).spawn(move || {
            let _end = end;
            let mut buffer = [0; 16 * 1024];
            loop {
                let read = match pipe.read(&mut buffer) {
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    // A broken pipe is how Windows says that the other end is closed.
                    Err(_) => 0,
                };
                if !deaf.load(Ordering::Acquire) {
                    take(&buffer[..read]);
                }
                if read == 0 {
                    return;
                }
            }
        })?;
        Ok(Self { done, muted })
    }

    /// Waits for the end of the pipe until `deadline`.
    fn ends_before(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        matches!(self.done.recv_timeout(left), Err(RecvTimeoutError::Disconnected))
    }
}

/// Cuts bytes into lines.
struct Lines<F> {
    begun: Vec<u8>,
    on_line: F,
}

impl<F: FnMut(&str)> Lines<F> {
    fn new(on_line: F) -> Self {
        Self { begun: Vec::new(), on_line }
    }

    /// Takes what came; an empty slice is the end.
    fn take(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(first) = pieces.next() else { return };
        self.add(first);
        for piece in pieces {
            self.finish();
            self.add(piece);
        }
        if bytes.is_empty() {
            self.finish();
        }
    }

    fn add(&mut self, piece: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn finish(&mut self) {
        if !self.begun.is_empty() {
            (self.on_line)(&String::from_utf8_lossy(&self.begun));
            self.begun.clear();
        }
    }
}

impl Child {
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// Waits at most `time`; `None`: it still runs. After the end, all lines have been delivered.
    pub fn wait(&mut self, time: Duration) -> io::Result<Option<Ended>> {
        if let Some(ended) = &self.ended {
            return Ok(Some(ended.clone()));
        }
        if !self.group.has_ended_within(time)? {
            return Ok(None);
        }
        Ok(Some(self.bury()))
    }

    /// Kills the whole group at once and reaps it.
    pub fn kill(&mut self) {
        self.end();
    }

    fn end(&mut self) -> Ended {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        self.group.kill();
        if self.group.has_ended_within(BURIAL).unwrap_or(false) {
            return self.bury();
        }
        self.mute();
        self.group.abandon();
        let ended = Ended { code: None, signal: None };
        self.ended = Some(ended.clone());
        ended
    }

    /// Lets the readers finish, kills what is left of the group, and reaps: in this order, because the dead child's
    /// number stands for the group only until it is reaped.
    fn bury(&mut self) -> Ended {
        let deadline = Instant::now() + LINGER;
        let finished = self.readers.iter().all(|reader| reader.ends_before(deadline));
        self.group.kill();
        if !finished {
            let deadline = Instant::now() + LINGER;
            if !self.readers.iter().all(|reader| reader.ends_before(deadline)) {
                self.mute();
            }
        }
        let ended = self.group.reap();
        self.ended = Some(ended.clone());
        ended
    }

    fn mute(&self) {
        for reader in &self.readers {
            reader.muted.store(true, Ordering::Release);
        }
    }

    /// Stops the whole group (SIGSTOP; NtSuspendProcess).
    pub fn suspend(&self) -> io::Result<()> {
        if self.ended.is_some() { Ok(()) } else { self.group.suspend() }
    }

    /// Lets it go on.
    pub fn resume(&self) -> io::Result<()> {
        if self.ended.is_some() { Ok(()) } else { self.group.resume() }
    }

    /// CPU time used so far by the child itself; `None` where it cannot be told.
    pub fn cpu_time(&self) -> Option<Duration> {
        if self.ended.is_some() { None } else { self.group.cpu_time() }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// The program of this name in PATH (`.exe` added on Windows); a path with a separator is taken as it is, where there
/// is a program.
pub fn find_program(name: &Path) -> Option<PathBuf> {
    if name.as_os_str().is_empty() {
        return None;
    }
    let candidates = os::process::program_names(name);
    if name.components().count() > 1 || name.is_absolute() {
        return candidates.into_iter().find(|path| os::process::is_program(path));
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        // An empty or relative folder in PATH would run whatever lies in the current folder, which may be the share.
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| candidates.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(|path| os::process::is_program(path))
}
