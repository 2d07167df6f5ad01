//! Surveys and sweeps.

use super::super::judge::Judgement;
use super::super::{layout, survey};
use super::*;

fn sweep(folder: &Folder) -> survey::Swept {
    survey::sweep(folder.path(), &terms(), &Forgetful).unwrap()
}

fn judgements(folder: &Folder) -> Vec<(Judgement, Option<PathBuf>)> {
    let found = survey::folder(folder.path(), &terms(), &Forgetful).unwrap();
    assert!(found.iter().all(|f| !f.why.is_empty()));
    found.into_iter().map(|f| (f.judgement, f.file)).collect()
}

#[test]
fn an_empty_folder_has_no_claims_and_nothing_to_sweep() {
    let folder = Folder::new();
    assert!(judgements(&folder).is_empty());
    let swept = sweep(&folder);
    assert!(swept.removed.is_empty() && swept.half_done.is_empty() && swept.stranded.is_empty());
    folder.is_clean();
}

#[test]
fn a_live_claim_is_listed_as_held_and_survives_a_sweep() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    assert_eq!(judgements(&folder), [(Judgement::Held, Some(folder.film()))]);
    let swept = sweep(&folder);
    assert!(swept.removed.is_empty(), "{swept:?}");
    assert!(claim.is_current());
    claim.release();
    folder.is_clean();
}

#[test]
fn a_sealed_claim_is_listed_as_such_and_survives_a_sweep() {
    let folder = Folder::new();
    let sealed = mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap();
    assert_eq!(judgements(&folder), [(Judgement::Sealed, Some(folder.film()))]);
    let swept = sweep(&folder);
    assert!(swept.removed.is_empty() && swept.half_done.is_empty(), "{swept:?}");
    sealed.finish();
    folder.is_clean();
}

#[test]
fn a_dead_claim_is_listed_as_stale_and_swept_with_its_part_file() {
    let folder = Folder::new();
    let claim = mine(&folder.film());
    std::fs::write(claim.work_dir().join(layout::STAGE), b"half a film").unwrap();
    std::fs::create_dir(claim.work_dir().join("pass")).unwrap();
    std::fs::write(claim.work_dir().join("pass/log"), b"x").unwrap();
    claim.die();
    assert_eq!(judgements(&folder), [(Judgement::Stale, Some(folder.film()))]);
    let swept = sweep(&folder);
    assert!(swept.removed.iter().any(|text| text.contains("stale claim")), "{swept:?}");
    folder.is_clean();
}

#[test]
fn a_half_done_swap_is_handed_on() {
    let folder = Folder::new();
    drop(mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap());
    assert_eq!(judgements(&folder)[0].0, Judgement::Stale);
    let mut swept = sweep(&folder);
    let half = swept.half_done.remove(0);
    assert_eq!(half.commit.source, "Movie.mkv");
    // Until it is finished nobody gets the file.
    assert!(matches!(ask(&folder.film()), Acquired::HalfDone(_)));
    half.finish();
    folder.is_clean();
}

#[test]
fn an_orphaned_work_folder_and_an_orphaned_doorbell_are_swept() {
    let folder = Folder::new();
    mine(&folder.film()).die();
    std::fs::remove_dir_all(layout::lock_dir(&folder.film())).unwrap();
    assert!(judgements(&folder).iter().all(|(judgement, _)| *judgement == Judgement::Stale));
    assert_eq!(sweep(&folder).removed.len(), 2);
    folder.is_clean();
}

#[test]
fn an_empty_lock_directory_and_what_a_file_manager_left_in_it_keep_nobody_away() {
    let folder = Folder::new();
    let lock = layout::lock_dir(&folder.film());
    std::fs::create_dir_all(lock.join("@eaDir/x")).unwrap();
    std::fs::write(lock.join(".DS_Store"), b"x").unwrap();
    mine(&folder.film()).release();
    folder.is_clean();
    std::fs::create_dir(&lock).unwrap();
    sweep(&folder);
    folder.is_clean();
}

#[test]
fn what_nobody_knows_in_a_lock_directory_is_an_error_and_stays() {
    let folder = Folder::new();
    let lock = layout::lock_dir(&folder.film());
    std::fs::create_dir(&lock).unwrap();
    std::fs::write(lock.join("thesis.doc"), b"x").unwrap();
    let error = claim::acquire(&folder.film(), &terms(), &Forgetful).unwrap_err();
    assert!(error.to_string().contains("thesis.doc"), "{error}");
    assert!(lock.join("thesis.doc").exists());
    assert!(!folder.names().iter().any(|name| name.contains(".w-")), "{:?}", folder.names());
}

#[test]
fn a_displaced_original_is_never_removed_and_its_name_is_told() {
    let folder = Folder::new();
    let sealed = mine(&folder.film()).seal(&commit_of(&folder.film())).unwrap();
    let work = sealed.work_dir().to_owned();
    std::fs::rename(folder.film(), work.join("orig")).unwrap();
    drop(sealed);
    std::fs::remove_dir_all(layout::lock_dir(&folder.film())).unwrap();
    for _ in 0..2 {
        // Also the second time, should the first sweeper have died.
        let swept = sweep(&folder);
        assert_eq!(swept.stranded, [(work.join("orig"), folder.film())], "{swept:?}");
    }
    std::fs::rename(work.join("orig"), folder.film()).unwrap();
    sweep(&folder);
    folder.is_clean();
}

#[test]
fn a_stale_claim_of_another_machine_takes_two_looks_or_twice_its_timeout() {
    let folder = Folder::new();
    let terms = Terms { heartbeat: Duration::from_millis(50), ..terms() };
    let Acquired::Mine(claim) = claim::acquire(&folder.film(), &terms, &Forgetful).unwrap() else { panic!() };
    let info = claim.work_dir().join(layout::INFO);
    claim.die();
    // Another machine's, as far as anybody can tell from here.
    let token = foreign(&folder);
    let info = info.parent().unwrap().with_file_name(format!(".mbx-{}.w-{token}", hash())).join("info");
    let notebook = Notebook::default();
    let asked = |silent: i64| {
        let now = sys::fs::stamp(folder.path()).unwrap();
        let stamp = crate::model::key::Stamp { sec: now.sec - silent, ..now };
        sys::fs::set_mtime(&info, &stamp).unwrap();
        claim::acquire(&folder.film(), &terms, &notebook).unwrap()
    };
    assert!(matches!(asked(30), Acquired::Held(_)));
    assert!(matches!(asked(70), Acquired::Held(_)));
    std::thread::sleep(Duration::from_millis(150));
    let now = claim::acquire(&folder.film(), &terms, &notebook).unwrap();
    let Acquired::Mine(claim) = now else { panic!("unchanged for two beats: {now:?}") };
    claim.die();
    let token = foreign(&folder);
    let info = folder.file(&format!(".mbx-{}.w-{token}", hash())).join("info");
    let now = sys::fs::stamp(folder.path()).unwrap();
    sys::fs::set_mtime(&info, &crate::model::key::Stamp { sec: now.sec - 121, ..now }).unwrap();
    mine(&folder.film()).release();
    folder.is_clean();
}

fn hash() -> String {
    layout::stem_hash("Movie.mkv")
}

/// Renames the dead claim of this process to one of a machine that we know nothing of.
fn foreign(folder: &Folder) -> String {
    let lock = layout::lock_dir(&folder.film());
    let own = sys::fs::list(&lock).unwrap().remove(0).name.into_string().unwrap();
    let old = layout::own_token(&own).unwrap().to_owned();
    let token = format!("ffffffff{}", &old[8..]);
    let work = folder.file(&format!(".mbx-{}.w-{old}", hash()));
    let text = std::fs::read_to_string(work.join("info")).unwrap();
    let text = text.replace(&old, &token).replace("\"boot\": \"", "\"boot\": \"0");
    std::fs::write(work.join("info"), text).unwrap();
    std::fs::rename(&work, folder.file(&format!(".mbx-{}.w-{token}", hash()))).unwrap();
    std::fs::rename(lock.join(own), lock.join(layout::own(&token))).unwrap();
    token
}
