//! Matroska and WebM (RFC 9559): the elements before the first cluster, and those the seek head points at.

mod chapters;
mod frames;
mod ids;
mod tags;
mod tracks;

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::codec;
use super::ebml::{self, children, float, text, uint};
use super::source::{Source, WHOLE};
use super::{dynamic, micros, timestamp};
use crate::model::media::{Editions, MediaInfo, StreamKind};
use tracks::Track;

/// Level 1 elements looked at, in order and by the seek head.
const ELEMENTS: usize = 64;

/// What was found on the way.
#[derive(Debug, Default)]
struct Parts {
    info: Option<Vec<u8>>,
    tracks: Option<Vec<u8>>,
    chapters: Option<Vec<u8>>,
    tags: Option<Vec<u8>>,
    /// Where attachments lie: their bodies may be fonts of many megabytes.
    attachments: Option<(u64, u64)>,
    /// Targets of seek heads, not looked at yet.
    elsewhere: Vec<u64>,
    seen: BTreeSet<u64>,
}

/// Reads the facts of a Matroska file.
pub fn read<R: Read + Seek>(source: &mut Source<R>) -> Option<MediaInfo> {
    let segment = segment(source)?;
    let (parts, cluster) = parts(source, segment)?;
    let mut media =
        MediaInfo { format: "matroska,webm".to_owned(), size: source.size(), ..MediaInfo::default() };
    info(&parts.info?, &mut media)?;
    let mut tracks = tracks::read(&parts.tracks?)?;
    if let Some(body) = &parts.chapters {
        media.chapters = chapters::read(body)?;
        media.editions = chapters::editions(body)?;
    }
    if let Some((at, size)) = parts.attachments {
        tracks.extend(tracks::attachments(source, at, size)?);
    }
    if let Some(body) = &parts.tags {
        tags::read(body, &mut media, &mut tracks)?;
    }
    complete(source, cluster, &mut tracks)?;
    for (index, track) in tracks.into_iter().enumerate() {
        let mut stream = track.stream;
        stream.index = u32::try_from(index).ok()?;
        super::settle(&mut stream);
        media.streams.push(stream);
    }
    Some(media)
}

/// All of the file, behind the words that say what it is.
fn segment<R: Read + Seek>(source: &mut Source<R>) -> Option<ebml::Head> {
    let head = ebml::head(source, 0).filter(|head| head.id == ids::EBML)?;
    let body = source.get(head.body, head.size.filter(|size| *size <= 1024)?)?;
    let kind =
        children(body)?.iter().find(|(id, _)| *id == ids::DOC_TYPE).and_then(|(_, kind)| text(kind))?;
    if !matches!(kind.as_str(), "matroska" | "webm") {
        return None;
    }
    ebml::head(source, head.body + head.size?).filter(|head| head.id == ids::SEGMENT)
}

/// What ffprobe does not tell of a file.
#[derive(Debug)]
pub struct Besides {
    /// [`tracks::languages`].
    pub languages: Vec<Option<String>>,
    /// Its header promises a length at all. Where it does not, ffprobe guesses one by the bit rates that it knows.
    pub promises_length: bool,
    /// [`chapters::editions`].
    pub editions: Editions,
}

/// Reads it.
pub fn besides<R: Read + Seek>(source: &mut Source<R>) -> Option<Besides> {
    let segment = segment(source)?;
    let (parts, _) = parts(source, segment)?;
    Some(Besides {
        promises_length: children(&parts.info?)?.iter().any(|(id, _)| *id == ids::DURATION),
        languages: tracks::languages(&parts.tracks?).unwrap_or_default(),
        editions: parts.chapters.and_then(|body| chapters::editions(&body)).unwrap_or_default(),
    })
}

/// Walks to the first cluster, then follows the seek head.
fn parts<R: Read + Seek>(source: &mut Source<R>, segment: ebml::Head) -> Option<(Parts, u64)> {
    let mut parts = Parts::default();
    let limit =
        segment.size.map_or(source.size(), |size| segment.body.saturating_add(size)).min(source.size());
    let mut at = segment.body;
    let mut cluster = None;
    while at < limit && cluster.is_none() {
        let head = ebml::head(source, at)?;
        if head.id == ids::CLUSTER {
            cluster = Some(at);
        } else {
            visit(source, head, at, segment.body, &mut parts)?;
            at = head.body.checked_add(head.size?)?;
        }
    }
    while let Some(at) = parts.elsewhere.pop() {
        if !parts.seen.contains(&at) && at < source.size() {
            let head = ebml::head(source, at)?;
            // A target that holds something else was moved by an editor; ffprobe has its own way with that.
            if matches!(
                head.id,
                ids::INFO | ids::TRACKS | ids::CHAPTERS | ids::TAGS | ids::ATTACHMENTS | ids::SEEK_HEAD
            ) {
                visit(source, head, at, segment.body, &mut parts)?;
            } else {
                return None;
            }
        }
    }
    Some((parts, cluster?))
}

fn visit<R: Read + Seek>(
    source: &mut Source<R>,
    head: ebml::Head,
    at: u64,
    base: u64,
    parts: &mut Parts,
) -> Option<()> {
    parts.seen.insert(at);
    if parts.seen.len() > ELEMENTS {
        return None;
    }
    let mut whole = || Some(source.get(head.body, head.size.filter(|size| *size <= WHOLE)?)?.to_vec());
    // An element that comes twice: ffmpeg's choice between the two depends on where they lie.
    let slot = match head.id {
        ids::INFO => &mut parts.info,
        ids::TRACKS => &mut parts.tracks,
        ids::CHAPTERS => &mut parts.chapters,
        ids::TAGS => &mut parts.tags,
        ids::ATTACHMENTS => {
            return parts.attachments.replace((head.body, head.size?)).is_none().then_some(());
        }
        ids::SEEK_HEAD => {
            for (id, seek) in children(&whole()?)? {
                if id == ids::SEEK {
                    parts.elsewhere.extend(target(seek, base)?);
                }
            }
            return Some(());
        }
        ids::CUES | ids::VOID | ids::CRC => return Some(()),
        _ => return None,
    };
    slot.replace(whole()?).is_none().then_some(())
}

/// Where a seek entry points, if it is one of the elements that are read.
fn target(seek: &[u8], base: u64) -> Option<Option<u64>> {
    let (mut id, mut position) = (None, None);
    for (kind, body) in children(seek)? {
        match kind {
            ids::SEEK_ID => id = uint(body),
            ids::SEEK_POSITION => position = uint(body),
            _ => {}
        }
    }
    let wanted = [ids::INFO, ids::TRACKS, ids::CHAPTERS, ids::TAGS, ids::ATTACHMENTS, ids::SEEK_HEAD];
    let at = base.checked_add(position?)?;
    Some(wanted.iter().any(|wanted| Some(u64::from(*wanted)) == id).then_some(at))
}

fn info(body: &[u8], media: &mut MediaInfo) -> Option<()> {
    let (mut scale, mut duration) = (1_000_000, None);
    for (id, body) in children(body)? {
        match id {
            ids::TIMESTAMP_SCALE => scale = uint(body)?,
            ids::DURATION => duration = Some(float(body)?),
            ids::TITLE => drop(media.tags.insert("title".to_owned(), text(body)?)),
            ids::MUXING_APP => drop(media.tags.insert("encoder".to_owned(), text(body)?)),
            ids::DATE => {
                let nanos = i64::from_be_bytes(body.try_into().ok()?);
                // Matroska counts from the first day of 2001.
                media.tags.insert("creation_time".to_owned(), timestamp(nanos / 1000 + 978_307_200_000_000)?);
            }
            _ => {}
        }
    }
    // The order of the operations is ffmpeg's, so that the last digit is the same.
    let span = duration.filter(|ticks| *ticks > 0.0)? * scale as f64 * 1000.0 / 1_000_000.0;
    if scale == 0 || !(1.0..1e15).contains(&span) {
        return None;
    }
    micros(span as u64, media);
    Some(())
}

/// Looks at the first frames of tracks whose headers leave something open.
fn complete<R: Read + Seek>(source: &mut Source<R>, cluster: u64, tracks: &mut [Track]) -> Option<()> {
    let wanted: Vec<u64> =
        tracks.iter().filter(|t| t.frame != tracks::Frame::Settled).map(|t| t.number).collect();
    if wanted.is_empty() {
        return Some(());
    }
    let found = frames::first(source, cluster, &wanted)?;
    for track in tracks.iter_mut().filter(|t| t.frame != tracks::Frame::Settled) {
        let frame = *found.get(&track.number)?;
        match &track.frame {
            tracks::Frame::Settled => {}
            tracks::Frame::Pictures(nal_length) => {
                if !track.prefix.is_empty() {
                    return None;
                }
                dynamic::read(source, frame.at, frame.size, *nal_length, track.stream.video.as_mut()?)?;
            }
            tracks::Frame::Sound => {
                let mut start = track.prefix.clone();
                start.extend_from_slice(source.up_to(frame.at, codec::ac3::ENOUGH.min(frame.size))?);
                let enhanced = track.stream.codec == "eac3";
                let sound = if track.stream.codec == "mp3" {
                    codec::sound::mp3(&start)?
                } else {
                    codec::ac3::sound(&start, enhanced)?
                };
                // A second frame in the packet is an extension to more channels.
                let whole = frame.size + track.prefix.len() as u64;
                if enhanced && codec::ac3::eac3_length(&start)? != whole {
                    return None;
                }
                track.stream.audio = Some(sound);
            }
        }
    }
    debug_assert!(tracks.iter().all(|t| t.stream.kind != StreamKind::Audio || t.stream.audio.is_some()));
    Some(())
}
