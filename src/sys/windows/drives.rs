//! Mapped drives: each logon session has its own, and what they stand for is known beyond it.

use std::path::{Component, Path, PathBuf, Prefix};

use windows_sys::Win32::Foundation::{ERROR_MORE_DATA, NO_ERROR};
use windows_sys::Win32::NetworkManagement::WNet::WNetGetConnectionW;

use super::registry::{Key, Root};

pub fn behind(path: &Path) -> Option<PathBuf> {
    let mut components = path.components();
    let Some(Component::Prefix(prefix)) = components.next() else { return None };
    let (Prefix::Disk(letter) | Prefix::VerbatimDisk(letter)) = prefix.kind() else { return None };
    let letter = char::from(letter);
    let share = connection(letter).or_else(|| remembered(letter))?;
    let mut share = PathBuf::from(share);
    share.extend(components.filter(|component| *component != Component::RootDir));
    Some(share)
}

/// As this session has it.
#[expect(unsafe_code, reason = "a Win32 call that fills a buffer of ours")]
fn connection(letter: char) -> Option<String> {
    let drive: Vec<u16> = format!("{letter}:").encode_utf16().chain([0]).collect();
    let mut buffer = vec![0_u16; 300];
    loop {
        let mut length = buffer.len() as u32;
        // SAFETY: the drive ends with a zero; the buffer holds as many units as are said.
        match unsafe { WNetGetConnectionW(drive.as_ptr(), buffer.as_mut_ptr(), &raw mut length) } {
            NO_ERROR => {
                let end = buffer.iter().position(|unit| *unit == 0)?;
                // A disk of this machine has an answer, too, under wine.
                return String::from_utf16(&buffer[..end]).ok().filter(|share| share.starts_with(r"\\"));
            }
            ERROR_MORE_DATA if length as usize > buffer.len() => buffer.resize(length as usize, 0),
            _ => return None,
        }
    }
}

/// As the user's next logon will have it: an elevated shell of the same user can read this, though it has no drive.
fn remembered(letter: char) -> Option<String> {
    let key = Key::open(Root::User, &format!(r"Network\{letter}")).ok()??;
    key.text("RemotePath").ok()?.map(|value| value.text)
}
