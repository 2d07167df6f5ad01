//! Whether a file is as long as its own structure says: a copy that was interrupted is seen without decoding anything.
//!
//! Matroska's segment, MP4's boxes and AVI's chunks each tell where they end. A file that ends before is cut short. Broadcasts
//! and files that were written to no end promise nothing.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::ebml;
use super::source::Source;

/// Matroska's `Segment` (RFC 9559), which holds everything but the file's head.
const SEGMENT: u32 = 0x1853_8067;
/// A little may be missing: writers forget a padding byte, or an index that players do without.
const SLACK: u64 = 1024;
/// Boxes or chunks looked at: a film that is no fragments has a handful.
const PARTS: usize = 48;

/// A file that is shorter than its own structure says, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub promised: u64,
    pub holds: u64,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing = (self.promised - self.holds) as f64 * 100.0 / self.promised.max(1) as f64;
        write!(
            f,
            "its structure promises {} bytes, it holds {} ({missing:.1} % are missing)",
            self.promised, self.holds
        )
    }
}

/// What is missing of a file; `None`: nothing, or it does not promise.
pub fn shortfall(path: &Path) -> Option<Shortfall> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    missing(file, size)
}

/// What is missing of anything that can seek.
pub fn missing<R: Read + Seek>(file: R, size: u64) -> Option<Shortfall> {
    let mut source = Source::new(file, size);
    let start: [u8; 12] = source.get(0, 12)?.try_into().ok()?;
    let promised = match (&start[..4], &start[4..8]) {
        ([0x1a, 0x45, 0xdf, 0xa3], _) => segment(&mut source)?,
        (_, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot") => boxes(&mut source)?,
        (b"RIFF", _) if matches!(&start[8..12], b"AVI " | b"WAVE") => chunks(&mut source)?,
        _ => return None,
    };
    (promised > size.saturating_add(SLACK)).then_some(Shortfall { promised, holds: size })
}

fn segment<R: Read + Seek>(source: &mut Source<R>) -> Option<u64> {
    let head = ebml::head(source, 0)?;
    let at = head.body.checked_add(head.size?)?;
    let segment = ebml::head(source, at).filter(|s| s.id == SEGMENT)?;
    // A recording in progress does not know its size yet.
    segment.body.checked_add(segment.size?)
}

fn boxes<R: Read + Seek>(source: &mut Source<R>) -> Option<u64> {
    let mut at = 0;
    for _ in 0..PARTS {
        if at + 8 > source.size() {
            return Some(at);
        }
        let bytes = source.up_to(at, 16)?;
        let short = u64::from(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?));
        let named = bytes.get(4..8)?.iter().all(|b| b.is_ascii_graphic() || *b == b' ' || *b == 0xa9);
        let length = match short {
            // Up to the end, whatever that is.
            0 => return None,
            1 => u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?),
            _ => short,
        };
        if !named || length < 8 {
            // Padding or foreign bytes after the film: they promise nothing.
            return None;
        }
        at = at.checked_add(length)?;
    }
    None
}

fn chunks<R: Read + Seek>(source: &mut Source<R>) -> Option<u64> {
    let mut at = 0;
    for _ in 0..PARTS {
        if at + 12 > source.size() {
            return Some(at);
        }
        let bytes = source.get(at, 12)?;
        if &bytes[..4] != b"RIFF" {
            return Some(at);
        }
        let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
        // A writer that was not let finish left a placeholder.
        if length == 0 || length == u32::MAX {
            return None;
        }
        at = at.checked_add(8 + u64::from(length) + u64::from(length & 1))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// What is missing of these bytes cut at `keep`.
    fn check(bytes: &[u8], keep: usize, expected: Option<u64>) {
        let kept = &bytes[..keep];
        let found = missing(Cursor::new(kept), kept.len() as u64);
        assert_eq!(found.map(|s| s.promised), expected, "{keep} of {}", bytes.len());
    }

    #[test]
    fn a_cut_structure_tells_what_it_promised() {
        let body = vec![7u8; 9000];
        let mkv = [
            &[0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4, 0x18, 0x53, 0x80, 0x67, 0x08, 0, 0, 0x23, 0x28][..],
            &body,
        ]
        .concat();
        // A size of five bytes: 0x08 marks the width, 0x2328 is 9000.
        let end = mkv.len() as u64;
        check(&mkv, mkv.len(), None);
        check(&mkv, mkv.len() - 1000, None);
        check(&mkv, mkv.len() / 2, Some(end));
        let mp4 = [&[0, 0, 0, 16][..], b"ftypisom\0\0\0\0", &[0, 0, 0x23, 0x30], b"mdat", &body].concat();
        check(&mp4, mp4.len(), None);
        check(&mp4, 4000, Some(mp4.len() as u64));
        let avi = [&b"RIFF"[..], &9004u32.to_le_bytes(), b"AVI ", &body].concat();
        check(&avi, avi.len(), None);
        check(&avi, 4000, Some(avi.len() as u64));
    }

    #[test]
    fn what_promises_nothing_is_never_short() {
        for bytes in [
            &[
                0x1a, 0x45, 0xdf, 0xa3, 0x81, 1, 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 0xff,
            ][..],
            b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\0mdat1234567890",
            b"RIFF\0\0\0\0AVI 1234567890",
            b"RIFF\xff\xff\xff\xffWAVE1234567890",
            b"G\x40\x11\x10\0\x42\xf0\x25\0\x01\xc1\0\0\xff",
            b"",
        ] {
            check(bytes, bytes.len(), None);
        }
    }
}
