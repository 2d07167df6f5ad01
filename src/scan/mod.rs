//! What is there: walk → facts (memo or probe) → plan, as a stream; the first candidate is handed on while the walk goes on.
//!
//! Promises: one `stat` per file; a folder that cannot be read is a finding, not the end; symbolic links are never
//! followed into folders, so the walk cannot loop. Reads only.

pub mod examine;
pub mod filter;
pub mod headers;
pub mod journal;
pub mod query;
pub mod recall;
pub mod walk;

#[cfg(test)]
mod tests;
