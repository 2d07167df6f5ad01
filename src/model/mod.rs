//! Nouns that every room shares.
//!
//! Promises: plain data with meaning, (de)serialisable where it crosses a boundary. Never does IO, never reads a clock,
//! never asks the operating system anything.

pub mod caps;
pub mod encoders;
pub mod error;
pub mod event;
pub mod key;
pub mod media;
pub mod order;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod schedule;
