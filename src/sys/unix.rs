//! Linux and macOS: one half of the twins.
