//! Which machine, which boot, which process.

use std::ffi::c_void;

use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RRF_SUBKEY_WOW6464KEY, RegGetValueW,
};

/// What the kernel says of a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// No process has it.
    Absent,
    /// It has no thread left: somebody keeps a handle on it, and it will never do anything again.
    Dead,
    /// It runs; `start` where it could be read.
    Runs { start: Option<u64> },
    /// It cannot be told.
    Hidden,
}

/// The pid of the System process, which is as old as the boot.
const SYSTEM: u32 = 4;

/// Asks the kernel for a pid. The list needs no rights on the process, unlike OpenProcess.
pub fn process(pid: u32) -> Process {
    match list() {
        None => Process::Hidden,
        Some(processes) => match processes.iter().find(|process| process.pid == pid) {
            None => Process::Absent,
            Some(Listed { threads: 0, .. }) => Process::Dead,
            Some(found) => Process::Runs { start: Some(found.start) },
        },
    }
}

pub fn own_start() -> u64 {
    match process(std::process::id()) {
        Process::Runs { start: Some(start) } => start,
        _ => 0,
    }
}

/// The boot's number that the loader counts up, and the System process's start. Not the boot *time*: that moves when the
/// clock is set.
#[expect(unsafe_code, reason = "reads a field of the page that every process shares with the kernel")]
pub fn boot_id() -> String {
    /// `KUSER_SHARED_DATA.BootId` (ntddk.h); the page has been at this address since NT 3.5.
    const BOOT_ID: *const u32 = 0x7FFE_02C4 as *const u32;
    // SAFETY: the page is mapped read-only into every process.
    let number = unsafe { BOOT_ID.read_volatile() };
    let start = list()
        .and_then(|all| all.iter().find(|process| process.pid == SYSTEM).map(|process| process.start))
        .unwrap_or(0);
    format!("{number:08x}{start:016x}")
}

pub fn pid_namespace() -> u64 {
    0
}

pub fn container() -> &'static str {
    ""
}

/// The installation's id; empty where it cannot be read, and the host name has to do.
#[expect(unsafe_code, reason = "a Win32 call on a buffer of ours")]
pub fn machine_id() -> String {
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let (key, value) = (wide(r"SOFTWARE\Microsoft\Cryptography"), wide("MachineGuid"));
    let mut buffer = [0u16; 64];
    let mut size = size_of_val(&buffer) as u32;
    // SAFETY: both names end in NUL and `size` is that of the buffer, in bytes.
    let failed = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY,
            std::ptr::null_mut(),
            buffer.as_mut_ptr().cast::<c_void>(),
            &raw mut size,
        )
    };
    if failed != 0 {
        return String::new();
    }
    let end = buffer.iter().position(|unit| *unit == 0).unwrap_or(buffer.len());
    String::from_utf16_lossy(&buffer[..end])
}

/// One process as the kernel lists it.
struct Listed {
    pid: u32,
    threads: u32,
    /// Creation time as a FILETIME.
    start: u64,
}

#[link(name = "ntdll")]
#[expect(unsafe_code, reason = "the list of processes has no Win32 name that needs no rights")]
unsafe extern "system" {
    fn NtQuerySystemInformation(class: i32, buffer: *mut c_void, size: u32, needed: *mut u32) -> i32;
}

/// Every process of the machine; `None` where the kernel does not tell.
#[expect(unsafe_code, reason = "a kernel call on a buffer of ours")]
fn list() -> Option<Vec<Listed>> {
    /// `SystemProcessInformation` (winternl.h).
    const PROCESSES: i32 = 5;
    const TOO_SMALL: i32 = 0xC000_0004_u32.cast_signed();
    let mut size: usize = 512 * 1024;
    // The list may grow between being told its size and asking again.
    for _ in 0..8 {
        let mut buffer = vec![0u64; size / 8];
        let mut needed = 0;
        // SAFETY: the buffer has the size that is said.
        let status = unsafe {
            NtQuerySystemInformation(PROCESSES, buffer.as_mut_ptr().cast(), size as u32, &raw mut needed)
        };
        match status {
            0 => {
                let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
                return parse(&bytes);
            }
            TOO_SMALL => size = (needed as usize).max(size) / 8 * 8 + 64 * 1024,
            _ => return None,
        }
    }
    None
}

/// Walks the chain of `SYSTEM_PROCESS_INFORMATION` (winternl.h and, for CreateTime, the public symbols).
fn parse(list: &[u8]) -> Option<Vec<Listed>> {
    const THREADS: usize = 4;
    const CREATED: usize = 32;
    /// After the two times, the name (length, pointer) and the priority.
    const PID: usize = if cfg!(target_pointer_width = "64") { 80 } else { 68 };
    let word = |at: usize| Some(u32::from_ne_bytes(list.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_ne_bytes(list.get(at..at + 8)?.try_into().ok()?));
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        found.push(Listed { pid: word(at + PID)?, threads: word(at + THREADS)?, start: long(at + CREATED)? });
        match word(at)? {
            0 => return Some(found),
            next => at += next as usize,
        }
    }
}
