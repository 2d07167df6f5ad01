//! Chapters of all editions, as ffmpeg lists them: top level only, in rising order.

use super::ids;
use crate::model::media::{Chapter, Editions};
use crate::scan::headers::ebml::{children, text, uint};

/// Reads a Chapters element.
pub fn read(body: &[u8]) -> Option<Vec<Chapter>> {
    let mut found: Vec<Chapter> = Vec::new();
    let mut last = 0;
    for (id, edition) in children(body)? {
        if id != ids::EDITION {
            continue;
        }
        for (id, atom) in children(edition)? {
            if id != ids::CHAPTER {
                continue;
            }
            let (start, end, title) = chapter(atom)?;
            if last == 0 || start > last {
                if start > end {
                    return None;
                }
                found.push(Chapter { start: seconds(start)?, end: seconds(end)?, title });
                last = start;
            }
        }
    }
    Some(found)
}

/// What there is beyond such a list.
pub fn editions(body: &[u8]) -> Option<Editions> {
    let mut found = Editions::default();
    let all = children(body)?.into_iter().filter(|(id, _)| *id == ids::EDITION);
    for (n, (_, edition)) in all.enumerate() {
        found.more = n as u32;
        for (id, body) in children(edition)? {
            match id {
                ids::EDITION_ORDERED => found.ordered |= uint(body)? != 0,
                ids::CHAPTER => atom(body, &mut found)?,
                _ => {}
            }
        }
    }
    Some(found)
}

/// Looks into one level only: a chapter within a chapter counts with all that is in it.
fn atom(body: &[u8], found: &mut Editions) -> Option<()> {
    for (id, _) in children(body)? {
        match id {
            ids::CHAPTER => found.nested += 1,
            ids::CHAPTER_SEGMENT => found.linked += 1,
            _ => {}
        }
    }
    Some(())
}

/// Start, end and title. Without an end ffmpeg would take the next chapter's start, or the film's end as measured.
fn chapter(atom: &[u8]) -> Option<(u64, u64, Option<String>)> {
    let (mut start, mut end, mut title) = (None, None, None);
    let mut named = false;
    for (id, body) in children(atom)? {
        match id {
            ids::CHAPTER_UID => named = uint(body)? != 0,
            ids::CHAPTER_START => start = uint(body),
            ids::CHAPTER_END => end = uint(body),
            ids::CHAPTER_DISPLAY => {
                for (id, body) in children(body)? {
                    if id == ids::CHAPTER_STRING && title.replace(text(body)?).is_some() {
                        return None;
                    }
                }
            }
            _ => {}
        }
    }
    if !named {
        return None;
    }
    Some((start?, end?, title.filter(|title: &String| !title.is_empty())))
}

/// As ffprobe prints it: six digits.
fn seconds(nanos: u64) -> Option<f64> {
    format!("{:.6}", nanos as f64 * 1e-9).parse().ok()
}
