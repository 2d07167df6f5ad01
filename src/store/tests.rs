use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::{FILE, FolderFacts, Record, Store, migrations};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::key::{Key, Stamp};
use crate::model::media::MediaInfo;
use crate::model::outcome::{Converted, FailCode, Failed, Outcome};

fn record(path: &str, at: f64) -> Record {
    let outcome =
        Outcome::Converted(Converted { output: "a.mp4".into(), bytes_before: 9, ..Converted::default() });
    Record { at, path: path.into(), profile: "universal".into(), outcome }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn history_comes_newest_first_and_can_be_searched_in_any_case() {
    let store = Store::in_memory();
    store.add_history(&record("/m/Über.mkv", 1.0)).unwrap();
    let failed = Outcome::Failed(Failed {
        code: FailCode::Truncated,
        words: "holds 33 s of 60 s".into(),
        hint: None,
        stderr: Some("File ended prematurely".into()),
        retry: false,
    });
    let second = Record { at: 2.0, path: "/m/b.mkv".into(), profile: "compact".into(), outcome: failed };
    store.add_history(&second).unwrap();
    assert_eq!(store.history(9, None).unwrap(), vec![second.clone(), record("/m/Über.mkv", 1.0)]);
    assert_eq!(store.history(1, None).unwrap(), vec![second]);
    assert_eq!(store.history(9, Some("ÜBER")).unwrap(), vec![record("/m/Über.mkv", 1.0)]);
    assert_eq!(store.history(9, Some("%")).unwrap(), vec![]);
}

#[test]
fn history_of_a_newer_version_does_not_hide_the_rest() {
    let store = Store::in_memory();
    store.add_history(&record("a", 1.0)).unwrap();
    store
        .connection
        .lock()
        .unwrap()
        .execute("INSERT INTO history (at, path, profile, outcome) VALUES (2, 'b', 'x', '{\"outcome\":\"teleported\"}')", [])
        .unwrap();
    assert_eq!(store.history(9, None).unwrap(), vec![record("a", 1.0)]);
}

#[test]
fn caps_are_found_under_their_conditions_only() {
    let store = Store::in_memory();
    let caps = Caps {
        version: "5.1.9".into(),
        release: Some((5, 1)),
        encoders: vec![EncoderCap {
            name: "libx264".into(),
            codec: "h264".into(),
            hardware: false,
            device: None,
            ten_bit: true,
            keeps: [].into(),
            sessions: None,
            largest: None,
            verdict: Verdict::Works { fps: 100.5 },
        }],
        ..Caps::default()
    };
    store.set_caps("one", &caps);
    assert_eq!(store.caps("one"), Some(caps));
    assert_eq!(store.caps("two"), None);
    for n in 0..40 {
        store.set_caps(&format!("build {n}"), &Caps::default());
    }
    assert_eq!(store.caps("one"), None, "old trials are dropped");
    assert!(store.caps("build 39").is_some());
}

#[test]
fn a_state_keeps_its_first_time_within_a_boot() {
    let store = Store::in_memory();
    store.saw("token 1", 10.0, "boot a");
    store.saw("token 1", 99.0, "boot a");
    assert_eq!(store.first_seen("token 1"), Some((10.0, "boot a".into())));
    store.saw("token 1", 5.0, "boot b");
    assert_eq!(store.first_seen("token 1"), Some((5.0, "boot b".into())));
    store.forget("token 1");
    assert_eq!(store.first_seen("token 1"), None);
}

#[test]
fn media_facts_hold_only_for_the_same_file_and_reader() {
    let store = Store::in_memory();
    let key = Key("films/a.mkv".into());
    let stamp = Stamp { size: u64::MAX, sec: 5, nsec: 6 };
    let info = MediaInfo { format: "matroska,webm".into(), duration: Some(1.5), ..MediaInfo::default() };
    store.media_put("lib", &key, &stamp, "5.1/1", &info);
    assert_eq!(store.media_get("lib", &key, &stamp, "5.1/1"), Some(info.clone()));
    assert_eq!(store.media_get("lib", &key, &Stamp { nsec: 7, ..stamp }, "5.1/1"), None);
    assert_eq!(store.media_get("lib", &key, &stamp, "5.1/2"), None);
    assert_eq!(store.media_get("other", &key, &stamp, "5.1/1"), None);
}

#[test]
fn everything_is_there_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new/state");
    {
        let store = Store::open(&folder).unwrap();
        store.add_history(&record("a", 1.0)).unwrap();
        store.set_library_at(Path::new("/mnt/films"), "id-1");
        store.set_library_at(Path::new("/mnt/films"), "id-2");
    }
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.history(9, None).unwrap().len(), 1);
    assert_eq!(store.library_at(Path::new("/mnt/films")), Some("id-2".into()));
    assert_eq!(store.library_at(Path::new("/mnt")), None);
}

#[test]
fn many_openers_of_a_new_store_do_not_lock_each_other_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Arc::new(dir.path().to_path_buf());
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let folder = Arc::clone(&folder);
            std::thread::spawn(move || {
                let store = Store::open(&folder).unwrap();
                for m in 0..5 {
                    store.add_history(&record(&format!("{n}/{m}"), 1.0)).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(Store::open(&folder).unwrap().history(99, None).unwrap().len(), 40);
}

#[test]
fn garbage_in_the_place_of_the_store_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join(FILE),
        b"this is no database, and long enough to look at its header ".repeat(50),
    )
    .unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.add_history(&record("a", 1.0)).unwrap();
    assert_eq!(store.history(9, None).unwrap().len(), 1);
    let bad: Vec<_> = names(dir.path()).into_iter().filter(|n| n.contains(".bad")).collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
}

#[test]
fn damage_met_in_the_middle_begins_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    {
        let store = Store::open(dir.path()).unwrap();
        for n in 0..500 {
            store.add_history(&record(&format!("film {n} {}", "x".repeat(200)), 1.0)).unwrap();
        }
    }
    // Everything behind the first page: the header is fine, the tables' pages are not.
    let mut bytes = std::fs::read(&file).unwrap();
    let start = 4096;
    bytes[start..].fill(0xAB);
    std::fs::write(&file, &bytes).unwrap();
    let (store, _) = Store::open_or_forget(dir.path());
    store.add_history(&record("after", 2.0)).unwrap();
    assert_eq!(store.history(9, None).unwrap(), vec![record("after", 2.0)]);
    assert!(names(dir.path()).iter().any(|n| n.contains(".bad")));
    drop(store);
    assert_eq!(Store::open(dir.path()).unwrap().history(9, None).unwrap(), vec![record("after", 2.0)]);
}

#[test]
fn a_folder_that_cannot_be_made_leaves_a_store_in_memory_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let blocker = dir.path().join("file");
    std::fs::write(&blocker, b"x").unwrap();
    let (store, why) = Store::open_or_forget(&blocker.join("state"));
    assert!(why.is_some());
    assert_eq!(store.file(), None);
    store.add_history(&record("a", 1.0)).unwrap();
    assert_eq!(store.history(9, None).unwrap().len(), 1);
}

#[test]
fn a_store_of_a_newer_version_is_used_and_not_downgraded() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let newer = migrations::STEPS.len() as u32 + 3;
    Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", newer).unwrap();
    Store::open(dir.path()).unwrap().add_history(&record("a", 1.0)).unwrap();
    let version: u32 = Connection::open(dir.path().join(FILE))
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, newer);
}

#[test]
fn facts_below_a_folder_are_listed_and_those_of_gone_files_forgotten() {
    let store = Store::in_memory();
    let info = MediaInfo { format: "matroska,webm".into(), ..MediaInfo::default() };
    let stamp = Stamp { size: 7, sec: 8, nsec: 9 };
    for key in ["Films/a.mkv", "Films/b/c.mkv", "Films2/d.mkv"] {
        store.media_put("lib", &Key(key.into()), &stamp, "ffprobe", &info);
    }
    store.media_put("other", &Key("Films/a.mkv".into()), &stamp, "ffprobe", &info);
    let below = |library, folder| {
        let mut found = Vec::new();
        store.facts_below(library, folder, |folder, name, at, text| {
            assert_eq!((at, super::media(text).as_ref()), (stamp, Some(&info)));
            found.push(format!("{folder}/{name}"));
        });
        found.sort();
        found
    };
    let keys = |folder| below("lib", folder);
    assert_eq!(keys("Films"), ["Films/a.mkv", "Films/b/c.mkv"]);
    assert_eq!(keys("").len(), 3);
    store.forget_folders("lib", "Films", |folder| folder != "Films/b");
    assert_eq!(keys(""), ["Films/a.mkv", "Films2/d.mkv"]);
    store.forget_folders("lib", "", |folder| folder != "Films");
    assert_eq!(keys(""), ["Films2/d.mkv"]);
    assert_eq!(below("other", "").len(), 1);
}

#[test]
fn a_folders_facts_its_rows_and_its_counts_are_kept_together_and_by_state() {
    let store = Store::in_memory();
    let info = MediaInfo { format: "matroska,webm".into(), ..MediaInfo::default() };
    let stamp = Stamp { size: 7, sec: 8, nsec: 9 };
    let facts = |state: u8, names: &[&str]| FolderFacts {
        state: [state; 16],
        rows: vec![state],
        new: names.iter().map(|name| ((*name).to_owned(), stamp, "by".to_owned(), info.clone())).collect(),
        listed: names.iter().map(|name| (*name).to_owned()).collect(),
        counts: Some(("universal".to_owned(), [state; 16], format!("counts {state}"))),
    };
    store.put_folder("lib", "Films", &facts(1, &["a.mkv", "b.mkv"]));
    assert_eq!(store.counts("lib", "Films", "universal", &[1; 16]).as_deref(), Some("counts 1"));
    assert_eq!(store.counts("lib", "Films", "universal", &[2; 16]), None, "another state");
    assert_eq!(store.counts("lib", "Films", "compact", &[1; 16]), None, "another policy");
    store.put_folder("lib", "Films", &facts(2, &["b.mkv"]));
    let names: Vec<String> = store.facts_in("lib", "Films").into_iter().map(|fact| fact.0).collect();
    assert_eq!(names, ["b.mkv"], "what is not listed any more is gone");
    let mut rows = Vec::new();
    store.rows_below("lib", "", |folder, bytes| {
        rows.push((folder.to_owned(), bytes.map(<[u8]>::to_vec)));
    });
    assert_eq!(rows, [("Films".to_owned(), Some(vec![2]))]);
    store.media_put("lib", &Key("Films/c.mkv".into()), &stamp, "by", &info);
    rows.clear();
    store.rows_below("lib", "Films", |folder, bytes| {
        rows.push((folder.to_owned(), bytes.map(<[u8]>::to_vec)));
    });
    assert_eq!(rows, [("Films".to_owned(), None)], "the rows know less than the facts");
}

#[test]
fn what_this_machine_learnt_by_working_is_kept_until_it_is_outdated() {
    let store = Store::in_memory();
    store.learn("lib", "Films", "a.mkv", "one");
    store.learn("lib", "Films", "a.mkv", "two");
    assert_eq!(store.learnt("lib", "Films"), [("a.mkv".to_owned(), "two".to_owned())]);
    assert!(store.learnt("lib", "").is_empty());
    store.unlearn("lib", "Films", "a.mkv");
    assert!(store.learnt("lib", "Films").is_empty());
}
