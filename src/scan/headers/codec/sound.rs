//! Audio codecs with short records: Opus, FLAC, Vorbis, MP3, ALAC.

use crate::model::media::Audio;
use crate::scan::headers::boxes::{u16_at, u32_at};

fn audio(channels: u32, layout: &str, sample_rate: u32, bits: u32) -> Audio {
    Audio { channels, layout: Some(layout.to_owned()), sample_rate, bits }
}

/// One and two channels are the same in every codec.
fn plain(channels: u32, sample_rate: u32, bits: u32) -> Option<Audio> {
    match channels {
        1 => Some(audio(1, "mono", sample_rate, bits)),
        2 => Some(audio(2, "stereo", sample_rate, bits)),
        _ => None,
    }
}

/// Opus (RFC 7845 5.1): channels and mapping family. Always 48 kHz.
pub fn opus(channels: u8, family: u8) -> Option<Audio> {
    let layout = match (family, channels) {
        (0, _) => return plain(u32::from(channels), 48_000, 0),
        (1, 1) => "mono",
        (1, 2) => "stereo",
        (1, 3) => "3.0",
        (1, 4) => "quad",
        (1, 5) => "5.0",
        (1, 6) => "5.1",
        (1, 7) => "6.1",
        (1, 8) => "7.1",
        _ => return None,
    };
    Some(audio(u32::from(channels), layout, 48_000, 0))
}

/// `OpusHead` as Matroska carries it.
pub fn opus_head(head: &[u8]) -> Option<Audio> {
    (head.get(..8)? == b"OpusHead" && head.get(8)? >> 4 == 0).then_some(())?;
    opus(*head.get(9)?, *head.get(18)?)
}

/// FLAC: the STREAMINFO block (RFC 9639 8.2), after `fLaC` or the box's version. Above two channels a comment may
/// name the speakers.
pub fn flac(blocks: &[u8]) -> Option<Audio> {
    let head = blocks.get(..4)?;
    if head[0] & 0x7f != 0 || u32_at(head, 0)? & 0x00ff_ffff != 34 {
        return None;
    }
    let packed = u32_at(blocks, 4 + 10)?;
    let (rate, channels) = (packed >> 12, (packed >> 9 & 7) + 1);
    let bits = (u16_at(blocks, 4 + 12)? >> 4 & 0x1f) + 1;
    (rate > 0 && matches!(bits, 16 | 24)).then_some(())?;
    plain(channels, rate, u32::from(bits))
}

/// Vorbis: the identification header, first of the three in Matroska's private data.
pub fn vorbis(private: &[u8]) -> Option<Audio> {
    // Two laces follow, each a run of 255 and a rest.
    let mut at = 1;
    if *private.first()? != 2 {
        return None;
    }
    let first = usize::from(*private.get(at)?);
    if first != 30 {
        return None;
    }
    at += 1;
    while *private.get(at)? == 255 {
        at += 1;
    }
    let head = private.get(at + 1..at + 1 + first)?;
    if head.get(..7)? != b"\x01vorbis" {
        return None;
    }
    let rate = u32::from_le_bytes(head.get(12..16)?.try_into().ok()?);
    let channels = u32::from(*head.get(11)?);
    if !(8000..=192_000).contains(&rate) {
        return None;
    }
    match channels {
        6 => Some(audio(6, "5.1", rate, 0)),
        8 => Some(audio(8, "7.1", rate, 0)),
        _ => plain(channels, rate, 0),
    }
}

/// MPEG audio layer 3 by a frame's header (ISO/IEC 11172-3 2.4.1.3).
pub fn mp3(frame: &[u8]) -> Option<Audio> {
    let head = u32_at(frame, 0)?;
    if head >> 21 != 0x7ff || head >> 17 & 3 != 1 || head >> 12 & 15 == 15 {
        return None;
    }
    let rate = *[44_100, 48_000, 32_000].get((head >> 10 & 3) as usize)?;
    let rate = match head >> 19 & 3 {
        3 => rate,
        2 => rate / 2,
        0 => rate / 4,
        _ => return None,
    };
    plain(if head >> 6 & 3 == 3 { 1 } else { 2 }, rate, 0)
}

/// ALAC's magic cookie, without the box around it.
pub fn alac(cookie: &[u8]) -> Option<Audio> {
    let bits = u32::from(*cookie.get(5)?);
    matches!(bits, 16 | 24).then_some(())?;
    plain(u32::from(*cookie.get(9)?), u32_at(cookie, 20)?, bits)
}
