//! Being asked to stop: Ctrl-C, SIGTERM, SIGHUP, console close. Once: come to a clean end. Twice: stop now.

use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use super::os;

/// How urgently we are to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    No,
    /// Drop the current files cleanly, release the claims, end.
    Soon,
    /// The second request: release what can be released at once and end.
    Now,
}

static ASKED: Mutex<Stop> = Mutex::new(Stop::No);
static CHANGED: Condvar = Condvar::new();

/// Installs the handlers; idempotent. The first request asks for [`Stop::Soon`], the second for [`Stop::Now`]; the
/// third ends the process as the system would have ended it.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(os::stop::listen);
}

/// What has been asked so far.
pub fn asked() -> Stop {
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks as if a signal had come (for the last resort and for tests). A lesser request than the one before is no request.
pub fn ask(stop: Stop) {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    *asked = (*asked).max(stop);
    CHANGED.notify_all();
}

/// One more request; what it was before.
pub(in crate::sys) fn ask_more() -> Stop {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let before = *asked;
    *asked = match before {
        Stop::No => Stop::Soon,
        Stop::Soon | Stop::Now => Stop::Now,
    };
    CHANGED.notify_all();
    before
}

/// Sleeps at most `time`; returns early when asked to stop. True: asked to stop.
pub fn sleep(time: Duration) -> bool {
    sleep_unless(time, Stop::Soon)
}

/// As [`sleep`], but only a request of at least `level` ends it: a heartbeat goes on while the current file is brought to
/// its end. True: that was asked.
pub fn sleep_unless(time: Duration, level: Stop) -> bool {
    let until = Instant::now() + time;
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    while *asked < level {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        asked = CHANGED.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}

/// Takes every request back, so that one test's request does not stop the next.
#[cfg(test)]
pub(crate) fn forget() {
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = Stop::No;
}
