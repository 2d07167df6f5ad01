//! Tags of the file and of its tracks, by the names that ffmpeg gives them.

use super::ids;
use super::tracks::Track;
use crate::model::media::{MediaInfo, Tags};
use crate::scan::headers::ebml::{children, text, uint};

/// Tags that a tool may have written into a file; far above any real one.
const TAGS: usize = 5000;

/// Reads a Tags element into the file's and the tracks' tags.
pub fn read(body: &[u8], media: &mut MediaInfo, tracks: &mut [Track]) -> Option<()> {
    for (id, tag) in children(body)? {
        if id != ids::TAG {
            continue;
        }
        let tag = children(tag)?;
        let (mut track, mut other, mut kind) = (0, 0, None);
        for (_, targets) in tag.iter().filter(|(id, _)| *id == ids::TARGETS) {
            for (id, body) in children(targets)? {
                match id {
                    ids::TARGET_TRACK => track = uint(body)?,
                    ids::TARGET_CHAPTER | ids::TARGET_ATTACHMENT => other |= uint(body)?,
                    ids::TARGET_TYPE => kind = Some(text(body)?),
                    _ => {}
                }
            }
        }
        if other != 0 {
            continue;
        }
        let (into, prefix) = if track == 0 {
            (&mut media.tags, kind)
        } else if let Some(track) = tracks.iter_mut().find(|t| t.uid == track) {
            (&mut track.stream.tags, None)
        } else {
            continue;
        };
        for (_, simple) in tag.iter().filter(|(id, _)| *id == ids::SIMPLE_TAG) {
            one(simple, prefix.as_deref(), into)?;
        }
    }
    Some(())
}

fn one(simple: &[u8], prefix: Option<&str>, into: &mut Tags) -> Option<()> {
    // Not the specification's default: ffmpeg takes a tag without the flag for one of its language only.
    let (mut name, mut value, mut language, mut default) = (None, None, None, false);
    for (id, body) in children(simple)? {
        match id {
            ids::TAG_NAME => name = Some(text(body)?),
            ids::TAG_STRING => value = Some(text(body)?),
            ids::TAG_LANGUAGE => language = Some(text(body)?).filter(|l| l != "und"),
            ids::TAG_DEFAULT => default = uint(body)? != 0,
            // A tag in a tag gets a name of both.
            ids::SIMPLE_TAG => return None,
            _ => {}
        }
    }
    let (Some(name), Some(value)) = (name, value) else { return Some(()) };
    let name = prefix.map_or(name.clone(), |prefix| format!("{prefix}/{name}")).to_lowercase();
    let name = match name.as_str() {
        "lead_performer" => "performer".to_owned(),
        "part_number" => "track".to_owned(),
        _ => name,
    };
    if into.len() > TAGS {
        return None;
    }
    if default || language.is_none() {
        into.insert(name.clone(), value.clone());
    }
    if let Some(language) = language {
        into.insert(format!("{name}-{language}").to_lowercase(), value);
    }
    Some(())
}
