//! Streams and properties in words, for plans, skips and losses.

use crate::model::media::{Hdr, Stream, StreamKind};

/// `subtitle hdmv_pgs_subtitle (ger, "Forced")`.
pub fn stream(stream: &Stream) -> String {
    let kind = match stream.kind {
        StreamKind::Video => "video",
        StreamKind::Picture => "picture",
        StreamKind::Audio => "audio",
        StreamKind::Subtitle => "subtitle",
        StreamKind::Data => "data",
        StreamKind::Attachment => "attachment",
    };
    let name = stream.tags.get("filename").map_or_else(|| codec(stream).to_owned(), Clone::clone);
    let mut notes: Vec<String> = stream.language.iter().cloned().collect();
    notes.extend(stream.title.iter().map(|t| format!("\"{t}\"")));
    if notes.is_empty() { format!("{kind} {name}") } else { format!("{kind} {name} ({})", notes.join(", ")) }
}

/// The codec's name, or its tag where ffmpeg knows no name.
pub fn codec(stream: &Stream) -> &str {
    match (stream.codec.as_str(), stream.codec_tag.as_str()) {
        ("", "") => "unknown",
        ("", tag) => tag,
        (codec, _) => codec,
    }
}

/// `PQ` or `HLG`.
pub fn curve(hdr: Hdr) -> &'static str {
    match hdr {
        Hdr::Sdr => "SDR",
        Hdr::Pq => "PQ",
        Hdr::Hlg => "HLG",
    }
}

/// `4.1` for 41.
pub fn level(times_ten: u32) -> String {
    format!("{}.{}", times_ten / 10, times_ten % 10)
}
