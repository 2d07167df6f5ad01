//! The swap. [`apply`] is idempotent and may be run by anybody once the claim is sealed: by its holder, or by whoever finds
//! it half done after a crash. It decides by fingerprints of what is there, never by what it remembers doing.
//!
//! At every moment the old or the new file is whole, under its name or (on Linux SMB, for one round trip) in the work
//! folder, from where the next visitor puts it back.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::transcode::{Made, STAGE};
use super::{Context, Halt, Source, Task, io_halt, trash};
use crate::model::key::Fingerprint;
use crate::model::outcome::FailCode;
use crate::share::claim::Claim;
use crate::share::record::{Commit, Originals};
use crate::share::step;
use crate::sys;
use crate::sys::fs::{Created, Removed};
use crate::sys::netfs::FileSystem;

/// The displaced original's name in the work folder. `share` never deletes a name that begins like this.
pub const ORIG: &str = "orig";
const REPLACED: &str = "the source was replaced by somebody else; the new file stays";
/// A swap that meets errors is tried this often before it is left for the next visitor.
const ATTEMPTS: u32 = 5;

/// What was put in place.
#[derive(Debug)]
pub(crate) struct Published {
    pub target: PathBuf,
    pub print: Fingerprint,
}

/// How an [`apply`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The result is in place and the original is where the commit wants it.
    Done,
    /// The original stays (or is back); the stage file is gone. In words, why.
    RolledBack(String),
}

/// A second look at the source, then seal, apply, finish. On `Err` the claim is released and the original untouched.
pub(crate) fn swap(
    task: &Task,
    context: Context<'_>,
    claim: Claim,
    source: &Source,
    made: &Made,
) -> std::result::Result<Published, Halt> {
    let folder = task.path.parent().unwrap_or(Path::new(".")).to_owned();
    let commit = match prepare(task, context, &claim, source, made, &folder) {
        Ok(commit) => commit,
        Err(halt) => {
            claim.release();
            return Err(halt);
        }
    };
    let sealed = claim.seal(&commit).map_err(|e| Halt::claim_lost(e.line()))?;
    let mut wait = Duration::from_millis(200);
    for attempt in 1.. {
        match apply(&folder, &task.library.root, sealed.work_dir(), &commit) {
            Ok(Applied::Done) => break,
            Ok(Applied::RolledBack(why)) => {
                sealed.finish();
                return Err(Halt::fail(FailCode::SourceChanged, why)
                    .hint("it will be looked at again in the next run"));
            }
            Err(error) if attempt >= ATTEMPTS => {
                let halt = io_halt("swap the result in for", &task.path, error);
                if roll_back(&folder, sealed.work_dir(), &commit).is_ok_and(|done| done) {
                    sealed.finish();
                    return Err(halt);
                }
                // The seal stays: the next visitor finishes or undoes the swap.
                return Err(halt.hint(format!(
                    "the swap is half done, and both files are whole: the original lies in {}; once the cause is mended, the next run of \
                     any machine finishes it",
                    sealed.work_dir().display()
                )));
            }
            Err(_) => {
                let _ = sys::stop::sleep_unless(wait, sys::stop::Stop::Now);
                wait *= 2;
            }
        }
    }
    sealed.finish();
    Ok(Published { target: folder.join(&commit.target), print: commit.output_print })
}

/// Everything that can be done before the point of no return, and the record that whoever finishes the swap needs.
fn prepare(
    task: &Task,
    context: Context<'_>,
    claim: &Claim,
    source: &Source,
    made: &Made,
    folder: &Path,
) -> std::result::Result<Commit, Halt> {
    let changed = || {
        Halt::fail(
            FailCode::SourceChanged,
            "the source was changed or replaced while it was converted; the result was dropped",
        )
        .hint("it will be looked at again in the next run")
    };
    // Ownership and time first: setting them after the fingerprint would change the stamp.
    sys::fs::adopt_ownership(&task.path, &made.stage);
    if context.keep_mtime {
        let _ = sys::fs::set_mtime(&made.stage, &source.print.stamp);
    }
    sys::fs::sync_file(&made.stage).map_err(|e| io_halt("write the result to disk", &made.stage, e))?;
    let output_print =
        sys::fs::fingerprint(&made.stage).map_err(|e| io_halt("read the result", &made.stage, e))?;
    let stem = |name: &str| Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = task.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let listing = sys::fs::list(folder).map_err(|e| io_halt("list the folder", folder, e))?;
    let names: Vec<String> = listing.iter().filter_map(|e| e.name.to_str().map(str::to_owned)).collect();
    let mut sidecars: Vec<(String, String)> = Vec::new();
    for (path, suffix) in &made.sidecars {
        sys::fs::sync_file(path).map_err(|e| io_halt("write the subtitles to disk", path, e))?;
        let taken = |n: &str| names.iter().any(|o| o == n) || sidecars.iter().any(|(_, o)| o == n);
        sidecars.push((
            path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            free_name(&stem(&source.target), suffix, &taken),
        ));
    }
    let renames = followers(&names, &stem(&name), &stem(&source.target));
    let now = match sys::fs::fingerprint(&task.path) {
        Ok(now) => now,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(changed()),
        Err(error) => return Err(io_halt("look at the source again", &task.path, error)),
    };
    if now != source.print {
        return Err(changed());
    }
    Ok(Commit {
        version: 1,
        source: name,
        source_print: source.print.clone(),
        target: source.target.clone(),
        output_print,
        stage: STAGE.to_owned(),
        sidecars,
        renames,
        originals: context.originals,
        trash: Some(trash::place(claim.work_dir())),
        library: task.library.id.clone(),
    })
}

/// `<stem><suffix>`, or with a number before the last ending where that name is taken.
fn free_name(stem: &str, suffix: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let plain = format!("{stem}{suffix}");
    if !taken(&plain) {
        return plain;
    }
    let (head, ending) = suffix.rsplit_once('.').unwrap_or((suffix, ""));
    (2..10_000).map(|n| format!("{stem}{head}.{n}.{ending}")).find(|name| !taken(name)).unwrap_or(plain)
}

/// Files that belong to a film by its stem and follow it when the stem changes: (old name, new name).
pub fn followers(names: &[String], old: &str, new: &str) -> Vec<(String, String)> {
    const ENDINGS: [&str; 16] = [
        "srt", "ass", "ssa", "vtt", "sub", "idx", "sup", "mks", "smi", "nfo", "jpg", "jpeg", "png", "tbn",
        "xml", "txt",
    ];
    if old == new {
        return Vec::new();
    }
    names
        .iter()
        .filter_map(|name| {
            let rest = name.strip_prefix(old)?;
            let belongs = rest.starts_with('.') || rest.starts_with('-');
            let ending = sys::path::extension(Path::new(name));
            let to = format!("{new}{rest}");
            (belongs && ENDINGS.contains(&ending.as_str()) && !names.contains(&to))
                .then(|| (name.clone(), to))
        })
        .collect()
}

/// Finishes the swap from whatever state it is in, or undoes it. Needs no room on the disk.
pub fn apply(folder: &Path, root: &Path, work: &Path, commit: &Commit) -> std::io::Result<Applied> {
    let applied = if commit.source == commit.target {
        in_place(folder, root, work, commit)?
    } else {
        beside(folder, root, work, commit)?
    };
    if applied == Applied::Done {
        extras(folder, work, commit)?;
        step("commit.before-trash");
        rest(folder, root, work, commit)?;
    }
    let _ = sys::fs::sync_dir(folder);
    step("commit.applied");
    Ok(applied)
}

/// What a name holds, by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Nothing,
    Source,
    Output,
    Other,
}

fn holds(path: &Path, commit: &Commit) -> std::io::Result<Holds> {
    // A name may be absent only by a listing; a stat may lie for half a minute on NFS.
    if !sys::fs::is_listed(path)? {
        return Ok(Holds::Nothing);
    }
    match sys::fs::fingerprint(path) {
        Ok(print) if print.same_content(&commit.output_print) => Ok(Holds::Output),
        // Another machine may see the same file's time rounded: SMB keeps 100 ns, FAT two seconds.
        Ok(print)
            if print.same_content(&commit.source_print)
                && print.stamp.same_file(&commit.source_print.stamp) =>
        {
            Ok(Holds::Source)
        }
        Ok(_) => Ok(Holds::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Holds::Nothing),
        Err(error) => Err(error),
    }
}

/// The result has the source's name.
fn in_place(folder: &Path, root: &Path, work: &Path, commit: &Commit) -> std::io::Result<Applied> {
    let (name, stage, orig) = (folder.join(&commit.source), work.join(&commit.stage), work.join(ORIG));
    match holds(&name, commit)? {
        Holds::Output => {
            // Done before, by us or by another. After an exchange the displaced file lies under the stage's name.
            match holds(&stage, commit)? {
                Holds::Source => sys::fs::consume(&stage, &orig)?,
                Holds::Output | Holds::Nothing => sys::fs::remove_file(&stage)?,
                Holds::Other => {
                    sys::fs::exchange(&stage, &name)?;
                    sys::fs::remove_file(&stage)?;
                    return Ok(Applied::RolledBack(REPLACED.to_owned()));
                }
            };
            Ok(Applied::Done)
        }
        Holds::Source => {
            if holds(&stage, commit)? != Holds::Output {
                return Ok(Applied::RolledBack(
                    "the result was gone before it could be swapped in".to_owned(),
                ));
            }
            replace_source(&name, &stage, &orig, commit)
        }
        Holds::Nothing => {
            // Somebody died (or is paused) between moving the source aside and publishing the result.
            if holds(&stage, commit)? == Holds::Output {
                match sys::fs::publish_file(&stage, &name)? {
                    Created::Yes => {
                        sys::fs::remove_file(&stage)?;
                        Ok(Applied::Done)
                    }
                    Created::Exists => in_place(folder, root, work, commit),
                }
            } else if sys::fs::is_listed(&orig)? {
                let _ = sys::fs::publish_file(&orig, &name)?;
                Ok(Applied::RolledBack("the result was gone; the original was put back".to_owned()))
            } else {
                Ok(Applied::RolledBack("the source was removed by somebody else".to_owned()))
            }
        }
        Holds::Other => {
            sys::fs::remove_file(&stage)?;
            keep_stray(&orig, &name, root, commit)?;
            Ok(Applied::RolledBack(REPLACED.to_owned()))
        }
    }
}

/// The source is in its place and the result is ready: the swap itself.
fn replace_source(name: &Path, stage: &Path, orig: &Path, commit: &Commit) -> std::io::Result<Applied> {
    let kind = sys::netfs::of(name).map(|mount| mount.kind);
    if matches!(kind, Ok(FileSystem::Local(_))) {
        step("commit.before-exchange");
        match sys::fs::exchange(stage, name) {
            Ok(()) => {
                step("commit.exchanged");
                // What came out must be what went in; else a stranger replaced it in that very moment.
                if holds(stage, commit)? == Holds::Source {
                    sys::fs::consume(stage, orig)?;
                    return Ok(Applied::Done);
                }
                sys::fs::exchange(stage, name)?;
                sys::fs::remove_file(stage)?;
                return Ok(Applied::RolledBack(REPLACED.to_owned()));
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
    }
    // A second name for the original keeps it alive across the replace. Linux SMB may destroy what it renames over.
    let pinned = !matches!(kind, Ok(FileSystem::LinuxSmb))
        && match sys::fs::hard_link(name, orig) {
            Ok(Created::Yes | Created::Exists) => sys::fs::same_file(name, orig)?,
            Err(error) if error.kind() == ErrorKind::Unsupported => false,
            Err(error) => return Err(error),
        };
    if pinned {
        step("commit.before-replace");
        sys::fs::replace(stage, name)?;
        step("commit.replaced");
        return Ok(Applied::Done);
    }
    step("commit.before-aside");
    sys::fs::consume(name, orig)?;
    step("commit.aside");
    if holds(orig, commit)? != Holds::Source {
        let _ = sys::fs::publish_file(orig, name)?;
        drop_extra_name(orig, name)?;
        sys::fs::remove_file(stage)?;
        return Ok(Applied::RolledBack(REPLACED.to_owned()));
    }
    match sys::fs::publish_file(stage, name)? {
        Created::Yes => {
            sys::fs::remove_file(stage)?;
            Ok(Applied::Done)
        }
        Created::Exists => {
            if holds(name, commit)? == Holds::Output {
                sys::fs::remove_file(stage)?;
                return Ok(Applied::Done);
            }
            // A stranger took the name in the gap: its file stays, and so does the original (in the trash).
            sys::fs::remove_file(stage)?;
            Ok(Applied::Done)
        }
    }
}

/// The result has a name of its own.
fn beside(folder: &Path, root: &Path, work: &Path, commit: &Commit) -> std::io::Result<Applied> {
    let (name, target) = (folder.join(&commit.source), folder.join(&commit.target));
    let (stage, orig) = (work.join(&commit.stage), work.join(ORIG));
    match holds(&target, commit)? {
        Holds::Output => {}
        Holds::Nothing => {
            let source_is_there = holds(&name, commit)? == Holds::Source || sys::fs::is_listed(&orig)?;
            if !source_is_there || holds(&stage, commit)? != Holds::Output {
                sys::fs::remove_file(&stage)?;
                keep_stray(&orig, &name, root, commit)?;
                return Ok(Applied::RolledBack(
                    "the source or the result changed before the swap".to_owned(),
                ));
            }
            step("commit.before-publish");
            if sys::fs::publish_file(&stage, &target)? == Created::Exists
                && holds(&target, commit)? != Holds::Output
            {
                sys::fs::remove_file(&stage)?;
                return Ok(Applied::RolledBack(format!("«{}» was taken by another file", commit.target)));
            }
            step("commit.published");
            let _ = sys::fs::sync_dir(folder);
        }
        Holds::Source | Holds::Other => {
            sys::fs::remove_file(&stage)?;
            return Ok(Applied::RolledBack(format!("«{}» was taken by another file", commit.target)));
        }
    }
    sys::fs::remove_file(&stage)?;
    match holds(&name, commit)? {
        Holds::Source => {
            sys::fs::consume(&name, &orig)?;
            step("commit.moved");
            if holds(&orig, commit)? != Holds::Source {
                // A stranger replaced it in that very moment: its file goes back, our result stays beside it.
                let _ = sys::fs::publish_file(&orig, &name)?;
                drop_extra_name(&orig, &name)?;
            }
            Ok(Applied::Done)
        }
        // Moved before, or replaced by a stranger whose file is not ours to touch.
        Holds::Nothing | Holds::Output | Holds::Other => Ok(Applied::Done),
    }
}

/// Subtitles published beside the result, and files that follow a changed stem. Nothing is replaced.
fn extras(folder: &Path, work: &Path, commit: &Commit) -> std::io::Result<()> {
    for (from, to) in &commit.sidecars {
        let from = work.join(from);
        if sys::fs::is_listed(&from)? {
            let _ = sys::fs::publish_file(&from, &folder.join(to))?;
            sys::fs::remove_file(&from)?;
        }
    }
    for (from, to) in &commit.renames {
        let (from, to) = (folder.join(from), folder.join(to));
        match follow(&from, &to) {
            // Somebody else's file of which the share gives us no second name, a name too long, or gone since it was listed: it keeps
            // what it has. The film itself must not stay half swapped for it.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unsupported
                        | ErrorKind::PermissionDenied
                        | ErrorKind::InvalidFilename
                        | ErrorKind::NotFound
                ) => {}
            result => result?,
        }
    }
    Ok(())
}

fn follow(from: &Path, to: &Path) -> std::io::Result<()> {
    if sys::fs::is_listed(from)? {
        let created = sys::fs::publish_file(from, to)?;
        if created == Created::Yes || sys::fs::same_file(from, to).unwrap_or(false) {
            drop_extra_name(from, to)?;
        }
    }
    Ok(())
}

/// The displaced original goes where the commit wants it.
fn rest(folder: &Path, root: &Path, work: &Path, commit: &Commit) -> std::io::Result<()> {
    let orig = work.join(ORIG);
    if !sys::fs::is_listed(&orig)? {
        return Ok(());
    }
    match commit.originals {
        Originals::Delete => sys::fs::remove_file(&orig).map(|_| ()),
        Originals::Trash => trash::lay(&orig, folder, root, commit).map(|_| ()),
        Originals::Keep => {
            let name = folder.join(trash::resting_name(&commit.source));
            match sys::fs::publish_file(&orig, &name)? {
                Created::Yes => drop_extra_name(&orig, &name),
                // An earlier original has that name: this one goes to the trash rather than nowhere.
                Created::Exists if sys::fs::same_file(&orig, &name).unwrap_or(false) => {
                    drop_extra_name(&orig, &name)
                }
                Created::Exists => trash::lay(&orig, folder, root, commit).map(|_| ()),
            }
        }
    }
}

/// Removes `extra` where it is a second name of `kept` (a published link leaves both).
fn drop_extra_name(extra: &Path, kept: &Path) -> std::io::Result<()> {
    if sys::fs::is_listed(extra)? && sys::fs::is_listed(kept)? {
        sys::fs::remove_file(extra)?;
    }
    Ok(())
}

/// A pinned or displaced original after a rollback: put back where its name is free, dropped where it is only a second
/// name of what is there, laid by otherwise.
fn keep_stray(orig: &Path, name: &Path, root: &Path, commit: &Commit) -> std::io::Result<()> {
    if !sys::fs::is_listed(orig)? {
        return Ok(());
    }
    if sys::fs::is_listed(name)? {
        if sys::fs::same_file(orig, name)? {
            sys::fs::remove_file(orig)?;
            return Ok(());
        }
        let folder = name.parent().unwrap_or(Path::new("."));
        return trash::lay(orig, folder, root, commit).map(|_| ());
    }
    let _ = sys::fs::publish_file(orig, name)?;
    drop_extra_name(orig, name)
}

/// Undoes a swap that never began: the source is in its place, the result is not. True: it is undone.
fn roll_back(folder: &Path, work: &Path, commit: &Commit) -> std::io::Result<bool> {
    let name = folder.join(&commit.source);
    if holds(&name, commit)? != Holds::Source {
        return Ok(false);
    }
    if commit.target != commit.source && holds(&folder.join(&commit.target), commit)? == Holds::Output {
        return Ok(false);
    }
    let orig = work.join(ORIG);
    if sys::fs::is_listed(&orig)? && sys::fs::same_file(&orig, &name)? {
        sys::fs::remove_file(&orig)?;
    }
    Ok(sys::fs::remove_file(&work.join(&commit.stage))? != Removed::NotEmpty)
}
