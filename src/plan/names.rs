//! File names: resolution words in them, and how long they may be.

use std::path::Path;

use crate::model::plan::Plan;

/// Longest name in bytes on the file systems of servers (`NAME_MAX`).
const MOST_BYTES: usize = 255;
/// What a subtitle's name gets where its own is taken: `.2`, and more.
const NUMBER: usize = 3;

/// Why a file of this name cannot have the plan's result beside it, in words: an encode would end with a name that nobody can write.
/// A name that is longer itself shows that characters are counted here, and that there are enough.
pub fn too_long(name: &str, plan: &Plan) -> Option<String> {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let result = plan.output_name(&stem);
    let suffix = plan.sidecars.iter().map(|sidecar| sidecar.suffix.len() + NUMBER).max().unwrap_or(0);
    let bytes = result.len().max(result.len() - plan.extension.len() - 1 + suffix);
    (name.len() <= MOST_BYTES && bytes > MOST_BYTES).then(|| {
        format!("the name of the result or of a subtitle would have {bytes} bytes, {MOST_BYTES} are possible; shorten this one")
    })
}

/// The stem with 2160p, 4K, UHD, 1440p and their like replaced by `1080p`; `None` where it says no such thing.
pub fn downgraded(stem: &str) -> Option<String> {
    const WORDS: [&str; 6] = ["2160p", "1440p", "4320p", "4k", "8k", "uhd"];
    let mut result = String::with_capacity(stem.len());
    let mut changed = false;
    let mut rest = stem;
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let gap_end = after.find(char::is_alphanumeric).unwrap_or(after.len());
        let (mut gap, next) = after.split_at(gap_end);
        if WORDS.iter().any(|w| word.eq_ignore_ascii_case(w)) {
            changed = true;
            // «2160p.UHD» becomes one 1080p, not two; a name that has 1080p already gets no second one.
            if result.to_ascii_lowercase().contains("1080p") {
                let kept =
                    result.trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, ')' | ']')).len();
                // «[2160p][4K]»: what was opened for the second word is closed with it.
                let closing = result[kept..].chars().rev().find_map(|c| match c {
                    '[' => Some(']'),
                    '(' => Some(')'),
                    _ => None,
                });
                gap = closing.and_then(|c| gap.strip_prefix(c)).unwrap_or(gap);
                result.truncate(kept);
            } else {
                result.push_str("1080p");
            }
        } else {
            result.push_str(word);
        }
        result.push_str(gap);
        rest = next;
    }
    let trimmed = result.trim_end_matches([' ', '.', '_', '-']);
    (changed && !trimmed.is_empty()).then(|| trimmed.to_owned())
}
