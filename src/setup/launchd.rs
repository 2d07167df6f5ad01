//! launchd: what is loaded, and its property lists; by its own command, launchctl(1).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::service::{Places, command, remove, write};
use super::units::Scope;
use crate::model::error::{Error, Kind, Result};
use crate::sys::{self, service as manager};

/// Longest time that launchd may take to be rid of a program: what the property list grants it, and its own cleaning up.
const CLEARED: Duration = Duration::from_secs(75);

/// One agent or daemon.
#[derive(Clone, Debug)]
pub struct Job {
    pub label: &'static str,
    /// Its property list.
    pub file: PathBuf,
    /// `system`, or a user's session.
    pub domain: String,
    pub launchctl: PathBuf,
    /// Between two looks at what launchd is still busy with.
    pub pause: Duration,
}

impl Job {
    pub fn new(label: &'static str, scope: Scope, places: &Places) -> Result<Self> {
        let folder = match (scope, &places.home) {
            (Scope::System, _) => PathBuf::from("/Library/LaunchDaemons"),
            (Scope::User, Some(home)) => home.join("Library/LaunchAgents"),
            (Scope::User, None) => {
                return Err(Error::new(Kind::Io, "find this user's agents").hint("Set HOME."));
            }
        };
        let domain = match scope {
            Scope::System => "system".to_owned(),
            Scope::User => format!("gui/{}", manager::user_number()),
        };
        Ok(Self {
            label,
            file: folder.join(format!("{label}.plist")),
            domain,
            launchctl: PathBuf::from("launchctl"),
            pause: Duration::from_millis(500),
        })
    }

    /// Writes the property list and loads it in the place of what is loaded; what was done, line by line.
    pub fn install(&self, text: &str) -> Result<String> {
        let done = write(&self.file, text)?;
        self.unload();
        self.load()?;
        Ok(done)
    }

    /// Unloads it and removes its property list. False: there was none.
    pub fn uninstall(&self) -> Result<bool> {
        let there = self.file.is_file();
        // Loaded it may be without its list, too.
        let unloaded = self.unload();
        remove(&self.file)?;
        Ok(there || unloaded)
    }

    pub fn is_installed(&self) -> bool {
        self.file.is_file()
    }

    /// Starts it, which after [`Self::stop`] means to load it.
    pub fn start(&self) -> Result<()> {
        if !self.is_installed() {
            return Err(Error::new(Kind::Usage, format!("start {}: it is not installed", self.label)));
        }
        match self.state() {
            Some(_) => self.ctl(&["kickstart", &self.target()]).map(drop),
            None => self.load(),
        }
    }

    /// Takes it out until the next login (or boot). To end its process would not do: `KeepAlive` brings it back.
    pub fn stop(&self) -> Result<()> {
        match self.ctl(&["bootout", &self.target()]) {
            // It goes as soon as its process has ended.
            Err(error) if self.state().is_some() && !error.line().contains("in progress") => Err(error),
            _ => Ok(()),
        }
    }

    /// False: it was not loaded.
    fn unload(&self) -> bool {
        self.ctl(&["bootout", &self.target()]).is_ok()
    }

    /// launchd's word for it (`running`, `not running`); `None`: it is not loaded.
    pub fn state(&self) -> Option<String> {
        let told = self.ctl(&["print", &self.target()]).ok()?;
        let state = told.lines().find_map(|line| line.trim().strip_prefix("state = "));
        Some(state.unwrap_or("loaded").to_owned())
    }

    /// A label that was just taken out is refused until launchd is done with it, which it says as an input/output error.
    fn load(&self) -> Result<()> {
        let until = Instant::now() + CLEARED;
        loop {
            let Err(error) = self.ctl(&["bootstrap", &self.domain, &self.file.to_string_lossy()]) else {
                return Ok(());
            };
            let said = error.line();
            let busy = said.contains("Input/output error") || said.contains("already in progress");
            if !busy || Instant::now() >= until || sys::stop::sleep(self.pause) {
                return Err(if said.contains("125:") {
                    error.hint("Log in at this Mac's own screen: a session over SSH alone has no agents.")
                } else {
                    error
                });
            }
        }
    }

    fn target(&self) -> String {
        format!("{}/{}", self.domain, self.label)
    }

    fn ctl(&self, args: &[&str]) -> Result<String> {
        command(&self.launchctl.to_string_lossy(), args)
    }
}

/// Where its words go.
pub fn log(scope: Scope, places: &Places) -> String {
    let folder = match (scope, &places.home) {
        (Scope::User, Some(home)) => home.as_path(),
        _ => Path::new("/"),
    };
    folder.join("Library/Logs/media-converter.log").to_string_lossy().into_owned()
}
