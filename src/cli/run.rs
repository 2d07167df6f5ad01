//! The main job: `media-converter --dir DIR`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Ending;
use super::args::{Choice, Claims, Collect, Common, Guards, Programs, Wants};
use super::session::{BUILT_IN, Session, folder_of};
use crate::config::{Jobs, Originals, Settings, Verify, WhatThen};
use crate::model::error::{Error, Kind, Result};
use crate::model::event::Summary;
use crate::share::{layout, library, record, wishes};
use crate::store::Store;
use crate::sys;
use crate::sys::path::{self, Reach};
use crate::sys::stop;
use crate::ui::Look;
use crate::worker::{self, Manner, Options, Rules, VerifyDepth, Watch};

/// Convert what lies in folders and files
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Convert what lies below this folder (repeatable)
    #[arg(long, value_name = "DIR", help_heading = "What to look at")]
    pub dir: Vec<PathBuf>,
    /// Convert this file (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "What to look at")]
    pub file: Vec<PathBuf>,
    #[command(flatten)]
    pub choice: Choice,
    /// Stop after this many conversions
    #[arg(long, value_name = "N", help_heading = "What to look at")]
    pub limit: Option<String>,
    /// What comes first; spread: each machine starts elsewhere
    #[arg(
        long,
        value_name = "ORDER",
        value_parser = ["spread", "newest", "oldest", "largest", "smallest", "savings", "name", "random"],
        help_heading = "What to look at"
    )]
    pub order: Option<String>,
    /// Have this file or folder converted before everything else, by whichever machine is free first (repeatable);
    /// alone: only note the wish
    #[arg(long, value_name = "PATH", help_heading = "What to look at")]
    pub first: Vec<PathBuf>,
    /// Stay, and take new files within a minute after they have gone quiet
    #[arg(long, conflicts_with = "dry_run", help_heading = "What to look at")]
    pub watch: bool,
    #[command(flatten)]
    pub wants: Wants,
    /// Say what would be done to each file and why; change nothing
    #[arg(short = 'n', long, help_heading = "What to make of it")]
    pub dry_run: bool,
    /// How results are checked before they may take their sources' place
    #[arg(long, value_name = "DEPTH", value_parser = ["fast", "full"], help_heading = "What to make of it")]
    pub verify: Option<String>,
    /// What becomes of originals once their results are in place
    #[arg(long, value_name = "WHAT", value_parser = ["trash", "delete", "keep"], help_heading = "What to make of it")]
    pub originals: Option<String>,
    /// The time a result carries: its original's, or now
    #[arg(long, value_name = "WHICH", value_parser = ["keep", "now"], help_heading = "What to make of it")]
    pub mtime: Option<String>,
    /// Days until an original in the trash is removed for good
    #[arg(long, value_name = "DAYS", help_heading = "What to make of it")]
    pub trash_days: Option<String>,
    #[command(flatten)]
    pub claims: Claims,
    /// Files to convert at once: a number or auto
    #[arg(short, long, value_name = "N", help_heading = "This machine")]
    pub jobs: Option<String>,
    /// Encode in this folder first, then copy the result beside its source
    #[arg(long, value_name = "DIR", help_heading = "This machine")]
    pub temp_dir: Option<String>,
    /// Run ffmpeg at low priority (the default)
    #[arg(long, overrides_with = "no_nice", help_heading = "This machine")]
    pub nice: bool,
    /// Run ffmpeg at normal priority
    #[arg(long, help_heading = "This machine")]
    pub no_nice: bool,
    /// Stop an ffmpeg that makes no progress for this long, e.g. 10m
    #[arg(long, value_name = "TIME", help_heading = "This machine")]
    pub stall: Option<String>,
    #[command(flatten)]
    pub guards: Guards,
    #[command(flatten)]
    pub programs: Programs,
    /// The folder now holds another library than before, and that is meant: forget the old one
    #[arg(long, help_heading = "Sharing the library with other machines")]
    pub new_library: bool,
    /// Print events as JSON, one a line, on stdout (docs/json.md)
    #[arg(long, help_heading = "General")]
    pub json: bool,
}

impl RunArgs {
    /// The settings among the arguments.
    pub fn collect(&self) -> Collect {
        Collect::default()
            .choice(&self.choice)
            .text("limit", self.limit.as_ref())
            .text("order", self.order.as_ref())
            .wants(&self.wants)
            .text("verify", self.verify.as_ref())
            .text("originals", self.originals.as_ref())
            .text("mtime", self.mtime.as_ref())
            .text("trash_days", self.trash_days.as_ref())
            .claims(&self.claims)
            .text("jobs", self.jobs.as_ref())
            .text("temp_dir", self.temp_dir.as_ref())
            .switch("nice", self.nice || self.no_nice, self.nice)
            .text("stall", self.stall.as_ref())
            .guards(&self.guards)
            .programs(&self.programs)
    }

    /// Folders whose library may have settings of its own.
    pub fn library_dirs(&self) -> Vec<PathBuf> {
        self.dir.iter().cloned().chain(self.file.iter().map(|file| folder_of(file))).collect()
    }
}

/// The folder as this process sees it: a service and an elevated shell do not have their user's drives.
pub(super) fn visible(dir: &Path, look: Look) -> Result<PathBuf> {
    let missing = Error::new(Kind::Library, "open the folder").at(dir).because("there is no such folder");
    match path::reach(dir) {
        Reach::Here => Ok(dir.to_owned()),
        Reach::ByShare(share) => {
            look.note(&format!("{} is {}: this process does not see the drive", dir.display(), share.display()));
            Ok(share)
        }
        Reach::Away(share) => Err(missing.hint(format!(
            "The drive stands for {}, which cannot be reached from here. Name it instead of the drive, and check that this \
             user may open it.",
            share.display()
        ))),
        Reach::Missing => Err(missing.hint("Check the path, and that the share is mounted on this machine.")),
    }
}

/// Runs it.
pub fn run(args: &RunArgs, common: &Common, look: Look) -> Result<Ending> {
    if args.dir.is_empty() && args.file.is_empty() && !args.first.is_empty() {
        let session = Session::begin(common, args.collect(), Vec::new(), look)?;
        wish(&args.first, &session.store(), session.look)?;
        return Ok(Ending::Well);
    }
    if args.dir.is_empty() && args.file.is_empty() {
        return Err(Error::new(Kind::Usage, "begin").because("neither a folder nor a file is named").hint(
            "Name folders with --dir and single files with --file, for example: media-converter --dir /mnt/media",
        ));
    }
    // Said before encoders are tried: that takes seconds, and the library's own settings lie there, too.
    let dirs: Vec<PathBuf> = args.dir.iter().map(|dir| visible(dir, look)).collect::<Result<_>>()?;
    let args = &RunArgs { dir: dirs, ..args.clone() };
    let session = Session::begin(common, args.collect(), args.library_dirs(), look)?;
    let policy = session.settings.policy(BUILT_IN)?;
    stop::listen();
    let _unechoed = sys::terminal::hide_control_echo();
    let tools = session.tools()?;
    let store = session.store();
    let caps = session.caps(&tools, &store, Some(&policy))?;
    let settings = &session.settings;
    let options = Options {
        dirs: args.dir.clone(),
        files: args.file.clone(),
        types: settings.types,
        policy,
        dry_run: args.dry_run,
        jobs: jobs(settings),
        ramp: settings.jobs == Jobs::Auto,
        watch: watch(&session),
        min_free: settings.min_free,
        limit: settings.limit,
        include: settings.include.clone(),
        exclude: settings.exclude.clone(),
        bounds: session.bounds()?,
        min_age: settings.min_age,
        temp_dir: settings.temp_dir.clone(),
        originals: match settings.originals {
            Originals::Trash => record::Originals::Trash,
            Originals::Delete => record::Originals::Delete,
            Originals::Keep => record::Originals::Keep,
        },
        trash_days: settings.trash_days,
        keep_mtime: settings.keep_mtime,
        verify: match settings.verify {
            Verify::Fast => VerifyDepth::Fast,
            Verify::Full => VerifyDepth::Full,
        },
        terms: session.terms(),
        background: settings.nice,
        stall: settings.stall,
        new_library: args.new_library,
        order: settings.order,
        stay: args.watch,
        conditions: crate::ffmpeg::caps::conditions(&tools),
        tools,
        caps,
    };
    if !args.dry_run {
        wish(&args.first, &store, session.look)?;
    }
    let sink = session.look.sink();
    let summary = worker::run(&options, &store, &sink)?;
    Ok(ending(&summary))
}

/// Notes wishes in their libraries, for all machines.
fn wish(paths: &[PathBuf], store: &Store, look: Look) -> Result<()> {
    for path in paths {
        let there = sys::path::canonical(path).map_err(|error| {
            Error::new(Kind::Usage, "find").at(path).because(error).hint("Check the path given to --first.")
        })?;
        let folder = if there.is_dir() { there.clone() } else { folder_of(&there) };
        let library =
            library::open(&folder, store.library_at(&folder).as_deref(), false)?.ok_or_else(|| {
                Error::new(Kind::Library, "find the library of")
                    .at(path)
                    .hint("Nothing was converted there yet; run media-converter --dir on the library first.")
            })?;
        wishes::add(&library.root, &there)?;
        look.note(&format!("{}: goes first on whichever machine is free first", path.display()));
    }
    Ok(())
}

/// Files at once at most. On its own it is found out by trying; no encoder is so slow that more files than cores pay.
fn jobs(settings: &Settings) -> usize {
    match settings.jobs {
        Jobs::Count(count) => count,
        Jobs::Auto => std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 32)),
    }
}

/// Memory that stays free where nobody says how much. A small board must not wait for ever for what it never has.
fn usual_floor() -> Option<u64> {
    crate::sys::vitals::memory_of_machine().map(|bytes| (bytes / 10).min(512 << 20))
}

/// Who may hold us up.
fn watch(session: &Session) -> Watch {
    let settings = &session.settings;
    let manner = |what| match what {
        WhatThen::Ignore => None,
        WhatThen::Finish => Some(Manner::Finish),
        WhatThen::Pause => Some(Manner::Pause),
    };
    Watch {
        rules: Rules {
            active: settings.active.clone(),
            when_inactive: manner(settings.when_inactive),
            battery: manner(settings.battery),
            while_playing: manner(settings.while_playing),
            max_gpu_temperature: settings.max_gpu_temperature,
            max_cpu_temperature: settings.max_cpu_temperature,
            min_memory: settings.min_memory.or_else(usual_floor).filter(|bytes| *bytes > 0),
            max_load: settings.max_load,
        },
        own_pause: session.state_dir().map(layout::own_pause),
        // Nobody is asked for what would change nothing.
        media_servers: match settings.while_playing {
            WhatThen::Ignore => Vec::new(),
            WhatThen::Finish | WhatThen::Pause => settings.media_servers.clone(),
        },
    }
}

/// The machine is sick; the files are not.
const WITHDRAWN: u8 = 5;

fn ending(summary: &Summary) -> Ending {
    if summary.interrupted {
        Ending::Of(Kind::Interrupted)
    } else if summary.withdrawn.is_some() {
        Ending::Code(WITHDRAWN)
    } else if summary.failed.is_empty() {
        Ending::Well
    } else {
        Ending::SomeFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::FailCode;

    #[test]
    fn the_ending_of_a_run_is_that_of_its_summary() {
        let check = |summary: Summary, code: u8| assert_eq!(ending(&summary).code(), code);
        check(Summary::default(), 0);
        check(Summary { failed: [(FailCode::Truncated, 1)].into(), ..Summary::default() }, 1);
        check(Summary { withdrawn: Some("the share is lost".into()), ..Summary::default() }, 5);
        check(Summary { interrupted: true, ..Summary::default() }, 130);
    }
}
