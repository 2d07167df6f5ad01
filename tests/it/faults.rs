//! What goes wrong in real libraries: each ends with the original intact and a message that says what to do.

use serde_json::Value;

use crate::convert::summary;
use crate::support::{Clip, Run, Share};

/// The one failure that a run reports.
#[track_caller]
fn failure(run: &Run) -> Value {
    let failed: Vec<Value> = run
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event"] == "job_ended" && event["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{}\n{}", run.stdout, run.stderr);
    failed[0].clone()
}

/// One failed file of this kind, exit code 1, the library as it was, nothing left behind.
#[track_caller]
fn fails_as(share: &Share, run: &Run, code: &str) -> Value {
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    let failed = failure(run);
    assert_eq!(failed["code"], code, "{failed}");
    assert!(failed["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "it says what to do: {failed}");
    share.assert_no_litter();
    failed
}

#[test]
fn probe_says_that_a_file_is_cut_short_also_where_it_would_stay_as_it_is() {
    let share = Share::new();
    for (name, clip) in [("fits.mp4", Clip::Fits), ("film.mkv", Clip::RemuxMkv)] {
        let file = share.put(name, &clip.cut(55));
        let told = share.run(["probe".as_ref(), file.as_os_str()]).expect(0).stdout;
        let json = share.run(["probe".as_ref(), file.as_os_str(), "--json".as_ref()]).expect(0).stdout;
        assert!(told.contains("cut short: ") && !json.contains("\"cut_short\": null"), "{told}{json}");
    }
}

#[test]
fn a_clip_cut_at_55_percent_is_recognised_and_left_alone() {
    // Both promise a length in their header; what is missing is said, whatever ffmpeg makes of the rest.
    for (name, clip, code) in
        [("cut.mkv", Clip::H264Mkv, "truncated"), ("cut.avi", Clip::LongAvi, "truncated")]
    {
        let share = Share::new();
        share.put(name, &clip.cut(55));
        let before = share.digests();
        let run = share.convert(&[]);
        fails_as(&share, &run, code);
        assert_eq!(share.digests()[name], before[name]);
        let again = share.convert(&[]);
        assert_eq!(again.code, 0, "it is remembered: {}", again.stdout);
        assert_eq!(summary(&again)["skipped"]["parked"], 1, "{}", again.stdout);
    }
    // An MP4 cut before its index cannot be read at all.
    let share = Share::new();
    let made = share.aside("x.mp4");
    crate::support::clips::ffmpeg(["-i", Clip::LongAvi.file().to_str().unwrap(), "-c", "copy"], &made);
    let bytes = std::fs::read(&made).unwrap();
    share.put("cut.mp4", &bytes[..bytes.len() * 55 / 100]);
    let before = share.digests();
    let run = share.convert(&[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(["truncated", "unreadable"].contains(&failure(&run)["code"].as_str().unwrap()), "{}", run.stdout);
    assert_eq!(share.digests()["cut.mp4"], before["cut.mp4"]);
}

#[test]
fn garbage_in_the_middle_is_recognised_and_left_alone() {
    let share = Share::new();
    let mut bytes = std::fs::read(Clip::LongAvi.file()).unwrap();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 20_000] {
        *byte = 0x5a;
    }
    share.put("bad.avi", &bytes);
    let before = share.digests();
    let run = share.convert(&[]);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    assert!(["damaged", "truncated"].contains(&failure(&run)["code"].as_str().unwrap()), "{}", run.stdout);
    assert_eq!(share.digests()["bad.avi"], before["bad.avi"]);
}

#[test]
fn one_bad_file_does_not_end_the_run() {
    let share = Share::new();
    share.put("a.mkv", b"this is no film");
    share.add("b.mkv", Clip::RemuxMkv);
    let run = share.convert(&[]);
    fails_as(&share, &run, "unreadable");
    assert_eq!(summary(&run)["converted"], 1);
    assert_eq!(share.media(), ["a.mkv", "b.mp4"]);
}

#[test]
fn a_missing_folder_is_an_error_with_its_own_code() {
    let share = Share::new();
    let run = share.run(["--dir", "/nonexistent/library"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("mounted"), "{}", run.stderr);
}

#[test]
fn an_unmounted_share_is_never_an_empty_library() {
    let share = Share::new();
    share.add("a.mp4", Clip::Fits);
    assert_eq!(share.convert(&[]).code, 0);
    // What an unmounted share looks like: the mount point, empty.
    std::fs::rename(share.root(), share.aside("elsewhere")).unwrap();
    std::fs::create_dir(share.root()).unwrap();
    let run = share.convert(&[]);
    assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
    assert!(!share.path(".mediabox").exists(), "nothing is made on the wrong share");
}

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_missing_ffmpeg_says_what_to_install() {
        let mut share = Share::new();
        share.add("a.mkv", Clip::RemuxMkv);
        share.set("PATH", "/nonexistent");
        let run = share.convert(&[]);
        assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains("install") || run.stdout.contains("install"),
            "{}{}",
            run.stderr,
            run.stdout
        );
        assert_eq!(share.media(), ["a.mkv"]);
        share.assert_no_litter();
    }

    /// A fake that does something else only for the transcode (`-progress` is asked for, and an output named `.part`).
    fn transcoding(does: &str) -> String {
        format!(
            "case \"$*\" in *out.part*-f\\ null*|*-f\\ null*) ;; *-progress*out.part*) {does} ;; esac\nexec \"$REAL\" \"$@\""
        )
    }

    fn with_fake(does: &str) -> (Share, std::collections::BTreeMap<String, String>) {
        let mut share = Share::new();
        share.fake("ffmpeg", &transcoding(does));
        share.add("a.avi", Clip::Mpeg4Avi);
        let before = share.digests();
        (share, before)
    }

    #[test]
    fn an_ffmpeg_that_crashes_leaves_the_original() {
        let (share, before) = with_fake("kill -SEGV $$");
        let run = share.convert(&[]);
        fails_as(&share, &run, "encode");
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
    }

    #[test]
    fn an_ffmpeg_that_the_kernel_killed_for_memory_is_not_held_against_the_file() {
        let (mut share, before) = with_fake("kill -KILL $$");
        for _ in 0..4 {
            let run = share.convert(&[]);
            fails_as(&share, &run, "killed");
            let hint = failure(&run)["hint"].as_str().unwrap_or_default().to_owned();
            assert!(hint.contains("--jobs 1") && hint.contains("memory"), "{hint}");
        }
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
        // Any other failure would have been parked by now.
        share.fake("ffmpeg", &transcoding("true"));
        assert_eq!(summary(&share.convert(&[]).expect(0))["converted"], 1);
    }

    #[test]
    fn an_ffmpeg_that_hangs_is_stopped() {
        let (share, before) = with_fake("sleep 1000");
        let run = share.convert(&["--stall", "2s"]);
        fails_as(&share, &run, "stalled");
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
        assert!(run.took < Duration::from_secs(60));
    }

    #[test]
    fn an_ffmpeg_that_writes_garbage_and_exits_0_is_caught() {
        let (share, before) = with_fake("for last; do :; done; head -c 50000 /dev/zero >\"$last\"; exit 0");
        let run = share.convert(&[]);
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
        share.assert_no_litter();
    }

    #[test]
    fn an_ffmpeg_that_exits_0_with_nothing_is_caught() {
        let (share, before) = with_fake("exit 0");
        let run = share.convert(&[]);
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
        share.assert_no_litter();
    }

    #[test]
    fn a_result_that_is_cut_short_is_caught() {
        let (share, before) = with_fake("exec \"$REAL\" -t 0.3 \"$@\"");
        let run = share.convert(&[]);
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(share.digests()["a.avi"], before["a.avi"]);
        share.assert_no_litter();
    }

    #[test]
    fn a_source_replaced_during_its_encode_stays_as_it_is_now() {
        let mut share = Share::new();
        let gate = share.aside("gate");
        share.fake(
            "ffmpeg",
            &transcoding(&format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display())),
        );
        share.add("a.avi", Clip::Mpeg4Avi);
        let mut worker = share.worker(&[]);
        worker.wait_for("encoding", |event| event["event"] == "job_stage" && event["stage"] == "encoding");
        std::fs::remove_file(share.path("a.avi")).unwrap();
        share.add("a.avi", Clip::LongAvi);
        let replaced = share.digests()["a.avi"].clone();
        std::fs::write(&gate, "").unwrap();
        let run = worker.end();
        assert_eq!(share.digests()["a.avi"], replaced, "{}", run.stdout);
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(share.media(), ["a.avi"]);
        share.assert_no_litter();
    }

    #[test]
    fn a_folder_that_vanishes_during_the_encode_ends_in_a_message() {
        let mut share = Share::new();
        let gate = share.aside("gate");
        share.fake(
            "ffmpeg",
            &transcoding(&format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display())),
        );
        share.add("sub/a.avi", Clip::Mpeg4Avi);
        share.add("other/b.mp4", Clip::Fits);
        let mut worker = share.worker(&[]);
        worker.wait_for("encoding", |event| event["event"] == "job_stage" && event["stage"] == "encoding");
        std::fs::rename(share.path("sub"), share.aside("moved")).unwrap();
        std::fs::write(&gate, "").unwrap();
        let run = worker.end();
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        failure(&run);
        let kept = std::fs::read(share.aside("moved").join("a.avi")).unwrap();
        assert_eq!(kept, std::fs::read(Clip::Mpeg4Avi.file()).unwrap());
    }

    #[test]
    fn ctrl_c_drops_the_current_file_and_leaves_nothing_behind() {
        for terminate in [false, true] {
            let share = Share::new();
            share.add("a.avi", Clip::LongAvi);
            let before = share.digests();
            let mut worker = share.worker(&[]);
            worker
                .wait_for("encoding", |event| event["event"] == "job_stage" && event["stage"] == "encoding");
            if terminate {
                worker.terminate();
            } else {
                assert!(worker.interrupt());
            }
            let run = worker.end();
            assert_eq!(run.code, 130, "{}\n{}", run.stdout, run.stderr);
            assert_eq!(share.digests()["a.avi"], before["a.avi"]);
            assert_eq!(summary(&run)["interrupted"], true);
            share.assert_no_litter();
        }
    }

    /// A small tmpfs, gone when it is dropped.
    struct SmallDisk(tempfile::TempDir);

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        }
    }

    fn small_disk(size: &str) -> Option<SmallDisk> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: a small tmpfs can only be mounted by root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let option = format!("size={size}");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            println!("SKIPPED: this machine does not allow mounts");
            return None;
        }
        Some(SmallDisk(folder))
    }

    #[test]
    fn a_disk_that_fills_up_is_said_and_the_original_stays() {
        let Some(disk) = small_disk("2m") else { return };
        let share = Share::on(&disk.0.path().join("library"));
        share.add("a.avi", Clip::LongAvi);
        let before = share.digests();
        // Leaves less than the result needs.
        let left = {
            let used = std::fs::metadata(share.path("a.avi")).unwrap().len();
            2 * 1024 * 1024 - used - 300_000
        };
        std::fs::write(share.path("filler"), vec![0; usize::try_from(left).unwrap()]).unwrap();
        let run = share.convert(&[]);
        let same = share.digests()["a.avi"] == before["a.avi"];
        let litter = share.litter();
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(failure(&run)["code"], "space", "{}", run.stdout);
        assert!(same && litter.is_empty(), "{litter:?}");
    }

    #[test]
    fn two_files_for_which_there_is_not_room_at_once_are_converted_one_after_the_other() {
        let Some(disk) = small_disk("16m") else { return };
        let share = Share::on(&disk.0.path().join("library"));
        share.add("a.avi", Clip::LongAvi);
        share.add("b.avi", Clip::LongAvi);
        let each = std::fs::metadata(share.path("a.avi")).unwrap().len();
        // Room for one and a half.
        let left = rustix::fs::statvfs(share.root()).map(|fs| fs.f_bavail * fs.f_frsize).unwrap();
        let filler = usize::try_from(left - each - each / 2).unwrap();
        std::fs::write(share.path("filler"), vec![0; filler]).unwrap();
        let run = share.convert(&["--jobs", "2", "--min-free", "0", "--originals", "delete"]);
        let litter = share.litter();
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
        assert_eq!(summary(&run)["converted"], 2, "{}", run.stdout);
        let waits = |event: &&serde_json::Value| {
            event["text"].as_str().is_some_and(|text| text.contains("waiting for one of them to end"))
        };
        assert_eq!(run.named("note").iter().filter(waits).count(), 1, "{}", run.stdout);
        assert!(litter.is_empty(), "{litter:?}");
    }

    #[test]
    fn a_read_only_folder_is_said_and_left() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: a read-only mount can only be made by root");
            return;
        }
        let share = Share::new();
        share.add("a.mkv", Clip::RemuxMkv);
        let root = share.root().to_str().unwrap().to_owned();
        let run_tool = |args: &[&str]| {
            std::process::Command::new(args[0]).args(&args[1..]).status().is_ok_and(|s| s.success())
        };
        if !run_tool(&["mount", "--bind", &root, &root])
            || !run_tool(&["mount", "-o", "remount,ro,bind", &root])
        {
            println!("SKIPPED: this machine does not allow mounts");
            return;
        }
        let run = share.convert(&[]);
        assert!(run_tool(&["umount", &root]));
        assert_eq!(run.code, 4, "{}\n{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("write") || run.stdout.contains("write"), "{}{}", run.stderr, run.stdout);
        assert_eq!(share.media(), ["a.mkv"]);
    }
}
