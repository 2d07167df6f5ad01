//! The machine: files, mounts, processes, clocks, signals, who we are.
//!
//! The only room with `cfg(unix|windows|target_os)`, `unsafe`, file-system writes, `Command` and the clocks. Platform
//! differences live in the twins `unix/` and `windows/` behind one set of names. Promises: no operation that changes
//! the file system is believed by its return code alone where a share may lie (lost replies, ESTALE, sharing
//! violations); what is really there decides. Never copies mode bits, never blocks on an advisory lock.

#![allow(
    clippy::disallowed_methods,
    reason = "the fences' inner side: what the others call instead is made here"
)]

pub mod clock;
#[cfg(any(test, feature = "failpoints"))]
pub mod failpoint;
pub mod fs;
pub mod gpu;
pub mod graphics;
pub mod host;
pub mod lasting;
pub mod netfs;
pub mod notice;
pub mod path;
pub mod process;
pub mod service;
pub mod stop;
pub mod terminal;
pub mod vitals;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

#[cfg(test)]
mod tests;
