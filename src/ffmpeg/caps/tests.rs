use std::time::Duration;

use super::{STALL, advice, complete, conditions, lasting, mapping, trial, trial_within};
use crate::ffmpeg::encoders;
use crate::ffmpeg::play;
use crate::ffmpeg::tools::{Tools, find};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::error::Kind;

fn fake(folder: &std::path::Path, script: &str) -> Tools {
    let (ffmpeg, ffprobe) = play::install(folder, script);
    find(Some(&ffmpeg), Some(&ffprobe)).unwrap()
}

fn why(caps: &Caps, name: &str) -> String {
    match caps.encoders.iter().find(|e| e.name == name).map(|e| &e.verdict) {
        Some(Verdict::Failed { why }) => why.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_real_ffmpeg_is_tried_and_software_works() {
    let tools = find(None, None).unwrap();
    let caps = trial(&tools).unwrap();
    assert_eq!((&caps.version, caps.release), (&tools.version, tools.release));
    for name in ["libx264", "aac"] {
        let cap = caps.working(name).unwrap_or_else(|| panic!("{name}: {:#?}", caps.encoders));
        assert!(!cap.hardware && cap.device.is_none());
    }
    assert!(
        caps.working("libx264").is_some_and(|cap| matches!(cap.verdict, Verdict::Works { fps } if fps > 1.0))
    );
    assert!(caps.has_filter("scale") && caps.listed.contains("libx264"));
    // Nothing is silent: each encoder we know has a verdict, and each failure a reason.
    for name in encoders::VIDEO.iter().map(|e| e.name).chain(encoders::AUDIO.iter().map(|(name, _)| *name)) {
        let cap =
            caps.encoders.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name} has no verdict"));
        match &cap.verdict {
            Verdict::Failed { why } => assert!(!why.is_empty() && caps.listed.contains(name), "{name}"),
            Verdict::Works { .. } => assert!(caps.listed.contains(name), "{name}"),
            Verdict::NotListed => assert!(!caps.listed.contains(name), "{name}"),
        }
    }
    if crate::sys::gpu::drivers().contains("/dev/dri") || crate::sys::gpu::nvidia().is_ok() {
        println!("SKIPPED: this machine has a graphics card, so that its encoders may work");
        return;
    }
    let working: Vec<&str> = caps
        .encoders
        .iter()
        .filter(|e| e.hardware && matches!(e.verdict, Verdict::Works { .. }))
        .map(|e| e.name.as_str())
        .collect();
    assert!(working.is_empty(), "without a card: {working:?}");
}

#[test]
fn an_ffmpeg_that_lists_everything_and_fails_each_in_another_way_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "lists-everything");
    let caps = trial_within(&tools, Duration::from_secs(8)).unwrap();
    let chosen: Vec<&EncoderCap> =
        caps.encoders.iter().filter(|e| e.hardware && matches!(e.verdict, Verdict::Works { .. })).collect();
    assert!(chosen.is_empty(), "{chosen:#?}");
    assert!(caps.working("libx264").is_some());
    for (name, says) in [
        ("h264_nvenc", "Cannot load libcuda.so.1"),
        ("hevc_nvenc", "OpenEncodeSessionEx failed: out of memory"),
        ("av1_nvenc", "minimum required Nvidia driver for nvenc is 570.0"),
        // By its silence, or by the deadline of all of it where a start takes seconds.
        ("h264_qsv", "it hung: "),
        ("hevc_qsv", "wrote nothing"),
        ("h264_vaapi", "one colour"),
        ("hevc_vaapi", "it made 8 pictures of 24"),
        ("av1_vaapi", "wrote nothing"),
        ("h264_amf", "it made 320x360 of 640x360"),
        ("hevc_amf", "what it made cannot be read"),
        ("av1_amf", "amfrt64.dll failed to open"),
        ("hevc_videotoolbox", "cannot create compression session"),
        ("h264_v4l2m2m", "Could not find a valid device"),
        ("hevc_v4l2m2m", "asked to fail"),
        ("av1_vulkan", "it made mpeg4 instead of av1"),
    ] {
        let why = why(&caps, name);
        // The fake one asks the real one for AV1, which not every build makes.
        let no_av1 = name == "av1_vulkan" && why.contains("libsvtav1");
        assert!(why.contains(says) || no_av1, "{name}: {why}");
    }
    // The words of these depend on how far the decoder got.
    for name in ["av1_qsv", "h264_videotoolbox", "hevc_vulkan"] {
        assert!(!why(&caps, name).is_empty());
    }
    let calls = play::calls(dir.path());
    assert!(
        !calls.iter().any(|call| call.contains("h264_vaapi") && call.contains("p010le")),
        "10 bit of a failed one"
    );
    let kept = lasting(&caps);
    let gone = |name: &str| !kept.encoders.iter().any(|encoder| encoder.name == name);
    assert!(gone("hevc_nvenc") && gone("h264_qsv"), "sessions in use and a hang may be over soon");
    assert_eq!(kept.encoders.len(), caps.encoders.len() - 2);
}

#[test]
fn an_ffmpeg_without_encoders_can_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let caps = trial(&fake(dir.path(), "no-encoders")).unwrap();
    assert!(caps.encoders.iter().all(|e| e.verdict == Verdict::NotListed), "{:#?}", caps.encoders);
    assert_eq!(lasting(&caps), caps);
}

#[test]
fn only_what_is_wanted_is_tried_and_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "none");
    let caps = complete(&tools, None, &|name| name == "libx264").unwrap();
    let names = |caps: &Caps| caps.encoders.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&caps), ["libx264"]);
    // Where there is a decoder to try, as on every Windows, a clip of each codec is made for it.
    let sample = |call: &String| ["sample.mkv", "long.mkv"].iter().any(|file| call.contains(file));
    assert!(!play::calls(dir.path()).iter().any(|call| call.contains("libx265") && !sample(call)));
    let before = play::calls(dir.path()).len();
    let same = complete(&tools, Some(caps.clone()), &|name| name == "libx264").unwrap();
    assert_eq!((same, play::calls(dir.path()).len()), (caps.clone(), before), "not a single call");
    let more = complete(&tools, Some(caps), &|name| matches!(name, "libx264" | "aac" | "av1_amf")).unwrap();
    assert_eq!(names(&more), ["libx264", "av1_amf", "aac"]);
    let calls = play::calls(dir.path()).split_off(before);
    assert!(!calls.iter().any(|call| call.contains("libx264") || call.contains("-encoders")), "{calls:?}");
}

#[test]
fn an_ffmpeg_that_cannot_list_is_a_missing_tool() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "none");
    play::rescript(dir.path(), "fail on=list");
    assert_eq!(trial(&tools).unwrap_err().kind, Kind::MissingTool);
}

#[test]
fn the_trials_leave_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "fail");
    let caps = trial(&tools).unwrap();
    assert!(caps.encoders.iter().all(|e| !matches!(e.verdict, Verdict::Works { .. })));
    let file =
        play::calls(dir.path()).iter().find_map(|call| Some(call.split_once("file:")?.1.to_owned())).unwrap();
    assert!(!std::path::Path::new(&file).parent().unwrap().exists(), "{file}");
}

#[test]
fn conditions_change_with_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(&dir.path().join("a"), "none");
    assert_eq!(conditions(&tools), conditions(&tools));
    let other = fake(&dir.path().join("b"), "none");
    assert_ne!(conditions(&tools), conditions(&other));
    let newer = Tools { version: "9.9".into(), ..tools.clone() };
    assert_ne!(conditions(&tools), conditions(&newer));
}

#[test]
fn every_failure_that_people_meet_has_advice() {
    for why in [
        "h264_nvenc: Cannot load libcuda.so.1",
        "h264_nvenc: Driver does not support the required nvenc API version. Required: 13.1 Found: 13.0",
        "av1_nvenc: The minimum required Nvidia driver for nvenc is 570.0 or newer",
        "AVHWDeviceContext: No VA display found for device /dev/dri/renderD128.",
        "hevc_qsv: Error initializing an internal MFX session: unsupported (-3)",
    ] {
        assert!(advice(why).is_some(), "{why}");
    }
    assert_eq!(advice("something else"), None);
}

#[test]
fn the_ffmpeg_here_knows_every_option_of_the_table() {
    /// Options of every encoder, which `-h encoder=` does not repeat.
    const COMMON: &[&str] = &["b", "maxrate", "bufsize", "level", "global_quality", "compression_level", "q"];
    let tools = find(None, None).unwrap();
    let listed = super::list::encoders(&super::ask(&tools, "-encoders").unwrap());
    let cap = Some(encoders::Cap { max: 4000, buffer: None });
    for encoder in encoders::VIDEO.iter().filter(|e| listed.contains(e.name)) {
        let args = vec!["-hide_banner".into(), "-h".into(), format!("encoder={}", encoder.name).into()];
        let spawn = super::Spawn { program: tools.ffmpeg.clone(), args, background: false };
        let help = crate::sys::process::output(&spawn, Duration::from_secs(30), 1 << 20).unwrap();
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let words = [
            encoder.quality(encoder.middling(), None, tools.release),
            encoder.quality(encoder.middling(), cap, tools.release),
            encoder.preset("1"),
            encoder.tune("1"),
            encoder.select(Some("1")),
            encoder.level(41),
        ]
        .concat();
        for word in words.iter().step_by(2) {
            let name = word.trim_start_matches('-').split(':').next().unwrap();
            assert!(
                COMMON.contains(&name) || help.contains(&format!("  -{name} ")),
                "{} does not know -{name}",
                encoder.name
            );
        }
    }
}

#[test]
fn libplacebo_maps_hdr_right_and_a_card_that_the_processor_plays_is_not_used_for_it() {
    let tools = find(None, None).unwrap();
    let stand = trial::Stand::new(&tools, STALL);
    let found = match mapping::difference(&stand) {
        Ok(found) => found,
        Err(why) => {
            println!("SKIPPED: libplacebo does not run here: {why}");
            return;
        }
    };
    assert!(found < 30.0, "{found}");
    match mapping::verdict(&stand) {
        Verdict::Works { .. } => {}
        Verdict::Failed { why } => assert!(why.contains("the processor"), "{why}"),
        Verdict::NotListed => panic!("it ran a moment ago"),
    }
}
