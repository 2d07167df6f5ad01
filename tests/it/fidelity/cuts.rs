//! Sources that somebody cut: ten places in each of four containers.

use std::collections::BTreeMap;

use crate::support::clips::{ffmpeg, probe};
use crate::support::{Run, Share};

const FILM: &str = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=4 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=4";

/// Cuts a clip at 14, 23 … 95 % and runs once over the pieces; the library before is returned, too.
fn cut(share: &Share, extension: &str, recipe: &str) -> (Run, BTreeMap<String, String>) {
    let whole = share.aside(&format!("whole.{extension}"));
    ffmpeg(FILM.split_whitespace().chain(recipe.split_whitespace()), &whole);
    let bytes = std::fs::read(&whole).unwrap();
    for percent in (14..100).step_by(9) {
        let keep = bytes.len() * percent / 100;
        share.put(&format!("{percent:02}/cut.{extension}"), &bytes[..keep]);
    }
    let before = share.digests();
    let run = share.convert(&["--jobs", "2"]);
    share.assert_no_litter();
    (run, before)
}

#[test]
fn a_source_cut_anywhere_is_left_alone_with_its_reason() {
    for (extension, recipe) in [
        ("mkv", "-c:v libx264 -preset ultrafast -c:a ac3"),
        ("mp4", "-c:v mpeg4 -q:v 8 -c:a aac"),
        // The index stands at the front: all that is missing is the end.
        ("m4v", "-c:v mpeg4 -q:v 8 -c:a aac -movflags +faststart -f mp4"),
        ("avi", "-c:v mpeg4 -q:v 8 -c:a libmp3lame"),
    ] {
        let share = Share::new();
        let (run, before) = cut(&share, extension, recipe);
        assert_eq!(run.code, 1, "{extension}: {}\n{}", run.stdout, run.stderr);
        let failed: Vec<_> =
            run.named("job_ended").into_iter().filter(|e| e["outcome"] == "failed").collect();
        assert_eq!(failed.len(), 10, "{extension}: {}", run.stdout);
        for event in failed {
            let code = event["code"].as_str().unwrap();
            assert!(["truncated", "damaged", "unreadable"].contains(&code), "{extension}: {event}");
        }
        let after: BTreeMap<_, _> =
            share.digests().into_iter().filter(|(name, _)| !name.contains(".mediabox")).collect();
        assert_eq!(after, before, "{extension}");
    }
}

/// A recording has no header that promises a length: wherever it stops is its end, and the last frame may be half there.
#[test]
fn a_recording_that_stops_in_the_midst_of_a_frame_is_whole_up_to_there() {
    for (extension, recipe) in [
        ("ts", "-c:v libx264 -preset ultrafast -g 25 -c:a aac -f mpegts"),
        ("m2t.ts", "-c:v mpeg2video -q:v 8 -g 12 -bf 2 -c:a mp2 -f mpegts"),
    ] {
        let share = Share::new();
        let (run, _) = cut(&share, extension, recipe);
        assert_eq!(run.code, 0, "{extension}: {}\n{}", run.stdout, run.stderr);
        let media = share.media();
        assert!(
            media.len() == 10 && media.iter().all(|name| name.contains(".mp4")),
            "{extension}: {media:?}"
        );
        let whole = probe(&share.aside(&format!("whole.{extension}")));
        let whole: f64 = whole["format"]["duration"].as_str().unwrap().parse().unwrap();
        for name in media {
            let place: f64 = name[..2].parse().unwrap();
            let result = probe(&share.path(&name));
            let length: f64 = result["format"]["duration"].as_str().unwrap().parse().unwrap();
            let at = whole * place / 100.0;
            assert!((length - at).abs() < 0.6, "{name}: {length} s of {at} s");
        }
    }
}

/// Damage that is not at the end is damage, in a recording as well.
#[test]
fn a_source_with_garbage_inside_is_left_alone() {
    let share = Share::new();
    let films = [
        ("noise.mkv", "-c:v libx264 -preset ultrafast -g 25 -c:a ac3"),
        ("noiseindex.mp4", "-c:v mpeg4 -q:v 8 -c:a aac -movflags +faststart"),
        ("noisechunks.avi", "-c:v mpeg4 -q:v 8 -c:a libmp3lame"),
        ("noisets.ts", "-c:v libx264 -preset ultrafast -g 25 -c:a aac -f mpegts"),
    ];
    for (name, recipe) in films {
        let whole = share.aside(name);
        ffmpeg(FILM.split_whitespace().chain(recipe.split_whitespace()), &whole);
        let mut bytes = std::fs::read(&whole).unwrap();
        let middle = bytes.len() / 3;
        for byte in &mut bytes[middle..middle + 20_000] {
            *byte ^= 0x5a;
        }
        // A recording stops somewhere besides.
        let end = if name == "noisets.ts" { bytes.len() - 1000 } else { bytes.len() };
        share.put(name, &bytes[..end]);
    }
    let before = share.digests();
    let run = share.convert(&["--jobs", "2"]).expect(1);
    let failed: Vec<_> = run.named("job_ended").into_iter().filter(|e| e["outcome"] == "failed").collect();
    assert_eq!(failed.len(), films.len(), "{}", run.stdout);
    for event in failed {
        let code = event["code"].as_str().unwrap();
        assert!(["truncated", "damaged"].contains(&code), "{event}");
    }
    let after: BTreeMap<_, _> =
        share.digests().into_iter().filter(|(name, _)| !name.contains(".mediabox")).collect();
    assert_eq!(after, before);
}

/// What a file's own structure tells is said before a run, too.
#[test]
fn a_dry_run_promises_nothing_of_a_file_that_is_cut() {
    let share = Share::new();
    for (name, recipe) in [
        ("cut.mkv", "-c:v libx264 -preset ultrafast -c:a ac3"),
        ("cutindex.mp4", "-c:v mpeg4 -q:v 8 -c:a aac -movflags +faststart"),
        ("cutchunks.avi", "-c:v mpeg4 -q:v 8 -c:a libmp3lame"),
    ] {
        let whole = share.aside(name);
        ffmpeg(FILM.split_whitespace().chain(recipe.split_whitespace()), &whole);
        let bytes = std::fs::read(&whole).unwrap();
        share.put(name, &bytes[..bytes.len() * 7 / 10]);
    }
    let ends = |run: &Run| -> BTreeMap<String, String> {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        run.named("job_ended")
            .iter()
            .map(|e| (word(&e["path"]), word(&e["code"]) + &word(&e["words"])))
            .collect()
    };
    let before = share.digests();
    let foreseen = share.convert(&["--dry-run"]);
    assert_eq!((foreseen.code, share.digests()), (1, before), "{}", foreseen.stderr);
    assert!(foreseen.named("planned").is_empty(), "{}", foreseen.stdout);
    let probe = share.run(["probe".as_ref(), share.path("cut.mkv").as_os_str()]).expect(0);
    assert!(probe.stdout.contains("left alone: cut short: its structure promises"), "{}", probe.stdout);
    let run = share.convert(&[]);
    assert_eq!(ends(&foreseen).len(), 3, "{}", foreseen.stdout);
    assert_eq!(ends(&foreseen), ends(&run), "{}", run.stdout);
}
