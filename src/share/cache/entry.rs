//! One entry: the Python workers' fields with their types, and ours.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Addition, FACTS, Facts, Memo, OURS, Verdict, Written};
use crate::model::key::Stamp;
use crate::model::media::{Hdr, MediaInfo, StreamKind, Witness};
use crate::sys;

/// Python's float of a time: `sec + 1e-9 * nsec`.
fn seconds(stamp: &Stamp) -> f64 {
    stamp.sec as f64 + 1e-9 * f64::from(stamp.nsec)
}

/// The Python workers' key: SHA-256 of `name|size|mtime`, the time as Python's `repr` writes the float (which Rust's
/// `{:?}` does too for every time of this millennium).
pub(super) fn key(name: &str, stamp: &Stamp) -> String {
    let text = format!("{name}|{}|{:?}", stamp.size, seconds(stamp));
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        hex
    })
}

/// Size and time of an entry, where it has them.
pub(super) fn stamp_of(entry: &Value) -> Option<Stamp> {
    Some(stamp_from(entry.get("file_size")?.as_u64()?, entry.get("file_mtime")?.as_f64()?))
}

/// The stamp behind Python's numbers.
pub(super) fn stamp_from(size: u64, time: f64) -> Stamp {
    Stamp { size, sec: time.floor() as i64, nsec: ((time - time.floor()) * 1e9) as u32 }
}

/// The entry under this key with an addition, or none where that changes nothing. The newer memo wins; what ffprobe said is
/// not replaced by what headers say.
pub(super) fn extended(old: Option<Value>, key: &str, addition: &Addition) -> Option<Map<String, Value>> {
    let mut old = match old {
        Some(Value::Object(old)) => old,
        _ => Map::new(),
    };
    let mut older: Option<Memo> = old.get(OURS).and_then(|memo| Memo::deserialize(memo).ok());
    if older.take_if(|older| !older.stamp.same_file(&addition.stamp)).is_some() {
        // Another program went on with the entry of a file that has changed since.
        old.remove(OURS);
    }
    let memo = addition.memo.as_ref().filter(|memo| older.as_ref().is_none_or(|older| older.at < memo.at));
    let said: Option<Written> = old.get(FACTS).and_then(|facts| Written::deserialize(facts).ok());
    let facts = addition.facts.as_ref().filter(|facts| {
        said.is_none_or(|said| {
            facts.media.witness == Witness::Ffprobe
                && (said.by != facts.by
                    || serde_json::from_str(&said.media).ok().as_ref() != Some(&facts.media))
        })
    });
    if memo.is_none() && facts.is_none() {
        return None;
    }
    Some(build(old, key, addition, memo, facts))
}

/// The entry for an addition, on top of what was there.
fn build(
    mut entry: Map<String, Value>,
    key: &str,
    addition: &Addition,
    memo: Option<&Memo>,
    facts: Option<&Facts>,
) -> Map<String, Value> {
    let mut set = |name: &str, value: Value| {
        entry.insert(name.to_owned(), value);
    };
    let now = sys::clock::local_iso(memo.map_or_else(sys::clock::wall, |memo| memo.at));
    set("fingerprint_hash", json!(key));
    set("file_name", json!(addition.name));
    set("file_size", json!(addition.stamp.size));
    set("file_mtime", json!(seconds(&addition.stamp)));
    set("last_scanned", json!(now));
    if let Some(facts) = facts {
        python_facts(&mut set, &facts.media);
        // Facts hold no map keys that JSON could refuse.
        let media = serde_json::to_string(&facts.media).unwrap_or_default();
        set(FACTS, json!(Written { by: facts.by.clone(), media }));
    }
    if memo.is_some_and(|memo| memo.verdict == Verdict::Converted) {
        set("conversion_count", json!(1));
        set("last_processed", json!(now));
        set("processing_error", Value::Null);
    }
    // A reader that finds a field missing, or null where it expects a number, ends its whole run.
    for (name, value) in [
        ("codec_video", Value::Null),
        ("codec_audio", Value::Null),
        ("resolution", Value::Null),
        ("width", Value::Null),
        ("height", Value::Null),
        ("duration", json!(0.0)),
        ("bitrate", json!(0)),
        ("is_hdr", json!(false)),
        ("hdr_type", Value::Null),
        ("color_transfer", json!("")),
        ("color_primaries", json!("")),
        ("color_space", json!("")),
        ("bit_depth", json!(8)),
        ("audio_channels", json!("0")),
        ("audio_layout", json!("")),
        ("has_stereo_track", json!(false)),
        ("has_surround_track", json!(false)),
        ("conversion_params", Value::Null),
        ("processing_version", json!("1.0.0")),
        ("conversion_count", json!(0)),
        ("last_conversion_duration", Value::Null),
    ] {
        entry.entry(name).or_insert(value);
    }
    if let Some(memo) = memo {
        entry.insert(OURS.to_owned(), json!(memo));
    }
    entry
}

fn python_facts(set: &mut dyn FnMut(&str, Value), media: &MediaInfo) {
    let video = media.main_video();
    let picture = video.and_then(|stream| stream.video.as_ref());
    let sound = media.of_kind(StreamKind::Audio).next();
    let channels = |wanted: fn(u32) -> bool| {
        media.of_kind(StreamKind::Audio).any(|s| s.audio.as_ref().is_some_and(|a| wanted(a.channels)))
    };
    set("codec_video", json!(video.map(|stream| &stream.codec)));
    set("codec_audio", json!(sound.map(|stream| &stream.codec)));
    set("resolution", json!(picture.map(|v| format!("{}x{}", v.width, v.height))));
    set("width", json!(picture.map(|v| v.width)));
    set("height", json!(picture.map(|v| v.height)));
    set("duration", json!(media.duration.filter(|d| d.is_finite()).unwrap_or(0.0)));
    set("bitrate", json!(media.bit_rate.unwrap_or(0)));
    let wide = picture.is_some_and(|v| v.color_primaries.as_deref() == Some("bt2020"));
    let hdr = match picture.map(crate::model::media::Video::hdr) {
        Some(Hdr::Pq) => Some("HDR10"),
        Some(Hdr::Hlg) => Some("HLG"),
        Some(Hdr::Sdr) if wide => Some("HDR (BT.2020)"),
        _ => None,
    };
    set("is_hdr", json!(hdr.is_some()));
    set("hdr_type", json!(hdr));
    let color = |value: Option<&String>| json!(value.cloned().unwrap_or_default());
    set("color_transfer", color(picture.and_then(|v| v.color_transfer.as_ref())));
    set("color_primaries", color(picture.and_then(|v| v.color_primaries.as_ref())));
    set("color_space", color(picture.and_then(|v| v.color_space.as_ref())));
    set("bit_depth", json!(if picture.is_some_and(|v| v.bit_depth > 8) { 10 } else { 8 }));
    let audio = sound.and_then(|stream| stream.audio.as_ref());
    set("audio_channels", json!(audio.map_or(0, |a| a.channels).to_string()));
    set("audio_layout", json!(audio.and_then(|a| a.layout.clone()).unwrap_or_default()));
    set("has_stereo_track", json!(channels(|n| n == 2)));
    set("has_surround_track", json!(channels(|n| n > 2)));
}

/// JSON as Python writes it: indent 2, every character beyond ASCII escaped.
pub(super) fn to_text<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Ascii(PrettyFormatter::new())))?;
    text.push(b'\n');
    Ok(text)
}

struct Ascii<'a>(PrettyFormatter<'a>);

impl Formatter for Ascii<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() {
                writer.write_all(&[character as u8])?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
