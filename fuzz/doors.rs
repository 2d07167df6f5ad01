//! What others wrote, as the fuzzers hand it in. Compiled into the library for them alone, since its rooms have no doors; a
//! panic, an overflow, a broken promise, a second of time or too much memory is a finding.

use std::collections::HashMap;
use std::io::Cursor;

use crate::ffmpeg::probe;
use crate::model::caps::Caps;
use crate::model::key::Stamp;
use crate::model::media::MediaInfo;
use crate::model::policy::TypeFilter;
use crate::plan;
use crate::scan::query::{Expression, Row, packed};
use crate::scan::{headers, journal};
use crate::share::{cache, layout, record, results, wishes};

/// What every reader of facts promises: they come back from the store as they went in, become a row, and are decided about.
fn usable(media: &MediaInfo) {
    let text = serde_json::to_string(media).expect("facts are written");
    let back: MediaInfo = serde_json::from_str(&text).expect("facts are read");
    assert_eq!(&back, media, "facts that come back as others are looked at anew for ever");
    let row = Row::of("a.mkv".to_owned(), Stamp::default(), media);
    let mut rows = Vec::new();
    assert!(packed::unpack(&packed::pack([&row]), |row| rows.push(row)), "rows are read");
    assert_eq!(rows, [row]);
    for policy in plan::profile_names().iter().filter_map(|name| plan::profile(name)) {
        let subject = plan::Subject { name: "a.mkv", media, interlaced: None };
        let _ = plan::decide(subject, &policy, &Caps::default(), TypeFilter::Both);
    }
}

/// A media file.
pub fn headers(bytes: &[u8]) {
    if let Some(media) = headers::from(Cursor::new(bytes), bytes.len() as u64) {
        usable(&media);
    }
    let _ = headers::whole::missing(Cursor::new(bytes), bytes.len() as u64);
}

/// ffprobe's answer, whose texts come from the file.
pub fn probe(bytes: &[u8]) {
    if let Ok(mut media) = probe::parse(bytes) {
        probe::merge(&mut media, bytes);
        usable(&media);
    }
}

/// A folder's cache.
pub fn cache(bytes: &[u8]) {
    cache::any_text(bytes);
}

/// Small things on the share, one of them by the first byte.
pub fn records(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match which % 6 {
        0 => drop(record::lock(bytes)),
        1 => {
            if let Some(commit) = record::Commit::parse(bytes) {
                assert_eq!(record::Commit::parse(&commit.bytes()).as_ref(), Some(&commit));
            }
        }
        2 => drop(results::parse(&text, &mut HashMap::new())),
        3 => {
            if let Ok(wish) = serde_json::from_slice::<wishes::Wish>(bytes)
                && let Some(place) = wish.place("/library".as_ref())
            {
                assert!(
                    place.starts_with("/library") && !place.components().any(|part| part.as_os_str() == "..")
                );
            }
        }
        4 => drop(journal::compare(
            vec![("a.mkv".to_owned(), text.into_owned())],
            &[],
            &cache::Folder::default(),
        )),
        _ => {
            let mut packed = vec![1];
            packed.extend_from_slice(bytes);
            packed::unpack(&packed, drop);
        }
    }
}

/// Names in a listing, and questions.
pub fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (layout::ours(&text), layout::stem_hash(&text), layout::stem(&text));
    if let Ok(expression) = Expression::parse(&text) {
        let _ = expression.holds(&Row::default());
    }
}
