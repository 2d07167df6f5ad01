//! Forgets failures, so that the next run tries again: on the share for every machine, and in this machine's own memory.

use std::path::{Path, PathBuf};

use crate::model::error::{Error, Kind, Result};
use crate::share::cache::{self, Addition, Memo, Verdict};
use crate::share::library::Library;
use crate::share::results::{Fate, Results};
use crate::store::Store;
use crate::sys;

/// A folder's memory is held by another writer for milliseconds.
const ATTEMPTS: u32 = 20;
/// The policy of a memo that holds under no profile.
const NO_POLICY: &str = "";

/// A file that may be tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgiven {
    pub path: PathBuf,
    /// How often it had been tried.
    pub tries: u32,
    /// Why it had failed.
    pub words: String,
}

/// Forgets the failures of these files of a folder; what else is remembered of them stays.
pub fn forgive(folder: &Path, names: &[&str], library: &Library, store: &Store) -> Result<Vec<Forgiven>> {
    let memos = cache::read(folder);
    let (mut done, mut additions) = (Vec::new(), Vec::new());
    for name in names {
        let path = folder.join(name);
        let Ok(stamp) = sys::fs::stamp(&path) else { continue };
        let Some(memo) = memos.memo(name, &stamp).filter(|memo| {
            memo.policy != NO_POLICY && matches!(memo.verdict, Verdict::Bad | Verdict::Failed)
        }) else {
            continue;
        };
        done.push(Forgiven { path, tries: memo.tries, words: memo.words.clone() });
        additions.push(Addition::of(anew(memo), None));
    }
    if additions.is_empty() {
        return Ok(done);
    }
    let mut written = false;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 && sys::stop::sleep(std::time::Duration::from_millis(100)) {
            break;
        }
        written = cache::add(folder, &additions)?;
        if written {
            break;
        }
    }
    if !written {
        return Err(Error::new(Kind::Io, "write what is remembered of")
            .at(folder)
            .hint("Another machine is writing there; try again in a minute."));
    }
    let key = sys::path::key(&library.root, folder).map(|key| key.0).unwrap_or_default();
    let results = Results::of(&library.root);
    for forgiven in &done {
        let name = forgiven.path.file_name().unwrap_or_default().to_string_lossy();
        store.unlearn(&library.id, &key, &name);
        // Its content may be remembered as bad under whatever name; the newest word counts.
        if let Ok(print) = sys::fs::fingerprint(&forgiven.path)
            && results.find(&print).is_some()
        {
            let fate = Fate { verdict: Verdict::Failed, policy: NO_POLICY.into(), at: sys::clock::wall() };
            results
                .add(&print, &fate)
                .map_err(|error| Error::io("note it for the library of", &forgiven.path, error))?;
        }
    }
    Ok(done)
}

/// A memo that says: nothing is known, look.
fn anew(memo: &Memo) -> Memo {
    Memo {
        policy: NO_POLICY.to_owned(),
        verdict: Verdict::Failed,
        words: "to be tried again".to_owned(),
        tries: 0,
        host: sys::host::me().hostname.clone(),
        // Newer than what it replaces, whatever this machine's clock says.
        at: sys::clock::wall().max(memo.at + 0.001),
        ..memo.clone()
    }
}
