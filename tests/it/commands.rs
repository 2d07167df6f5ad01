//! The commands beside the main job, on the real program.

use serde_json::Value;

use crate::support::{Clip, Share, skipped_under_wine};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn locks_tell_the_living_from_the_dead_and_clear_only_the_dead() {
    let share = Share::new();
    share.add("Film.avi", Clip::LongAvi);
    let root = share.root().to_str().unwrap().to_owned();
    let locks = |more: &[&str]| share.run([&["locks", &root, "--json"], more].concat());
    assert!(json(&locks(&[]).expect(0).stdout)["locks"].as_array().unwrap().is_empty());

    let mut worker = share.worker(&[]);
    worker.wait_event("job_started");
    let held = json(&locks(&["--clean-stale"]).expect(0).stdout);
    assert_eq!(held["locks"][0]["judgement"], "held", "{held}");
    assert_eq!(held["locks"][0]["whose"], "ours", "{held}");
    assert_eq!(held["cleaned"].as_array().unwrap().len(), 0, "{held}");
    worker.kill();

    for more in [&[][..], &["--clean-stale", "--dry-run"]] {
        let stale = json(&locks(more).expect(10).stdout);
        assert_eq!(stale["locks"][0]["judgement"], "stale", "{stale}");
        assert!(stale["locks"][0]["file"].as_str().unwrap().ends_with("Film.avi"), "{stale}");
        assert!(stale["cleaned"].as_array().unwrap().is_empty(), "{stale}");
    }
    let cleaned = json(&locks(&["--clean-stale"]).expect(0).stdout);
    assert!(!cleaned["cleaned"].as_array().unwrap().is_empty(), "{cleaned}");
    assert!(json(&locks(&[]).expect(0).stdout)["locks"].as_array().unwrap().is_empty());
    share.assert_no_litter();
}

#[test]
fn locks_of_python_workers_and_unreadable_ones_are_told_apart() {
    let share = Share::new();
    let python = r#"{"hostname": "nas", "pid": 7, "timestamp": 1.0, "file": "/m/a.avi"}"#;
    std::fs::write(share.path("a.avi.mediabox.lock"), python).unwrap();
    std::fs::write(share.path("b.avi.mediabox.lock"), "").unwrap();
    let told = json(&share.run(["locks", share.root().to_str().unwrap(), "--json"]).expect(0).stdout);
    for (lock, whose) in told["locks"].as_array().unwrap().iter().zip(["legacy", "unreadable"]) {
        assert_eq!(lock["whose"], whose, "{told}");
        assert_eq!(lock["judgement"], "held", "{told}");
    }
    assert_eq!(told["locks"].as_array().unwrap().len(), 2, "{told}");
}

#[test]
fn a_claim_is_taken_away_by_force_and_costs_its_holder_only_the_work() {
    let share = Share::new();
    let film = share.add("Film.avi", Clip::LongAvi);
    let before = share.digests();
    let force = |more: &[&str]| share.run([&["locks", "--force", film.to_str().unwrap()], more].concat());
    assert!(force(&["--yes"]).expect(0).stderr.contains("nobody holds"));

    let mut worker = share.worker(&[]);
    worker.wait_event("job_started");
    assert!(force(&[]).expect(2).stderr.contains("--yes"));
    let taken = json(&force(&["--yes", "--json"]).expect(0).stdout);
    assert!(taken["cleaned"][0].as_str().unwrap().starts_with("the claim of "), "{taken}");
    let run = worker.end();
    assert_eq!(run.named("job_ended")[0]["code"], "claim_lost", "{}", run.stdout);
    assert_eq!(share.digests()["Film.avi"], before["Film.avi"]);
    let again = share.convert(&[]).expect(0);
    assert_eq!(share.media(), ["Film.mp4"], "{}\n{}", run.stdout, again.stdout);
    share.assert_no_litter();
}

#[test]
fn a_lock_that_only_a_person_can_judge_is_taken_away_by_force() {
    let share = Share::new();
    let film = share.add("Film.mkv", Clip::RemuxMkv);
    // Not by `put`, which makes files look old.
    std::fs::write(share.path("Film.mkv.mediabox.lock"), "not a lock of anybody's").unwrap();
    let run = share.convert(&[]).expect(0);
    assert!(film.exists(), "an unreadable lock is held: {}", run.stdout);
    let lock = share.path("Film.mkv.mediabox.lock");
    let taken = share.run(["locks", "--force", lock.to_str().unwrap(), "--yes"]).expect(0);
    assert!(taken.stderr.contains("Film.mkv.mediabox.lock"), "{}", taken.stderr);
    share.convert(&[]).expect(0);
    assert_eq!(share.media(), ["Film.mp4"]);
    share.assert_no_litter();
}

#[test]
fn doctor_finds_a_local_folder_fit_and_leaves_it_as_it_was() {
    let share = Share::new();
    share.add("Film.mkv", Clip::RemuxMkv);
    let before = share.digests();
    let run = share.run(["doctor", share.root().to_str().unwrap(), "--json"]);
    let findings = json(&run.stdout)["findings"].as_array().unwrap().clone();
    let level = |check: &str| {
        let finding = findings.iter().find(|finding| finding["check"] == check);
        finding.unwrap_or_else(|| panic!("{check} is missing in {}", run.stdout))["level"].as_str().unwrap()
    };
    for check in ["write", "exclusive", "claims", "take_overs", "publishing", "heartbeat", "ffmpeg", "state"]
    {
        assert_eq!(level(check), "ok", "{check}: {}", run.stdout);
    }
    assert_eq!(share.digests(), before);
    assert!(!share.path(".mediabox").exists(), "a library is made by the first run, not by a look");
    share.run(["doctor", "no such folder"]).expect(4);
}

#[test]
fn the_librarys_own_settings_count_for_every_machine_but_name_no_programs() {
    let share = Share::new();
    share.put("media-converter.toml", b"profile = 'tv'\n[profiles.tv]\nmax_output_percent = 70\n");
    let root = share.root().to_str().unwrap().to_owned();
    let shown = share.run(["config", "show", "--dir", &root]).expect(0).stdout;
    let line = shown.lines().find(|line| line.starts_with("profile ")).unwrap();
    assert!(line.contains("tv") && line.contains("media-converter.toml:1"), "{line}");
    share.put("media-converter.toml", b"ffmpeg = '/srv/media/evil'\n");
    let run = share.run(["--dir", &root]).expect(2);
    assert!(run.stderr.contains("line 1") && run.stderr.contains("whole fleet"), "{}", run.stderr);
    share.put("media-converter.toml", b"\nprofil = 'tv'\n");
    let run = share.run(["--dir", &root, "--json"]).expect(2);
    assert!(run.stderr.contains("line 2") && run.stderr.contains("`profile`"), "{}", run.stderr);
    let error = json(run.stdout.lines().last().unwrap());
    assert_eq!((&error["event"], &error["kind"]), (&"error".into(), &"usage".into()));
}

#[test]
fn an_environment_variable_counts_and_a_mistyped_one_is_refused() {
    let mut share = Share::new();
    share.set("MEDIA_CONVERTER_JOBS", "3");
    let shown = share.run(["config", "show"]).expect(0).stdout;
    assert!(shown.contains("MEDIA_CONVERTER_JOBS"), "{shown}");
    let shown = share.run(["config", "show", "--jobs", "2"]).expect(0).stdout;
    assert!(shown.contains("--jobs"), "{shown}");
    share.set("MEDIA_CONVERTER_JBOS", "3");
    let run = share.run(["config", "show"]).expect(2);
    assert!(run.stderr.contains("MEDIA_CONVERTER_JOBS"), "{}", run.stderr);
}

#[test]
fn a_scan_counts_and_leaves_nothing_but_caches() {
    let share = Share::new();
    share.add("Films/Old.avi", Clip::Mpeg4Avi);
    share.add("Films/Box.mkv", Clip::RemuxMkv);
    share.add("Done.mp4", Clip::Fits);
    share.put("Broken.mkv", b"not a film at all");
    let before = share.digests();
    let scan =
        json(&share.run(["scan", share.root().to_str().unwrap(), "--files", "--json"]).expect(0).stdout);
    for (what, files) in [("total", 4), ("encode", 1), ("remux", 1), ("unreadable", 1)] {
        assert_eq!(scan[what]["files"], files, "{what}: {scan}");
    }
    assert_eq!(scan["skip"]["fits"]["files"], 1, "{scan}");
    assert_eq!(scan["files"].as_array().unwrap().len(), 4);
    let mut after = share.digests();
    after.retain(|name, _| !name.ends_with(".mediabox_cache.json"));
    assert_eq!(after, before);
}

#[test]
fn every_shell_gets_completions() {
    let share = Share::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = share.run(["completions", shell]).expect(0).stdout;
        assert!(script.contains("downgrade-resolution"), "{shell}");
    }
}

#[test]
fn a_file_whose_name_is_as_long_as_names_can_be_is_converted_and_comes_back() {
    if skipped_under_wine("a name that is too long is called missing, where Windows calls it invalid") {
        return;
    }
    let share = Share::new();
    let stem = "n".repeat(251);
    share.add(&format!("{stem}.mkv"), Clip::RemuxMkv);
    share.convert(&[]).expect(0);
    assert_eq!(share.media(), [format!("{stem}.mp4")]);
    share.assert_no_litter();
    share.run(["undo", share.path(&format!("{stem}.mp4")).to_str().unwrap()]).expect(0);
    assert_eq!(share.media(), [format!("{stem}.mkv")]);
}
