//! What a first picture carries beside itself: messages that add to what the stream's header says, or change it.

use std::io::{Read, Seek};

use super::boxes::{u16_at, u32_at};
use super::source::Source;
use crate::model::media::{Mastering, Video};

/// NAL units of one picture.
const UNITS: usize = 512;
/// A message longer than this is nothing we know.
const MESSAGE: u64 = 16 * 1024;

/// Reads the messages of an HEVC picture into its facts: mastering display and light level. `None` where it carries what
/// ffprobe would show and we do not read: another curve, HDR10+, Dolby Vision.
pub fn read<R: Read + Seek>(
    source: &mut Source<R>,
    at: u64,
    size: u64,
    length: u8,
    video: &mut Video,
) -> Option<()> {
    let end = at.checked_add(size)?;
    let length = u64::from(length);
    let mut at = at;
    for _ in 0..UNITS {
        if at == end {
            return Some(());
        }
        let head = source.get(at, (length + 2).min(end.checked_sub(at)?))?;
        let bytes =
            head.get(..length as usize)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let kind = head.get(length as usize)? >> 1 & 0x3f;
        let body = at + length;
        at = body.checked_add(bytes).filter(|next| *next <= end)?;
        match kind {
            39 | 40 => {
                let unit = source.get(body, Some(bytes).filter(|bytes| *bytes <= MESSAGE)?)?;
                messages(unit.get(2..)?, video)?;
            }
            // Slices, parameter sets, delimiters, end of sequence, filler.
            0..=38 => {}
            // 62 and 63 are Dolby Vision's.
            _ => return None,
        }
    }
    None
}

/// The messages of one unit (ITU-T H.265 Annex D).
fn messages(unit: &[u8], video: &mut Video) -> Option<()> {
    let clean = unescaped(unit);
    let mut rest = clean.as_slice();
    while rest.len() > 1 {
        let kind = extended(&mut rest)?;
        let size = extended(&mut rest)?;
        let payload = rest.get(..size)?;
        rest = &rest[size..];
        match kind {
            137 => video.mastering = Some(mastering(payload)?),
            144 => {
                video.content_light = Some((u32::from(u16_at(payload, 0)?), u32::from(u16_at(payload, 2)?)));
            }
            // Registered user data (HDR10+, captions), alternative transfer, ambient light: for ffprobe.
            4 | 147 | 148 => return None,
            _ => {}
        }
    }
    Some(())
}

/// Mastering display colour volume (D.2.28): green, blue, red, white in 1/50000, luminance in 1/10000 cd/m².
fn mastering(payload: &[u8]) -> Option<Mastering> {
    let point = |index: usize| {
        let at = |offset| Some((u32::from(u16_at(payload, index * 4 + offset)?), 50_000));
        Some((at(0)?, at(2)?))
    };
    let luminance = |at| Some((u32_at(payload, at)?, 10_000));
    Some(Mastering {
        green: point(0)?,
        blue: point(1)?,
        red: point(2)?,
        white: point(3)?,
        max_luminance: luminance(16)?,
        min_luminance: luminance(20)?,
    })
}

fn extended(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value += usize::from(*byte);
        if *byte != 255 {
            return Some(value);
        }
    }
}

/// Without the 3 of each 0 0 3.
fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut clean: Vec<u8> = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        clean.push(*byte);
    }
    clean
}
