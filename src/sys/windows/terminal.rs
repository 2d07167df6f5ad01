//! A console echoes no control keys.

#[derive(Debug)]
pub struct Modes;

pub fn hide_control_echo() -> Option<Modes> {
    None
}
