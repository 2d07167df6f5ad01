//! `undo FILE`: brings an original back from the trash.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Claims, Collect, Common};
use super::session::{Session, folder_of};
use crate::job::undo;
use crate::model::error::{Error, Kind, Result};
use crate::share::library;
use crate::sys;
use crate::sys::stop;
use crate::ui::ndjson::SCHEMA;
use crate::ui::{self, Look};
use crate::worker::StoreMemory;

/// Bring the original of a converted file back from the trash
///
/// The result goes into the trash in its place, so that an undo can be undone. The file is not converted again until it is named with
/// --file.
#[derive(Args, Clone, Debug)]
pub struct UndoArgs {
    /// The converted file, or its original's old name
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    claims: Claims,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    undone: Vec<Brought>,
}

#[derive(Debug, Serialize)]
struct Brought {
    original: PathBuf,
    /// The result it replaced, now in the trash; null: it was gone.
    result: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &UndoArgs, common: &Common, look: Look) -> Result<Ending> {
    let folders = args.files.iter().map(|file| folder_of(file)).collect();
    let session = Session::begin(common, Collect::default().claims(&args.claims), folders, look)?;
    stop::listen();
    let store = session.store();
    let memory = StoreMemory(store.clone());
    let mut undone = Vec::new();
    for file in &args.files {
        let folder = folder_of(file);
        let folder = sys::path::canonical(&folder)
            .map_err(|error| Error::new(Kind::Library, "open the folder").at(&folder).because(error))?;
        let library = library::open(&folder, store.library_at(&folder).as_deref(), false)?.ok_or_else(|| {
            Error::new(Kind::Library, "find the library of")
                .at(file)
                .hint("No folder above it has been a library of media-converter, so nothing was converted there.")
        })?;
        let done = undo::undo(file, &library, &session.terms(), &memory)?;
        session.look.note(&format!("brought back {}", done.original.display()));
        undone.push(Brought { original: done.original, result: done.result });
    }
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, undone });
    }
    Ok(Ending::Well)
}
