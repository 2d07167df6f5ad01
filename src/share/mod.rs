//! The protocol: everything we write on shared storage that is not media. docs/PROTOCOL.md is its normative text.
//!
//! Promises: a claim is published whole and has one holder; a stale claim is taken over by exactly one; nothing here is
//! decided by comparing two machines' clocks; no failure is believed where a listing can tell, and no success but a
//! publish's. Never touches a media file: that is `job::{commit,recover}`'s.
//!
//! The authority is a *lock directory* beside the file, `.mbx-<h>.lk`, with exactly one entry, a folder whose name
//! carries the holder's token: `own.<T>`. A takeover renames that uniquely named entry; a seal (the holder commits) is
//! published *into* it and stays with it under whatever name. So the file server lets exactly one of them happen.
//! `<file>.mediabox.lock` is the doorbell that people, scripts and the Python workers see.

mod attempt;
mod bell;
pub mod board;
pub mod cache;
pub mod claim;
pub mod force;
pub mod judge;
pub mod layout;
pub mod library;
mod look;
pub mod pause;
mod pulse;
pub mod record;
pub mod results;
mod site;
mod stand;
pub mod steps;
pub mod survey;
mod sweep;
pub mod times;
pub mod wishes;

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "../../tests/model/mod.rs"]
mod model;

/// A named step of a claim or a commit: where a crash test stops, pauses or kills the process. Nothing otherwise.
#[inline]
pub fn step(name: &str) {
    #[cfg(any(test, feature = "failpoints"))]
    crate::sys::failpoint::reached(name);
    #[cfg(not(any(test, feature = "failpoints")))]
    let _ = name;
}
