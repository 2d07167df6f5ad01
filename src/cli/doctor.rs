//! `doctor DIR`: tries the share and this machine, and says what to do.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common, Programs};
use super::session::Session;
use crate::doctor::{Finding, Level, machine, mount, share};
use crate::model::error::{Error, Kind, Result};
use crate::share::library;
use crate::sys;
use crate::sys::netfs;
use crate::ui::ndjson::SCHEMA;
use crate::ui::{self, Look, text};

/// Try a share and this machine for real, and say what to do about what is found
///
/// Makes and removes small files below .mediabox in the folder's library; touches no media file. Takes some seconds. Exits with 1 where
/// there is a problem.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// The library or a folder of it; without it only this machine is looked at
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Another mount of the same folder: how late does it see what is made here?
    #[arg(long, value_name = "DIR", requires = "dir")]
    second: Option<PathBuf>,
    #[command(flatten)]
    programs: Programs,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    findings: Vec<Finding>,
}

/// Runs it.
pub fn run(args: &DoctorArgs, common: &Common, look: Look) -> Result<Ending> {
    let dirs = args.dir.iter().cloned().collect();
    let session = Session::begin(common, Collect::default().programs(&args.programs), dirs, look)?;
    sys::stop::listen();
    let mut findings = Vec::new();
    let paint = session.look.paint_out();
    let mut tell = |finding: Finding| {
        if !args.json {
            let word = format!("{:<8}", finding.level.word());
            let word = match finding.level {
                Level::Ok => paint.good(&word),
                Level::Info => paint.faint(&word),
                Level::Warning => paint.warn(&word),
                Level::Problem => paint.bad(&word),
            };
            let what = text::clean(&finding.what);
            ui::out(&format!("{word} {:<11} {what}\n", finding.check));
            if let Some(fix) = &finding.fix {
                ui::out(&format!("{:>21}{}\n", "", text::clean(fix)));
            }
        }
        findings.push(finding);
    };
    if let Some(dir) = &args.dir {
        examine_library(dir, args.second.as_deref(), &session, &mut tell)?;
    }
    let tools = session.tools();
    machine::programs(&tools, &mut tell);
    if let Ok(tools) = &tools {
        match session.caps(tools, &session.store(), None) {
            Ok(caps) => {
                machine::encoders(&caps).into_iter().for_each(&mut tell);
                machine::graphics(&caps, &mut tell);
            }
            Err(error) => tell(machine::of_error("encoders", &error)),
        }
    }
    machine::folders(session.state_dir(), session.settings.temp_dir.as_deref(), &mut tell);
    let worst = findings.iter().map(|f| f.level).max().unwrap_or(Level::Ok);
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, findings });
    }
    Ok(match worst {
        _ if sys::stop::asked() > sys::stop::Stop::No => Ending::Of(Kind::Interrupted),
        Level::Problem => Ending::SomeFailed,
        _ => Ending::Well,
    })
}

fn examine_library(
    dir: &std::path::Path,
    second: Option<&std::path::Path>,
    session: &Session,
    tell: &mut dyn FnMut(Finding),
) -> Result<()> {
    let folder = sys::path::canonical(dir).map_err(|error| {
        Error::new(Kind::Library, "open the folder")
            .at(dir)
            .because(error)
            .hint("Check the path, and that the share is mounted on this machine.")
    })?;
    if !folder.is_dir() {
        return Err(Error::new(Kind::Library, "examine").at(dir).because("it is not a folder"));
    }
    let expected = session.store().library_at(&folder);
    let root = match library::open(&folder, expected.as_deref(), false) {
        Ok(Some(library)) => {
            tell(Finding {
                level: Level::Ok,
                check: "library".into(),
                what: format!("{} is the root of the library {}", library.root.display(), library.id),
                fix: None,
            });
            library.root
        }
        Ok(None) => {
            tell(Finding {
                level: Level::Info,
                check: "library".into(),
                what: "no library yet; the first run makes this folder the root of one".into(),
                fix: None,
            });
            folder.clone()
        }
        Err(error) => {
            // Nothing is tried on what may be the bare mount point of a share that is not there.
            tell(machine::of_error("library", &error));
            return Ok(());
        }
    };
    match netfs::of(&folder) {
        Ok(found) => mount::findings(&found).into_iter().for_each(&mut *tell),
        Err(error) => tell(Finding {
            level: Level::Warning,
            check: "mount".into(),
            what: format!("what holds the folder cannot be told: {error}"),
            fix: None,
        }),
    }
    tell(machine::space("space", &folder));
    share::examine(&root, second, tell);
    Ok(())
}
