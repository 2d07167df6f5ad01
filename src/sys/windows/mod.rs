//! Windows: one half of the twins. `unix/` has the same names.

pub mod clock;
pub mod drives;
pub mod fs;
pub mod graphics;
pub mod host;
pub mod lasting;
pub mod netfs;
pub mod notice;
pub mod process;
mod registry;
pub mod service;
pub mod stop;
pub mod terminal;
pub mod vitals;

use std::os::windows::ffi::OsStrExt;
use std::path::Path;

/// Where a plain path ends for functions that know no `\\?\`: MAX_PATH less room for an 8.3 name.
const LONGEST_PLAIN: usize = 248;

/// A path for a wide function: NUL-terminated, and in the `\\?\` form where it is too long for the plain one.
fn wide(path: &Path) -> Vec<u16> {
    let mut text: Vec<u16> = path.as_os_str().encode_wide().collect();
    let verbatim: Vec<u16> = r"\\?\".encode_utf16().collect();
    if text.len() >= LONGEST_PLAIN && !text.starts_with(&verbatim) {
        // Verbatim paths are not normalised by anybody later, so that it has to be done first.
        if let Ok(absolute) = std::path::absolute(path) {
            text = absolute.as_os_str().encode_wide().collect();
        }
        let share: Vec<u16> = r"\\".encode_utf16().collect();
        let rest = if text.starts_with(&share) { text.split_off(2) } else { std::mem::take(&mut text) };
        text = verbatim;
        if rest.len() > 1 && rest[1] != u16::from(b':') {
            text.extend(r"UNC\".encode_utf16());
        }
        text.extend(rest);
    }
    text.push(0);
    text
}
