//! `scan DIR`: what is there, and what would be done with it.

pub(super) mod census;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;

use super::Ending;
use super::args::{Choice, Collect, Common, Programs, Wants};
use super::session::{BUILT_IN, Session};
use crate::model::error::{Error, Kind, Result};
use crate::model::key::Key;
use crate::model::policy::TypeFilter;
use crate::plan;
use crate::scan::examine::{self, Rules};
use crate::scan::filter::Filter;
use crate::scan::walk::{self, Found};
use crate::share::library::{self, Library};
use crate::store::Store;
use crate::sys;
use crate::sys::stop::{self, Stop};
use crate::ui::{self, Counter, Look};
use crate::worker;
use census::Census;

/// Count what lies below a folder by codec, resolution and more, and what would be done; nothing is changed
#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    /// The folder
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    wants: Wants,
    #[command(flatten)]
    programs: Programs,
    /// List each file, too
    #[arg(long)]
    files: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// One file to look at.
struct Seen {
    path: PathBuf,
    file: walk::File,
    key: Option<Key>,
    library: String,
}

/// Everything the looking threads share.
struct Scan<'a> {
    rules: Rules<'a>,
    store: &'a Store,
    by: String,
    census: Mutex<Census>,
    counter: Counter,
}

/// Runs it.
pub fn run(args: &ScanArgs, common: &Common, look: Look) -> Result<Ending> {
    let collect = Collect::default().choice(&args.choice).wants(&args.wants).programs(&args.programs);
    let session = Session::begin(common, collect, args.dirs.clone(), look)?;
    let settings = &session.settings;
    let policy = settings.policy(BUILT_IN)?;
    let filter = Filter::new(&settings.include, &settings.exclude)?;
    let roots = args.dirs.iter().map(|dir| folder(dir)).collect::<Result<Vec<_>>>()?;
    stop::listen();
    let tools = session.tools()?;
    let store = session.store();
    let caps = session.caps(&tools, &store, Some(&policy))?;
    let scan = Scan {
        rules: Rules { tools: &tools, caps: &caps, policy: &policy, types: settings.types },
        store: &store,
        by: worker::facts_by(&tools),
        census: Mutex::new(Census::new(&policy.name, args.files)),
        counter: session.look.counter("looked at"),
    };
    for root in &roots {
        let library = library::open(root, store.library_at(root).as_deref(), false)?;
        let began = sys::clock::wall();
        scan.tree(root, library.as_ref(), &filter);
        // Whoever saw everything knows what is gone.
        let everything = settings.include.is_empty()
            && settings.exclude.is_empty()
            && settings.types == TypeFilter::Both
            && scan.census().saw_all()
            && stop::asked() == Stop::No;
        if everything {
            let (place, id) = remembered_as(root, library.as_ref());
            let below = sys::path::key(&place, root).map(|key| key.0).unwrap_or_default();
            store.media_forget(&id, &below, began as i64);
        }
    }
    drop(scan.counter);
    let mut census = scan.census.into_inner().unwrap_or_else(PoisonError::into_inner);
    let interrupted = stop::asked() > Stop::No;
    census.finish(roots, interrupted);
    if args.json {
        ui::out_json(&census);
    } else {
        ui::out(&census.text());
    }
    Ok(if interrupted { Ending::Of(Kind::Interrupted) } else { Ending::Well })
}

pub(super) fn folder(dir: &Path) -> Result<PathBuf> {
    let path = sys::path::canonical(dir).map_err(|error| {
        Error::new(Kind::Library, "open the folder")
            .at(dir)
            .because(error)
            .hint("Check the path, and that the share is mounted on this machine.")
    })?;
    if path.is_dir() {
        return Ok(path);
    }
    Err(Error::new(Kind::Library, "scan")
        .at(dir)
        .because("it is not a folder")
        .hint("`probe` looks at single files."))
}

/// Where facts of files below `root` are remembered: in their library, or, where there is none yet, by the folder.
pub(super) fn remembered_as(root: &Path, library: Option<&Library>) -> (PathBuf, String) {
    match library {
        Some(library) => (library.root.clone(), library.id.clone()),
        None => (root.to_owned(), format!("at:{}", root.display())),
    }
}

impl Scan<'_> {
    fn census(&self) -> std::sync::MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Walks one tree; as many files are probed at once as the machine has use for.
    fn tree(&self, root: &Path, library: Option<&Library>, filter: &Filter) {
        // ffprobe waits for the share as often as it computes.
        let threads = std::thread::available_parallelism().map_or(2, |cores| (cores.get() * 2).clamp(2, 32));
        let (send, receive) = std::sync::mpsc::sync_channel::<Seen>(threads * 4);
        let receive = Mutex::new(receive);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seen = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(seen) = seen else { break };
                        if stop::asked() == Stop::No {
                            self.look_at(&seen);
                        }
                    }
                });
            }
            for found in walk::walk(&[root.to_owned()], 0) {
                if stop::asked() > Stop::No {
                    break;
                }
                match found {
                    Found::Folder(folder) => {
                        for seen in self.wanted(root, library, filter, folder) {
                            let _ = send.send(seen);
                        }
                    }
                    Found::Unreadable { path, error } => {
                        self.census().not_looked_at(&path, &error.to_string());
                    }
                    Found::Odd { path } => self.census().not_looked_at(&path, "its name is not Unicode"),
                }
            }
            drop(send);
        });
    }

    fn wanted(
        &self,
        root: &Path,
        library: Option<&Library>,
        filter: &Filter,
        folder: walk::Folder,
    ) -> Vec<Seen> {
        let (place, id) = remembered_as(root, library);
        let below = sys::path::key(root, &folder.path).map(|key| key.0).unwrap_or_default();
        let seen: Vec<Seen> = folder
            .files
            .into_iter()
            .filter(|file| {
                let name =
                    if below.is_empty() { file.name.clone() } else { format!("{below}/{}", file.name) };
                let extension = sys::path::extension(Path::new(&file.name));
                plan::is_media_extension(&extension, self.rules.types) && filter.wants(&name)
            })
            .map(|file| {
                let path = folder.path.join(&file.name);
                let key = sys::path::key(&place, &path);
                Seen { path, file, key, library: id.clone() }
            })
            .collect();
        self.counter.found(seen.len() as u64);
        seen
    }

    fn look_at(&self, seen: &Seen) {
        let stamp = &seen.file.stamp;
        let known =
            seen.key.as_ref().and_then(|key| self.store.media_get(&seen.library, key, stamp, &self.by));
        let examined = examine::outlook(&seen.path, *stamp, known, self.rules);
        match examined {
            Ok(examined) => {
                if let Some(key) = &seen.key {
                    self.store.media_put(&seen.library, key, &examined.stamp, &self.by, &examined.media);
                }
                self.census().examined(&seen.path, &examined);
            }
            Err(error) => self.census().unreadable(&seen.path, stamp.size, &error),
        }
        self.counter.done();
    }
}
