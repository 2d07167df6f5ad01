//! Being asked to stop: Ctrl-C, SIGTERM, SIGHUP, console close. Once: come to a clean end. Twice: stop now.

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

/// Installs the handlers; idempotent.
pub fn listen() {
    todo!()
}

/// What has been asked so far.
pub fn asked() -> Stop {
    todo!()
}

/// Asks as if a signal had come (for the last resort and for tests).
pub fn ask(stop: Stop) {
    let _ = stop;
    todo!()
}

/// Sleeps at most `time`; returns early when asked to stop. True: asked to stop.
pub fn sleep(time: std::time::Duration) -> bool {
    let _ = time;
    todo!()
}
