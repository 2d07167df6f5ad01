//! `schedule`: one run at a time of day or at intervals, by the system's own timer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::launchd::{self, Job};
use super::service::{
    MOST_OUTPUT, Places, answers, command, output, remove, systemctl, systemd_folder, unknown, write,
};
use super::units::{Scope, When, Work, cron, launchd as list, systemd, task};
use crate::model::error::{Error, Kind, Result};
use crate::sys::service::{self as manager, Manager};
use crate::sys::{self, process};

/// The name of the timer, of its service and of the task.
pub const NAME: &str = "media-converter-scheduled";

/// `90m`, `1h`, `2d`: at least a minute, in whole minutes.
pub fn interval(text: &str) -> std::result::Result<Duration, String> {
    let bad = || format!("`{text}` is no interval: write 30m, 1h or 2d");
    let (digits, unit) =
        text.trim().split_at(text.trim().find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?);
    let number: u64 = digits.parse().map_err(|_| bad())?;
    let minutes = match unit.trim() {
        "m" | "min" => number,
        "h" => number.saturating_mul(60),
        "d" => number.saturating_mul(24 * 60),
        _ => return Err(bad()),
    };
    // Windows' scheduler repeats at most monthly.
    if (1..=31 * 24 * 60).contains(&minutes) {
        Ok(Duration::from_secs(minutes * 60))
    } else {
        Err(format!("`{text}` is out of range: from 1m to 31d"))
    }
}

/// `02:00`.
pub fn time_of_day(text: &str) -> std::result::Result<(u8, u8), String> {
    let bad = || format!("`{text}` is no time of day: write 02:00");
    let (hour, minute) = text.trim().split_once(':').ok_or_else(bad)?;
    let number = |text: &str, limit: u8| {
        (text.len() <= 2)
            .then(|| text.parse::<u8>().ok())
            .flatten()
            .filter(|number| *number < limit)
            .ok_or_else(bad)
    };
    Ok((number(hour, 24)?, number(minute, 60)?))
}

/// Files and their texts, as [`install`] would write them.
pub fn texts(work: &Work, when: When, places: &Places) -> Result<Vec<(PathBuf, String)>> {
    match manager::manager() {
        Manager::Systemd { running: true } => {
            let folder = systemd_folder(work.scope, places)?;
            Ok(vec![
                (folder.join(format!("{NAME}.service")), systemd::oneshot(work)),
                (folder.join(format!("{NAME}.timer")), systemd::timer(when)),
            ])
        }
        Manager::Launchd => Ok(vec![(
            Job::new(NAME, work.scope, places)?.file,
            list::plist(NAME, work, Some(when), &launchd::log(work.scope, places)),
        )]),
        Manager::Windows => Ok(vec![(PathBuf::from(NAME), task::task(work, when, &now()))]),
        Manager::Systemd { running: false } | Manager::Other => {
            Ok(vec![(PathBuf::from("crontab"), format!("{}\n", cron_line(work, when)?))])
        }
    }
}

fn now() -> String {
    sys::clock::local_iso(sys::clock::wall()).chars().take(19).collect()
}

fn cron_line(work: &Work, when: When) -> Result<String> {
    cron::line(work, when).ok_or_else(|| {
        Error::new(Kind::Usage, format!("tell cron «{}»", when.words())).hint(
            "cron knows minutes that divide an hour and hours that divide a day (15m, 30m, 1h, 2h, 6h, 12h, 24h), \
             and no name with a line's end in it.",
        )
    })
}

/// Sets the timer; what was done, line by line.
pub fn install(work: &Work, when: When, places: &Places) -> Result<Vec<String>> {
    let mut done = Vec::new();
    match manager::manager() {
        Manager::Systemd { running: true } => {
            answers(work.scope)?;
            for (file, text) in texts(work, when, places)? {
                done.push(write(&file, &text)?);
            }
            systemctl(work.scope, &["daemon-reload"])?;
            systemctl(work.scope, &["enable", &format!("{NAME}.timer")])?;
            systemctl(work.scope, &["restart", &format!("{NAME}.timer")])?;
        }
        Manager::Launchd => {
            for (_, text) in texts(work, when, places)? {
                done.push(Job::new(NAME, work.scope, places)?.install(&text)?);
            }
        }
        Manager::Windows => {
            let text = task::task(work, when, &now());
            // The scheduler reads what it says of itself: UTF-16 with its mark.
            let bytes: Vec<u8> =
                std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            with_file(places, "task.xml", &bytes, |file| {
                command("schtasks", &["/Create", "/TN", NAME, "/XML", &file.to_string_lossy(), "/F"])
            })?;
            done.push(format!("made the task {NAME}"));
        }
        Manager::Systemd { running: false } | Manager::Other => {
            let line = cron_line(work, when)?;
            set_crontab(places, &cron::with(&crontab()?, Some(&line)))?;
            done.push(format!("wrote into your crontab: {line}"));
            if let Some(user) = work.user.as_ref().filter(|user| *user != "root") {
                done.push(format!(
                    "note: cron runs it as root; {user} has a table of their own: run this as {user} instead"
                ));
            }
        }
    }
    done.push(format!("set: {}", when.words()));
    Ok(done)
}

/// Takes the timer away. Nothing is left; that nothing was there is said, and no failure.
pub fn uninstall(places: &Places) -> Result<Vec<String>> {
    let scope = super::service::scope();
    let nothing = || Ok(vec!["there was no schedule".to_owned()]);
    match manager::manager() {
        Manager::Systemd { running: true } => {
            let folder = systemd_folder(scope, places)?;
            let files = [folder.join(format!("{NAME}.timer")), folder.join(format!("{NAME}.service"))];
            if !files.iter().any(|file| file.is_file()) {
                return nothing();
            }
            systemctl(scope, &["disable", "--now", &format!("{NAME}.timer")])?;
            let _ = systemctl(scope, &["stop", &format!("{NAME}.service")]);
            // When it last ran is kept for a timer that catches up.
            let _ = systemctl(scope, &["clean", "--what=state", &format!("{NAME}.timer")]);
            files.iter().try_for_each(|file| remove(file))?;
            systemctl(scope, &["daemon-reload"])?;
            Ok(files.iter().map(|file| format!("removed {}", file.display())).collect())
        }
        Manager::Launchd => {
            let job = Job::new(NAME, scope, places)?;
            if job.uninstall()? { Ok(vec![format!("removed {}", job.file.display())]) } else { nothing() }
        }
        Manager::Windows => match command("schtasks", &["/Delete", "/TN", NAME, "/F"]) {
            Ok(_) => Ok(vec![format!("removed the task {NAME}")]),
            Err(_) if shown(places)?.is_none() => nothing(),
            Err(error) => Err(error),
        },
        Manager::Systemd { running: false } | Manager::Other => {
            let table = crontab()?;
            if cron::ours(&table).is_none() {
                return nothing();
            }
            set_crontab(places, &cron::with(&table, None))?;
            Ok(vec!["took our line out of your crontab".to_owned()])
        }
    }
}

/// The timer as the system has it; `None`: there is none.
pub fn shown(places: &Places) -> Result<Option<String>> {
    let scope = super::service::scope();
    match manager::manager() {
        Manager::Systemd { running: true } => {
            let unit = format!("{NAME}.timer");
            if !systemd_folder(scope, places)?.join(&unit).is_file() {
                return Ok(None);
            }
            systemctl(scope, &["list-timers", "--all", "--no-pager", &unit]).map(Some)
        }
        Manager::Launchd => {
            let job = Job::new(NAME, scope, places)?;
            let state = job.state().unwrap_or_else(|| "not loaded".to_owned());
            Ok(job.is_installed().then(|| format!("{}: {state}\n", job.file.display())))
        }
        Manager::Windows => Ok(command("schtasks", &["/Query", "/TN", NAME, "/FO", "LIST"]).ok()),
        Manager::Systemd { running: false } => match process::find_program(Path::new("crontab")) {
            Some(_) => Ok(cron::ours(&crontab()?).map(|line| format!("{line}\n"))),
            None => Err(unknown()),
        },
        Manager::Other => Ok(cron::ours(&crontab()?).map(|line| format!("{line}\n"))),
    }
}

/// This user's table; empty where there is none yet. It is written back whole, so that it must be understood whole.
fn crontab() -> Result<String> {
    match output("crontab", &["-l"]) {
        Ok(bytes) if bytes.len() < MOST_OUTPUT => String::from_utf8(bytes).map_err(|_| {
            Error::new(Kind::Io, "change your crontab: it is not in UTF-8")
                .hint("Write it anew in UTF-8 (crontab -l | iconv -f LATIN1 -t UTF-8 | crontab -), then run this again.")
        }),
        Ok(_) => Err(Error::new(Kind::Io, "change your crontab: it is larger than any that we read whole")),
        // Vixie's and cronie's words, and BusyBox's.
        Err(error) if ["no crontab", "No such file"].iter().any(|words| error.line().contains(words)) => {
            Ok(String::new())
        }
        Err(error) => Err(error),
    }
}

fn set_crontab(places: &Places, table: &str) -> Result<()> {
    with_file(places, "crontab", table.as_bytes(), |file| command("crontab", &[&file.to_string_lossy()]))
        .map(drop)
}

/// Hands bytes to a command by a file that is gone afterwards.
fn with_file<T>(
    places: &Places,
    name: &str,
    bytes: &[u8],
    act: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    let folder = places.config.clone().unwrap_or_else(std::env::temp_dir).join("media-converter");
    let file = folder.join(format!("{}-{name}", sys::host::random_hex(6)));
    let fail = |error| Error::io("write", &file, error);
    sys::fs::create_dir_all(&folder).map_err(fail)?;
    let _ = sys::fs::write_new(&file, bytes).map_err(fail)?;
    let done = act(&file);
    remove(&file)?;
    // Only where nobody keeps anything in it.
    let _ = sys::fs::remove_dir(&folder);
    done
}

/// Whose timer it would be.
pub fn scope() -> Scope {
    super::service::scope()
}
