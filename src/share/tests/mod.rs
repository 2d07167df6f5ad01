//! Claims on a real folder.

mod claims;
mod crashes;
mod judging;
mod player;
mod pulses;
mod python;
mod rubbish;
mod sweeping;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::claim::{self, Acquired, Around, Claim, Forgetful, Memory, Terms};
use super::record::{COMMIT_VERSION, Commit, Originals};
use crate::sys;

/// A memory that is one test's own.
#[derive(Debug, Default)]
pub struct Notebook(Mutex<BTreeMap<String, (Duration, String)>>);

impl Memory for Notebook {
    fn first_seen(&self, state: &str) -> Option<(Duration, String)> {
        self.0.lock().unwrap().get(state).cloned()
    }
    fn saw(&self, state: &str, at: Duration, boot: &str) {
        self.0.lock().unwrap().entry(state.to_owned()).or_insert((at, boot.to_owned()));
    }
    fn forget(&self, state: &str) {
        self.0.lock().unwrap().remove(state);
    }
}

/// A folder with one film.
pub struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap() };
        folder.put("Movie.mkv", b"the film");
        folder
    }
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    pub fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.file(name), bytes).unwrap();
    }
    pub fn film(&self) -> PathBuf {
        self.file("Movie.mkv")
    }
    pub fn names(&self) -> Vec<String> {
        sys::fs::list(self.path())
            .unwrap()
            .into_iter()
            .map(|entry| entry.name.into_string().unwrap())
            .collect()
    }
    pub fn is_clean(&self) {
        assert_eq!(self.names(), ["Movie.mkv"]);
    }
}

pub fn terms() -> Terms {
    Terms { stale_after: Duration::from_secs(60), heartbeat: Duration::from_secs(1), legacy_locks: false }
}

/// Asks for the claim, and looks around under it.
pub fn ask(source: &Path) -> Acquired {
    match claim::acquire(source, &terms(), &Forgetful).unwrap() {
        Acquired::Mine(claim) => match claim.look_around(source, &Forgetful).unwrap() {
            Around::Clear(_) => Acquired::Mine(claim),
            Around::Held(holder) => Acquired::Held(holder),
            Around::Gone => Acquired::Gone,
        },
        other => other,
    }
}

pub fn mine(source: &Path) -> Claim {
    match ask(source) {
        Acquired::Mine(claim) => claim,
        other => panic!("not ours: {other:?}"),
    }
}

pub fn commit_of(film: &Path) -> Commit {
    let print = sys::fs::fingerprint(film).unwrap();
    Commit {
        version: COMMIT_VERSION,
        source: "Movie.mkv".to_owned(),
        source_print: print.clone(),
        target: "Movie.mp4".to_owned(),
        output_print: print,
        stage: super::layout::STAGE.to_owned(),
        sidecars: Vec::new(),
        renames: Vec::new(),
        originals: Originals::Trash,
        trash: None,
        library: "0123".to_owned(),
    }
}

/// Waits for something to become true.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
