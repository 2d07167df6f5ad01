//! What is taken first, wishes that jump the queue, and a watch that takes what comes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Clip, Share, Worker};

/// Names of the files in the order in which their jobs began.
fn begun(events: &[Value]) -> Vec<String> {
    let paths = events.iter().filter(|event| event["event"] == "job_started");
    paths
        .map(|event| Path::new(event["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().into())
        .collect()
}

fn set_time(path: &Path, seconds: u64) {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(time)).unwrap();
}

#[test]
fn files_are_taken_in_the_order_asked_for() {
    for (order, expected) in [
        ("newest", ["b.mkv", "c.avi", "a.flac"]),
        ("oldest", ["a.flac", "c.avi", "b.mkv"]),
        ("name", ["a.flac", "b.mkv", "c.avi"]),
    ] {
        let share = Share::new();
        for (name, clip, time) in [
            ("2/b.mkv", Clip::RemuxMkv, 1_700_000_003),
            ("1/a.flac", Clip::Flac, 1_700_000_001),
            ("3/c.avi", Clip::Mpeg4Avi, 1_700_000_002),
        ] {
            set_time(&share.add(name, clip), time);
        }
        let run = share.worker(&["--order", order, "--jobs", "1"]).end().expect(0);
        assert_eq!(begun(&run.events()), expected, "{order}");
    }
}

/// Names of the files in the order in which they would be converted.
fn planned(share: &Share, order: &str) -> Vec<String> {
    let run = share.worker(&["--order", order, "--dry-run"]).end().expect(0);
    let planned = run.events().into_iter().filter(|event| event["event"] == "planned");
    planned
        .map(|event| Path::new(event["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().into())
        .collect()
}

#[test]
fn the_largest_the_smallest_or_any_file_comes_first_where_that_is_asked_for() {
    let share = Share::new();
    let clips = [("a.flac", Clip::Flac), ("b.mkv", Clip::RemuxMkv), ("c.avi", Clip::Mpeg4Avi)];
    let mut sizes: Vec<(u64, String)> = clips
        .map(|(name, clip)| (fs::metadata(share.add(name, clip)).unwrap().len(), name.to_owned()))
        .into();
    sizes.sort();
    let plans = |order: &str| planned(&share, order);
    let smallest: Vec<String> = sizes.into_iter().map(|(_, name)| name).collect();
    assert_eq!(plans("smallest"), smallest);
    assert_eq!(plans("largest"), smallest.iter().rev().cloned().collect::<Vec<_>>());
    let mut random = plans("random");
    random.sort();
    assert_eq!(random, ["a.flac", "b.mkv", "c.avi"], "each once");
}

#[test]
fn what_frees_most_comes_first_by_what_a_scan_remembers() {
    let share = Share::new();
    // By size the long one comes first; but it holds eight times as much picture, and needs most of its bytes.
    share.add("long.avi", Clip::LongAvi);
    let flat = share.add("flat.mkv", Clip::RemuxMkv);
    let mut bytes = fs::read(&flat).unwrap();
    let long = fs::metadata(share.path("long.avi")).unwrap().len();
    let need = |seconds: f64| (320.0 * 180.0 * 25.0 * seconds * 0.05 / 8.0) as u64;
    // An EBML void element at the end: nothing to see, and bytes to free, halfway between the two orders.
    let wanted = long - (need(8.0) - need(1.0)) / 2;
    let void = wanted - bytes.len() as u64 - 9;
    bytes.push(0xec);
    bytes.extend((void | 1 << 56).to_be_bytes());
    bytes.resize(wanted as usize, 0);
    share.put("flat.mkv", &bytes);
    share.add("song.flac", Clip::Flac);
    let root = share.root().to_str().unwrap().to_owned();
    let planned = |order: &str| planned(&share, order);
    assert_eq!(planned("largest")[..2], ["long.avi", "flat.mkv"]);
    share.run(["scan", &root]).expect(0);
    assert_eq!(planned("savings")[..2], ["flat.mkv", "long.avi"]);
}

#[test]
fn a_wish_jumps_the_queue_of_a_machine_that_is_at_work() {
    let share = Share::new();
    share.add("a/1.avi", Clip::LongAvi);
    share.add("a/2.mkv", Clip::RemuxMkv);
    share.add("a/3.mkv", Clip::RemuxMkv);
    share.add("z/wanted.mkv", Clip::RemuxMkv);
    let mut worker = share.worker(&["--order", "name", "--jobs", "1"]);
    worker.wait_event("job_started");
    let wish = share.path("z");
    let noted = share.run(["--first", wish.to_str().unwrap()]).expect(0);
    assert!(noted.stderr.contains("goes first"), "{}", noted.stderr);
    let run = worker.end().expect(0);
    assert_eq!(begun(&run.events()), ["1.avi", "wanted.mkv", "2.mkv", "3.mkv"]);
}

#[test]
fn a_fulfilled_wish_is_taken_away() {
    let share = Share::new();
    share.add("done.mp4", Clip::Fits);
    share.worker(&[]).end().expect(0);
    share.run(["--first", share.path("done.mp4").to_str().unwrap()]).expect(0);
    let wishes = || fs::read_dir(share.path(".mediabox/first")).unwrap().count();
    assert_eq!(wishes(), 1);
    share.add("other.mkv", Clip::RemuxMkv);
    share.worker(&[]).end().expect(0);
    assert_eq!(wishes(), 0);
}

#[test]
fn a_watch_takes_what_comes_after_it_has_gone_quiet_and_ends_when_told() {
    let share = Share::new();
    share.add("first.mkv", Clip::RemuxMkv);
    let mut worker: Worker = share.worker(&["--watch", "--min-age", "2s"]);
    worker.wait_event("job_ended");
    // Copied slowly: nothing may touch it before it is whole.
    let clip = fs::read(Clip::RemuxMkv.file()).unwrap();
    let path = share.path("New/second.mkv");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &clip[..clip.len() / 2]).unwrap();
    fs::write(&path, &clip).unwrap();
    worker.wait_for("the new file's conversion", |event| {
        event["event"] == "job_ended"
            && event["path"].as_str().is_some_and(|path| path.ends_with("second.mkv"))
    });
    assert!(share.path("New/second.mp4").exists());
    if worker.interrupt() {
        let run = worker.end();
        assert_eq!(run.named("run_ended").len(), 1);
    }
}

/// Linux tells of changes on a disk of its own; elsewhere a watch looks at folders' times some seconds later.
#[cfg(target_os = "linux")]
#[test]
fn what_comes_to_a_watch_goes_before_its_backlog() {
    let share = Share::new();
    share.add("a/1.avi", Clip::LongAvi);
    for name in ["a/2.mkv", "a/3.mkv"] {
        share.add(name, Clip::RemuxMkv);
    }
    let aside = share.aside("z");
    fs::create_dir_all(&aside).unwrap();
    let new = aside.join("new.mkv");
    fs::copy(Clip::RemuxMkv.file(), &new).unwrap();
    set_time(&new, 1_700_000_000);
    let mut worker = share.worker(&["--watch", "--order", "name", "--jobs", "1"]);
    worker.wait_event("job_started");
    fs::rename(&aside, share.path("z")).unwrap();
    let last = |event: &Value| {
        event["event"] == "job_ended" && event["path"].as_str().is_some_and(|path| path.ends_with("3.mkv"))
    };
    worker.wait_for("the end of the backlog", last);
    if worker.interrupt() {
        let run = worker.end();
        assert_eq!(begun(&run.events()), ["1.avi", "new.mkv", "2.mkv", "3.mkv"]);
    }
}
