//! The judge's table.

use super::super::judge::{Evidence, ForeignEvidence, PYTHON_STALE, Why, judge, judge_foreign};
use super::super::record::{Info, Lock, lock};
use super::*;
use crate::sys::host::{Identity, Life};

#[expect(clippy::unnecessary_wraps, reason = "the table's cells are optional")]
const fn watched(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

const FACTS: Evidence = Evidence {
    life: Life::Unknown,
    left: false,
    silent: Some(30.0),
    unchanged: None,
    ttl: Duration::from_secs(900),
    heartbeat: Duration::from_secs(60),
};

fn check(evidence: Evidence, dead: bool, why: Why) {
    let opinion = judge(&evidence);
    assert_eq!((opinion.dead, opinion.why), (dead, why), "{evidence:?}");
}

#[test]
fn a_beating_worker_lives() {
    check(FACTS, false, Why::Beats);
    check(Evidence { silent: None, ..FACTS }, false, Why::Beats);
    check(Evidence { silent: Some(899.0), unchanged: watched(899), ..FACTS }, false, Why::Beats);
}

#[test]
fn a_process_that_ended_here_is_dead_at_once_and_one_that_lives_is_no_proof_of_a_claim() {
    check(Evidence { life: Life::Gone, ..FACTS }, true, Why::ProcessGone);
    // Stopped or hung: silence counts all the same.
    check(Evidence { life: Life::Alive, silent: Some(1800.0), ..FACTS }, true, Why::SilentForLong);
}

#[test]
fn silence_beyond_the_timeout_needs_a_second_look_two_beats_later() {
    check(Evidence { silent: Some(900.0), ..FACTS }, false, Why::MaybeBeats);
    check(Evidence { silent: Some(900.0), unchanged: watched(119), ..FACTS }, false, Why::MaybeBeats);
    check(Evidence { silent: Some(900.0), unchanged: watched(120), ..FACTS }, true, Why::SilentAndUnchanged);
}

#[test]
fn silence_of_twice_the_timeout_is_enough_for_a_run_that_never_came_by_before() {
    check(Evidence { silent: Some(1799.0), ..FACTS }, false, Why::MaybeBeats);
    check(Evidence { silent: Some(1800.0), ..FACTS }, true, Why::SilentForLong);
}

#[test]
fn a_stamp_in_the_future_is_watched_for_the_whole_timeout() {
    check(Evidence { silent: Some(-18_000.0), ..FACTS }, false, Why::FromTheFuture);
    check(Evidence { silent: Some(-18_000.0), unchanged: watched(899), ..FACTS }, false, Why::FromTheFuture);
    check(Evidence { silent: Some(-18_000.0), unchanged: watched(900), ..FACTS }, true, Why::Unchanged);
    // The grain of a share's stamps is no future.
    check(Evidence { silent: Some(-1.5), ..FACTS }, false, Why::Beats);
}

#[test]
fn the_holders_own_timeout_counts() {
    let patient = Evidence { ttl: Duration::from_secs(7200), silent: Some(7000.0), ..FACTS };
    check(patient, false, Why::Beats);
    check(Evidence { silent: Some(14_400.0), ..patient }, true, Why::SilentForLong);
}

#[test]
fn what_was_left_is_anybodys() {
    check(Evidence { left: true, ..FACTS }, true, Why::Left);
}

#[test]
fn a_python_lock_is_held_by_their_own_rule_and_while_a_result_grows() {
    let facts = ForeignEvidence { age: Some(1700.0), result_age: None, unchanged: None, limit: PYTHON_STALE };
    let verdict = |facts: &ForeignEvidence| (judge_foreign(facts).dead, judge_foreign(facts).why);
    assert_eq!(verdict(&facts), (false, Why::Young));
    assert_eq!(verdict(&ForeignEvidence { age: Some(1801.0), ..facts }), (true, Why::Old));
    // One 4K encode took ninety minutes.
    let growing = ForeignEvidence { age: Some(5000.0), result_age: Some(20.0), ..facts };
    assert_eq!(verdict(&growing), (false, Why::GrowingFile));
    let grown = ForeignEvidence { age: Some(5000.0), result_age: Some(1900.0), ..facts };
    assert_eq!(verdict(&grown), (true, Why::Old));
    let skewed = ForeignEvidence { age: Some(-7200.0), ..facts };
    assert_eq!(verdict(&skewed), (false, Why::FromTheFuture));
    let stale = ForeignEvidence { unchanged: watched(1800), ..skewed };
    assert_eq!(verdict(&stale), (true, Why::Unchanged));
    assert_eq!(verdict(&ForeignEvidence { age: None, ..facts }), (false, Why::Young));
}

fn golden() -> Info {
    let identity = Identity {
        hostname: "nas-ü".to_owned(),
        machine: "0123456789abcdef0123456789abcdef".to_owned(),
        boot: "b00t".to_owned(),
        pid_namespace: 4_026_531_836,
        pid: 4242,
        start: 987_654,
    };
    Info {
        identity,
        timestamp: 1_732_137_845.25,
        file: "/net/media/Film \"é\" 🎬.mkv".to_owned(),
        locked_at: "2026-11-20T21:04:05.123456".to_owned(),
        token: "0011223300001092fedcba9876543210".to_owned(),
        beat: 7,
        ttl: 900.0,
        heartbeat: 60.0,
        left: false,
    }
}

#[test]
fn a_lock_is_ascii_json_with_mediaboxs_keys_first_and_of_one_length_for_life() {
    let bytes = golden().bytes();
    assert_eq!(bytes.len(), 1024);
    assert!(bytes.is_ascii());
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(
        text.trim_end(),
        r#"{
  "hostname": "nas-\u00fc",
  "pid": 4242,
  "timestamp": 1732137845.250000,
  "file": "/net/media/Film \"\u00e9\" \ud83c\udfac.mkv",
  "locked_at": "2026-11-20T21:04:05.123456",
  "lock_id": "nas-\u00fc_4242_76543210",
  "mbx": 1,
  "token": "0011223300001092fedcba9876543210",
  "beat": 7           ,
  "left": 0,
  "ttl": 900,
  "heartbeat": 60,
  "machine": "0123456789abcdef0123456789abcdef",
  "boot": "b00t",
  "pidns": 4026531836,
  "start": 987654
}"#
    );
    assert_eq!(lock(&bytes), Lock::Ours(golden()));
    let later = Info { beat: 123_456, timestamp: 1_999_999_999.5, left: true, ..golden() };
    assert_eq!(later.bytes().len(), bytes.len());
    // Half of the one over half of the other is still a lock.
    for cut in 0..bytes.len() {
        let mut torn = later.bytes()[..cut].to_vec();
        torn.extend_from_slice(&bytes[cut..]);
        assert!(matches!(lock(&torn), Lock::Ours(info) if info.token == golden().token), "torn at {cut}");
    }
}

#[test]
fn a_very_long_path_makes_a_longer_record_not_a_broken_one() {
    let info = Info { file: format!("/m/{}.mkv", "é".repeat(1500)), ..golden() };
    assert_eq!(info.bytes().len() % 1024, 0);
    assert_eq!(lock(&info.bytes()), Lock::Ours(info));
}

#[test]
fn what_cannot_be_read_is_unreadable_never_free() {
    let python =
        br#"{"hostname": "h", "pid": 1, "timestamp": 1.5, "file": "/x", "locked_at": "2026", "more": []}"#;
    assert_eq!(lock(python), Lock::Python { hostname: "h".to_owned(), pid: 1, timestamp: 1.5 });
    let broken: [&[u8]; 7] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        br#"{"hostname": "h", "pid": 1, "timestamp": "1.5", "file": "/x"}"#,
        br#"{"hostname": "h", "timestamp": 1.5}"#,
    ];
    for bytes in broken {
        assert_eq!(lock(bytes), Lock::Unreadable, "{bytes:?}");
    }
    assert_eq!(lock(&golden().bytes()[..300]), Lock::Unreadable);
}

#[test]
fn a_broken_timeout_counts_as_the_default() {
    for ttl in [0.0, -5.0, f64::NAN, f64::INFINITY, 1e12] {
        assert_eq!(Info { ttl, ..golden() }.stale_after(), claim::STALE_AFTER);
    }
    assert_eq!(golden().stale_after(), Duration::from_secs(900));
}

#[test]
fn a_commit_record_reads_back_and_one_of_another_format_is_not_touched() {
    let folder = Folder::new();
    let commit = commit_of(&folder.film());
    assert_eq!(Commit::parse(&commit.bytes()), Some(commit.clone()));
    assert!(commit.bytes().is_ascii());
    let newer = Commit { version: COMMIT_VERSION + 1, ..commit.clone() };
    assert_eq!(Commit::parse(&newer.bytes()), None);
    let mut value: serde_json::Value = serde_json::from_slice(&commit.bytes()).unwrap();
    value["unknown"] = serde_json::json!([1, 2]);
    assert_eq!(Commit::parse(value.to_string().as_bytes()), Some(commit));
}
