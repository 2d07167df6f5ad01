//! `--min-vmaf`: how much a result looks like its source, measured over all of it or three stretches.

use super::{Decode, Sides};
use crate::ffmpeg::args::{self, Likeness, Ruler};
use crate::job::Halt;
use crate::model::media::{MediaInfo, StreamKind};
use crate::model::outcome::FailCode;
use crate::model::plan::{Action, SkipCode, VideoEncode};

/// Films longer than this (seconds) are measured in stretches.
const WHOLE: f64 = 60.0;
/// Where stretches begin, in parts of the length, and how long they are.
const PLACES: [f64; 3] = [0.15, 0.5, 0.85];
const STRETCH: f64 = 10.0;

/// `Err` where the encoded picture is less like the source's than asked, or cannot be measured.
pub(super) fn enough(
    sides: Sides<'_>,
    output: &MediaInfo,
    has_vmaf: bool,
    least: u32,
    decode: Decode<'_>,
) -> Result<(), Halt> {
    let (path, source) = sides.source;
    let videos = sides.plan.streams.iter().filter(|s| super::planned_kind(&s.action) == StreamKind::Video);
    let ruler = if has_vmaf { Ruler::Vmaf } else { Ruler::Ssim };
    for (planned, out) in videos.zip(output.of_kind(StreamKind::Video)) {
        let (Action::Video(encode), Some(input)) = (&planned.action, source.stream(planned.source)) else {
            continue;
        };
        let filters = filters(encode, input.video.as_ref());
        let mut scores = Vec::new();
        for window in windows(source, output) {
            let pair = Likeness {
                result: (sides.result, out.index),
                source: (path, input.index),
                filters: &filters,
                ten_bit: encode.pix_fmt.contains("10"),
                window,
            };
            let report = decode(&args::likeness(&pair, ruler), None)?;
            let Some(score) = report.totals.score else {
                return Err(Halt::fail(FailCode::Verify, "picture: ffmpeg could not measure the likeness")
                    .hint("leave --min-vmaf out, or look at ffmpeg's words with -vv")
                    .stderr(report.stderr_tail));
            };
            scores.push(score);
        }
        let score = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        let (name, asked) = match ruler {
            Ruler::Vmaf => ("VMAF", f64::from(least)),
            Ruler::Ssim => ("SSIM", ssim_of(least)),
        };
        if score < asked {
            let words =
                format!("its result's {name} is {score:.4}, asked is {asked:.4} (--min-vmaf {least})");
            return Err(Halt::skip(SkipCode::WouldLose, words));
        }
    }
    Ok(())
}

/// The plan's own filters, and its frame rate.
fn filters(encode: &VideoEncode, facts: Option<&crate::model::media::Video>) -> String {
    let fallback = crate::model::media::Video::default();
    let picture = args::reference(encode, facts.unwrap_or(&fallback));
    encode.fps.map_or_else(|| picture.clone(), |(n, d)| format!("fps={n}/{d},{picture}"))
}

/// What is measured: stretches only where a jump lands where it is meant to.
fn windows(source: &MediaInfo, output: &MediaInfo) -> Vec<Option<(f64, f64)>> {
    let indexed = ["mov,", "matroska"].iter().any(|name| source.format.starts_with(name));
    match output.duration {
        Some(length) if length > WHOLE && indexed && !source.has_absurd_duration() => {
            PLACES.iter().map(|place| Some((length * place, STRETCH))).collect()
        }
        _ => vec![None],
    }
}

/// The SSIM of the luma that stands for a VMAF where libvmaf is missing: the strictest of three measured clips (VMAF 80, 90 and 95
/// were 22.2, 25.4 and 28.6 dB), so that nothing passes that VMAF would have dropped there.
fn ssim_of(vmaf: u32) -> f64 {
    let decibels = 22.2 + (f64::from(vmaf) - 80.0) * 0.427;
    1.0 - 10f64.powf(-decibels / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vmaf_is_asked_for_as_a_strict_ssim() {
        for (vmaf, ssim) in [(80, 0.993_97), (90, 0.997_75), (95, 0.998_62)] {
            assert!((ssim_of(vmaf) - ssim).abs() < 2e-5, "{vmaf}: {}", ssim_of(vmaf));
        }
    }

    #[test]
    fn only_long_films_with_an_index_are_measured_in_stretches() {
        let film = |format: &str, duration| MediaInfo {
            format: format.to_owned(),
            duration: Some(duration),
            ..MediaInfo::default()
        };
        let long = film("matroska,webm", 7200.0);
        assert_eq!(windows(&long, &long).len(), 3);
        assert_eq!(windows(&film("mpegts", 7200.0), &long), [None]);
        assert_eq!(windows(&film("matroska,webm", 20.0), &film("mov,mp4", 20.0)), [None]);
    }
}
