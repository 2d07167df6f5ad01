//! Linux and macOS: one half of the twins. `windows/` has the same names. What the two kernels do differently is in
//! `linux` and `macos`, twins of their own.

pub mod clock;
pub mod drives;
pub mod fs;
pub mod graphics;
pub mod host;
pub mod lasting;
#[cfg(not(target_os = "macos"))]
pub mod netfs;
#[cfg(not(target_os = "macos"))]
pub mod notice;
pub mod process;
pub mod service;
pub mod stop;
pub mod terminal;
pub mod vitals;

#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(not(target_os = "macos"))]
use linux as kernel;
#[cfg(all(test, not(target_os = "macos")))]
pub use linux::parse as parse_stat;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as kernel;
#[cfg(target_os = "macos")]
pub use macos::{netfs, notice};
