//! `query` and `stats`, after scans of real clips.

use serde_json::Value;

use crate::support::{Clip, Share};

fn json(share: &Share, args: &[&str]) -> Value {
    let run = share.run(args).expect(0);
    serde_json::from_str(&run.stdout).unwrap_or_else(|why| panic!("{args:?}: {why}\n{}", run.stdout))
}

fn paths(answer: &Value) -> Vec<String> {
    let files = answer["files"].as_array().expect("a list of files");
    files.iter().map(|file| file["path"].as_str().expect("a path").to_owned()).collect()
}

#[test]
fn what_a_scan_saw_is_asked_for_without_opening_a_file() {
    let share = Share::new();
    share.add("Films/Film.mkv", Clip::H264Mkv);
    share.add("Films/Old/Film.avi", Clip::Mpeg4Avi);
    share.add("Music/Song.flac", Clip::Flac);
    let root = share.root().to_str().unwrap().to_owned();
    let films = share.path("Films").to_str().unwrap().to_owned();

    let nothing = share.run(["query", &root]).expect(0);
    assert!(nothing.stderr.contains("scan"), "{}", nothing.stderr);
    share.run(["scan", &root]).expect(0);

    let all = json(&share, &["query", &root, "--json"]);
    assert_eq!(paths(&all), ["Films/Film.mkv", "Films/Old/Film.avi", "Music/Song.flac"]);
    let old = json(&share, &["query", &root, "--codec", "MPEG4", "--json"]);
    assert_eq!(paths(&old), ["Films/Old/Film.avi"]);
    let below =
        json(&share, &["query", &films, "--where", "height > 0", "--where", "not name ~ avi", "--json"]);
    assert_eq!(paths(&below), ["Film.mkv"]);
    let songs = json(&share, &["query", &root, "--where", "container = flac or hdr", "--json"]);
    assert_eq!(paths(&songs), ["Music/Song.flac"]);
    assert!(paths(&json(&share, &["query", &root, "--min-size", "1T", "--json"])).is_empty());

    let csv = share.run(["query", &root, "--csv", "--fields", "codec,path", "--sort", "codec"]).expect(0);
    assert_eq!(csv.stdout, "codec,path\nh264,Films/Film.mkv\nmpeg4,Films/Old/Film.avi\n,Music/Song.flac\n");
    let largest = share.run(["query", &root, "--sort", "size", "--limit", "1"]).expect(0);
    assert!(largest.stdout.ends_with('\n') && largest.stdout.contains("1 file"), "{}", largest.stdout);

    let stats = json(&share, &["stats", &root, "--json"]);
    assert_eq!(stats["total"]["files"], 3);
    assert_eq!(stats["folders"]["Films"]["files"], 2);

    std::fs::remove_file(share.path("Films/Old/Film.avi")).unwrap();
    // What a scan no longer sees is forgotten; times in the store are whole seconds, so perhaps only by the next scan.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        share.run(["scan", &root]).expect(0);
        let left = paths(&json(&share, &["query", &root, "--json"]));
        if left == ["Films/Film.mkv", "Music/Song.flac"] {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "still remembered: {left:?}");
    }
}

#[test]
fn a_question_that_makes_no_sense_is_wrong_usage_and_says_why() {
    let share = Share::new();
    let root = share.root().to_str().unwrap().to_owned();
    for (args, word) in [
        (["--where", "hight > 3"], "hight"),
        (["--where", "(hdr"], "parenthesis"),
        (["--sort", "beauty"], "beauty"),
        (["--fields", "path,beauty"], "beauty"),
        (["--min-size", "big or hdr"], "big"),
    ] {
        let run = share.run(["query", &root, args[0], args[1]]).expect(2);
        assert!(run.stderr.contains(word), "{args:?}: {}", run.stderr);
    }
}
