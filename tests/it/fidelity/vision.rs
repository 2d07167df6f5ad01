//! Dolby Vision and HDR10+ that a profile drops: the HDR10 film below comes out whole, and nothing in the result still promises them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::modern::modern;
use crate::support::clips::{ffmpeg, probe};
use crate::support::{Share, real_media};

/// Every film with a bit rate is above this one, so all of them are encoded.
const PROFILES: &str = "[profiles.hdr]\nextends = 'compact'\nmax_output_percent = 'none'\n[profiles.hdr.video]\ndynamic_hdr = 'drop'\n\
                        max_bitrate = 5\npreset = 'ultrafast'\n[profiles.sdr]\nextends = 'universal'\n[profiles.sdr.video]\n\
                        dynamic_hdr = 'drop'\npreset = 'ultrafast'\n";

/// Puts Dolby Vision's record into the header of an MP4 file whose index lies at the end: no place in the file is moved.
fn with_record(mp4: &[u8], profile: u16, compatibility: u8) -> Vec<u8> {
    let mut record = vec![0, 0, 0, 32];
    record.extend_from_slice(if profile > 7 { b"dvvC" } else { b"dvcC" });
    // Level 1; there are an RPU and a base, and in profile 7 a second layer.
    let words = profile << 9 | 1 << 3 | 1 << 2 | u16::from(profile == 7) << 1 | 1;
    record.extend_from_slice(&[1, 0]);
    record.extend_from_slice(&words.to_be_bytes());
    record.push(compatibility << 4);
    record.resize(32, 0);
    let mut bytes = mp4.to_vec();
    let mut at;
    let (mut from, mut to) = (0, bytes.len());
    // The boxes from the file down to the sample entry; (name, bytes between its header and what it holds).
    for (name, skip) in
        [(b"moov", 0), (b"trak", 0), (b"mdia", 0), (b"minf", 0), (b"stbl", 0), (b"stsd", 8), (b"hvc1", 78)]
    {
        let length = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        at = from;
        while &bytes[at + 4..at + 8] != name {
            at += length(at);
            assert!(at < to, "no {}", String::from_utf8_lossy(name));
        }
        let grown = length(at) + record.len();
        (from, to) = (at + 8 + skip, at + grown - record.len());
        bytes[at..at + 4].copy_from_slice(&u32::try_from(grown).unwrap().to_be_bytes());
    }
    bytes.splice(to..to, record);
    bytes
}

/// What ffprobe says of the first video stream and of each of its frames.
fn said(file: &Path) -> (String, Vec<String>) {
    let stream = probe(file)["streams"][0]["side_data_list"].to_string();
    let mut command = std::process::Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-select_streams", "v:0", "-show_frames"]).arg(file);
    let json: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let frames = json["frames"].as_array().unwrap();
    (stream, frames.iter().map(|f| f["side_data_list"].to_string()).collect())
}

fn static_hdr(frame: &str) -> Vec<Value> {
    let list: Vec<Value> = serde_json::from_str(frame).unwrap();
    let is_static = |s: &Value| {
        let kind = s["side_data_type"].as_str().unwrap();
        kind.starts_with("Mastering") || kind.starts_with("Content light")
    };
    list.into_iter().filter(is_static).collect()
}

/// Films with all that an HDR film can have, of several profiles by their record.
fn films(share: &Share) -> Vec<(PathBuf, u16)> {
    let (clip, plain) = (share.aside("clip.hevc"), share.aside("plain.mp4"));
    std::fs::write(&clip, include_bytes!("../../../src/ffmpeg/caps/metadata.hevc").repeat(10)).unwrap();
    let words = format!("-f hevc -framerate 24 -i {} -c copy -tag:v hvc1", clip.display());
    ffmpeg(words.split_whitespace(), &plain);
    let bytes = std::fs::read(&plain).unwrap();
    let mut films = Vec::new();
    for (name, profile, compatibility) in [("five", 5, 0), ("seven", 7, 6), ("eight", 8, 1)] {
        let film = share.aside(&format!("{name}.mp4"));
        std::fs::write(&film, with_record(&bytes, profile, compatibility)).unwrap();
        let record = &probe(&film)["streams"][0]["side_data_list"][0];
        assert_eq!(record["dv_profile"], profile, "{record}");
        films.push((film, profile));
    }
    if let Some(media) = real_media() {
        films.push((media.join("hevc-dolby-vision.mkv"), 8));
        films.push((media.join("hevc-hdr10plus.mkv"), 0));
    }
    films
}

fn drop_by(tools: &[&str]) {
    let materials = Share::new();
    let films = films(&materials);
    for profile in ["hdr", "sdr"] {
        let share = Share::new();
        share.put("media-converter.toml", PROFILES.as_bytes());
        for (film, _) in &films {
            share.put(film.file_name().unwrap().to_str().unwrap(), &std::fs::read(film).unwrap());
        }
        let run = share.convert(&[&["--profile", profile, "--jobs", "2"], tools].concat());
        for (film, vision) in &films {
            let name = film.file_name().unwrap().to_str().unwrap();
            let end = run.ended(name);
            let what = format!("{name} by {profile}: {end}\n{}", run.stderr);
            if *vision == 5 {
                assert!(end.to_string().contains("Dolby Vision profile 5"), "{what}");
                continue;
            }
            assert_eq!(end["outcome"], "converted", "{what}");
            let lost = end["lost"].to_string();
            assert_eq!(lost.contains("Dolby Vision"), *vision > 0, "{what}");
            let (was, is) = (said(film), said(&share.path(end["output"].as_str().unwrap())));
            assert_eq!(was.1.len(), is.1.len(), "frames of {what}");
            assert!(!is.0.contains("DOVI"), "its header still promises it: {} of {what}", is.0);
            for (was, is) in was.1.iter().zip(&is.1) {
                assert!(!is.contains("Dolby Vision") && !is.contains("2094-40"), "{is} of {what}");
                assert!(was.contains("Mastering display"), "{was} of {what}");
                if profile == "hdr" {
                    assert_eq!(static_hdr(was), static_hdr(is), "{what}");
                } else {
                    assert!(!is.contains("Mastering") && !is.contains("Content light"), "{is} of {what}");
                }
            }
        }
        let again = share.convert(&[&["--profile", profile], tools].concat());
        assert_eq!(again.summary()["converted"], 0, "{profile} twice: {}", again.stdout);
    }
}

#[test]
fn what_a_profile_drops_leaves_hdr10_and_no_promise_behind() {
    drop_by(&[]);
}

#[test]
fn what_a_profile_drops_leaves_hdr10_and_no_promise_behind_with_an_ffmpeg_of_today() {
    let Some(folder) = modern() else { return };
    let (ffmpeg, ffprobe) = (folder.join("ffmpeg"), folder.join("ffprobe"));
    drop_by(&["--ffmpeg", ffmpeg.to_str().unwrap(), "--ffprobe", ffprobe.to_str().unwrap()]);
}
