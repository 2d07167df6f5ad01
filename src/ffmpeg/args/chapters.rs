//! Chapters as a text that ffmpeg reads as an input of its own. Pure.

use std::fmt::Write as _;

use crate::model::media::MediaInfo;

/// The file's chapters, and one without a title from the beginning to the first.
pub fn chapters(media: &MediaInfo) -> String {
    let begin = media.start_time.unwrap_or(0.0);
    let first = media.chapters.first().map_or(begin, |first| first.start);
    let all = media.chapters.iter().map(|c| (c.start, c.end, c.title.as_deref().unwrap_or_default()));
    let mut text = String::from(";FFMETADATA1\n");
    for (start, end, title) in [(begin, first, "")].into_iter().chain(all) {
        let micros = |seconds: f64| ((seconds - begin).max(0.0) * 1e6).round() as u64;
        let (start, end) = (micros(start), micros(end));
        let _ = write!(text, "[CHAPTER]\nTIMEBASE=1/1000000\nSTART={start}\nEND={end}\ntitle=");
        for letter in title.chars() {
            if matches!(letter, '=' | ';' | '#' | '\\' | '\n') {
                text.push('\\');
            }
            text.push(letter);
        }
        text.push('\n');
    }
    text
}
