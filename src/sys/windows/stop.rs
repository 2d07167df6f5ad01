//! Console events, and the end of the user's session.

use std::ptr::null_mut;
use std::time::Duration;

use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DispatchMessageW, GetMessageW, MSG, RegisterClassW, WM_ENDSESSION,
    WM_QUERYENDSESSION, WNDCLASSW,
};
use windows_sys::core::BOOL;

use super::service;
use crate::sys::stop::{Stop, ask, ask_more};

#[expect(unsafe_code, reason = "registers a function of ours that lives as long as the process")]
pub fn listen() {
    // SAFETY: `serve` has the signature that is asked for. Without a console there is nothing to hear, and no harm.
    unsafe {
        SetConsoleCtrlHandler(Some(serve), 1);
    }
    // A program with user32 in it (ours has it by way of the shell's library) hears of log-off and shutdown as programs
    // with windows do, and not from its console (HandlerRoutine, "Remarks").
    if let Err(error) = std::thread::Builder::new().name("session".to_owned()).spawn(hear_of_the_session) {
        tracing::debug!("the end of the session will not be heard of: {error}");
    }
}

/// Runs on a thread of its own that the system starts for each event; what it does may lock and wait.
#[expect(unsafe_code, reason = "the system calls it, so that it has the system's calling convention")]
unsafe extern "system" fn serve(event: u32) -> BOOL {
    match event {
        // The third request goes to the system's own handler, which ends the process.
        CTRL_C_EVENT | CTRL_BREAK_EVENT => i32::from(ask_more() != Stop::Now),
        // A service is told of any user's logging off, and is to go on.
        CTRL_LOGOFF_EVENT if service::serves() => 1,
        // The window is closed, the user leaves or the machine goes down.
        _ => {
            end();
            1
        }
    }
}

/// The process ends when this returns, so the time that the system gives (five seconds and more) is for the workers to
/// release what they hold.
fn end() {
    ask(Stop::Now);
    std::thread::sleep(Duration::from_secs(60));
}

/// A window that is never shown. One for messages alone would not be told.
#[expect(unsafe_code, reason = "Win32 calls on a class and a window of ours")]
fn hear_of_the_session() {
    let name: Vec<u16> = "media-converter".encode_utf16().chain([0]).collect();
    let class = WNDCLASSW { lpfnWndProc: Some(hear), lpszClassName: name.as_ptr(), ..WNDCLASSW::default() };
    // SAFETY: the name outlives the window, whose messages are read on this thread, which made it, until the process ends.
    unsafe {
        if RegisterClassW(&raw const class) == 0 {
            return;
        }
        let (no_window, no_menu, ours) = (null_mut(), null_mut(), null_mut());
        let window = CreateWindowExW(
            0,
            name.as_ptr(),
            name.as_ptr(),
            0,
            0,
            0,
            0,
            0,
            no_window,
            no_menu,
            ours,
            std::ptr::null(),
        );
        if window.is_null() {
            return;
        }
        let mut message = MSG::default();
        while GetMessageW(&raw mut message, null_mut(), 0, 0) > 0 {
            DispatchMessageW(&raw const message);
        }
    }
}

#[expect(unsafe_code, reason = "the system calls it, so that it has the system's calling convention")]
unsafe extern "system" fn hear(window: HWND, message: u32, what: WPARAM, more: LPARAM) -> LRESULT {
    match message {
        WM_QUERYENDSESSION => 1,
        WM_ENDSESSION if what != 0 && !service::serves() => {
            end();
            0
        }
        // SAFETY: handed on as it came.
        _ => unsafe { DefWindowProcW(window, message, what, more) },
    }
}
