//! ISO base media boxes (ISO/IEC 14496-12): headers in a file, and the boxes inside one held in memory.

use std::io::{Read, Seek};

use super::source::Source;

/// Boxes in one box: far above any real file, far below what would hurt.
const CHILDREN: usize = 4096;

/// A box's type.
pub type Name = [u8; 4];

/// Where a box's body lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub name: Name,
    /// First byte of the body.
    pub body: u64,
    /// First byte after the box.
    pub end: u64,
}

/// The box that begins at `at` and must end by `limit`. Size 0, «up to the end of the file», is allowed where `limit` is that.
pub fn head<R: Read + Seek>(source: &mut Source<R>, at: u64, limit: u64) -> Option<Head> {
    let whole = limit == source.size();
    let bytes = source.up_to(at, 16)?;
    let short = u64::from(u32_at(bytes, 0)?);
    let name = bytes.get(4..8)?.try_into().ok()?;
    let (start, size) = match short {
        0 if whole => (8, limit.checked_sub(at)?),
        1 => (16, u64_at(bytes, 8)?),
        _ => (8, short),
    };
    let end = at.checked_add(size)?;
    (size >= start && end <= limit).then_some(Head { name, body: at + start, end })
}

/// The boxes that fill `body`; `None` where they do not. Up to 7 bytes of padding at the end are let pass, as QuickTime
/// ends lists with a zero.
pub fn children(mut body: &[u8]) -> Option<Vec<(Name, &[u8])>> {
    let mut found = Vec::new();
    while body.len() >= 8 {
        let name: Name = body[4..8].try_into().ok()?;
        let (start, size) = match u32_at(body, 0)? {
            1 => (16, usize::try_from(u64_at(body, 8)?).ok()?),
            short => (8, short as usize),
        };
        if size < start {
            return None;
        }
        found.push((name, body.get(start..size)?));
        if found.len() > CHILDREN {
            return None;
        }
        body = &body[size..];
    }
    body.iter().all(|byte| *byte == 0).then_some(found)
}

/// The only box of a name; `Some(None)`: none; `None`: more than one.
pub fn only<'a>(boxes: &[(Name, &'a [u8])], name: Name) -> Option<Option<&'a [u8]>> {
    let mut found = boxes.iter().filter(|(n, _)| *n == name).map(|(_, body)| *body);
    let first = found.next();
    found.next().is_none().then_some(first)
}

/// Big-endian numbers at a place.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Big-endian numbers at a place.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Big-endian numbers at a place.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
