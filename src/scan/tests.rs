//! Filters, recall and the walk, each on small cases.

mod golden;
mod real;

use std::path::PathBuf;

use super::filter::Filter;
use super::recall::{self, ANY_POLICY};
use super::walk::{self, Found};
use crate::model::key::Stamp;
use crate::model::plan::SkipCode;
use crate::share::cache::{Memo, Verdict};

fn filter(include: &[&str], exclude: &[&str]) -> Filter {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    Filter::new(&own(include), &own(exclude)).expect("the patterns are valid")
}

#[test]
fn a_pattern_without_a_slash_matches_the_name_in_any_folder() {
    let f = filter(&["*.mkv"], &[]);
    assert!(f.wants("Film.mkv"));
    assert!(f.wants("Series/Season 1/Film.MKV"));
    assert!(!f.wants("Film.avi"));
}

#[test]
fn a_folders_name_excludes_everything_below_it() {
    let f = filter(&[], &["Extras", "Kids/**"]);
    assert!(!f.wants("Film/Extras/a.mkv"));
    assert!(!f.wants("Kids/b.mkv"));
    assert!(f.wants("Film/a.mkv"));
}

#[test]
fn a_star_does_not_cross_folders() {
    let f = filter(&["Films/*.mkv"], &[]);
    assert!(f.wants("Films/a.mkv"));
    assert!(!f.wants("Films/sub/a.mkv"));
}

#[test]
fn a_broken_pattern_is_an_error_that_shows_it() {
    let error = Filter::new(&["[".to_owned()], &[]).expect_err("an open bracket is no glob");
    assert!(error.to_string().contains("«[»"), "{error}");
}

fn memo(verdict: Verdict, policy: &str, tries: u32) -> Memo {
    Memo {
        name: "a.mkv".to_owned(),
        stamp: Stamp::default(),
        print: None,
        policy: policy.to_owned(),
        verdict,
        words: "because".to_owned(),
        tries,
        host: "h".to_owned(),
        at: 1000.0,
    }
}

#[test]
fn what_is_remembered_under_the_same_policy_is_skipped() {
    let code = |verdict| recall::skip(&memo(verdict, "p", 1), "p", 1001.0).map(|skip| skip.code);
    assert_eq!(code(Verdict::Fits), Some(SkipCode::Fits));
    assert_eq!(code(Verdict::Converted), Some(SkipCode::Fits));
    assert_eq!(code(Verdict::NotSmaller), Some(SkipCode::NotSmaller));
    assert_eq!(code(Verdict::LeftAlone), Some(SkipCode::WouldLose));
    assert_eq!(code(Verdict::Bad), Some(SkipCode::Parked));
}

#[test]
fn another_policy_looks_again_except_at_files_that_are_bad_under_any() {
    let again = |verdict| recall::skip(&memo(verdict, "p", 1), "q", 1001.0).is_none();
    assert!(again(Verdict::Fits));
    assert!(again(Verdict::NotSmaller));
    assert!(!again(Verdict::Bad));
    assert!(recall::skip(&memo(Verdict::LeftAlone, ANY_POLICY, 0), "q", 0.0).is_some());
}

#[test]
fn a_failure_is_tried_again_after_a_rest_that_grows_and_then_parked() {
    let parked = |tries, now| recall::skip(&memo(Verdict::Failed, "p", tries), "p", now).is_some();
    assert!(parked(1, 1000.0 + 3599.0));
    assert!(!parked(1, 1000.0 + 3601.0));
    assert!(parked(2, 1000.0 + 3601.0));
    assert!(!parked(2, 1000.0 + 7201.0));
    assert!(parked(recall::MAX_TRIES, 1.0e12));
    // A clock that went back must not park a file for years.
    assert!(!parked(1, 10.0));
}

#[test]
fn the_walk_sees_media_once_and_skips_what_is_no_library() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for folder in ["Films/A", "Films/B", "@eaDir", ".hidden", "lost+found", "#recycle"] {
        std::fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        std::fs::write(dir.path().join(folder).join("film.mkv"), b"x").expect("a file");
    }
    for name in ["Films/A/x.tmp.mp4", "Films/A/._film.mkv", "Films/A/film.mkv.mediabox.lock"] {
        std::fs::write(dir.path().join(name), b"x").expect("a file");
    }
    for spread in 0..5 {
        let mut seen = Vec::new();
        for found in walk::walk(&[dir.path().to_owned()], spread) {
            match found {
                Found::Folder(folder) => {
                    seen.extend(folder.files.iter().map(|file| folder.path.join(&file.name)));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        seen.sort();
        let wanted: Vec<PathBuf> =
            ["Films/A/film.mkv", "Films/B/film.mkv"].iter().map(|p| dir.path().join(p)).collect();
        assert_eq!(seen, wanted);
    }
}

#[test]
fn a_folder_that_is_not_there_is_a_finding() {
    let found: Vec<Found> = walk::walk(&[PathBuf::from("/nonexistent/library")], 0).collect();
    assert!(matches!(&found[..], [Found::Unreadable { .. }]), "{found:?}");
}

#[test]
fn dropping_the_walk_stops_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for n in 0..300 {
        std::fs::create_dir(dir.path().join(format!("{n}"))).expect("a folder");
    }
    let mut walk = walk::walk(&[dir.path().to_owned()], 1);
    assert!(walk.next().is_some());
    drop(walk);
}
