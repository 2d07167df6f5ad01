//! Dispositions: what to ask of a container, and what it gives back. Measured with ffmpeg's muxers of 5.1.

use super::words;
use crate::model::media::{Disposition, Stream, StreamKind};
use crate::model::plan::Lost;
use crate::model::policy::Container;

/// What to write for a stream: its own flags, each in the form the container has.
pub fn written(container: Container, stream: &Stream) -> Disposition {
    let mut d = stream.disposition;
    if is_mp4(container) {
        return d;
    }
    // Matroska has one flag for each of these pairs.
    d.hearing_impaired |= d.captions;
    if stream.kind == StreamKind::Audio {
        d.visual_impaired |= d.descriptions;
    }
    d
}

/// What ffprobe will say of a stream that was written with these flags.
pub fn read(container: Container, kind: StreamKind, written: Disposition) -> Disposition {
    let mut d = written;
    d.still_image = false;
    if is_mp4(container) {
        d.original = false;
        d.captions |= d.hearing_impaired;
        d.hearing_impaired = d.captions;
        d.descriptions |= d.visual_impaired;
        d.visual_impaired = d.descriptions;
    } else {
        d.captions = false;
        d.descriptions &= kind == StreamKind::Subtitle;
    }
    d
}

/// Flags that the container has no place for.
pub fn lost(container: Container, stream: &Stream) -> Option<Lost> {
    (is_mp4(container) && stream.disposition.original).then(|| Lost {
        source: Some(stream.index),
        what: format!("the mark «original language» of {}", words::stream(stream)),
        why: "MP4 has no place for it".to_owned(),
    })
}

/// MP4 has no «no track»: players show the first of each kind, and the muxer marks it.
pub fn enable_first(container: Container, streams: &mut [Stream]) {
    if !is_mp4(container) {
        return;
    }
    for kind in [StreamKind::Video, StreamKind::Audio, StreamKind::Subtitle] {
        if !streams.iter().any(|s| s.kind == kind && s.disposition.default)
            && let Some(first) = streams.iter_mut().find(|s| s.kind == kind)
        {
            first.disposition.default = true;
        }
    }
}

fn is_mp4(container: Container) -> bool {
    matches!(container, Container::Mp4 | Container::M4a)
}
