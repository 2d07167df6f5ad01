//! `scan DIR`: what is there, and what would be done with it.

pub(super) mod census;
pub(super) mod gather;
pub(super) mod turns;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use clap::Args;

use super::Ending;
use super::args::{Choice, Collect, Common, Programs, Wants};
use super::session::{BUILT_IN, Session};
use crate::model::caps::Caps;
use crate::model::error::{Error, Kind, Result};
use crate::model::policy::Policy;
use crate::plan;
use crate::scan::examine::Rules;
use crate::scan::filter::Filter;
use crate::share::library;
use crate::sys;
use crate::sys::stop::{self, Stop};
use crate::ui::{self, Look};
use crate::worker;
use census::Census;
use gather::{Gather, Place, Unknown};
use turns::Turns;

/// Count what lies below a folder by codec, resolution and more, and what would be done; no media is changed
///
/// What is learnt is shared with the other machines in the folders' .mediabox_cache.json, so that none looks at a file twice. Machines
/// that scan one library at once divide the work.
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
    /// Look at every file again, whatever is remembered of it
    #[arg(long)]
    full: bool,
    /// Write nothing to the folder: what is learnt stays on this machine
    #[arg(long)]
    no_cache: bool,
    /// Files to look at at once: a number; by default twice the processor's cores
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
    /// List each file, too
    #[arg(long)]
    files: bool,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
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
    let _unechoed = sys::terminal::hide_control_echo();
    let store = session.store();
    let tools = session.remembered_tools(&store)?;
    let caps = session.caps(&tools, &store, Some(&policy))?;
    let by = worker::facts_by(&tools);
    let choice = format!("{:?} {:?} {:?}", settings.types, settings.include, settings.exclude);
    let threads = args.jobs.map_or_else(jobs, usize::from);
    let gather = Gather {
        unknown: Unknown::Look(Rules { tools: &tools, caps: &caps, policy: &policy, types: settings.types }),
        types: settings.types,
        filter,
        bounds: session.bounds()?,
        store: &store,
        rules: rules(&policy, &caps, &by, &choice),
        by,
        full: args.full,
        share: !args.no_cache,
        each_file: args.files,
        jobs: threads,
        turns: Turns::new(threads),
        census: Mutex::new(Census::new(&policy.name, args.files)),
        counter: session.look.counter("looked at"),
        look: session.look,
        unshared: AtomicBool::new(false),
    };
    for root in &roots {
        let library = library::open(root, store.library_at(root).as_deref(), false)?;
        gather.tree(root, &Place::of(root, library.as_ref()));
    }
    drop(gather.counter);
    let mut census = gather.census.into_inner().unwrap_or_else(PoisonError::into_inner);
    let interrupted = stop::asked() > Stop::No;
    census.finish(roots, interrupted);
    if args.json {
        ui::out_json(&census);
    } else {
        ui::out(&census.text());
    }
    Ok(if interrupted { Ending::Of(Kind::Interrupted) } else { Ending::Well })
}

/// ffprobe waits for the share as often as it computes.
pub(super) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| (cores.get() * 2).clamp(2, 32))
}

/// By what a folder's counts were made: they hold as long as all of it is the same.
fn rules(policy: &Policy, caps: &Caps, by: &str, choice: &str) -> String {
    let caps = serde_json::to_string(caps).unwrap_or_default();
    let text = [&policy.name, &plan::policy_digest(policy), &caps, by, choice]
        .map(|part| format!("{}:{part}", part.len()));
    blake3::hash(text.concat().as_bytes()).to_hex()[..32].to_owned()
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
