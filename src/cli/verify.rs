//! `verify FILE`: the checks of a conversion, asked for by a person.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common, Programs, Wants};
use super::session::{BUILT_IN, Session, folder_of};
use crate::job::compare::{self, Compared};
use crate::job::health::{self, Pace};
use crate::model::error::{Error, Kind, Result};
use crate::model::policy::TypeFilter;
use crate::scan::examine::Rules;
use crate::share::library;
use crate::sys;
use crate::sys::stop;
use crate::ui::ndjson::SCHEMA;
use crate::ui::{self, Look, text};

/// Check that a converted file holds what its original held, by the checks that every conversion passes
///
/// Streams, languages, flags, colours, HDR values, lengths, frames, samples, subtitles, chapters and pictures are compared, and the file
/// is decoded to its end. Without --against the original is looked for in the library's trash; where there is none, the file
/// itself is checked. Exit code 1: something is missing or wrong.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The converted file
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What it was converted from
    #[arg(long, value_name = "ORIGINAL")]
    against: Option<PathBuf>,
    #[command(flatten)]
    wants: Wants,
    #[command(flatten)]
    programs: Programs,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    files: Vec<Verified>,
}

#[derive(Debug, Serialize)]
struct Verified {
    path: PathBuf,
    /// Null: there is none, and the file was checked by itself.
    original: Option<PathBuf>,
    /// The profile whose plan it was compared with; `unchanged` where the profile would leave the original as it is.
    profile: Option<String>,
    /// What the plan says that the file does not carry.
    lost: Vec<String>,
    faults: Vec<Fault>,
}

#[derive(Debug, Serialize)]
struct Fault {
    check: String,
    expected: String,
    found: String,
}

/// Runs it.
pub fn run(args: &VerifyArgs, common: &Common, look: Look) -> Result<Ending> {
    if args.against.is_some() && args.files.len() > 1 {
        return Err(Error::new(Kind::Usage, "compare").because("one original belongs to one file"));
    }
    for file in args.files.iter().chain(&args.against) {
        if !file.is_file() {
            return Err(Error::new(Kind::Usage, "look at the file")
                .at(file)
                .because("there is no such file"));
        }
    }
    let collect = Collect::default().wants(&args.wants).programs(&args.programs);
    let folders = args.files.iter().map(|file| folder_of(file)).collect();
    let session = Session::begin(common, collect, folders, look)?;
    let policy = session.settings.policy(BUILT_IN)?;
    stop::listen();
    let tools = session.tools()?;
    let store = session.store();
    let pace = Pace { background: session.settings.nice, stall: session.settings.stall };
    let mut files = Vec::new();
    for file in &args.files {
        let original = args.against.clone().or_else(|| resting(file, &store));
        let verified = if let Some(original) = original {
            let caps = session.caps(&tools, &store, Some(&policy))?;
            let rules = Rules { tools: &tools, caps: &caps, policy: &policy, types: TypeFilter::Both };
            let compared = compare::compare(file, &original, rules, pace)?;
            beside(file, original, compared)
        } else {
            session
                .look
                .note("no original is named, and none rests in a trash: the file is checked by itself");
            let ailment = health::decode(&tools, file, pace)?;
            alone(file, ailment)
        };
        if !args.json {
            ui::out(&describe(&verified));
        }
        files.push(verified);
    }
    let well = files.iter().all(|file| file.faults.is_empty());
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, files });
    }
    Ok(if well { Ending::Well } else { Ending::SomeFailed })
}

/// The file's original in the trash of its library.
fn resting(file: &Path, store: &crate::store::Store) -> Option<PathBuf> {
    let folder = sys::path::canonical(&folder_of(file)).ok()?;
    let library = library::open(&folder, store.library_at(&folder).as_deref(), false).ok()??;
    compare::original_of(&folder.join(file.file_name()?), &library)
}

fn beside(file: &Path, original: PathBuf, compared: Compared) -> Verified {
    let fault = |f: crate::job::verify::Fault| Fault {
        check: f.check.to_owned(),
        expected: f.expected,
        found: f.found,
    };
    Verified {
        path: file.to_owned(),
        original: Some(original),
        profile: Some(compared.profile),
        lost: compared.lost,
        faults: compared.faults.into_iter().map(fault).collect(),
    }
}

fn alone(file: &Path, ailment: Option<health::Ailment>) -> Verified {
    let fault = |a: health::Ailment| Fault {
        check: a.code.words().to_owned(),
        expected: "a whole file".to_owned(),
        found: a.words,
    };
    let faults = ailment.into_iter().map(fault).collect();
    Verified { path: file.to_owned(), original: None, profile: None, lost: Vec::new(), faults }
}

fn describe(verified: &Verified) -> String {
    let mut out = text::clean(&verified.path.to_string_lossy());
    let against = match (&verified.original, &verified.profile) {
        (Some(original), Some(profile)) => {
            format!(" against {} (profile {profile})", text::clean(&original.to_string_lossy()))
        }
        _ => String::new(),
    };
    let verdict = if verified.faults.is_empty() { "whole" } else { "NOT AS IT SHOULD BE" };
    out.push_str(&format!("{against}: {verdict}\n"));
    for fault in &verified.faults {
        out.push_str(&format!(
            "  {}: expected {}, found {}\n",
            fault.check,
            text::clean(&fault.expected),
            text::clean(&fault.found)
        ));
    }
    for lost in &verified.lost {
        out.push_str(&format!("  not carried, as planned: {}\n", text::clean(lost)));
    }
    out
}
