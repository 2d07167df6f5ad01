//! `-v`: what the rooms say through `tracing`, as lines on stderr above the bars.

use std::io::Write;

use tracing_subscriber::EnvFilter;

use super::lines::Form;
use super::{Clock, Verbosity, lines, print};
use crate::model::event::Level;

/// Starts listening; once per process.
pub fn start(verbosity: Verbosity, more: bool, form: Form, clock: Clock) {
    let filter = match (verbosity, more) {
        (Verbosity::Verbose, true) => "media_converter=trace",
        (Verbosity::Verbose, false) => "media_converter=debug",
        _ => return,
    };
    let writer = move || Writer { form, clock, buffer: Vec::new() };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .without_time()
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    // A second start in one process (tests) keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Collects one event's text and writes it in one go.
#[derive(Debug)]
struct Writer {
    form: Form,
    clock: Clock,
    buffer: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.buffer);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match self.form {
            Form::Json => lines::write(Form::Json, &self.clock, Level::Debug, text),
            Form::Text => print::err(text),
        }
    }
}
