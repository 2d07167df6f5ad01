//! The clock that counts suspend.

use std::time::Duration;

use windows_sys::Win32::System::SystemInformation::GetTickCount64;

/// GetTickCount64: milliseconds since the start, sleep and hibernation included.
#[expect(unsafe_code, reason = "a number out, nothing in")]
pub fn boot() -> Duration {
    // SAFETY: no arguments.
    Duration::from_millis(unsafe { GetTickCount64() })
}
