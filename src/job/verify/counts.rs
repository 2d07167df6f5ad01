//! What was counted of the source, while it was decoded, against what was counted of the result. Pure.
//!
//! Headers promise; ffmpeg's own counts tell what came out of the decoders on both sides. Where the two differ by more than
//! an encoder's run-up explains, the packets of both files are measured before anything is called a fault: a broadcast that
//! begins between two key frames loses its first pictures by every player, too.

use std::collections::BTreeMap;

use super::Fault;
use crate::ffmpeg::args::{self, Kept};
use crate::ffmpeg::probe::Measure;
use crate::ffmpeg::totals::{Count, Totals};
use crate::job::transcode::tolerance;
use crate::model::media::{FrameData, MediaInfo, Stream, StreamKind};
use crate::model::plan::{Action, Plan, StreamPlan};

/// Seconds that sound may have moved against the picture.
const SHIFT: f64 = 0.04;
/// Seconds by which times differ between containers' clocks.
const GRAIN: f64 = 0.003;

/// A planned stream beside what was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub plan: &'a StreamPlan,
    pub input: &'a Stream,
    pub out: &'a Stream,
    /// What was counted of the source's stream, and of the result's.
    pub before: Option<Count>,
    pub after: Option<Count>,
}

/// What the packets of source and result say, by stream.
pub(crate) type Measures = (BTreeMap<u32, Measure>, BTreeMap<u32, Measure>);

/// Who counted the result's streams.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After<'a> {
    /// A decode of the result.
    Decoded(&'a Totals),
    /// The run that made it.
    Made(&'a Totals),
}

/// The planned streams with those of the result, kind by kind and in their order.
pub(crate) fn pairs<'a>(
    source: &'a MediaInfo,
    plan: &'a Plan,
    output: &'a MediaInfo,
    before: &Totals,
    after: After<'_>,
) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for kind in [StreamKind::Video, StreamKind::Audio, StreamKind::Subtitle] {
        let planned =
            plan.streams.iter().enumerate().filter(|(_, stream)| super::planned_kind(&stream.action) == kind);
        for ((n, planned), out) in planned.zip(output.of_kind(kind)) {
            let Some(input) = source.stream(planned.source) else { continue };
            let after = match after {
                After::Decoded(totals) => totals.input(out.index),
                // Films, sounds and texts are mapped in the plan's order, before what is attached.
                After::Made(totals) => totals.outputs.get(&(0, n as u32)).copied(),
            };
            pairs.push(Pair { plan: planned, input, out, before: before.input(planned.source), after });
        }
    }
    pairs
}

/// MP4's text, whose tracks fill the time between two cues with empty ones.
pub(crate) const MP4_TEXT: &str = "mov_text";

/// Leaves the empty ones out of what was counted of MP4 text that was made from other text.
pub(crate) fn without_blanks(pairs: &mut [Pair<'_>], texts: &BTreeMap<u32, Measure>) {
    for pair in pairs.iter_mut().filter(|p| p.out.codec == MP4_TEXT && p.input.codec != MP4_TEXT) {
        let Some(seen) = texts.get(&pair.out.index) else { continue };
        pair.after = Some(Count { packets: seen.packets - seen.blank, ..Count::default() });
    }
}

/// Every fault that counts and times show. Without `measures` they are only doubts where packets could explain them.
pub(crate) fn faults(
    source: &MediaInfo,
    output: &MediaInfo,
    pairs: &[Pair<'_>],
    measures: Option<&Measures>,
) -> Vec<Fault> {
    let mut faults: Vec<Fault> = pairs.iter().filter_map(|pair| amount(source, pair, measures)).collect();
    faults.extend(pairs.iter().filter_map(|pair| end(source, output, pair, measures)));
    faults.extend(starts(source, pairs, measures));
    faults
}

fn fault(check: &'static str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Fault {
    Fault { check, expected: expected.to_string(), found: found.to_string() }
}

/// Frames, packets or samples that may differ: an encoder's first and last ones, half a percent of jitter.
fn slack(count: u64) -> u64 {
    (count / 200).max(3)
}

/// As much of the stream is there as there was.
fn amount(source: &MediaInfo, pair: &Pair<'_>, measures: Option<&Measures>) -> Option<Fault> {
    let found = measures
        .and_then(|(before, after)| Some((before.get(&pair.input.index)?, after.get(&pair.out.index)?)));
    if super::planned_kind(&pair.plan.action) == StreamKind::Subtitle {
        return cues(pair, found);
    }
    let (Some(before), Some(after)) = (pair.before, pair.after) else {
        // An ffmpeg that does not tell: its packets do, roughly.
        let Some((before, after)) = found else {
            return Some(fault("counts", "ffmpeg's own counts", "none"));
        };
        let (was, is) = (before.end - before.first, after.end - after.first);
        return ((was - is).abs() > tolerance(was))
            .then(|| fault("stream length", crate::job::span_fine(was), crate::job::span_fine(is)));
    };
    match &pair.plan.action {
        Action::Video(encode) => {
            let rate = |(n, d): (u32, u32)| f64::from(n) / f64::from(d.max(1));
            if let Some(limit) = encode.fps {
                let seconds =
                    pair.input.duration.or(source.duration).filter(|_| !source.has_absurd_duration())?;
                let expected = (seconds * rate(limit)) as u64;
                return (after.frames + 5 + expected / 33 < expected)
                    .then(|| fault("frames", expected, after.frames));
            }
            let off = before.frames.abs_diff(after.frames) > slack(before.frames);
            off.then(|| fault("frames", before.frames, after.frames))
        }
        Action::Audio(encode) => {
            let facts = pair.input.audio.as_ref().filter(|a| a.sample_rate > 0)?;
            let rate =
                pair.out.audio.as_ref().map(|a| a.sample_rate).filter(|r| *r > 0).or(encode.sample_rate)?;
            let was = before.samples as f64 / f64::from(facts.sample_rate);
            let is = after.samples as f64 / f64::from(rate);
            let fits = |was: f64| (was - is).abs() <= 0.2 + was * 0.002;
            // A header may tell the rate of half the spectrum (HE-AAC), and the decoder gives all of it.
            let ok = fits(was) || fits(was / 2.0) && facts.sample_rate <= 24_000;
            (!ok).then(|| fault("sound", crate::job::span_fine(was), crate::job::span_fine(is)))
        }
        Action::Copy { kind, codec, .. } => {
            // Raw samples are cut into packets as each container likes.
            if codec.starts_with("pcm_") {
                return None;
            }
            // A copy begins at a key frame.
            let lead =
                found.filter(|_| *kind == StreamKind::Video).map_or(0, |(before, _)| before.before_key);
            let expected = before.packets.saturating_sub(lead);
            // What was never heard may stay behind, where the container cannot hide it.
            let unheard = found.filter(|_| *kind == StreamKind::Audio).map_or(0, |(before, _)| before.hidden);
            let missing = expected.saturating_sub(after.packets).saturating_sub(unheard);
            let off = missing.max(after.packets.saturating_sub(expected)) > slack(expected);
            off.then(|| fault("packets", expected, after.packets))
        }
        Action::Subtitle { .. } | Action::Picture { .. } => None,
    }
}

/// As many subtitles as there were.
fn cues(pair: &Pair<'_>, found: Option<(&Measure, &Measure)>) -> Option<Fault> {
    let range = |stream: &Stream, packets: u64, blank: u64| {
        let least = packets.saturating_sub(blank);
        if stream.codec == MP4_TEXT { (least, least) } else { (least, packets) }
    };
    let (was, is) = if let Some((before, after)) = found {
        (range(pair.input, before.packets, before.blank), range(pair.out, after.packets, after.blank))
    } else {
        let (before, after) = (pair.before?.packets, pair.after?.packets);
        ((before, before), (after, after))
    };
    let apart = was.1 < is.0 || is.1 < was.0;
    apart.then(|| fault("cues", was.1, is.1))
}

/// The stream ends where it ended, where both headers tell.
fn end(
    source: &MediaInfo,
    output: &MediaInfo,
    pair: &Pair<'_>,
    measures: Option<&Measures>,
) -> Option<Fault> {
    if super::planned_kind(&pair.plan.action) == StreamKind::Subtitle || source.has_absurd_duration() {
        return None;
    }
    let (was, is) = if let Some((before, after)) = measures {
        let (before, after) = (before.get(&pair.input.index)?, after.get(&pair.out.index)?);
        ([before.end, before.end - before.first], [after.end, after.end - after.first])
    } else {
        // A header's duration is the stream's own length or, in Matroska, the time of its end.
        let ends = |media: &MediaInfo, stream: &Stream| {
            let late = (stream.start_time? - media.start_time.unwrap_or(0.0)).max(0.0);
            let seconds = stream.duration?;
            Some([seconds, seconds + late])
        };
        (ends(source, pair.input)?, ends(output, pair.out)?)
    };
    let near = was.iter().any(|was| is.iter().any(|is| (was - is).abs() <= tolerance(*was) + GRAIN));
    (!near).then(|| fault("stream end", crate::job::span_fine(was[0]), crate::job::span_fine(is[0])))
}

/// Seconds at the beginning of encoded sound that come out of no decoder: WMA's gives nothing for its first two frames.
fn undecoded(pair: &Pair<'_>) -> f64 {
    let made = matches!(pair.plan.action, Action::Audio(_));
    let rate = pair.input.audio.as_ref().map_or(0, |audio| audio.sample_rate);
    if !made || rate == 0 || !matches!(pair.input.codec.as_str(), "wmav1" | "wmav2") {
        return 0.0;
    }
    // As ffmpeg's decoders have it; version 1 has shorter ones at 32 kHz.
    let frame = match rate {
        0..=16_000 => 512,
        16_001..=22_050 => 1024,
        22_051..=48_000 => 2048,
        _ => 4096,
    };
    f64::from(2 * frame) / f64::from(rate)
}

/// Sound begins as long before or after the picture as it did.
fn starts(source: &MediaInfo, pairs: &[Pair<'_>], measures: Option<&Measures>) -> Vec<Fault> {
    // What an edit list hides may end in the midst of a packet.
    let heard =
        |pair: &Pair<'_>, measure: &Measure| match pair.input.start_time.filter(|_| measure.hidden > 0) {
            Some(start) => measure.first.max(start - source.start_time.unwrap_or(0.0)),
            None => measure.first,
        };
    let mut seen = Vec::new();
    for pair in pairs {
        let kind = super::planned_kind(&pair.plan.action);
        if !matches!(kind, StreamKind::Video | StreamKind::Audio) {
            continue;
        }
        // The source's start as a span: what lies before the first key frame may or may not come out of a decoder.
        let start = match measures {
            Some((before, after)) => {
                before.get(&pair.input.index).zip(after.get(&pair.out.index)).map(|(b, a)| {
                    let first = heard(pair, b);
                    let key = b.key.filter(|_| kind == StreamKind::Video).unwrap_or(first);
                    (first, key.max(first) + undecoded(pair), a.first)
                })
            }
            None => pair
                .input
                .start_time
                .zip(pair.out.start_time)
                .map(|(was, is)| (was, was + undecoded(pair), is)),
        };
        seen.extend(start);
    }
    let Some((&(first, last, is), rest)) = seen.split_first() else { return Vec::new() };
    let mut faults = Vec::new();
    for (other_first, other_last, other_is) in rest {
        let (early, late) = (other_first - last, other_last - first);
        let found = other_is - is;
        if found < early - SHIFT - GRAIN || found > late + SHIFT + GRAIN {
            faults.push(fault("start offset", format!("{early:.3} s"), format!("{found:.3} s")));
        }
    }
    faults
}

/// What the plan's encodes have to keep, by the result's streams.
pub(crate) fn kept(source: &MediaInfo, plan: &Plan, output: &MediaInfo) -> Vec<(u32, FrameData)> {
    let nothing = Totals::default();
    let pairs = pairs(source, plan, output, &nothing, After::Decoded(&nothing));
    let stream = |source| pairs.iter().find(|p| p.input.index == source && p.out.video.is_some());
    args::kept(plan).iter().filter_map(|kept| Some((stream(kept.source)?.out.index, kept.what))).collect()
}

/// Every frame that carried something carries it still. The source's counts begin at one of its run's outputs, the result's
/// at the second of its decode.
pub(crate) fn carried(
    plan: &Plan,
    pairs: &[Pair<'_>],
    (before, first): (&Totals, u32),
    after: &Totals,
) -> Vec<Fault> {
    let frames = |totals: &Totals, output| totals.outputs.get(&(output, 0)).map_or(0, |count| count.frames);
    let row = |(n, kept): (u32, Kept)| {
        let pair = pairs.iter().find(|p| p.input.index == kept.source && p.out.video.is_some())?;
        let (had, has) = (frames(before, first + n), frames(after, 1 + n));
        let (all, made) = (pair.before?.frames, pair.after?.frames);
        // A result of fewer frames carries as much in each of those that are left.
        let share = (had as f64 / all.max(1) as f64).min(1.0);
        let least = (made as f64 * share).floor() as u64;
        let least = if had >= all { made } else { least.saturating_sub(slack(least)) };
        (has < least).then(|| fault(kept.what.words(), format!("{least} frames with it"), has))
    };
    (0..).zip(args::kept(plan)).filter_map(row).collect()
}

/// Each file of subtitles beside the result holds what the source's stream held.
pub(crate) fn sidecars(plan: &Plan, made: &Totals) -> Vec<Fault> {
    let row = |(n, sidecar): (usize, &crate::model::plan::Sidecar)| {
        let before = made.input(sidecar.source)?.packets;
        let after = made.outputs.get(&(n as u32 + 1, 0))?.packets;
        (before != after).then(|| fault("sidecar", format!("{before} packets"), format!("{after}")))
    };
    plan.sidecars.iter().enumerate().filter_map(row).collect()
}
