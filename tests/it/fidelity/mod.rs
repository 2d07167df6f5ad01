//! What comes out is what went in: faults of encoders, of sources, and every property of a stream compared by ffprobe,
//! never by our own records.

mod beside;
mod captions;
mod commands;
mod cuts;
mod gate;
mod modern;
pub mod museum;
mod music;
mod odd;
#[cfg(unix)]
mod owner;
mod vision;
