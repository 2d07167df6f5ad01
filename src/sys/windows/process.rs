//! Children in a job object that ends them when its last handle closes, that is, with us.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command};
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::{FILETIME, HANDLE, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation,
    QueryInformationJobObject, SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    BELOW_NORMAL_PRIORITY_CLASS, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED,
    GetCurrentProcess, GetProcessTimes, OpenProcess, PROCESS_SUSPEND_RESUME, WaitForSingleObject,
};

use crate::sys::process::Ended;

/// A child in a job object.
#[derive(Debug)]
pub struct Group {
    child: Child,
    job: OwnedHandle,
}

#[link(name = "ntdll")]
#[expect(unsafe_code, reason = "stopping a whole process, and its IO priority, have no Win32 name")]
unsafe extern "system" {
    fn NtSetInformationProcess(process: HANDLE, class: i32, value: *const c_void, size: u32) -> i32;
    fn NtSuspendProcess(process: HANDLE) -> i32;
    fn NtResumeProcess(process: HANDLE) -> i32;
}

/// A job that we are in ourselves, so that whatever we start is in it from its first moment: a worker that is killed
/// between the start of a child and its own job would leave it behind, asleep for ever. The handle is never closed by us.
fn fence() {
    static OURS: OnceLock<Option<OwnedHandle>> = OnceLock::new();
    OURS.get_or_init(|| match job().and_then(|job| enclose(&job).map(|()| job)) {
        Ok(job) => Some(job),
        Err(error) => {
            tracing::debug!("no job of our own: {error}");
            None
        }
    });
}

#[expect(unsafe_code, reason = "a call on a handle of ours")]
fn enclose(job: &OwnedHandle) -> io::Result<()> {
    // SAFETY: the handle is open, and that of the current process always is.
    if unsafe { AssignProcessToJobObject(job.as_raw_handle(), GetCurrentProcess()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What a killed process is: no handler runs, and nothing is tidied up.
#[cfg(any(test, feature = "failpoints"))]
#[expect(unsafe_code, reason = "a handle that is always open")]
pub fn kill_ourselves() {
    // SAFETY: it ends this process.
    unsafe {
        windows_sys::Win32::System::Threading::TerminateProcess(GetCurrentProcess(), u32::MAX);
    }
}

/// Starts the child asleep, puts it into a job and wakes it, so that nothing it starts can escape.
pub fn start(mut command: Command, background: bool) -> io::Result<(Group, ChildStdout, ChildStderr)> {
    let priority = if background { BELOW_NORMAL_PRIORITY_CLASS } else { 0 };
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW | CREATE_SUSPENDED | priority);
    fence();
    let job = job()?;
    let mut child = command.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("a child without pipes"));
    };
    if let Err(error) = wake_in(&child, &job) {
        // Asleep for ever otherwise.
        let _ = child.kill();
        return Err(error);
    }
    if background {
        be_modest(&child);
    }
    Ok((Group { child, job }, stdout, stderr))
}

/// The IO priority of Windows' background mode, which only a process itself can enter. What fails is left as it is.
#[expect(unsafe_code, reason = "a call on a handle of ours")]
fn be_modest(child: &Child) {
    /// `ProcessIoPriority` of `PROCESSINFOCLASS`.
    const IO_PRIORITY: i32 = 33;
    // `IoPriorityVeryLow` of `IO_PRIORITY_HINT`.
    let very_low: u32 = 0;
    // SAFETY: the handle is open, and the value lives as long as the call and has the size that is told.
    unsafe {
        NtSetInformationProcess(
            child.as_raw_handle(),
            IO_PRIORITY,
            (&raw const very_low).cast::<c_void>(),
            size_of_val(&very_low) as u32,
        );
    }
}

#[expect(unsafe_code, reason = "Win32 calls on handles and a struct of ours")]
fn job() -> io::Result<OwnedHandle> {
    // SAFETY: no attributes and no name; the handle that comes is owned from here on; the struct is of the type that the
    // class asks for.
    unsafe {
        let raw = CreateJobObjectW(std::ptr::null(), std::ptr::null());
        if raw.is_null() {
            return Err(io::Error::last_os_error());
        }
        let job = OwnedHandle::from_raw_handle(raw);
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        let set = SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast::<c_void>(),
            size_of_val(&limits) as u32,
        );
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(job) }
    }
}

#[expect(unsafe_code, reason = "calls on handles of ours")]
fn wake_in(child: &Child, job: &OwnedHandle) -> io::Result<()> {
    // SAFETY: both handles are open.
    unsafe {
        if AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) == 0 {
            return Err(io::Error::last_os_error());
        }
        check(NtResumeProcess(child.as_raw_handle()))
    }
}

fn check(status: i32) -> io::Result<()> {
    if status < 0 {
        return Err(io::Error::other(format!(
            "the kernel refused with status {:#x}",
            status.cast_unsigned()
        )));
    }
    Ok(())
}

impl Group {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    #[expect(unsafe_code, reason = "a Win32 call on a handle of ours")]
    pub fn has_ended_within(&self, time: Duration) -> io::Result<bool> {
        // One less than the number that means for ever, and never less than the time asked for.
        let millis = u32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u32::MAX).min(u32::MAX - 1);
        // SAFETY: the handle is open.
        match unsafe { WaitForSingleObject(self.child.as_raw_handle(), millis) } {
            WAIT_OBJECT_0 => Ok(true),
            WAIT_TIMEOUT => Ok(false),
            _ => Err(io::Error::last_os_error()),
        }
    }

    #[expect(unsafe_code, reason = "a Win32 call on a handle of ours")]
    pub fn kill(&self) {
        // SAFETY: the handle is open. A job that is empty already is as good as killed.
        unsafe {
            TerminateJobObject(self.job.as_raw_handle(), 1);
        }
    }

    pub fn reap(&mut self) -> Ended {
        Ended { code: self.child.wait().ok().and_then(|status| status.code()), signal: None }
    }

    /// It does not end; closing the handles is all that is left, and nothing waits to be reaped on Windows.
    #[expect(clippy::unused_self, reason = "the twin needs it")]
    pub fn abandon(&self) {}

    pub fn suspend(&self) -> io::Result<()> {
        self.each(NtSuspendProcess)
    }

    pub fn resume(&self) -> io::Result<()> {
        self.each(NtResumeProcess)
    }

    /// Does something to every process of the job.
    #[expect(unsafe_code, reason = "calls on handles of ours")]
    fn each(&self, call: unsafe extern "system" fn(HANDLE) -> i32) -> io::Result<()> {
        for pid in self.pids() {
            if pid == self.id() {
                // SAFETY: the handle is open.
                check(unsafe { call(self.child.as_raw_handle()) })?;
                continue;
            }
            // SAFETY: the handle that comes is owned from here on.
            unsafe {
                let raw = OpenProcess(PROCESS_SUSPEND_RESUME, 0, pid);
                if !raw.is_null() {
                    let process = OwnedHandle::from_raw_handle(raw);
                    // A grandchild that ends meanwhile is none of our trouble.
                    call(process.as_raw_handle());
                }
            }
        }
        Ok(())
    }

    /// The processes of the job; the child alone where the system does not tell.
    #[expect(unsafe_code, reason = "a Win32 call on a handle and a buffer of ours")]
    fn pids(&self) -> Vec<u32> {
        // JOBOBJECT_BASIC_PROCESS_ID_LIST: two 32-bit counts, then pointer-sized numbers. 256 are more than any tool of
        // ours starts.
        let mut buffer = [0usize; 256 + 8];
        let first = 8 / size_of::<usize>();
        // SAFETY: the buffer has the size that is said.
        let told = unsafe {
            QueryInformationJobObject(
                self.job.as_raw_handle(),
                JobObjectBasicProcessIdList,
                buffer.as_mut_ptr().cast::<c_void>(),
                size_of_val(&buffer) as u32,
                std::ptr::null_mut(),
            )
        };
        let pids: Vec<u32> =
            buffer[first..].iter().take_while(|pid| **pid != 0).map(|pid| *pid as u32).collect();
        if told == 0 || pids.is_empty() { vec![self.id()] } else { pids }
    }

    #[expect(unsafe_code, reason = "a Win32 call on a handle and structs of ours")]
    pub fn cpu_time(&self) -> Option<Duration> {
        let mut times = [FILETIME::default(); 4];
        let [created, ended, kernel, user] = &mut times;
        // SAFETY: the handle is open and the four structs are ours.
        let told = unsafe { GetProcessTimes(self.child.as_raw_handle(), created, ended, kernel, user) };
        let ticks = |time: &FILETIME| (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime);
        (told != 0).then(|| Duration::from_nanos((ticks(kernel) + ticks(user)) * 100))
    }
}

/// The names a program may have in a folder.
pub fn program_names(name: &Path) -> Vec<PathBuf> {
    let mut with_ending = name.as_os_str().to_owned();
    with_ending.push(".exe");
    match name.extension() {
        None => vec![with_ending.into()],
        Some(ending) if ending.eq_ignore_ascii_case("exe") => vec![name.to_owned()],
        // `ffmpeg-7.1` has an extension that is none.
        Some(_) => vec![with_ending.into(), name.to_owned()],
    }
}

/// Store apps put links that only CreateProcess can follow into PATH, so that a link is taken on trust.
pub fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).or_else(|_| std::fs::symlink_metadata(path)).is_ok_and(|found| !found.is_dir())
}
