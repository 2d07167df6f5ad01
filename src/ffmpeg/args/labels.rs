//! What a stream is called and chosen by. Pure.

use super::Line;
use crate::model::media::{Disposition, Stream, StreamKind};
use crate::model::plan::{Plan, StreamPlan};
use crate::model::policy::Container;

/// Language, title, dispositions, and the end of statistics that were true of the source only.
pub(super) fn write(n: usize, stream: &StreamPlan, source: &Stream, plan: &Plan, line: &mut Line) {
    if let Some(language) = &stream.language {
        line.tag(n, "language", language);
    }
    if let Some(title) = &stream.title {
        line.tag(n, "title", title);
        if matches!(plan.container, Container::Mp4 | Container::M4a) && source.kind != StreamKind::Picture {
            // MP4 tracks have no title; their handler's name is what players show.
            line.tag(n, "handler_name", title);
        }
    }
    let typed =
        matches!(plan.container, Container::Mp3 | Container::Flac) && source.kind == StreamKind::Picture;
    if typed && !source.tags.contains_key("comment") {
        // MP4 and Matroska know no kinds of picture. What ffmpeg would write, «Other», some players do not show.
        line.tag(n, "comment", "Cover (front)");
    }
    for name in source.tags.keys().filter(|k| is_statistic(k)) {
        line.tag(n, name, "");
    }
    line.option("disposition", n, disposition(stream.disposition));
}

/// Tags by which mkvmerge and ffmpeg describe the stream's bytes.
fn is_statistic(name: &str) -> bool {
    ["bps", "duration", "number_of_frames", "number_of_bytes", "_statistics_"].iter().any(|s| {
        name.strip_prefix(s).is_some_and(|rest| rest.is_empty() || rest.starts_with('-') || s.ends_with('_'))
    })
}

fn disposition(d: Disposition) -> String {
    let flags = [
        (d.default, "default"),
        (d.forced, "forced"),
        (d.original, "original"),
        (d.dub, "dub"),
        (d.comment, "comment"),
        (d.hearing_impaired, "hearing_impaired"),
        (d.visual_impaired, "visual_impaired"),
        (d.attached_pic, "attached_pic"),
        (d.timed_thumbnails, "timed_thumbnails"),
        (d.captions, "captions"),
        (d.descriptions, "descriptions"),
        (d.still_image, "still_image"),
    ];
    let names: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    if names.is_empty() { "0".to_owned() } else { names.join("+") }
}
