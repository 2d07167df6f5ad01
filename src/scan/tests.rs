//! Filters, recall and the walk, each on small cases.

mod golden;
mod hardware;
mod real;

use std::path::{Path, PathBuf};

use super::bounds::Bounds;
use super::filter::Filter;
use super::recall::{self, ANY_POLICY};
use super::walk::{self, Found};
use crate::model::key::Stamp;
use crate::model::plan::SkipCode;
use crate::model::policy::Links;
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

const JUNK: [&str; 4] = ["@eaDir", "#recycle", "lost+found", ".Trash*"];

fn bounds(links: Links, hidden: bool, junk: &[&str]) -> Bounds {
    let junk: Vec<String> = junk.iter().map(|name| (*name).to_owned()).collect();
    Bounds::new(links, hidden, &junk).expect("the names are valid")
}

/// What a walk finds, as paths below the folder.
fn files(dir: &Path, bounds: &Bounds, spread: u64) -> Vec<String> {
    let mut seen = Vec::new();
    for found in walk::walk(&[dir.to_owned()], bounds, spread) {
        match found {
            Found::Folder(folder) => {
                let below = folder.path.strip_prefix(dir).expect("below").to_owned();
                seen.extend(
                    folder
                        .files
                        .iter()
                        .map(|file| below.join(&file.name).to_string_lossy().replace('\\', "/")),
                );
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    seen.sort();
    seen
}

/// Files with a byte in each.
fn lay(dir: &Path, names: &[&str]) {
    for name in names {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, b"x").expect("a file");
    }
}

#[test]
fn the_walk_sees_media_once_and_skips_what_is_no_library() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for folder in ["Films/A", "Films/B", "@eaDir", ".hidden", "lost+found", "#recycle"] {
        lay(dir.path(), &[&format!("{folder}/film.mkv")]);
    }
    lay(
        dir.path(),
        &["Films/A/x.tmp.mp4", "Films/A/._film.mkv", "Films/A/film.mkv.mediabox.lock", "Films/A/film.nfo"],
    );
    for spread in 0..5 {
        let seen = files(dir.path(), &bounds(Links::Skip, false, &JUNK), spread);
        assert_eq!(seen, ["Films/A/film.mkv", "Films/B/film.mkv"]);
    }
}

#[test]
fn hidden_names_and_junk_are_a_matter_of_settings() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    lay(
        dir.path(),
        &[
            ".a.mkv",
            ".b/b.mkv",
            ".Trash-1000/c.mkv",
            "._d.mkv",
            "Mine/e.mkv",
            "@EADIR/f.mkv",
            "g.partial.mkv",
        ],
    );
    let seen = |hidden, junk: &[&str]| files(dir.path(), &bounds(Links::Skip, hidden, junk), 0);
    assert_eq!(seen(false, &JUNK), ["Mine/e.mkv", "g.partial.mkv"]);
    assert_eq!(seen(true, &JUNK), [".a.mkv", ".b/b.mkv", "Mine/e.mkv", "g.partial.mkv"]);
    assert_eq!(seen(false, &["mine/", "*.partial.*"]), ["@EADIR/f.mkv"]);
    assert!(Bounds::new(Links::Skip, false, &["[".to_owned()]).is_err());
}

#[test]
fn a_folder_that_is_not_there_is_a_finding() {
    let bounds = bounds(Links::Skip, false, &JUNK);
    let found: Vec<Found> = walk::walk(&[PathBuf::from("/nonexistent/library")], &bounds, 0).collect();
    assert!(matches!(&found[..], [Found::Unreadable { .. }]), "{found:?}");
}

#[test]
fn dropping_the_walk_stops_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for n in 0..300 {
        std::fs::create_dir(dir.path().join(format!("{n}"))).expect("a folder");
    }
    let mut walk = walk::walk(&[dir.path().to_owned()], &bounds(Links::Skip, false, &JUNK), 1);
    assert!(walk.next().is_some());
    drop(walk);
}

#[test]
fn a_name_that_a_server_made_up_counts_on_smb_and_for_files_alone() {
    assert_eq!(walk::oddity("M7X2QK~D.MKV", true, true), Some(walk::Oddity::MadeUp));
    assert_eq!(walk::oddity("M7X2QK~D.MKV", true, false), None);
    assert_eq!(walk::oddity("M7X2QK~D", false, true), None);
}

/// Windows would open `film.mkv` where the listing shows `film.mkv.`, and another folder's file in its place.
#[test]
fn on_windows_a_name_that_means_another_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let root = std::fs::canonicalize(dir.path()).unwrap();
    // A canonical path of Windows is a verbatim one, by which such names can be made.
    for name in ["film.mkv", "film.mkv.", "aux.mkv"] {
        std::fs::write(root.join(name), name).unwrap();
    }
    std::fs::create_dir(root.join("Season 1.")).unwrap();
    std::fs::write(root.join("Season 1.").join("a.mkv"), "").unwrap();
    let (mut files, mut odd) = (Vec::new(), Vec::new());
    for found in walk::walk(&[dir.path().to_owned()], &bounds(Links::Skip, false, &JUNK), 0) {
        match found {
            Found::Folder(folder) => files.extend(folder.files.into_iter().map(|file| file.name)),
            Found::Odd { path, why } => {
                assert_eq!(why, walk::Oddity::NotItself);
                odd.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
            Found::Unreadable { path, error } => panic!("{}: {error}", path.display()),
        }
    }
    files.sort();
    odd.sort();
    if crate::sys::path::means_itself("film.mkv.") {
        assert_eq!((files.len(), odd.len()), (3, 0), "{files:?} {odd:?}");
    } else {
        assert_eq!((files, odd.len()), (vec!["film.mkv".to_owned()], 3), "{odd:?}");
    }
}
