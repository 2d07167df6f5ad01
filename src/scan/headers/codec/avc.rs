//! H.264: the `avcC` record (ISO/IEC 14496-15) and the parameter sets in it.

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, SeqParameterSet, VuiParameters};
use h264_reader::rbsp::{BitReader, ByteReader};

use super::{Picture, bits, flag, ue};
use crate::scan::headers::names::{self, Color, Range};

/// Reads a configuration record. `None` where more than one picture format may be in the stream, or fields.
pub fn picture(record: &[u8]) -> Option<Picture> {
    let nal_length = (record.get(4)? & 3) + 1;
    if *record.first()? != 1 || record.get(5)? & 0x1f != 1 {
        return None;
    }
    let mut rest = record.get(6..)?;
    let sps = unit(&mut rest)?;
    let count = *rest.first()?;
    rest = &rest[1..];
    if count == 0 {
        return None;
    }
    for _ in 0..count {
        // With this flag the two fields of a frame may be at different times even where no field is coded.
        let mut pps = bits(unit(&mut rest)?, 1)?;
        ue(&mut pps)?;
        ue(&mut pps)?;
        flag(&mut pps)?;
        if flag(&mut pps)? {
            return None;
        }
    }
    sequence(sps, nal_length)
}

/// The next unit of a list with 16-bit lengths.
fn unit<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
    let unit = rest.get(2..2 + length)?;
    *rest = &rest[2 + length..];
    Some(unit)
}

fn sequence(nal: &[u8], nal_length: u8) -> Option<Picture> {
    if nal.first()? & 0x1f != 7 || nal.len() > 1024 {
        return None;
    }
    let set = SeqParameterSet::from_bits(BitReader::new(ByteReader::skipping_h264_header(nal))).ok()?;
    // Without this flag fields may be coded, and only the pictures tell whether they are.
    if set.frame_mbs_flags != FrameMbsFlags::Frames {
        return None;
    }
    let vui = set.vui_parameters.as_ref();
    if vui.is_some_and(|vui| vui.pic_struct_present_flag) {
        return None;
    }
    let depth = set.chroma_info.bit_depth_luma_minus8;
    if depth != set.chroma_info.bit_depth_chroma_minus8 || set.chroma_info.separate_colour_plane_flag {
        return None;
    }
    let (width, height) = set.pixel_dimensions().ok()?;
    let color = color(vui);
    let full = color.range == Range::Full;
    let pix_fmt = match (set.chroma_info.chroma_format, depth, full) {
        (ChromaFormat::YUV420, 0, false) => "yuv420p",
        (ChromaFormat::YUV420, 0, true) => "yuvj420p",
        (ChromaFormat::YUV422, 0, false) => "yuv422p",
        (ChromaFormat::YUV444, 0, false) => "yuv444p",
        (ChromaFormat::YUV420, 2, false) => "yuv420p10le",
        (ChromaFormat::YUV422, 2, false) => "yuv422p10le",
        _ => return None,
    };
    let signal = vui.and_then(|vui| vui.video_signal_type.as_ref());
    let sar = match vui.and_then(|vui| vui.aspect_ratio_info.as_ref()) {
        None => (0, 1),
        Some(info) => match (info.to_u8(), info.get()) {
            (255, Some((n, d))) => names::reduce(u64::from(n), u64::from(d), u64::from(u16::MAX))?,
            (index, _) => names::aspect(index)?,
        },
    };
    let restriction = vui.and_then(|vui| vui.bitstream_restrictions.as_ref());
    Some(Picture {
        profile: profile(&set)?.to_owned(),
        level: i32::from(set.level_idc),
        width,
        height,
        sar,
        pix_fmt,
        bit_depth: 8 + depth,
        color,
        states_color: signal.is_some_and(|signal| signal.colour_description.is_some()),
        leaves_color_open: false,
        states_range: signal.is_some(),
        chroma_location: chroma_location(&set)?,
        field_order: Some("progressive"),
        has_b_frames: restriction.map(|restriction| restriction.max_num_reorder_frames > 0),
        nal_length,
    })
}

/// ffmpeg's names, for the profiles that files have.
fn profile(set: &SeqParameterSet) -> Option<&'static str> {
    let flags = set.constraint_flags;
    match u8::from(set.profile_idc) {
        66 if flags.flag1() => Some("Constrained Baseline"),
        66 => Some("Baseline"),
        77 => Some("Main"),
        100 => Some("High"),
        110 if flags.flag3() => Some("High 10 Intra"),
        110 => Some("High 10"),
        122 if flags.flag3() => Some("High 4:2:2 Intra"),
        122 => Some("High 4:2:2"),
        244 if flags.flag3() => None,
        244 => Some("High 4:4:4 Predictive"),
        _ => None,
    }
}

fn color(vui: Option<&VuiParameters>) -> Color {
    let Some(signal) = vui.and_then(|vui| vui.video_signal_type.as_ref()) else { return Color::UNKNOWN };
    let range = if signal.video_full_range_flag { Range::Full } else { Range::Limited };
    match &signal.colour_description {
        None => Color { range, ..Color::UNKNOWN },
        Some(is) => Color {
            range,
            primaries: is.colour_primaries,
            transfer: is.transfer_characteristics,
            matrix: is.matrix_coefficients,
        },
    }
}

/// ffmpeg says «left» of every silent stream, whatever its chroma format.
fn chroma_location(set: &SeqParameterSet) -> Option<Option<&'static str>> {
    let stated = set.vui_parameters.as_ref().and_then(|vui| vui.chroma_loc_info.as_ref());
    match stated {
        None => Some(Some("left")),
        Some(info) if set.chroma_info.chroma_format == ChromaFormat::YUV420 => {
            names::chroma_location(info.chroma_sample_loc_type_top_field).map(Some)
        }
        Some(_) => None,
    }
}
