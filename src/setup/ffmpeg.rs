//! Step: ffmpeg and ffprobe, found or installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Context, Ending, Fatal, Source, fetch, packages, unpack};
use crate::ffmpeg::tools::{self, Tools};
use crate::model::error::{Error, Kind, Result};
use crate::sys::fs::{self, Created, EntryKind};
use crate::sys::process::{self, Spawn};
use crate::sys::service;

/// A package manager may fetch hundreds of megabytes over a slow line.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// What a replaced program is called until the new one is proved.
const BEFORE: &str = "before-setup";

/// Where programs are unpacked and tried before they go to their place; on the same disk as it.
const STAGING: &str = ".media-converter-setup";

pub fn have(context: &mut Context) -> std::result::Result<Ending, Fatal> {
    let wishes = context.wishes;
    if !wishes.dry_run {
        tidy_up(&wishes.programs)?;
    }
    let mut own = None;
    if !wishes.force {
        match find(context) {
            Ok(tools)
                if wishes.ffmpeg.is_none() && wishes.source == Source::Packages && is_fedoras_own(&tools) =>
            {
                own = Some(tools);
            }
            Ok(tools) => return Ok(found(context, tools, "")),
            // Named by the user: something else in its place would not be used.
            Err(error) if wishes.ffmpeg.is_some() || wishes.ffprobe.is_some() => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(match &wishes.source {
        Source::Packages => match (by_packages(context), own) {
            (Ok(ending), Some(_)) if !context.tools.as_ref().is_some_and(is_fedoras_own) => ending,
            // A card may still encode H.264 with it.
            (Ok(_), Some(tools)) => found(context, tools, "; no full build took its place"),
            (Err(error), Some(tools)) => {
                found(context, tools, &format!("; no full build took its place: {}", error.line()))
            }
            (ending, None) => ending?,
        },
        Source::Url { url, sha256 } => {
            if wishes.dry_run {
                return Ok(Ending::Skipped(format!(
                    "would fetch {url} and put ffmpeg into {}",
                    wishes.programs.display()
                )));
            }
            context.watch.note(&format!("fetching {url}"));
            let archive =
                fetch::get(url, sha256, &wishes.downloads, fetch::Patience::default(), context.watch)?;
            let ending = by_archive(context, &archive)?;
            context.at_the_end(move || {
                // Kept until all is proved, so that another try needs no network.
                let _ = fs::remove_file(&archive);
            });
            ending
        }
        Source::Folder { folder, sha256 } => by_folder(context, folder, sha256.as_deref())?,
    })
}

fn found(context: &mut Context, tools: Tools, more: &str) -> Ending {
    let words = format!("{} is {}{more}", tools.ffmpeg.display(), tools.version);
    context.tools = Some(tools);
    Ending::Fine(words)
}

/// This ffmpeg came with Fedora.
fn is_fedoras_own(tools: &Tools) -> bool {
    let Some(program) = process::find_program(Path::new("rpm")) else { return false };
    let mut args: Vec<OsString> = ["-q", "--queryformat", "%{NAME}", "-f"].map(OsString::from).to_vec();
    args.push(tools.ffmpeg.clone().into_os_string());
    let asked = process::output(&Spawn { program, args, background: false }, DEADLINE, 4096);
    asked.is_ok_and(|said| said.ended.success() && said.stdout == packages::FEDORAS_OWN.as_bytes())
}

/// The two programs' names here.
fn names() -> Vec<String> {
    ["ffmpeg", "ffprobe"].map(|name| format!("{name}{}", std::env::consts::EXE_SUFFIX)).to_vec()
}

fn before(program: &Path) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(".");
    name.push(BEFORE);
    name.into()
}

/// Finishes what a killed set-up left: a program that was moved aside and has no successor is put back.
pub(super) fn tidy_up(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::list(folder) else { return Ok(()) };
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::io("clean up after an interrupted set-up at", path, error)
    };
    for entry in &entries {
        let Some(name) = entry.name.to_str().and_then(|name| name.strip_suffix(&format!(".{BEFORE}"))) else {
            continue;
        };
        let (aside, place) = (folder.join(&entry.name), folder.join(name));
        if entries.iter().any(|other| other.name == name) {
            // A program that still runs cannot be removed on Windows; a later set-up does it.
            let _ = fs::remove_running(&aside);
        } else {
            fs::consume(&aside, &place).map_err(fail(&place))?;
        }
    }
    clear(&folder.join(STAGING)).map_err(fail(folder))
}

/// Removes a folder of ours with everything in it.
fn clear(folder: &Path) -> std::io::Result<()> {
    let entries = match fs::list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = folder.join(&entry.name);
        if entry.kind == EntryKind::Dir {
            clear(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    fs::remove_dir(folder).map(|_| ())
}

/// Finds them where they may be: as the user says, as every run will, where we install, where package managers do.
fn find(context: &Context) -> Result<Tools> {
    let wishes = context.wishes;
    let found = tools::find(wishes.ffmpeg.as_deref(), wishes.ffprobe.as_deref());
    if found.is_ok() || wishes.ffmpeg.is_some() || wishes.ffprobe.is_some() {
        return found;
    }
    let links = packages::LINKS.iter().map(|link| match &wishes.home {
        Some(home) => home.join(link),
        None => PathBuf::from(link),
    });
    std::iter::once(wishes.programs.clone())
        .chain(links)
        .find_map(|folder| in_folder(&folder).ok())
        .map_or(found, Ok)
}

fn in_folder(folder: &Path) -> Result<Tools> {
    let [ffmpeg, ffprobe] =
        ["ffmpeg", "ffprobe"].map(|name| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    tools::find(Some(&ffmpeg), Some(&ffprobe))
}

fn by_packages(context: &mut Context) -> Result<Ending> {
    let missing = |why: String, hint: String| {
        Err(Error::new(Kind::MissingTool, format!("install ffmpeg: {why}")).hint(hint))
    };
    let Some(manager) =
        packages::MANAGERS.iter().find(|manager| process::find_program(Path::new(manager.program)).is_some())
    else {
        return missing(
            "no package manager that we know is here".to_owned(),
            "Give an archive: --ffmpeg-url with --sha256, or --offline-cache DIR.".to_owned(),
        );
    };
    let lacks_rights = manager.needs_root && !service::is_privileged();
    let asker = if lacks_rights { asker() } else { None };
    if context.wishes.dry_run {
        return Ok(Ending::Skipped(format!("would run `{}`", packages::typed(manager.attempts[0], asker))));
    }
    if lacks_rights && asker.is_none_or(|asker| command(&[asker, "-n", "true"]).is_err()) {
        let typed = packages::typed(manager.attempts[0], asker);
        return missing(
            "it needs an administrator's rights".to_owned(),
            format!("With these, run `{typed}`, then this again."),
        );
    }
    let lent = asker.map(|asker| [asker, "-n"]);
    let run = |words: &[&str]| command(&lent.iter().flatten().chain(words).copied().collect::<Vec<_>>());
    if !manager.source.is_empty() {
        context
            .watch
            .note("looking for a package source that has an ffmpeg with H.264 (on Fedora: RPM Fusion)");
        if let Err(why) = run(manager.source) {
            context.watch.note(&format!("it could not be added: {why}"));
        }
    }
    let mut last = String::new();
    for (tried, attempt) in manager.attempts.iter().enumerate() {
        let typed = packages::typed(attempt, asker);
        context.watch.note(&format!("running `{typed}`"));
        match run(attempt) {
            Ok(()) => {
                let is_last = tried + 1 == manager.attempts.len();
                if let Ok(tools) = find(context)
                    && (is_last || !is_fedoras_own(&tools))
                {
                    let words = format!("`{typed}` installed {} ({})", tools.version, tools.ffmpeg.display());
                    context.tools = Some(tools);
                    return Ok(Ending::Changed(words));
                }
            }
            Err(why) => last = format!("`{typed}`: {why}"),
        }
    }
    missing(
        if last.is_empty() { format!("{} left no ffmpeg behind", manager.program) } else { last },
        "Install it by hand, or give an archive: --ffmpeg-url with --sha256, or --offline-cache DIR."
            .to_owned(),
    )
}

/// Who lends the rights here.
fn asker() -> Option<&'static str> {
    packages::ASKERS.into_iter().find(|asker| process::find_program(Path::new(asker)).is_some())
}

/// Runs a command to its end; the telling line where it fails.
fn command(words: &[&str]) -> std::result::Result<(), String> {
    let [program, args @ ..] = words else { return Err("nothing to run".to_owned()) };
    let program =
        process::find_program(Path::new(program)).ok_or_else(|| format!("{program} is not here"))?;
    let spawn = Spawn { program, args: args.iter().map(OsString::from).collect(), background: false };
    let output = process::output(&spawn, DEADLINE, 1024 * 1024).map_err(|error| error.to_string())?;
    if output.ended.success() {
        return Ok(());
    }
    let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let line = text.iter().find_map(|text| text.lines().rfind(|line| !line.trim().is_empty()));
    Err(line.unwrap_or("it failed without a word").trim().to_owned())
}

fn by_folder(context: &mut Context, folder: &Path, sha256: Option<&str>) -> Result<Ending> {
    let entries = fs::list(folder).map_err(|error| Error::io("look into", folder, error))?;
    let files: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .filter_map(|entry| entry.name.to_str())
        .collect();
    let place = context.wishes.programs.display().to_string();
    if names().iter().all(|name| files.contains(&name.as_str())) {
        if context.wishes.dry_run {
            return Ok(Ending::Skipped(format!("would copy ffmpeg from {} to {place}", folder.display())));
        }
        let from: Vec<PathBuf> = names().iter().map(|name| folder.join(name)).collect();
        return install(context, &folder.display().to_string(), |staging| {
            from.iter()
                .map(|source| {
                    let target = staging.join(source.file_name().unwrap_or_default());
                    let _ = fs::copy_new(source, &target, &mut |_| true)
                        .and_then(|made| fs::make_program(&target).map(|()| made))
                        .map_err(|error| Error::io("copy", source, error))?;
                    Ok(target)
                })
                .collect()
        });
    }
    let is_archive = |name: &&&str| {
        let name = name.to_ascii_lowercase();
        name.contains("ffmpeg")
            && (name.contains(".tar.") || matches!(name.rsplit('.').next(), Some("zip" | "tgz" | "txz")))
    };
    let archives: Vec<&&str> = files.iter().filter(is_archive).collect();
    let [archive] = archives.as_slice() else {
        let found = if archives.is_empty() { "none" } else { "more than one" };
        return Err(Error::new(Kind::Usage, format!("take ffmpeg from, for there is {found} in")).at(folder).hint(
            "The folder is to hold ffmpeg and ffprobe themselves, or one archive with `ffmpeg` in its name.",
        ));
    };
    let archive = folder.join(archive);
    if context.wishes.dry_run {
        return Ok(Ending::Skipped(format!("would unpack {} to {place}", archive.display())));
    }
    match sha256.map(str::to_owned).or_else(|| noted(folder, &archive)) {
        Some(expected) => {
            let found = fetch::digest(&archive).map_err(|error| Error::io("read", &archive, error))?;
            if found != expected {
                return Err(Error::new(Kind::Io, format!("use it: its SHA-256 is {found}, not {expected}:"))
                    .at(archive)
                    .hint("The archive is damaged or another one: fetch it again."));
            }
        }
        None => context
            .watch
            .note("the archive has no SHA-256 beside it, and none was given: it is used unchecked"),
    }
    by_archive(context, &archive)
}

/// The SHA-256 that is noted beside the archive, as `sha256sum` writes it.
fn noted(folder: &Path, archive: &Path) -> Option<String> {
    let name = archive.file_name()?.to_str()?;
    [format!("{name}.sha256"), "SHA256SUMS".to_owned()].iter().find_map(|file| {
        let text = String::from_utf8(fs::read_small(&folder.join(file), 1024 * 1024).ok()?).ok()?;
        text.lines().find_map(|line| {
            let (digits, of) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), name));
            (of.trim_start_matches([' ', '*']) == name).then(|| fetch::sha256(digits).ok()).flatten()
        })
    })
}

fn by_archive(context: &mut Context, archive: &Path) -> Result<Ending> {
    let from = archive.display().to_string();
    context.watch.note("unpacking");
    install(context, &from, |staging| unpack::programs(archive, staging, &names()))
}

/// Lets `make` put programs into a folder of ours, tries them there, and moves them to their place; what they replace
/// waits beside them until nothing can fail any more.
fn install(
    context: &mut Context,
    from: &str,
    make: impl FnOnce(&Path) -> Result<Vec<PathBuf>>,
) -> Result<Ending> {
    let folder = context.wishes.programs.clone();
    staged(context, |context, staging| {
        let programs = make(staging)?;
        in_folder(staging)?;
        programs.iter().try_for_each(|program| place(context, program, &folder))
    })?;
    let tools = in_folder(&folder)?;
    let words = format!("{} into {} (from {from})", tools.version, folder.display());
    context.tools = Some(tools);
    context.installed.push(folder);
    Ok(Ending::Changed(words))
}

/// Hands out a folder of ours beside the programs' place, and clears it away.
pub(super) fn staged(
    context: &mut Context,
    fill: impl FnOnce(&mut Context, &Path) -> Result<()>,
) -> Result<()> {
    let staging = context.wishes.programs.join(STAGING);
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::io("install to", path, error)
    };
    fs::create_dir_all(&staging).map_err(fail(&staging))?;
    let filled = fill(context, &staging);
    let cleared = clear(&staging);
    filled?;
    cleared.map_err(fail(&staging))
}

/// Moves a program to its place; what lies there waits beside it.
pub(super) fn place(context: &mut Context, program: &Path, folder: &Path) -> Result<()> {
    let target = folder.join(program.file_name().unwrap_or_default());
    let aside = before(&target);
    let fail = |error| Error::io("install", &target, error);
    // By a rename that asks for nothing else: the program may be running, which Windows lets one rename, and no more.
    if fs::is_listed(&target).map_err(fail)?
        && fs::rename_new(&target, &aside).map_err(fail)? == Created::Exists
    {
        return Err(Error::new(Kind::Io, "replace the program, for an older one still runs:").at(target));
    }
    let (back, kept) = (target.clone(), aside.clone());
    context.can_undo(target.display().to_string(), move || {
        fs::remove_file(&back)?;
        if fs::is_listed(&kept)? {
            let _ = fs::rename_new(&kept, &back)?;
        }
        Ok(())
    });
    let (home, name) =
        (folder.to_owned(), target.file_name().unwrap_or_default().to_string_lossy().into_owned());
    context.at_the_end(move || {
        // A program that still runs cannot be removed on Windows; the next set-up does it.
        let _ = fs::remove_running(&aside);
        // Without the note an uninstallation leaves it; that is no reason to fail now.
        let _ = super::program::note(&home, &name);
    });
    match fs::publish_file(program, &target).map_err(fail)? {
        Created::Yes => Ok(()),
        Created::Exists => Err(Error::new(Kind::Io, "install, because somebody else just did:").at(target)),
    }
}
