//! The loop: choose → jobs in slots → rest or stop.
//!
//! Promises: one bad file never ends a run; the first job starts while the walk goes on; when asked to stop, every claim
//! is released and nothing is left behind.

mod checkup;
mod choose;
mod guard;
mod health;
mod ledger;
mod lookout;
mod news;
pub mod order;
mod passes;
mod ramp;
mod servers;
mod slots;
mod stream;
mod tally;
mod warden;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ffmpeg::tools::Tools;
use crate::job::bench::Bench;
use crate::job::gate::{Gate, Word};
use crate::job::room::Rooms;
pub use crate::job::verify::Depth as VerifyDepth;
use crate::job::{self, Ended, Task};
use crate::model::caps::Caps;
use crate::model::error::{Error, Kind, Result};
use crate::model::event::{Event, Level, Sink, Summary};
use crate::model::order::Order;
use crate::model::outcome::{FailCode, Outcome};
use crate::model::policy::{Policy, TypeFilter};
use crate::scan::bounds::Bounds;
use crate::scan::filter::Filter;
use crate::share::cache::Addition;
use crate::share::cache::{Memo, Verdict};
use crate::share::claim::{Memory, Terms};
use crate::share::library::{self, Library};
use crate::share::record::Originals;
use crate::share::results::{Fate, Results};
use crate::store::{Record, Store};
use crate::sys;
use crate::sys::stop::{self, Stop};
pub use guard::{Manner, Rules};
use health::Health;
use ledger::Ledger;
use passes::{Settled, Wishes};
use slots::{Slots, Work};
use tally::Tally;
use warden::Warden;
pub use warden::Watch;

/// Everything a run needs, plain values.
#[derive(Clone, Debug)]
pub struct Options {
    /// Library folders to walk (`--dir`).
    pub dirs: Vec<PathBuf>,
    /// Single files (`--file`); what was remembered of them is set aside.
    pub files: Vec<PathBuf>,
    pub types: TypeFilter,
    pub policy: Policy,
    pub dry_run: bool,
    /// Jobs at once, at least 1.
    pub jobs: usize,
    /// Begin with fewer, and find out how many are good; `jobs` is the most.
    pub ramp: bool,
    /// Who may hold us up, and where that stands.
    pub watch: Watch,
    /// Bytes to leave free on the disks.
    pub min_free: Option<u64>,
    /// Stop after this many conversions.
    pub limit: Option<u64>,
    /// Globs over the path relative to the walked folder; empty: all.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// What the walk enters.
    pub bounds: Bounds,
    /// A file younger than this is still being written.
    pub min_age: Duration,
    /// Encode here first, then copy beside the source.
    pub temp_dir: Option<PathBuf>,
    pub originals: Originals,
    /// A result carries its original's time.
    pub keep_mtime: bool,
    pub trash_days: u32,
    pub verify: VerifyDepth,
    pub terms: Terms,
    /// ffmpeg runs at low priority.
    pub background: bool,
    /// ffmpeg without progress for this long is stopped.
    pub stall: Duration,
    /// Another library than before lies at the folder, and the user says that it is meant (`--new-library`).
    pub new_library: bool,
    /// What comes first.
    pub order: Order,
    /// Stay, and take what comes.
    pub stay: bool,
    pub tools: Tools,
    pub caps: Caps,
    /// Under which conditions the caps were found (`ffmpeg::caps::conditions`).
    pub conditions: String,
}

/// The store as the claims' memory across short runs.
#[derive(Clone, Debug)]
pub struct StoreMemory(pub Arc<Store>);

impl Memory for StoreMemory {
    fn first_seen(&self, state: &str) -> Option<(Duration, String)> {
        self.0.first_seen(state).map(|(at, boot)| (Duration::try_from_secs_f64(at).unwrap_or_default(), boot))
    }
    fn saw(&self, state: &str, at: Duration, boot: &str) {
        self.0.saw(state, at.as_secs_f64(), boot);
    }
    fn forget(&self, state: &str) {
        self.0.forget(state);
    }
}

/// What the threads of a run share.
struct Run<'a> {
    options: &'a Options,
    store: &'a Arc<Store>,
    sink: &'a Arc<dyn Sink>,
    memory: StoreMemory,
    filter: Filter,
    digest: String,
    /// Who vouches for remembered probe facts: ffprobe's version and our reader's.
    by: String,
    /// The encoders that may be used.
    bench: Bench,
    ledger: Ledger,
    /// The libraries of what was named, by its path.
    libraries: BTreeMap<PathBuf, Library>,
    settled: Settled,
    wishes: Mutex<Wishes>,
    /// What became of contents, by the root of their library.
    results: BTreeMap<PathBuf, Results>,
    tally: Mutex<Tally>,
    /// Told whenever a job ends.
    ended: Condvar,
    next_job: AtomicU64,
    slots: Slots,
    gate: Gate,
    rooms: Arc<Rooms>,
    work: Work,
    health: Mutex<Health>,
    /// What failures taught that may be this machine's own doing.
    suspects: Mutex<Vec<Lesson>>,
    /// Root and id of each library.
    roots: Vec<(PathBuf, String)>,
    /// Differs between processes, so that they start in different places of the tree.
    spread: u64,
}

/// Who vouches for remembered probe facts: ffprobe's version and our reader's.
pub fn facts_by(tools: &Tools) -> String {
    format!("{} / {}", tools.version, env!("CARGO_PKG_VERSION"))
}

/// Runs to the end (or until asked to stop). `Err` only for what ends a run as a whole: no such folder, wrong share.
pub fn run(options: &Options, store: &Arc<Store>, sink: &Arc<dyn Sink>) -> Result<Summary> {
    let began = Instant::now();
    let libraries = open_libraries(options, store)?;
    if let Some(temp) = options.temp_dir.as_deref().filter(|_| !options.dry_run) {
        crate::job::scratch::clear(temp);
    }
    let run = Run {
        options,
        store,
        sink,
        memory: StoreMemory(Arc::clone(store)),
        filter: Filter::new(&options.include, &options.exclude)?,
        digest: crate::plan::policy_digest(&options.policy),
        by: facts_by(&options.tools),
        bench: Bench::new(options.caps.clone(), options.conditions.clone(), Arc::clone(store)),
        ledger: Ledger::default(),
        results: libraries
            .values()
            .map(|library| (library.root.clone(), Results::of(&library.root)))
            .collect(),
        libraries: libraries.clone(),
        settled: Settled::default(),
        wishes: Mutex::default(),
        tally: Mutex::new(Tally::default()),
        ended: Condvar::new(),
        next_job: AtomicU64::new(1),
        slots: Slots::new(options.jobs.max(1)),
        gate: Gate::default(),
        rooms: Arc::default(),
        work: Work::default(),
        health: Mutex::default(),
        suspects: Mutex::default(),
        roots: {
            let roots: BTreeMap<_, _> =
                libraries.values().map(|library| (library.root.clone(), library.id.clone())).collect();
            roots.into_iter().collect()
        },
        spread: u64::from_str_radix(&sys::host::random_hex(6), 16).unwrap_or(0),
    };
    sink.emit(&Event::RunStarted {
        dirs: options.dirs.iter().chain(&options.files).cloned().collect(),
        profile: options.policy.name.clone(),
        jobs: options.jobs,
        dry_run: options.dry_run,
    });
    let (send, receive) = mpsc::sync_channel::<Task>(0);
    let receive = Mutex::new(receive);
    let over = (Mutex::new(false), Condvar::new());
    std::thread::scope(|scope| {
        if !options.dry_run {
            // The first look comes before the first job: a machine that is paused begins nothing.
            let roots: Vec<PathBuf> = run.roots.iter().map(|(root, _)| root.clone()).collect();
            let warden = Warden::begin(&run, &roots);
            let (run, over) = (&run, &over);
            scope.spawn(move || warden.watch(run, over));
        }
        let _ends = Ends { over: &over };
        let mut slots = Vec::new();
        for _ in 0..options.jobs.max(1) {
            slots.push(scope.spawn(|| {
                loop {
                    // The lock is held only while waiting: whoever is free takes the next task.
                    let task = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(task) = task else { break };
                    run.job(&task);
                }
            }));
        }
        run.choose_all(&send);
        drop(send);
        for slot in slots {
            if let Err(panic) = slot.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    if !options.dry_run {
        run.settle(&run.gate.word());
        run.ledger.flush_all(sink.as_ref());
        run.empty_trash();
    }
    let withdrawn = match run.gate.word() {
        Word::Leave(why) => Some(why),
        Word::Go | Word::Hold(_) | Word::Pause(_) => None,
    };
    let mut summary = run.tally.into_inner().unwrap_or_else(PoisonError::into_inner).summary;
    summary.seconds = began.elapsed().as_secs_f64();
    summary.withdrawn = withdrawn;
    summary.interrupted = stop::asked() > Stop::No;
    sink.emit(&Event::RunEnded { summary: Box::new(summary.clone()) });
    Ok(summary)
}

/// Ends the warden's watch however the scope is left: a panic must not leave it looking for ever.
struct Ends<'a> {
    over: &'a (Mutex<bool>, Condvar),
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
    }
}

/// The library of every folder and file, by the path to walk. An unmounted or wrong share ends the run here.
fn open_libraries(options: &Options, store: &Store) -> Result<BTreeMap<PathBuf, Library>> {
    let mut libraries = BTreeMap::new();
    for dir in &options.dirs {
        let path = sys::path::canonical(dir).map_err(|error| {
            Error::new(Kind::Library, "open the folder")
                .at(dir)
                .because(error)
                .hint("check the path, and that the share is mounted on this machine")
        })?;
        if !path.is_dir() {
            return Err(Error::new(Kind::Library, "walk")
                .at(dir)
                .hint("it is not a folder; single files go with --file"));
        }
        libraries.insert(path.clone(), open_library(&path, options, store)?);
    }
    for file in &options.files {
        let path = sys::path::canonical(file).map_err(|error| {
            Error::new(Kind::Library, "open the file").at(file).because(error).hint("check the path")
        })?;
        if !path.is_file() {
            return Err(Error::new(Kind::Usage, "convert")
                .at(file)
                .hint("it is not a file; folders go with --dir"));
        }
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        libraries.insert(path, open_library(&folder, options, store)?);
    }
    Ok(libraries)
}

fn open_library(folder: &Path, options: &Options, store: &Store) -> Result<Library> {
    let expected = store.library_at(folder).filter(|_| !options.new_library);
    let found = library::open(folder, expected.as_deref(), !options.dry_run)?;
    if let Some(found) = &found {
        store.use_library(&found.id);
        store.set_library_at(folder, &found.id);
    }
    // Only a dry run meets a library without a marker: it makes none.
    Ok(found.unwrap_or_else(|| Library { root: folder.to_owned(), id: String::new() }))
}

impl Run<'_> {
    fn note(&self, level: Level, path: Option<PathBuf>, text: String) {
        self.sink.emit(&Event::Note { level, path, text });
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn job_id(&self) -> u64 {
        self.next_job.fetch_add(1, Ordering::Relaxed)
    }

    fn context(&self) -> job::Context<'_> {
        let o = self.options;
        job::Context {
            policy: &o.policy,
            types: o.types,
            tools: &o.tools,
            bench: &self.bench,
            gate: &self.gate,
            min_free: o.min_free,
            rooms: &self.rooms,
            temp_dir: o.temp_dir.as_deref(),
            originals: o.originals,
            keep_mtime: o.keep_mtime,
            verify: o.verify,
            terms: o.terms,
            background: o.background,
            stall: o.stall,
            min_age: o.min_age,
            memory: &self.memory,
        }
    }

    /// One job in its slot, from claim to record.
    fn job(&self, task: &Task) {
        self.work.begin(task.id, &task.seen.media, task.seen.stamp.size);
        let ended = job::run(task, self.context(), &self.work.meter(self.sink.as_ref()));
        self.work.end(task.id);
        self.record(task, &ended);
        // Before the next file begins: an examination may end in a withdrawal.
        self.examine(&task.path, &ended.outcome);
        self.slots.leave();
        let mut tally = self.tally();
        tally.running -= 1;
        tally.in_hand.remove(&task.path);
        tally.summary.recovered += u64::from(ended.recovered);
        match &ended.outcome {
            Outcome::Skipped(skip) => tally.skipped(skip.code),
            Outcome::Failed(failed) => tally.failed(failed.code),
            Outcome::Converted(converted) => tally.converted(converted),
        }
        drop(tally);
        self.ended.notify_all();
        let event = match ended.outcome {
            Outcome::Skipped(skip) => Event::Skipped { path: task.path.clone(), skip },
            outcome => Event::JobEnded { job: task.id, path: task.path.clone(), outcome: Box::new(outcome) },
        };
        self.sink.emit(&event);
    }

    /// History for this machine, a memo for the fleet.
    fn record(&self, task: &Task, ended: &Ended) {
        if !matches!(ended.outcome, Outcome::Skipped(_)) && !interrupted(&ended.outcome) {
            let record = Record {
                at: sys::clock::wall(),
                path: task.path.to_string_lossy().into_owned(),
                profile: self.options.policy.name.clone(),
                outcome: ended.outcome.clone(),
            };
            if let Err(error) = self.store.add_history(&record) {
                self.note(Level::Warn, None, error.to_string());
            }
        }
        let (tries, before) = tried(task);
        if let Some(mut addition) = ledger::addition(ended, &self.digest, &self.by, tries) {
            if let Some(memo) = &mut addition.memo {
                // Newer than what was known, whatever the clock says that wrote it.
                memo.at = memo.at.max(before + 0.001);
                self.record_content(task, memo);
            }
            let lesson = Lesson { library: task.library.clone(), path: task.path.clone(), addition };
            if health::is_suspicious(&ended.outcome) {
                // It may be this machine's doing, and then nobody must wait before the next try.
                self.suspects.lock().unwrap_or_else(PoisonError::into_inner).push(lesson);
                return;
            }
            self.teach(lesson);
        }
    }

    /// Says it to the fleet, and notes it here in case the share forgets.
    fn teach(&self, lesson: Lesson) {
        let Lesson { library, path, addition } = lesson;
        if let Some(memo) = &addition.memo
            && let Some(key) = sys::path::key(&library.root, &path)
            && let Ok(line) = serde_json::to_string(memo)
        {
            let folder = key.0.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.store.learn(&library.id, folder, &memo.name, &line);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        self.ledger.add(folder, addition);
        self.ledger.flush(folder, self.sink.as_ref());
    }
}

/// What a job taught of its file.
#[derive(Debug)]
struct Lesson {
    library: Library,
    path: PathBuf,
    addition: Addition,
}

impl Run<'_> {
    /// What became of a content, for the day somebody renames or moves the file.
    fn record_content(&self, task: &Task, memo: &Memo) {
        let (Some(print), Some(results)) = (&memo.print, self.results.get(&task.library.root)) else {
            return;
        };
        // A failure that was not the file's fault is tried again, wherever the file lies then.
        if memo.verdict == Verdict::Failed {
            return;
        }
        let fate = Fate { verdict: memo.verdict, policy: memo.policy.as_str().into(), at: memo.at };
        if let Err(error) = results.add(print, &fate) {
            let text = format!("what became of it could not be noted for the day it is renamed: {error}");
            self.note(Level::Warn, Some(task.path.clone()), text);
        }
    }
}

/// How often the file was tried before, as far as the fleet remembers, and when that was noted.
fn tried(task: &Task) -> (u32, f64) {
    let folder = task.path.parent().unwrap_or(Path::new("."));
    let name = task.path.file_name().unwrap_or_default().to_string_lossy();
    crate::share::cache::read(folder)
        .memo(&name, &task.seen.stamp)
        .map_or((0, 0.0), |memo| (memo.tries, memo.at))
}

fn interrupted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failed) if failed.code == FailCode::Interrupted)
}
