//! cron: one line of ours in the user's own table, crontab(5).

use super::{When, Work};

/// Marks our line, so that it is found again.
pub const MARK: &str = "# media-converter schedule";

/// The line; `None` where cron has no words for the interval, or none for a name: it ends at a line's end, quoted or not.
pub fn line(work: &Work, when: When) -> Option<String> {
    let times = match when {
        When::Daily { hour, minute } => format!("{minute} {hour} * * *"),
        When::Every(time) => {
            let minutes = time.as_secs() / 60;
            match (minutes / 60, minutes % 60) {
                // Only what divides an hour or a day comes round evenly.
                (0, minutes) if minutes > 0 && 60 % minutes == 0 => format!("*/{minutes} * * * *"),
                (24, 0) => "0 0 * * *".to_owned(),
                (1, 0) => "0 * * * *".to_owned(),
                (hours, 0) if hours > 0 && 24 % hours == 0 => format!("0 */{hours} * * *"),
                _ => return None,
            }
        }
    };
    let words: Vec<String> = std::iter::once(work.program.to_string_lossy().into_owned())
        .chain(work.args.iter().cloned())
        .map(|word| quoted(&word))
        .collect();
    if words.iter().any(|word| word.contains(['\n', '\r'])) {
        return None;
    }
    // cron mails what is printed; a run that did nothing wrong is not worth a mail.
    Some(format!("{times} {} --quiet {MARK}", words.join(" ")))
}

/// The table without our line, and with the new one.
pub fn with(table: &str, line: Option<&str>) -> String {
    let mut text: String =
        table.lines().filter(|other| !other.ends_with(MARK)).flat_map(|other| [other, "\n"]).collect();
    if let Some(line) = line {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Our line in a table.
pub fn ours(table: &str) -> Option<&str> {
    table.lines().find(|line| line.ends_with(MARK))
}

/// A word for sh, in which cron's `%` (a line's end) does nothing: Vixie's cron takes the backslash before it away, BusyBox'
/// knows none of it and leaves the backslash to sh, which takes it away outside of quotes only.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.,:=+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''").replace('%', r"'\%'"))
}
