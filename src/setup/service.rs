//! `service`: the system's own way of running us from boot (or login) on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::launchd::{self, Job};
use super::units::{Scope, Work, launchd as list, systemd};
use crate::model::error::{Error, Kind, Result};
use crate::sys::fs;
use crate::sys::process::{self, Spawn};
use crate::sys::service::{self as manager, Definition, Manager};

/// The service's name, everywhere.
pub const NAME: &str = "media-converter";

/// Longest time for a word with a service manager; a stop waits for the current file's end.
const DEADLINE: Duration = Duration::from_secs(120);

/// What is kept of a command's output.
pub(super) const MOST_OUTPUT: usize = 1024 * 1024;

/// Where this user's managers look.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config: Option<PathBuf>,
}

/// How a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub installed: bool,
    pub running: bool,
    /// In the manager's words, or ours.
    pub words: String,
}

/// Whose manager we talk to: the machine's with its rights, else the user's own.
pub fn scope() -> Scope {
    if manager::is_privileged() || manager::manager() == Manager::Windows {
        Scope::System
    } else {
        Scope::User
    }
}

/// The text that [`install`] would write down, and where; on Windows the command line.
pub fn text(work: &Work, places: &Places) -> Result<(PathBuf, String)> {
    match manager::manager() {
        Manager::Systemd { .. } => {
            Ok((systemd_folder(work.scope, places)?.join(format!("{NAME}.service")), systemd::service(work)))
        }
        Manager::Launchd => Ok((
            Job::new(NAME, work.scope, places)?.file,
            list::plist(NAME, work, None, &launchd::log(work.scope, places)),
        )),
        Manager::Windows => Ok((PathBuf::from(NAME), command_line(work))),
        Manager::Other => Err(unknown()),
    }
}

/// Installs, enables and starts the service; what was done, line by line.
pub fn install(work: &Work, places: &Places, password: Option<String>) -> Result<Vec<String>> {
    let system = manager::manager();
    if system == Manager::Windows {
        return install_in_windows(work, password);
    }
    let (file, text) = text(work, places)?;
    if system == Manager::Launchd {
        let done = Job::new(NAME, work.scope, places)?.install(&text)?;
        return Ok(vec![done, "loaded and started".to_owned()]);
    }
    if system == (Manager::Systemd { running: true }) {
        answers(work.scope)?;
    }
    let mut done = vec![write(&file, &text)?];
    match system {
        Manager::Systemd { running: true } => {
            systemctl(work.scope, &["daemon-reload"])?;
            systemctl(work.scope, &["enable", &format!("{NAME}.service")])?;
            // Restart: a service that runs already goes on with the new definition.
            systemctl(work.scope, &["restart", &format!("{NAME}.service")])?;
            done.push("enabled and started".to_owned());
            if work.scope == Scope::User {
                done.push(
                    "it runs while you are logged in; `loginctl enable-linger` lets it run always".to_owned(),
                );
            }
        }
        _ => done.push("not started: systemd does not run here".to_owned()),
    }
    Ok(done)
}

/// Stops and removes it. Nothing is left; that nothing was there is said, and no failure.
pub fn uninstall(places: &Places) -> Result<Vec<String>> {
    let scope = scope();
    match manager::manager() {
        Manager::Systemd { running } => {
            let file = systemd_folder(scope, places)?.join(format!("{NAME}.service"));
            if !file.is_file() {
                return Ok(vec!["there was no service".to_owned()]);
            }
            if running {
                systemctl(scope, &["disable", "--now", &format!("{NAME}.service")])?;
            }
            remove(&file)?;
            if running {
                systemctl(scope, &["daemon-reload"])?;
            }
            Ok(vec![format!("removed {}", file.display())])
        }
        Manager::Launchd => {
            let job = Job::new(NAME, scope, places)?;
            Ok(vec![if job.uninstall()? {
                format!("removed {}", job.file.display())
            } else {
                "there was no service".to_owned()
            }])
        }
        Manager::Windows => {
            let removed = manager::uninstall(NAME).map_err(windows("remove the service"))?;
            Ok(vec![if removed {
                format!("removed the service {NAME}")
            } else {
                "there was no service".to_owned()
            }])
        }
        Manager::Other => Err(unknown()),
    }
}

/// Starts it.
pub fn start(places: &Places) -> Result<()> {
    match manager::manager() {
        Manager::Systemd { .. } => systemctl(scope(), &["start", &format!("{NAME}.service")]).map(drop),
        Manager::Launchd => Job::new(NAME, scope(), places)?.start(),
        Manager::Windows => manager::start(NAME).map_err(windows("start the service")),
        Manager::Other => Err(unknown()),
    }
}

/// Stops it; it starts again with the system.
pub fn stop(places: &Places) -> Result<()> {
    match manager::manager() {
        Manager::Systemd { .. } => systemctl(scope(), &["stop", &format!("{NAME}.service")]).map(drop),
        Manager::Launchd => Job::new(NAME, scope(), places)?.stop(),
        Manager::Windows => manager::stop(NAME).map(drop).map_err(windows("stop the service")),
        Manager::Other => Err(unknown()),
    }
}

/// How it stands.
pub fn status(places: &Places) -> Result<Standing> {
    let absent = || Standing { installed: false, running: false, words: "not installed".to_owned() };
    match manager::manager() {
        Manager::Systemd { running } => {
            let file = systemd_folder(scope(), places)?.join(format!("{NAME}.service"));
            if !file.is_file() {
                return Ok(absent());
            }
            if !running {
                let words = format!("{} is there; systemd does not run here", file.display());
                return Ok(Standing { installed: true, running: false, words });
            }
            let unit = format!("{NAME}.service");
            let args = ["show", &unit, "--property=ActiveState,SubState,MainPID,NRestarts", "--no-pager"];
            let words = systemctl(scope(), &args)?.lines().collect::<Vec<_>>().join(" ");
            // Between two runs it waits for the next: that is its life, too.
            let running =
                ["ActiveState=active", "SubState=auto-restart"].iter().any(|state| words.contains(state));
            Ok(Standing { installed: true, running, words })
        }
        Manager::Launchd => {
            let job = Job::new(NAME, scope(), places)?;
            if !job.is_installed() {
                return Ok(absent());
            }
            let state = job.state();
            // Between two runs it waits for the next: that is its life, too.
            let running = state.is_some();
            let words = state.unwrap_or_else(|| "stopped; it starts with the next login".to_owned());
            Ok(Standing { installed: true, running, words })
        }
        Manager::Windows => Ok(match manager::standing(NAME).map_err(windows("ask about the service"))? {
            None => absent(),
            Some(found) => Standing {
                installed: true,
                running: found.state == "running",
                words: format!(
                    "{} as {}: {}",
                    found.state,
                    found.account.as_deref().unwrap_or("LocalSystem"),
                    found.command
                ),
            },
        }),
        Manager::Other => Err(unknown()),
    }
}

fn install_in_windows(work: &Work, password: Option<String>) -> Result<Vec<String>> {
    let mut done = Vec::new();
    if work.user.is_none() && work.dirs.iter().any(|dir| dir.to_string_lossy().starts_with(r"\\")) {
        done.push(
            "note: without --user the service reaches the share only as this machine, which most NAS refuse; \
             `schedule install` runs as you"
                .to_owned(),
        );
    }
    let definition = Definition {
        name: NAME.to_owned(),
        title: "Media Converter".to_owned(),
        description: "Converts the media library together with other machines.".to_owned(),
        program: work.program.clone(),
        args: ["service", "run", "--"]
            .iter()
            .map(OsString::from)
            .chain(work.args.iter().map(OsString::from))
            .collect(),
        account: work.user.clone(),
        password,
        // The redirector; a share cannot be reached before it.
        needs: vec!["LanmanWorkstation".to_owned()],
    };
    manager::install(&definition).map_err(windows("install the service"))?;
    done.push(format!("installed the service {NAME}"));
    manager::start(NAME).map_err(windows("start the service"))?;
    done.push("started".to_owned());
    Ok(done)
}

fn command_line(work: &Work) -> String {
    let words = [work.program.to_string_lossy().into_owned(), "service".into(), "run".into(), "--".into()];
    let words: Vec<String> = words
        .into_iter()
        .chain(work.args.iter().cloned())
        .map(|word| super::units::task::quoted(&word))
        .collect();
    format!("{}\n", words.join(" "))
}

fn windows(doing: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| {
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let error = Error::new(Kind::Io, doing).because(error);
        if denied { error.hint("Run it in a terminal that was opened as administrator.") } else { error }
    }
}

pub(super) fn unknown() -> Error {
    Error::new(Kind::Usage, "find the system's service manager")
        .hint("Services need systemd, launchd or Windows; `schedule install` also works with cron.")
}

/// Where systemd looks for units of the administrator's or the user's own.
pub(super) fn systemd_folder(scope: Scope, places: &Places) -> Result<PathBuf> {
    match (scope, &places.config) {
        (Scope::System, _) => Ok(PathBuf::from("/etc/systemd/system")),
        (Scope::User, Some(config)) => Ok(config.join("systemd/user")),
        (Scope::User, None) => Err(Error::new(Kind::Io, "find this user's units").hint("Set HOME.")),
    }
}

/// Writes a unit where it differs from what is there.
pub(super) fn write(file: &Path, text: &str) -> Result<String> {
    let fail = |error| {
        let error = Error::io("write", file, error);
        if manager::is_privileged() {
            error
        } else {
            error.hint("For a service of the whole machine, run it as root.")
        }
    };
    if fs::read_small(file, 1024 * 1024).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(format!("{} is as it should be", file.display()));
    }
    let was_there = file.is_file();
    let beside = file.with_extension("new");
    file.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
    fs::remove_file(&beside).map_err(fail)?;
    let _ = fs::write_new(&beside, text.as_bytes()).map_err(fail)?;
    fs::remove_file(file).map_err(fail)?;
    fs::consume(&beside, file).map_err(fail)?;
    Ok(format!("{} {}", if was_there { "changed" } else { "wrote" }, file.display()))
}

pub(super) fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).map(drop).map_err(|error| Error::io("remove", file, error))
}

/// Asked before anything is written: a user who came by su has no manager to speak to.
pub(super) fn answers(scope: Scope) -> Result<()> {
    systemctl(scope, &["show", "--property=Version"]).map(drop).map_err(|error| match scope {
        Scope::System => error,
        Scope::User => error
            .hint("Log in as this user (su and sudo give no session), or run it as root with --user NAME."),
    })
}

pub(super) fn systemctl(scope: Scope, args: &[&str]) -> Result<String> {
    let all: Vec<&str> = match scope {
        Scope::System => args.to_vec(),
        Scope::User => std::iter::once("--user").chain(args.iter().copied()).collect(),
    };
    command("systemctl", &all)
}

/// Runs one of the system's commands; its output as text.
pub(super) fn command(program: &str, args: &[&str]) -> Result<String> {
    output(program, args).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// As [`command`], to the byte; what is as long as [`MOST_OUTPUT`] may have been longer.
pub(super) fn output(program: &str, args: &[&str]) -> Result<Vec<u8>> {
    let typed = || format!("run `{program} {}`", args.join(" "));
    let found = process::find_program(Path::new(program))
        .ok_or_else(|| Error::new(Kind::Io, typed()).because(format!("there is no {program} here")))?;
    let spawn = Spawn { program: found, args: args.iter().map(OsString::from).collect(), background: false };
    let output = process::output(&spawn, DEADLINE, MOST_OUTPUT)
        .map_err(|error| Error::new(Kind::Io, typed()).because(error))?;
    if output.ended.success() {
        return Ok(output.stdout);
    }
    let why = [&output.stderr, &output.stdout]
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "it failed without a word".to_owned());
    Err(Error::new(Kind::Io, typed()).because(why))
}
