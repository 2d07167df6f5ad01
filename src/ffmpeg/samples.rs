//! A small library of sample clips, to see the program at work without risking anything of one's own.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::tools::Tools;
use crate::model::error::{Error, Kind, Result};
use crate::model::key::Stamp;
use crate::sys::process::{self, Spawn};
use crate::sys::{clock, fs};

/// Longest time for one clip of six seconds.
const DEADLINE: Duration = Duration::from_secs(120);

const PICTURE: &str = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=6";
const TONE: &str = "-f lavfi -i sine=frequency=330:sample_rate=48000:duration=6";

/// Names and what they are made with; `{picture}` and `{tone}` are the sources.
const SAMPLES: [(&str, &str); 6] = [
    (
        "Movies/Test card (2024).mkv",
        "{picture} {tone} -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a ac3",
    ),
    ("Series/Größe & Maß – Folge 1.avi", "{picture} {tone} -c:v mpeg4 -q:v 5 -c:a mp2"),
    ("Recordings/broadcast.ts", "{picture} {tone} -c:v mpeg2video -q:v 5 -c:a mp2 -f mpegts"),
    (
        "Music/01 Tone.flac",
        "{tone} -c:a flac -metadata title=Tone -metadata artist=Somebody -metadata track=1",
    ),
    (
        "Already fine.mp4",
        "{picture} {tone} -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -movflags +faststart",
    ),
    (CUT, "{picture} {tone} -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac"),
];

/// As an interrupted copy leaves it.
const CUT: &str = "Broken/interrupted copy.mkv";

/// Makes the clips in a folder that is new. Those that this ffmpeg cannot make are left out, with the reason.
pub fn make(tools: &Tools, folder: &Path) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    for (name, recipe) in SAMPLES {
        let path = folder.join(name);
        let fail = |error| Error::io("make a sample at", &path, error);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
        let recipe = recipe.replace("{picture}", PICTURE).replace("{tone}", TONE);
        let mut args: Vec<OsString> =
            "-hide_banner -nostdin -v error".split(' ').map(OsString::from).collect();
        args.extend(recipe.split_whitespace().map(OsString::from));
        args.push(path.clone().into());
        let spawn = Spawn { program: tools.ffmpeg.clone(), args, background: false };
        let output = process::output(&spawn, DEADLINE, 64 * 1024).map_err(fail)?;
        if !output.ended.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            left_out.push(format!("{name}: {}", said.lines().next().unwrap_or("ffmpeg failed").trim()));
            fs::remove_file(&path).map_err(fail)?;
            continue;
        }
        if name == CUT {
            let whole = fs::read_small(&path, 64 << 20).map_err(fail)?;
            fs::remove_file(&path).map_err(fail)?;
            let _ = fs::write_new(&path, &whole[..whole.len() * 55 / 100]).map_err(fail)?;
        }
        // What changed a moment ago counts as still being copied.
        let then = Stamp { sec: clock::wall() as i64 - 3600, ..fs::stamp(&path).map_err(fail)? };
        fs::set_mtime(&path, &then).map_err(fail)?;
    }
    if left_out.len() == SAMPLES.len() {
        return Err(Error::new(Kind::MissingTool, "make samples")
            .at(&tools.ffmpeg)
            .because(left_out.join("; ")));
    }
    Ok(left_out)
}
