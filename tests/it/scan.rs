//! `scan`: what one machine looked at, all know; and nobody's word is lost.

use std::fs;
use std::path::Path;

use serde_json::Value;

#[cfg(unix)]
use crate::support::Worker;
use crate::support::{Clip, Share};

fn json(share: &Share, args: &[&str]) -> Value {
    let run = share.run(args).expect(0);
    serde_json::from_str(&run.stdout).unwrap_or_else(|why| panic!("{args:?}: {why}\n{}", run.stdout))
}

/// Spoils a file's content behind everybody's back: same size, same time. Who opens it now cannot read it.
fn spoil(path: &Path) {
    let meta = fs::metadata(path).unwrap();
    fs::write(path, vec![0xA5; usize::try_from(meta.len()).unwrap()]).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(meta.modified().unwrap())).unwrap();
}

/// A machine beside the first: it has tried its encoders, and remembers nothing of the library.
fn another_machine(share: &Share) -> String {
    let state = share.aside("another");
    fs::create_dir_all(&state).unwrap();
    let mut folders = vec![share.aside("home/state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                fs::copy(entry.path(), state.join(entry.file_name())).unwrap();
            }
        }
    }
    state.to_str().unwrap().to_owned()
}

#[test]
fn what_one_machine_scanned_another_knows_without_opening_a_file() {
    let share = Share::new();
    let film = share.add("Films/Film.mkv", Clip::H264Mkv);
    let old = share.add("Films/Old.avi", Clip::Mpeg4Avi);
    let root = share.root().to_str().unwrap().to_owned();
    let state = another_machine(&share);
    let here = json(&share, &["scan", &root, "--json"]);
    assert_eq!(here["total"]["files"], 2);
    spoil(&film);
    spoil(&old);

    let asked = json(&share, &["query", &root, "--json", "--state-dir", &state]);
    assert_eq!(asked["remembered"], 2, "the first question on a new machine reads what is shared");
    let there = json(&share, &["scan", &root, "--json", "--state-dir", &state]);
    assert_eq!(there, here, "what others looked at is not looked at again");
    assert_eq!(json(&share, &["scan", &root, "--json"]), here);
    let full = json(&share, &["scan", &root, "--json", "--full"]);
    assert_eq!(full["unreadable"]["files"], 2, "unless that is asked for");
    assert_eq!(json(&share, &["scan", &root, "--json"])["unreadable"]["files"], 2);

    share.add("Films/New.mkv", Clip::HevcMkv);
    share.run(["scan", &root]).expect(0);
    let old_answer = json(&share, &["query", &root, "--json", "--state-dir", &state]);
    assert_eq!(old_answer["remembered"], 2, "a question waits for nobody");
    let fresh = json(&share, &["query", &root, "--json", "--refresh", "--state-dir", &state]);
    assert!(
        fresh["files"].as_array().unwrap().iter().any(|file| file["path"] == "Films/New.mkv"),
        "and takes in what is new when that is asked for: {fresh}"
    );
}

#[test]
fn a_scan_that_is_to_write_nothing_writes_nothing() {
    let share = Share::new();
    share.add("Film.mkv", Clip::H264Mkv);
    let root = share.root().to_str().unwrap().to_owned();
    share.run(["scan", &root, "--no-cache"]).expect(0);
    let names: Vec<_> = fs::read_dir(share.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["Film.mkv"]);
    assert_eq!(json(&share, &["query", &root, "--json"])["remembered"], 1, "this machine remembers");
    share.run(["scan", &root]).expect(0);
    assert!(!share.path(".mediabox_cache.json").exists(), "nothing changed, so nothing is looked into");
    share.add("Other.mkv", Clip::RemuxMkv);
    share.run(["scan", &root]).expect(0);
    let cache: Value =
        serde_json::from_slice(&fs::read(share.path(".mediabox_cache.json")).unwrap()).unwrap();
    assert_eq!(cache.as_object().unwrap().len(), 2, "what was learnt before is shared as well");
}

#[test]
fn a_cache_that_is_not_readable_is_set_aside_and_learnt_again() {
    let share = Share::new();
    share.add("Film.mkv", Clip::H264Mkv);
    share.put(".mediabox_cache.json", b"{\"torn");
    let root = share.root().to_str().unwrap().to_owned();
    let run = share.run(["scan", &root]).expect(0);
    assert!(run.stderr.contains("not readable"), "{}", run.stderr);
    let cache: Value =
        serde_json::from_slice(&fs::read(share.path(".mediabox_cache.json")).unwrap()).unwrap();
    assert_eq!(cache.as_object().unwrap().len(), 1);
    let kept = fs::read_dir(share.root()).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<_> = kept.filter(|path| path.to_str().unwrap().contains(".json.bad-")).collect();
    assert_eq!(fs::read(&kept[0]).unwrap(), b"{\"torn", "nobody's bytes are thrown away");
}

#[test]
fn what_a_blind_writer_took_away_is_said_again() {
    let share = Share::new();
    share.add("Film.mkv", Clip::RemuxMkv);
    share.worker(&[]).end().expect(0);
    let cache = share.path(".mediabox_cache.json");
    let before: Value = serde_json::from_slice(&fs::read(&cache).unwrap()).unwrap();
    let verdict =
        |cache: &Value| cache.as_object().unwrap().values().next().unwrap()["mbx"]["verdict"].clone();
    assert_eq!(verdict(&before), "converted");
    for blind in ["{}", "{\"x\": {\"file_name\": \"gone.mkv\"}}"] {
        fs::write(&cache, blind).unwrap();
        share.worker(&[]).end().expect(0);
        let after: Value = serde_json::from_slice(&fs::read(&cache).unwrap()).unwrap();
        assert_eq!(verdict(&after), "converted", "{after}");
    }
}

#[test]
fn samples_and_bonus_material_are_left_out_where_that_is_asked_for() {
    let share = Share::new();
    for name in
        ["Film/Film.mkv", "Film/Sample/film.mkv", "Film/Film-trailer.mkv", "Film/extras/Making Of.mkv"]
    {
        share.add(name, Clip::RemuxMkv);
    }
    let root = share.root().to_str().unwrap().to_owned();
    assert_eq!(json(&share, &["scan", &root, "--json"])["total"]["files"], 4);
    assert_eq!(json(&share, &["scan", &root, "--json", "--no-extras"])["total"]["files"], 1);
}

#[cfg(unix)]
#[test]
fn links_hidden_names_and_junk_are_looked_at_as_the_settings_say() {
    // Links are made in folders of the library to one folder beside it, from there back into it, and in a circle.
    let share = Share::new();
    for name in ["Film.mkv", ".hidden.mkv", "@eaDir/thumb.mkv", "Mine/x.mkv"] {
        share.add(name, Clip::RemuxMkv);
    }
    let aside = share.aside("elsewhere");
    fs::create_dir_all(&aside).unwrap();
    fs::copy(Clip::RemuxMkv.file(), aside.join("Linked.mkv")).unwrap();
    for link in ["Link", "Link again"] {
        std::os::unix::fs::symlink(&aside, share.path(link)).unwrap();
    }
    std::os::unix::fs::symlink("..", aside.join("circle")).unwrap();
    std::os::unix::fs::symlink(share.root(), aside.join("library")).unwrap();
    let root = share.root().to_str().unwrap().to_owned();
    let names = |more: &[&str]| {
        let seen = json(&share, &[&["scan", &root, "--json", "--files", "--no-cache"], more].concat());
        let files = seen["files"].as_array().unwrap().iter();
        files
            .map(|file| {
                Path::new(file["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["Film.mkv", "x.mkv"]);
    assert_eq!(names(&["--hidden"]), [".hidden.mkv", "Film.mkv", "x.mkv"]);
    assert_eq!(names(&["--junk", "mine"]), ["thumb.mkv", "Film.mkv"]);
    let linked = names(&["--symlinks", "follow", "--exclude", "**/circle/**"]);
    assert_eq!(linked, ["Film.mkv", "Linked.mkv", "x.mkv"]);
}

/// Twenty folders of files that only ffprobe reads, and an ffprobe that writes down what it is asked.
#[cfg(unix)]
fn library_for_ffprobe(share: &Share) -> (String, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    for folder in 0..FOLDERS {
        for file in 0..IN_EACH {
            share.add(&format!("{folder:02}/{file}.avi"), Clip::Mpeg4Avi);
        }
    }
    let (program, log) = (share.aside("ffprobe"), share.aside("asked"));
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec ffprobe \"$@\"\n", log.display()))
        .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program.to_str().unwrap().to_owned(), log)
}

#[cfg(unix)]
const FOLDERS: usize = 20;
#[cfg(unix)]
const IN_EACH: usize = 3;

/// How often ffprobe was asked about a file.
#[cfg(unix)]
fn asked(log: &Path) -> usize {
    fs::read_to_string(log).unwrap_or_default().lines().filter(|line| line.contains(".avi")).count()
}

#[cfg(unix)]
#[test]
fn a_scan_that_is_interrupted_says_so_and_the_next_goes_on_where_it_was() {
    let share = Share::new();
    let (ffprobe, log) = library_for_ffprobe(&share);
    let root = share.root().to_str().unwrap().to_owned();
    let args = ["scan", &root, "--json", "--jobs", "1", "--ffprobe", &ffprobe];
    let scan = Worker::start(share.command(args));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while asked(&log) < 2 * IN_EACH {
        assert!(std::time::Instant::now() < deadline, "nothing is looked at");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    if !scan.interrupt() {
        return;
    }
    let run = scan.end().expect(130);
    let part: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(part["interrupted"], true);
    let seen = part["total"]["files"].as_u64().unwrap();
    assert!(seen > 0 && seen < (FOLDERS * IN_EACH) as u64, "{part}");
    let before = asked(&log);
    let whole = json(&share, &args);
    assert_eq!(
        (whole["interrupted"].as_bool(), whole["total"]["files"].as_u64()),
        (Some(false), Some((FOLDERS * IN_EACH) as u64))
    );
    let after = asked(&log) - before;
    assert!(
        after as u64 + seen <= (FOLDERS * IN_EACH) as u64,
        "{seen} seen before, and {after} looked at again"
    );
}

#[cfg(unix)]
#[test]
fn machines_that_scan_one_library_at_once_divide_the_work() {
    let share = Share::new();
    let (ffprobe, log) = library_for_ffprobe(&share);
    let root = share.root().to_str().unwrap().to_owned();
    let state = another_machine(&share);
    let args = ["scan", &root, "--json", "--jobs", "2", "--ffprobe", &ffprobe];
    let one = Worker::start(share.command(args));
    let other = Worker::start(share.command(args.iter().chain(&["--state-dir", &state])));
    for run in [one.end().expect(0), other.end().expect(0)] {
        let seen: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(seen["total"]["files"], (FOLDERS * IN_EACH) as u64, "each knows all of it in the end");
    }
    let (asked, files) = (asked(&log), FOLDERS * IN_EACH);
    assert!(asked >= files && asked < files * 3 / 2, "{files} files were looked at {asked} times");
}

#[cfg(target_os = "linux")]
#[test]
fn a_share_that_cannot_be_written_to_is_remembered_by_this_machine_alone() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: a read-only mount can only be made by root");
        return;
    }
    let share = Share::new();
    let film = share.add("Film.mkv", Clip::H264Mkv);
    let odd = share.add("Old.avi", Clip::Mpeg4Avi);
    let root = share.root().to_str().unwrap().to_owned();
    let tool = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).status().is_ok_and(|s| s.success())
    };
    if !tool(&["mount", "--bind", &root, &root]) || !tool(&["mount", "-o", "remount,ro,bind", &root]) {
        println!("SKIPPED: this machine does not allow mounts");
        return;
    }
    let first = share.run(["scan", &root, "--json"]);
    let unmounted = tool(&["umount", &root]);
    assert!(unmounted);
    let first = first.expect(0);
    assert!(first.stderr.contains("kept on this one"), "{}", first.stderr);
    spoil(&film);
    spoil(&odd);
    let again = json(&share, &["scan", &root, "--json", "--no-cache"]);
    assert_eq!(again, serde_json::from_str::<Value>(&first.stdout).unwrap());
    assert_eq!(json(&share, &["query", &root, "--json"])["remembered"], 2);
}

#[test]
fn what_converting_would_free_is_estimated_by_what_was_converted() {
    let share = Share::new();
    for name in ["a.avi", "b.avi", "c.avi"] {
        share.add(name, Clip::Mpeg4Avi);
    }
    let root = share.root().to_str().unwrap().to_owned();
    share.convert(&[]).expect(0);
    share.add("d.avi", Clip::Mpeg4Avi);
    share.run(["scan", &root]).expect(0);
    let stats = json(&share, &["stats", &root, "--json"]);
    assert_eq!((&stats["encode"]["files"], &stats["estimate"]["by"]), (&1.into(), &3.into()), "{stats}");
    let freed = stats["estimate"]["bytes"].as_i64().unwrap();
    assert!(freed.unsigned_abs() < 2 * stats["encode"]["bytes"].as_u64().unwrap(), "{stats}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_is_told_and_the_rest_is_looked_at() {
    use std::os::unix::ffi::OsStrExt;
    let share = Share::new();
    let film = share.add("Film.mkv", Clip::RemuxMkv);
    fs::copy(&film, share.root().join(std::ffi::OsStr::from_bytes(b"odd\xff.mkv"))).unwrap();
    let root = share.root().to_str().unwrap().to_owned();
    let seen = json(&share, &["scan", &root, "--json"]);
    assert_eq!(seen["total"]["files"], 1);
    let told = seen["not_looked_at"].as_array().unwrap();
    assert!(told.len() == 1 && told[0].as_str().unwrap().contains("not valid Unicode"), "{told:?}");
    let run = share.convert(&[]).expect(0);
    assert!(run.stdout.contains("not valid Unicode"), "{}", run.stdout);
    assert!(share.path("Film.mp4").exists());
}

/// The program as one whom permissions bind: for root, as nobody, who gets a copy of it, and the library and the home.
#[cfg(unix)]
fn as_nobody(share: &Share, args: &[&str]) -> crate::support::Run {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let as_us = share.command(args);
    if !rustix::process::geteuid().is_root() {
        return Worker::start(as_us).end();
    }
    let program = share.aside("program");
    if !program.exists() {
        fs::copy(as_us.get_program(), &program).unwrap();
        fs::set_permissions(share.aside("."), fs::Permissions::from_mode(0o755)).unwrap();
        let mut left = vec![share.aside("home"), share.aside("tmp"), share.root().to_owned()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let mut command = std::process::Command::new(program);
    command.args(as_us.get_args()).env_clear().envs(as_us.get_envs().filter_map(|(k, v)| Some((k, v?))));
    command.stdin(std::process::Stdio::null()).current_dir(share.aside(".")).uid(NOBODY).gid(NOBODY);
    Worker::start(command).end()
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_told_and_the_rest_is_worked_on() {
    use std::os::unix::fs::PermissionsExt;
    let share = Share::new();
    for name in ["a/First.mkv", "locked/Other.mkv", "locked/below/Deep.mkv", "z/Last.mkv"] {
        share.add(name, Clip::RemuxMkv);
    }
    let root = share.root().to_str().unwrap().to_owned();
    let json = |args: &[&str]| -> Value {
        let run = as_nobody(&share, args).expect(0);
        serde_json::from_str(&run.stdout).unwrap_or_else(|why| panic!("{args:?}: {why}\n{}", run.stdout))
    };
    assert_eq!(json(&["scan", &root, "--json"])["total"]["files"], 4);
    let mode = |mode| fs::set_permissions(share.path("locked"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let seen = json(&["scan", &root, "--json"]);
    let remembered = json(&["query", &root, "--json"])["remembered"].clone();
    let run = as_nobody(&share, &["--dir", &root, "--json"]);
    mode(0o755);
    let told = seen["not_looked_at"].as_array().unwrap();
    assert!(
        told.len() == 1 && told[0].as_str().unwrap().contains("locked: Permission denied"),
        "it is a finding: {told:?}"
    );
    assert_eq!(seen["total"]["files"], 2, "and the rest is scanned");
    assert_eq!(remembered, 4, "what was learnt of it before is not forgotten for that");
    assert_eq!(share.media(), ["a/First.mp4", "locked/Other.mkv", "locked/below/Deep.mkv", "z/Last.mp4"]);
    assert!(run.stdout.contains("this folder could not be read: Permission denied"), "{}", run.stdout);
    assert_ne!(run.code, 0, "the exit code tells that something was left out");
    share.assert_no_litter();
}
