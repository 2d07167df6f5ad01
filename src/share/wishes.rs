//! Wishes: what somebody wants converted before everything else, by whichever machine is free first.
//!
//! `.mediabox/first/<token>.json`, one file each, written whole under a name of its own and removed by whoever finds
//! nothing left to do for it. A wish is advice: it says where to look first, never that a file may be converted.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layout;
use crate::model::error::{Error, Result};
use crate::sys;

/// A wish is a line of JSON; more is not ours.
const LIMIT: u64 = 64 * 1024;
/// More wishes than anybody has.
const MOST: usize = 1000;

/// One wish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// Path of the file or folder below the library's root, with `/`, as it was typed; empty: all of it.
    pub path: String,
    /// Who wished it.
    pub host: String,
    /// Seconds since 1970 by that host's clock: older wishes first.
    pub at: f64,
    /// The name of its file.
    #[serde(skip)]
    pub token: String,
}

impl Wish {
    /// Where it is on this machine; `None` for what would lead out of the library.
    pub fn place(&self, root: &Path) -> Option<PathBuf> {
        let path = Path::new(&self.path);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| if self.path.is_empty() { root.to_owned() } else { root.join(path) })
    }
}

/// Adds a wish for a file or folder at or below the library's root.
pub fn add(root: &Path, path: &Path) -> Result<()> {
    let unwritable = |error: io::Error| Error::io("note the wish in", layout::wishes(root), error);
    let below = path.strip_prefix(root).unwrap_or(Path::new(""));
    let names: Vec<&str> = below.iter().filter_map(|name| name.to_str()).collect();
    let wish = Wish {
        path: names.join("/"),
        host: sys::host::me().hostname.clone(),
        at: sys::clock::wall(),
        token: layout::new_token(),
    };
    sys::fs::create_dir_all(&layout::wishes(root)).map_err(unwritable)?;
    let text = serde_json::to_vec(&wish).map_err(|error| unwritable(error.into()))?;
    let _ = sys::fs::write_new(&layout::wish(root, &wish.token), &text).map_err(unwritable)?;
    Ok(())
}

/// All wishes, the oldest first. One that is not understood, or not yet whole, is left out.
pub fn list(root: &Path) -> io::Result<Vec<Wish>> {
    let entries = match sys::fs::list(&layout::wishes(root)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut wishes: Vec<Wish> = Vec::new();
    for token in entries.iter().filter_map(|entry| layout::wish_token(entry.name.to_str()?)).take(MOST) {
        let text = sys::fs::read_small(&layout::wish(root, token), LIMIT).unwrap_or_default();
        if let Ok(wish) = serde_json::from_slice::<Wish>(&text) {
            wishes.push(Wish { token: token.to_owned(), ..wish });
        }
    }
    wishes.sort_by(|a, b| a.at.total_cmp(&b.at));
    Ok(wishes)
}

/// Takes a wish back; nothing where somebody else did.
pub fn remove(root: &Path, wish: &Wish) -> io::Result<()> {
    sys::fs::remove_file(&layout::wish(root, &wish.token)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_seen_by_all_and_removed_once() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(list(dir.path()).expect("listed").is_empty());
        add(dir.path(), &dir.path().join("Films/New Film.mkv")).expect("added");
        add(dir.path(), dir.path()).expect("added");
        let wishes = list(dir.path()).expect("listed");
        assert_eq!(
            wishes.iter().map(|wish| wish.path.as_str()).collect::<Vec<_>>(),
            ["Films/New Film.mkv", ""]
        );
        assert_eq!(wishes[0].place(Path::new("/mnt")), Some("/mnt/Films/New Film.mkv".into()));
        assert_eq!(wishes[1].place(Path::new("/mnt")), Some("/mnt".into()));
        remove(dir.path(), &wishes[0]).expect("removed");
        remove(dir.path(), &wishes[0]).expect("and again is nothing");
        assert_eq!(list(dir.path()).expect("listed").len(), 1);
    }

    #[test]
    fn a_wish_never_leads_out_of_the_library() {
        for path in ["../secret", "/etc/passwd", "a/../../b", "./a"] {
            let wish = Wish { path: path.into(), host: String::new(), at: 0.0, token: String::new() };
            assert_eq!(wish.place(Path::new("/mnt")), None, "{path}");
        }
    }

    #[test]
    fn rubbish_among_the_wishes_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        add(dir.path(), dir.path()).expect("added");
        let folder = layout::wishes(dir.path());
        for (name, text) in [("notes.txt", "x"), ("0123456789abcdef0123456789abcdef.json", "{\"path\":")] {
            std::fs::write(folder.join(name), text).expect("written");
        }
        assert_eq!(list(dir.path()).expect("listed").len(), 1);
    }
}
