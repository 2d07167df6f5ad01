//! The plan that changes nothing: every stream as it is. What a copy, or a change of container, has to keep.

use crate::model::media::{MediaInfo, StreamKind};
use crate::model::plan::{Action, Plan, StreamPlan};
use crate::model::policy::Container;

/// Every stream of a file but its data tracks, copied.
pub fn unchanged(media: &MediaInfo, container: Container) -> Plan {
    let copied = |stream: &&crate::model::media::Stream| stream.kind != StreamKind::Data;
    let streams = media.streams.iter().filter(copied).map(|stream| StreamPlan {
        source: stream.index,
        action: Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None },
        language: stream.language.clone(),
        title: stream.title.clone(),
        disposition: stream.disposition,
    });
    Plan {
        profile: "unchanged".to_owned(),
        container,
        extension: String::new(),
        stem: None,
        streams: streams.collect(),
        lost: Vec::new(),
        sidecars: Vec::new(),
        chapters: !media.chapters.is_empty(),
        why: Vec::new(),
        generate_timestamps: false,
        max_output_percent: None,
    }
}
