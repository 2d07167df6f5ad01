//! What is there: walk → facts (memo or probe) → plan, as a stream; the first candidate is handed on while the walk goes on.
//!
//! Promises: one `stat` per media file and none for others; a folder that cannot be read is a finding, not the end; symbolic
//! links are passed by or followed, and never in circles. Reads only.

pub mod bounds;
pub mod examine;
pub mod filter;
pub mod headers;
pub mod journal;
pub mod query;
pub mod recall;
pub mod walk;

#[cfg(test)]
mod tests;
