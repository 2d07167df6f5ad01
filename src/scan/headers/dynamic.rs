//! What a first picture carries beside itself: messages that change what the stream's header says.

use std::io::{Read, Seek};

use super::source::Source;

/// NAL units of one picture.
const UNITS: usize = 512;
/// A message longer than this is nothing we know.
const MESSAGE: u64 = 16 * 1024;

/// Walks the NAL units of an HEVC picture: `None` where one carries what ffprobe would show and we do not read: mastering
/// display, light level, another curve, HDR10+ or Dolby Vision.
pub fn nothing_hidden<R: Read + Seek>(source: &mut Source<R>, at: u64, size: u64, length: u8) -> Option<()> {
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
            39 | 40 => messages(source.get(body, Some(bytes).filter(|bytes| *bytes <= MESSAGE)?)?.get(2..)?)?,
            // Slices, parameter sets, delimiters, end of sequence, filler.
            0..=38 => {}
            // 62 and 63 are Dolby Vision's.
            _ => return None,
        }
    }
    None
}

/// The messages of one unit. Emulation prevention bytes only make a payload longer, which at worst reads as unknown.
fn messages(unit: &[u8]) -> Option<()> {
    let clean = unescaped(unit);
    let mut rest = clean.as_slice();
    while rest.len() > 1 {
        let kind = extended(&mut rest)?;
        let size = extended(&mut rest)?;
        rest = rest.get(size..)?;
        match kind {
            // Registered user data (captions, HDR10+), mastering display, light level, alternative transfer,
            // ambient light: for ffprobe.
            4 | 137 | 144 | 147 | 148 => return None,
            _ => {}
        }
    }
    Some(())
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
