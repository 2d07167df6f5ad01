//! The best encoder that really works, and a good guest on the machine.

use std::path::PathBuf;

use serde_json::Value;

use crate::convert::summary;
use crate::support::{Clip, Run, Share, play};

/// A share whose ffmpeg is a fake that follows `script`; the arguments that name it.
fn faked(script: &str) -> (Share, Vec<String>, PathBuf) {
    let share = Share::new();
    let folder = share.aside("fakes");
    let (ffmpeg, ffprobe) = play::install(&folder, script);
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (share, vec!["--ffmpeg".into(), text(ffmpeg), "--ffprobe".into(), text(ffprobe)], folder)
}

fn convert(share: &Share, programs: &[String], args: &[&str]) -> Run {
    let mut all: Vec<&str> = programs.iter().map(String::as_str).collect();
    all.extend(args);
    share.convert(&all)
}

fn ended(run: &Run) -> Vec<Value> {
    run.named("job_ended")
}

fn notes(run: &Run) -> String {
    let words: Vec<String> =
        run.named("note").iter().map(|note| note["text"].as_str().unwrap_or_default().to_owned()).collect();
    words.join("\n")
}

/// What `caps --json` says of an encoder's probation.
fn probation(share: &Share, programs: &[String]) -> Value {
    let mut args = vec!["caps".to_owned(), "--json".to_owned()];
    args.extend_from_slice(programs);
    let document: Value = serde_json::from_str(&share.run(&args).expect(0).stdout).unwrap();
    document["probation"].clone()
}

#[test]
fn an_encoder_that_fails_in_mid_job_is_followed_by_software_once_and_rests() {
    let (share, programs, folder) = faked("fail only=h264_nvenc only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    share.add("b.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &["--jobs", "1"]).expect(0);
    assert_eq!(summary(&run)["converted"], 2);
    assert!(notes(&run).contains("h264_nvenc failed"), "never silent: {}", notes(&run));
    let ended = ended(&run);
    assert!(ended.iter().all(|job| job["encoder"] == "libx264"), "{ended:#?}");
    assert!(ended[0]["instead_of"].as_str().is_some_and(|why| why.contains("asked to fail")), "{ended:#?}");
    assert!(
        ended[1]["instead_of"].is_null(),
        "the encoder rests, so the second file goes to software at once"
    );
    let tries = play::calls(&folder)
        .iter()
        .filter(|call| call.contains("h264_nvenc") && call.contains("out.part"))
        .count();
    assert_eq!(tries, 1);
    let kept = probation(&share, &programs);
    assert_eq!((&kept[0]["encoder"], &kept[0]["failures"]), (&"h264_nvenc".into(), &1.into()), "{kept}");
    // The next run on this machine knows it, too.
    share.add("c.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    assert_eq!(self::ended(&run)[0]["encoder"], "libx264");
    // Somebody who put things right says so.
    play::rescript(&folder, "none on=version plays=h264_nvenc");
    let mut args = vec!["caps".to_owned(), "--refresh".to_owned()];
    args.extend_from_slice(&programs);
    share.run(&args).expect(0);
    share.add("d.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    assert_eq!(self::ended(&run)[0]["encoder"], "h264_nvenc", "{}", run.stdout);
    share.assert_no_litter();
}

#[test]
fn all_sessions_in_use_is_a_wait_and_no_failure() {
    let (share, programs, folder) = faked("sessions only=h264_nvenc only=out.part times=1 plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    let ended = ended(&run);
    assert_eq!(ended[0]["encoder"], "h264_nvenc", "{}", run.stdout);
    assert!(ended[0]["instead_of"].is_null());
    assert!(notes(&run).contains("waiting for one"), "{}", notes(&run));
    assert!(run.named("job_stage").iter().any(|stage| stage["stage"] == "waiting"));
    let tries = play::calls(&folder)
        .iter()
        .filter(|call| call.contains("h264_nvenc") && call.contains("out.part"))
        .count();
    assert_eq!(tries, 2);
}

#[test]
fn a_file_that_fails_in_software_too_is_not_held_against_the_encoder() {
    let (share, programs, folder) = faked("fail only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let before = share.digests();
    let run = convert(&share, &programs, &[]).expect(1);
    assert_eq!(ended(&run)[0]["code"], "encode");
    // Another file of the next run goes to the card as if nothing had been.
    play::rescript(&folder, "none on=version plays=h264_nvenc");
    share.add("b.avi", Clip::Mpeg4Avi);
    assert_eq!(ended(&convert(&share, &programs, &["--include", "b.*"]))[0]["encoder"], "h264_nvenc");
    assert_eq!(share.digests()["a.avi"], before["a.avi"]);
    share.assert_no_litter();
}

#[test]
fn one_kind_of_hardware_and_nothing_else_is_taken_at_its_word() {
    let (share, programs, folder) = faked("fail only=h264_nvenc only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &["--encoder", "nvenc"]).expect(1);
    let ended = ended(&run);
    assert_eq!(ended[0]["code"], "encode");
    assert!(ended[0]["hint"].as_str().unwrap().contains("--encoder auto"), "{ended:#?}");
    assert!(!play::calls(&folder).iter().any(|call| call.contains("libx264")), "not even tried");
    share.assert_no_litter();
}

#[test]
fn the_plan_by_way_of_a_temporary_folder_says_what_it_carried() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let scratch = share.aside("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let run = share.convert(&["--temp-dir", scratch.to_str().unwrap()]).expect(0);
    let job = &ended(&run)[0];
    let (before, after) = (job["bytes_before"].as_u64().unwrap(), job["bytes_after"].as_u64().unwrap());
    assert_eq!(job["bytes_moved"], before + after, "the source once, the result once: {job}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left there");
}
