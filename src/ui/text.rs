//! How names, sizes and times are written for people. Pure.

use std::path::{Path, PathBuf};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A file name made safe for a terminal: control characters could move the cursor or recolour the screen, and direction
/// marks could make one name look like another.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                char::REPLACEMENT_CHARACTER
            }
            '\u{2028}' | '\u{2029}' | '\u{feff}' => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Columns a cleaned text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Shortens a cleaned text to `columns` by taking from its middle: both the start of a name and its episode number and
/// extension tell files apart.
pub fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let room = columns - 1;
    let tail_room = room * 3 / 5;
    let tail = take_width(text.chars().rev(), tail_room).chars().rev().collect::<String>();
    let head = take_width(text.chars(), room - width(&tail));
    format!("{head}…{tail}")
}

fn take_width(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// Cuts or fills to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut text = shorten(text, columns);
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&text))));
    text
}

/// A path below one of the run's folders is shown without that folder.
pub fn below(path: &Path, dirs: &[PathBuf]) -> String {
    let short = dirs
        .iter()
        .filter_map(|dir| path.strip_prefix(dir).ok())
        .min_by_key(|rest| rest.as_os_str().len())
        .filter(|rest| !rest.as_os_str().is_empty())
        .unwrap_or(path);
    clean(&short.to_string_lossy())
}

/// `999 B`, `1.5 KiB`, `12.3 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0 of the smaller unit.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// How long something took: tenths below ten seconds, else as [`time`].
pub fn took(seconds: f64) -> String {
    if (0.0..9.95).contains(&seconds) { format!("{seconds:.1} s") } else { time(seconds) }
}

/// `0:42`, `12:31`, `1:02:31`, `3d 04:10`.
pub fn time(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let all = seconds.round().min(1e12) as u64;
    let (days, hours, minutes, secs) = (all / 86400, all / 3600 % 24, all / 60 % 60, all % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{secs:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{secs:02}"),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `4.1 GiB → 2.0 GiB (51 % smaller)`.
pub fn change(before: u64, after: u64) -> String {
    let sizes = format!("{} → {}", bytes(before), bytes(after));
    if before == 0 {
        return sizes;
    }
    let percent = ((after as f64 - before as f64) / before as f64 * 100.0).round() as i64;
    match percent {
        0 => format!("{sizes} (same size)"),
        ..0 => format!("{sizes} ({} % smaller)", -percent),
        1.. => format!("{sizes} ({percent} % larger)"),
    }
}
