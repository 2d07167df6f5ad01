//! The only clocks. Wall time is for people; every decision uses [`boot`] or a file server's own stamps.

use std::time::Duration;

/// Time since this machine booted, suspend included (CLOCK_BOOTTIME; GetTickCount64; mach_continuous_time).
pub fn boot() -> Duration {
    todo!()
}

/// Seconds since 1970 by this machine's clock, for records that people read.
pub fn wall() -> f64 {
    todo!()
}

/// Local time as `2026-11-20T21:04:05.123456`, without zone, as mediabox writes it.
pub fn local_iso(wall: f64) -> String {
    let _ = wall;
    todo!()
}
