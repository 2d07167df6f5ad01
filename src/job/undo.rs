//! Brings a trashed original back, by the same claim, seal and swap as a conversion: a crash half-way is finished or
//! undone by the next visitor.

use std::path::{Path, PathBuf};

use super::commit::{self, Applied};
use super::transcode::STAGE;
use super::{recover, trash};
use crate::model::error::{Error, Kind, Result};
use crate::share::cache::{self, Addition, Memo, Verdict};
use crate::share::claim::{self, Acquired, Around, Memory, Terms};
use crate::share::library::Library;
use crate::share::record::{Commit, Originals};
use crate::share::results::{Fate, Results};
use crate::sys;
use crate::sys::fs::Created;

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The original, in its old place.
    pub original: PathBuf,
    /// The result that it replaces, now in the trash itself; none where the result was gone.
    pub result: Option<PathBuf>,
}

/// Undoes the newest conversion that `file` (the result's or the original's name) was part of.
pub fn undo(file: &Path, library: &Library, terms: &Terms, memory: &dyn Memory) -> Result<Undone> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = sys::path::canonical(folder).map_err(|e| Error::io("find the folder", folder, e))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let here = sys::path::key(&library.root, &folder).map(|key| key.0).unwrap_or_default();
    let resting = trash::list(&library.root, Some(&folder))
        .into_iter()
        .find(|r| {
            r.rest.folder == here
                && (r.rest.commit.target == name || r.rest.commit.source == name)
                && sys::fs::is_listed(&r.file).unwrap_or(false)
        })
        .ok_or_else(|| {
            Error::new(Kind::Media, "find an original to bring back for")
                .at(file)
                .hint("it was not converted here, was kept elsewhere, or its time in the trash is over (--trash-days)")
        })?;
    let done = swap_back(&folder, library, &resting, terms, memory)?;
    // The next run would convert it again at once.
    let stamp =
        sys::fs::stamp(&done.original).map_err(|e| Error::io("look at the original", &done.original, e))?;
    let memo = Memo {
        name: resting.rest.commit.source.clone(),
        stamp,
        print: None,
        policy: crate::scan::recall::ANY_POLICY.to_owned(),
        verdict: Verdict::LeftAlone,
        words: "its conversion was undone; name it with --file to convert it again".to_owned(),
        tries: 0,
        host: sys::host::me().hostname.clone(),
        at: sys::clock::wall(),
    };
    // Only a hint for later runs; the original is back whether or not it could be noted.
    if let Ok(print) = sys::fs::fingerprint(&done.original) {
        let fate = Fate { verdict: memo.verdict, policy: memo.policy.as_str().into(), at: memo.at };
        let _ = Results::of(&library.root).add(&print, &fate);
    }
    let _ = cache::add(&folder, &[Addition::of(memo, None)]);
    Ok(done)
}

fn swap_back(
    folder: &Path,
    library: &Library,
    resting: &trash::Resting,
    terms: &Terms,
    memory: &dyn Memory,
) -> Result<Undone> {
    let past = &resting.rest.commit;
    let (result, original) = (folder.join(&past.target), folder.join(&past.source));
    let io = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Error::io(doing, path, error)
    };
    if past.source != past.target && sys::fs::is_listed(&original).map_err(io("list the folder", folder))? {
        return Err(Error::new(Kind::Io, "bring the original back to")
            .at(&original)
            .hint("a file of that name is there; move it away first"));
    }
    if !sys::fs::is_listed(&result).map_err(io("list the folder", folder))? {
        // The result is gone: nothing to swap with, the original simply returns.
        if sys::fs::publish_file(&resting.file, &original)
            .map_err(io("bring the original back to", &original))?
            == Created::Exists
        {
            return Err(Error::new(Kind::Io, "bring the original back to").at(&original));
        }
        forget(resting);
        return Ok(Undone { original, result: None });
    }
    let there = sys::fs::fingerprint(&result).map_err(io("read", &result))?;
    if !there.same_content(&past.output_print) {
        // The trash would be the end of somebody's own film in a fortnight.
        return Err(Error::new(Kind::Io, "put the original in the place of")
            .at(&result)
            .because("it is not what the conversion made: it was changed or replaced since")
            .hint("move it away first; the original then returns to its place"));
    }
    let claim = loop {
        match claim::acquire(&result, terms, memory)? {
            Acquired::Mine(claim) => break claim,
            Acquired::HalfDone(half) => {
                recover::finish(half, folder, &library.root);
            }
            Acquired::Held(holder) => {
                return Err(Error::new(Kind::Claim, "claim").at(&result).hint(super::held_by(&holder)));
            }
            Acquired::Gone => return Err(Error::new(Kind::Io, "find").at(&result)),
        }
    };
    match claim.look_around(&result, memory)? {
        Around::Clear(_) => {}
        Around::Held(holder) => {
            return Err(Error::new(Kind::Claim, "claim").at(&result).hint(super::held_by(&holder)));
        }
        Around::Gone => return Err(Error::new(Kind::Io, "find").at(&result)),
    }
    let commit = (|| {
        let stage = claim.work_dir().join(STAGE);
        // A second name, not a move: the original stays in the trash until it is back in its place.
        let linked = sys::fs::hard_link(&resting.file, &stage);
        if !matches!(linked, Ok(Created::Yes)) {
            let _ = sys::fs::copy_new(&resting.file, &stage, &mut |_| true)
                .map_err(io("copy the original", &resting.file))?;
            let _ = sys::fs::set_mtime(&stage, &past.source_print.stamp);
            sys::fs::sync_file(&stage).map_err(io("write the original to disk", &stage))?;
        }
        Ok(Commit {
            version: 1,
            source: past.target.clone(),
            source_print: sys::fs::fingerprint(&result).map_err(io("read", &result))?,
            target: past.source.clone(),
            output_print: sys::fs::fingerprint(&stage).map_err(io("read", &stage))?,
            stage: STAGE.to_owned(),
            sidecars: Vec::new(),
            renames: past.renames.iter().map(|(old, new)| (new.clone(), old.clone())).collect(),
            originals: Originals::Trash,
            trash: Some(trash::place(claim.work_dir())),
            library: library.id.clone(),
        })
    })();
    let commit = match commit {
        Ok(commit) => commit,
        Err(error) => {
            claim.release();
            return Err(error);
        }
    };
    let sealed = claim.seal(&commit)?;
    let applied = commit::apply(folder, &library.root, sealed.work_dir(), &commit)
        .map_err(io("bring the original back to", &original))?;
    sealed.finish();
    match applied {
        Applied::Done => {
            forget(resting);
            Ok(Undone { original, result: Some(result) })
        }
        Applied::RolledBack(why) => {
            Err(Error::new(Kind::Io, "bring the original back to").at(&original).hint(why))
        }
    }
}

/// The trash entry whose original is back in its place.
fn forget(resting: &trash::Resting) {
    let _ = sys::fs::remove_file(&resting.file);
    for entry in sys::fs::list(&resting.dir).unwrap_or_default() {
        let _ = sys::fs::remove_file(&resting.dir.join(entry.name));
    }
    let _ = sys::fs::remove_dir(&resting.dir);
}
