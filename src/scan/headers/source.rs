//! Bounded reads: a file's bytes by position, under a budget that no length field of the file can raise.

use std::io::{Read, Seek, SeekFrom};

/// Read at least this much at once: on a share a round trip costs more than the bytes.
const AHEAD: u64 = 64 * 1024;
/// Reads per file. A film takes two to five; a file that asks for more is for ffprobe.
const READS: u32 = 64;
/// Bytes per file, over all reads.
const BYTES: u64 = 16 * 1024 * 1024;
/// One element taken whole into memory.
pub const WHOLE: u64 = 4 * 1024 * 1024;

/// A file with a reading budget. Every question is answered with `None` where the file ends, fails or asks too much.
#[derive(Debug)]
pub struct Source<R> {
    file: R,
    size: u64,
    reads: u32,
    bytes: u64,
    /// The pieces read last and where they begin, newest last.
    windows: Vec<(u64, Vec<u8>)>,
}

/// Pieces kept: a header and a few places that it points at, between which a reader goes to and fro.
const WINDOWS: usize = 4;
/// Bytes kept beside the largest piece.
const KEPT: u64 = WINDOWS as u64 * AHEAD;

impl<R: Read + Seek> Source<R> {
    /// A source over a file of `size` bytes.
    pub fn new(file: R, size: u64) -> Self {
        Self { file, size, reads: 0, bytes: 0, windows: Vec::new() }
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads made so far.
    #[cfg(test)]
    pub fn reads(&self) -> u32 {
        self.reads
    }

    /// `len` bytes at `at`.
    pub fn get(&mut self, at: u64, len: u64) -> Option<&[u8]> {
        let end = at.checked_add(len).filter(|end| *end <= self.size && len <= WHOLE)?;
        let holds = |(from, bytes): &(u64, Vec<u8>)| *from <= at && end <= *from + bytes.len() as u64;
        let index = if let Some(index) = self.windows.iter().position(holds) {
            index
        } else {
            self.fill(at, len)?;
            self.windows.len() - 1
        };
        let (from, bytes) = self.windows.get(index)?;
        let from = usize::try_from(at - from).ok()?;
        bytes.get(from..from + usize::try_from(len).ok()?)
    }

    /// What is there at `at`, up to `len` bytes: fewer only at the end of the file.
    pub fn up_to(&mut self, at: u64, len: u64) -> Option<&[u8]> {
        let len = len.min(self.size.checked_sub(at)?);
        self.get(at, len)
    }

    fn fill(&mut self, at: u64, len: u64) -> Option<()> {
        let want = len.max(AHEAD).min(self.size - at);
        self.reads += 1;
        self.bytes += want;
        if self.reads > READS || self.bytes > BYTES {
            return None;
        }
        // Of what is large, one piece is enough.
        while self.windows.len() == WINDOWS || self.held() + want > WHOLE + KEPT {
            if self.windows.is_empty() {
                break;
            }
            self.windows.remove(0);
        }
        let mut window = Vec::with_capacity(usize::try_from(want).ok()?);
        self.file.seek(SeekFrom::Start(at)).ok()?;
        // A file that shrank meanwhile gives less than asked; `get` then finds the window too short.
        (&mut self.file).take(want).read_to_end(&mut window).ok()?;
        self.windows.push((at, window));
        Some(())
    }

    /// Bytes in memory.
    fn held(&self) -> u64 {
        self.windows.iter().map(|(_, window)| window.len() as u64).sum()
    }
}
