//! The first frame of chosen tracks, in the first clusters.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::ids;
use crate::scan::headers::ebml;
use crate::scan::headers::source::Source;

/// Blocks passed on the way.
const BLOCKS: usize = 2000;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u64,
    pub size: u64,
}

/// Finds the first frame of each wanted track, from the cluster at `at` on.
pub fn first<R: Read + Seek>(
    source: &mut Source<R>,
    mut at: u64,
    wanted: &[u64],
) -> Option<BTreeMap<u64, Place>> {
    let mut found = BTreeMap::new();
    let mut passed = 0;
    while found.len() < wanted.len() {
        passed += 1;
        if passed > BLOCKS {
            return None;
        }
        let head = ebml::head(source, at)?;
        at = match head.id {
            // Inside: their children follow one by one.
            ids::CLUSTER | ids::BLOCK_GROUP => head.body,
            ids::SIMPLE_BLOCK | ids::BLOCK => {
                let size = head.size?;
                let (track, frame) = frame(source, head.body, size)?;
                if wanted.contains(&track) {
                    found.entry(track).or_insert(frame);
                }
                head.body.checked_add(size)?
            }
            // Level 1 elements between clusters, and what else lies in clusters and groups.
            ids::EBML | ids::SEGMENT => return None,
            _ => head.body.checked_add(head.size?)?,
        };
    }
    Some(found)
}

/// A block's track and its first frame.
fn frame<R: Read + Seek>(source: &mut Source<R>, body: u64, size: u64) -> Option<(u64, Place)> {
    let bytes = source.up_to(body, size.min(1024))?;
    let width = u64::from(bytes.first()?.leading_zeros()) + 1;
    if width > 4 {
        return None;
    }
    let track = bytes.get(..width as usize)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let track = track & ((1 << (7 * width)) - 1);
    let flags = *bytes.get(width as usize + 2)?;
    let start = width + 3;
    let after = &bytes[start as usize..];
    let (skipped, length) = match flags >> 1 & 3 {
        0 => (0, size.checked_sub(start)?),
        // Xiph: sizes as runs of 255.
        1 => {
            let mut at = 1;
            let mut first = None;
            for _ in 0..*after.first()? {
                let mut length = 0;
                loop {
                    let byte = u64::from(*after.get(at)?);
                    at += 1;
                    length += byte;
                    if byte < 255 {
                        break;
                    }
                }
                first = first.or(Some(length));
            }
            (at as u64, first?)
        }
        // Fixed: all of one size.
        2 => {
            let count = u64::from(*after.first()?) + 1;
            let all = size.checked_sub(start + 1)?;
            (1, all / count)
        }
        // EBML: the first size, then differences.
        _ => {
            let mut at = 1;
            let mut first = None;
            for _ in 0..*after.first()? {
                let byte = *after.get(at)?;
                let width = byte.leading_zeros() as usize + 1;
                if width > 8 {
                    return None;
                }
                let value = after.get(at..at + width)?.iter().fold(0u64, |v, b| v << 8 | u64::from(*b));
                first = first.or(Some(value & ((1u64 << (7 * width)) - 1)));
                at += width;
            }
            (at as u64, first?)
        }
    };
    let at = start.checked_add(skipped)?;
    (at.checked_add(length)? <= size).then_some((track, Place { at: body + at, size: length }))
}
