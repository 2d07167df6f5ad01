//! AAC: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1).

use h264_reader::rbsp::{BitRead, BitReader};

use super::{flag, number};
use crate::model::media::Audio;
use crate::scan::headers::names;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

/// Profile and facts. `None` where only the frames tell: a channel map of its own, or a low rate that may be the half
/// of a rate that only the frames' extension names (implicit SBR).
pub fn sound(config: &[u8]) -> Option<(&'static str, Audio)> {
    let r = &mut BitReader::new(config);
    let mut kind = object_type(r)?;
    let mut rate = sample_rate(r)?;
    let channels = number(r, 4)?;
    let named = kind;
    let extended = matches!(kind, 5 | 29);
    if extended {
        rate = sample_rate(r)?;
        kind = object_type(r)?;
    }
    if kind != 2 || (extended && named == 29 && channels != 1) {
        return None;
    }
    // frameLengthFlag, dependsOnCoreCoder, extensionFlag: 960-sample frames and the rest are not of this world.
    if flag(r)? || flag(r)? || flag(r)? {
        return None;
    }
    let mut profile = names::aac_profile(named)?;
    if !extended {
        let mut told = false;
        if r.read_var::<u32>(11, "syncExtensionType").is_ok_and(|sync| sync == 0x2b7) {
            // Backward compatible signalling.
            if object_type(r)? != 5 {
                return None;
            }
            told = true;
            if flag(r)? {
                return None;
            }
        }
        if !told && rate <= 24_000 {
            return None;
        }
        profile = "LC";
    }
    let (count, layout) = match (channels, named) {
        // Parametric stereo makes two of one.
        (1, 29) | (2, _) => (2, "stereo"),
        (1, _) => (1, "mono"),
        (3, _) => (3, "3.0"),
        (4, _) => (4, "4.0"),
        (5, _) => (5, "5.0"),
        (6, _) => (6, "5.1"),
        _ => return None,
    };
    Some((profile, Audio { channels: count, layout: Some(layout.to_owned()), sample_rate: rate, bits: 0 }))
}

fn object_type(r: &mut impl BitRead) -> Option<u8> {
    match number(r, 5)? {
        31 => Some(32 + number(r, 6)? as u8),
        kind => Some(kind as u8),
    }
}

fn sample_rate(r: &mut impl BitRead) -> Option<u32> {
    RATES.get(number(r, 4)? as usize).copied()
}
