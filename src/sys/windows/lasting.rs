//! PATH by the user's half of the registry.

use std::io::{self, ErrorKind};
use std::path::Path;

use windows_sys::Win32::System::Environment::ExpandEnvironmentStringsW;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    HWND_BROADCAST, SMTO_ABORTIFHUNG, SendMessageTimeoutW, WM_SETTINGCHANGE,
};

use super::registry::{Key, Root, Text};

const ENVIRONMENT: &str = "Environment";
const PATH: &str = "Path";

/// How long one hung window may hold us up.
const PER_WINDOW_MS: u32 = 1000;

/// The value before and after.
#[derive(Debug)]
pub struct Added {
    folder: String,
    before: Option<Text>,
    after: Text,
}

impl Added {
    pub fn take_back(self) -> io::Result<()> {
        let key = Key::make(Root::User, ENVIRONMENT)?;
        match (key.text(PATH)?, self.before) {
            (Some(now), Some(before)) if now == self.after => key.set(PATH, &before)?,
            (Some(now), None) if now == self.after => key.remove(PATH)?,
            (Some(now), _) => {
                if let Some(rest) = without(&now, &self.folder) {
                    key.set(PATH, &rest)?;
                }
            }
            (None, _) => {}
        }
        tell_everybody();
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "its twin needs it")]
    pub fn place(&self) -> String {
        r"HKEY_CURRENT_USER\Environment, Path".to_owned()
    }
}

pub fn same_folder(a: &Path, b: &Path) -> bool {
    same(&a.to_string_lossy(), &b.to_string_lossy())
}

fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| expanded(text).replace('/', r"\").trim_end_matches('\\').to_lowercase();
    plain(a) == plain(b)
}

/// `%NAME%` replaced.
#[expect(unsafe_code, reason = "a Win32 call that fills a buffer of ours")]
fn expanded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let source: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let mut buffer = vec![0_u16; 32 * 1024];
    // SAFETY: the source ends with a zero; the buffer holds as many units as are said.
    let length =
        unsafe { ExpandEnvironmentStringsW(source.as_ptr(), buffer.as_mut_ptr(), buffer.len() as u32) };
    match length as usize {
        0 => text.to_owned(),
        length if length > buffer.len() => text.to_owned(),
        length => String::from_utf16_lossy(&buffer[..length - 1]),
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(|entry| entry.trim_matches('"')).filter(|entry| !entry.is_empty())
}

fn without(value: &Text, folder: &str) -> Option<Text> {
    let kept: Vec<&str> =
        value.text.split(';').filter(|entry| !same(entry.trim_matches('"'), folder)).collect();
    let text = kept.join(";");
    (text != value.text).then_some(Text { text, expands: value.expands })
}

pub fn is_written_down(folder: &Path, _home: Option<&Path>) -> io::Result<bool> {
    let folder = folder.to_string_lossy();
    let machine = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
    for (root, path) in [(Root::User, ENVIRONMENT), (Root::Machine, machine)] {
        if let Some(key) = Key::open(root, path)?
            && let Some(value) = key.text(PATH)?
            && entries(&value.text).any(|entry| same(entry, &folder))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn add_to_path(folder: &Path, _home: Option<&Path>) -> io::Result<Added> {
    let folder = folder
        .to_str()
        .filter(|text| !text.contains(';'))
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "PATH cannot hold a folder of this name"))?;
    let key = Key::make(Root::User, ENVIRONMENT)?;
    let before = key.text(PATH)?;
    let text = match before.as_ref().map(|value| value.text.trim_end_matches(';')) {
        None | Some("") => folder.to_owned(),
        Some(text) => format!("{text};{folder}"),
    };
    // What expands must go on doing so: a PATH written as plain text breaks each `%NAME%` in it.
    let after = Text { text, expands: before.as_ref().is_none_or(|value| value.expands) };
    key.set(PATH, &after)?;
    tell_everybody();
    Ok(Added { folder: folder.to_owned(), before, after })
}

pub fn remove_from_path(folder: &Path, _home: Option<&Path>) -> io::Result<bool> {
    let key = Key::make(Root::User, ENVIRONMENT)?;
    let Some(value) = key.text(PATH)? else { return Ok(false) };
    let Some(rest) = without(&value, &folder.to_string_lossy()) else { return Ok(false) };
    if rest.text.is_empty() {
        key.remove(PATH)?;
    } else {
        key.set(PATH, &rest)?;
    }
    tell_everybody();
    Ok(true)
}

/// Explorer reads the environment again and gives it to what it starts from now on. That nobody answers is no failure.
#[expect(unsafe_code, reason = "a Win32 call on a string of ours")]
fn tell_everybody() {
    let what: Vec<u16> = ENVIRONMENT.encode_utf16().chain([0]).collect();
    // SAFETY: the string outlives the call, which waits for each window for a bounded time.
    unsafe {
        SendMessageTimeoutW(
            HWND_BROADCAST,
            WM_SETTINGCHANGE,
            0,
            what.as_ptr() as isize,
            SMTO_ABORTIFHUNG,
            PER_WINDOW_MS,
            std::ptr::null_mut(),
        );
    }
}

/// The name alone makes a program here.
#[expect(clippy::unnecessary_wraps, reason = "its twin may fail")]
pub fn make_program(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub fn programs_folder(home: &Path) -> std::path::PathBuf {
    home.join(r"AppData\Local\Programs\media-converter")
}
