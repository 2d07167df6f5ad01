//! Findings about mounts, encoders and a folder that can be tried here.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Finding, Level, machine, mount, share};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::sys::netfs::{FileSystem, Mount};

/// The worst level of a mount's findings, and all of their words.
fn judged(kind: FileSystem, options: &str) -> (Level, String) {
    let options = options.split(',').map(str::to_owned).collect();
    let found = mount::findings(&Mount { kind, options, source: "nas:/media".into() });
    assert!(found[0].what.contains("nas:/media"));
    for finding in &found {
        assert!(finding.level < Level::Warning || finding.fix.is_some(), "{finding:?} helps nobody");
    }
    let worst = found.iter().map(|f| f.level).max().unwrap();
    let words: Vec<String> =
        found.iter().map(|f| format!("{} {}\n", f.what, f.fix.as_deref().unwrap_or_default())).collect();
    (worst, words.concat())
}

#[test]
fn mount_options_that_cost_something_are_named() {
    let nfs = |options: &str| judged(FileSystem::Nfs { version: Some("4.2".into()) }, options);
    let smb = |options: &str| judged(FileSystem::LinuxSmb, options);
    let fuse = |subtype: &str| judged(FileSystem::Fuse { subtype: subtype.into() }, "rw");
    let local = |name: &str| judged(FileSystem::Local(name.into()), "rw");
    for ((level, words), wanted, says) in [
        (nfs("rw,vers=4.2,hard,proto=tcp"), Level::Info, "NFS 4.2"),
        (nfs("rw,soft,timeo=100"), Level::Warning, "`soft`"),
        (nfs("rw,hard,acdirmax=60"), Level::Info, "NFS"),
        (nfs("rw,hard,acregmin=3,acdirmax=600"), Level::Warning, "600 s"),
        (nfs("rw,hard,actimeo=3600"), Level::Warning, "3600 s"),
        (nfs("rw,hard,nocto"), Level::Problem, "`nocto`"),
        (nfs("rw,hard,lookupcache=none"), Level::Info, "not needed"),
        (nfs("ro,hard"), Level::Problem, "read-only"),
        (judged(FileSystem::Nfs { version: Some("2".into()) }, "rw,hard"), Level::Problem, "2 GiB"),
        (smb("rw,vers=3.1.1,cache=strict,hard,nobrl,actimeo=1"), Level::Info, "SMB 3.1.1"),
        (smb("rw,vers=3.1.1,cache=loose,nobrl"), Level::Problem, "yesterday"),
        (smb("rw,vers=3.0,soft,nobrl"), Level::Warning, "`hard`"),
        (smb("rw,vers=1.0,nobrl"), Level::Warning, "vers=3.1.1"),
        (smb("rw,vers=3.1.1"), Level::Info, "`nobrl`"),
        (smb("rw,vers=3.1.1,nobrl,noserverino"), Level::Warning, "noserverino"),
        (judged(FileSystem::WindowsNetwork, ""), Level::Info, "Windows"),
        (fuse("mergerfs"), Level::Problem, "two workers each hold a claim"),
        (fuse("rclone"), Level::Problem, "renames"),
        (fuse("sshfs"), Level::Warning, "imitated"),
        (fuse("ntfs-3g"), Level::Info, "ntfs-3g"),
        (local("ext4"), Level::Info, "ext4"),
        (local("vfat"), Level::Warning, "4 GiB"),
        (local("tmpfs"), Level::Warning, "memory"),
        (local("overlay"), Level::Warning, "container"),
    ] {
        assert_eq!(level, wanted, "{words}");
        assert!(words.contains(says), "{says} is not in {words}");
    }
}

fn cap(name: &str, codec: &str, verdict: Verdict) -> EncoderCap {
    let hardware = name.contains('_');
    EncoderCap {
        name: name.into(),
        codec: codec.into(),
        hardware,
        device: None,
        ten_bit: false,
        keeps: BTreeSet::new(),
        sessions: None,
        largest: None,
        verdict,
    }
}

#[test]
fn encoders_that_no_profile_can_do_without_are_missed() {
    let works = || Verdict::Works { fps: 50.0 };
    let fails = || Verdict::Failed { why: "No capable devices found".into() };
    let mut caps = Caps {
        encoders: vec![
            cap("libx264", "h264", works()),
            cap("hevc_nvenc", "hevc", fails()),
            cap("libx265", "hevc", works()),
            cap("aac", "aac", works()),
            cap("libmp3lame", "mp3", works()),
        ],
        filters: ["zscale", "tonemap"].map(str::to_owned).into(),
        ..Caps::default()
    };
    let worst = |caps: &Caps| machine::encoders(caps).iter().map(|f| f.level).max().unwrap();
    assert_eq!(worst(&caps), Level::Info);
    caps.filters.remove("zscale");
    assert_eq!(worst(&caps), Level::Warning);
    caps.encoders.retain(|e| e.name != "libx265");
    assert_eq!(worst(&caps), Level::Problem);
    let problem = machine::encoders(&caps).into_iter().find(|f| f.level == Level::Problem).unwrap();
    assert!(problem.what.contains("hevc") && problem.what.contains("compact"), "{problem:?}");
}

#[test]
fn little_room_is_a_warning_and_hardly_any_a_problem() {
    let level = |gib: u64| machine::room("space", Path::new("/x"), gib << 30).level;
    assert_eq!((level(0), level(5), level(500)), (Level::Problem, Level::Warning, Level::Ok));
}

#[test]
fn a_folder_is_tried_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Film.mkv"), "film").unwrap();
    let mut found: Vec<Finding> = Vec::new();
    share::examine(folder.path(), Some(folder.path()), &mut |finding| found.push(finding));
    let checks: Vec<&str> = found.iter().map(|f| f.check.as_str()).collect();
    let all = [
        "write",
        "exclusive",
        "claims",
        "take_overs",
        "publishing",
        "links",
        "advisory",
        "heartbeat",
        "clock",
        "times",
        "case",
        "accents",
        "names",
        "speed",
        "delay",
    ];
    assert_eq!(checks, all);
    for finding in &found {
        assert!(finding.level < Level::Problem || finding.check == "speed", "{finding:?}");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["Film.mkv"]);
}

#[test]
fn another_folder_is_no_second_mount() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut found: Vec<Finding> = Vec::new();
    share::examine(folder.path(), Some(other.path()), &mut |finding| found.push(finding));
    let delay = found.last().unwrap();
    assert_eq!((delay.check.as_str(), delay.level), ("delay", Level::Problem));
}

#[test]
fn a_folder_that_cannot_be_written_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    // A file in the place of our folder stands for every refusal; root may write to read-only folders.
    std::fs::write(folder.path().join(".mediabox"), "").unwrap();
    let mut found: Vec<Finding> = Vec::new();
    share::examine(folder.path(), None, &mut |finding| found.push(finding));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].check.as_str(), found[0].level), ("write", Level::Problem));
    assert!(folder.path().join(".mediabox").is_file(), "what was there is still there");
}
