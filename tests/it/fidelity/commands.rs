//! `verify`, `check` and `retry`, and what is remembered of a content.

use serde_json::Value;

use crate::support::clips::ffmpeg;
use crate::support::share::age;
use crate::support::{Clip, Share};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn verify_compares_a_result_with_the_original_in_the_trash_or_the_one_that_is_named() {
    let share = Share::new();
    let original = share.add("Film.mkv", Clip::RichMkv);
    let kept = share.aside("kept.mkv");
    std::fs::copy(&original, &kept).unwrap();
    share.convert(&[]).expect(0);
    let film = share.path("Film.mp4");
    let run = share.run(["verify", film.to_str().unwrap(), "--json"]).expect(0);
    let seen = json(&run.stdout)["files"][0].clone();
    assert!(seen["original"].as_str().unwrap().contains("trash"), "{seen}");
    assert_eq!(
        (&seen["profile"], seen["faults"].as_array().unwrap().len()),
        (&"universal".into(), 0),
        "{seen}"
    );

    for (how, check) in [
        ("-map 0 -c copy -map -0:a", "streams"),
        ("-map 0 -c copy -map_chapters -1", "chapters"),
        ("-map 0 -c copy -t 1", "duration"),
        ("-map 0 -c copy -metadata:s:a:0 language=und", "language"),
    ] {
        let spoilt = share.aside("spoilt.mp4");
        ffmpeg(["-i", film.to_str().unwrap()].into_iter().chain(how.split(' ')), &spoilt);
        let against = ["verify", spoilt.to_str().unwrap(), "--against", kept.to_str().unwrap()];
        let run = share.run([&against[..], &["--json"]].concat()).expect(1);
        let faults = json(&run.stdout)["files"][0]["faults"].clone();
        assert_eq!(faults[0]["check"], check, "{how}: {faults}");
        let run = share.run(against).expect(1);
        assert!(run.stdout.contains(check) && run.stdout.contains("expected"), "{}", run.stdout);
    }
    // A copy of a file is compared with it stream by stream, whatever the profile would make of it.
    let copy = share.aside("copy.mkv");
    ffmpeg(["-i", kept.to_str().unwrap(), "-map", "0", "-c", "copy"], &copy);
    let against =
        ["verify", copy.to_str().unwrap(), "--against", kept.to_str().unwrap(), "--profile", "remux"];
    share.run(against).expect(0);
    // Without an original the file is looked at by itself.
    std::fs::write(share.aside("cut.mkv"), Clip::RemuxMkv.cut(60)).unwrap();
    share.run(["verify", share.aside("cut.mkv").to_str().unwrap()]).expect(1);
    share.run(["verify", kept.to_str().unwrap()]).expect(0);
}

#[test]
fn check_lists_what_is_not_whole_and_touches_nothing() {
    let share = Share::new();
    share.add("Good/a.mkv", Clip::RemuxMkv);
    share.add("Good/song.flac", Clip::Flac);
    share.put("Bad/cut.mkv", &Clip::RemuxMkv.cut(55));
    share.put("Bad/noise.mkv", b"no film at all");
    let mut bytes = std::fs::read(Clip::LongAvi.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    share.put("Bad/inside.avi", &bytes);
    let before = share.digests();
    let root = share.root().to_str().unwrap().to_owned();
    let bad = |args: &[&str]| {
        let run = share.run([&["check", &root, "--json"], args].concat()).expect(1);
        let document = json(&run.stdout);
        assert_eq!(document["checked"], 5, "{document}");
        let bad = document["bad"].as_array().unwrap().iter();
        bad.map(|b| {
            let name = b["path"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap().to_owned();
            format!("{name} {}", b["code"].as_str().unwrap())
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(bad(&[]), ["cut.mkv truncated", "noise.mkv unreadable"]);
    assert_eq!(bad(&["--full"]), ["cut.mkv truncated", "inside.avi damaged", "noise.mkv unreadable"]);
    let run = share.run(["check", &root]).expect(1);
    assert!(
        run.stdout.contains("cut short: ") && run.stderr.contains("5 files"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    share.run(["check", share.path("Good").to_str().unwrap(), "--full"]).expect(0);
    assert_eq!(share.digests(), before);
    assert!(!share.path(".mediabox").exists(), "a look makes no library");
}

#[test]
fn a_failed_file_rests_until_somebody_asks_for_another_try() {
    let share = Share::new();
    share.put("a/cut.avi", &Clip::LongAvi.cut(55));
    share.put("b/cut.mkv", &Clip::H264Mkv.cut(55));
    let failures = |run: &crate::support::Run| run.named("job_ended").len();
    assert_eq!(failures(&share.convert(&[]).expect(1)), 2);
    let second = share.convert(&[]).expect(0);
    assert_eq!(
        (failures(&second), &second.summary()["skipped"]["parked"]),
        (0, &2.into()),
        "{}",
        second.stdout
    );
    let file = share.path("a/cut.avi");
    let run = share.run(["retry", file.to_str().unwrap(), "--json"]).expect(0);
    assert_eq!(json(&run.stdout)["retried"].as_array().unwrap().len(), 1, "{}", run.stdout);
    assert_eq!(failures(&share.convert(&[]).expect(1)), 1, "only the one that was named");
    let root = share.root().to_str().unwrap().to_owned();
    let run = share.run(["retry", "--all", &root]).expect(0);
    assert_eq!(run.stdout.matches("will be tried again: ").count(), 2, "{}", run.stdout);
    assert_eq!(failures(&share.convert(&[]).expect(1)), 2);
    // Whole now: the new file is another one, and needs nobody's permission.
    share.add("a/cut.avi", Clip::Mpeg4Avi);
    assert_eq!(share.convert(&[]).expect(0).summary()["converted"], 1);
    share.run(["retry", file.to_str().unwrap()]).expect(0);
}

#[test]
fn a_content_is_known_again_whatever_it_is_called_and_wherever_it_lies() {
    let share = Share::new();
    share.add("Film.avi", Clip::Mpeg4Avi);
    share.add("Small.mkv", Clip::H264Mkv);
    let args = ["--profile", "universal", "--max-output-percent", "1"];
    let first = share.convert(&args).expect(0);
    assert_eq!(first.summary()["skipped"]["not_smaller"], 2, "{}", first.stdout);
    std::fs::create_dir_all(share.path("Moved")).unwrap();
    std::fs::rename(share.path("Film.avi"), share.path("Moved/Other name.avi")).unwrap();
    std::fs::rename(share.path("Small.mkv"), share.path("Touched.mkv")).unwrap();
    let file = std::fs::File::options().write(true).open(share.path("Touched.mkv")).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).unwrap();
    // Windows moves no file away that somebody has open.
    drop(file);
    age(&share.path("Moved/Other name.avi"));
    let second = share.convert(&args).expect(0);
    assert_eq!(second.named("job_started").len(), 0, "{}", second.stdout);
    assert_eq!(second.summary()["skipped"]["not_smaller"], 2, "{}", second.stdout);
    // Another profile is another question.
    assert_eq!(share.convert(&[]).expect(0).summary()["converted"], 2);
}

#[test]
fn a_result_that_looks_too_little_like_its_source_is_dropped_and_remembered() {
    let share = Share::new();
    share.add("Film.mkv", Clip::RichMkv);
    let run = share.convert(&["--min-vmaf", "100"]).expect(0);
    assert_eq!(run.summary()["skipped"]["would_lose"], 1, "{}", run.stdout);
    let words = run.named("skipped")[0]["words"].as_str().unwrap().to_owned();
    assert!(
        words.contains("--min-vmaf 100") && (words.contains("SSIM") || words.contains("VMAF")),
        "{words}"
    );
    assert_eq!(share.media(), ["Film.mkv"]);
    let again = share.convert(&["--min-vmaf", "100"]).expect(0);
    assert_eq!(again.named("job_started").len(), 0, "{}", again.stdout);
    share.assert_no_litter();
    assert_eq!(share.convert(&["--min-vmaf", "20"]).expect(0).summary()["converted"], 1);
    share.run(["config", "show", "--min-vmaf", "101"]).expect(2);
}

#[test]
fn a_result_carries_its_originals_time_unless_now_is_wanted() {
    let share = Share::new();
    share.add("a.mkv", Clip::RemuxMkv);
    share.add("b.mkv", Clip::RemuxMkv);
    let time = |name: &str| std::fs::metadata(share.path(name)).unwrap().modified().unwrap();
    let before = time("a.mkv");
    share.convert(&["--include", "a.mkv"]).expect(0);
    assert_eq!(time("a.mp4"), before);
    share.convert(&["--include", "b.mkv", "--mtime", "now"]).expect(0);
    assert!(time("b.mp4") > before + std::time::Duration::from_secs(1800), "{:?}", time("b.mp4"));
}
