//! `service`: the system runs us from boot (or login) on, in its own way.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Ending;
use crate::config::places::Places;
use crate::model::error::{Error, Kind, Result};
use crate::setup::service::{self, Standing};
use crate::setup::units::{REST, Work};
use crate::sys;
use crate::ui::{self, Look};

/// Let the system run us from boot on: a systemd unit, a launchd agent, a Windows service
#[derive(Args, Clone, Debug)]
pub struct ServiceArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Install and start it; again: change it
    Install {
        #[command(flatten)]
        job: JobArgs,
        /// Windows: a file with the user's password
        #[arg(long, value_name = "FILE", requires = "user")]
        password_file: Option<PathBuf>,
    },
    /// Stop and remove it
    Uninstall,
    /// Start it
    Start,
    /// Stop it until the system starts again
    Stop,
    /// Say how it stands; exits with 1 where it does not run
    Status,
    /// What Windows' service manager starts
    #[command(hide = true)]
    Run {
        #[arg(last = true)]
        args: Vec<String>,
    },
}

/// What is to be run.
#[derive(Args, Clone, Debug)]
pub struct JobArgs {
    /// Convert what lies below this folder (repeatable)
    #[arg(long, value_name = "DIR", required = true)]
    dir: Vec<PathBuf>,
    /// Run as this user
    #[arg(long, value_name = "NAME", env = "SUDO_USER", hide_env = true)]
    user: Option<String>,
    /// Print what would be written; change nothing
    #[arg(long)]
    pub print: bool,
    /// More arguments for each run, after --
    #[arg(last = true, value_name = "ARGS")]
    more: Vec<String>,
}

impl JobArgs {
    /// As a unit needs it: absolute, and with shares instead of a user's mapped drives.
    pub fn work(&self, look: Look) -> Result<Work> {
        let program = std::env::current_exe()
            .map_err(|error| Error::new(Kind::Io, "find our own program").because(error))?;
        let mut dirs = Vec::new();
        for dir in &self.dir {
            let dir = std::path::absolute(dir).map_err(|error| Error::io("find the folder", dir, error))?;
            match sys::path::behind_drive(&dir) {
                Some(share) => {
                    look.note(&format!(
                        "{} is {}: neither a service nor a task at night can rely on a drive",
                        dir.display(),
                        share.display()
                    ));
                    dirs.push(share);
                }
                None => dirs.push(dir),
            }
        }
        let mut args: Vec<String> = Vec::new();
        for dir in &dirs {
            let dir =
                dir.to_str().ok_or_else(|| Error::new(Kind::Usage, "write down the name of").at(dir))?;
            args.extend(["--dir".to_owned(), dir.to_owned()]);
        }
        args.extend(self.more.iter().cloned());
        args.extend(self.programs());
        // Everything else is out of reach for a unit: an encode into `--temp-dir` would fail for each file.
        dirs.extend(written(&self.more));
        let scope = service::scope();
        // A user's own manager runs everything as that user.
        let user = self.user.clone().filter(|_| scope == crate::setup::units::Scope::System);
        Ok(Work { program, args, dirs, user, scope })
    }
}

/// Folders in the PATH that every service manager gives.
const EVERYBODYS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// Folders that a run with these arguments writes into, absolute.
fn written(more: &[String]) -> Vec<PathBuf> {
    const FLAGS: [&str; 3] = ["--dir", "--temp-dir", "--state-dir"];
    let value = |(n, word): (usize, &String)| match word.split_once('=') {
        Some((flag, value)) if FLAGS.contains(&flag) => Some(value.to_owned()),
        _ => FLAGS.contains(&word.as_str()).then(|| more.get(n + 1).cloned())?,
    };
    let absolute = |folder: String| std::path::absolute(folder).ok();
    more.iter().enumerate().filter_map(value).filter_map(absolute).collect()
}

impl JobArgs {
    /// ffmpeg's place, where the service would not find it: its PATH is not this user's.
    fn programs(&self) -> Vec<String> {
        if self.more.iter().any(|word| word.starts_with("--ffmpeg")) {
            return Vec::new();
        }
        let Ok(tools) = crate::ffmpeg::tools::find(None, None) else { return Vec::new() };
        [("--ffmpeg", tools.ffmpeg), ("--ffprobe", tools.ffprobe)]
            .into_iter()
            .filter(|(_, path)| !EVERYBODYS.iter().any(|folder| path.parent() == Some(folder.as_ref())))
            .flat_map(|(flag, path)| [flag.to_owned(), path.to_string_lossy().into_owned()])
            .collect()
    }
}

/// Where this user's managers look.
pub fn places() -> service::Places {
    let places = Places::of_this_user();
    let config = places.config.and_then(|ours| Some(ours.parent()?.to_owned()));
    service::Places { home: places.home, config }
}

/// Runs it.
pub fn run(args: &ServiceArgs, look: Look) -> Result<Ending> {
    let tell = |done: Vec<String>| done.iter().for_each(|line| look.note(line));
    match &args.what {
        What::Install { job, password_file } => {
            let mut work = job.work(look)?;
            // A service stays and takes what comes; the manager's rest is for a share that is away.
            if !work.args.iter().any(|arg| arg == "--watch") {
                work.args.push("--watch".to_owned());
            }
            if job.print {
                ui::out(&service::text(&work, &places())?.1);
                return Ok(Ending::Well);
            }
            let password = password_file.as_ref().map(|file| password(file)).transpose()?;
            tell(service::install(&work, &places(), password)?);
        }
        What::Uninstall => tell(service::uninstall(&places())?),
        What::Start => service::start(&places())?,
        What::Stop => service::stop(&places())?,
        What::Status => {
            let Standing { running, words, .. } = service::status(&places())?;
            ui::out(&format!("{words}\n"));
            return Ok(if running { Ending::Well } else { Ending::Code(1) });
        }
        What::Run { args } => return serve(args),
    }
    Ok(Ending::Well)
}

fn password(file: &std::path::Path) -> Result<String> {
    let bytes =
        sys::fs::read_small(file, 4096).map_err(|error| Error::io("read the password in", file, error))?;
    let text =
        String::from_utf8(bytes).map_err(|_| Error::new(Kind::Usage, "read the password in").at(file))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The service's life: a run, a rest, a run; until it is told to stop.
fn serve(args: &[String]) -> Result<Ending> {
    let words: Vec<String> =
        std::iter::once("media-converter".to_owned()).chain(args.iter().cloned()).collect();
    sys::service::serve(service::NAME, move || {
        loop {
            let code = super::again(&words);
            if code == Kind::Usage.exit_code() || sys::stop::sleep(REST) {
                return if code == Kind::Interrupted.exit_code() { 0 } else { code };
            }
        }
    })
    .map_err(|error| {
        Error::new(Kind::Usage, "run as a service")
            .because(error)
            .hint("Only the service manager starts it so; use `media-converter service install`.")
    })?;
    Ok(Ending::Well)
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn what_a_run_writes_into_is_found_among_its_arguments() {
        let check = |words: &str, wanted: &[&str]| {
            let more: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let wanted: Vec<_> = wanted.iter().map(|path| std::path::absolute(path).unwrap()).collect();
            assert_eq!(written(&more), wanted, "{words}");
        };
        check("--jobs 2", &[]);
        check("--temp-dir /ssd/work --jobs 2", &["/ssd/work"]);
        check("--temp-dir=/ssd/work --state-dir /var/s --dir=/b", &["/ssd/work", "/var/s", "/b"]);
        check("--temp-dir", &[]);
    }
}
