//! Whether a result looks like its source: pictures of both, shrunk to a thumbnail, side by side.
//!
//! An encoder that writes one colour, swaps two, or shows frame one for ever passes every check of headers and counts.

use std::path::Path;

use super::Fault;
use crate::ffmpeg::args::{self, Still};
use crate::ffmpeg::probe;
use crate::ffmpeg::tools::Tools;
use crate::job::transcode::may_end_anywhere;
use crate::model::media::{MediaInfo, StreamKind};
use crate::model::plan::{Action, Plan};

/// Small enough that noise, grain and an encoder's losses vanish, large enough for shapes and colours.
const SIZE: (u32, u32) = (32, 18);
/// Where pictures are taken, in parts of the length.
const PLACES: [f64; 3] = [0.15, 0.5, 0.85];
/// Mean difference of two thumbnails, of 255. Measured on test pictures: 0.6 for x264 at CRF 21, 2 to 11 at CRF 45, 5 for the next
/// frame in fast motion, 20 to 107 for red and blue exchanged.
const LIMIT: f64 = 14.0;

/// Pictures of the main video where it was encoded; `None`: alike, or nothing to compare.
pub(super) fn differs(
    tools: &Tools,
    (source, media): (&Path, &MediaInfo),
    plan: &Plan,
    (result, output): (&Path, &MediaInfo),
) -> Option<Fault> {
    let main = media.main_video()?;
    let of_video = |s: &&crate::model::plan::StreamPlan| super::planned_kind(&s.action) == StreamKind::Video;
    let (n, planned) =
        plan.streams.iter().filter(of_video).enumerate().find(|(_, s)| s.source == main.index)?;
    let Action::Video(encode) = &planned.action else { return None };
    let out = output.of_kind(StreamKind::Video).nth(n)?;
    let filters = args::reference(encode, main.video.as_ref()?);
    let length = output.duration.unwrap_or(0.0);
    let mut differences = Vec::new();
    let still = |media: &MediaInfo, stream, at: f64, filters| {
        let indexed = media.format.starts_with("mov,") || media.format.starts_with("matroska");
        // Of a broadcast ffmpeg counts from the first of the streams that it is asked for.
        let starts = media.stream(stream).and_then(|s| s.start_time).zip(media.start_time);
        let late = starts.filter(|_| may_end_anywhere(media)).map_or(0.0, |(own, all)| own - all);
        Still { stream, at: (at - late).max(0.0), indexed, filters, size: SIZE }
    };
    for place in PLACES {
        let at = length * place;
        // A source whose end or index is odd may have no picture there.
        let Some(before) = probe::still(tools, source, &still(media, main.index, at, &filters)) else {
            continue;
        };
        let after = probe::still(tools, result, &still(output, out.index, at, ""));
        differences.push(after.map_or(f64::from(u8::MAX), |after| difference(&before, &after)));
    }
    let typical = median(&mut differences)?;
    (typical > LIMIT).then(|| Fault {
        check: "picture",
        expected: format!("pictures like the source's (a difference up to {LIMIT})"),
        found: format!("a difference of {typical:.0} of 255"),
    })
}

/// Mean absolute difference.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len().max(1) as f64
}

/// The middle one: a single picture that missed by a frame at a cut says nothing.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_difference_counts() {
        assert!((difference(&[0, 10, 255], &[0, 20, 235]) - 10.0).abs() < 1e-9);
        assert_eq!(median(&mut [200.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [200.0, 1.0]), Some(1.0));
        assert_eq!(median(&mut []), None);
    }
}
