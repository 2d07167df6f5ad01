//! Console events.

use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

use crate::sys::stop::{Stop, ask, ask_more};

#[expect(unsafe_code, reason = "registers a function of ours that lives as long as the process")]
pub fn listen() {
    // SAFETY: `serve` has the signature that is asked for. Without a console there is nothing to hear, and no harm.
    unsafe {
        SetConsoleCtrlHandler(Some(serve), 1);
    }
}

/// Runs on a thread of its own that the system starts for each event; what it does may lock and wait.
#[expect(unsafe_code, reason = "the system calls it, so that it has the system's calling convention")]
unsafe extern "system" fn serve(event: u32) -> BOOL {
    match event {
        // The third request goes to the system's own handler, which ends the process.
        CTRL_C_EVENT | CTRL_BREAK_EVENT => i32::from(ask_more() != Stop::Now),
        // Only services get it, at any user's logging off, and they are to go on.
        CTRL_LOGOFF_EVENT => 1,
        _ => {
            ask(Stop::Now);
            // The window is closed or the machine goes down: the process ends when this returns, so the time that the
            // system gives (five seconds and more) is for the workers to release what they hold.
            std::thread::sleep(Duration::from_secs(60));
            1
        }
    }
}
