//! The terminal that we draw on.

use super::os;

/// While this lives, a Ctrl-C is not echoed as `^C`: the echo lands behind the last bar, where the line is full, moves everything
/// by a line, and leaves a bar of a job that has ended on the screen. Does nothing where there is no terminal of ours.
#[derive(Debug)]
#[must_use = "the terminal is as it was when this is dropped"]
pub struct Unechoed {
    _before: Option<os::terminal::Modes>,
}

/// See [`Unechoed`].
pub fn hide_control_echo() -> Unechoed {
    Unechoed { _before: os::terminal::hide_control_echo() }
}
