//! What a run has come to so far.

use crate::model::event::Summary;
use crate::model::outcome::{Converted, FailCode};
use crate::model::plan::SkipCode;

/// Counters behind one lock.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub summary: Summary,
    /// Jobs between their start and their end.
    pub running: u64,
    /// Their files.
    pub in_hand: std::collections::HashSet<std::path::PathBuf>,
    /// Results that a dry run has told of, by folded name: two sources of one stem do not both become it.
    pub promised: std::collections::HashSet<std::path::PathBuf>,
    /// Media files and bytes the walk has seen.
    pub files: u64,
    pub bytes: u64,
}

impl Tally {
    pub fn skipped(&mut self, code: SkipCode) {
        *self.summary.skipped.entry(code).or_default() += 1;
    }
    pub fn failed(&mut self, code: FailCode) {
        // A job that was dropped because we were asked to stop is no failure of the file.
        if code != FailCode::Interrupted {
            *self.summary.failed.entry(code).or_default() += 1;
        }
    }
    pub fn converted(&mut self, converted: &Converted) {
        self.summary.converted += 1;
        self.summary.bytes_before += converted.bytes_before;
        self.summary.bytes_after += converted.bytes_after;
    }
}
