//! Closed captions inside a video: through every profile they are in every frame of the result that they were in, byte by
//! byte, or the plan names them as lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Share;
use crate::support::clips::{ffmpeg, probe};

/// The bytes of all captions in a file, in the order in which they are shown.
fn captions(file: &Path) -> Vec<u8> {
    // By its name alone: a graph takes the colon of a drive for its own.
    let graph = format!("movie={}[out0+subcc]", file.file_name().unwrap().display());
    let mut command = Command::new("ffmpeg");
    command.current_dir(file.parent().unwrap());
    command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &graph]);
    command.args(["-map", "0:s", "-c:s", "copy", "-f", "data", "-"]);
    command.output().unwrap().stdout
}

/// Our own three frames, of which each has a pair of CEA-608, eight times over; in colours of SDR, since those of HDR would be
/// a reason of their own to look into frames.
fn clip(share: &Share) -> (String, &'static str) {
    let clip = share.aside("clip.hevc");
    std::fs::write(&clip, include_bytes!("../../../src/ffmpeg/caps/metadata.hevc").repeat(8)).unwrap();
    // An encoder of today writes down what it is told of the mastering display, whatever the colours are.
    let sdr = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709,\
               sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL";
    (format!("-f hevc -framerate 24 -i {}", clip.display()), sdr)
}

/// A film of MPEG-2 with captions in every frame, beside the share.
pub fn film(share: &Share) -> PathBuf {
    let (clip, sdr) = clip(share);
    let words = format!("{clip} -vf noise=alls=40:allf=t,format=yuv420p,{sdr} -c:v mpeg2video -q:v 4 -bf 2");
    let film = share.aside("captioned.mkv");
    ffmpeg(words.split_whitespace(), &film);
    film
}

#[test]
fn captions_survive_or_are_named_as_lost() {
    let materials = Share::new();
    let (clip, sdr) = clip(&materials);
    let films = [
        ("h264.mkv", "-vf noise=alls=40:allf=t,format=yuv420p,{sdr} -c:v libx264 -preset fast -bf 2"),
        ("mpeg2.ts", "-vf noise=alls=40:allf=t,format=yuv420p,{sdr} -c:v mpeg2video -q:v 4 -bf 2"),
        ("hevc.mkv", "-c:v copy"),
        ("large.mkv", "-vf scale=1920:1080,format=yuv420p,{sdr} -c:v libx264 -preset ultrafast"),
    ];
    for (name, recipe) in films {
        ffmpeg(
            clip.split_whitespace().chain(recipe.replace("{sdr}", sdr).split_whitespace()),
            &materials.aside(name),
        );
        let bytes = captions(&materials.aside(name));
        assert!(bytes.len() >= 9 && bytes.windows(2).any(|pair| pair == [0xc8, 0xe9]), "{name}: {bytes:x?}");
    }
    let mut survived = 0;
    for profile in ["universal", "chromecast", "compact", "remux"] {
        let share = Share::new();
        for (name, _) in films {
            share.put(name, &std::fs::read(materials.aside(name)).unwrap());
        }
        share.put(
            "media-converter.toml",
            format!("[profiles.{profile}.video]\npreset = 'ultrafast'\n").as_bytes(),
        );
        let run = share.convert(&["--profile", profile, "--max-output-percent", "none", "--jobs", "2"]);
        assert_eq!(run.code, 0, "{profile}: {}\n{}", run.stdout, run.stderr);
        for end in run.named("job_ended") {
            assert_eq!(end["outcome"], "converted", "{profile}: {end}");
            let name = end["path"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap().to_owned();
            let output = share.path(end["output"].as_str().unwrap());
            let (was, is) = (captions(&materials.aside(&name)), captions(&output));
            let lost = end["lost"].as_array().unwrap().iter().any(|l| l.to_string().contains("captions"));
            let copied = probe(&output)["streams"][0]["codec_name"]
                == probe(&materials.aside(&name))["streams"][0]["codec_name"];
            assert_eq!(
                was == is,
                !lost,
                "{name} by {profile} (copied: {copied}): {was:x?} became {is:x?}; {end}"
            );
            survived += usize::from(was == is);
        }
    }
    assert!(survived >= 6, "{survived}");
}
