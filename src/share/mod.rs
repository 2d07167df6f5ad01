//! The protocol: everything we write on shared storage that is not media. docs/PROTOCOL.md is its normative text.
//!
//! Promises: a claim is published whole and has one holder; a stale claim is taken over by exactly one; nothing here is
//! decided by comparing two machines' clocks; nothing here is believed by return codes where a listing can tell. Never
//! touches a media file: that is `job::{commit,recover}`'s.
//!
//! The authority is a *lock directory* beside the file, `.mbx-<h>.lk`, with exactly one entry whose name carries the
//! holder's token: `own.<T>` (held) or `seal.<T>` (the holder commits). Taking over and sealing are renames of that
//! uniquely named entry, so the file server lets exactly one of them happen. `<file>.mediabox.lock` is the doorbell
//! that people, scripts and the Python workers see.

pub mod cache;
pub mod claim;
pub mod judge;
pub mod layout;
pub mod library;
pub mod record;
pub mod steps;
pub mod survey;

#[cfg(test)]
#[path = "../../tests/model/mod.rs"]
mod model;
