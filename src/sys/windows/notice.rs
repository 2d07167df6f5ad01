//! Windows would need a thread for each tree, and NTFS keeps its folders' times.

pub use crate::sys::notice::Silent as Notices;
