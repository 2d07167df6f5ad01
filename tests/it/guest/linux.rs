//! What only Linux shows: processes that stand still, and none that outlives its worker.

use super::*;
use crate::support::Worker;
use crate::support::worker::DEADLINE;

/// (pid, state) of every program that has this in its command line, our own workers left out.
fn programs_with(text: &str) -> Vec<(u32, char)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?');
        if line.contains(text) && line.contains("out.part") && !matches!(state, 'Z' | 'X' | '?') {
            found.push((pid, state));
        }
    }
    found
}

#[track_caller]
fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + DEADLINE;
    while !is() {
        assert!(std::time::Instant::now() < until, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn encoding(share: &Share, programs: &[String], args: &[&str]) -> Worker {
    let mut all: Vec<&str> = programs.iter().map(String::as_str).collect();
    all.extend(args);
    let mut worker = share.worker(&all);
    worker.wait_for("encoding", |event| event["event"] == "job_stage" && event["stage"] == "encoding");
    worker
}

#[test]
fn a_pause_stops_ffmpeg_keeps_the_claim_and_a_resume_finishes_the_file() {
    for fleet in [false, true] {
        let (share, programs, _) = faked("slow=1 only=out.part");
        share.add("a.avi", Clip::LongAvi);
        let root = share.root().to_str().unwrap().to_owned();
        let how = |verb: &str| {
            let mut args = vec![verb.to_owned()];
            if fleet {
                args.extend(["--fleet".to_owned(), root.clone()]);
            }
            share.run(&args).expect(0)
        };
        let mut worker = encoding(&share, &programs, &["--heartbeat", "1s", "--stale-after", "3s"]);
        how("pause");
        let standing = worker.wait_event("standing");
        assert_eq!(standing["standing"], "paused", "{standing}");
        wait_until("every program of the job stands still", || {
            let all = programs_with(&root);
            !all.is_empty() && all.iter().all(|(_, state)| *state == 'T')
        });
        if !fleet {
            // Longer than a dead worker's claim would last; by another machine's eyes it is alive.
            let beats = || std::fs::read(share.path("a.avi.mediabox.lock")).unwrap_or_default();
            let (mut before, mut seen) = (beats(), 0);
            wait_until("five heartbeats", || {
                let now = beats();
                seen += usize::from(now != before);
                before = now;
                seen >= 5
            });
            let mut other =
                share.command(["--dir", &root, "--json", "--stale-after", "3s", "--heartbeat", "1s"]);
            other.env("XDG_STATE_HOME", share.aside("another machine"));
            let other = Worker::start(other).end().expect(0);
            assert_eq!(summary(&other)["skipped"]["claimed"], 1, "{}", other.stdout);
        }
        how("resume");
        worker.wait_for("work", |event| event["event"] == "standing" && event["standing"] == "working");
        let run = worker.end().expect(0);
        assert_eq!(summary(&run)["converted"], 1, "{}", run.stdout);
        assert_eq!(share.media(), ["a.mp4"]);
        assert!(!share.path(".mediabox/pause").exists());
        share.assert_no_litter();
    }
}

/// A time zone in which it is 12:00 in `left` seconds.
fn zone_before_noon(left: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let east = (2 * 86_400 + 43_200 - left - now % 86_400) % 86_400;
    // POSIX counts to the west (POSIX.1-2017, 8.3 Other Environment Variables).
    format!("MCT-{:02}:{:02}:{:02}", east / 3600, east / 60 % 60, east % 60)
}

#[test]
fn where_the_hours_end_hard_a_running_file_is_stopped_where_it_is_and_keeps_its_claim() {
    let (mut share, programs, _) = faked("hang only=out.part");
    share.add("a.avi", Clip::LongAvi);
    let root = share.root().to_str().unwrap().to_owned();
    // What ffmpeg can do here is found out before.
    convert(&share, &programs, &["--dry-run"]).expect(0);
    // On a busy machine the hours may be over before the file has begun.
    for left in [5, 30, 120] {
        share.set("TZ", zone_before_noon(left));
        let mut args: Vec<&str> = programs.iter().map(String::as_str).collect();
        args.extend(["--active", "11:00-12:00", "--when-inactive", "pause"]);
        let mut worker = share.worker(&args);
        let first =
            worker.wait_for("encoding", |event| event["stage"] == "encoding" || event["event"] == "standing");
        if first["event"] == "standing" {
            worker.kill();
            continue;
        }
        wait_until("ffmpeg runs", || !programs_with(&root).is_empty());
        let standing = worker.wait_event("standing");
        assert_eq!(standing["standing"], "paused", "{standing}");
        assert!(standing["why"].as_str().unwrap().contains("outside the hours"), "{standing}");
        wait_until("every program of the job stands still", || {
            let all = programs_with(&root);
            !all.is_empty() && all.iter().all(|(_, state)| *state == 'T')
        });
        assert!(share.path("a.avi.mediabox.lock").exists());
        assert!(worker.interrupt());
        worker.end().expect(130);
        share.assert_no_litter();
        return;
    }
    panic!("it took two minutes to begin");
}

#[test]
fn who_starts_during_a_pause_waits_and_can_still_be_stopped() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    share.run(["pause", "--why", "film night"]).expect(0);
    let again = share.run(["pause"]).expect(0);
    assert!(
        again.stderr.contains("paused already") && again.stderr.contains("film night"),
        "{}",
        again.stderr
    );
    let mut worker = share.worker(&[]);
    let standing = worker.wait_event("standing");
    assert!(standing["why"].as_str().unwrap().contains("film night"), "{standing}");
    assert!(worker.interrupt());
    assert!(worker.end().expect(130).named("job_started").is_empty());
    assert!(share.run(["resume"]).expect(0).stderr.contains("goes on"));
    assert!(share.run(["resume"]).expect(0).stderr.contains("was not paused"));
    assert_eq!(summary(&share.convert(&[]).expect(0))["converted"], 1);
}

#[test]
fn a_worker_killed_with_9_leaves_no_ffmpeg_behind_also_while_it_is_paused() {
    for paused in [false, true] {
        let (share, programs, _) = faked("hang only=out.part");
        share.add("a.avi", Clip::Mpeg4Avi);
        let root = share.root().to_str().unwrap().to_owned();
        let mut worker = encoding(&share, &programs, &[]);
        wait_until("ffmpeg runs", || !programs_with(&root).is_empty());
        if paused {
            share.run(["pause"]).expect(0);
            worker.wait_event("standing");
            wait_until("it stands still", || programs_with(&root).iter().all(|(_, state)| *state == 'T'));
        }
        worker.kill();
        wait_until("ffmpeg is gone", || programs_with(&root).is_empty());
    }
}
