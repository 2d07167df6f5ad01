//! Sample entries: the codec's record and what lies beside it.

use crate::model::media::{Audio, DolbyVision};
use crate::scan::headers::boxes::{Name, children, only, u16_at, u32_at};
use crate::scan::headers::codec;
use crate::scan::headers::names::{Color, Range, reduce};

/// The only sample entry of a track.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub tag: Name,
    body: &'a [u8],
}

/// A picture's entry.
#[derive(Debug)]
pub struct Visual<'a> {
    pub width: u32,
    pub height: u32,
    boxes: Vec<(Name, &'a [u8])>,
}

/// A sound's record.
#[derive(Clone, Debug)]
pub enum Sound<'a> {
    /// AudioSpecificConfig.
    Aac(&'a [u8]),
    Opus(Audio),
    /// Metadata blocks.
    Flac(&'a [u8]),
    /// The magic cookie.
    Alac(&'a [u8]),
    /// The first frame tells; ffmpeg's name of the codec.
    ByFrame(&'static str),
}

/// Reads a sample description box; `None` where there are several.
pub fn read(stsd: &[u8]) -> Option<Entry<'_>> {
    if u32_at(stsd, 4)? != 1 {
        return None;
    }
    let entries = children(stsd.get(8..)?)?;
    let [(tag, body)] = entries[..] else { return None };
    Some(Entry { tag, body })
}

impl<'a> Entry<'a> {
    /// As a picture's entry.
    pub fn visual(&self) -> Option<Visual<'a>> {
        let boxes = children(self.body.get(78..)?)?;
        // Encryption, several views, a crop: for ffprobe.
        let odd: [Name; 9] =
            [*b"sinf", *b"st3d", *b"sv3d", *b"vexu", *b"clap", *b"mdcv", *b"clli", *b"SmDm", *b"CoLL"];
        if boxes.iter().any(|(name, _)| odd.contains(name)) {
            return None;
        }
        Some(Visual {
            width: u32::from(u16_at(self.body, 24)?),
            height: u32::from(u16_at(self.body, 26)?),
            boxes,
        })
    }

    /// As a sound's entry.
    pub fn sound(&self) -> Option<Sound<'a>> {
        let boxes = match u16_at(self.body, 8)? {
            0 => children(self.body.get(28..)?)?,
            1 => children(self.body.get(44..)?)?,
            _ => return None,
        };
        let record = |name: &Name| only(&boxes, *name).flatten();
        match &self.tag {
            b"mp4a" => match only(&boxes, *b"wave")? {
                None => esds(record(b"esds")?),
                Some(wave) => esds(only(&children(wave)?, *b"esds")??),
            },
            b"ac-3" => Some(Sound::ByFrame("ac3")),
            b"ec-3" => Some(Sound::ByFrame("eac3")),
            b".mp3" => Some(Sound::ByFrame("mp3")),
            b"Opus" => {
                let config = record(b"dOps")?;
                (*config.first()? == 0).then_some(())?;
                codec::sound::opus(*config.get(1)?, *config.get(10)?).map(Sound::Opus)
            }
            b"fLaC" => Some(Sound::Flac(record(b"dfLa")?.get(4..)?)),
            b"alac" => Some(Sound::Alac(record(b"alac")?.get(4..)?)),
            _ => None,
        }
    }
}

impl Visual<'_> {
    /// The only box of a name; `Some(None)`: none.
    pub fn child(&self, name: Name) -> Option<Option<&[u8]>> {
        only(&self.boxes, name)
    }

    /// The pixel aspect ratio box.
    pub fn aspect(&self) -> Option<Option<(u32, u32)>> {
        let Some(body) = self.child(*b"pasp")? else { return Some(None) };
        let (n, d) = (u32_at(body, 0)?, u32_at(body, 4)?);
        (n > 0 && d > 0).then_some(())?;
        reduce(u64::from(n), u64::from(d), 32_767).map(Some)
    }

    /// The colour box.
    pub fn color(&self) -> Option<Color> {
        let Some(body) = self.child(*b"colr")? else { return Some(Color::UNKNOWN) };
        let code = |at| u8::try_from(u16_at(body, at)?).ok();
        let range = match body.get(..4)? {
            b"nclx" if body.get(10)? >> 7 == 1 => Range::Full,
            b"nclx" => Range::Limited,
            b"nclc" => Range::Unknown,
            _ => return None,
        };
        Some(Color { range, primaries: code(4)?, transfer: code(6)?, matrix: code(8)? })
    }

    /// The field box, where it says that there are none.
    pub fn field_order(&self) -> Option<Option<&'static str>> {
        match self.child(*b"fiel")? {
            None => Some(None),
            Some([1, ..]) => Some(Some("progressive")),
            Some(_) => None,
        }
    }

    /// Dolby Vision's record.
    pub fn dolby_vision(&self) -> Option<Option<DolbyVision>> {
        match (self.child(*b"dvcC")?, self.child(*b"dvvC")?) {
            (None, None) => Some(None),
            (Some(record), None) | (None, Some(record)) => {
                crate::scan::headers::dolby_vision(record).map(Some)
            }
            _ => None,
        }
    }
}

/// The elementary stream descriptor (ISO/IEC 14496-1 7.2.6.5).
fn esds(body: &[u8]) -> Option<Sound<'_>> {
    let (tag, body) = descriptor(body.get(4..)?)?;
    // Flags for a stream it depends on, an address, a clock: none has them.
    if tag != 3 || *body.get(2)? & 0xe0 != 0 {
        return None;
    }
    let (tag, config) = descriptor(body.get(3..)?)?;
    if tag != 4 {
        return None;
    }
    match config.first()? {
        0x40 => {
            let (tag, specific) = descriptor(config.get(13..)?)?;
            (tag == 5).then_some(Sound::Aac(specific))
        }
        0x69 | 0x6b => Some(Sound::ByFrame("mp3")),
        _ => None,
    }
}

/// A descriptor's tag and body; its length comes in groups of seven bits.
fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let tag = *bytes.first()?;
    let mut length = 0usize;
    for at in 1..=4 {
        let byte = *bytes.get(at)?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((tag, bytes.get(at + 1..at + 1 + length)?));
        }
    }
    None
}
