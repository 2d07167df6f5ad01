//! AC-3 and E-AC-3: the start of a frame (ETSI TS 102 366), which says more than the containers' records.

use h264_reader::rbsp::BitReader;

use super::{flag, number};
use crate::model::media::Audio;

/// Bytes of a frame's start that are enough.
pub const ENOUGH: u64 = 16;

/// Facts of a stream by the start of its first frame.
pub fn sound(frame: &[u8], enhanced: bool) -> Option<Audio> {
    let r = &mut BitReader::new(frame);
    if number(r, 16)? != 0x0b77 {
        return None;
    }
    if enhanced { eac3(r) } else { ac3(r) }
}

type Bits<'a> = BitReader<&'a [u8]>;

fn ac3(r: &mut Bits<'_>) -> Option<Audio> {
    number(r, 16)?;
    let rate = *[48_000, 44_100, 32_000].get(number(r, 2)? as usize)?;
    number(r, 6)?;
    // Above 8 the rate is halved, above 10 it is E-AC-3.
    if number(r, 5)? > 8 {
        return None;
    }
    number(r, 3)?;
    let mode = number(r, 3)?;
    if mode & 1 != 0 && mode != 1 {
        number(r, 2)?;
    }
    if mode & 4 != 0 {
        number(r, 2)?;
    }
    if mode == 2 {
        number(r, 2)?;
    }
    audio(mode, flag(r)?, rate)
}

fn eac3(r: &mut Bits<'_>) -> Option<Audio> {
    // An independent stream of its own number 0, whose frame is as long as it says.
    if number(r, 2)? != 0 || number(r, 3)? != 0 {
        return None;
    }
    number(r, 11)?;
    let rate = *[48_000, 44_100, 32_000].get(number(r, 2)? as usize)?;
    number(r, 2)?;
    let mode = number(r, 3)?;
    let bass = flag(r)?;
    if number(r, 5)? <= 10 {
        return None;
    }
    audio(mode, bass, rate)
}

/// Bytes of an E-AC-3 frame, to see what follows it in the same packet.
pub fn eac3_length(frame: &[u8]) -> Option<u64> {
    let word = u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?);
    Some((u64::from(word & 0x7ff) + 1) * 2)
}

fn audio(mode: u32, bass: bool, sample_rate: u32) -> Option<Audio> {
    let (channels, layout) = match (mode, bass) {
        (1, false) => (1, "mono"),
        (2, false) => (2, "stereo"),
        (2, true) => (3, "2.1"),
        (3, false) => (3, "3.0"),
        (6, false) => (4, "quad(side)"),
        (7, false) => (5, "5.0(side)"),
        (7, true) => (6, "5.1(side)"),
        _ => return None,
    };
    Some(Audio { channels, layout: Some(layout.to_owned()), sample_rate, bits: 0 })
}
