//! Whose a result is, and who may read it: as its original's, as far as whoever works may say so.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Clip, Share, Worker};

const NOBODY: u32 = 65_534;

/// Only root can lay out files of several owners.
fn is_root(share: &Share) -> bool {
    let root = metadata(share.root()).unwrap().uid() == 0;
    if !root {
        println!("SKIPPED: owners can be tested as root only");
    }
    root
}

fn own(path: &Path, who: u32, mode: u32) {
    chown(path, Some(who), Some(who)).unwrap();
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// User, group, bits and the time of the last change.
fn marks(path: &Path) -> (u32, u32, u32, i64) {
    let found = metadata(path).unwrap();
    (found.uid(), found.gid(), found.mode() & 0o7777, found.mtime())
}

#[test]
fn a_result_belongs_to_whom_its_original_belonged() {
    let share = Share::new();
    if !is_root(&share) {
        return;
    }
    // One gets a new name, the other is swapped in place.
    let film = share.add("Film.mkv", Clip::RemuxMkv);
    let place = share.put("Place.mp4", &std::fs::read(Clip::Mpeg4Avi.file()).unwrap());
    own(&film, 1234, 0o640);
    own(&place, 4321, 0o604);
    let before = [marks(&film), marks(&place)];
    let run = share.convert(&[]).expect(0);
    assert_eq!(run.summary()["converted"], 2, "{}", run.stdout);
    assert_eq!([marks(&share.path("Film.mp4")), marks(&place)], before);
}

#[test]
fn a_worker_that_may_not_give_files_away_converts_them_all_the_same() {
    let share = Share::new();
    if !is_root(&share) {
        return;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_media-converter"));
    if !program.ancestors().skip(1).all(|folder| metadata(folder).is_ok_and(|f| f.mode() & 0o1 == 0o1)) {
        println!("SKIPPED: nobody else may run {}", program.display());
        return;
    }
    let film = share.add("Film.mkv", Clip::RemuxMkv);
    let all = share.aside("");
    let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(&all).status().unwrap();
    assert!(given.success());
    set_permissions(&all, Permissions::from_mode(0o755)).unwrap();
    own(&film, 1234, 0o644);
    let time = marks(&film).3;
    let mut command = share.command(["--dir", share.root().to_str().unwrap(), "--json"]);
    command.uid(NOBODY).gid(NOBODY);
    let run = Worker::start(command).end();
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.summary()["converted"], 1, "{}", run.stdout);
    assert_eq!(marks(&share.path("Film.mp4")), (NOBODY, NOBODY, 0o644, time));
    assert_eq!(run.named("job_ended")[0]["lost"], serde_json::json!([]), "{}", run.stdout);
}
