//! libplacebo is compiled into many an ffmpeg; whether a card here maps HDR to SDR by it is found out with pictures.

use std::ffi::OsString;

use super::super::args;
use super::trial::{self, Stand};
use crate::model::caps::Verdict;
use crate::model::plan::ColorTags;
use crate::sys::process::{self, Spawn};

/// Mean difference per byte between the pictures and what libplacebo makes of them in HDR. Measured with ffmpeg 5.1 and 9.0: 16
/// and 22, by Hable's curve 30; not mapped at all 55, red and blue exchanged 99.
const LIKE: f64 = 40.0;

/// The moving colours of the other trials as they look in HDR10, at 200 cd/m².
const TO_HDR: &str = "format=gbrp,setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc,zscale=t=linear:npl=200,\
                      format=gbrpf32le,zscale=p=2020:t=smpte2084:m=2020_ncl:r=limited:npl=200";

/// Whether it may be used.
pub(super) fn verdict(stand: &Stand<'_>) -> Verdict {
    let failed = |why: String| Verdict::Failed { why };
    match is_processor(stand) {
        // Mesa's lavapipe: right, and slower than zscale.
        Ok(true) => return failed("the only Vulkan device here is the processor".to_owned()),
        Ok(false) => {}
        Err(why) => return failed(why),
    }
    match difference(stand) {
        Ok(found) if found <= LIKE => Verdict::Works { fps: 0.0 },
        Ok(found) => {
            failed(format!("it made other colours than it was given (difference {found:.0} of 255)"))
        }
        Err(why) => failed(why),
    }
}

/// The device that ffmpeg chooses is one that the processor plays.
fn is_processor(stand: &Stand<'_>) -> Result<bool, String> {
    let mut words = trial::words(args::libplacebo(&hdr()).0);
    words.extend(trial::words(&[
        "-f",
        "lavfi",
        "-i",
        "color=size=16x16",
        "-frames:v",
        "1",
        "-f",
        "null",
        "-",
    ]));
    // `Device 0 selected: llvmpipe (LLVM 15.0.6, 256 bits) (software) (0x0)`
    let (_, said) = ffmpeg(stand, words)?;
    Ok(said.lines().any(|line| line.contains(" selected: ") && line.contains("(software)")))
}

/// The difference of the clip's pictures from what libplacebo makes of them in HDR.
pub(super) fn difference(stand: &Stand<'_>) -> Result<f64, String> {
    let expected = stand.expected.as_ref().map_err(Clone::clone)?;
    let (device, chain) = args::libplacebo(&hdr());
    let mut words = trial::words(device);
    words.extend(trial::words(&["-f", "lavfi", "-i", trial::CLIP]));
    words.extend(stand.pictures(&format!("{TO_HDR},{chain},")));
    let (made, _) = ffmpeg(stand, words)?;
    if made.len() != expected.len() {
        return Err("it lost pictures".to_owned());
    }
    Ok(trial::difference(expected, &made))
}

/// What [`TO_HDR`] makes.
fn hdr() -> ColorTags {
    let tag = |word: &str| Some(word.to_owned());
    ColorTags {
        primaries: tag("bt2020"),
        transfer: tag("smpte2084"),
        matrix: tag("bt2020nc"),
        range: tag("tv"),
    }
}

/// What ffmpeg gave, and what it said.
fn ffmpeg(stand: &Stand<'_>, words: Vec<OsString>) -> Result<(Vec<u8>, String), String> {
    let mut all = trial::words(&["-hide_banner", "-nostdin", "-nostats", "-v", "verbose"]);
    all.extend(words);
    let spawn = Spawn { program: stand.tools.ffmpeg.clone(), args: all, background: false };
    let output = process::output(&spawn, stand.stall * 3, 1 << 20).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.timed_out {
        return Err(format!("{}: no end within {} s", trial::HUNG, (stand.stall * 3).as_secs()));
    }
    if !output.ended.success() {
        return Err(trial::failure(&said, output.ended.code, output.ended.signal));
    }
    Ok((output.stdout, said))
}
