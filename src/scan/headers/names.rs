//! Numbers of ITU-T H.273 and of the codecs' profiles by ffmpeg's names. A number that has no name here is for ffprobe.

/// «Unspecified».
pub const UNSPECIFIED: u8 = 2;

/// Colour as code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    pub range: Range,
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
}

/// Which numbers black and white are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Unknown,
    Limited,
    Full,
}

impl Color {
    /// Nothing is known.
    pub const UNKNOWN: Color =
        Color { range: Range::Unknown, primaries: UNSPECIFIED, transfer: UNSPECIFIED, matrix: UNSPECIFIED };
}

impl Range {
    /// ffprobe's word.
    pub fn name(self) -> Option<String> {
        match self {
            Range::Unknown => None,
            Range::Limited => Some("tv".to_owned()),
            Range::Full => Some("pc".to_owned()),
        }
    }
}

type Table = &'static [(u8, &'static str)];

const PRIMARIES: Table = &[
    (1, "bt709"),
    (4, "bt470m"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "film"),
    (9, "bt2020"),
    (10, "smpte428"),
    (11, "smpte431"),
    (12, "smpte432"),
];

/// Without 14 and 15: streams that name them may carry the real curve (HLG) in a message beside the pictures.
const TRANSFER: Table = &[
    (1, "bt709"),
    (4, "bt470m"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "linear"),
    (11, "iec61966-2-4"),
    (13, "iec61966-2-1"),
    (16, "smpte2084"),
    (18, "arib-std-b67"),
];

/// Without 0: that is RGB, which changes the pixel format.
const MATRIX: Table = &[
    (1, "bt709"),
    (4, "fcc"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (9, "bt2020nc"),
    (10, "bt2020c"),
];

fn name(table: Table, code: u8) -> Option<Option<String>> {
    if code == 2 {
        return Some(None);
    }
    table.iter().find(|(n, _)| *n == code).map(|(_, name)| Some((*name).to_owned()))
}

/// Colour primaries.
pub fn primaries(code: u8) -> Option<Option<String>> {
    name(PRIMARIES, code)
}

/// Transfer characteristics.
pub fn transfer(code: u8) -> Option<Option<String>> {
    name(TRANSFER, code)
}

/// Matrix coefficients.
pub fn matrix(code: u8) -> Option<Option<String>> {
    name(MATRIX, code)
}

/// Chroma sample location type of H.264 and HEVC.
pub fn chroma_location(kind: u32) -> Option<&'static str> {
    ["left", "center", "topleft", "top", "bottomleft", "bottom"].get(kind as usize).copied()
}

/// Sample aspect ratios of Table E-1, by index; 0 is unspecified.
pub fn aspect(index: u8) -> Option<(u32, u32)> {
    const RATIOS: [(u32, u32); 17] = [
        (0, 1),
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    RATIOS.get(usize::from(index)).copied()
}

/// The nearest fraction whose parts are at most `max`, as ffmpeg's `av_reduce` finds it: exact where it fits, else the
/// best one by continued fractions.
pub fn reduce(num: u64, den: u64, max: u64) -> Option<(u32, u32)> {
    let (mut num, mut den) = (i128::from(num), i128::from(den));
    let max = i128::from(max);
    let divisor = gcd(num, den);
    if divisor > 0 {
        num /= divisor;
        den /= divisor;
    }
    let (mut before, mut now) = ((0, 1), (1, 0));
    if num <= max && den <= max {
        now = (num, den);
        den = 0;
    }
    while den != 0 {
        let mut x = num / den;
        let rest = num - den * x;
        let next = (x * now.0 + before.0, x * now.1 + before.1);
        if next.0 > max || next.1 > max {
            if now.0 != 0 {
                x = (max - before.0) / now.0;
            }
            if now.1 != 0 {
                x = x.min((max - before.1) / now.1);
            }
            if den * (2 * x * now.1 + before.1) > num * now.1 {
                now = (x * now.0 + before.0, x * now.1 + before.1);
            }
            break;
        }
        before = now;
        now = next;
        num = den;
        den = rest;
    }
    Some((u32::try_from(now.0).ok()?, u32::try_from(now.1).ok()?))
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Kinds of AAC by audio object type.
pub fn aac_profile(object_type: u8) -> Option<&'static str> {
    match object_type {
        2 => Some("LC"),
        5 => Some("HE-AAC"),
        29 => Some("HE-AACv2"),
        _ => None,
    }
}
