//! What the fleet remembers of a file, turned into a skip or a fresh look. Pure.

use crate::model::plan::{Skip, SkipCode};
use crate::share::cache::{Memo, Verdict};
use crate::share::results::Fate;

/// The policy of a memo that holds under every profile: a person's own decision, which is an undo.
pub const ANY_POLICY: &str = "*";

/// Failures that were not the file's fault are tried this often before the file is parked.
pub const MAX_TRIES: u32 = 3;
/// Seconds before a failed file is tried again; doubles with each try.
const FIRST_BACKOFF: f64 = 3600.0;

/// A skip where the memo says enough, `None` where the file needs a fresh look. `now` in seconds since 1970: a wrong
/// clock only changes when a failed file is tried again.
pub fn skip(memo: &Memo, policy_digest: &str, now: f64) -> Option<Skip> {
    let applies = memo.policy == policy_digest || memo.policy == ANY_POLICY || memo.verdict == Verdict::Bad;
    if !applies {
        return None;
    }
    let code = match memo.verdict {
        Verdict::Fits | Verdict::Converted => SkipCode::Fits,
        Verdict::LeftAlone if memo.policy == ANY_POLICY => SkipCode::Undone,
        Verdict::LeftAlone => SkipCode::WouldLose,
        Verdict::NotSmaller => SkipCode::NotSmaller,
        Verdict::Bad => SkipCode::Parked,
        Verdict::Failed => {
            let wait = FIRST_BACKOFF * f64::from(1u32 << memo.tries.clamp(1, 6).saturating_sub(1));
            let rested = now < memo.at || now - memo.at >= wait;
            if memo.tries < MAX_TRIES && rested {
                return None;
            }
            SkipCode::Parked
        }
    };
    Some(Skip { code, words: memo.words.clone() })
}

/// A skip where the same content was met before, whatever it was called then and wherever it lay. A file that only a moment's
/// failure speaks against is tried.
pub fn fate(fate: &Fate, policy_digest: &str) -> Option<Skip> {
    let applies =
        &*fate.policy == policy_digest || &*fate.policy == ANY_POLICY || fate.verdict == Verdict::Bad;
    let (code, words) = match fate.verdict {
        Verdict::Converted => (SkipCode::Fits, "it is a result of an earlier conversion, under another name"),
        Verdict::Fits => (SkipCode::Fits, "it was as wanted under another name, and is the same still"),
        Verdict::LeftAlone if &*fate.policy == ANY_POLICY => {
            (SkipCode::Undone, "its conversion was undone, when it had another name")
        }
        Verdict::LeftAlone => {
            (SkipCode::WouldLose, "it was left alone under another name, and is the same still")
        }
        Verdict::NotSmaller => (SkipCode::NotSmaller, "its result was not smaller, when it had another name"),
        Verdict::Bad => (SkipCode::Parked, "the same content was found damaged under another name"),
        Verdict::Failed => return None,
    };
    applies.then(|| Skip { code, words: words.to_owned() })
}
