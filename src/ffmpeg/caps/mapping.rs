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

/// What one try showed: whether a card did it, and how the pictures look.
#[derive(Debug)]
pub(super) struct Mapped {
    /// The device is the processor, which plays a card by a library (Mesa's lavapipe): right, and slower than zscale.
    pub by_processor: bool,
    /// Difference of the pictures.
    pub difference: f64,
}

/// Whether it may be used.
pub(super) fn verdict(stand: &Stand<'_>) -> Verdict {
    match mapped(stand) {
        Ok(found) if found.difference > LIKE => {
            let why = format!(
                "it made other colours than it was given (difference {:.0} of 255)",
                found.difference
            );
            Verdict::Failed { why }
        }
        Ok(found) if found.by_processor => {
            Verdict::Failed { why: "the only Vulkan device here is the processor".to_owned() }
        }
        Ok(_) => Verdict::Works { fps: 0.0 },
        Err(why) => Verdict::Failed { why },
    }
}

/// Makes HDR of the clip and SDR of that.
pub(super) fn mapped(stand: &Stand<'_>) -> Result<Mapped, String> {
    let expected = stand.expected.as_ref().map_err(Clone::clone)?;
    let tag = |word: &str| Some(word.to_owned());
    let hdr = ColorTags {
        primaries: tag("bt2020"),
        transfer: tag("smpte2084"),
        matrix: tag("bt2020nc"),
        range: tag("tv"),
    };
    let (device, chain) = args::libplacebo(&hdr);
    let mut words: Vec<OsString> = trial::words(&["-hide_banner", "-nostdin", "-nostats", "-v", "verbose"]);
    words.extend(trial::words(device));
    words.extend(trial::words(&["-f", "lavfi", "-i", trial::CLIP]));
    words.extend(stand.pictures(&format!("{TO_HDR},{chain},")));
    let spawn = Spawn { program: stand.tools.ffmpeg.clone(), args: words, background: false };
    let output = process::output(&spawn, stand.stall * 3, 1 << 20).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.timed_out {
        return Err(format!("{}: no end within {} s", trial::HUNG, (stand.stall * 3).as_secs()));
    }
    if !output.ended.success() {
        return Err(trial::failure(&said, output.ended.code, output.ended.signal));
    }
    if output.stdout.len() != expected.len() {
        return Err("it lost pictures".to_owned());
    }
    // `Device 0 selected: llvmpipe (LLVM 15.0.6, 256 bits) (software) (0x0)`
    let by_processor = said.lines().any(|line| line.contains(" selected: ") && line.contains("(software)"));
    Ok(Mapped { by_processor, difference: trial::difference(expected, &output.stdout) })
}
