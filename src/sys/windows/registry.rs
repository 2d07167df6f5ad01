//! The registry, as far as we need it: strings of a key, and its children.

use std::io;

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_SUCCESS,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, KEY_READ, KEY_SET_VALUE, REG_EXPAND_SZ,
    REG_SZ, RegCloseKey, RegCreateKeyExW, RegDeleteValueW, RegEnumKeyExW, RegOpenKeyExW, RegQueryValueExW,
    RegSetValueExW,
};

/// The two roots that matter.
#[derive(Clone, Copy, Debug)]
pub enum Root {
    User,
    Machine,
}

impl Root {
    fn key(self) -> HKEY {
        match self {
            Root::User => HKEY_CURRENT_USER,
            Root::Machine => HKEY_LOCAL_MACHINE,
        }
    }
}

/// A string value, and whether `%NAME%` in it is to be replaced by whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub expands: bool,
}

/// An open key.
#[derive(Debug)]
pub struct Key(HKEY);

impl Drop for Key {
    #[expect(unsafe_code, reason = "closes a handle of ours")]
    fn drop(&mut self) {
        // SAFETY: opened by us, closed once.
        unsafe {
            RegCloseKey(self.0);
        }
    }
}

fn zero_ended(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn check(code: u32) -> io::Result<()> {
    if code == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(code as i32)) }
}

impl Key {
    /// Opens a key for reading; `None` where there is no such key.
    #[expect(unsafe_code, reason = "a Win32 call on strings of ours")]
    pub fn open(root: Root, path: &str) -> io::Result<Option<Self>> {
        let mut key = std::ptr::null_mut();
        // SAFETY: the path ends with a zero; `key` takes one handle.
        match unsafe { RegOpenKeyExW(root.key(), zero_ended(path).as_ptr(), 0, KEY_READ, &raw mut key) } {
            ERROR_FILE_NOT_FOUND => Ok(None),
            code => check(code).map(|()| Some(Self(key))),
        }
    }

    /// Opens a key for change, and makes it where it is not there.
    #[expect(unsafe_code, reason = "a Win32 call on strings of ours")]
    pub fn make(root: Root, path: &str) -> io::Result<Self> {
        let mut key = std::ptr::null_mut();
        // SAFETY: the path ends with a zero; `key` takes one handle; no class, no attributes.
        let code = unsafe {
            RegCreateKeyExW(
                root.key(),
                zero_ended(path).as_ptr(),
                0,
                std::ptr::null(),
                0,
                KEY_QUERY_VALUE | KEY_SET_VALUE,
                std::ptr::null(),
                &raw mut key,
                std::ptr::null_mut(),
            )
        };
        check(code).map(|()| Self(key))
    }

    /// A string value; `None` where there is none, or where it is no string.
    #[expect(unsafe_code, reason = "a Win32 call that fills a buffer of ours")]
    pub fn text(&self, name: &str) -> io::Result<Option<Text>> {
        let name = zero_ended(name);
        let mut buffer = vec![0_u16; 1024];
        loop {
            let mut kind = 0;
            let mut bytes = (buffer.len() * 2) as u32;
            // SAFETY: the buffer holds `bytes` bytes, and the call writes no more.
            let code = unsafe {
                RegQueryValueExW(
                    self.0,
                    name.as_ptr(),
                    std::ptr::null(),
                    &raw mut kind,
                    buffer.as_mut_ptr().cast(),
                    &raw mut bytes,
                )
            };
            match code {
                ERROR_FILE_NOT_FOUND => return Ok(None),
                ERROR_MORE_DATA => buffer.resize(bytes as usize / 2 + 1, 0),
                _ => {
                    check(code)?;
                    if kind != REG_SZ && kind != REG_EXPAND_SZ {
                        return Ok(None);
                    }
                    let written = &buffer[..bytes as usize / 2];
                    let end = written.iter().position(|unit| *unit == 0).unwrap_or(written.len());
                    let text = String::from_utf16(&written[..end])
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    return Ok(Some(Text { text, expands: kind == REG_EXPAND_SZ }));
                }
            }
        }
    }

    /// Writes a string value.
    #[expect(unsafe_code, reason = "a Win32 call on strings of ours")]
    pub fn set(&self, name: &str, value: &Text) -> io::Result<()> {
        let data = zero_ended(&value.text);
        let kind = if value.expands { REG_EXPAND_SZ } else { REG_SZ };
        // SAFETY: `data` holds as many bytes as are said, its final zero among them.
        check(unsafe {
            RegSetValueExW(
                self.0,
                zero_ended(name).as_ptr(),
                0,
                kind,
                data.as_ptr().cast(),
                (data.len() * 2) as u32,
            )
        })
    }

    /// Removes a value.
    #[expect(unsafe_code, reason = "a Win32 call on strings of ours")]
    pub fn remove(&self, name: &str) -> io::Result<()> {
        // SAFETY: the name ends with a zero.
        match unsafe { RegDeleteValueW(self.0, zero_ended(name).as_ptr()) } {
            ERROR_FILE_NOT_FOUND => Ok(()),
            code => check(code),
        }
    }

    /// Names of the keys below.
    #[expect(unsafe_code, reason = "a Win32 call that fills a buffer of ours")]
    pub fn children(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for index in 0.. {
            // No key's name is longer than 255.
            let mut buffer = [0_u16; 256];
            let mut length = buffer.len() as u32;
            // SAFETY: the buffer holds `length` units, and the call writes no more.
            let code = unsafe {
                RegEnumKeyExW(
                    self.0,
                    index,
                    buffer.as_mut_ptr(),
                    &raw mut length,
                    std::ptr::null(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
            if code == ERROR_NO_MORE_ITEMS {
                break;
            }
            check(code)?;
            names.push(String::from_utf16_lossy(&buffer[..length as usize]));
        }
        Ok(names)
    }
}
