//! A running program: its events as they come, its end, and the ways it can be hurt.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a loaded machine; only a hang meets it.
/// Under wine, on a machine that does other things besides, each start of a program takes seconds.
pub const DEADLINE: Duration = Duration::from_secs(if cfg!(windows) { 900 } else { 120 });

/// However much it has to say.
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(windows)]
#[expect(unsafe_code, reason = "a handle in, a status out")]
mod suspended {
    use std::os::windows::io::AsRawHandle as _;
    use windows_sys::Win32::Foundation::HANDLE;

    #[link(name = "ntdll")]
    unsafe extern "system" {
        pub fn NtSuspendProcess(process: HANDLE) -> i32;
        pub fn NtResumeProcess(process: HANDLE) -> i32;
    }

    /// Does this to every thread of the process.
    pub fn whole(child: &std::process::Child, call: unsafe extern "system" fn(HANDLE) -> i32) {
        // SAFETY: the handle is open as long as the child is there.
        let status = unsafe { call(child.as_raw_handle()) };
        assert!(status >= 0, "{status:#x}");
    }
}

/// A program that was started.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Option<JoinHandle<String>>,
    begun: Instant,
}

/// A program that came to its end.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Worker {
    pub fn start(mut command: Command) -> Worker {
        let begun = Instant::now();
        #[cfg(windows)]
        {
            // Ctrl-Break reaches whole groups only, and this test is not to get it.
            use std::os::windows::process::CommandExt as _;
            command.creation_flags(windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program under test starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Worker { child, lines, seen: Vec::new(), stderr: Some(stderr), begun }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first event (a line of JSON on stdout) that `fits`; fails at the deadline or when the program ends.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let event: Option<Value> = serde_json::from_str(&line).ok();
                    self.seen.push(line);
                    if let Some(event) = event.filter(&fits) {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {what} within {DEADLINE:?}; so far: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let stderr = self.stderr.take().map(|thread| thread.join().unwrap_or_default());
                    panic!("it ended without {what}: {:#?}\n{}", self.seen, stderr.unwrap_or_default());
                }
            }
        }
    }

    /// Waits for an event of this name.
    #[track_caller]
    pub fn wait_event(&mut self, name: &str) -> Value {
        self.wait_for(name, |event| event["event"] == name)
    }

    /// Waits for the end; fails (and kills) where nothing was said for the deadline. How long the whole takes says nothing: two
    /// hundred clips on a machine that builds other things meanwhile take a quarter of an hour.
    #[track_caller]
    pub fn end(mut self) -> Run {
        let until = Instant::now() + LONGEST;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(DEADLINE)) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("it said nothing more for {:?}: {:#?}", left.min(DEADLINE), self.seen);
                }
            }
        }
        let status = self.child.wait().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        let mut stdout = std::mem::take(&mut self.seen).join("\n");
        if !stdout.is_empty() {
            stdout.push('\n');
        }
        Run { code: status.code().unwrap_or(-1), stdout, stderr, took: self.begun.elapsed() }
    }

    /// The program has not ended.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// kill -9: no handler runs. Its children are not touched; what becomes of them is part of what is tested.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Freezes it, as a suspended laptop would be.
    #[cfg(unix)]
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    #[cfg(unix)]
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Freezes it, as a suspended laptop would be.
    #[cfg(windows)]
    pub fn freeze(&self) {
        suspended::whole(&self.child, suspended::NtSuspendProcess);
    }

    /// Lets it go on.
    #[cfg(windows)]
    pub fn thaw(&self) {
        suspended::whole(&self.child, suspended::NtResumeProcess);
    }

    /// Waits until it has come to the step where the failpoint `stop` was set, and is frozen there.
    #[cfg(target_os = "linux")]
    pub fn frozen_by_failpoint(&self, _share: &super::Share) {
        Self::wait_until_frozen(|| {
            std::fs::read_to_string(format!("/proc/{}/stat", self.id())).is_ok_and(|stat| {
                stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
            })
        });
    }

    /// Waits until it has come to the step where the failpoint `stop` was set, and freezes it there.
    #[cfg(windows)]
    pub fn frozen_by_failpoint(&self, share: &super::Share) {
        let mark = share.aside("tmp").join(format!("media-converter-stopped-{}", self.id()));
        Self::wait_until_frozen(|| mark.is_file());
        self.freeze();
        std::fs::remove_file(mark).unwrap();
    }

    #[cfg(any(target_os = "linux", windows))]
    fn wait_until_frozen(frozen: impl Fn() -> bool) {
        let until = Instant::now() + DEADLINE;
        while !frozen() {
            assert!(Instant::now() < until, "it did not come to the step where it was to be frozen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What Ctrl-C sends. False: it cannot be sent here, which is said.
    #[cfg(unix)]
    #[must_use = "where it cannot be sent, nothing comes of it"]
    pub fn interrupt(&self) -> bool {
        self.signal(rustix::process::Signal::INT);
        true
    }

    /// What Ctrl-Break sends; to a group of its own Windows passes no Ctrl-C on. False: it cannot be sent here, which is said.
    #[cfg(windows)]
    #[must_use = "where it cannot be sent, nothing comes of it"]
    #[expect(unsafe_code, reason = "a number in, an answer out")]
    pub fn interrupt(&self) -> bool {
        use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
        // SAFETY: no memory is involved.
        let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, self.child.id()) } != 0;
        let error = std::io::Error::last_os_error();
        let known = sent || super::skipped_under_wine("without a console there is no Ctrl-Break");
        assert!(known, "Ctrl-Break: {error}");
        sent
    }

    /// What `kill` and a service's stop send.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A failed test must not leave a program behind that goes on in a folder that is being removed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// What became of the file of this name: the end of its job, or why it was left alone.
    #[track_caller]
    pub fn ended(&self, name: &str) -> Value {
        let end = |e: &Value| ["job_ended", "skipped"].contains(&e["event"].as_str().unwrap_or_default());
        let of =
            |e: &Value| e["path"].as_str().is_some_and(|path| std::path::Path::new(path).ends_with(name));
        let found = self.events().into_iter().find(|e| end(e) && of(e));
        found.unwrap_or_else(|| panic!("{name}: {}\n{}", self.stdout, self.stderr))
    }

    /// The lines of stdout that are JSON.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The events of this name.
    pub fn named(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// The last event of a run.
    #[track_caller]
    pub fn summary(&self) -> Value {
        self.named("run_ended").pop().unwrap_or_else(|| panic!("no summary: {self:#?}"))
    }

    /// Fails, with everything it printed, where the exit code is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Run {
        assert_eq!(self.code, code, "exit code; stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}
