//! A list of checks of a share and a machine → findings with what to do.
//!
//! Promises: what it makes it removes; it touches no media file and takes no claim. It tells by trying in `.mediabox/`, not
//! by what a mount is called. Never repairs by itself.

pub mod machine;
pub mod mount;
pub mod share;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Works, but costs something or may surprise.
    Warning,
    /// Conversions will fail or must not be trusted.
    Problem,
}

impl Level {
    /// The word people are shown.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// One thing that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub level: Level,
    /// Stable name of the check.
    pub check: String,
    /// What was found, a clause.
    pub what: String,
    /// What to do about it, a sentence.
    pub fix: Option<String>,
}

impl Finding {
    fn new(level: Level, check: &str, what: impl Into<String>) -> Self {
        Self { level, check: check.to_owned(), what: what.into(), fix: None }
    }
    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Where findings go as they are made.
pub type Tell<'a> = &'a mut dyn FnMut(Finding);
