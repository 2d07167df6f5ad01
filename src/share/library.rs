//! Library identity: `.mediabox/id` at the root, made once, the same on every machine that mounts the share.
//!
//! Paths in our records are relative to the folder that holds the marker, so no machine needs to know where another
//! one mounts it. A folder that had a marker and has none now is an unmounted share, never an empty library.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layout;
use crate::model::error::{Error, Kind, Result};
use crate::sys;
use crate::sys::fs::Created;

const ID: &str = "id";
/// A marker is a line of JSON; more is not ours.
const LIMIT: u64 = 64 * 1024;

/// One library as this machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Where its root is on this machine.
    pub root: PathBuf,
    /// Its id, the same on every machine.
    pub id: String,
}

/// The marker's content; unknown fields are left to newer versions.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    id: String,
}

/// Finds the library of `dir` (upward from it), or makes `dir` the root of a new one where `create` says so; `None`
/// where there is none and none is to be made. `expected`: the id this machine saw there before; another id, or none, is
/// an error ([`Kind::Library`]) that says the share may not be mounted.
pub fn open(dir: &Path, expected: Option<&str>, create: bool) -> Result<Option<Library>> {
    let found = find(dir)?;
    if let Some(expected) = expected {
        let hint = "mount the share and run again; if the library was really replaced, accept the new one once with --new-library";
        match &found {
            Some(library) if library.id == expected => {}
            Some(_) => {
                return Err(Error::new(Kind::Library, "work on the folder")
                    .at(dir)
                    .because("it is not the library that was here before (its .mediabox/id differs)")
                    .hint(hint));
            }
            None => {
                return Err(Error::new(Kind::Library, "work on the folder")
                    .at(dir)
                    .because("the library that was here before is not (its .mediabox/id is missing)")
                    .hint(hint));
            }
        }
    }
    match found {
        Some(library) => Ok(Some(library)),
        None if create => make(dir).map(Some),
        None => Ok(None),
    }
}

/// The nearest folder upward that holds a marker.
fn find(dir: &Path) -> Result<Option<Library>> {
    for root in dir.ancestors() {
        if let Some(id) = read(root)? {
            return Ok(Some(Library { root: root.to_owned(), id }));
        }
    }
    Ok(None)
}

fn read(root: &Path) -> Result<Option<String>> {
    let path = root.join(layout::LIBRARY_DIR).join(ID);
    let text = match sys::fs::read_small(&path, LIMIT) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::PermissionDenied
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(Error::new(Kind::Library, "read the library's marker")
                .at(path)
                .because(error)
                .hint("check that the share is mounted and healthy"));
        }
    };
    let marker: Marker = serde_json::from_slice(&text).map_err(|error| {
        Error::new(Kind::Library, "understand the library's marker")
            .at(&path)
            .because(error)
            .hint("it is damaged: restore it from a backup, or remove it to have a new one made")
    })?;
    Ok(Some(marker.id))
}

/// Makes `dir` a library. Of many machines that do so at once, one id wins and all see it.
fn make(dir: &Path) -> Result<Library> {
    let unwritable = |error: std::io::Error| {
        Error::new(Kind::Library, "write to the library")
            .at(dir)
            .because(error)
            .hint("this user needs write permission there, and the share must not be mounted read-only")
    };
    let folder = dir.join(layout::LIBRARY_DIR);
    match sys::fs::create_dir(&folder).map_err(unwritable)? {
        Created::Yes | Created::Exists => {}
    }
    let marker = Marker { version: 1, id: sys::host::random_hex(16) };
    let text = serde_json::to_vec(&marker).map_err(|error| unwritable(error.into()))?;
    let draft = folder.join(format!("{ID}.{}", marker.id));
    let path = folder.join(ID);
    let _ = sys::fs::write_new(&draft, &text).map_err(unwritable)?;
    let published = match sys::fs::publish_file(&draft, &path) {
        // Neither hard links nor a rename that replaces nothing (FAT through some drivers): an exclusive create will do,
        // because what is read back decides.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => sys::fs::write_new(&path, &text),
        result => result,
    };
    let _ = sys::fs::remove_file(&draft);
    let _ = published.map_err(unwritable)?;
    let _ = sys::fs::sync_dir(&folder);
    let id = read(dir)?.ok_or_else(|| {
        Error::new(Kind::Library, "read back the library's marker")
            .at(path)
            .hint("check that the share is mounted and healthy")
    })?;
    Ok(Library { root: dir.to_owned(), id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_made_once_and_found_from_below() {
        let dir = tempfile::tempdir().expect("a folder");
        let below = dir.path().join("Series/Season 1");
        std::fs::create_dir_all(&below).expect("folders");
        assert_eq!(open(dir.path(), None, false).expect("no error"), None);
        let made = open(dir.path(), None, true).expect("made").expect("there");
        assert_eq!(made.id.len(), 32);
        assert_eq!(open(&below, None, true).expect("found"), Some(made.clone()));
        assert_eq!(open(dir.path(), Some(&made.id), true).expect("found"), Some(made));
        assert_eq!(std::fs::read_dir(dir.path().join(".mediabox")).expect("listed").count(), 1);
    }

    #[test]
    fn many_machines_at_once_agree_on_one_id() {
        let dir = tempfile::tempdir().expect("a folder");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| open(dir.path(), None, true).expect("made").expect("there").id))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_missing_or_foreign_marker_is_an_error_and_makes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = open(dir.path(), Some("0123"), true).expect_err("it was there before");
        assert_eq!(error.kind, Kind::Library);
        assert!(error.to_string().contains("mount the share"), "{error}");
        assert!(!dir.path().join(".mediabox").exists());
        let other = open(dir.path(), None, true).expect("made").expect("there");
        let error = open(dir.path(), Some("0123"), true).expect_err("another library");
        assert_eq!(error.kind, Kind::Library);
        assert_eq!(open(dir.path(), Some(&other.id), true).expect("found"), Some(other));
    }

    #[test]
    fn a_damaged_marker_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join(".mediabox")).expect("a folder");
        std::fs::write(dir.path().join(".mediabox/id"), b"\0\0").expect("a file");
        let error = open(dir.path(), None, true).expect_err("damaged");
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
