//! How the machine is: memory left, battery or mains, temperature, how much others use it. What the system does not tell is
//! `None`, and nobody is held up by it.

use std::time::Duration;

use super::os;

/// Processor time since boot, summed over all processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Used by other programs than ours. Linux counts what runs at normal priority, so our own children count only under
    /// `--no-nice`.
    pub others: Duration,
    /// Unused.
    pub idle: Duration,
    /// All there was.
    pub all: Duration,
}

impl Busy {
    /// Percent that others used since an earlier look.
    pub fn since(&self, before: &Busy) -> Option<u32> {
        let all = self.all.checked_sub(before.all).filter(|all| !all.is_zero())?;
        let others = self.others.saturating_sub(before.others);
        Some((others.as_secs_f64() / all.as_secs_f64() * 100.0).round().min(100.0) as u32)
    }
}

/// Bytes that programs can still have, by the machine and by the container we are in.
pub fn memory() -> Option<u64> {
    os::vitals::memory()
}

/// Bytes that the machine has, or the container we are in.
pub fn memory_of_machine() -> Option<u64> {
    os::vitals::memory_of_machine()
}

/// Percent of the last ten seconds in which some program waited for memory (Linux: `/proc/pressure/memory`).
pub fn memory_stall() -> Option<f64> {
    os::vitals::memory_stall()
}

/// The machine runs on battery; `None`: it has none, or does not tell.
pub fn on_battery() -> Option<bool> {
    os::vitals::on_battery()
}

/// The processor's temperature in °C.
pub fn cpu_temperature() -> Option<u32> {
    os::vitals::cpu_temperature()
}

pub fn busy() -> Option<Busy> {
    os::vitals::busy()
}
