//! How the machine is. Windows tells no processor's temperature without a driver of the board's maker.

use std::ffi::c_void;
use std::time::Duration;

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::JobObjects::{
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JobObjectBasicAccountingInformation, QueryInformationJobObject,
};
use windows_sys::Win32::System::Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::GetSystemTimes;

use crate::sys::vitals::Busy;

pub fn memory() -> Option<u64> {
    status().map(|status| status.ullAvailPhys)
}

pub fn memory_of_machine() -> Option<u64> {
    status().map(|status| status.ullTotalPhys)
}

#[expect(unsafe_code, reason = "a Win32 call on a struct of ours")]
fn status() -> Option<MEMORYSTATUSEX> {
    let mut status =
        MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..MEMORYSTATUSEX::default() };
    // SAFETY: the struct says its own size, as the call wants it.
    (unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0).then_some(status)
}

pub fn memory_stall() -> Option<f64> {
    None
}

#[expect(unsafe_code, reason = "a Win32 call on a struct of ours")]
pub fn on_battery() -> Option<bool> {
    /// `BATTERY_FLAG_NO_BATTERY` of GetSystemPowerStatus.
    const NO_BATTERY: u8 = 128;
    let mut status = SYSTEM_POWER_STATUS::default();
    // SAFETY: the struct is of the type that the call fills.
    if unsafe { GetSystemPowerStatus(&raw mut status) } == 0 || status.BatteryFlag == NO_BATTERY {
        return None;
    }
    match status.ACLineStatus {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

pub fn cpu_temperature() -> Option<u32> {
    None
}

/// What all used, less what our own job object used: it holds us and every child, those that have ended included.
#[expect(unsafe_code, reason = "Win32 calls on structs of ours")]
pub fn busy() -> Option<Busy> {
    let (mut idle, mut kernel, mut user) = (FILETIME::default(), FILETIME::default(), FILETIME::default());
    // SAFETY: three structs of the type that the call fills.
    if unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) } == 0 {
        return None;
    }
    let mut ours = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
    // SAFETY: no handle means the job that we are in; the struct is of the type that the class asks for.
    let known = unsafe {
        QueryInformationJobObject(
            std::ptr::null_mut(),
            JobObjectBasicAccountingInformation,
            (&raw mut ours).cast::<c_void>(),
            size_of_val(&ours) as u32,
            std::ptr::null_mut(),
        )
    } != 0;
    let time = |time: FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    // The kernel's time includes the idle time; all are in units of 100 ns.
    let all = time(kernel) + time(user);
    let own = if known { (ours.TotalUserTime + ours.TotalKernelTime).cast_unsigned() } else { 0 };
    let hundreds = |count: u64| Duration::from_nanos(count.saturating_mul(100));
    Some(Busy {
        others: hundreds(all.saturating_sub(time(idle)).saturating_sub(own)),
        idle: hundreds(time(idle)),
        all: hundreds(all),
    })
}
