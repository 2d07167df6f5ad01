//! `history`: what this machine did.

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common};
use super::session::Session;
use crate::model::error::Result;
use crate::model::outcome::Outcome;
use crate::sys::clock;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look, text};

/// Show what this machine converted and where it failed, newest first
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// Only paths that contain this text
    #[arg(value_name = "TEXT")]
    containing: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only failures
    #[arg(long)]
    failed: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    history: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    /// Seconds since 1970 by this machine's clock.
    at: f64,
    path: String,
    profile: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Runs it.
pub fn run(args: &HistoryArgs, common: &Common, look: Look) -> Result<Ending> {
    let session = Session::begin(common, Collect::default(), Vec::new(), look)?;
    let store = session.store();
    // Failures are picked here: the store does not know outcomes apart.
    let asked = if args.failed { usize::MAX } else { args.limit };
    let entries: Vec<Entry> = store
        .history(asked, args.containing.as_deref())?
        .into_iter()
        .filter(|r| !args.failed || matches!(r.outcome, Outcome::Failed(_)))
        .take(args.limit)
        .map(|r| Entry { at: r.at, path: r.path, profile: r.profile, outcome: r.outcome })
        .collect();
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, history: entries });
        return Ok(Ending::Well);
    }
    if entries.is_empty() {
        session.look.note("nothing is recorded on this machine");
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let (what, details) = match &entry.outcome {
                Outcome::Converted(c) => (
                    "converted",
                    format!(
                        "{} in {}",
                        text::change(c.bytes_before, c.bytes_after),
                        text::took(c.total_seconds)
                    ),
                ),
                Outcome::Skipped(skip) => ("left alone", skip.words.clone()),
                Outcome::Failed(failed) => ("failed", format!("{}: {}", failed.code.words(), failed.words)),
            };
            let iso = clock::local_iso(entry.at);
            let when = iso.split('.').next().unwrap_or_default().replace('T', " ");
            vec![when, what.to_owned(), entry.profile.clone(), entry.path.clone(), details]
        })
        .collect();
    let left = Align::Left;
    let headings = [("when", left), ("what", left), ("profile", left), ("file", left), ("details", left)];
    ui::out(&table(&headings, &rows));
    Ok(Ending::Well)
}
