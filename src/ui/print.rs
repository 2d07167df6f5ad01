//! The two streams. stdout is data, everything else is stderr; what goes to stderr goes above the bars while there are any.

use std::io::Write;
use std::sync::Mutex;

use indicatif::MultiProgress;

/// The bars that are on the screen now, if any.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// From now on lines go above these bars; `None`: straight to stderr again.
pub(super) fn set_bars(bars: Option<MultiProgress>) {
    if let Ok(mut current) = BARS.lock() {
        *current = bars;
    }
}

/// Writes to stdout. A reader that has gone (`| head`) is no failure of ours: the rest is dropped.
pub fn out(text: &str) {
    // Where both streams are one terminal, a line in the middle of the bars would tear them.
    let bars = BARS.lock().ok().and_then(|bars| bars.clone());
    match bars {
        Some(bars) => bars.suspend(|| out_directly(text)),
        None => out_directly(text),
    }
}

/// Writes to stdout without regard to bars.
pub(super) fn out_directly(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes one or several lines to stderr.
pub fn err(text: &str) {
    let bars = BARS.lock().ok().and_then(|bars| bars.clone());
    if let Some(bars) = bars {
        let _ = bars.println(text);
        return;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.write_all(b"\n"));
}
