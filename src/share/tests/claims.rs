use super::super::claim::{Acquired, Doorbells, Forgetful, claim};
use super::super::{layout, record};
use super::*;

#[test]
fn a_claim_shows_a_doorbell_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    let names = folder.names();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&"Movie.mkv.mediabox.lock".to_owned()));
    assert!(claim.work_dir().starts_with(folder.path()));
    assert!(claim.lost().is_none());
    claim.release();
    folder.is_clean();
}

#[test]
fn a_dropped_claim_is_released() {
    let folder = Folder::new();
    drop(mine(&folder.film()));
    folder.is_clean();
}

#[test]
fn a_held_file_is_left_alone_and_its_holder_named() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    match ask(&folder.film()) {
        Acquired::Held(holder) => {
            assert_eq!(holder.pid, std::process::id());
            assert_eq!(holder.hostname, sys::host::me().hostname);
        }
        other => panic!("{other:?}"),
    }
    claim.release();
    folder.is_clean();
}

#[test]
fn sources_of_one_result_share_one_claim() {
    let folder = Folder::new();
    folder.put("MOVIE.avi", b"another");
    let claim = mine(&folder.film());
    assert!(matches!(ask(&folder.file("MOVIE.avi")), Acquired::Held(_)));
    claim.release();
    mine(&folder.file("MOVIE.avi")).release();
}

#[test]
fn a_file_that_is_gone_is_not_claimed() {
    let folder = Folder::new();
    assert!(matches!(ask(&folder.file("None.mkv")), Acquired::Gone));
    assert!(matches!(ask(&folder.file("nowhere/None.mkv")), Acquired::Gone));
    folder.is_clean();
}

#[test]
fn a_claim_is_not_sealed_where_nobody_looked_around_under_it() {
    let folder = Folder::new();
    let Acquired::Mine(claim) = claim::acquire(&folder.film(), &terms(), &Forgetful).unwrap() else {
        panic!("not ours");
    };
    let error = claim.seal(&commit_of(&folder.film())).unwrap_err();
    assert!(error.to_string().contains("looked around"), "{error}");
    folder.is_clean();
}

#[test]
fn a_sealed_claim_holds_and_is_finished() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    let sealed = claim.seal(&commit_of(&folder.film())).unwrap();
    assert!(matches!(ask(&folder.film()), Acquired::Held(_)));
    let record = std::fs::read(sealed.work_dir().join(layout::COMMIT)).unwrap();
    assert_eq!(record::Commit::parse(&record), Some(commit_of(&folder.film())));
    sealed.finish();
    folder.is_clean();
}

#[test]
fn an_abandoned_swap_is_found_half_done_and_can_be_finished() {
    let folder = Folder::new();
    let sealed = mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap();
    drop(sealed);
    match ask(&folder.film()) {
        Acquired::HalfDone(half) => {
            assert_eq!(half.commit, commit_of(&folder.film()));
            assert!(half.work_dir.is_dir());
            half.finish();
        }
        other => panic!("{other:?}"),
    }
    folder.is_clean();
}

#[test]
fn two_may_finish_the_same_swap() {
    let folder = Folder::new();
    drop(mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap());
    let (Acquired::HalfDone(one), Acquired::HalfDone(two)) = (ask(&folder.film()), ask(&folder.film()))
    else {
        panic!("both must see it");
    };
    one.finish();
    let next = mine(&folder.film());
    two.finish();
    assert!(next.lost().is_none());
    assert!(matches!(ask(&folder.film()), Acquired::Held(_)));
    next.release();
    folder.is_clean();
}

#[test]
fn a_claim_for_a_file_of_our_own_hangs_no_doorbell() {
    let folder = Folder::new();
    let cache = folder.file(layout::CACHE_NAME);
    let Acquired::Mine(claim) = claim(&cache, &terms(), &Forgetful, Doorbells::None).unwrap() else {
        panic!("not ours");
    };
    assert!(!folder.names().iter().any(|name| name.ends_with(layout::LOCK_SUFFIX)));
    claim.release();
    folder.is_clean();
}

#[test]
fn a_lock_that_a_program_keeps_open_is_held_and_no_error() {
    let folder = Folder::new();
    let bell = layout::doorbell(&folder.film());
    let claim = mine(&folder.film());
    let left = std::fs::read(&bell).unwrap();
    claim.release();
    // One of our kind left it, and nobody holds the claim. On Unix no program can keep us from taking it away.
    std::fs::write(&bell, left).unwrap();
    let kept = sys::fs::open_unshared(&bell);
    let answer = ask(&folder.film());
    assert_eq!(matches!(answer, Acquired::Held(_)), kept.is_some(), "{answer:?}");
    drop((kept, answer));
    mine(&folder.film()).release();
    folder.is_clean();
}
