//! systemd and launchd have commands, so that there is little to do here.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::sys::service::{Definition, Manager, Standing};

pub fn manager() -> Manager {
    if cfg!(target_os = "macos") {
        return Manager::Launchd;
    }
    // As sd_booted(3) finds out.
    let running = Path::new("/run/systemd/system").is_dir();
    if running || Path::new("/lib/systemd/systemd").exists() || Path::new("/usr/lib/systemd/systemd").exists()
    {
        Manager::Systemd { running }
    } else {
        Manager::Other
    }
}

pub fn is_privileged() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn user_number() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn not_here<T>() -> io::Result<T> {
    Err(io::Error::new(ErrorKind::Unsupported, "only Windows has this kind of service"))
}

pub fn install(_definition: &Definition) -> io::Result<()> {
    not_here()
}

pub fn uninstall(_name: &str) -> io::Result<bool> {
    not_here()
}

pub fn start(_name: &str) -> io::Result<()> {
    not_here()
}

pub fn stop(_name: &str) -> io::Result<bool> {
    not_here()
}

pub fn standing(_name: &str) -> io::Result<Option<Standing>> {
    not_here()
}

pub fn serve(_name: &str, _work: Box<dyn FnOnce() -> u8 + Send>) -> io::Result<()> {
    not_here()
}
