//! One binary over the real executable, and over the source itself.

#![allow(
    clippy::disallowed_methods,
    reason = "a test sets up and inspects its own temporary tree and runs programs; the fences are for the product"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says aloud what it skips")]

mod commands;
mod convert;
#[cfg(all(any(target_os = "linux", windows), feature = "failpoints"))]
mod crash;
mod docs;
mod faults;
mod fidelity;
mod fleet;
mod golden;
mod guest;
#[cfg(unix)]
mod installer;
mod query;
mod queue;
mod scan;
#[cfg(unix)]
mod setup;
mod support;
mod tidy;
mod usage;
#[cfg(feature = "failpoints")]
mod writers;
