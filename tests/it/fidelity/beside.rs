//! Subtitles that the result cannot hold, and everything that lay beside a film and follows its name.

use std::path::Path;
use std::process::Command;

use super::museum::{FILM, pgs};
use crate::support::Share;
use crate::support::clips::ffmpeg;

/// The bytes of a subtitle stream.
fn bytes(file: &Path, stream: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(file);
    command.args(["-map", stream, "-c", "copy", "-f", "data", "-"]).output().unwrap().stdout
}

#[test]
fn image_subtitles_go_beside_the_result_byte_by_byte_and_what_lay_there_follows_its_name() {
    let materials = Share::new();
    let sup = materials.aside("p.sup");
    std::fs::write(&sup, pgs(0.4)).unwrap();
    let share = Share::new();
    let films = [
        ("Film.2160p.mkv", "-c:v mpeg4 -c:a ac3 -c:s copy", [".ger.sup", ".ger.forced.sup"]),
        ("DVD.mkv", "-c:v mpeg4 -c:a ac3 -c:s dvdsub", [".ger.mks", ".ger.forced.mks"]),
        ("Broadcast.ts", "-c:v mpeg2video -c:a mp2 -c:s dvbsub", [".ger.mks", ".ger.2.mks"]),
    ];
    let size = |name: &str| if name.contains("2160p") { "3840x2160" } else { "160x90" };
    for (name, recipe, _) in &films {
        let film = FILM.replace("160x90", size(name)).replace("0.6", "0.5");
        let words = format!(
            "{film} -i {} -map 0 -map 1 -map 2 -map 2 {recipe} -metadata:s:s language=ger -metadata:s:s:1 language=ger \
             -disposition:s:0 0 -disposition:s:1 forced",
            sup.display()
        );
        ffmpeg(words.split_whitespace(), &materials.aside(name));
        share.put(name, &std::fs::read(materials.aside(name)).unwrap());
    }
    // Somebody's own subtitles lie there already, under the very name; the others belong to the film and to nobody.
    for name in [
        "Film.2160p.ger.forced.sup",
        "Film.2160p.nfo",
        "Film.2160p-poster.jpg",
        "Film.2160p.de.srt",
        "Film.2160px.nfo",
    ] {
        share.put(name, name.as_bytes());
    }
    share.put("DVD.ger.mks", b"theirs");
    let run = share.convert(&["--downgrade-resolution", "--jobs", "1"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let names = share.names();
    for (name, _, sidecars) in &films {
        let stem = name.rsplit_once('.').unwrap().0.replace("2160p", "1080p");
        for (n, suffix) in sidecars.iter().enumerate() {
            let wanted = bytes(&materials.aside(name), &format!("0:s:{n}"));
            let ending = Path::new(suffix).extension();
            let beside = names.iter().filter(|f| f.starts_with(&stem) && Path::new(f).extension() == ending);
            let found = beside.map(|f| share.path(f)).any(|file| bytes(&file, "0:s:0") == wanted);
            assert!(!wanted.is_empty() && found, "{name} {suffix}: {names:?}");
        }
    }
    for (name, was) in [
        ("Film.1080p.nfo", "Film.2160p.nfo"),
        ("Film.1080p-poster.jpg", "Film.2160p-poster.jpg"),
        ("Film.1080p.de.srt", "Film.2160p.de.srt"),
        ("Film.2160px.nfo", "Film.2160px.nfo"),
        ("DVD.ger.mks", "theirs"),
    ] {
        assert_eq!(
            std::fs::read(share.path(name)).ok().as_deref(),
            Some(was.as_bytes()),
            "{name}: {:?}",
            share.names()
        );
    }
    let theirs = share.names().iter().filter(|n| n.contains(".sup")).count();
    assert_eq!(theirs, 3, "nothing was overwritten: {:?}", share.names());
}
