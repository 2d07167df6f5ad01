//! Linux and macOS: one half of the twins. `windows/` has the same names.

pub mod clock;
pub mod fs;
pub mod host;
pub mod netfs;
pub mod process;
pub mod stop;
