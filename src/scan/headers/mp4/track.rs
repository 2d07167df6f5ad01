//! One track box as a stream.

use std::io::{Read, Seek};

use super::{Movie, entry, list, rescale, turned};
use crate::model::media::{Stream, StreamKind};
use crate::scan::headers::boxes::{Head, Name, u16_at, u32_at, u64_at};
use crate::scan::headers::names::reduce;
use crate::scan::headers::source::Source;
use crate::scan::headers::{Container, codec, dynamic, stream, wants_picture};

/// Entries of the time table that are read: a constant rate has one or two, one rounded to milliseconds has as many as
/// it has frames.
const TIMES: u32 = 400_000;
/// A box of the track that is taken whole.
const SMALL: u64 = 64 * 1024;

/// A track on its way.
#[derive(Debug)]
pub struct Track {
    pub id: u32,
    pub stream: Stream,
    /// Ids of the tracks that hold this one's chapters.
    pub chapters: Vec<u32>,
}

/// Parts of a track, gathered from the boxes in it.
#[derive(Debug, Default)]
struct Parts {
    tkhd: Option<Vec<u8>>,
    elst: Option<Vec<u8>>,
    mdhd: Option<Vec<u8>>,
    /// The media's handler; QuickTime has another one, for where the data lies.
    hdlr: Option<Vec<u8>>,
    stsd: Option<Vec<u8>>,
    chap: Vec<u32>,
    stts: Option<Head>,
    offsets: Option<Head>,
    sizes: Option<Head>,
}

/// Reads a track.
pub fn read<R: Read + Seek>(source: &mut Source<R>, head: Head, movie: Movie) -> Option<Track> {
    let mut parts = Parts::default();
    gather(source, head, &mut parts, 0)?;
    let tkhd = parts.tkhd.as_deref()?;
    let (id, width, height, rotation) = track_header(tkhd)?;
    let (timescale, media_duration, language) = media_header(parts.mdhd.as_deref()?)?;
    let times = times(source, parts.stts?)?;
    let kind: Name = parts.hdlr.as_deref()?.get(8..12)?.try_into().ok()?;
    let entry = entry::read(parts.stsd.as_deref()?)?;
    let mut stream = match &kind {
        b"vide" => stream(StreamKind::Video, ""),
        b"soun" => stream(StreamKind::Audio, ""),
        b"sbtl" | b"subt" | b"text" => stream(StreamKind::Subtitle, ""),
        _ => return None,
    };
    stream.codec_tag = std::str::from_utf8(&entry.tag).ok()?.to_owned();
    stream.disposition.default = tkhd.get(3)? & 1 != 0;
    if let Some(language) = language {
        stream.tags.insert("language".to_owned(), language);
    }
    if let Some(name) = handler_name(parts.hdlr.as_deref()?)? {
        stream.tags.insert("handler_name".to_owned(), name);
    }
    let mut duration = media_duration;
    if times.span > 0 {
        duration = duration.min(times.span);
    }
    if let Some(list) = &parts.elst {
        duration = duration.min(edited(list, movie, timescale)?);
    }
    stream.duration = Some(seconds(duration, timescale)?).filter(|seconds| *seconds > 0.0);
    stream.frames = Some(times.samples).filter(|samples| *samples > 0);
    let first = Places { offsets: parts.offsets, sizes: parts.sizes };
    match stream.kind {
        StreamKind::Video => {
            let mut container = Container { rotation, ..Container::default() };
            container.rate =
                reduce(u64::from(timescale).checked_mul(times.samples)?, times.span, i32::MAX as u64)?;
            pictures(source, &entry, (width, height), container, first, &mut stream)?;
        }
        StreamKind::Audio => sound(source, &entry, first, &mut stream)?,
        _ => {
            match (&kind, &entry.tag) {
                (b"sbtl" | b"subt" | b"text", b"tx3g") | (b"text", b"text") => "mov_text",
                _ => return None,
            }
            .clone_into(&mut stream.codec);
        }
    }
    Some(Track { id, stream, chapters: parts.chap })
}

/// A text track that another track names as its chapters is data.
pub fn mark_chapters(track: &mut Track, chapters: &[u32]) -> Option<()> {
    if !chapters.contains(&track.id) {
        return Some(());
    }
    // Chapters with pictures are timed thumbnails.
    (track.stream.kind == StreamKind::Subtitle).then_some(())?;
    track.stream.kind = StreamKind::Data;
    "bin_data".clone_into(&mut track.stream.codec);
    Some(())
}

/// Gathers the small boxes of a track and the places of its tables.
fn gather<R: Read + Seek>(source: &mut Source<R>, head: Head, parts: &mut Parts, depth: u8) -> Option<()> {
    for head in list(source, head.body, head.end)? {
        let mut whole = || {
            let size = Some(head.end - head.body).filter(|size| *size <= SMALL)?;
            Some(source.get(head.body, size)?.to_vec())
        };
        let fresh = match &head.name {
            b"mdia" | b"minf" | b"stbl" | b"edts" if depth < 4 => {
                gather(source, head, parts, depth + 1)?;
                true
            }
            b"tkhd" => parts.tkhd.replace(whole()?).is_none(),
            b"elst" => parts.elst.replace(whole()?).is_none(),
            b"mdhd" => parts.mdhd.replace(whole()?).is_none(),
            b"stsd" => parts.stsd.replace(whole()?).is_none(),
            b"hdlr" => {
                let body = whole()?;
                parts.hdlr.get_or_insert(body);
                true
            }
            b"stts" => parts.stts.replace(head).is_none(),
            b"stco" | b"co64" => parts.offsets.replace(head).is_none(),
            b"stsz" => parts.sizes.replace(head).is_none(),
            b"tref" => {
                references(&whole()?, parts)?;
                true
            }
            // The track's name and kind, which only newer versions of ffmpeg read.
            b"udta" => head.end - head.body < 8,
            // Tables and headers that say nothing about the facts.
            b"ctts" | b"stss" | b"stsc" | b"sdtp" | b"sgpd" | b"sbgp" | b"cslg" | b"stps" | b"vmhd"
            | b"smhd" | b"nmhd" | b"sthd" | b"gmhd" | b"dinf" | b"free" | b"skip" | b"tapt" | b"load" => true,
            _ => false,
        };
        if !fresh {
            return None;
        }
    }
    Some(())
}

fn references(body: &[u8], parts: &mut Parts) -> Option<()> {
    for (name, body) in crate::scan::headers::boxes::children(body)? {
        match &name {
            b"chap" => {
                for at in (0..body.len()).step_by(4) {
                    parts.chap.push(u32_at(body, at)?);
                }
            }
            // The fallback of a subtitle, the sync of a track: no business of ours.
            b"folw" | b"fall" | b"sync" | b"subt" | b"forc" => {}
            _ => return None,
        }
    }
    Some(())
}

/// Id, size in pixels and rotation.
fn track_header(body: &[u8]) -> Option<(u32, u32, u32, i32)> {
    let (id, rest) = match body.first()? {
        0 => (12, 40),
        1 => (20, 52),
        _ => return None,
    };
    let rotation = turned(body.get(rest..rest + 36)?)?;
    Some((u32_at(body, id)?, u32_at(body, rest + 36)? >> 16, u32_at(body, rest + 40)? >> 16, rotation))
}

/// Timescale, duration and language.
fn media_header(body: &[u8]) -> Option<(u32, u64, Option<String>)> {
    let (timescale, duration, language) = match body.first()? {
        0 => (u32_at(body, 12)?, u64::from(u32_at(body, 16)?), u16_at(body, 20)?),
        1 => (u32_at(body, 20)?, u64_at(body, 24)?, u16_at(body, 32)?),
        _ => return None,
    };
    let unknown = if *body.first()? == 0 { u64::from(u32::MAX) } else { u64::MAX };
    if timescale == 0 || duration == unknown {
        return None;
    }
    let letters = [language >> 10 & 31, language >> 5 & 31, language & 31];
    let language = match language {
        0x7fff => None,
        // QuickTime's own numbers, of which the first is English.
        0 => Some("eng".to_owned()),
        1..0x400 => return None,
        _ => Some(letters.iter().map(|l| char::from(0x60 + *l as u8)).collect::<String>()),
    };
    if language.as_ref().is_some_and(|l| !l.bytes().all(|b| b.is_ascii_lowercase())) {
        return None;
    }
    Some((timescale, duration, language))
}

fn handler_name(body: &[u8]) -> Option<Option<String>> {
    let name = body.get(24..)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = std::str::from_utf8(&name[..end]).ok()?;
    // QuickTime counts its letters first.
    let name = match name.as_bytes() {
        [count, rest @ ..] if usize::from(*count) == rest.len() => &name[1..],
        _ => name,
    };
    Some((!name.is_empty()).then(|| name.to_owned()))
}

/// What the time table says.
#[derive(Clone, Copy, Debug)]
struct Times {
    samples: u64,
    span: u64,
}

fn times<R: Read + Seek>(source: &mut Source<R>, head: Head) -> Option<Times> {
    let count = u32_at(source.get(head.body, 8)?, 4)?;
    if count == 0 || count > TIMES || u64::from(count) * 8 + 8 > head.end - head.body {
        return None;
    }
    let table = source.get(head.body + 8, u64::from(count) * 8)?;
    let mut times = Times { samples: 0, span: 0 };
    for entry in table.chunks_exact(8) {
        let (run, delta) = (u32_at(entry, 0)?, u32_at(entry, 4)?);
        if delta > i32::MAX as u32 || run > i32::MAX as u32 {
            return None;
        }
        times.samples += u64::from(run);
        times.span = times.span.checked_add(u64::from(run) * u64::from(delta))?;
    }
    Some(times)
}

/// How long the edit list shows the media, in the media's own units.
fn edited(body: &[u8], movie: Movie, timescale: u32) -> Option<u64> {
    let version = *body.first()?;
    let width = if version == 1 { 20 } else { 12 };
    let count = u32_at(body, 4)? as usize;
    if version > 1 || count > 2 || body.len() < 8 + count * width {
        return None;
    }
    let mut shown = 0;
    for (index, edit) in body[8..8 + count * width].chunks_exact(width).enumerate() {
        let (span, start, rate) = if version == 1 {
            (u64_at(edit, 0)?, u64_at(edit, 8)? as i64, u32_at(edit, 16)?)
        } else {
            (u64::from(u32_at(edit, 0)?), i64::from(u32_at(edit, 4)? as i32), u32_at(edit, 8)?)
        };
        // One edit, after at most one pause. Anything else is cut material.
        let pause = start == -1;
        if rate != 0x1_0000 || pause != (count == 2 && index == 0) || start < -1 {
            return None;
        }
        shown += rescale(span, u64::from(timescale), u64::from(movie.timescale))?;
    }
    Some(if count == 0 || shown == 0 { u64::MAX } else { shown })
}

/// As ffprobe prints it: six digits.
fn seconds(ticks: u64, timescale: u32) -> Option<f64> {
    format!("{:.6}", ticks as f64 * (1.0 / f64::from(timescale))).parse().ok()
}

/// Tables that tell where the first sample lies.
#[derive(Clone, Copy, Debug)]
struct Places {
    offsets: Option<Head>,
    sizes: Option<Head>,
}

impl Places {
    /// The first sample's place and size.
    fn first<R: Read + Seek>(self, source: &mut Source<R>) -> Option<(u64, u64)> {
        let (offsets, sizes) = (self.offsets?, self.sizes?);
        let table = source.get(offsets.body, 16.min(offsets.end - offsets.body))?;
        (u32_at(table, 4)? > 0).then_some(())?;
        let at = if &offsets.name == b"co64" { u64_at(table, 8)? } else { u64::from(u32_at(table, 8)?) };
        let table = source.get(sizes.body, 16.min(sizes.end - sizes.body))?;
        let size = match u32_at(table, 4)? {
            0 => u32_at(table, 12)?,
            every => every,
        };
        Some((at, u64::from(size)))
    }
}

fn pictures<R: Read + Seek>(
    source: &mut Source<R>,
    entry: &entry::Entry<'_>,
    shown: (u32, u32),
    mut container: Container,
    first: Places,
    stream: &mut Stream,
) -> Option<()> {
    let visual = entry.visual()?;
    let (codec, picture) = match &entry.tag {
        b"avc1" => ("h264", codec::avc::picture(visual.child(*b"avcC")??)?),
        b"hvc1" | b"hev1" => ("hevc", codec::hevc::picture(visual.child(*b"hvcC")??)?),
        _ => return None,
    };
    codec.clone_into(&mut stream.codec);
    if (visual.width, visual.height) != (picture.width, picture.height) {
        return None;
    }
    container.sar = visual.aspect()?;
    if container.sar.is_none() && shown != (visual.width, visual.height) && shown.0 > 0 {
        let across = u64::from(visual.height) * u64::from(shown.0);
        let along = u64::from(visual.width) * u64::from(shown.1);
        container.sar = Some(reduce(across, along, i32::MAX as u64)?).filter(|(_, d)| *d > 0);
    }
    container.color = visual.color()?;
    container.field_order = visual.field_order()?;
    container.dolby_vision = visual.dolby_vision()?;
    stream.profile = Some(picture.profile.clone());
    stream.level = Some(picture.level);
    let mut video = crate::scan::headers::video(&picture, &container)?;
    if wants_picture(codec, &video)? {
        let (at, size) = first.first(source)?;
        dynamic::read(source, at, size, picture.nal_length, &mut video)?;
    }
    stream.video = Some(video);
    Some(())
}

fn sound<R: Read + Seek>(
    source: &mut Source<R>,
    entry: &entry::Entry<'_>,
    first: Places,
    stream: &mut Stream,
) -> Option<()> {
    let record = entry.sound()?;
    let (codec, audio) = match record {
        entry::Sound::Aac(config) => {
            let (profile, audio) = codec::aac::sound(config)?;
            stream.profile = Some(profile.to_owned());
            ("aac", audio)
        }
        entry::Sound::Opus(audio) => ("opus", audio),
        entry::Sound::Flac(blocks) => ("flac", codec::sound::flac(blocks)?),
        entry::Sound::Alac(cookie) => ("alac", codec::sound::alac(cookie)?),
        entry::Sound::ByFrame(codec) => {
            let (at, size) = first.first(source)?;
            let start = source.get(at, codec::ac3::ENOUGH.min(size))?;
            match codec {
                "mp3" => (codec, codec::sound::mp3(start)?),
                "eac3" if codec::ac3::eac3_length(start)? != size => return None,
                _ => (codec, codec::ac3::sound(start, codec == "eac3")?),
            }
        }
    };
    codec.clone_into(&mut stream.codec);
    stream.audio = Some(audio);
    Some(())
}
