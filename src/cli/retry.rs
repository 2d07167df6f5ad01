//! `retry`: lets failed files be tried again.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common};
use super::scan::folder;
use super::session::{Session, folder_of};
use crate::job::forgive::{self, Forgiven};
use crate::model::error::{Error, Kind, Result};
use crate::scan::walk::{self, Found};
use crate::share::library::{self, Library};
use crate::store::Store;
use crate::sys;
use crate::sys::stop::{self, Stop};
use crate::ui::ndjson::SCHEMA;
use crate::ui::{self, Look, text};

/// Let files that failed be tried again by the next run, on any machine
///
/// A file that failed rests: an hour after the first time, two after the second; after three times, or where the file itself is at
/// fault, it is parked. This forgets that. Nothing is converted by this command.
#[derive(Args, Clone, Debug)]
pub struct RetryArgs {
    /// Failed files; with --all: folders
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// All failed files below these folders
    #[arg(long)]
    all: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    retried: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    path: PathBuf,
    /// How often it had been tried, and why it had failed.
    tries: u32,
    words: String,
}

/// Runs it.
pub fn run(args: &RetryArgs, common: &Common, look: Look) -> Result<Ending> {
    let folders =
        args.paths.iter().map(|path| if args.all { path.clone() } else { folder_of(path) }).collect();
    let session = Session::begin(common, Collect::default(), folders, look)?;
    stop::listen();
    let store = session.store();
    let bounds = session.bounds()?;
    let mut retried = Vec::new();
    for path in &args.paths {
        if args.all {
            let root = folder(path)?;
            let library = library_of(&root, &store)?;
            for found in walk::walk(std::slice::from_ref(&root), &bounds, 0) {
                if stop::asked() > Stop::No {
                    return Ok(Ending::Of(Kind::Interrupted));
                }
                let Found::Folder(folder) = found else { continue };
                let names: Vec<&str> = folder.files.iter().map(|file| file.name.as_str()).collect();
                retried.extend(forgive::forgive(&folder.path, &names, &library, &store)?);
            }
        } else {
            let folder = folder(&folder_of(path))?;
            let library = library_of(&folder, &store)?;
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let done = forgive::forgive(&folder, &[name], &library, &store)?;
            if done.is_empty() {
                session.look.note(&format!("{}: no failure of it is remembered", path.display()));
            }
            retried.extend(done);
        }
    }
    let retried: Vec<Entry> = retried.into_iter().map(entry).collect();
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, retried });
        return Ok(Ending::Well);
    }
    for entry in &retried {
        let name = text::clean(&entry.path.to_string_lossy());
        ui::out(&format!("will be tried again: {name} ({})\n", text::clean(&entry.words)));
    }
    session.look.note(&format!("{} will be tried again", text::counted(retried.len() as u64, "file")));
    Ok(Ending::Well)
}

fn entry(forgiven: Forgiven) -> Entry {
    Entry { path: forgiven.path, tries: forgiven.tries, words: forgiven.words }
}

fn library_of(folder: &Path, store: &Store) -> Result<Library> {
    let folder = sys::path::canonical(folder)
        .map_err(|error| Error::new(Kind::Library, "open the folder").at(folder).because(error))?;
    library::open(&folder, store.library_at(&folder).as_deref(), false)?.ok_or_else(|| {
        Error::new(Kind::Library, "find the library of")
            .at(&folder)
            .hint("No folder above it has been a library of media-converter, so nothing was tried there.")
    })
}
