//! What this machine learnt by working, beside what the share still knows of it. Pure.
//!
//! A Python worker reads a folder's cache, works for hours and writes it back, and what others added in the meantime is
//! gone. So every machine keeps its own word, and says it again where it is missing.

use std::cmp::Ordering;

use crate::scan::walk::File;
use crate::share::cache::{Folder, Memo};

/// The journal of one folder, sorted by what to do with it.
#[derive(Debug, Default)]
pub struct Journal {
    /// What the share does not know any more.
    pub missing: Vec<Memo>,
    /// Names whose word is outdated: the file is gone or another, or somebody learnt something newer.
    pub outdated: Vec<String>,
}

/// Compares the journal's lines (name and memo as JSON) with a folder's listing and its shared cache.
pub fn compare(lines: Vec<(String, String)>, files: &[File], shared: &Folder) -> Journal {
    let mut journal = Journal::default();
    for (name, line) in lines {
        let memo: Option<Memo> = serde_json::from_str(&line).ok();
        let listed = files.binary_search_by(|file| file.name.as_str().cmp(&name)).ok().map(|at| &files[at]);
        match (memo, listed) {
            (Some(memo), Some(file)) if memo.stamp.same_file(&file.stamp) => {
                match shared.memo(&name, &file.stamp) {
                    None => journal.missing.push(memo),
                    Some(known) => match known.at.total_cmp(&memo.at) {
                        Ordering::Less => journal.missing.push(memo),
                        // Kept: whoever rewrites blindly may come again.
                        Ordering::Equal => {}
                        Ordering::Greater => journal.outdated.push(name),
                    },
                }
            }
            _ => journal.outdated.push(name),
        }
    }
    journal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::Stamp;
    use crate::share::cache::Verdict;

    proptest::proptest! {
        #[test]
        fn any_line_is_compared(name in ".{0,12}", line in ".{0,200}") {
            let journal = compare(vec![(name.clone(), line)], &[], &Folder::default());
            proptest::prop_assert_eq!(journal.outdated, [name]);
        }
    }

    #[test]
    fn what_a_blind_writer_dropped_is_said_again_and_what_is_outdated_is_not() {
        let stamp = Stamp { size: 5, sec: 6, nsec: 7 };
        let line = |name: &str, sec: i64| {
            let memo = Memo {
                name: name.to_owned(),
                stamp: Stamp { sec, ..stamp },
                print: None,
                policy: "p".to_owned(),
                verdict: Verdict::Converted,
                words: String::new(),
                tries: 0,
                host: "h".to_owned(),
                at: 1.0,
            };
            (name.to_owned(), serde_json::to_string(&memo).expect("it is written"))
        };
        let files = [File { name: "a.mkv".to_owned(), stamp }, File { name: "b.mkv".to_owned(), stamp }];
        let lines = vec![line("a.mkv", 6), line("b.mkv", 99), line("c.mkv", 6), ("d.mkv".into(), "{".into())];
        let journal = compare(lines, &files, &Folder::default());
        assert_eq!(journal.missing.iter().map(|memo| memo.name.as_str()).collect::<Vec<_>>(), ["a.mkv"]);
        assert_eq!(journal.outdated, ["b.mkv", "c.mkv", "d.mkv"]);
    }
}
