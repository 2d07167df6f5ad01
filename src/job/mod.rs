//! One file's journey: claim → look again → transcode → verify → commit → record.
//!
//! Only `job::{commit,recover}` change or remove a file that is not ours.
