//! What codecs' own configuration records say. Pure: bytes in, facts or `None` out.

pub mod aac;
pub mod ac3;
pub mod avc;
pub mod hevc;
pub mod sound;

use h264_reader::rbsp::{BitRead, BitReader, ByteReader};

use super::names::Color;

/// What a video codec's parameter sets say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub profile: String,
    pub level: i32,
    pub width: u32,
    pub height: u32,
    /// Sample aspect ratio; (0, 1): unspecified.
    pub sar: (u32, u32),
    pub pix_fmt: &'static str,
    pub bit_depth: u8,
    pub color: Color,
    /// The stream itself states primaries, transfer and matrix, whatever the container says.
    pub states_color: bool,
    /// Of these the container has the word where the stream says «unspecified».
    pub leaves_color_open: bool,
    /// The stream itself states the range.
    pub states_range: bool,
    pub chroma_location: Option<&'static str>,
    pub field_order: Option<&'static str>,
    pub has_b_frames: Option<bool>,
    /// Bytes of the length before each NAL unit in a frame.
    pub nal_length: u8,
}

/// A parameter set's bits, of a NAL unit with a header of `header` bytes.
fn bits(nal: &[u8], header: usize) -> Option<BitReader<ByteReader<&[u8]>>> {
    let header = std::num::NonZeroUsize::new(header)?;
    (nal.len() > header.get()).then(|| BitReader::new(ByteReader::skipping_bytes(nal, header)))
}

/// Reads and throws away `count` bits.
fn skip(bits: &mut impl BitRead, count: u32) -> Option<()> {
    bits.skip(count, "skipped").ok()
}

fn ue(bits: &mut impl BitRead) -> Option<u32> {
    bits.read_ue("ue").ok()
}

fn flag(bits: &mut impl BitRead) -> Option<bool> {
    bits.read_bit("flag").ok()
}

fn number(bits: &mut impl BitRead, count: u32) -> Option<u32> {
    bits.read_var(count, "number").ok()
}
