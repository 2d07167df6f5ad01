//! What other programs and other versions read: the shape of each, compared with a file in `golden/`.
//!
//! A shape is every path in a document with the kind of value there; what differs from run to run is left out. A field that
//! vanishes or changes its kind is a break; a new one is a line more (`BLESS=1 cargo test --test it golden` writes it).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::docs::{golden, root};
use crate::support::{Clip, Share};

/// The kinds of value seen at each path.
type Shape = BTreeMap<String, BTreeSet<String>>;

/// Notes every value below `path`.
fn note(path: &str, value: &Value, shape: &mut Shape) {
    let kind = match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                // Where names are data, one stands for all.
                let sha = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
                let name = if sha {
                    "<sha256>"
                } else if path.rsplit('.').next() == Some("tags") {
                    "<tag>"
                } else {
                    name
                };
                note(&format!("{path}.{name}"), value, shape);
            }
            return;
        }
        Value::Array(items) => {
            for item in items {
                note(&format!("{path}[]"), item, shape);
            }
            if items.is_empty() { "empty list" } else { return }
        }
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
    };
    shape.entry(path.to_owned()).or_default().insert(kind.to_owned());
}

/// Compares with the golden file: the same paths, and at each no kind that is not there. A kind that one run happens not
/// to meet (no speed before the first second) is no difference; nor is what another ffmpeg knows of a file, where the golden
/// run met only `null`.
#[track_caller]
fn compare(name: &str, values: impl IntoIterator<Item = (String, Value)>) {
    let mut seen = Shape::new();
    for (path, value) in values {
        note(&path, &value, &mut seen);
    }
    assert!(!seen.is_empty(), "{name}: nothing to compare");
    let file = format!("tests/it/golden/{name}.txt");
    for line in std::fs::read_to_string(root().join(&file)).unwrap_or_default().lines() {
        if let Some((path, kinds)) = line.split_once(": ")
            && let Some(met) = seen.get_mut(path)
        {
            if kinds == "null" {
                met.clear();
            }
            met.extend(kinds.split(" or ").map(str::to_owned));
        }
    }
    let lines: Vec<String> = seen
        .into_iter()
        .map(|(path, kinds)| format!("{path}: {}", kinds.into_iter().collect::<Vec<_>>().join(" or ")))
        .collect();
    golden(&file, &(lines.join("\n") + "\n"));
}

fn library() -> Share {
    let share = Share::new();
    share.add("Films/Film.mkv", Clip::H264Mkv);
    // Long enough that it makes progress that can be seen.
    share.add("Films/Long.avi", Clip::LongAvi);
    share.add("Music/Song.flac", Clip::Flac);
    share.add("Done.mp4", Clip::Fits);
    share.put("Broken.mkv", &Clip::RemuxMkv.cut(55));
    share
}

#[test]
fn the_events_of_a_run_keep_their_shape() {
    let share = library();
    let mut events = share.convert(&["--dry-run"]).events();
    events.extend(share.convert(&["--jobs", "1"]).expect(1).events());
    compare(
        "events",
        events.into_iter().map(|event| {
            let mut name = event["event"].as_str().expect("every line names its event").to_owned();
            if let Some(outcome) = event["outcome"].as_str() {
                name = format!("{name}({outcome})");
            }
            (name, event)
        }),
    );
}

#[test]
fn the_documents_keep_their_shape() {
    let share = library();
    let root = share.root().to_str().unwrap().to_owned();
    share.convert(&["--jobs", "1"]).expect(1);
    share.add("Films/Next.avi", Clip::Mpeg4Avi);
    for (name, args) in [
        ("scan", vec!["scan", &root, "--json"]),
        ("query", vec!["query", &root, "--json"]),
        ("stats", vec!["stats", &root, "--json"]),
        ("probe", vec!["probe", share.path("Films/Next.avi").to_str().unwrap(), "--json"]),
        ("history", vec!["history", "--json"]),
        ("config", vec!["config", "show", "--json"]),
    ] {
        let run = share.run(&args);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        compare(name, [(name.to_owned(), serde_json::from_str(&run.stdout).unwrap())]);
    }
}

#[test]
fn the_answers_about_whole_files_keep_their_shape() {
    let share = library();
    let root = share.root().to_str().unwrap().to_owned();
    share.convert(&["--jobs", "1"]).expect(1);
    let film = share.path("Films/Film.mp4");
    let film = film.to_str().unwrap();
    let whole = share.path("Done.mp4");
    for (name, code, args) in [
        ("verify", 1, vec!["verify", film, "--against", whole.to_str().unwrap(), "--json"]),
        ("check", 1, vec!["check", &root, "--json"]),
        ("retry", 0, vec!["retry", "--all", &root, "--json"]),
    ] {
        let run = share.run(&args).expect(code);
        compare(name, [(name.to_owned(), serde_json::from_str(&run.stdout).unwrap())]);
    }
}

#[test]
fn what_lies_on_the_share_keeps_its_shape() {
    let share = Share::new();
    share.add("Film.avi", Clip::LongAvi);
    let mut worker = share.worker(&[]);
    worker.wait_event("job_started");
    let lock = std::fs::read(share.path("Film.avi.mediabox.lock"))
        .expect("a claim is visible while the work goes on");
    assert!(lock.is_ascii(), "Python workers of another locale read it");
    compare("lock", [("lock".to_owned(), serde_json::from_slice(&lock).unwrap())]);
    worker.end().expect(0);
    let cache = std::fs::read(share.path(".mediabox_cache.json")).expect("facts are shared");
    compare("cache", [("cache".to_owned(), serde_json::from_slice(&cache).unwrap())]);
}
