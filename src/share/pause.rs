//! A pause that somebody asked for: a small file, on the share for the whole fleet (`.mediabox/pause`) or in one machine's
//! state folder. It is there or it is not; what it says is for people.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sys;
use crate::sys::fs::Removed;

/// More is not ours.
const LIMIT: u64 = 64 * 1024;

/// Who paused, and why. Fields that a newer version writes are left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pause {
    pub version: u32,
    /// Who asked: the machine's name.
    pub host: String,
    /// Seconds since 1970 by that machine's clock; for people.
    pub at: f64,
    /// In the asker's own words.
    pub why: Option<String>,
}

impl Pause {
    /// A pause that this machine asks for now.
    pub fn now(why: Option<String>) -> Self {
        Self { version: 1, host: sys::host::me().hostname.clone(), at: sys::clock::wall(), why }
    }

    /// ` by nas since 2026-11-20 21:04 (film night)`
    pub fn words(&self) -> String {
        let mut words = String::new();
        if !self.host.is_empty() {
            words.push_str(&format!(" from {}", self.host));
        }
        if self.at > 0.0 {
            let since: String = sys::clock::local_iso(self.at).replace('T', " ").chars().take(16).collect();
            words.push_str(&format!(" since {since}"));
        }
        if let Some(why) = &self.why {
            words.push_str(&format!(" ({why})"));
        }
        words
    }
}

/// The pause in force. A file that cannot be understood pauses all the same: somebody meant it.
pub fn read(file: &Path) -> io::Result<Option<Pause>> {
    match sys::fs::read_small(file, LIMIT) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or_default())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // No folder of that name either: a dry run's library without a marker.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

/// Begins a pause; false: there is one already, and it stays as it is.
pub fn begin(file: &Path, pause: &Pause) -> io::Result<bool> {
    let text = serde_json::to_vec(pause)?;
    match sys::fs::write_new(file, &text)? {
        sys::fs::Created::Yes => Ok(true),
        sys::fs::Created::Exists => Ok(false),
    }
}

/// Ends it; false: there was none.
pub fn end(file: &Path) -> io::Result<bool> {
    Ok(sys::fs::remove_file(file)? == Removed::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_begun_once_read_by_all_and_ended() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("pause");
        assert_eq!(read(&file).expect("no error"), None);
        let pause = Pause::now(Some("film night".into()));
        assert!(begin(&file, &pause).expect("written"));
        assert!(!begin(&file, &Pause::now(None)).expect("no error"), "the first one's words stay");
        assert_eq!(read(&file).expect("read"), Some(pause.clone()));
        assert!(pause.words().contains("film night"), "{}", pause.words());
        assert!(end(&file).expect("removed"));
        assert!(!end(&file).expect("no error"));
        assert_eq!(read(&file).expect("no error"), None);
    }

    #[test]
    fn an_unreadable_or_newer_file_still_pauses() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("pause");
        for text in ["", "touch is enough", "{\"version\":9,\"until\":7}"] {
            std::fs::write(&file, text).expect("a file");
            assert!(read(&file).expect("read").is_some(), "{text}");
        }
    }
}
