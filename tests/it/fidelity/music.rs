//! Music by every codec that a profile may name: tags, loudness and cover are there again.

use std::collections::BTreeMap;

use crate::support::Share;
use crate::support::clips::{ffmpeg, probe};

/// The tags of a file, wherever its container keeps them, and how many pictures it has.
fn tags(file: &std::path::Path) -> (BTreeMap<String, String>, usize) {
    let facts = probe(file);
    let streams = facts["streams"].as_array().unwrap();
    let holders = streams.iter().filter(|s| s["codec_type"] == "audio").chain([&facts["format"]]);
    let pairs = holders.filter_map(|holder| holder["tags"].as_object()).flatten();
    let pair = |(name, value): (&String, &serde_json::Value)| {
        (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned())
    };
    (pairs.map(pair).collect(), streams.iter().filter(|s| s["codec_type"] == "video").count())
}

#[test]
fn tags_loudness_and_cover_of_music_are_kept() {
    const TAGS: [(&str, &str); 10] = [
        ("title", "Prüfton"),
        ("artist", "Jemand"),
        ("album", "Töne"),
        ("track", "3/9"),
        ("date", "1999"),
        ("genre", "Jazz"),
        ("language", "ger"),
        ("REPLAYGAIN_TRACK_GAIN", "-6.50 dB"),
        ("REPLAYGAIN_TRACK_PEAK", "0.98"),
        ("ISRC", "DEUM71400001"),
    ];
    let materials = Share::new();
    let (cover, song) = (materials.aside("c.png"), materials.aside("song.wv"));
    ffmpeg("-f lavfi -i color=red:size=64x64 -frames:v 1".split(' '), &cover);
    let cover = cover.to_str().unwrap();
    for (codec, source) in
        [("mp3", "flac"), ("opus", "flac"), ("aac", "flac"), ("flac", "mp3"), ("aac", "ogg"), ("mp3", "ogg")]
    {
        let song = song.with_extension(source);
        let mut words: Vec<String> =
            "-f lavfi -i sine=duration=0.6:sample_rate=44100 -i".split(' ').map(str::to_owned).collect();
        words.push(cover.to_owned());
        // ffmpeg writes no pictures into Ogg.
        let streams = match source {
            "ogg" => "-map 0 -ac 2 -c:a libvorbis",
            _ => "-map 0 -map 1 -ac 2 -c:v copy -disposition:v attached_pic",
        };
        words.extend(streams.split(' ').map(str::to_owned));
        words.extend(
            TAGS.iter().flat_map(|(name, value)| ["-metadata".to_owned(), format!("{name}={value}")]),
        );
        ffmpeg(words.iter().map(String::as_str), &song);
        let share = Share::new();
        let name = format!("song.{source}");
        share.put(&name, &std::fs::read(&song).unwrap());
        let settings = format!(
            "profile = 'm'\n[profiles.m]\nextends = 'audio'\n[profiles.m.music]\ncodec = '{codec}'\n"
        );
        share.put("media-converter.toml", settings.as_bytes());
        let run = share.convert(&[]);
        let Some(end) = run.named("job_ended").pop() else {
            // A lossy file is made no worse by a lossless coat.
            assert!(codec == "flac" && share.path(&name).is_file(), "{}", run.stdout);
            continue;
        };
        assert_eq!(end["outcome"], "converted", "{codec}: {end}");
        let lost = end["lost"].to_string().to_lowercase();
        let (found, pictures) = tags(&share.path(end["output"].as_str().unwrap()));
        for (tag, value) in TAGS {
            let tag = tag.to_lowercase();
            let kept = found.get(&tag).is_some_and(|found| found == value);
            assert!(kept, "{tag} by {codec}: {found:?}; {lost}");
        }
        assert_eq!(pictures, usize::from(source != "ogg"), "{codec}: {lost}");
        let again = share.convert(&[]);
        assert!(again.named("job_started").is_empty(), "{codec} twice: {}", again.stdout);
    }
}

#[test]
fn a_cover_of_no_kind_becomes_the_front() {
    let materials = Share::new();
    let cover = materials.aside("c.png");
    ffmpeg("-f lavfi -i color=red:size=64x64 -frames:v 1".split(' '), &cover);
    let share = Share::new();
    let song = share.path("song.m4a");
    let words = format!(
        "-f lavfi -i sine=duration=0.6 -i {} -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic",
        cover.display()
    );
    ffmpeg(words.split(' '), &song);
    crate::support::share::age(&song);
    share.convert(&["--profile", "audio"]).expect(0);
    let facts = probe(&share.path("song.mp3"));
    let pictures = facts["streams"].as_array().unwrap().iter().filter(|s| s["codec_type"] == "video");
    let kinds: Vec<_> = pictures.map(|picture| picture["tags"]["comment"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Cover (front)"]);
}
