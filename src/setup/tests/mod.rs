//! Downloads from a server of our own, steps and their way back, units to the letter.

mod download;
mod launchd;
mod server;
mod steps;
mod units;

use super::Watch;
use super::report::Step;

/// Hears nothing.
struct Deaf;

impl Watch for Deaf {
    fn begins(&self, _name: &str) {}
    fn progress(&self, _done: u64, _total: Option<u64>) {}
    fn note(&self, _text: &str) {}
    fn ended(&self, _step: &Step) {}
}
