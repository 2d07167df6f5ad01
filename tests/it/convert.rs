//! The main job: a library goes in, one that plays everywhere comes out, and a second run finds nothing to do.

use std::path::Path;

use serde_json::Value;

use crate::support::clips::{codecs, probe, seconds};
use crate::support::{Clip, Run, Share, real_media};

fn events<'a>(run: &'a Run, name: &'a str) -> impl Iterator<Item = Value> + 'a {
    run.stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(move |event| event["event"] == name)
}

pub fn summary(run: &Run) -> Value {
    events(run, "run_ended").last().unwrap_or_else(|| panic!("no summary: {}\n{}", run.stdout, run.stderr))
}

#[test]
fn a_mixed_library_becomes_one_that_plays_everywhere_and_a_second_run_does_nothing() {
    let share = Share::new();
    share.add("Already.mp4", Clip::Fits);
    share.add("Films/Über Größe (2020)/Über Größe.mkv", Clip::H264Mkv);
    share.add("Films/Plain.mkv", Clip::RemuxMkv);
    share.add("Films/Hevc.mkv", Clip::HevcMkv);
    share.add("Old/a b.avi", Clip::Mpeg4Avi);
    share.add("TV/show.ts", Clip::Mpeg2Ts);
    share.add("Web/clip.webm", Clip::Vp9Webm);
    share.add("Surround.mkv", Clip::SurroundMkv);
    share.add("Music/song.flac", Clip::Flac);
    share.add("Music/done.mp3", Clip::Mp3);
    share.put("Films/notes.txt", b"not media");
    let before = share.digests();

    let first = share.convert(&[]);
    assert_eq!(first.code, 0, "{}\n{}", first.stdout, first.stderr);
    let sum = summary(&first);
    assert_eq!(sum["converted"], 8, "{}", first.stdout);
    assert_eq!(sum["skipped"]["fits"], 2);
    assert_eq!(
        share.media(),
        [
            "Already.mp4",
            "Films/Hevc.mp4",
            "Films/Plain.mp4",
            "Films/notes.txt",
            "Films/Über Größe (2020)/Über Größe.mp4",
            "Music/done.mp3",
            "Music/song.mp3",
            "Old/a b.mp4",
            "Surround.mp4",
            "TV/show.mp4",
            "Web/clip.mp4",
        ]
    );
    for (name, expected, length) in [
        ("Films/Hevc.mp4", "h264", 1.0),
        ("Films/Plain.mp4", "h264 aac", 1.0),
        ("Old/a b.mp4", "h264 aac", 1.0),
        ("TV/show.mp4", "h264 aac", 1.0),
        ("Web/clip.mp4", "h264 aac", 1.0),
        ("Surround.mp4", "h264 aac", 1.0),
        ("Music/song.mp3", "mp3", 2.0),
    ] {
        let file = share.path(name);
        assert_eq!(codecs(&file), expected, "{name}");
        assert!((seconds(&file) - length).abs() < 0.2, "{name}: {} s", seconds(&file));
    }
    // Words, times, languages and chapters came along.
    let film = probe(&share.path("Films/Über Größe (2020)/Über Größe.mp4"));
    let streams = film["streams"].as_array().unwrap();
    assert_eq!(streams[0]["codec_name"], "h264");
    assert_eq!(streams[1]["codec_name"], "aac");
    assert_eq!(streams[1]["tags"]["language"], "eng");
    assert_eq!(streams[2]["codec_name"], "mov_text");
    assert_eq!(streams[2]["tags"]["language"], "ger");
    assert_eq!(film["chapters"].as_array().unwrap().len(), 2);
    assert_eq!(probe(&share.path("Surround.mp4"))["streams"][1]["channels"], 6);
    let song = probe(&share.path("Music/song.mp3"));
    assert_eq!(song["format"]["tags"]["title"], "Ölprüfung");
    // What fitted is the very same file.
    let after = share.digests();
    for same in ["Already.mp4", "Music/done.mp3", "Films/notes.txt"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    share.assert_no_litter();

    let second = share.convert(&[]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    let sum = summary(&second);
    assert_eq!(sum["converted"], 0);
    assert_eq!(sum["skipped"]["fits"], 10, "{}", second.stdout);
    assert_eq!(share.digests(), after);
    share.assert_no_litter();
}

#[test]
fn the_originals_rest_in_the_trash_and_undo_brings_one_back() {
    let share = Share::new();
    share.add("a.mkv", Clip::RemuxMkv);
    share.add("b.avi", Clip::Mpeg4Avi);
    let before = share.digests();
    assert_eq!(share.convert(&[]).code, 0);
    assert_eq!(share.media(), ["a.mp4", "b.mp4"]);
    let file = share.path("a.mp4");
    let undo = share.run(["undo", file.to_str().unwrap()]);
    assert_eq!(undo.code, 0, "{}{}", undo.stdout, undo.stderr);
    assert_eq!(share.media(), ["a.mkv", "b.mp4"]);
    assert_eq!(share.digests()["a.mkv"], before["a.mkv"]);
    // It stays undone: the next run leaves it alone, with the reason.
    let again = share.convert(&[]);
    assert_eq!(again.code, 0);
    assert_eq!(summary(&again)["converted"], 0, "{}", again.stdout);
    assert_eq!(share.media(), ["a.mkv", "b.mp4"]);
    share.assert_no_litter();
}

#[test]
fn undo_does_not_throw_away_what_somebody_put_in_the_results_place() {
    let share = Share::new();
    share.add("a.mkv", Clip::RemuxMkv);
    let before = share.digests();
    assert_eq!(share.convert(&[]).code, 0);
    share.put("a.mp4", b"somebody's own, better film");
    let after = share.digests();
    let undo = share.run(["undo".as_ref(), share.path("a.mp4").as_os_str()]).expect(1);
    assert!(undo.stderr.contains("changed or replaced"), "{}", undo.stderr);
    assert_eq!(share.digests(), after);
    std::fs::rename(share.path("a.mp4"), share.path("better.mp4")).unwrap();
    share.run(["undo".as_ref(), share.path("a.mp4").as_os_str()]).expect(0);
    assert_eq!(share.digests()["a.mkv"], before["a.mkv"]);
    // That nothing is done with it again has its own word.
    let again = share.convert(&[]);
    assert_eq!(summary(&again)["skipped"]["undone"], 1, "{}", again.stdout);
    share.assert_no_litter();
}

#[cfg(unix)]
#[test]
fn an_original_that_the_librarys_trash_cannot_take_rests_in_its_folders_own() {
    let share = Share::new();
    share.add("films/a.mkv", Clip::RemuxMkv);
    share.add("b.mkv", Clip::H264Mkv);
    let before = share.digests();
    // As for a user who may not write where another has made it, but also for root.
    share.put(".mediabox/trash", b"no folder");
    let run = share.convert(&["--include", "films/**"]).expect(0);
    assert_eq!(summary(&run)["converted"], 1, "{}", run.stdout);
    share.run(["undo".as_ref(), share.path("films/a.mp4").as_os_str()]).expect(0);
    assert_eq!(share.digests()["films/a.mkv"], before["films/a.mkv"]);
    // At the root there is no other place: what happened is said, and the next run mends it.
    let run = share.convert(&[]).expect(1);
    let hint = run.named("job_ended").last().unwrap()["hint"].to_string();
    assert!(hint.contains("half done"), "{}", run.stdout);
    std::fs::remove_file(share.path(".mediabox/trash")).unwrap();
    assert_eq!(summary(&share.convert(&[]).expect(0))["recovered"], 1);
    share.run(["undo".as_ref(), share.path("b.mp4").as_os_str()]).expect(0);
    assert_eq!(share.digests()["b.mkv"], before["b.mkv"]);
    share.assert_no_litter();
}

#[test]
fn a_trash_of_a_nested_mount_is_emptied_as_well() {
    let share = Share::new();
    share.add("films/a.mkv", Clip::RemuxMkv);
    assert_eq!(share.convert(&[]).code, 0);
    // Where a rename to the root's trash would cross file systems, the folder's own takes the original.
    let trash = share.path("films/.mediabox/trash");
    std::fs::create_dir_all(trash.parent().unwrap()).unwrap();
    std::fs::rename(share.path(".mediabox/trash"), &trash).unwrap();
    let resting = || std::fs::read_dir(&trash).unwrap().count();
    assert_eq!(share.convert(&["--trash-days", "1"]).code, 0);
    assert_eq!(resting(), 1, "its day is not over");
    let record = std::fs::read_dir(&trash).unwrap().next().unwrap().unwrap().path().join("record.json");
    let days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    std::fs::File::options().write(true).open(&record).unwrap().set_modified(days_ago).unwrap();
    for order in ["--dry-run", "--order=name"] {
        assert_eq!(resting(), 1);
        assert_eq!(share.convert(&["--trash-days", "1", order]).code, 0);
    }
    assert_eq!(resting(), 0, "nothing would ever make room there");
}

#[test]
fn a_result_of_the_same_name_replaces_the_source_and_can_be_undone() {
    let share = Share::new();
    // HEVC in MP4: the result is an MP4 of the same name.
    let made = share.aside("h.mp4");
    crate::support::clips::ffmpeg(
        ["-i", Clip::HevcMkv.file().to_str().unwrap(), "-c", "copy", "-tag:v", "hvc1"],
        &made,
    );
    share.put("film.mp4", &std::fs::read(&made).unwrap());
    let before = share.digests()["film.mp4"].clone();
    assert_eq!(share.convert(&[]).code, 0);
    assert_eq!(share.media(), ["film.mp4"]);
    assert_eq!(codecs(&share.path("film.mp4")), "h264");
    let undo = share.run(["undo", share.path("film.mp4").to_str().unwrap()]);
    assert_eq!(undo.code, 0, "{}{}", undo.stdout, undo.stderr);
    assert_eq!(share.digests()["film.mp4"], before);
    share.assert_no_litter();
}

#[test]
fn a_dry_run_says_what_it_would_do_and_touches_nothing() {
    let share = Share::new();
    share.add("a.mkv", Clip::H264Mkv);
    share.add("b.mp4", Clip::Fits);
    let before = share.digests();
    let run = share.convert(&["--dry-run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(summary(&run)["planned"], 1);
    let planned: Vec<Value> = events(&run, "planned").collect();
    assert_eq!(planned.len(), 1, "{}", run.stdout);
    assert!(planned[0]["path"].as_str().unwrap().ends_with("a.mkv"));
    assert!(!planned[0]["plan"]["why"].as_array().unwrap().is_empty());
    assert_eq!(share.digests(), before);
    assert!(!share.path(".mediabox").exists(), "a dry run makes no marker");
    share.assert_no_litter();
}

#[test]
fn a_dry_run_promises_one_result_to_one_of_two_sources_of_a_stem() {
    let share = Share::new();
    share.add("a.mkv", Clip::RemuxMkv);
    share.add("A.m4v.mkv", Clip::RemuxMkv);
    share.add("A.mov", Clip::RemuxMkv);
    for (flags, done) in [(&["--dry-run"][..], "planned"), (&["--jobs", "1"], "converted")] {
        let run = share.convert(flags);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(summary(&run)[done], 2, "{}", run.stdout);
        let skipped: Vec<Value> = events(&run, "skipped").collect();
        assert_eq!(skipped.len(), 1, "{}", run.stdout);
        assert_eq!(skipped[0]["code"], "name_taken");
    }
    assert_eq!(share.media().len(), 3);
    assert!(share.path("A.m4v.mp4").exists());
}

#[test]
fn filters_types_and_limits_choose_what_is_converted() {
    let share = Share::new();
    for name in ["A/1.mkv", "A/2.mkv", "B/3.mkv", "Extras/4.mkv"] {
        share.add(name, Clip::RemuxMkv);
    }
    share.add("song.flac", Clip::Flac);
    let run = share.convert(&[
        "--type",
        "video",
        "--include",
        "A/**",
        "--include",
        "Extras/**",
        "--exclude",
        "Extras",
        "--limit",
        "1",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(summary(&run)["converted"], 1, "{}", run.stdout);
    let run = share.convert(&["--type", "video", "--include", "A/**"]);
    assert_eq!(summary(&run)["converted"], 1);
    assert_eq!(share.media(), ["A/1.mp4", "A/2.mp4", "B/3.mkv", "Extras/4.mkv", "song.flac"]);
}

#[test]
fn a_file_that_changed_a_moment_ago_is_waited_for_or_left() {
    let share = Share::new();
    share.add("old.mkv", Clip::RemuxMkv);
    std::fs::write(share.path("fresh.mkv"), std::fs::read(Clip::RemuxMkv.file()).unwrap()).unwrap();
    let run = share.convert(&["--min-age", "3s"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(summary(&run)["converted"], 2, "it was quiet for three seconds: {}", run.stdout);
    assert!(run.took.as_secs_f64() >= 2.0, "it waited");
}

#[test]
fn a_scratch_folder_is_used_and_left_clean() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let scratch = share.aside("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let run = share.convert(&["--temp-dir", scratch.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(share.media(), ["a.mp4"]);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    share.assert_no_litter();
}

#[test]
fn what_a_killed_worker_left_in_the_scratch_folder_is_cleared_by_the_next_run() {
    let share = Share::new();
    share.add("a.avi", Clip::LongAvi);
    let scratch = share.aside("scratch");
    std::fs::create_dir_all(scratch.join("somebody's")).unwrap();
    let flags = ["--temp-dir", scratch.to_str().unwrap()];
    let mut killed = share.worker(&flags);
    // The stage is told before the folder is made.
    killed.wait_event("job_progress");
    killed.kill();
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 2);
    share.convert(&["--temp-dir", scratch.to_str().unwrap(), "--max-output-percent", "1"]);
    let left: Vec<_> = std::fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["somebody's"]);
}

#[test]
fn a_single_file_is_converted_and_its_neighbours_are_not() {
    let share = Share::new();
    let file = share.add("a.mkv", Clip::RemuxMkv);
    share.add("b.mkv", Clip::RemuxMkv);
    let run = share.run(["--file", file.to_str().unwrap(), "--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(share.media(), ["a.mp4", "b.mkv"]);
}

#[test]
fn two_sources_of_one_stem_never_collide() {
    let share = Share::new();
    share.add("S.avi", Clip::Mpeg4Avi);
    share.add("S.mkv", Clip::RemuxMkv);
    let run = share.convert(&["--jobs", "2"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let sum = summary(&run);
    assert_eq!(sum["converted"], 1, "{}", run.stdout);
    let media = share.media();
    assert!(media.contains(&"S.mp4".to_owned()), "{media:?}");
    assert_eq!(media.len(), 2, "the other source is still there: {media:?}");
    share.assert_no_litter();
}

#[test]
fn real_and_odd_media_go_through_twice_and_nothing_is_lost() {
    let Some(media) = real_media() else { return };
    let share = Share::new();
    let mut count = 0;
    for entry in std::fs::read_dir(media).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if Path::new(&name).extension().is_some_and(|e| e != "md") {
            share.put(&name, &std::fs::read(entry.path()).unwrap());
            count += 1;
        }
    }
    let before = share.digests();
    let first = share.convert(&["-v"]);
    assert_eq!(first.code, 1, "some of them are broken: {}\n{}", first.stdout, first.stderr);
    let after = share.digests();
    // Damaged and unreadable ones, and those whose dynamic HDR would be lost, are byte for byte what they were.
    for same in [
        "encrypted-unreadable.mp4",
        "vp9-corrupt-bitstream.webm",
        "h264-aac.flv",
        "hevc-dolby-vision.mkv",
        "hevc-hdr10plus.mkv",
        "h264-aac.mp4",
    ] {
        assert_eq!(before.get(same), after.get(same), "{same}");
        assert!(after.contains_key(same), "{same}");
    }
    for gone in [
        "h264-ac3.mkv",
        "h264-ac3-srt.mkv",
        "mpeg4-mp3.avi",
        "h263-aac.3gp",
        "vp9-odd-dimensions-161x121.webm",
    ] {
        assert!(!after.contains_key(gone), "{gone} was not converted: {}", first.stdout);
        let stem = Path::new(gone).with_extension("mp4");
        assert!(after.contains_key(stem.to_str().unwrap()), "{gone}");
    }
    crate::fidelity::museum::nothing_is_lost_in_silence(&share, &first, &real_media().unwrap());
    // The header claims 40 hours, the streams hold a second: neither cut short nor fine, but written anew.
    let whole = share.path("fragmented-wrong-duration.mp4");
    assert!(seconds(&whole) < 2.0, "{} s", seconds(&whole));
    share.assert_no_litter();
    let sum = summary(&first);
    let total = sum["converted"].as_u64().unwrap()
        + sum["skipped"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum::<u64>()
        + sum["failed"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum::<u64>();
    assert_eq!(total, count, "every file is accounted for: {}", first.stdout);

    let second = share.convert(&[]);
    let sum = summary(&second);
    assert_eq!(sum["converted"], 0, "{}", second.stdout);
    assert_eq!(second.code, 0, "{}", second.stdout);
    assert_eq!(
        share.digests().iter().filter(|(n, _)| !n.contains("cache")).count(),
        after.iter().filter(|(n, _)| !n.contains("cache")).count()
    );
}
