//! What an encoder keeps of what lies in frames: a clip that has all of it is encoded, and the frames are counted that still do.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::super::encoders::{Cap, Encoder};
use super::super::run::{Limits, Order, run};
use super::super::{args, probe};
use super::trial::Stand;
use crate::model::media::{FrameData, StreamKind};
use crate::sys::{self, stop::Stop};

/// Three grey frames of HEVC, each with captions, HDR10+ and Dolby Vision 8.1, and HDR10's own values. `metadata.py` beside
/// it makes it, bit by bit.
const CLIP: &[u8] = include_bytes!("metadata.hevc");
const FRAMES: u64 = 3;
/// x265 writes Dolby Vision only under a ceiling (kbit/s).
const CEILING: Cap = Cap { max: 50_000, buffer: None };

/// Tries an encoder that is known to work. What a result cannot be asked for counts as lost.
pub(super) fn kept(
    stand: &Stand<'_>,
    encoder: &Encoder,
    device: Option<&str>,
    ten_bit: bool,
    file: &Path,
) -> BTreeSet<FrameData> {
    let clip = file.with_extension("hevc");
    if sys::fs::write_new(&clip, CLIP).is_err() {
        return BTreeSet::new();
    }
    let hdr = ten_bit && encoder.codec != "h264";
    let mut kinds = vec![FrameData::Captions];
    kinds.extend([FrameData::StaticHdr, FrameData::Hdr10Plus].iter().filter(|_| hdr));
    kinds.extend(Some(FrameData::DolbyVision).filter(|_| hdr && encoder.writes_dolby_vision()));
    // What needs no words of its own is tried at once, everything else alone.
    let (plain, asked): (Vec<FrameData>, Vec<FrameData>) =
        kinds.into_iter().partition(|what| encoder.keep(*what).is_empty());
    let alone = asked.into_iter().map(|what| vec![what]);
    let tried = std::iter::once(plain).chain(alone).filter(|kinds| !kinds.is_empty());
    tried.flat_map(|kinds| keeps(stand, encoder, device, ten_bit, (&clip, file), &kinds)).collect()
}

/// Which of these are in every frame after one encode that asks for all of them.
fn keeps(
    stand: &Stand<'_>,
    encoder: &Encoder,
    device: Option<&str>,
    ten_bit: bool,
    (clip, file): (&Path, &Path),
    kinds: &[FrameData],
) -> Vec<FrameData> {
    let name = super::trial::url(clip).to_string_lossy().into_owned();
    let ceiling = kinds.contains(&FrameData::DolbyVision).then_some(CEILING);
    let input = ["-f", "hevc", "-framerate", "24", "-i", &name];
    let mut arguments = stand.video_args(encoder, device, ten_bit, &input, ceiling);
    arguments.extend(kinds.iter().flat_map(|what| encoder.keep(*what)).map(OsString::from));
    if stand.encode(arguments, file).is_err() {
        return Vec::new();
    }
    // What ffprobe does not see, no verification could vouch for.
    let video = probe::probe(stand.tools, file).ok().and_then(|media| {
        let stream = media.of_kind(StreamKind::Video).next()?.clone();
        stream.video
    });
    let Some(video) = video else { return Vec::new() };
    let seen = |what: &FrameData| match what {
        FrameData::Captions => true,
        FrameData::StaticHdr => video.mastering.is_some() && video.content_light.is_some(),
        FrameData::Hdr10Plus => video.hdr10_plus,
        FrameData::DolbyVision => video.dolby_vision.is_some(),
    };
    let seen = kinds.iter().copied().filter(seen);
    seen.filter(|what| carried(stand, file, *what) == Some(FRAMES)).collect()
}

/// How many frames of it carry this.
fn carried(stand: &Stand<'_>, file: &Path, what: FrameData) -> Option<u64> {
    let limits = Limits { stall: stand.stall, background: false };
    let mut watch = |_: &_| if sys::stop::asked() == Stop::No { Order::Continue } else { Order::Stop };
    let report = run(stand.tools, &args::carried(file, what), None, limits, &mut watch).ok()?;
    report.totals.outputs.get(&(0, 0)).map(|count| count.frames)
}
