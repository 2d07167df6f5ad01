//! EBML (RFC 8794): element headers in a file, and the children of an element held in memory.

use std::io::{Read, Seek};

use super::source::Source;

/// Children of one master element: far above any real file, far below what would hurt.
const CHILDREN: usize = 20_000;

/// Where an element's body lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub id: u32,
    /// First byte of the body.
    pub body: u64,
    /// Bytes of the body; `None`: unknown, it goes on until something ends it.
    pub size: Option<u64>,
}

/// An element's id, with its marker bits, and how many bytes it takes.
fn id(bytes: &[u8]) -> Option<(u32, usize)> {
    let width = bytes.first()?.leading_zeros() as usize + 1;
    if width > 4 {
        return None;
    }
    let value = bytes.get(..width)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
    Some((value, width))
}

/// An element's size and how many bytes it takes.
fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return None;
    }
    let marker = 1u64 << (7 * width);
    let value =
        bytes.get(..width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)) & (marker - 1);
    Some(((value != marker - 1).then_some(value), width))
}

/// The element that begins at `at`.
pub fn head<R: Read + Seek>(source: &mut Source<R>, at: u64) -> Option<Head> {
    let bytes = source.up_to(at, 12)?;
    let (id, id_width) = id(bytes)?;
    let (size, size_width) = size(&bytes[id_width..])?;
    Some(Head { id, body: at + (id_width + size_width) as u64, size })
}

/// The children of a master element; `None` where they do not fill it exactly.
pub fn children(mut body: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let mut found = Vec::new();
    while !body.is_empty() {
        let (id, id_width) = id(body)?;
        let (size, size_width) = size(&body[id_width..])?;
        let start = id_width + size_width;
        let end = start.checked_add(usize::try_from(size?).ok()?)?;
        found.push((id, body.get(start..end)?));
        if found.len() > CHILDREN {
            return None;
        }
        body = &body[end..];
    }
    Some(found)
}

/// An unsigned integer of 0 to 8 bytes.
pub fn uint(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A float of 0, 4 or 8 bytes.
pub fn float(body: &[u8]) -> Option<f64> {
    let value = match body.len() {
        0 => 0.0,
        4 => f64::from(f32::from_be_bytes(body.try_into().ok()?)),
        8 => f64::from_be_bytes(body.try_into().ok()?),
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// Text, which may be padded with zeros. Text that is not UTF-8 is for ffprobe, which has its own ideas about it.
pub fn text(body: &[u8]) -> Option<String> {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    std::str::from_utf8(&body[..end]).ok().map(str::to_owned)
}
