//! `pause` and `resume`: hold everything where it is, on this machine or in the whole fleet.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Ending;
use super::args::{Collect, Common};
use super::session::Session;
use crate::model::error::{Error, Kind, Result};
use crate::share::pause::{self, Pause};
use crate::share::{layout, library};
use crate::sys;
use crate::ui::Look;

/// Stop running conversions where they are, until `resume`
///
/// They keep their claims, so nobody else begins their files. Workers notice within seconds, those of a fleet within half a minute;
/// workers that are started meanwhile wait. Without --fleet it is this user's workers on this machine (those with the same
/// --state-dir).
#[derive(Args, Clone, Debug)]
pub struct PauseArgs {
    /// Pause every machine that works on the library of this folder
    #[arg(long, value_name = "DIR")]
    fleet: Option<PathBuf>,
    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Let paused conversions go on
#[derive(Args, Clone, Debug)]
pub struct ResumeArgs {
    /// Resume every machine that works on the library of this folder
    #[arg(long, value_name = "DIR")]
    fleet: Option<PathBuf>,
}

/// Runs `pause`.
pub fn pause(args: &PauseArgs, common: &Common, look: Look) -> Result<Ending> {
    let (session, file) = place(args.fleet.as_deref(), common, look)?;
    let begun = pause::begin(&file, &Pause::now(args.why.clone()))
        .map_err(|error| Error::io("write the pause", &file, error))?;
    let who = if args.fleet.is_some() { "the fleet" } else { "this machine" };
    session.look.note(&if begun {
        format!("{who} is paused")
    } else {
        let words = pause::read(&file).ok().flatten().map(|pause| pause.words()).unwrap_or_default();
        format!("{who} was paused already{words}")
    });
    Ok(Ending::Well)
}

/// Runs `resume`.
pub fn resume(args: &ResumeArgs, common: &Common, look: Look) -> Result<Ending> {
    let (session, file) = place(args.fleet.as_deref(), common, look)?;
    let ended = pause::end(&file).map_err(|error| Error::io("end the pause", &file, error))?;
    let who = if args.fleet.is_some() { "the fleet" } else { "this machine" };
    session.look.note(&if ended { format!("{who} goes on") } else { format!("{who} was not paused") });
    Ok(Ending::Well)
}

/// The pause's file.
fn place(fleet: Option<&Path>, common: &Common, look: Look) -> Result<(Session, PathBuf)> {
    let session = Session::begin(common, Collect::default(), Vec::new(), look)?;
    let Some(dir) = fleet else {
        let folder = session.state_dir().ok_or_else(|| {
            Error::new(Kind::Usage, "find this machine's state folder").hint("Name one with --state-dir.")
        })?;
        sys::fs::create_dir_all(folder)
            .map_err(|error| Error::io("create the state folder", folder, error))?;
        let file = layout::own_pause(folder);
        return Ok((session, file));
    };
    let dir = sys::path::canonical(dir).map_err(|error| {
        Error::new(Kind::Library, "open the folder")
            .at(dir)
            .because(error)
            .hint("Check the path, and that the share is mounted on this machine.")
    })?;
    let library = library::open(&dir, None, false)?.ok_or_else(|| {
        Error::new(Kind::Library, "pause the fleet of")
            .at(&dir)
            .because("no library is here: .mediabox/id is in none of the folders above it")
            .hint("Name the library's folder; it is made by the first run.")
    })?;
    let file = layout::pause(&library.root);
    Ok((session, file))
}
