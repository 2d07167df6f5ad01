//! The map of the house. Rooms in order, one sentence each; `docs/ARCHITECTURE.md` says which room a line belongs in.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test sets up its own temporary tree"))]
#![allow(dead_code, reason = "some of it is called on one platform only, some by tests only")]

/// Arguments and nothing else: one file per subcommand.
pub mod cli;
/// Defaults ← file ← environment ← flags → settings that know where they came from.
mod config;
/// A list of checks of a share and a machine → findings with what to do.
mod doctor;
/// The only room that knows ffmpeg's words: tools, probing, arguments, progress, running.
mod ffmpeg;
/// One file's journey: claim → look again → transcode → verify → commit → record.
mod job;
/// Nouns that every room shares: no IO, no clock, no OS.
mod model;
/// Decides, purely: (what a file is, what this machine can do, what the profile wants) → a plan or a skip, in words.
mod plan;
/// What is there: walk → facts (cache or probe) → plan, as a stream.
mod scan;
/// What makes a machine ready: ffmpeg, PATH, a look at the graphics, a real encode; services and timers.
mod setup;
/// The protocol: everything we write on shared storage that is not media.
mod share;
/// This machine's own SQLite on a local disk: history and caps; may be deleted at any time.
mod store;
/// The machine: the only room with `cfg(unix|windows)`, `unsafe`, file-system writes, `Command` and the clocks.
mod sys;
/// Events → bars (terminal), lines (log), NDJSON; tables and cleaned file names.
mod ui;
/// The loop: choose → jobs in slots → rest or stop.
mod worker;

/// What others wrote, as the fuzzers hand it in.
#[cfg(fuzzing)]
#[path = "../fuzz/doors.rs"]
pub mod doors;

/// Claims without conversions, for the tests on real mounts.
#[cfg(feature = "failpoints")]
#[allow(
    clippy::disallowed_methods,
    reason = "a test's driver: it sets up its own folder and dies on purpose"
)]
#[path = "../tests/netshare/contend.rs"]
pub mod contend;
