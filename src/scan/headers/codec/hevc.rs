//! HEVC: the `hvcC` record (ISO/IEC 14496-15) and the sequence parameter set in it (ITU-T H.265 7.3.2.2).
//!
//! The set is read here because the crates that read it panic on damaged ones or hide what it says (docs/FACTS.md).

use h264_reader::rbsp::BitRead;

use super::{Picture, bits, flag, number, skip, ue};
use crate::scan::headers::boxes::u16_at;
use crate::scan::headers::names::{self, Color, Range};

/// Reads a configuration record. `None` where the parameter sets are in the stream only, or more than one.
pub fn picture(record: &[u8]) -> Option<Picture> {
    let nal_length = (record.get(21)? & 3) + 1;
    if *record.first()? != 1 {
        return None;
    }
    let mut set = None;
    let mut at = 23;
    for _ in 0..*record.get(22)? {
        let kind = record.get(at)? & 0x3f;
        let count = u16_at(record, at + 1)?;
        at += 3;
        for _ in 0..count {
            let length = usize::from(u16_at(record, at)?);
            let nal = record.get(at + 2..at + 2 + length)?;
            at += 2 + length;
            if kind == 33 && set.replace(nal).is_some() {
                return None;
            }
        }
    }
    sequence(set?, nal_length)
}

fn sequence(nal: &[u8], nal_length: u8) -> Option<Picture> {
    // A set of an enhancement layer has another syntax.
    if nal.len() > 4096 || nal.first()? >> 1 & 0x3f != 33 || nal[0] & 1 != 0 || nal.get(1)? >> 3 != 0 {
        return None;
    }
    let r = &mut bits(nal, 2)?;
    skip(r, 4)?;
    let sub_layers = number(r, 3)?;
    skip(r, 1)?;
    let (profile_idc, level) = profile_tier_level(r, sub_layers)?;
    ue(r)?;
    let chroma = ue(r)?;
    if chroma == 3 && flag(r)? {
        return None;
    }
    let (mut width, mut height) = (ue(r)?, ue(r)?);
    if flag(r)? {
        let (unit_x, unit_y) = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        let (left, right, top, bottom) = (ue(r)?, ue(r)?, ue(r)?, ue(r)?);
        width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
        height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
    }
    if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
        return None;
    }
    let (luma, chroma_depth) = (ue(r)?, ue(r)?);
    let poc_bits = ue(r)? + 4;
    if luma != chroma_depth || poc_bits > 16 || sub_layers > 6 {
        return None;
    }
    let every = flag(r)?;
    let mut reorder = 0;
    for _ in if every { 0 } else { sub_layers }..=sub_layers {
        ue(r)?;
        reorder = ue(r)?;
        ue(r)?;
    }
    // Coding block sizes and transform depths.
    for _ in 0..6 {
        ue(r)?;
    }
    if flag(r)? && flag(r)? {
        scaling_lists(r)?;
    }
    skip(r, 2)?;
    if flag(r)? {
        skip(r, 8)?;
        ue(r)?;
        ue(r)?;
        skip(r, 1)?;
    }
    reference_sets(r)?;
    if flag(r)? {
        for _ in 0..small(ue(r)?, 32)? {
            skip(r, poc_bits + 1)?;
        }
    }
    skip(r, 2)?;
    let usability = if flag(r)? { Some(usability(r)?) } else { None };
    let color = usability.as_ref().map_or(Color { range: Range::Limited, ..Color::UNKNOWN }, |is| is.color);
    let pix_fmt = match (chroma, luma, color.range) {
        (1, 0, Range::Full) => "yuvj420p",
        (1, 0, _) => "yuv420p",
        (2, 0, Range::Limited) => "yuv422p",
        (3, 0, Range::Limited) => "yuv444p",
        (1, 2, _) => "yuv420p10le",
        (2, 2, _) => "yuv422p10le",
        (1, 4, _) => "yuv420p12le",
        _ => return None,
    };
    let location = usability.as_ref().map_or(0, |is| is.chroma_location);
    Some(Picture {
        profile: ["Main", "Main 10", "Main Still Picture", "Rext"]
            .get(profile_idc.checked_sub(1)?)?
            .to_string(),
        level,
        width,
        height,
        sar: usability.as_ref().map_or((0, 1), |is| is.sar),
        pix_fmt,
        bit_depth: 8 + luma as u8,
        color,
        states_color: true,
        leaves_color_open: true,
        states_range: true,
        chroma_location: if chroma == 1 { Some(names::chroma_location(location)?) } else { None },
        field_order: None,
        has_b_frames: Some(reorder > 0),
        nal_length,
    })
}

/// A count that no real stream exceeds.
fn small(count: u32, most: u32) -> Option<u32> {
    (count <= most).then_some(count)
}

/// General profile and level; the sub-layers' are passed over.
fn profile_tier_level(r: &mut impl BitRead, sub_layers: u32) -> Option<(usize, i32)> {
    skip(r, 3)?;
    let profile = number(r, 5)? as usize;
    skip(r, 80)?;
    let level = number(r, 8)? as i32;
    if sub_layers == 0 {
        return Some((profile, level));
    }
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((flag(r)?, flag(r)?));
    }
    skip(r, 2 * (8 - sub_layers))?;
    for (has_profile, has_level) in present {
        skip(r, if has_profile { 88 } else { 0 } + if has_level { 8 } else { 0 })?;
    }
    Some((profile, level))
}

fn scaling_lists(r: &mut impl BitRead) -> Option<()> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !flag(r)? {
                ue(r)?;
                continue;
            }
            if size > 1 {
                ue(r)?;
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                ue(r)?;
            }
        }
    }
    Some(())
}

/// Short-term reference picture sets (7.3.7): only their lengths matter, and each may be told by the one before.
fn reference_sets(r: &mut impl BitRead) -> Option<()> {
    let mut pictures: Vec<u32> = Vec::new();
    for set in 0..small(ue(r)?, 64)? {
        if set > 0 && flag(r)? {
            let before = *pictures.last()?;
            skip(r, 1)?;
            ue(r)?;
            let mut count = 0;
            for _ in 0..=before {
                let used = flag(r)?;
                // `use_delta_flag` is inferred to be 1 where the picture is used.
                count += u32::from(used || flag(r)?);
            }
            pictures.push(small(count, 16)?);
        } else {
            let count = small(ue(r)?, 16)?.checked_add(small(ue(r)?, 16)?)?;
            for _ in 0..count {
                ue(r)?;
                skip(r, 1)?;
            }
            pictures.push(count);
        }
    }
    Some(())
}

/// The part of the video usability information (Annex E) that ffprobe shows.
struct Usability {
    sar: (u32, u32),
    color: Color,
    chroma_location: u32,
}

fn usability(r: &mut impl BitRead) -> Option<Usability> {
    let mut sar = (0, 1);
    if flag(r)? {
        let index = number(r, 8)? as u8;
        sar = if index == 255 {
            names::reduce(u64::from(number(r, 16)?), u64::from(number(r, 16)?), u64::from(u16::MAX))?
        } else {
            names::aspect(index)?
        };
    }
    if flag(r)? {
        skip(r, 1)?;
    }
    let mut color = Color { range: Range::Limited, ..Color::UNKNOWN };
    if flag(r)? {
        skip(r, 3)?;
        if flag(r)? {
            color.range = Range::Full;
        }
        if flag(r)? {
            color.primaries = number(r, 8)? as u8;
            color.transfer = number(r, 8)? as u8;
            color.matrix = number(r, 8)? as u8;
        }
    }
    let mut chroma_location = 0;
    if flag(r)? {
        chroma_location = ue(r)?;
        ue(r)?;
    }
    skip(r, 1)?;
    // Field sequences and picture structures: only the pictures tell in what order the fields come.
    let (fields, structures) = (flag(r)?, flag(r)?);
    (!fields && !structures).then_some(Usability { sar, color, chroma_location })
}
