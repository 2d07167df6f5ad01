//! Keys as Python computes them, entries as Python expects them, and a union that loses nothing.

use serde_json::{Map, Value, json};

use super::union::Union;
use super::{Addition, Facts, Memo, Verdict, entry, read};
use crate::model::key::Stamp;
use crate::model::media::{MediaInfo, Witness};

/// Does something to a cache's text.
fn with<T>(map: &mut Map<String, Value>, work: impl FnOnce(&mut Union<'_>) -> T) -> T {
    let text = serde_json::to_vec(&map).expect("text");
    let mut union = Union::parse(&text).expect("it reads back");
    let done = work(&mut union);
    *map = serde_json::from_slice(&union.text().expect("text")).expect("it reads back");
    done
}

fn merge(map: &mut Map<String, Value>, additions: &[Addition]) -> bool {
    with(map, |union| union.merge(additions))
}

#[test]
fn keys_are_those_that_the_python_workers_compute() {
    for (sec, nsec, digits) in [
        (1_700_000_000, 0, "5210721ae3089f90"),
        (1_700_000_000, 123_456_789, "e66b6536e9bbed34"),
        (1_729_056_123, 456_000_000, "89efb6371db0ec31"),
        (1_700_000_000, 999_999_999, "12f5181ab5663c07"),
        (1_234_567_890, 987_654_300, "abea666359d6730f"),
    ] {
        let key = entry::key("Movie \u{e9}.mkv", &Stamp { size: 1000, sec, nsec });
        assert_eq!(&key[..16], digits);
        assert_eq!(key.len(), 64);
    }
}

fn addition(name: &str, sec: i64, verdict: Verdict, at: f64) -> Addition {
    let memo = Memo {
        name: name.to_owned(),
        stamp: Stamp { size: 1000, sec, nsec: 5 },
        print: None,
        policy: "p".to_owned(),
        verdict,
        words: "därum".to_owned(),
        tries: 0,
        host: "h".to_owned(),
        at,
    };
    Addition::of(memo, None)
}

#[test]
fn an_entry_has_every_field_that_a_python_reader_needs_with_its_type() {
    let mut map = Map::new();
    merge(&mut map, &[addition("a.mkv", 1_700_000_000, Verdict::Fits, 1.0)]);
    let entry = map.values().next().expect("one entry");
    assert_eq!(map.keys().next().map(String::as_str), entry["fingerprint_hash"].as_str());
    for (field, kind) in [
        ("file_name", "string"),
        ("file_size", "number"),
        ("file_mtime", "number"),
        ("last_scanned", "string"),
        ("codec_video", "null"),
        ("duration", "number"),
        ("bitrate", "number"),
        ("is_hdr", "bool"),
        ("color_transfer", "string"),
        ("bit_depth", "number"),
        ("audio_channels", "string"),
        ("audio_layout", "string"),
        ("has_stereo_track", "bool"),
        ("conversion_params", "null"),
        ("processing_version", "string"),
        ("conversion_count", "number"),
    ] {
        let found = match &entry[field] {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            _ => "other",
        };
        assert_eq!(found, kind, "{field}");
        assert!(entry.get(field).is_some(), "{field} is there");
    }
}

#[test]
fn the_text_is_ascii_and_reads_back() {
    let mut map = Map::new();
    merge(&mut map, &[addition("Größe 😀\n.mkv", 1_700_000_000, Verdict::Fits, 1.0)]);
    let value = Value::Object(map);
    let text = entry::to_text(&value).expect("it is written");
    assert!(text.is_ascii());
    assert!(String::from_utf8_lossy(&text).contains("Gr\\u00f6\\u00dfe \\ud83d\\ude00\\n"));
    assert_eq!(serde_json::from_slice::<Value>(&text).expect("it reads back"), value);
}

#[test]
fn a_merge_keeps_what_it_does_not_know() {
    let foreign = entry::key("b.mkv", &Stamp { size: 1, sec: 2, nsec: 0 });
    let mut map = Map::new();
    map.insert(
        foreign.clone(),
        json!({"file_name": "b.mkv", "file_size": 1, "file_mtime": 2.0, "new_field": [1]}),
    );
    map.insert("comment".to_owned(), json!("somebody's"));
    merge(&mut map, &[addition("a.mkv", 1_700_000_000, Verdict::Fits, 1.0)]);
    assert_eq!(map.len(), 3);
    assert_eq!(map[&foreign]["new_field"], json!([1]));
    assert_eq!(map["comment"], json!("somebody's"));
}

#[test]
fn the_newer_memo_wins_in_any_order() {
    let old = addition("a.mkv", 1_700_000_000, Verdict::Failed, 1.0);
    let new = addition("a.mkv", 1_700_000_000, Verdict::Converted, 2.0);
    for order in [[&old, &new], [&new, &old]] {
        let mut map = Map::new();
        for addition in order {
            merge(&mut map, std::slice::from_ref(addition));
        }
        assert_eq!(map.len(), 1);
        assert_eq!(map.values().next().expect("an entry")["mbx"]["verdict"], "converted");
    }
}

#[test]
fn a_changed_file_replaces_its_own_past_and_a_rounded_time_continues_it() {
    let mut map = Map::new();
    merge(&mut map, &[addition("a.mkv", 1_700_000_000, Verdict::Fits, 1.0)]);
    merge(&mut map, &[addition("a.mkv", 1_700_000_001, Verdict::Fits, 2.0)]);
    assert_eq!(map.len(), 1, "two seconds are one file to a FAT or SMB view");
    merge(&mut map, &[addition("a.mkv", 1_800_000_000, Verdict::Bad, 3.0)]);
    assert_eq!(map.len(), 1);
    assert_eq!(map.values().next().expect("an entry")["mbx"]["verdict"], "bad");
}

#[test]
fn only_entries_of_files_that_are_gone_are_forgotten() {
    let mut map = Map::new();
    merge(&mut map, &[addition("a.mkv", 5, Verdict::Fits, 1.0), addition("b.mkv", 5, Verdict::Fits, 1.0)]);
    map.insert("odd".to_owned(), json!(7));
    with(&mut map, |union| union.forget_the_gone(&["b.mkv".to_owned()]));
    assert_eq!(map.len(), 2);
    assert!(map.contains_key("odd"));
}

#[test]
fn reading_never_fails() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(read(dir.path()).fault.is_none(), "an absent cache is empty");
    let path = dir.path().join(".mediabox_cache.json");
    for damaged in ["", "{", "[1]", "null", "\u{0}", "{\"a\":"] {
        std::fs::write(&path, damaged).expect("a file");
        assert!(read(dir.path()).fault.is_some(), "{damaged:?}");
    }
    for foreign in ["{}", "{\"a\": 1}", "{\"a\": {\"mbx\": 5}}", "{\"a\": {\"mbx\": {\"name\": 1}}}"] {
        std::fs::write(&path, foreign).expect("a file");
        let folder = read(dir.path());
        assert!(folder.fault.is_none(), "{foreign:?}");
        assert!(folder.memo("a", &Stamp::default()).is_none());
    }
}

#[test]
fn a_memo_is_found_by_name_and_stamp() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut map = Map::new();
    merge(&mut map, &[addition("a.mkv", 1_700_000_000, Verdict::NotSmaller, 1.0)]);
    std::fs::write(
        dir.path().join(".mediabox_cache.json"),
        entry::to_text(&Value::Object(map)).expect("text"),
    )
    .expect("a file");
    let folder = read(dir.path());
    let memo = folder.memo("a.mkv", &Stamp { size: 1000, sec: 1_700_000_000, nsec: 0 }).expect("found");
    assert_eq!(memo.verdict, Verdict::NotSmaller);
    assert!(folder.memo("a.mkv", &Stamp { size: 1001, sec: 1_700_000_000, nsec: 0 }).is_none());
    assert!(folder.memo("b.mkv", &Stamp { size: 1000, sec: 1_700_000_000, nsec: 0 }).is_none());
}

fn looked_at(name: &str, codec: &str, witness: Witness) -> Addition {
    let media = MediaInfo { format: codec.to_owned(), witness, ..MediaInfo::default() };
    let facts = Some(Facts { by: "5.1 / 0.1".to_owned(), media });
    Addition { name: name.to_owned(), stamp: Stamp { size: 1000, sec: 9, nsec: 5 }, memo: None, facts }
}

fn folder(map: Map<String, Value>) -> super::Folder {
    super::parse(&entry::to_text(&Value::Object(map)).expect("text")).expect("it reads back")
}

#[test]
fn facts_without_a_decision_are_shared_and_take_no_memo_away() {
    let mut map = Map::new();
    assert!(merge(&mut map, &[addition("a.mkv", 9, Verdict::Converted, 1.0)]));
    assert!(merge(&mut map, &[looked_at("a.mkv", "matroska", Witness::Headers)]));
    assert!(!merge(&mut map, &[looked_at("a.mkv", "matroska", Witness::Headers)]), "nothing new");
    assert!(merge(&mut map, &[looked_at("a.mkv", "ffprobe's", Witness::Ffprobe)]));
    assert!(!merge(&mut map, &[looked_at("a.mkv", "headers'", Witness::Headers)]), "ffprobe's word stays");
    let stamp = Stamp { size: 1000, sec: 9, nsec: 0 };
    let read = folder(map);
    assert_eq!(read.memo("a.mkv", &stamp).map(|memo| memo.verdict), Some(Verdict::Converted));
    let facts = read.facts("a.mkv", &stamp).expect("facts");
    assert_eq!((facts.media.format.as_str(), facts.by.as_str()), ("ffprobe's", "5.1 / 0.1"));
    assert!(read.facts("a.mkv", &Stamp { size: 7, ..stamp }).is_none(), "another state");
}

#[test]
fn a_memo_that_another_program_carries_on_into_a_later_state_is_no_word_on_it() {
    let later = Stamp { size: 2000, sec: 99, nsec: 0 };
    let mut map = Map::new();
    assert!(merge(&mut map, &[addition("a.mkv", 9, Verdict::Converted, 1.0)]));
    let entry = map.values_mut().next().and_then(Value::as_object_mut).expect("an entry");
    entry.insert("file_size".to_owned(), json!(later.size));
    entry.insert("file_mtime".to_owned(), json!(later.sec as f64));
    let mut seen = looked_at("a.mkv", "matroska", Witness::Headers);
    seen.stamp = later;
    assert!(merge(&mut map, std::slice::from_ref(&seen)));
    let read = folder(map.clone());
    assert!(read.memo("a.mkv", &later).is_none());
    assert!(read.has_facts("a.mkv", &later), "they would be looked for again for ever");
    assert!(
        read.facts("a.mkv", &Stamp { size: 1000, sec: 9, nsec: 5 }).is_none(),
        "not of what was there before"
    );
    assert!(!merge(&mut map, &[seen]), "nothing new");
}

#[test]
fn one_odd_entry_does_not_cost_the_others() {
    let mut map = Map::new();
    merge(&mut map, &[addition("a.mkv", 9, Verdict::Fits, 1.0)]);
    map.insert("odd".to_owned(), json!({"file_name": 5, "mbx": [], "mbx_facts": {"by": 1}}));
    map.insert("odder".to_owned(), json!(null));
    assert!(folder(map).memo("a.mkv", &Stamp { size: 1000, sec: 9, nsec: 0 }).is_some());
}

#[test]
fn what_does_not_change_is_copied_as_it_is_written_and_becomes_ascii() {
    let before = "{\"x\": {\"file_name\":   \"b.mkv\"},\n\"y\": \"d\u{e4}\", \"z\": 1, \"z\": [2]}";
    let mut union = Union::parse(before.as_bytes()).expect("it is an object");
    assert!(union.merge(&[addition("a.mkv", 9, Verdict::Fits, 1.0)]));
    let text = String::from_utf8(union.text().expect("text")).expect("text");
    assert!(text.is_ascii(), "{text}");
    assert!(
        text.starts_with(
            "{\n  \"x\": {\"file_name\":   \"b.mkv\"},\n  \"y\": \"d\\u00e4\",\n  \"z\": [2],\n"
        ),
        "{text}"
    );
    assert_eq!(
        folder_of(&text).memo("a.mkv", &Stamp { size: 1000, sec: 9, nsec: 5 }).map(|memo| memo.at),
        Some(1.0)
    );
}

fn folder_of(text: &str) -> super::Folder {
    super::parse(text.as_bytes()).expect("it reads back")
}

#[test]
fn several_additions_of_one_file_in_one_batch_are_one_entry() {
    let mut map = Map::new();
    let (first, second) =
        (addition("a.mkv", 9, Verdict::Failed, 1.0), addition("a.mkv", 9, Verdict::Fits, 2.0));
    let later = addition("a.mkv", 99, Verdict::Bad, 3.0);
    assert!(merge(&mut map, &[first, second]));
    assert_eq!(map.values().map(|entry| entry["mbx"]["verdict"].clone()).collect::<Vec<_>>(), ["fits"]);
    assert!(merge(&mut map, &[later.clone(), later]));
    assert_eq!(map.values().map(|entry| entry["mbx"]["verdict"].clone()).collect::<Vec<_>>(), ["bad"]);
}

#[test]
fn machines_that_spell_accents_apart_speak_of_one_file() {
    let (together, apart) = ("Am\u{e9}lie.mkv", "Ame\u{301}lie.mkv");
    let mut map = Map::new();
    assert!(merge(&mut map, &[addition(together, 9, Verdict::Converted, 1.0)]));
    assert!(!merge(&mut map, &[addition(apart, 9, Verdict::Failed, 0.5)]), "an older word on the same file");
    with(&mut map, |union| union.forget_the_gone(&[apart.to_owned()]));
    assert_eq!(map.len(), 1, "it is listed, as others spell it");
    let read = folder(map);
    for name in [together, apart] {
        let memo = read.memo(name, &Stamp { size: 1000, sec: 9, nsec: 0 });
        assert_eq!(memo.map(|memo| memo.verdict), Some(Verdict::Converted), "{name:?}");
    }
}
