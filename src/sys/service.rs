//! Programs that the system starts: who does it here, and the conversation with Windows' own service manager.
//!
//! systemd, launchd and cron are spoken to by their commands; Windows has calls instead, so that it has this room's
//! help.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::os;

/// Who starts programs on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// `running`: it is this machine's first process (in a container it is often only installed).
    Systemd {
        running: bool,
    },
    Launchd,
    Windows,
    /// No manager that we know.
    Other,
}

/// Who starts programs here.
pub fn manager() -> Manager {
    os::service::manager()
}

/// We may change what concerns all users (root; an elevated Windows process).
pub fn is_privileged() -> bool {
    os::service::is_privileged()
}

/// The user's number, as launchd wants it; 0 on Windows.
pub fn user_number() -> u32 {
    os::service::user_number()
}

/// A service of Windows.
#[derive(Clone, Debug)]
pub struct Definition {
    pub name: String,
    pub title: String,
    pub description: String,
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// `None`: LocalSystem, which reaches shares only as the machine.
    pub account: Option<String>,
    pub password: Option<String>,
    /// Services that are to run before it.
    pub needs: Vec<String>,
}

/// How a service of Windows stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `running`, `stopped`, `starting`, `stopping`.
    pub state: String,
    pub process: Option<u32>,
    /// Its command line.
    pub command: String,
    pub account: Option<String>,
}

/// Makes the service, or changes it to be as defined; it starts with the system and is started again after a crash.
pub fn install(definition: &Definition) -> io::Result<()> {
    os::service::install(definition)
}

/// Stops and removes the service. False: there was none.
pub fn uninstall(name: &str) -> io::Result<bool> {
    os::service::uninstall(name)
}

/// Starts it and waits until it says that it runs.
pub fn start(name: &str) -> io::Result<()> {
    os::service::start(name)
}

/// Asks it to stop and waits until it has. False: it did not run.
pub fn stop(name: &str) -> io::Result<bool> {
    os::service::stop(name)
}

/// How it stands; `None`: there is no such service.
pub fn standing(name: &str) -> io::Result<Option<Standing>> {
    os::service::standing(name)
}

/// Runs `work` as the service of this name, in a process that the service manager started; its requests to stop become
/// [`super::stop`]'s. An error where nobody started us as a service.
pub fn serve(name: &str, work: impl FnOnce() -> u8 + Send + 'static) -> io::Result<()> {
    os::service::serve(name, Box::new(work))
}
