//! The clock that counts suspend.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CLOCK_BOOTTIME; on macOS CLOCK_MONOTONIC, which goes on while the machine sleeps (clock_gettime(3)).
pub fn boot() -> Duration {
    #[cfg(target_os = "macos")]
    let now = clock_gettime(ClockId::Monotonic);
    #[cfg(not(target_os = "macos"))]
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
