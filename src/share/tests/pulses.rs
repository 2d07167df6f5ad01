//! Heartbeats, and how a claim is lost.

use super::super::{layout, record};
use super::player::short;
use super::*;

fn held(folder: &Folder, terms: &Terms) -> Claim {
    match claim::acquire(&folder.film(), terms, &Notebook::default()).unwrap() {
        Acquired::Mine(claim) => claim,
        other => panic!("{other:?}"),
    }
}

fn bell(folder: &Folder) -> PathBuf {
    layout::doorbell(&folder.film())
}

fn record_of(folder: &Folder) -> record::Info {
    match record::lock(&std::fs::read(bell(folder)).unwrap()) {
        record::Lock::Ours(info) => info,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_beat_moves_the_doorbell_too() {
    let folder = Folder::new();
    let claim = held(&folder, &short(2000));
    let (first, stamp) = (record_of(&folder), sys::fs::stamp(&bell(&folder)).unwrap());
    until("three beats", || record_of(&folder).beat >= first.beat + 3);
    assert!(record_of(&folder).timestamp >= first.timestamp);
    let now = sys::fs::stamp(&bell(&folder)).unwrap();
    assert!((now.sec, now.nsec) > (stamp.sec, stamp.nsec));
    assert_eq!(now.size, stamp.size);
    assert!(claim.lost().is_none());
    claim.release();
    folder.is_clean();
}

#[test]
fn a_worker_whose_claim_was_taken_over_learns_it_from_its_next_beat() {
    let folder = Folder::new();
    let claim = held(&folder, &short(2000));
    let lock = layout::lock_dir(&folder.film());
    let own = sys::fs::list(&lock).unwrap().remove(0).name;
    std::fs::rename(lock.join(own), lock.join(layout::own(&layout::new_token()))).unwrap();
    until("it is lost", || claim.lost().is_some());
    assert!(claim.lost().unwrap().contains("taken over"), "{:?}", claim.lost());
    let error = claim.seal(&commit_of(&folder.film())).unwrap_err();
    assert_eq!(error.kind, crate::model::error::Kind::Claim);
    assert_eq!(std::fs::read(folder.film()).unwrap(), b"the film");
    assert!(!folder.names().iter().any(|name| name.contains(".w-")), "{:?}", folder.names());
}

/// As on a share with two roots, or one that merges a folder into another: both were told that they are in.
#[test]
fn two_who_have_one_claim_both_learn_it_from_their_next_beat() {
    let folder = Folder::new();
    let claim = held(&folder, &short(2000));
    let lock = layout::lock_dir(&folder.film());
    std::fs::create_dir(lock.join(layout::own(&layout::new_token()))).unwrap();
    until("it is lost", || claim.lost().is_some());
    assert!(claim.lost().unwrap().contains("two roots"), "{:?}", claim.lost());
    claim.release();
    assert_eq!(std::fs::read(folder.film()).unwrap(), b"the film");
}

#[test]
fn a_worker_whose_folder_was_removed_learns_it() {
    let folder = Folder::new();
    let claim = held(&folder, &short(2000));
    std::fs::remove_dir_all(claim.work_dir()).unwrap();
    std::fs::remove_dir_all(layout::lock_dir(&folder.film())).unwrap();
    until("it is lost", || claim.lost().is_some());
    claim.release();
}

#[test]
fn a_doorbell_that_somebody_removed_hangs_again() {
    let folder = Folder::new();
    let claim = held(&folder, &short(1000));
    std::fs::remove_file(bell(&folder)).unwrap();
    until("it hangs again", || bell(&folder).exists());
    assert!(claim.lost().is_none());
    claim.release();
    folder.is_clean();
}

#[test]
fn a_python_worker_that_took_the_doorbell_is_given_way_to() {
    let folder = Folder::new();
    let claim = held(&folder, &short(1000));
    std::fs::remove_file(bell(&folder)).unwrap();
    let theirs = br#"{"hostname": "other", "pid": 7, "timestamp": 1.0, "file": "/m/Movie.mkv"}"#;
    // As Python would, in the moment in which no doorbell hangs.
    while !sys::fs::write_new(&bell(&folder), theirs).is_ok_and(|made| made == sys::fs::Created::Yes) {
        std::fs::remove_file(bell(&folder)).unwrap();
    }
    until("it is lost", || claim.lost().is_some());
    claim.release();
    assert_eq!(std::fs::read(bell(&folder)).unwrap(), theirs);
    assert_eq!(folder.names(), ["Movie.mkv", "Movie.mkv.mediabox.lock"]);
}

#[test]
fn a_seal_is_refused_where_a_python_worker_took_the_doorbell() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    std::fs::remove_file(bell(&folder)).unwrap();
    std::fs::write(bell(&folder), b"").unwrap();
    let error = claim.seal(&commit_of(&folder.film())).unwrap_err();
    assert_eq!(error.kind, crate::model::error::Kind::Claim);
    assert_eq!(folder.names(), ["Movie.mkv", "Movie.mkv.mediabox.lock"]);
}

#[test]
fn a_claim_that_cannot_be_renewed_is_lost_before_others_may_take_it() {
    let folder = Folder::new();
    // No beat comes within the timeout, as if the first one hung.
    let terms = Terms { heartbeat: Duration::from_secs(3600), ..short(1000) };
    let claim = held(&folder, &terms);
    assert!(claim.lost().is_none());
    let notebook = Notebook::default();
    until("one of the two", || {
        if claim.lost().is_some() {
            return true;
        }
        match claim::acquire(&folder.film(), &terms, &notebook).unwrap() {
            Acquired::Held(_) => claim.lost().is_some(),
            other => panic!("taken before it was lost: {other:?}"),
        }
    });
    assert!(claim.lost().unwrap().contains("could not be renewed"));
}

#[test]
fn the_patience_of_a_claim_is_shorter_than_anybody_elses() {
    for (ttl, beat) in [(900, 60), (60, 1), (10, 5), (1, 1), (3600, 1)] {
        let terms = Terms {
            stale_after: Duration::from_secs(ttl),
            heartbeat: Duration::from_secs(beat),
            legacy_locks: false,
        };
        assert!(terms.patience() < terms.stale_after, "{terms:?}");
        assert!(!terms.patience().is_zero());
    }
}
