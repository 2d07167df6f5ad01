//! Events → bars (terminal), lines (log), NDJSON; tables; cleaned file names. The only room that prints.
//!
//! Promises: stdout is data, everything else stderr; nothing is told by colour alone; no control character of a file
//! name reaches a terminal. Never decides anything.

mod bars;
mod counter;
mod lines;
mod logging;
pub mod ndjson;
pub mod paint;
pub mod plans;
mod print;
mod summary;
pub mod table;
pub mod text;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::sync::Arc;

use crate::model::error::Error;
use crate::model::event::{Event, Sink};
pub use counter::Counter;
pub use lines::Form;
use paint::Paint;
pub use print::{err, out};

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings and failures.
    Quiet,
    #[default]
    Normal,
    /// Also every skip, every plan, and what the rooms say to developers.
    Verbose,
}

/// Time for people comes from the room that has the clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Seconds since 1970.
    pub wall: fn() -> f64,
    /// Local time in ISO form.
    pub iso: fn(f64) -> String,
}

/// When colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal that can.
    Auto,
    Always,
    Never,
}

/// How this process talks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub verbosity: Verbosity,
    /// `-vv`
    pub more: bool,
    pub colour: Colour,
    pub form: Form,
    /// Events as NDJSON on stdout.
    pub json: bool,
    pub clock: Clock,
}

impl Look {
    /// Colours for stderr.
    pub fn paint(&self) -> Paint {
        self.paint_on(&console::Term::stderr())
    }

    /// Colours for stdout.
    pub fn paint_out(&self) -> Paint {
        self.paint_on(&console::Term::stdout())
    }

    fn paint_on(&self, terminal: &console::Term) -> Paint {
        let on = match self.colour {
            Colour::Always => self.form == Form::Text,
            Colour::Never => false,
            Colour::Auto => {
                self.form == Form::Text && terminal.is_term() && terminal.features().colors_supported()
            }
        };
        Paint { on }
    }

    /// Starts taking what the rooms say through `tracing`.
    pub fn start_logging(&self) {
        logging::start(self.verbosity, self.more, self.form, self.clock);
    }

    /// Whoever is to hear of a run's events.
    pub fn sink(&self) -> Arc<dyn Sink> {
        let stderr_is_terminal =
            std::io::stderr().is_terminal() && console::Term::stderr().features().is_attended();
        let bars = || Bars::on_stderr(self.verbosity, self.paint());
        let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
        if self.json {
            sinks.push(Arc::new(ndjson::Ndjson::new(self.clock)));
            // Bars beside the data, where the data goes elsewhere.
            if stderr_is_terminal && !std::io::stdout().is_terminal() && self.wants_bars() {
                sinks.push(Arc::new(bars()));
            }
        } else if stderr_is_terminal && self.wants_bars() {
            sinks.push(Arc::new(bars()));
        } else {
            sinks.push(Arc::new(lines::Lines::new(self.form, self.clock, self.verbosity, self.paint())));
        }
        if let [one] = sinks.as_slice() { Arc::clone(one) } else { Arc::new(Fan(sinks)) }
    }

    fn wants_bars(&self) -> bool {
        self.form == Form::Text && self.verbosity != Verbosity::Quiet
    }

    /// A count for whoever waits.
    pub fn counter(&self, doing: &'static str) -> Counter {
        Counter::new(doing, std::io::stderr().is_terminal() && self.wants_bars())
    }

    /// A line to whoever sits there, unless they want quiet.
    pub fn note(&self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            match self.form {
                Form::Text => err(text),
                Form::Json => lines::write(Form::Json, &self.clock, crate::model::event::Level::Info, text),
            }
        }
    }

    /// The error that ends the program: one line, one line of advice; and as an event with `--json`.
    pub fn error(&self, error: &Error) {
        if self.json {
            out(&ndjson::Line::error(error, (self.clock.wall)()).write());
        }
        let paint = self.paint();
        let mut text = format!("{} {}", paint.bad("error:"), text::clean(&error.line()));
        if let Some(hint) = &error.hint {
            text.push_str(&format!("\n{} {}", paint.strong("hint:"), text::clean(hint)));
        }
        match self.form {
            Form::Text => err(&text),
            Form::Json => lines::write(Form::Json, &self.clock, crate::model::event::Level::Error, &text),
        }
    }
}

use bars::Bars;

/// Tells several.
struct Fan(Vec<Arc<dyn Sink>>);

impl Sink for Fan {
    fn emit(&self, event: &Event) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }
}

/// Asks the person at the terminal a question that only «y» or «yes» agrees to; none where nobody can be asked.
pub fn ask(question: &str) -> Option<bool> {
    let terminal = console::Term::stderr();
    if !std::io::stdin().is_terminal() || !terminal.is_term() {
        return None;
    }
    let asked = terminal.write_str(&format!("{question} [y/N] ")).and_then(|()| terminal.read_line());
    Some(asked.is_ok_and(|answer| matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
}

/// Pretty JSON of a data command on stdout.
pub fn out_json(value: &impl serde::Serialize) {
    // The types of our own documents have no map keys that JSON could refuse.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    out(&text);
}
