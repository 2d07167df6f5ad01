//! `check DIR`: which files of a library are damaged.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Choice, Collect, Common, Programs};
use super::scan::{folder, jobs};
use super::session::Session;
use crate::ffmpeg::tools::Tools;
use crate::job::health::{self, Ailment, Pace};
use crate::model::error::{Kind, Result};
use crate::model::outcome::FailCode;
use crate::plan;
use crate::scan::bounds::Bounds;
use crate::scan::filter::Filter;
use crate::scan::walk::{self, Found};
use crate::sys;
use crate::sys::stop::{self, Stop};
use crate::ui::ndjson::SCHEMA;
use crate::ui::{self, Look, text};

/// List the damaged, truncated and unreadable media files below a folder; nothing is changed
///
/// By headers: a file that is shorter than its own structure says was cut. With --full every file is decoded to its end. Exit code 1: at
/// least one file is not whole.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The folder
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// Decode every file: hours for a library
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    programs: Programs,
    /// Files to look at at once: a number; by default by the processor's cores
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    dirs: Vec<PathBuf>,
    /// Every file was decoded.
    full: bool,
    /// Media files that were looked at, and their bytes.
    checked: u64,
    bytes: u64,
    interrupted: bool,
    bad: Vec<Bad>,
    /// What the share did not let us read, in words.
    not_looked_at: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Bad {
    path: PathBuf,
    code: FailCode,
    words: String,
}

/// What the threads share.
struct Check<'a> {
    tools: &'a Tools,
    pace: Pace,
    full: bool,
    json: bool,
    document: Mutex<Document>,
    counter: ui::Counter,
}

/// Runs it.
pub fn run(args: &CheckArgs, common: &Common, look: Look) -> Result<Ending> {
    let collect = Collect::default().choice(&args.choice).programs(&args.programs);
    let session = Session::begin(common, collect, args.dirs.clone(), look)?;
    let settings = &session.settings;
    let filter = Filter::new(&settings.include, &settings.exclude)?;
    let bounds = session.bounds()?;
    let roots = args.dirs.iter().map(|dir| folder(dir)).collect::<Result<Vec<_>>>()?;
    stop::listen();
    let tools = session.remembered_tools(&session.store())?;
    let check = Check {
        tools: &tools,
        pace: Pace { background: settings.nice, stall: settings.stall },
        full: args.full,
        json: args.json,
        document: Mutex::new(Document {
            schema: SCHEMA,
            dirs: roots.clone(),
            full: args.full,
            checked: 0,
            bytes: 0,
            interrupted: false,
            bad: Vec::new(),
            not_looked_at: Vec::new(),
        }),
        counter: session.look.counter("checked"),
    };
    // A decoder uses several cores by itself.
    let usual = if args.full { jobs().div_ceil(8) } else { jobs() };
    let threads = args.jobs.map_or(usual, usize::from);
    let (send, receive) = mpsc::sync_channel::<(PathBuf, u64)>(threads * 4);
    let receive = Mutex::new(receive);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((path, bytes)) = next else { break };
                    if stop::asked() == Stop::No {
                        check.look_at(&path, bytes);
                    }
                }
            });
        }
        for root in &roots {
            check.feed(root, (&bounds, &filter), settings.types, &send);
        }
        check.counter.found_all();
        drop(send);
    });
    let Check { document, counter, .. } = check;
    drop(counter);
    let mut document = document.into_inner().unwrap_or_else(PoisonError::into_inner);
    document.interrupted = stop::asked() > Stop::No;
    document.bad.sort_by(|a, b| a.path.cmp(&b.path));
    let (bad, interrupted) = (document.bad.len(), document.interrupted);
    if args.json {
        ui::out_json(&document);
    } else {
        for words in &document.not_looked_at {
            session.look.note(&format!("not looked at: {}", text::clean(words)));
        }
        let how = if args.full { "decoded" } else { "looked at" };
        let files = text::counted(document.checked, "file");
        session.look.note(&format!("{files} ({}) {how}, {bad} not whole", text::bytes(document.bytes)));
    }
    Ok(match (interrupted, bad) {
        (true, _) => Ending::Of(Kind::Interrupted),
        (false, 0) => Ending::Well,
        _ => Ending::SomeFailed,
    })
}

impl Check<'_> {
    /// Hands out the media files below a folder.
    fn feed(
        &self,
        root: &Path,
        (bounds, filter): (&Bounds, &Filter),
        types: crate::model::policy::TypeFilter,
        send: &mpsc::SyncSender<(PathBuf, u64)>,
    ) {
        for found in walk::walk(&[root.to_owned()], bounds, 0) {
            if stop::asked() > Stop::No {
                return;
            }
            let folder = match found {
                Found::Folder(folder) => folder,
                Found::Odd { path, why } => {
                    self.skipped(format!("{}: {}", path.display(), why.words()));
                    continue;
                }
                Found::Unreadable { path, error } => {
                    self.skipped(format!("{}: {error}", path.display()));
                    continue;
                }
            };
            for file in &folder.files {
                let path = folder.path.join(&file.name);
                let below = sys::path::key(root, &path).map(|key| key.0).unwrap_or_default();
                let media = plan::is_media_extension(&sys::path::extension(&path), types);
                if media && filter.wants(&below) {
                    self.counter.found(1);
                    if send.send((path, file.stamp.size)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn look_at(&self, path: &Path, bytes: u64) {
        let seen = if self.full {
            health::decode(self.tools, path, self.pace)
        } else {
            health::glance(self.tools, path)
        };
        self.counter.done(1);
        let mut document = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        match seen {
            Err(error) if error.kind == Kind::Interrupted => return,
            Err(error) => document.not_looked_at.push(error.line()),
            Ok(None) => {}
            Ok(Some(Ailment { code, words })) => {
                if !self.json {
                    // At once: a full check of a library takes days.
                    let name = text::clean(&path.to_string_lossy());
                    ui::out(&format!("{}: {name}: {}\n", code.words(), text::clean(&words)));
                }
                document.bad.push(Bad { path: path.to_owned(), code, words });
            }
        }
        document.checked += 1;
        document.bytes += bytes;
    }

    fn skipped(&self, words: String) {
        self.document.lock().unwrap_or_else(PoisonError::into_inner).not_looked_at.push(words);
    }
}
