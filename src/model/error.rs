//! The one reporting error: what we were doing, to which path, why it failed, and what the user can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

/// What went wrong, coarsely: decides the exit code and whether a retry elsewhere makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Wrong arguments or a wrong configuration.
    Usage,
    /// ffmpeg or ffprobe is missing or does not run.
    MissingTool,
    /// The library folder is missing, unreadable, unwritable, unmounted or not the one it was.
    Library,
    /// The user (or the system) asked us to stop.
    Interrupted,
    /// The media file itself is damaged, unreadable or cut short.
    Media,
    /// ffmpeg failed, hung or crashed.
    Encode,
    /// The result did not pass verification.
    Verify,
    /// The claim was lost to another worker or could not be renewed.
    Claim,
    /// No room left on a disk.
    Space,
    /// Any other failure of the file system.
    Io,
    /// A bug of ours.
    Internal,
}

impl Kind {
    /// The process's exit code for a run that ends with this error. Documented in docs/OPERATING.md.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Media | Kind::Encode | Kind::Verify | Kind::Claim | Kind::Space | Kind::Io => 1,
            Kind::Usage => 2,
            Kind::MissingTool => 3,
            Kind::Library => 4,
            Kind::Internal => 70,
            Kind::Interrupted => 130,
        }
    }
}

/// A failure to report: `doing` completes «could not …», `hint` says what to do.
#[derive(Debug)]
pub struct Error {
    /// Coarse class; decides the exit code.
    pub kind: Kind,
    /// What was being attempted, as words that follow «could not», for example `read the folder`.
    pub doing: String,
    /// The path it was attempted on.
    pub path: Option<PathBuf>,
    /// What the user can do about it, a full sentence.
    pub hint: Option<String>,
    /// The cause.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Shorthand for results that are reported to people.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A new error; `doing` completes «could not …».
    pub fn new(kind: Kind, doing: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), path: None, hint: None, source: None }
    }
    /// Adds the path it happened on.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }
    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
    /// An IO failure, its kind taken from the operating system's code (a full disk is [`Kind::Space`]).
    pub fn io(doing: impl Into<String>, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::Space,
            _ => Kind::Io,
        };
        Self::new(kind, doing).at(path).because(source)
    }
    /// Everything in one line: what, where, why.
    pub fn line(&self) -> String {
        let mut text = format!("could not {}", self.doing);
        if let Some(path) = &self.path {
            text.push(' ');
            text.push_str(&path.to_string_lossy());
        }
        let mut cause = self.source.as_deref().map(|e| e as &dyn StdError);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl StdError for Error {}
