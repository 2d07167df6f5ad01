//! Files that are written piece by piece on a local disk: downloads, and what comes out of an archive.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::patience::patiently;
use crate::sys::os;

/// A file of ours that grows. It is on the disk only after [`Growing::finish`].
#[derive(Debug)]
#[must_use = "what is not finished may not be on the disk"]
pub struct Growing {
    file: File,
    length: u64,
}

impl Growing {
    /// Opens the file at its end, and makes it where it is not there. `WouldBlock`: somebody else does the same.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = patiently(|| OpenOptions::new().read(true).append(true).create(true).open(path))?;
        // Two that append to one file would both spoil it. On a local disk a lock is worth something.
        file.try_lock().map_err(io::Error::from)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Begins again.
    pub fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Waits for the disk.
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Lets everybody run the file; nothing to do where the system goes by the name.
pub fn make_program(path: &Path) -> io::Result<()> {
    os::lasting::make_program(path)
}
