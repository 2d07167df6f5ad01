//! Steps: this very program in its place, and everything of ours out of it again.

use std::io;
use std::path::{Path, PathBuf};

use super::{Context, Ending, Fatal, fetch, ffmpeg, schedule, service};
use crate::model::error::{Error, Kind};
use crate::sys::fs::{self, Created, Removed};
use crate::sys::lasting;

/// Which programs of a folder a set-up put there: only those may an uninstallation take away.
const LIST: &str = "media-converter-setup.txt";

/// Our own name.
fn name() -> String {
    format!("media-converter{}", std::env::consts::EXE_SUFFIX)
}

/// Copies the program that runs now to where programs of ours go.
pub fn put(context: &mut Context) -> Result<Ending, Fatal> {
    let folder = context.wishes.programs.clone();
    if !context.wishes.install {
        return Ok(Ending::Skipped("this program stays where it is (--install copies it)".to_owned()));
    }
    let own = std::env::current_exe()
        .map_err(|error| Fatal::from(Error::new(Kind::Io, "find our own program").because(error)))?;
    let target = folder.join(name());
    let shown = target.display();
    let digest =
        |path: &Path| fetch::digest(path).map_err(|error| Fatal::from(Error::io("read", path, error)));
    let there = fs::is_listed(&target).unwrap_or(false);
    if there && digest(&target)? == digest(&own)? {
        // Its place in PATH may have been lost meanwhile.
        context.installed.push(folder);
        return Ok(Ending::Fine(format!("{shown} is this version")));
    }
    if context.wishes.dry_run {
        return Ok(Ending::Skipped(format!("would copy it to {shown}")));
    }
    ffmpeg::tidy_up(&folder)?;
    ffmpeg::staged(context, |context, staging| {
        let staged = staging.join(name());
        let _ = fs::copy_new(&own, &staged, &mut |_| true)
            .and_then(|made| fs::make_program(&staged).map(|()| made))
            .map_err(|error| Error::io("copy", &own, error))?;
        ffmpeg::place(context, &staged, &folder)
    })?;
    context.installed.push(folder);
    Ok(Ending::Changed(format!(
        "{} to {shown}",
        if there { "replaced what was there, copying" } else { "copied" }
    )))
}

/// Notes that a program of this name is ours to take away.
pub(super) fn note(folder: &Path, name: &str) -> io::Result<()> {
    let mut names = noted(folder);
    if names.iter().any(|noted| noted == name) {
        return Ok(());
    }
    names.push(name.to_owned());
    let file = folder.join(LIST);
    let text = names.join("\n") + "\n";
    fs::remove_file(&file)?;
    fs::write_new(&file, text.as_bytes()).map(drop)
}

fn noted(folder: &Path) -> Vec<String> {
    let bytes = fs::read_small(&folder.join(LIST), 64 * 1024).unwrap_or_default();
    let is_name = |line: &&str| !line.is_empty() && !line.contains(['/', '\\', ':']);
    String::from_utf8_lossy(&bytes).lines().map(str::trim).filter(is_name).map(str::to_owned).collect()
}

fn places(context: &Context) -> service::Places {
    service::Places { home: context.wishes.home.clone(), config: context.wishes.config.clone() }
}

/// Removes the service that was installed for this user, or the system.
#[expect(clippy::unnecessary_wraps, reason = "every step may fail, as their list has it")]
pub fn no_service(context: &mut Context) -> Result<Ending, Fatal> {
    if context.wishes.dry_run {
        return Ok(Ending::Skipped("would remove the service, where there is one".to_owned()));
    }
    Ok(told(service::uninstall(&places(context))))
}

/// Removes the timer.
#[expect(clippy::unnecessary_wraps, reason = "every step may fail, as their list has it")]
pub fn no_schedule(context: &mut Context) -> Result<Ending, Fatal> {
    if context.wishes.dry_run {
        return Ok(Ending::Skipped("would remove the schedule, where there is one".to_owned()));
    }
    Ok(told(schedule::uninstall(&places(context))))
}

/// A machine without a service manager has no service; that hinders nobody who wants to be rid of it all.
fn told(done: crate::model::error::Result<Vec<String>>) -> Ending {
    match done {
        Ok(lines) if lines.iter().all(|line| line.starts_with("there was no")) => {
            Ending::Fine(lines.join("; "))
        }
        Ok(lines) => Ending::Changed(lines.join("; ")),
        Err(error) => Ending::Skipped(error.line()),
    }
}

/// Takes the folder out of PATH.
pub fn no_path(context: &mut Context) -> Result<Ending, Fatal> {
    let folder = &context.wishes.programs;
    if context.wishes.keep_path {
        return Ok(Ending::Skipped("PATH is to be left alone".to_owned()));
    }
    if context.wishes.dry_run {
        return Ok(Ending::Skipped(format!("would take {} out of it", folder.display())));
    }
    let removed = lasting::remove_from_path(folder, context.wishes.home.as_deref())
        .map_err(|error| Fatal::from(Error::io("take out of PATH", folder, error)))?;
    Ok(if removed {
        Ending::Changed(format!("took {} out of it", folder.display()))
    } else {
        Ending::Fine(format!("{} was not put into it by us", folder.display()))
    })
}

/// Removes the programs that a set-up put there, this one among them.
pub fn remove(context: &mut Context) -> Result<Ending, Fatal> {
    let folder = context.wishes.programs.clone();
    let names = noted(&folder);
    if names.is_empty() {
        return Ok(Ending::Fine(format!("no set-up put programs into {}", folder.display())));
    }
    if context.wishes.dry_run {
        return Ok(Ending::Skipped(format!("would remove {} from {}", names.join(", "), folder.display())));
    }
    ffmpeg::tidy_up(&folder)?;
    let mut aside = None;
    for name in &names {
        let path = folder.join(name);
        let fail = |error| Fatal::from(Error::io("remove", &path, error));
        if runs_from(&path) {
            aside = retire(&path).map_err(fail)?;
        } else {
            fs::remove_file(&path).map_err(fail)?;
        }
    }
    let list = folder.join(LIST);
    fs::remove_file(&list).map_err(|error| Fatal::from(Error::io("remove", &list, error)))?;
    // Only where nobody keeps anything in it; ~/.local/bin is full of other things.
    let gone = matches!(fs::remove_dir(&folder), Ok(Removed::Yes));
    let mut words = format!("{} from {}", names.join(", "), folder.display());
    if gone {
        words.push_str(", and the folder");
    }
    if let Some(aside) = aside {
        words.push_str(&format!("; this running program waits in {} to be cleared away", aside.display()));
    }
    Ok(Ending::Changed(words))
}

fn runs_from(path: &Path) -> bool {
    let same = |own: PathBuf| matches!((crate::sys::path::canonical(&own), crate::sys::path::canonical(path)), (Ok(a), Ok(b)) if a == b);
    std::env::current_exe().is_ok_and(same)
}

/// Removes the program that runs. Windows does not, but lets it be renamed: then it waits among the temporary files.
fn retire(path: &Path) -> io::Result<Option<PathBuf>> {
    if fs::remove_running(path)? {
        return Ok(None);
    }
    let name = format!("{}-{}", crate::sys::host::random_hex(6), self::name());
    for folder in [Some(std::env::temp_dir()), path.parent().and_then(Path::parent).map(Path::to_owned)] {
        let Some(to) = folder.map(|folder| folder.join(&name)) else { continue };
        // Another volume cannot take it.
        if matches!(fs::rename_new(path, &to), Ok(Created::Yes)) {
            return Ok(Some(to));
        }
    }
    Err(io::Error::other("a running program cannot be removed: delete it by hand"))
}
