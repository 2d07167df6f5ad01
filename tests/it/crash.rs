//! The real program, stopped at every step between claim and release: killed with -9, or frozen for longer than its
//! claim lasts and then continued. Whatever the step, the film is whole and the next run leaves no litter.
//!
//! Needs the feature `failpoints`, which `tests/run.sh` builds with.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::convert::summary;
use crate::support::clips::{codecs, ffmpeg};
use crate::support::{Clip, Share};

/// Steps that a claim and its release pass on the way to a conversion.
const CLAIM: [&str; 8] = [
    "claim.work",
    "claim.staging",
    "claim.info",
    "claim.before-publish",
    "claim.published",
    "claim.mine",
    "claim.doorbell",
    "claim.looked",
];
const SEAL: [&str; 5] = ["seal.begin", "seal.commit", "seal.before-publish", "seal.published", "seal.sealed"];
const BESIDE: [&str; 5] =
    ["commit.before-publish", "commit.published", "commit.moved", "commit.before-trash", "commit.applied"];
/// Windows cannot exchange two names: the original gets a second one before the result takes its first.
const IN_PLACE: [&str; 4] = if cfg!(windows) {
    ["commit.before-replace", "commit.replaced", "commit.before-trash", "commit.applied"]
} else {
    ["commit.before-exchange", "commit.exchanged", "commit.before-trash", "commit.applied"]
};
const FINISH: [&str; 4] = ["finish.begin", "finish.silent", "finish.moved", "finish.free"];
const RELEASE: [&str; 3] = ["release.begin", "release.silent", "release.free"];

/// Under wine each start of a program takes a second: there every third step is frozen at.
const EACH: usize = if cfg!(windows) { 3 } else { 1 };

/// A library with one film that becomes another name, or keeps its own.
fn library(in_place: bool) -> (Share, BTreeMap<String, String>) {
    let share = Share::new();
    if in_place {
        let made = share.aside("h.mp4");
        let source = Clip::HevcMkv.file();
        ffmpeg(["-i", source.to_str().unwrap(), "-c", "copy", "-tag:v", "hvc1"], &made);
        share.put("film.mp4", &std::fs::read(&made).unwrap());
    } else {
        share.add("film.mkv", Clip::RemuxMkv);
    }
    let before = share.digests();
    (share, before)
}

/// At any moment: the old file or the new one is there, whole.
#[track_caller]
fn is_whole(share: &Share, before: &BTreeMap<String, String>, step: &str) {
    let now = share.digests();
    let old = before.iter().any(|(name, digest)| now.get(name) == Some(digest));
    let new = now.contains_key("film.mp4") && codecs(&share.path("film.mp4")).starts_with("h264");
    assert!(old || new, "after a kill at {step} neither is whole: {now:?}");
}

/// After recovery: the result is there, the original rests in the trash, and nothing of ours is left.
#[track_caller]
fn is_done(share: &Share, before: &BTreeMap<String, String>, step: &str) {
    assert_eq!(share.media(), ["film.mp4"], "after {step}");
    assert!(codecs(&share.path("film.mp4")).starts_with("h264"), "after {step}");
    let original = before.values().next().unwrap();
    let trashed: Vec<_> = crate::support::share::digests(&share.path(".mediabox"))
        .into_iter()
        .filter(|(name, _)| name.starts_with("trash/") && !name.ends_with("record.json"))
        .collect();
    assert_eq!(trashed.len(), 1, "after {step}: {trashed:?}");
    assert_eq!(&trashed[0].1, original, "after {step}");
    assert_eq!(share.litter(), Vec::<String>::new(), "after {step}");
}

fn kill_at(step: &str, in_place: bool) {
    let (mut share, before) = library(in_place);
    share.set("MEDIA_CONVERTER_FAILPOINT", format!("{step}=kill"));
    let run = share.convert(&["--verify", "fast"]);
    assert_eq!(run.code, -1, "it was to die at {step}: {}\n{}", run.stdout, run.stderr);
    is_whole(&share, &before, step);
    share.set("MEDIA_CONVERTER_FAILPOINT", "");
    let again = share.convert(&["--verify", "fast"]);
    assert_eq!(again.code, 0, "after {step}: {}\n{}", again.stdout, again.stderr);
    is_done(&share, &before, step);
}

#[test]
fn a_kill_at_any_step_to_another_name_loses_nothing_and_the_next_run_clears_up() {
    for step in CLAIM.iter().chain(&SEAL).chain(&BESIDE).chain(&FINISH) {
        kill_at(step, false);
    }
}

#[test]
fn a_kill_at_any_step_of_a_swap_in_place_loses_nothing_and_the_next_run_clears_up() {
    for step in IN_PLACE.iter().chain(&FINISH) {
        kill_at(step, true);
    }
}

#[test]
fn a_kill_while_a_claim_is_given_up_leaves_the_file_and_the_next_run_clears_up() {
    for step in RELEASE {
        let mut share = Share::new();
        // The result would be larger than the source: the claim is released without a swap.
        share.add("film.avi", Clip::Mpeg4Avi);
        let before = share.digests();
        share.set("MEDIA_CONVERTER_FAILPOINT", format!("{step}=kill"));
        let run = share.convert(&["--max-output-percent", "1"]);
        assert_eq!(run.code, -1, "it was to die at {step}: {}\n{}", run.stdout, run.stderr);
        assert_eq!(share.digests()["film.avi"], before["film.avi"]);
        share.set("MEDIA_CONVERTER_FAILPOINT", "");
        let again = share.convert(&["--max-output-percent", "1"]);
        assert_eq!(again.code, 0, "after {step}: {}\n{}", again.stdout, again.stderr);
        assert_eq!(share.digests()["film.avi"], before["film.avi"]);
        assert_eq!(share.litter(), Vec::<String>::new(), "after {step}");
    }
}

/// Frozen at a step for longer than its claim lasts; others take over; then it goes on.
fn freeze_at(step: &str, in_place: bool) {
    let (mut share, before) = library(in_place);
    let terms = ["--verify", "fast", "--stale-after", "3s", "--heartbeat", "1s"];
    share.set("MEDIA_CONVERTER_FAILPOINT", format!("{step}=stop"));
    let frozen = share.worker(&terms);
    share.set("MEDIA_CONVERTER_FAILPOINT", "");
    frozen.frozen_by_failpoint(&share);
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let other = share.convert(&terms);
        assert_eq!(other.code, 0, "beside {step}: {}\n{}", other.stdout, other.stderr);
        is_whole(&share, &before, step);
        let sum = summary(&other);
        if sum["converted"] == 1 || sum["recovered"].as_u64() > Some(0) || sum["skipped"]["fits"] == 1 {
            break;
        }
        assert!(Instant::now() < until, "nobody took over from {step}: {}", other.stdout);
        std::thread::sleep(Duration::from_millis(300));
    }
    frozen.thaw();
    let late = frozen.end();
    assert!([0, 1].contains(&late.code), "woken at {step}: {}\n{}", late.stdout, late.stderr);
    // Whoever comes last clears away what the woken one left.
    let last = share.convert(&terms);
    assert_eq!(last.code, 0, "after {step}: {}\n{}", last.stdout, last.stderr);
    is_done(&share, &before, step);
}

#[test]
fn a_worker_frozen_past_its_claim_is_taken_over_and_does_no_harm_when_it_wakes() {
    for step in CLAIM.iter().chain(&SEAL).step_by(EACH) {
        freeze_at(step, false);
    }
}

#[test]
fn a_worker_frozen_in_the_midst_of_a_swap_does_no_harm_when_it_wakes() {
    for step in BESIDE.iter().chain(&FINISH).step_by(EACH) {
        freeze_at(step, false);
    }
    for step in IN_PLACE.iter().step_by(EACH) {
        freeze_at(step, true);
    }
}
