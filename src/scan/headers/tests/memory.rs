//! What a header claims costs no memory: counted by the allocator, on this thread alone.

use std::io::{Cursor, Read, Result, Seek, SeekFrom};

use super::super::source::WHOLE;

/// The largest element that is taken whole, what is read beside it, and as much again for what is made of it.
pub const MOST: u64 = 2 * WHOLE + (2 << 20);

/// Most bytes in use at once while something is read.
pub fn peak(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

/// A file that goes on for ever: its start, then a pattern.
struct Endless<'a> {
    start: Vec<u8>,
    /// The pattern, many times.
    tail: &'a [u8],
    period: usize,
    at: u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let at = self.at as usize;
        let rest = self.start.get(at..).unwrap_or_default();
        let (from, taken) = if rest.is_empty() {
            (&self.tail[(at - self.start.len()) % self.period..], self.tail.len() - self.period)
        } else {
            (rest, rest.len())
        };
        let taken = taken.min(into.len());
        into[..taken].copy_from_slice(&from[..taken]);
        self.at += taken as u64;
        Ok(taken)
    }
}

impl Seek for Endless<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(std::io::ErrorKind::Unsupported.into()) };
        self.at = at;
        Ok(at)
    }
}

/// The file is read to an end, within the bound, by both readers.
#[track_caller]
fn check(start: &[u8], pattern: &[u8], size: u64, what: &str) {
    let tail = pattern.repeat(0x1_0000);
    let file = || Endless { start: start.to_vec(), tail: &tail, period: pattern.len(), at: 0 };
    let began = std::time::Instant::now();
    let used = peak(|| {
        let _ = super::super::from(file(), size);
    });
    let also = peak(|| {
        let _ = super::super::whole::missing(file(), size);
    });
    assert!(used.max(also) <= MOST, "{what}: {used} and {also} bytes");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{what}: an endless loop, or nearly one");
}

/// An element's size in eight bytes.
fn ebml(id: u32, size: u64, body: &[u8]) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [&id[..], &(size | 1 << 56).to_be_bytes(), body].concat()
}

/// A box's size in eight bytes.
fn mp4(name: [u8; 4], size: u64, body: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 1], &name[..], &size.to_be_bytes(), body].concat()
}

/// Claims from what is just taken whole to what no disk holds.
const CLAIMS: [u64; 5] = [WHOLE - 64, WHOLE, 1 << 30, 1 << 40, (1 << 56) - 2];
/// A size that a file system may tell of a sparse file.
const SIZE: u64 = u64::MAX / 2;

#[test]
fn an_element_that_claims_more_than_any_disk_holds_costs_a_few_mebibytes() {
    let doctype = b"\x42\x82\x88matroska";
    let head = ebml(0x1a45_dfa3, doctype.len() as u64, doctype);
    // SeekHead, Info, Tracks, Tags, Chapters, Attachments, Cues, Cluster, and what is in them again and again: nothing, elements
    // of no length, of one byte, a track entry, a tag, each of no length; and masters in masters.
    for id in [
        0x114d_9b74,
        0x1549_a966,
        0x1654_ae6b,
        0x1254_c367,
        0x1043_a770,
        0x1941_a469,
        0x1c53_bb6b,
        0x1f43_b675,
    ] {
        for pattern in [
            b"\0" as &[u8],
            b"\xec\x80",
            b"\xec\x81x",
            b"\xae\x80",
            b"\x73\x73\x80",
            b"\xae\x10\x00\x00\x00",
            b"\xff",
        ] {
            for claim in CLAIMS {
                let element = ebml(id, claim, b"");
                let file = [head.clone(), ebml(0x1853_8067, (1 << 56) - 2, &element)].concat();
                check(&file, pattern, SIZE, &format!("{id:x} of {claim}, then {pattern:x?}"));
            }
        }
    }
    // The file's own head may claim as much.
    for claim in CLAIMS {
        check(&ebml(0x1a45_dfa3, claim, doctype), b"\xec\x80", SIZE, &format!("a head of {claim}"));
    }
}

#[test]
fn a_box_that_claims_more_than_any_disk_holds_costs_a_few_mebibytes() {
    let head = b"\0\0\0\x14ftypisom\0\0\x02\0isom";
    for name in [b"moov", b"mdat", b"meta", b"moof", b"trak", b"free"] {
        for pattern in [
            b"\0" as &[u8],
            b"\0\0\0\x08free",
            b"\0\0\0\x08trak",
            b"\0\0\0\x10trak\0\0\0\x08free",
            b"\0\x10\0\0trak",
            b"\xff",
        ] {
            for claim in CLAIMS {
                let file = [&head[..], &mp4(*name, claim, b"")].concat();
                check(&file, pattern, SIZE, &format!("{name:?} of {claim}, then {pattern:x?}"));
            }
        }
    }
}

#[test]
fn a_table_that_claims_four_billion_entries_costs_a_few_mebibytes() {
    let clips = super::whole();
    let names = [b"stsd", b"stts", b"ctts", b"stsz", b"stsc", b"stco", b"elst", b"dref", b"hvcC", b"avcC"];
    let mut tables = 0;
    for clip in clips {
        for name in names {
            let places = clip.windows(4).enumerate().filter(|(_, bytes)| bytes == name).map(|(at, _)| at + 4);
            for place in places.collect::<Vec<_>>() {
                // The count comes after version and flags; elsewhere it is one more claim.
                for at in [place, place + 4, place + 8] {
                    let mut bytes = clip.clone();
                    let Some(count) = bytes.get_mut(at..at + 4) else { continue };
                    count.fill(0xff);
                    let size = bytes.len() as u64;
                    let used = peak(|| {
                        let _ = super::super::from(Cursor::new(bytes), size);
                    });
                    assert!(used <= MOST, "{} at {at}: {used} bytes", String::from_utf8_lossy(name));
                    tables += 1;
                }
            }
        }
    }
    println!("{tables} tables");
    assert!(super::library().is_empty() || tables > 20, "{tables}");
}
