//! Several real processes on one tree.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::convert::summary;
use crate::support::{Clip, Run, Share, Worker};

/// Which results a run reports, each with its count.
fn converted(run: &Run) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for line in run.stdout.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        if event["event"] == "job_ended" && event["outcome"] == "converted" {
            *found.entry(event["path"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    found
}

fn is_result(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|ending| ending == "mp4")
}

fn library(count: usize) -> Share {
    let share = Share::new();
    for n in 0..count {
        share.add(&format!("Folder {}/clip {n:03}.mkv", n % 7), Clip::RemuxMkv);
    }
    share
}

#[test]
fn four_processes_on_two_hundred_clips_convert_each_exactly_once() {
    // Under wine each start of a program takes seconds, and each file needs four.
    const FILES: usize = if cfg!(windows) { 40 } else { 200 };
    let share = library(FILES);
    let workers: Vec<Worker> = (0..4).map(|_| share.worker(&["--verify", "fast"])).collect();
    let runs: Vec<Run> = workers.into_iter().map(Worker::end).collect();
    let mut all: BTreeMap<String, u32> = BTreeMap::new();
    let mut sum = 0;
    for run in &runs {
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
        sum += summary(run)["converted"].as_u64().unwrap();
        for (path, n) in converted(run) {
            *all.entry(path).or_default() += n;
        }
    }
    assert_eq!(all.len(), FILES);
    assert!(all.values().all(|n| *n == 1), "{all:?}");
    assert_eq!(sum, FILES as u64);
    let media = share.media();
    assert_eq!(media.len(), FILES);
    assert!(media.iter().all(|name| is_result(name)));
    share.assert_no_litter();
}

#[test]
fn two_of_four_killed_midway_cost_nothing_but_their_work() {
    let share = library(60);
    let mut workers: Vec<Worker> = (0..4).map(|_| share.worker(&["--verify", "fast"])).collect();
    for worker in &mut workers {
        worker.wait_event("job_started");
    }
    for worker in workers.drain(..2) {
        worker.kill();
    }
    for run in workers.into_iter().map(Worker::end) {
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    }
    // A later run of any process finishes what the dead left.
    let later = share.convert(&["--verify", "fast"]);
    assert_eq!(later.code, 0, "{}\n{}", later.stdout, later.stderr);
    let media = share.media();
    assert_eq!(media.len(), 60, "{media:?}");
    assert!(media.iter().all(|name| is_result(name)), "{media:?}");
    share.assert_no_litter();
}

#[test]
fn a_frozen_holder_is_skipped_and_finishes_when_it_wakes() {
    let share = Share::new();
    share.add("a.avi", Clip::LongAvi);
    let mut holder = share.worker(&[]);
    holder.wait_for("encoding", |event| event["event"] == "job_stage" && event["stage"] == "encoding");
    holder.freeze();
    let other = share.convert(&[]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    assert_eq!(summary(&other)["skipped"]["claimed"], 1, "{}", other.stdout);
    holder.thaw();
    let run = holder.end();
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(share.media(), ["a.mp4"]);
    share.assert_no_litter();
}
