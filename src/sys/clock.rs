//! The only clocks. Wall time is for people; every decision uses [`boot`] or a file server's own stamps.

use std::time::{Duration, SystemTime};

use super::os;

/// Time since this machine booted, suspend included (CLOCK_BOOTTIME; GetTickCount64; mach_continuous_time).
pub fn boot() -> Duration {
    os::clock::boot()
}

/// Seconds since 1970 by this machine's clock, for records that people read.
pub fn wall() -> f64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        // A board without a battery may boot before 1970; records still want a number.
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// The day of the week (Monday is 0) and the minutes since midnight, by this machine's clock and time zone; for schedules.
pub fn local_moment() -> (u32, u32) {
    use chrono::{Datelike as _, Timelike as _};
    let now = chrono::Local::now();
    (now.weekday().num_days_from_monday(), now.hour() * 60 + now.minute())
}

/// Local time as `2026-11-20T21:04:05.123456`, without zone, as mediabox writes it. A time that no calendar holds is
/// written as 1970.
pub fn local_iso(wall: f64) -> String {
    let micros = (wall * 1e6).round() as i64;
    chrono::DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .with_timezone(&chrono::Local)
        .format("%Y-%m-%dT%H:%M:%S%.6f")
        .to_string()
}
