//! What makes a file the same file: its name relative to the library, its size and time, a cheap fingerprint.

use serde::{Deserialize, Serialize};

/// Path relative to the library's root, `/`-separated, Unicode NFC, so that every machine's view agrees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub String);

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Size and modification time of a file, as one `stat` gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970 (by whoever wrote the time).
    pub sec: i64,
    /// Nanoseconds within the second; SMB keeps 100 ns, some file systems 2 s.
    pub nsec: u32,
}

impl Stamp {
    /// Same size, and times equal to the coarsest granularity met on shares (2 s).
    pub fn same_file(&self, other: &Stamp) -> bool {
        self.size == other.size && self.sec.abs_diff(other.sec) <= 2
    }
}

/// Enough of a file's identity to see that it was replaced or changed: size, time and a hash of head and tail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Size and mtime.
    pub stamp: Stamp,
    /// BLAKE3 (hex, first 32 digits) over the size and the first and last 64 KiB.
    pub hash: String,
}

impl Fingerprint {
    /// The same content as far as size and hash tell, whatever its time.
    pub fn same_content(&self, other: &Fingerprint) -> bool {
        self.stamp.size == other.stamp.size && self.hash == other.hash
    }
}
