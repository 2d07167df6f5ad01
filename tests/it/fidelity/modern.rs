//! What an ffmpeg of today does otherwise, and what only it can: Dolby Vision and HDR10+ through an encode, captions through x265,
//! VMAF. `tests/modern.sh` puts one there; these tests run the program with it, and read the results with its ffprobe.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Run, Share, real_media};

/// The folder with an ffmpeg and ffprobe of today; says aloud what is skipped without them.
pub fn modern() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("tests/modern");
    // Under wine a Linux ffmpeg may lie there, which is no use.
    let is_there = |tool: &str| folder.join(format!("{tool}{}", std::env::consts::EXE_SUFFIX)).is_file();
    if is_there("ffmpeg") && is_there("ffprobe") {
        return Some(folder);
    }
    println!("SKIPPED: there is no ffmpeg of today (tests/modern.sh puts one into {})", folder.display());
    None
}

fn ffmpeg(folder: &Path, words: &str, output: &Path) {
    let mut command = Command::new(folder.join("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y"]).args(words.split_whitespace()).arg(output);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Of every frame in order: what HDR10+ and Dolby Vision say, and whether there are captions.
fn frames(folder: &Path, file: &Path) -> Vec<(String, bool)> {
    let mut command = Command::new(folder.join("ffprobe"));
    command.args(["-v", "error", "-of", "json", "-select_streams", "v:0", "-show_frames"]).arg(file);
    let json: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let of = |frame: &Value| {
        let list = frame["side_data_list"].as_array().cloned().unwrap_or_default();
        let kind = |s: &Value| s["side_data_type"].as_str().unwrap_or_default().to_owned();
        let dynamic = |s: &&Value| kind(s).contains("2094-40") || kind(s) == "Dolby Vision Metadata";
        let mut said: Vec<String> = list.iter().filter(dynamic).map(ToString::to_string).collect();
        said.sort();
        (said.join("\n"), list.iter().any(|s| kind(s).starts_with("ATSC A53")))
    };
    json["frames"].as_array().unwrap().iter().map(of).collect()
}

/// Our own three frames with all kinds of metadata, ten times over, as words of a command.
fn clip(share: &Share) -> String {
    let path = share.aside("clip.hevc");
    std::fs::write(&path, include_bytes!("../../../src/ffmpeg/caps/metadata.hevc").repeat(10)).unwrap();
    format!("-f hevc -framerate 24 -i {}", path.display())
}

/// Every film with a bit rate is above this one.
const PROFILE: &str = "profile = 'keep'\n[profiles.keep]\nextends = 'compact'\nmax_output_percent = 'none'\n\
                       [profiles.keep.video]\ndynamic_hdr = 'keep'\nmax_bitrate = 5\npreset = 'ultrafast'\n";

fn convert(share: &Share, folder: &Path, more: &[&str]) -> Run {
    let (ffmpeg, ffprobe) = (folder.join("ffmpeg"), folder.join("ffprobe"));
    let mut args = vec!["--ffmpeg", ffmpeg.to_str().unwrap(), "--ffprobe", ffprobe.to_str().unwrap()];
    args.extend(more);
    share.convert(&args)
}

/// Films of ours, and real ones of the same kind where they are there: (name in the library, path).
fn sources(folder: &Path, share: &Share) -> (PathBuf, PathBuf, Vec<PathBuf>) {
    let clip = clip(share);
    let noise = "-vf noise=alls=40:allf=t,format=yuv420p10le -an";
    let x265 = "-c:v libx265 -preset ultrafast -maxrate 50M -bufsize 50M -x265-params log-level=error";
    let (vision, both) = (share.aside("vision.mp4"), share.aside("both.mp4"));
    ffmpeg(folder, &format!("{clip} {noise} {x265} -dolbyvision 1 -tag:v hvc1 -strict unofficial"), &vision);
    // As it is: both kinds in every frame.
    ffmpeg(folder, &format!("{clip} -c copy -tag:v hvc1"), &both);
    let mut real = Vec::new();
    if let Some(media) = real_media() {
        for name in ["hevc-dolby-vision", "hevc-hdr10plus"] {
            let path = share.aside(&format!("{name}.mp4"));
            let source = media.join(format!("{name}.mkv"));
            ffmpeg(folder, &format!("-i {} -c copy -tag:v hvc1 -strict unofficial", source.display()), &path);
            real.push(path);
        }
    }
    (vision, both, real)
}

#[test]
fn what_comes_out_of_every_profile_is_what_went_in_by_an_ffmpeg_of_today_as_well() {
    let Some(folder) = modern() else { return };
    let profiles = ["universal", "compact"];
    super::museum::go_round(&profiles, 99, &|| Share::with(&folder));
}

/// Only since 6.1 ffmpeg sees in H.264 that there is anything to keep.
#[test]
fn an_hlg_film_keeps_what_its_frames_say_of_the_mastering_display() {
    let Some(folder) = modern() else { return };
    let share = Share::with(&folder);
    let film = share.path("film.mkv");
    let clip = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=0.6 -vf \
                format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc -c:v libx264 -preset ultrafast -x264-params \
                mastering-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):cll=1000,400";
    ffmpeg(&folder, clip, &film);
    crate::support::share::age(&film);
    let run = share.convert(&["--profile", "compact", "--max-output-percent", "none"]);
    let end = run.ended("film.mkv");
    assert_eq!(end["outcome"], "converted", "{end}");
    let mut probe = Command::new(folder.join("ffprobe"));
    probe.args(["-v", "error", "-of", "json", "-show_frames", "-read_intervals", "%+#1"]);
    let json: Value = serde_json::from_slice(&probe.arg(&film).output().unwrap().stdout).unwrap();
    let frame = &json["frames"][0];
    assert_eq!(frame["color_transfer"], "arib-std-b67", "{frame}");
    let said = frame["side_data_list"].to_string();
    for value in
        ["\"max_luminance\":\"10000000/10000\"", "\"green_y\":\"34500/50000\"", "\"max_content\":1000"]
    {
        assert!(said.contains(value), "{value}: {said}");
    }
}

#[test]
fn odd_clocks_and_odd_colours_come_out_of_an_ffmpeg_of_today_as_well() {
    let Some(folder) = modern() else { return };
    let profiles = ["universal", "compact"];
    super::odd::go_round(&profiles, 1, 99, &|| Share::with(&folder));
}

#[test]
fn dolby_vision_and_hdr10_plus_come_out_of_an_encode_value_by_value_in_every_frame() {
    let Some(folder) = modern() else { return };
    let materials = Share::new();
    let (vision, both, real) = sources(&folder, &materials);
    for codec in ["hevc", "av1"] {
        let share = Share::new();
        let settings = PROFILE.replace("'ultrafast'", if codec == "av1" { "'8'" } else { "'ultrafast'" });
        share.put("media-converter.toml", format!("{settings}codec = '{codec}'\n").as_bytes());
        for path in [&vision, &both].into_iter().chain(&real) {
            share.put(path.file_name().unwrap().to_str().unwrap(), &std::fs::read(path).unwrap());
        }
        let run = convert(&share, &folder, &["--jobs", "1"]);
        let mut kept = 0;
        for path in [&vision, &both].into_iter().chain(&real) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let end = run.ended(name);
            let what = format!("{name} to {codec}: {end}");
            // No encoder of HEVC keeps HDR10+: left alone, and the reason says so.
            if codec == "hevc" && ["both.mp4", "hevc-hdr10plus.mp4"].contains(&name) {
                assert!(end.to_string().contains("libx265: loses HDR10+"), "{what}");
                assert!(share.path(name).is_file(), "{what}");
                continue;
            }
            assert_eq!(end["outcome"], "converted", "{what}\n{}", run.stderr);
            let output = share.path(end["output"].as_str().unwrap());
            assert_eq!(crate::support::clips::codecs(&output), codec, "{what}");
            let (was, is) = (frames(&folder, path), frames(&folder, &output));
            assert_eq!(was.len(), is.len(), "{what}");
            for (n, (was, is)) in was.iter().zip(&is).enumerate() {
                assert!(!was.0.is_empty(), "frame {n} of {name}");
                assert_eq!(was.0, is.0, "frame {n} of {what}");
            }
            kept += 1;
        }
        assert!(kept >= if codec == "hevc" { 1 } else { 2 });
        let again = convert(&share, &folder, &["--jobs", "1"]);
        assert_eq!(again.summary()["converted"], 0, "{codec} twice: {}", again.stdout);
    }
}

#[test]
fn an_ffmpeg_that_loses_dynamic_hdr_is_found_out_and_the_film_left_alone() {
    let Some(folder) = modern() else { return };
    let materials = Share::new();
    let (vision, ..) = sources(&folder, &materials);
    let share = Share::new();
    share.put("media-converter.toml", PROFILE.as_bytes());
    share.put("vision.mp4", &std::fs::read(&vision).unwrap());
    // The machine's own: where it is of today, too, there is nothing to be found out.
    let caps = share.run(["caps", "--json"]).expect(0);
    if caps.stdout.contains("dolby_vision") {
        println!("SKIPPED: the machine's own ffmpeg keeps Dolby Vision");
        return;
    }
    let before = share.digests();
    let run = share.convert(&[]);
    assert!(run.ended("vision.mp4").to_string().contains("libx265: loses Dolby Vision"), "{}", run.stdout);
    assert_eq!(share.digests(), before);
}

#[test]
fn captions_come_through_x265_where_ffmpeg_can() {
    let Some(folder) = modern() else { return };
    let share = Share::new();
    let (film, clip) = (share.path("film.ts"), clip(&share));
    ffmpeg(&folder, &format!("{clip} -vf noise=alls=40:allf=t,format=yuv420p -c:v mpeg2video -q:v 4"), &film);
    crate::support::share::age(&film);
    let was = frames(&folder, &film);
    let run = convert(&share, &folder, &["--profile", "compact", "--max-output-percent", "none"]);
    let end = run.ended("film.ts");
    assert_eq!((&end["outcome"], &end["lost"]), (&"converted".into(), &serde_json::json!([])), "{end}");
    let is = frames(&folder, &share.path(end["output"].as_str().unwrap()));
    assert!(was.len() >= 28 && was.iter().all(|(_, captions)| *captions));
    assert!(was.len() == is.len() && is.iter().all(|(_, captions)| *captions), "{end}");
}

#[test]
fn a_result_below_min_vmaf_is_dropped_and_remembered_and_one_above_it_is_not() {
    let Some(folder) = modern() else { return };
    let settings = |quality: u32| {
        format!(
            "profile = 'q'\n[profiles.q]\nextends = 'compact'\nmax_output_percent = 'none'\n[profiles.q.video]\nquality = {quality}\npreset = 'ultrafast'\n"
        )
    };
    let share = Share::new();
    let film = share.path("film.avi");
    let source = "-f lavfi -i mandelbrot=size=320x180:rate=25 -t 1.2 -c:v mpeg4 -q:v 2";
    ffmpeg(&folder, source, &film);
    crate::support::share::age(&film);
    let before = share.digests()["film.avi"].clone();
    share.put("media-converter.toml", settings(45).as_bytes());
    let run = convert(&share, &folder, &["--min-vmaf", "90"]);
    let said = format!("{}\n{}", run.stdout, run.stderr);
    assert!(said.contains("its result's VMAF is ") && said.contains("(--min-vmaf 90)"), "{said}");
    assert_eq!(share.digests()["film.avi"], before);
    let again = convert(&share, &folder, &["--min-vmaf", "90"]);
    assert!(again.named("job_started").is_empty(), "it is remembered: {}", again.stdout);
    // Another quality is another profile, and is tried.
    share.put("media-converter.toml", settings(12).as_bytes());
    let run = convert(&share, &folder, &["--min-vmaf", "90"]);
    assert_eq!(run.ended("film.avi")["outcome"], "converted", "{}\n{}", run.stdout, run.stderr);
}
