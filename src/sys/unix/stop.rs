//! Signals.

use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::sys::stop::{Stop, ask_more};

/// Two signals within this time are one request: `timeout`, shells and service managers signal the process and then its
/// whole group.
const ONE_REQUEST: Duration = Duration::from_millis(100);

pub fn listen() {
    let mut wanted = vec![SIGINT, SIGTERM];
    // `nohup` has it ignored, and means it.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let Ok(mut signals) = Signals::new(wanted) else { return };
    let serve = move || {
        let mut last: Option<Instant> = None;
        for signal in signals.forever() {
            if last.is_some_and(|last| last.elapsed() < ONE_REQUEST) {
                continue;
            }
            last = Some(Instant::now());
            if ask_more() == Stop::Now && signal != SIGHUP {
                // Whoever asks a third time wants it to end, whatever it is stuck in.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    };
    // Without the thread the handlers would swallow the signals; a system that cannot start one thread cannot run
    // this program either.
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(serve)
        .expect("the thread that hears signals must start");
}

fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    #[expect(unsafe_code, reason = "sigaction(2) only reads here, into a zeroed struct of ours")]
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
