//! termios.

use std::io::Stdin;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// The modes to go back to.
#[derive(Debug)]
pub struct Modes {
    terminal: Stdin,
    before: Termios,
}

pub fn hide_control_echo() -> Option<Modes> {
    let terminal = std::io::stdin();
    let before = tcgetattr(&terminal).ok()?;
    // In the background, changing a terminal's modes would stop us (SIGTTOU).
    let ours = tcgetpgrp(&terminal).ok()? == getpgrp();
    if !ours || !before.local_modes.contains(LocalModes::ECHOCTL) {
        return None;
    }
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHOCTL);
    tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
    Some(Modes { terminal, before })
}

impl Drop for Modes {
    fn drop(&mut self) {
        if tcgetpgrp(&self.terminal).is_ok_and(|group| group == getpgrp()) {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}
