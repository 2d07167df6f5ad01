//! A count that runs while somebody waits for a data command; only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The count; gone from the screen when it is dropped.
#[derive(Debug)]
pub struct Counter(ProgressBar);

impl Counter {
    /// A count on stderr, or one that nobody sees.
    pub fn new(doing: &'static str, visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target).with_message(doing);
        let template = "{msg} {pos}/{len} files, {per_sec:.0}, {elapsed} {wide_bar}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }
    /// More was found.
    pub fn found(&self, more: u64) {
        self.0.inc_length(more);
    }
    /// Nothing more will be found: what is left can be told.
    pub fn found_all(&self) {
        let template = "{msg} {pos}/{len} files, {per_sec:.0}, {elapsed}, {eta} left {wide_bar}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style.progress_chars("━╸─"));
        }
    }
    /// So many more are done.
    pub fn done(&self, more: u64) {
        self.0.inc(more);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
