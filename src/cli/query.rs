//! `query`: which files have what, from what is remembered; and `stats`, the counts of the same.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common, Programs, Wants};
use super::scan::census::Census;
use super::scan::gather::{Gather, Place, Unknown};
use super::scan::turns::Turns;
use super::scan::{folder, jobs};
use super::session::{BUILT_IN, Session};
use crate::model::error::{Error, Kind, Result};
use crate::model::key::Stamp;
use crate::model::outcome::Outcome;
use crate::model::policy::TypeFilter;
use crate::plan;
use crate::scan::examine::Examined;
use crate::scan::filter::Filter;
use crate::scan::query::{self, Expression, Row, packed};
use crate::share::library;
use crate::store::{self, Store};
use crate::sys::stop;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look, text};

/// List the files below a folder that meet conditions, from what scans and runs remember; no file is opened
#[derive(Args, Clone, Debug)]
pub struct QueryArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only files for which this holds, e.g. "height > 1080 and audio_channels > 2" (repeatable: all must hold)
    #[arg(long = "where", value_name = "EXPRESSION", long_help = EXPRESSIONS)]
    conditions: Vec<String>,
    /// Only files whose video has this codec, e.g. hevc
    #[arg(long, value_name = "CODEC")]
    codec: Option<String>,
    /// Only high dynamic range
    #[arg(long)]
    hdr: bool,
    /// Only files of at least this size, e.g. 4G
    #[arg(long, value_name = "SIZE")]
    min_size: Option<String>,
    /// Order: numbers from the largest, texts from A
    #[arg(long, value_name = "FIELD", default_value = "path")]
    sort: String,
    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Fields to show, separated by commas
    #[arg(
        long,
        value_name = "FIELDS",
        value_delimiter = ',',
        default_value = "size,codec,width,height,range,audio_codec,audio_channels,path"
    )]
    fields: Vec<String>,
    /// Print comma-separated values with a heading on stdout
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// First take in what other machines have shared since the last time
    #[arg(long)]
    refresh: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// Files taken from the store at once.
const BATCH: usize = 4096;

const EXPRESSIONS: &str = "\
Only files for which this holds (repeatable: all must hold), e.g. \"height > 1080 and audio_channels > 2\", \
\"not (codec = hevc or hdr)\", \"audio_languages = ger and size >= 4G\", \"name ~ sample\".

Operators: = != < <= > >= and ~ for «contains»; and, or, not, parentheses; quotes around values with spaces. Texts are compared \
without case. Sizes take K, M, G and T.

Fields: path name size modified duration bitrate container codec profile width height fps bit_depth hdr range audio_codec \
audio_channels audio_tracks audio_languages subtitles subtitle_languages title";

/// Count what lies below a folder, and what converting it would free, from what scans and runs remember
#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    wants: Wants,
    #[command(flatten)]
    programs: Programs,
    /// First take in what other machines have shared since the last time
    #[arg(long)]
    refresh: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    dir: PathBuf,
    /// Files that are remembered below the folder.
    remembered: usize,
    files: Vec<Row>,
}

/// Runs `query`.
pub fn run(args: &QueryArgs, common: &Common, look: Look) -> Result<Ending> {
    for field in args.fields.iter().chain([&args.sort]) {
        if query::kind(field).is_none() {
            let names: Vec<&str> = query::FIELDS.iter().map(|(name, _)| *name).collect();
            let why = format!("there is no field «{field}»; fields are {}", names.join(", "));
            return Err(Error::new(Kind::Usage, "understand the fields").because(why));
        }
    }
    let conditions = conditions(args)?;
    let session = Session::begin(common, Collect::default(), vec![args.dir.clone()], look)?;
    let dir = folder(&args.dir)?;
    let store = session.store();
    refresh(&dir, args.refresh, &session, &store)?;
    let mut remembered = 0;
    let mut rows: Vec<Row> = Vec::new();
    self::rows(&dir, &store, |row| {
        remembered += 1;
        // Only what is asked for is held: a question over a million files needs no memory for them.
        if conditions.iter().all(|condition| condition.holds(&row)) {
            rows.push(row);
        }
    })?;
    if remembered == 0 {
        nothing(&session);
    }
    query::sort(&mut rows, &args.sort);
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    if args.json {
        ui::out_json(&Answer { schema: SCHEMA, dir, remembered, files: rows });
    } else if args.csv {
        ui::out(&csv(&args.fields, &rows));
    } else {
        ui::out(&listing(&args.fields, &rows));
    }
    Ok(Ending::Well)
}

/// All conditions that the arguments name.
fn conditions(args: &QueryArgs) -> Result<Vec<Expression>> {
    let wrong = |why: String| Error::new(Kind::Usage, "understand the condition").because(why);
    let mut found = Vec::new();
    for condition in &args.conditions {
        found.push(Expression::parse(condition).map_err(wrong)?);
    }
    if let Some(codec) = &args.codec {
        let quoted = format!("codec = '{}'", codec.replace('\'', ""));
        found.push(Expression::parse(&quoted).map_err(wrong)?);
    }
    if args.hdr {
        found.push(Expression::parse("hdr").map_err(wrong)?);
    }
    if let Some(size) = &args.min_size {
        if query::number(size).is_none() {
            return Err(wrong(format!("«{size}» is no size, e.g. 700M or 4G")));
        }
        found.push(Expression::parse(&format!("size >= {size}")).map_err(wrong)?);
    }
    Ok(found)
}

fn nothing(session: &Session) {
    session.look.note(
        "nothing is remembered of this folder, here or on the share; `media-converter scan` looks at it",
    );
}

/// Where facts of a folder's files may be remembered: in its library, or, where that is none yet, by the folder that was
/// scanned, this one or one above.
fn places(dir: &Path) -> Result<Vec<Place>> {
    let library = library::open(dir, None, false)?;
    let above = dir.ancestors().map(|root| Place::of(root, None));
    Ok(library.iter().map(|library| Place::of(dir, Some(library))).chain(above).collect())
}

/// A key relative to the folder that was asked about.
fn relative(key: &str, below: &str) -> String {
    key.get(if below.is_empty() { 0 } else { below.len() + 1 }..).unwrap_or_default().to_owned()
}

/// Calls `each` with every file that is remembered below a folder, once, with its path relative to it.
fn rows(dir: &Path, store: &Store, mut each: impl FnMut(Row)) -> Result<()> {
    let mut seen: HashSet<String> = HashSet::new();
    for place in places(dir)? {
        let below = place.key(dir);
        // A folder is remembered in one place or, after a library was made around it, in two: the library's counts.
        let mut here: Vec<String> = Vec::new();
        let mut thin: Vec<String> = Vec::new();
        store.rows_below(&place.id, &below, |key, rows| {
            let folder = relative(key, &below);
            if seen.contains(&folder) {
                return;
            }
            let put = |mut row: Row| {
                if !folder.is_empty() {
                    row.path = format!("{folder}/{}", row.path);
                }
                each(row);
            };
            if rows.is_some_and(|rows| packed::unpack(rows, put)) {
                here.push(folder);
            } else {
                thin.push(key.to_owned());
            }
        });
        for key in thin {
            let folder = relative(&key, &below);
            for (name, stamp, _, media) in store.facts_in(&place.id, &key) {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                each(Row::of(path, stamp, &media));
            }
            here.push(folder);
        }
        seen.extend(here);
    }
    Ok(())
}

/// Calls `each` with what is remembered of the files below a folder, once, by paths relative to it, some thousand files at a time:
/// a library of a million needs no memory for all of them.
fn known(dir: &Path, store: &Store, mut each: impl FnMut(&[(String, Stamp, String)])) -> Result<()> {
    let mut seen: HashSet<String> = HashSet::new();
    for place in places(dir)? {
        let below = place.key(dir);
        let (mut here, mut batch) = (HashSet::new(), Vec::with_capacity(BATCH));
        store.facts_below(&place.id, &below, |key, name, stamp, facts| {
            let folder = relative(key, &below);
            if seen.contains(&folder) {
                return;
            }
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            here.insert(folder);
            batch.push((path, stamp, facts.to_owned()));
            if batch.len() == BATCH {
                each(&batch);
                batch.clear();
            }
        });
        each(&batch);
        seen.extend(here);
    }
    Ok(())
}

/// Takes into this machine's memory what others have shared since; no media file is opened. Always, where nothing is
/// remembered yet.
fn refresh(dir: &Path, asked: bool, session: &Session, store: &Store) -> Result<()> {
    let mut any = false;
    if !asked {
        rows(dir, store, |_| any = true)?;
    }
    if any {
        return Ok(());
    }
    stop::listen();
    let library = library::open(dir, store.library_at(dir).as_deref(), false)?;
    let gather = Gather {
        unknown: Unknown::Leave,
        types: TypeFilter::Both,
        filter: Filter::new(&[], &[])?,
        bounds: session.bounds()?,
        store,
        by: String::new(),
        rules: String::new(),
        full: false,
        share: false,
        each_file: false,
        jobs: jobs(),
        turns: Turns::new(jobs()),
        census: Mutex::new(Census::new("", false)),
        counter: session.look.counter("read from the share"),
        look: session.look,
        unshared: AtomicBool::new(false),
    };
    gather.tree(dir, &Place::of(dir, library.as_ref()));
    Ok(())
}

fn listing(fields: &[String], rows: &[Row]) -> String {
    let headings: Vec<(&str, Align)> = fields
        .iter()
        .map(|field| {
            let number = query::kind(field) == Some(query::Kind::Number);
            (field.as_str(), if number { Align::Right } else { Align::Left })
        })
        .collect();
    let cell = |row: &Row, field: &String| match field.as_str() {
        "size" => text::bytes(row.size),
        "duration" => row.duration.map(text::time).unwrap_or_default(),
        name => row.cell(name),
    };
    let lines: Vec<Vec<String>> =
        rows.iter().map(|row| fields.iter().map(|field| cell(row, field)).collect()).collect();
    let bytes = rows.iter().map(|row| row.size).sum();
    format!(
        "{}{}, {}\n",
        table(&headings, &lines),
        text::counted(rows.len() as u64, "file"),
        text::bytes(bytes)
    )
}

/// RFC 4180, with a line feed alone at the end of lines.
fn csv(fields: &[String], rows: &[Row]) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    let mut out = format!("{}\n", fields.join(","));
    for row in rows {
        let cells: Vec<String> = fields.iter().map(|field| quoted(row.cell(field))).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// Runs `stats`.
pub fn stats(args: &StatsArgs, common: &Common, look: Look) -> Result<Ending> {
    let collect = Collect::default().wants(&args.wants).programs(&args.programs);
    let session = Session::begin(common, collect, vec![args.dir.clone()], look)?;
    let dir = folder(&args.dir)?;
    let policy = session.settings.policy(BUILT_IN)?;
    let store = session.store();
    let caps = session.caps(&session.remembered_tools(&store)?, &store, Some(&policy))?;
    refresh(&dir, args.refresh, &session, &store)?;
    let mut census = Census::new(&policy.name, false);
    known(&dir, &store, |files| {
        let decided: Vec<_> = files
            .par_iter()
            .filter_map(|(path, stamp, facts)| {
                let media = store::media(facts)?;
                let name = path.rsplit('/').next().unwrap_or_default();
                let subject = plan::Subject { name, media: &media, interlaced: None };
                let decision = plan::decide(subject, &policy, &caps, TypeFilter::Both);
                Some((path, Examined { stamp: *stamp, media, decision }))
            })
            .collect();
        for (path, examined) in decided {
            census.below(path.split_once('/').map_or(".", |(top, _)| top), examined.stamp.size);
            census.examined(Path::new(path), &examined);
        }
    })?;
    if census.looked_at() == 0 {
        nothing(&session);
    }
    census.estimate(saved(&store, &policy.name)?);
    census.finish(vec![dir], false);
    if args.json {
        ui::out_json(&census);
    } else {
        ui::out(&census.text());
    }
    Ok(Ending::Well)
}

/// Bytes before and after of what this machine converted by a profile, and how many files that were.
fn saved(store: &Store, profile: &str) -> Result<(u64, u64, u64)> {
    let mut sums = (0, 0, 0);
    for record in store.history(usize::MAX, None)? {
        if let Outcome::Converted(converted) = record.outcome
            && record.profile == profile
        {
            sums.0 += converted.bytes_before;
            sums.1 += converted.bytes_after;
            sums.2 += 1;
        }
    }
    Ok(sums)
}
