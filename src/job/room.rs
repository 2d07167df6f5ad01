//! Room on the disks. What the jobs that run here will still write is not there for the next one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Halt;
use crate::model::outcome::FailCode;
use crate::sys;

/// Room asked for beyond the source's own size, for what else grows on the disk meanwhile.
const SPARE: u64 = 64 * 1024 * 1024;

/// The room that is promised to this process' jobs.
#[derive(Debug, Default)]
pub struct Rooms(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    last: u64,
    promises: Vec<Promise>,
}

#[derive(Debug)]
struct Promise {
    room: u64,
    volume: Option<u64>,
    /// Where the job writes; what lies there has been taken from the disk already.
    dir: PathBuf,
    bytes: u64,
}

/// A job's room in all its folders; free again when it is dropped.
#[derive(Debug)]
pub struct Room {
    rooms: Arc<Rooms>,
    number: u64,
}

/// Why there is none.
#[derive(Debug)]
pub enum Short {
    /// There will be when other jobs are done; in words.
    Now(String),
    /// There is not.
    Ever(Halt),
}

impl Rooms {
    /// Promises `bytes` in each of the folders to a job, in all or in none. A result is seldom larger than its
    /// source; where it might be, the size rule drops it anyway. `min_free`: bytes that stay free.
    pub fn take(self: &Arc<Self>, dirs: &[&Path], bytes: u64, min_free: Option<u64>) -> Result<Room, Short> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = book.last + 1;
        let mut own: Vec<Promise> = Vec::new();
        for dir in dirs {
            let volume = sys::fs::volume(dir);
            let same = |promise: &&Promise| volume.is_some() && promise.volume == volume;
            // What a job that runs leaves when it is done is not known yet: its original may go, or its result.
            let others = book.promises.iter().filter(same).map(rest).reduce(u64::saturating_add);
            let own_need: u64 = own.iter().filter(same).map(|promise| promise.bytes).sum();
            fits(dir, bytes.saturating_add(own_need), others, min_free)?;
            own.push(Promise { room: number, volume, dir: dir.to_path_buf(), bytes });
        }
        book.last = number;
        book.promises.append(&mut own);
        Ok(Room { rooms: Arc::clone(self), number })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut book = self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.promises.retain(|promise| promise.room != self.number);
    }
}

/// What is promised and not yet written.
fn rest(promise: &Promise) -> u64 {
    let files = sys::fs::list(&promise.dir).unwrap_or_default();
    let written = files.iter().filter_map(|file| sys::fs::stamp(&promise.dir.join(&file.name)).ok());
    promise.bytes.saturating_sub(written.map(|stamp| stamp.size).sum())
}

/// `others`: what other jobs will still write there; `None`: there are none.
fn fits(dir: &Path, bytes: u64, others: Option<u64>, min_free: Option<u64>) -> Result<(), Short> {
    // A share that cannot tell its free space is tried; a full disk is then met by ffmpeg and recognised.
    let Ok(free) = sys::fs::free_space(dir) else { return Ok(()) };
    let need = bytes.saturating_add(min_free.unwrap_or(bytes.min(SPARE)));
    let room = need.saturating_add(others.unwrap_or(0));
    let mb = |bytes: u64| bytes / 1_000_000;
    if free >= room {
        return Ok(());
    }
    if let Some(others) = others {
        return Err(Short::Now(format!(
            "{} has {} MB free, of which the other jobs will use {}, and {} are needed; waiting for one of them to end",
            dir.display(),
            mb(free),
            mb(others),
            mb(need),
        )));
    }
    let kept = min_free.map(|kept| format!(", {} MB of them to stay free", mb(kept))).unwrap_or_default();
    let words = format!("{} has {} MB free, and {} MB are needed{kept}", dir.display(), mb(free), mb(need));
    Err(Short::Ever(Halt::fail(FailCode::Space, words).hint(
        "make room there, encode elsewhere with --temp-dir, or lower --min-free; the original is untouched",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders of one volume, and a part of what is free there: other programs may write there beside the tests.
    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf, impl Fn(f64) -> u64) {
        let dir = tempfile::tempdir().expect("a folder");
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        std::fs::create_dir(&a).expect("made");
        std::fs::create_dir(&b).expect("made");
        let free = sys::fs::free_space(dir.path()).expect("a disk that tells");
        (dir, a, b, move |part| (free as f64 * part) as u64)
    }

    #[test]
    fn what_is_promised_to_one_job_is_not_there_for_the_next_until_that_is_done() {
        let (_dir, a, b, part) = folders();
        let rooms = Arc::new(Rooms::default());
        let first = rooms.take(&[&a], part(0.6), Some(0)).expect("room");
        match rooms.take(&[&b], part(0.6), Some(0)) {
            Err(Short::Now(words)) => assert!(words.contains("the other jobs will use"), "{words}"),
            other => panic!("{other:?}"),
        }
        let small = rooms.take(&[&b], part(0.2), Some(0)).expect("that much is left");
        drop(small);
        drop(first);
        assert!(rooms.take(&[&b], part(0.6), Some(0)).is_ok());
        assert!(rooms.0.lock().expect("whole").promises.is_empty());
    }

    #[test]
    fn what_a_job_has_written_is_not_counted_twice() {
        let (_dir, a, b, part) = folders();
        let rooms = Arc::new(Rooms::default());
        let _first = rooms.take(&[&a], part(0.6), Some(0)).expect("room");
        // It takes no room on the disk but looks as if it did.
        let file = std::fs::File::create(a.join("out.part")).expect("made");
        if file.set_len(part(0.5)).is_err() {
            println!("SKIPPED: this file system has no sparse files");
            return;
        }
        assert!(rooms.take(&[&b], part(0.6), Some(0)).is_ok());
    }

    #[test]
    fn a_job_that_writes_in_two_folders_of_one_disk_needs_room_for_both() {
        let (_dir, a, b, part) = folders();
        let rooms = Arc::new(Rooms::default());
        assert!(matches!(rooms.take(&[&a, &b], part(0.6), Some(0)), Err(Short::Ever(_))));
        assert!(rooms.0.lock().expect("whole").promises.is_empty(), "in all or in none");
        assert!(rooms.take(&[&a, &b], part(0.4), Some(0)).is_ok());
        assert!(matches!(rooms.take(&[&a], part(0.6), Some(part(0.6))), Err(Short::Ever(_))));
    }
}
