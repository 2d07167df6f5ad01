//! Track entries and attachments as streams.

use std::io::{Read, Seek};

use super::ids;
use crate::model::media::{Audio, Disposition, DolbyVision, Stream, StreamKind};
use crate::scan::headers::codec::{self, Picture};
use crate::scan::headers::ebml::{self, children, float, text, uint};
use crate::scan::headers::names::{self, Color, Range};
use crate::scan::headers::source::Source;
use crate::scan::headers::{Container, dolby_vision, stream, video, wants_picture};

/// Tracks and attachments of one file.
const TRACKS: usize = 128;

/// A stream on its way.
#[derive(Debug)]
pub struct Track {
    pub number: u64,
    pub uid: u64,
    pub stream: Stream,
    pub frame: Frame,
    /// Bytes that header stripping took from the start of every frame.
    pub prefix: Vec<u8>,
}

/// What the first frame still has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Nothing.
    Settled,
    /// Whether messages of a dynamic range lie in it; the bytes of its NAL units' lengths.
    Pictures(u8),
    /// Channels and rate.
    Sound,
}

/// Reads a Tracks element.
pub fn read(body: &[u8]) -> Option<Vec<Track>> {
    let mut tracks = Vec::new();
    for (id, body) in children(body)? {
        match id {
            ids::TRACK => tracks.push(track(&children(body)?)?),
            ids::VOID | ids::CRC => {}
            _ => return None,
        }
    }
    (!tracks.is_empty() && tracks.len() <= TRACKS).then_some(tracks)
}

/// What each track of a Tracks element says of its language in the element that ffmpeg does not read. `None`: ffmpeg numbers other
/// streams than there are tracks.
pub fn languages(body: &[u8]) -> Option<Vec<Option<String>>> {
    let tracks = children(body)?.into_iter().filter(|(id, _)| *id == ids::TRACK);
    let language = |track: &[u8]| {
        let elements = children(track)?;
        let seen = [1, 2, 17].contains(&number(&elements, ids::TYPE, 0)?);
        seen.then_some(only(&elements, ids::LANGUAGE_BCP47)?.and_then(text))
    };
    tracks.map(|(_, track)| language(track)).collect()
}

type Elements<'a> = [(u32, &'a [u8])];

/// The only element of an id; `Some(None)`: none.
fn only<'a>(elements: &Elements<'a>, id: u32) -> Option<Option<&'a [u8]>> {
    let mut found = elements.iter().filter(|(kind, _)| *kind == id).map(|(_, body)| *body);
    let first = found.next();
    found.next().is_none().then_some(first)
}

fn number(elements: &Elements<'_>, id: u32, default: u64) -> Option<u64> {
    only(elements, id)?.map_or(Some(default), uint)
}

fn track(elements: &Elements<'_>) -> Option<Track> {
    let scale = only(elements, ids::TRACK_TIMESTAMP_SCALE)?.map_or(Some(1.0), float)?;
    if (scale - 1.0).abs() > f64::EPSILON || only(elements, ids::TRACK_OPERATION)?.is_some() {
        return None;
    }
    let kind = match number(elements, ids::TYPE, 0)? {
        1 => StreamKind::Video,
        2 => StreamKind::Audio,
        17 => StreamKind::Subtitle,
        _ => return None,
    };
    let id = text(only(elements, ids::CODEC)??)?;
    let private = only(elements, ids::CODEC_PRIVATE)?.unwrap_or_default();
    let mut stream = stream(kind, codec_name(kind, &id)?);
    let language = only(elements, ids::LANGUAGE)?.map_or(Some("eng".to_owned()), text)?;
    if language != "und" {
        stream.tags.insert("language".to_owned(), language);
    }
    if let Some(name) = only(elements, ids::NAME)? {
        stream.tags.insert("title".to_owned(), text(name)?);
    }
    let set = |id, default| Some(number(elements, id, default)? != 0);
    stream.disposition = Disposition {
        default: set(ids::FLAG_DEFAULT, 1)?,
        forced: set(ids::FLAG_FORCED, 0)?,
        hearing_impaired: set(ids::FLAG_HEARING, 0)?,
        visual_impaired: set(ids::FLAG_VISUAL, 0)?,
        descriptions: set(ids::FLAG_DESCRIPTIONS, 0)?,
        original: set(ids::FLAG_ORIGINAL, 0)?,
        comment: set(ids::FLAG_COMMENTARY, 0)?,
        ..Disposition::default()
    };
    let mut frame = Frame::Settled;
    match kind {
        StreamKind::Video => frame = pictures(elements, private, &mut stream)?,
        StreamKind::Audio => frame = sound(elements, private, &mut stream)?,
        _ => {}
    }
    Some(Track {
        number: number(elements, ids::NUMBER, 0)?,
        uid: number(elements, ids::UID, 0)?,
        stream,
        frame,
        prefix: stripped(elements)?,
    })
}

fn codec_name(kind: StreamKind, id: &str) -> Option<&'static str> {
    Some(match (kind, id) {
        (StreamKind::Video, "V_MPEG4/ISO/AVC") => "h264",
        (StreamKind::Video, "V_MPEGH/ISO/HEVC") => "hevc",
        (StreamKind::Audio, "A_AAC") => "aac",
        (StreamKind::Audio, "A_AC3") => "ac3",
        (StreamKind::Audio, "A_EAC3") => "eac3",
        (StreamKind::Audio, "A_OPUS") => "opus",
        (StreamKind::Audio, "A_VORBIS") => "vorbis",
        (StreamKind::Audio, "A_FLAC") => "flac",
        (StreamKind::Audio, "A_MPEG/L3") => "mp3",
        (StreamKind::Audio, "A_ALAC") => "alac",
        (StreamKind::Subtitle, "S_TEXT/UTF8") => "subrip",
        (StreamKind::Subtitle, "S_TEXT/ASS") => "ass",
        (StreamKind::Subtitle, "S_TEXT/WEBVTT") => "webvtt",
        (StreamKind::Subtitle, "S_HDMV/PGS") => "hdmv_pgs_subtitle",
        (StreamKind::Subtitle, "S_VOBSUB") => "dvd_subtitle",
        _ => return None,
    })
}

/// The bytes that header stripping took away. Compressed subtitles are nobody's business here; compressed private data,
/// pictures or sound, and encryption are ffprobe's.
fn stripped(elements: &Elements<'_>) -> Option<Vec<u8>> {
    let Some(encodings) = only(elements, ids::ENCODINGS)? else { return Some(Vec::new()) };
    let encodings = children(encodings)?;
    let encoding = children(only(&encodings, ids::ENCODING)??)?;
    if number(&encoding, ids::ENCODING_SCOPE, 1)? != 1 || number(&encoding, ids::ENCODING_TYPE, 0)? != 0 {
        return None;
    }
    let compression = children(only(&encoding, ids::COMPRESSION)?.unwrap_or_default())?;
    match number(&compression, ids::COMPRESSION_ALGORITHM, 0)? {
        3 => Some(only(&compression, ids::COMPRESSION_SETTINGS)?.unwrap_or_default().to_vec()),
        0 if number(elements, ids::TYPE, 0)? == 17 => Some(Vec::new()),
        _ => None,
    }
}

fn pictures(elements: &Elements<'_>, private: &[u8], stream: &mut Stream) -> Option<Frame> {
    let facts = children(only(elements, ids::VIDEO)??)?;
    let odd = [ids::STEREO_MODE, ids::ALPHA_MODE].into_iter().chain(ids::CROP);
    for id in odd {
        if number(&facts, id, 0)? != 0 {
            return None;
        }
    }
    // Pixels, centimetres, inches, shape: the ratio of the two numbers counts in each.
    if only(&facts, ids::PROJECTION)?.is_some() || number(&facts, ids::DISPLAY_UNIT, 0)? > 3 {
        return None;
    }
    let picture = match stream.codec.as_str() {
        "h264" => codec::avc::picture(private)?,
        _ => codec::hevc::picture(private)?,
    };
    let (width, height) = (number(&facts, ids::WIDTH, 0)?, number(&facts, ids::HEIGHT, 0)?);
    if (width, height) != (u64::from(picture.width), u64::from(picture.height)) {
        return None;
    }
    let (shown_width, shown_height) =
        (number(&facts, ids::DISPLAY_WIDTH, width)?, number(&facts, ids::DISPLAY_HEIGHT, height)?);
    let sar = names::reduce(height.checked_mul(shown_width)?, width.checked_mul(shown_height)?, 255)?;
    // Without a rate ffprobe measures one.
    let rate = uint(only(elements, ids::DEFAULT_DURATION)??).filter(|nanos| *nanos > 0)?;
    let rate = names::reduce(1_000_000_000, rate, 30_000)?;
    let fps = f64::from(rate.0) / f64::from(rate.1);
    if !(5.0..1000.0).contains(&fps) {
        return None;
    }
    let mut container = Container { sar: Some(sar), rate, base_rate: Some(rate), ..Container::default() };
    if let Some(color) = only(&facts, ids::COLOR)? {
        container.color = self::color(&children(color)?)?;
    }
    match number(&facts, ids::FLAG_INTERLACED, 0)? {
        0 => {}
        2 => container.field_order = Some("progressive"),
        _ => return None,
    }
    container.dolby_vision = additions(elements)?;
    settled(&picture, &container, stream)
}

/// Puts the picture's facts into the stream.
fn settled(picture: &Picture, container: &Container, stream: &mut Stream) -> Option<Frame> {
    stream.profile = Some(picture.profile.clone());
    stream.level = Some(picture.level);
    let video = video(picture, container)?;
    let wanted = wants_picture(&stream.codec, &video)?;
    stream.video = Some(video);
    Some(if wanted { Frame::Pictures(picture.nal_length) } else { Frame::Settled })
}

/// The container's word on colour. Static HDR values are exact only in the stream; a file that has them here goes to ffprobe.
fn color(elements: &Elements<'_>) -> Option<Color> {
    for id in [ids::MASTERING, ids::MAX_CLL, ids::MAX_FALL] {
        if only(elements, id)?.is_some() {
            return None;
        }
    }
    let code = |id| u8::try_from(number(elements, id, 2)?).ok();
    let range = match number(elements, ids::COLOR_RANGE, 0)? {
        0 => Range::Unknown,
        1 => Range::Limited,
        2 => Range::Full,
        _ => return None,
    };
    Some(Color {
        range,
        primaries: code(ids::COLOR_PRIMARIES)?,
        transfer: code(ids::COLOR_TRANSFER)?,
        matrix: code(ids::COLOR_MATRIX)?,
    })
}

/// Dolby Vision's record among the block additions.
fn additions(elements: &Elements<'_>) -> Option<Option<DolbyVision>> {
    let mut found = None;
    for (_, body) in elements.iter().filter(|(id, _)| *id == ids::ADDITION_MAPPING) {
        let mapping = children(body)?;
        match number(&mapping, ids::ADDITION_TYPE, 0)? {
            // `dvcC` and `dvvC`.
            0x6476_6343 | 0x6476_7643 => {
                let record = only(&mapping, ids::ADDITION_DATA)??;
                if found.replace(dolby_vision(record)?).is_some() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(found)
}

fn sound(elements: &Elements<'_>, private: &[u8], stream: &mut Stream) -> Option<Frame> {
    let facts = children(only(elements, ids::AUDIO)??)?;
    let stated = Audio {
        channels: u32::try_from(number(&facts, ids::CHANNELS, 1)?).ok()?,
        sample_rate: only(&facts, ids::RATE)?.map_or(Some(8000.0), float)? as u32,
        ..Audio::default()
    };
    let audio = match stream.codec.as_str() {
        "aac" => {
            let (profile, audio) = codec::aac::sound(private)?;
            stream.profile = Some(profile.to_owned());
            audio
        }
        "opus" => codec::sound::opus_head(private)?,
        "vorbis" => codec::sound::vorbis(private)?,
        "alac" => codec::sound::alac(private)?,
        "flac" => codec::sound::flac(private.strip_prefix(b"fLaC")?)?,
        _ => return Some(Frame::Sound),
    };
    // Two headers that disagree: ffmpeg's choice depends on the codec.
    if audio.channels != stated.channels
        && !(stream.codec == "aac" && stream.profile.as_deref() != Some("LC"))
    {
        return None;
    }
    stream.audio = Some(audio);
    Some(Frame::Settled)
}

/// Attached files as streams; pictures among them would be video streams, whose size only their own headers tell.
pub fn attachments<R: Read + Seek>(source: &mut Source<R>, at: u64, size: u64) -> Option<Vec<Track>> {
    let end = at.checked_add(size).filter(|end| *end <= source.size())?;
    let mut at = at;
    let mut found = Vec::new();
    while at < end {
        let head = ebml::head(source, at)?;
        let next = head.body.checked_add(head.size?).filter(|next| *next <= end)?;
        if head.id == ids::ATTACHED_FILE {
            found.push(attachment(source, head.body, next)?);
        } else if !matches!(head.id, ids::VOID | ids::CRC) {
            return None;
        }
        at = next;
        if found.len() > TRACKS {
            return None;
        }
    }
    Some(found)
}

fn attachment<R: Read + Seek>(source: &mut Source<R>, mut at: u64, end: u64) -> Option<Track> {
    let mut stream = stream(StreamKind::Attachment, "");
    let mut uid = 0;
    let (mut named, mut typed, mut filled) = (false, None, false);
    while at < end {
        let head = ebml::head(source, at)?;
        let size = head.size?;
        let next = head.body.checked_add(size).filter(|next| *next <= end)?;
        let mut short = || Some(source.get(head.body, Some(size).filter(|size| *size <= 4096)?)?.to_vec());
        match head.id {
            ids::FILE_NAME => {
                stream.tags.insert("filename".to_owned(), text(&short()?)?);
                named = true;
            }
            ids::FILE_TYPE => {
                let kind = text(&short()?)?;
                stream.tags.insert("mimetype".to_owned(), kind.clone());
                typed = Some(kind);
            }
            ids::FILE_DESCRIPTION => drop(stream.tags.insert("title".to_owned(), text(&short()?)?)),
            ids::FILE_UID => uid = uint(&short()?)?,
            ids::FILE_DATA => filled = size > 0,
            _ => {}
        }
        at = next;
    }
    match typed?.as_str() {
        "application/x-truetype-font" | "application/x-font" => "ttf",
        "application/vnd.ms-opentype" => "otf",
        _ => return None,
    }
    .clone_into(&mut stream.codec);
    (named && filled).then_some(Track { number: 0, uid, stream, frame: Frame::Settled, prefix: Vec::new() })
}
