//! MP4 and QuickTime (ISO/IEC 14496-12, -14, -15): the movie box, without the sample tables' bodies.

mod entry;
mod track;

use std::io::{Read, Seek};

use super::boxes::{self, Head, u32_at, u64_at};
use super::micros;
use super::source::Source;
use crate::model::media::{MediaInfo, Tags};

/// Boxes at the top and in the movie box.
const BOXES: usize = 256;
/// User data larger than this holds pictures.
const USER_DATA: u64 = 256 * 1024;

/// What the movie header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Movie {
    timescale: u32,
    duration: u64,
}

/// Reads the facts of an MP4 file.
pub fn read<R: Read + Seek>(source: &mut Source<R>) -> Option<MediaInfo> {
    let limit = source.size();
    let (mut movie, mut data, mut brands) = (None, false, None);
    for head in list(source, 0, limit)? {
        match &head.name {
            b"moov" => movie.replace(head).is_none().then_some(())?,
            b"mdat" => data = true,
            b"ftyp" => brands.replace(head).is_none().then_some(())?,
            b"free" | b"skip" | b"wide" => {}
            // Fragments and their indexes among the rest: the headers' durations are not the file's.
            _ => return None,
        }
    }
    let movie = movie.filter(|_| data)?;
    let mut media =
        MediaInfo { format: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(), size: limit, ..MediaInfo::default() };
    self::brands(source, brands?, &mut media.tags)?;
    let boxes = list(source, movie.body, movie.end)?;
    let header = boxes.iter().find(|head| &head.name == b"mvhd")?;
    let header = movie_header(source.get(header.body, header.end - header.body)?)?;
    let mut tracks = Vec::new();
    for head in boxes {
        match &head.name {
            b"trak" => tracks.push(track::read(source, head, header)?),
            b"mvhd" | b"iods" | b"free" | b"skip" => {}
            b"udta" | b"meta" => no_pictures(source, head)?,
            _ => return None,
        }
    }
    let chapters: Vec<u32> = tracks.iter().flat_map(|track| track.chapters.iter().copied()).collect();
    for (index, mut track) in tracks.into_iter().enumerate() {
        track.stream.index = u32::try_from(index).ok()?;
        track::mark_chapters(&mut track, &chapters)?;
        super::settle(&mut track.stream);
        media.streams.push(track.stream);
    }
    let duration = rescale(header.duration, 1_000_000, u64::from(header.timescale))?;
    if !(1..1_000_000_000_000_000).contains(&duration) || media.streams.is_empty() {
        return None;
    }
    micros(duration, &mut media);
    Some(media)
}

/// The file type, which tells QuickTime from MP4.
fn brands<R: Read + Seek>(source: &mut Source<R>, head: Head, tags: &mut Tags) -> Option<()> {
    let body = source.get(head.body, Some(head.end - head.body).filter(|size| *size <= 256)?)?;
    let text = |bytes: &[u8]| {
        let plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        plain.then(|| String::from_utf8_lossy(bytes).into_owned())
    };
    tags.insert("major_brand".to_owned(), text(body.get(..4)?)?);
    tags.insert("minor_version".to_owned(), u32_at(body, 4)?.to_string());
    tags.insert("compatible_brands".to_owned(), text(body.get(8..)?)?);
    Some(())
}

/// The boxes between two places of the file.
fn list<R: Read + Seek>(source: &mut Source<R>, mut at: u64, end: u64) -> Option<Vec<Head>> {
    let mut found = Vec::new();
    while at < end {
        let head = boxes::head(source, at, end)?;
        at = head.end;
        found.push(head);
        if found.len() > BOXES {
            return None;
        }
    }
    Some(found)
}

fn movie_header(body: &[u8]) -> Option<Movie> {
    let (timescale, duration, matrix) = match body.first()? {
        0 => (u32_at(body, 12)?, u64::from(u32_at(body, 16)?), 36),
        1 => (u32_at(body, 20)?, u64_at(body, 24)?, 48),
        _ => return None,
    };
    // A turned movie turns all its tracks.
    (timescale > 0 && turned(body.get(matrix..matrix + 36)?)? == 0).then_some(Movie { timescale, duration })
}

/// Degrees clockwise of a transformation matrix that does nothing else.
fn turned(matrix: &[u8]) -> Option<i32> {
    const ONE: i32 = 0x1_0000;
    let at = |index: usize| u32_at(matrix, index * 4).map(|value| value as i32);
    let corner = [at(2)?, at(5)?, at(8)?];
    if corner != [0, 0, 0x4000_0000] {
        return None;
    }
    match [at(0)?, at(1)?, at(3)?, at(4)?] {
        [ONE, 0, 0, ONE] => Some(0),
        [0, ONE, a, 0] if a == -ONE => Some(90),
        [a, 0, 0, b] if a == -ONE && b == -ONE => Some(180),
        [0, a, ONE, 0] if a == -ONE => Some(270),
        _ => None,
    }
}

/// Cover art in the user data would be a stream of its own.
fn no_pictures<R: Read + Seek>(source: &mut Source<R>, head: Head) -> Option<()> {
    let body = source.get(head.body, Some(head.end - head.body).filter(|size| *size <= USER_DATA)?)?;
    let has = |word: &[u8]| body.windows(word.len()).any(|window| window == word);
    (!has(b"covr") && !has(b"artwork")).then_some(())
}

/// `value × to / from`, rounded to the nearest as `av_rescale` does.
fn rescale(value: u64, to: u64, from: u64) -> Option<u64> {
    let product = u128::from(value) * u128::from(to) + u128::from(from) / 2;
    u64::try_from(product.checked_div(u128::from(from))?).ok()
}
