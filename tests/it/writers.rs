//! Many processes that write one cache, some of them killed: what was reported to be on the share is there.
//!
//! Needs the example `contend`, which is built with the feature `failpoints`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WRITERS: usize = 6;
const FACTS: usize = 60;
const BATCH: usize = 10;

fn contend() -> Command {
    let own = std::env::current_exe().unwrap();
    let examples = own.parent().and_then(Path::parent).unwrap().join("examples");
    let program: PathBuf = examples.join(format!("contend{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is built by `cargo test --all-features`", program.display());
    Command::new(program)
}

#[test]
fn no_fact_that_was_reported_is_lost_when_writers_of_one_cache_are_killed() {
    let library = tempfile::tempdir().unwrap();
    let folder = library.path().to_str().unwrap();
    let (writers, facts) = (WRITERS.to_string(), FACTS.to_string());
    assert!(contend().args(["files", folder, &writers, &facts, "1"]).status().unwrap().success());
    let reported: Vec<usize> = std::thread::scope(|scope| {
        let one = |writer: usize| {
            let mut child = contend()
                .args(["facts", folder, &writer.to_string(), &facts, &BATCH.to_string(), "1"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut told = 0;
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                told = line.strip_prefix("reported ").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
                // Two die in the midst of their work, between a report and the next, wherever that is.
                if writer < 2 && told >= (writer + 1) * 2 * BATCH {
                    child.kill().unwrap();
                }
            }
            let ended = child.wait().unwrap();
            assert!(writer < 2 || ended.success());
            told
        };
        let threads: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || one(writer))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = contend().args(["count", folder, &writers, &facts, "1"]).output().unwrap();
    let counted: serde_json::Value = serde_json::from_slice(&count.stdout).unwrap();
    assert_eq!(counted["faults"].as_array().map(Vec::len), Some(0), "{counted}");
    for (writer, told) in reported.iter().enumerate() {
        let held = counted["held"][writer].as_u64().unwrap();
        assert!(held >= *told as u64, "writer {writer} was told that {told} are there: {counted}");
        assert!(writer < 2 || *told == FACTS, "writer {writer} ended early");
    }
}
