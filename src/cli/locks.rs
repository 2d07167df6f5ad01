//! `locks`: who holds what, and what dead workers left.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Claims, Collect, Common};
use super::session::Session;
use crate::job::recover;
use crate::model::error::{Error, Kind, Result};
use crate::scan::walk::{self, Found};
use crate::share::claim::{HalfDone, Memory, Terms};
use crate::share::force::{Forced, force};
use crate::share::judge::Judgement;
use crate::share::survey::{self, Whose};
use crate::share::{layout, library};
use crate::sys;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look, text};
use crate::worker::StoreMemory;

/// List the claims below a folder: who holds which file, since when, and whether they still live
///
/// `--force FILE` takes the claim on one file away from whoever holds it: its work is lost, the file stays whole.
///
/// Exits with 10 where stale claims were found (and, with --clean-stale, could not be cleared).
#[derive(Args, Clone, Debug)]
pub struct LocksArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    dirs: Vec<PathBuf>,
    /// Clear what dead workers left: finish or undo their half-done swaps, remove their claims and part files
    #[arg(long)]
    clean_stale: bool,
    /// With --clean-stale: only say what would be cleared
    #[arg(short = 'n', long, requires = "clean_stale")]
    dry_run: bool,
    /// Take the claim on this media file away from whoever holds it, dead or alive
    #[arg(long, value_name = "FILE", conflicts_with_all = ["clean_stale", "dirs"])]
    force: Option<PathBuf>,
    /// With --force: do not ask
    #[arg(short = 'y', long, requires = "force")]
    yes: bool,
    #[command(flatten)]
    claims: Claims,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    locks: Vec<Listed>,
    /// With `--clean-stale` or `--force`: what was done, in words.
    cleaned: Vec<String>,
    /// Folders that could not be read, and what could not be cleared.
    failed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Listed {
    /// The media file; null where it cannot be told.
    file: Option<PathBuf>,
    lock: PathBuf,
    /// `ours`, `legacy`, `unreadable`.
    whose: &'static str,
    /// `free`, `held`, `stale`, `sealed`.
    judgement: &'static str,
    why: String,
    hostname: Option<String>,
    pid: Option<u32>,
    /// Seconds since it was taken, by the file server's clock.
    age: Option<f64>,
    /// Seconds since the last sign of life, likewise.
    silent: Option<f64>,
    /// What kind of worker holds it.
    holder: Option<String>,
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Free => "free",
        Judgement::Held => "held",
        Judgement::Stale => "stale",
        Judgement::Sealed => "sealed",
    }
}

/// Runs it.
pub fn run(args: &LocksArgs, common: &Common, look: Look) -> Result<Ending> {
    if let Some(file) = &args.force {
        return force_file(file, args, common, look);
    }
    let session = Session::begin(common, Collect::default().claims(&args.claims), args.dirs.clone(), look)?;
    let store = session.store();
    let memory = StoreMemory(store.clone());
    let terms = session.terms();
    let bounds = session.bounds()?;
    let mut document =
        Document { schema: SCHEMA, locks: Vec::new(), cleaned: Vec::new(), failed: Vec::new() };
    for dir in &args.dirs {
        let root = sys::path::canonical(dir)
            .map_err(|error| Error::new(Kind::Library, "open the folder").at(dir).because(error))?;
        let library = library::open(&root, store.library_at(&root).as_deref(), false)?;
        let library_root = library.map_or_else(|| root.clone(), |library| library.root);
        for found in walk::walk(std::slice::from_ref(&root), &bounds, 0) {
            match found {
                Found::Folder(folder) if folder.has_claims => {
                    look_at(&folder.path, &terms, &memory, &mut document);
                    if args.clean_stale && !args.dry_run {
                        clean(&folder.path, &library_root, &terms, &memory, &mut document);
                    }
                }
                Found::Folder(_) | Found::Odd { .. } => {}
                Found::Unreadable { path, error } => {
                    document.failed.push(format!("{}: {error}", path.display()));
                }
            }
        }
    }
    document.locks.sort_by(|a, b| a.lock.cmp(&b.lock));
    let stale = document.locks.iter().filter(|lock| lock.judgement == word(Judgement::Stale)).count();
    let ending = match (document.failed.is_empty(), stale, args.clean_stale && !args.dry_run) {
        (false, _, true) | (_, 1.., false) => Ending::Stale,
        (false, _, false) => Ending::SomeFailed,
        _ => Ending::Well,
    };
    if args.json {
        ui::out_json(&document);
    } else {
        show(&document, &session.look);
        if stale > 0 && args.dry_run {
            session.look.note(&format!("{} would be cleared", text::counted(stale as u64, "stale claim")));
        } else if stale > 0 && !args.clean_stale {
            session.look.note("stale claims are taken over by the next run; --clean-stale clears them now");
        }
    }
    Ok(ending)
}

/// `--force FILE`.
fn force_file(file: &Path, args: &LocksArgs, common: &Common, look: Look) -> Result<Ending> {
    let file = media_file(file)?;
    let folder = file.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let session =
        Session::begin(common, Collect::default().claims(&args.claims), vec![folder.clone()], look)?;
    let store = session.store();
    let memory = StoreMemory(store.clone());
    let terms = session.terms();
    let mut document =
        Document { schema: SCHEMA, locks: Vec::new(), cleaned: Vec::new(), failed: Vec::new() };
    look_at(&folder, &terms, &memory, &mut document);
    document
        .locks
        .retain(|lock| lock.file.as_deref().is_some_and(|held| held.file_name() == file.file_name()));
    if !args.yes && !document.locks.is_empty() {
        confirm(&file, &document)?;
    }
    let root = library::open(&folder, store.library_at(&folder).as_deref(), false)?
        .map_or_else(|| folder.clone(), |library| library.root);
    match force(&file, &terms, &memory)? {
        Forced::Cleared(what) => document.cleaned = what,
        Forced::HalfDone(half) => document.cleaned.push(recover::finish(*half, &folder, &root)),
    }
    if args.json {
        ui::out_json(&document);
    } else if document.cleaned.is_empty() {
        session.look.note(&format!("nobody holds {}", text::clean(&file.display().to_string())));
    } else {
        show(&document, &session.look);
    }
    Ok(Ending::Well)
}

/// The media file that is meant: itself, or the one whose lock was named.
fn media_file(named: &Path) -> Result<PathBuf> {
    let missing = |error| Error::new(Kind::Library, "open the folder of").at(named).because(error);
    let name = named.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Error::new(Kind::Usage, "take a claim away").at(named).because("it is not the name of a file")
    })?;
    let file = name.strip_suffix(layout::LOCK_SUFFIX).unwrap_or(name);
    let folder = match named.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(sys::path::canonical(folder).map_err(missing)?.join(file))
}

/// Asks the person at the terminal; without one, `--yes` is needed.
fn confirm(file: &Path, document: &Document) -> Result<()> {
    let refuse = |why: &str| Error::new(Kind::Usage, "take the claim away").at(file).because(why);
    let held: Vec<String> = document
        .locks
        .iter()
        .map(|lock| {
            let host = lock.hostname.as_deref().unwrap_or("an unknown host");
            let pid = lock.pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            format!("It is held by {host}{pid}: {}.\n", lock.why)
        })
        .collect();
    let question = format!(
        "{}Take the claim on {} away? What its worker has done so far is lost; the file stays whole.",
        held.concat(),
        text::clean(&file.display().to_string()),
    );
    match ui::ask(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(refuse("you did not say yes; nothing was changed")),
        None => Err(refuse("nobody can be asked here; say --yes to do it all the same")),
    }
}

fn look_at(folder: &Path, terms: &Terms, memory: &dyn Memory, document: &mut Document) {
    match survey::folder(folder, terms, memory) {
        Ok(found) => document.locks.extend(found.into_iter().map(|f| {
            let holder = f.holder;
            Listed {
                file: f.file,
                lock: f.lock,
                whose: match f.whose {
                    Whose::Ours => "ours",
                    Whose::Legacy => "legacy",
                    Whose::Unreadable => "unreadable",
                },
                judgement: word(f.judgement),
                why: f.why,
                hostname: holder.as_ref().map(|h| h.hostname.clone()),
                pid: holder.as_ref().map(|h| h.pid),
                age: holder.as_ref().and_then(|h| h.age),
                silent: holder.as_ref().and_then(|h| h.silent),
                holder: holder.map(|h| h.what),
            }
        })),
        Err(error) => document.failed.push(error.to_string()),
    }
}

/// The same sweep that a run does when it meets such a folder.
fn clean(folder: &Path, root: &Path, terms: &Terms, memory: &dyn Memory, document: &mut Document) {
    let swept = match survey::sweep(folder, terms, memory) {
        Ok(swept) => swept,
        Err(error) => return document.failed.push(error.to_string()),
    };
    let finish = |half: HalfDone| recover::finish(half, folder, root);
    document.cleaned.extend(swept.half_done.into_iter().map(finish));
    for (survivor, name) in swept.stranded {
        match recover::put_back(&survivor, &name) {
            Ok(text) => document.cleaned.extend(text),
            Err(error) => {
                document.failed.push(format!("{} could not be put back: {error}", survivor.display()));
            }
        }
    }
    document.cleaned.extend(swept.removed);
}

fn show(document: &Document, look: &Look) {
    if document.locks.is_empty() && document.failed.is_empty() {
        look.note("no claims");
    }
    let time = |seconds: Option<f64>| seconds.map_or(String::new(), text::time);
    let rows: Vec<Vec<String>> = document
        .locks
        .iter()
        .map(|lock| {
            vec![
                lock.judgement.to_owned(),
                lock.whose.to_owned(),
                lock.hostname.clone().unwrap_or_default(),
                lock.pid.map_or(String::new(), |pid| pid.to_string()),
                time(lock.age),
                time(lock.silent),
                lock.file.as_ref().unwrap_or(&lock.lock).display().to_string(),
                lock.why.clone(),
            ]
        })
        .collect();
    let (left, right) = (Align::Left, Align::Right);
    ui::out(&table(
        &[
            ("state", left),
            ("whose", left),
            ("host", left),
            ("pid", right),
            ("for", right),
            ("silent", right),
            ("file", left),
            ("why", left),
        ],
        &rows,
    ));
    for text in &document.cleaned {
        look.note(&format!("cleared: {}", text::clean(text)));
    }
    for text in &document.failed {
        ui::err(&format!("failed: {}", text::clean(text)));
    }
}
