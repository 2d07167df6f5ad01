//! Children in a process group of their own.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::kernel;
use crate::sys::process::Ended;

/// A child that leads its process group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    pid: Pid,
    watch: Arc<Watch>,
}

/// What the thread that waits for the child knows.
#[derive(Debug, Default)]
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// Waiting itself failed: somebody else has reaped it.
    failed: Option<Errno>,
    /// Nobody will reap it but the waiting thread.
    abandoned: bool,
}

/// Starts the child in a group of its own, with what makes it die with us.
pub fn start(command: Command, background: bool) -> io::Result<(Group, ChildStdout, ChildStderr)> {
    let mut child = spawner_starts(prepared(command, background))?;
    let pid = Pid::from_child(&child);
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("a child without pipes"));
    };
    let watch = Arc::new(Watch::default());
    let seen = Arc::clone(&watch);
    let group = Group { child, pid, watch };
    if let Err(error) =
        std::thread::Builder::new().name("child end".to_owned()).spawn(move || watch_end(pid, &seen))
    {
        group.kill();
        return Err(error);
    }
    Ok((group, stdout, stderr))
}

/// Sees the end without reaping (WNOWAIT): until the child is reaped its number cannot be given to another process, so
/// that a signal to the group cannot hit a stranger.
fn watch_end(pid: Pid, watch: &Watch) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let told = loop {
        match waitid(WaitId::Pid(pid), options) {
            Err(Errno::INTR) => {}
            told => break told,
        }
    };
    let mut state = watch.state.lock().unwrap_or_else(PoisonError::into_inner);
    state.ended = true;
    state.failed = told.err();
    if state.abandoned {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
    }
    watch.changed.notify_all();
}

#[expect(
    unsafe_code,
    reason = "the closure runs between fork and exec and calls only async-signal-safe functions"
)]
fn prepared(mut command: Command, background: bool) -> Command {
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: prctl, getppid, setpriority, ioprio_set and _exit are plain system calls; nothing allocates or locks.
    unsafe {
        command.pre_exec(move || {
            #[cfg(target_os = "linux")]
            {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // We may have died before the request was in place, and nobody would tell.
                if libc::getppid().cast_unsigned() != parent {
                    libc::_exit(127);
                }
            }
            #[cfg(not(target_os = "linux"))]
            let _ = parent;
            if background {
                be_modest();
            }
            Ok(())
        });
    }
    command
}

/// Nice 10 and the lowest best-effort IO class. What fails is left as it is: the work gets done either way.
#[expect(unsafe_code, reason = "plain system calls on the calling process")]
fn be_modest() {
    // SAFETY: numbers in, numbers out.
    unsafe {
        if libc::getpriority(libc::PRIO_PROCESS, 0) < 10 {
            libc::setpriority(libc::PRIO_PROCESS, 0, 10);
        }
        #[cfg(target_os = "linux")]
        {
            // ioprio_set(2): IOPRIO_WHO_PROCESS, this process, class best effort (2), level 7.
            libc::syscall(libc::SYS_ioprio_set, 1, 0, (2 << 13) | 7);
        }
    }
}

type Request = (Command, Sender<io::Result<Child>>);

/// Starts the child from one thread that lives as long as the process: PR_SET_PDEATHSIG fires when the *thread* that
/// forked ends (prctl(2)), and worker threads come and go.
fn spawner_starts(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Request>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, inbox) = channel::<Request>();
        std::thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                reap_ourselves();
                for (mut command, reply) in inbox {
                    if let Err(unheard) = reply.send(spawn_patiently(&mut command)) {
                        drop(unheard);
                    }
                }
            })
            .expect("the thread that starts children must start");
        requests
    });
    let (reply, answer) = channel();
    spawner
        .send((command, reply))
        .map_err(|_| io::Error::other("the thread that starts children has ended"))?;
    answer.recv().map_err(|_| io::Error::other("the thread that starts children has ended"))?
}

/// ETXTBSY: a program that was just written is still open for writing in a child that another thread has forked and
/// that has not come to its exec yet.
fn spawn_patiently(command: &mut Command) -> io::Result<Child> {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

/// A parent that ignores SIGCHLD hands that down, and then the kernel reaps our children behind our back.
#[expect(unsafe_code, reason = "signal(2) with a constant disposition")]
fn reap_ourselves() {
    // SAFETY: no handler is installed, only the default restored.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
}

impl Group {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended_within(&self, time: Duration) -> io::Result<bool> {
        let state = self.watch.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .watch
            .changed
            .wait_timeout_while(state, time, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.failed.map_or(Ok(state.ended), |code| Err(code.into()))
    }

    /// Must not be called after [`Self::reap`]. A group that is gone already is as good as killed.
    pub fn kill(&self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    pub fn reap(&mut self) -> Ended {
        match self.child.wait() {
            Ok(status) => Ended { code: status.code(), signal: status.signal() },
            Err(_) => Ended { code: None, signal: None },
        }
    }

    /// It does not end; the waiting thread reaps it when it does.
    pub fn abandon(&self) {
        let mut state = self.watch.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.abandoned = true;
        if state.ended {
            let _ = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED);
        }
    }

    pub fn suspend(&self) -> io::Result<()> {
        Ok(kill_process_group(self.pid, Signal::STOP)?)
    }

    pub fn resume(&self) -> io::Result<()> {
        Ok(kill_process_group(self.pid, Signal::CONT)?)
    }

    pub fn cpu_time(&self) -> Option<Duration> {
        kernel::cpu_time(self.id())
    }
}

/// The names a program may have in a folder.
pub fn program_names(name: &Path) -> Vec<PathBuf> {
    vec![name.to_owned()]
}

pub fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
