//! Beside mediabox's Python workers, played by what their locks are known to do.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::super::{layout, survey};
use super::*;

/// A generation-1 worker's `acquire`: look, judge by its own clock, create, then write.
fn generation_1(lock: &Path) -> bool {
    if let Ok(text) = std::fs::read(lock) {
        // What does not parse is held; what parses is fresh in this test.
        let _ = text;
        return false;
    }
    let Ok(mut file) = std::fs::File::create_new(lock) else { return false };
    std::io::Write::write_all(&mut file, python_lock().as_bytes()).unwrap();
    true
}

/// Generation 2 deletes what does not parse, and then takes it.
fn generation_2(lock: &Path) -> bool {
    if let Ok(text) = std::fs::read(lock) {
        let parses = serde_json::from_slice::<serde_json::Value>(&text).is_ok_and(|v| {
            v.get("hostname").is_some() && v.get("timestamp").is_some_and(serde_json::Value::is_number)
        });
        if parses {
            return false;
        }
        let _ = std::fs::remove_file(lock);
    }
    generation_1(lock)
}

fn python_lock() -> String {
    let wall = sys::clock::wall();
    format!(
        r#"{{"hostname": "python", "pid": 99, "timestamp": {wall}, "file": "/m/Movie.mkv", "locked_at": "x"}}"#
    )
}

/// Ours and theirs for a while on one file: how often each had it, and how often two had it at once.
fn contest(theirs: fn(&Path) -> bool, python: usize, legacy_locks: bool) -> (u32, u32, u32) {
    let folder = Folder::new();
    let film = folder.film();
    let lock = if legacy_locks { layout::legacy_doorbell(&film) } else { layout::doorbell(&film) };
    let terms = Terms { legacy_locks, ..terms() };
    let (inside, both) = (AtomicU32::new(0), AtomicU32::new(0));
    let (ours_had, theirs_had) = (AtomicU32::new(0), AtomicU32::new(0));
    let stop = AtomicBool::new(false);
    let work = |had: &AtomicU32| {
        had.fetch_add(1, Ordering::Relaxed);
        both.fetch_add(u32::from(inside.fetch_add(1, Ordering::SeqCst) > 0), Ordering::Relaxed);
        std::thread::yield_now();
        inside.fetch_sub(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| {
        for _ in 0..python {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if theirs(&lock) {
                        work(&theirs_had);
                        // Theirs is never lost to us.
                        assert!(
                            sys::fs::read_small(&lock, 4096)
                                .is_ok_and(|text| text.starts_with(b"{\"hostname\": \"python\""))
                        );
                        sys::fs::remove_file(&lock).unwrap();
                    }
                    // Theirs look at a file once and go on to the next. One that looked without a pause would keep the lock open
                    // all the time, and on Windows nobody can take away what is open.
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Acquired::Mine(claim) = claim::acquire(&film, &terms, &Forgetful).unwrap() {
                        work(&ours_had);
                        claim.release();
                    }
                }
            });
        }
        // Two seconds, and as long as it takes on a slow machine until both sides had their turns.
        let began = std::time::Instant::now();
        let few = || [&ours_had, &theirs_had].iter().any(|had| had.load(Ordering::Relaxed) <= 5);
        while began.elapsed() < Duration::from_secs(2)
            || (few() && began.elapsed() < Duration::from_secs(600))
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(folder.names(), ["Movie.mkv"]);
    (ours_had.into_inner(), theirs_had.into_inner(), both.into_inner())
}

#[test]
fn two_of_the_first_generation_and_two_of_ours_exclude_each_other() {
    let (ours, theirs, both) = contest(generation_1, 2, false);
    println!("ours {ours}, generation 1 {theirs}, two at once {both}");
    assert!(ours > 5 && theirs > 5, "ours {ours}, theirs {theirs}");
    assert_eq!(both, 0);
}

#[test]
fn one_of_the_second_generation_and_two_of_ours_exclude_each_other_with_legacy_locks() {
    let (ours, theirs, both) = contest(generation_2, 1, true);
    println!("ours {ours}, generation 2 {theirs}, two at once {both}");
    assert!(ours > 5 && theirs > 5, "ours {ours}, theirs {theirs}");
    assert_eq!(both, 0);
}

fn age(path: &Path, seconds: u64) {
    let now = sys::fs::stamp(path).unwrap();
    let then = crate::model::key::Stamp { sec: now.sec - seconds as i64, ..now };
    sys::fs::set_mtime(path, &then).unwrap();
}

fn is_held(folder: &Folder) -> bool {
    match ask(&folder.film()) {
        Acquired::Held(holder) => {
            assert!(!holder.what.is_empty());
            true
        }
        Acquired::Mine(claim) => {
            claim.release();
            false
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn locks_of_either_generation_are_held_until_they_are_old() {
    for name in ["Movie.mkv.mediabox.lock", "Movie.mkv.lock", "Movie.avi.mediabox.lock", "MOVIE.avi.lock"] {
        let folder = Folder::new();
        folder.put(name, python_lock().as_bytes());
        assert!(is_held(&folder), "{name}");
        assert!(folder.names().contains(&name.to_owned()), "{name}");
        age(&folder.file(name), 1790);
        assert!(is_held(&folder), "{name}");
        age(&folder.file(name), 30);
        assert!(!is_held(&folder), "{name}");
    }
}

#[test]
fn an_empty_or_broken_lock_is_held_until_it_is_old() {
    for content in ["", "{", "[1]", "{\"hostname\": \"h\", \"timestamp\": \"yesterday\", \"file\": \"x\"}"] {
        let folder = Folder::new();
        folder.put("Movie.mkv.mediabox.lock", content.as_bytes());
        assert!(is_held(&folder), "{content}");
        age(&folder.file("Movie.mkv.mediabox.lock"), 1900);
        assert!(!is_held(&folder), "{content}");
        folder.is_clean();
    }
}

#[test]
fn an_old_python_lock_is_held_while_its_result_grows() {
    let folder = Folder::new();
    folder.put("Movie.mkv.mediabox.lock", python_lock().as_bytes());
    folder.put("Movie.tmp.mp4", b"...");
    age(&folder.file("Movie.mkv.mediabox.lock"), 5400);
    assert!(is_held(&folder));
    age(&folder.file("Movie.tmp.mp4"), 1900);
    assert!(!is_held(&folder));
}

#[test]
fn a_lock_of_another_stem_keeps_nobody_away() {
    let folder = Folder::new();
    folder.put("Movie 2.mkv.mediabox.lock", python_lock().as_bytes());
    folder.put("Movie.lock", b"");
    assert!(!is_held(&folder));
}

#[test]
fn a_sweep_clears_old_python_locks_and_leaves_young_ones_and_foreign_files() {
    let folder = Folder::new();
    for name in ["a.mkv.mediabox.lock", "b.mkv.lock", "c.mkv.mediabox.lock"] {
        folder.put(name, python_lock().as_bytes());
    }
    folder.put("poetry.toml.lock", b"some program's");
    age(&folder.file("a.mkv.mediabox.lock"), 1900);
    age(&folder.file("b.mkv.lock"), 1900);
    age(&folder.file("poetry.toml.lock"), 99_999);
    let swept = survey::sweep(folder.path(), &terms(), &Forgetful).unwrap();
    assert_eq!(swept.removed.len(), 2, "{swept:?}");
    assert_eq!(folder.names(), ["Movie.mkv", "c.mkv.mediabox.lock", "poetry.toml.lock"]);
}
