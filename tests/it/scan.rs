//! `scan`: what one machine looked at, all know; and nobody's word is lost.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Clip, Share};

fn json(share: &Share, args: &[&str]) -> Value {
    let run = share.run(args).expect(0);
    serde_json::from_str(&run.stdout).unwrap_or_else(|why| panic!("{args:?}: {why}\n{}", run.stdout))
}

/// Spoils a file's content behind everybody's back: same size, same time. Who opens it now cannot read it.
fn spoil(path: &Path) {
    let meta = fs::metadata(path).unwrap();
    fs::write(path, vec![0xA5; usize::try_from(meta.len()).unwrap()]).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(meta.modified().unwrap())).unwrap();
}

/// A machine beside the first: it has tried its encoders, and remembers nothing of the library.
fn another_machine(share: &Share) -> String {
    let state = share.aside("another");
    fs::create_dir_all(&state).unwrap();
    let mut folders = vec![share.aside("home/state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                fs::copy(entry.path(), state.join(entry.file_name())).unwrap();
            }
        }
    }
    state.to_str().unwrap().to_owned()
}

#[test]
fn what_one_machine_scanned_another_knows_without_opening_a_file() {
    let share = Share::new();
    let film = share.add("Films/Film.mkv", Clip::H264Mkv);
    let old = share.add("Films/Old.avi", Clip::Mpeg4Avi);
    let root = share.root().to_str().unwrap().to_owned();
    let state = another_machine(&share);
    let here = json(&share, &["scan", &root, "--json"]);
    assert_eq!(here["total"]["files"], 2);
    spoil(&film);
    spoil(&old);

    let asked = json(&share, &["query", &root, "--json", "--state-dir", &state]);
    assert_eq!(asked["remembered"], 2, "the first question on a new machine reads what is shared");
    let there = json(&share, &["scan", &root, "--json", "--state-dir", &state]);
    assert_eq!(there, here, "what others looked at is not looked at again");
    assert_eq!(json(&share, &["scan", &root, "--json"]), here);
    let full = json(&share, &["scan", &root, "--json", "--full"]);
    assert_eq!(full["unreadable"]["files"], 2, "unless that is asked for");
    assert_eq!(json(&share, &["scan", &root, "--json"])["unreadable"]["files"], 2);

    share.add("Films/New.mkv", Clip::HevcMkv);
    share.run(["scan", &root]).expect(0);
    let old_answer = json(&share, &["query", &root, "--json", "--state-dir", &state]);
    assert_eq!(old_answer["remembered"], 2, "a question waits for nobody");
    let fresh = json(&share, &["query", &root, "--json", "--refresh", "--state-dir", &state]);
    assert!(
        fresh["files"].as_array().unwrap().iter().any(|file| file["path"] == "Films/New.mkv"),
        "and takes in what is new when that is asked for: {fresh}"
    );
}

#[test]
fn a_scan_that_is_to_write_nothing_writes_nothing() {
    let share = Share::new();
    share.add("Film.mkv", Clip::H264Mkv);
    let root = share.root().to_str().unwrap().to_owned();
    share.run(["scan", &root, "--no-cache"]).expect(0);
    let names: Vec<_> = fs::read_dir(share.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["Film.mkv"]);
    assert_eq!(json(&share, &["query", &root, "--json"])["remembered"], 1, "this machine remembers");
    share.run(["scan", &root]).expect(0);
    assert!(!share.path(".mediabox_cache.json").exists(), "nothing changed, so nothing is looked into");
    share.add("Other.mkv", Clip::RemuxMkv);
    share.run(["scan", &root]).expect(0);
    let cache: Value =
        serde_json::from_slice(&fs::read(share.path(".mediabox_cache.json")).unwrap()).unwrap();
    assert_eq!(cache.as_object().unwrap().len(), 2, "what was learnt before is shared as well");
}

#[test]
fn a_cache_that_is_not_readable_is_set_aside_and_learnt_again() {
    let share = Share::new();
    share.add("Film.mkv", Clip::H264Mkv);
    share.put(".mediabox_cache.json", b"{\"torn");
    let root = share.root().to_str().unwrap().to_owned();
    let run = share.run(["scan", &root]).expect(0);
    assert!(run.stderr.contains("not readable"), "{}", run.stderr);
    let cache: Value =
        serde_json::from_slice(&fs::read(share.path(".mediabox_cache.json")).unwrap()).unwrap();
    assert_eq!(cache.as_object().unwrap().len(), 1);
    let kept = fs::read_dir(share.root()).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<_> = kept.filter(|path| path.to_str().unwrap().contains(".json.bad-")).collect();
    assert_eq!(fs::read(&kept[0]).unwrap(), b"{\"torn", "nobody's bytes are thrown away");
}

#[test]
fn what_a_blind_writer_took_away_is_said_again() {
    let share = Share::new();
    share.add("Film.mkv", Clip::RemuxMkv);
    share.worker(&[]).end().expect(0);
    let cache = share.path(".mediabox_cache.json");
    let before: Value = serde_json::from_slice(&fs::read(&cache).unwrap()).unwrap();
    let verdict =
        |cache: &Value| cache.as_object().unwrap().values().next().unwrap()["mbx"]["verdict"].clone();
    assert_eq!(verdict(&before), "converted");
    for blind in ["{}", "{\"x\": {\"file_name\": \"gone.mkv\"}}"] {
        fs::write(&cache, blind).unwrap();
        share.worker(&[]).end().expect(0);
        let after: Value = serde_json::from_slice(&fs::read(&cache).unwrap()).unwrap();
        assert_eq!(verdict(&after), "converted", "{after}");
    }
}

#[test]
fn samples_and_bonus_material_are_left_out_where_that_is_asked_for() {
    let share = Share::new();
    for name in
        ["Film/Film.mkv", "Film/Sample/film.mkv", "Film/Film-trailer.mkv", "Film/extras/Making Of.mkv"]
    {
        share.add(name, Clip::RemuxMkv);
    }
    let root = share.root().to_str().unwrap().to_owned();
    assert_eq!(json(&share, &["scan", &root, "--json"])["total"]["files"], 4);
    assert_eq!(json(&share, &["scan", &root, "--json", "--no-extras"])["total"]["files"], 1);
}
