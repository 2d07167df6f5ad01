//! Colours, which may be missing: nothing may be told by them alone.

/// Puts colours around text, or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    pub on: bool,
}

impl Paint {
    /// No colours.
    pub const PLAIN: Self = Self { on: false };

    fn code(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
    pub fn good(self, text: &str) -> String {
        self.code("32", text)
    }
    pub fn bad(self, text: &str) -> String {
        self.code("1;31", text)
    }
    pub fn warn(self, text: &str) -> String {
        self.code("33", text)
    }
    pub fn faint(self, text: &str) -> String {
        self.code("2", text)
    }
    pub fn strong(self, text: &str) -> String {
        self.code("1", text)
    }
    pub fn name(self, text: &str) -> String {
        self.code("36", text)
    }
}
