//! Step: PATH, so that a new terminal knows media-converter and ffmpeg.

use super::{Context, Ending, Fatal};
use crate::model::error::Error;
use crate::sys::lasting::{self, InPath};

pub fn put(context: &mut Context) -> Result<Ending, Fatal> {
    let folder = context.wishes.programs.clone();
    let shown = folder.display();
    if context.wishes.keep_path {
        return Ok(Ending::Skipped("PATH is to be left alone".to_owned()));
    }
    if !context.installed.contains(&folder) && !holds_us(&folder) {
        return Ok(Ending::Skipped(format!("nothing of ours lies in {shown}")));
    }
    let home = context.wishes.home.as_deref();
    let fail = |error| Fatal::from(Error::io("put into PATH", &folder, error));
    match lasting::in_path(&folder, home).map_err(fail)? {
        InPath::Now => return Ok(Ending::Fine(format!("{shown} is in it"))),
        InPath::Soon => return Ok(Ending::Fine(format!("{shown} is in it from the next login on"))),
        InPath::No if context.wishes.dry_run => {
            return Ok(Ending::Skipped(format!("would add {shown}")));
        }
        InPath::No => {}
    }
    let added = lasting::add_to_path(&folder, home).map_err(fail)?;
    let place = added.place();
    context.can_undo(format!("PATH ({place})"), move || added.take_back());
    Ok(Ending::Changed(format!("added {shown} ({place}); terminals opened from now on know it")))
}

/// The program that runs now lies there.
fn holds_us(folder: &std::path::Path) -> bool {
    std::env::current_exe().is_ok_and(|program| program.parent() == Some(folder))
}
