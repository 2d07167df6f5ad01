//! What came of a set-up: for people, and for machines (docs/json.md).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::error::{Error, Kind, Result};
use crate::sys;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All was as it should be.
    Ok,
    /// It is now.
    Changed,
    /// Nothing was done.
    Skipped,
    /// Not as it should be.
    Failed,
}

impl State {
    /// One word of equal length.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "ok     ",
            State::Changed => "changed",
            State::Skipped => "skipped",
            State::Failed => "failed ",
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub name: String,
    pub state: State,
    /// The set-up ended with it.
    pub fatal: bool,
    pub reason: String,
    /// What the user can do.
    pub advice: Option<String>,
    pub seconds: f64,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this document.
    pub schema: u32,
    pub version: &'static str,
    /// Local time, for people.
    pub began: String,
    pub host: String,
    pub system: &'static str,
    pub processor: &'static str,
    pub dry_run: bool,
    pub steps: Vec<Step>,
    /// What was undone because a later step failed.
    pub put_back: Vec<String>,
    /// The ffmpeg that will be used.
    pub ffmpeg: Option<PathBuf>,
    /// `ready`, `failed`, or `dry_run`.
    pub outcome: &'static str,
    pub exit_code: u8,
}

impl Report {
    pub(super) fn begin(dry_run: bool) -> Self {
        Self {
            schema: 1,
            version: env!("CARGO_PKG_VERSION"),
            began: sys::clock::local_iso(sys::clock::wall()),
            host: sys::host::me().hostname.clone(),
            system: std::env::consts::OS,
            processor: std::env::consts::ARCH,
            dry_run,
            steps: Vec::new(),
            put_back: Vec::new(),
            ffmpeg: None,
            outcome: "failed",
            exit_code: 0,
        }
    }

    pub(super) fn end(&mut self) {
        self.outcome = match (self.exit_code, self.dry_run) {
            (0, false) => "ready",
            (0, true) => "dry_run",
            _ => "failed",
        };
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = format!(
            "media-converter {} set-up of {} ({} {}), {}\n\n",
            self.version,
            self.host,
            self.system,
            self.processor,
            self.began.split('.').next().unwrap_or_default().replace('T', " "),
        );
        for step in &self.steps {
            text.push_str(&line(step));
            text.push('\n');
        }
        for what in &self.put_back {
            let _ = writeln!(text, "put back  {what}");
        }
        let _ = write!(text, "\n{}\n", self.verdict());
        text
    }

    /// The last line.
    pub fn verdict(&self) -> String {
        match (self.outcome, &self.ffmpeg) {
            ("ready", Some(ffmpeg)) => format!("ready: {} will be used", ffmpeg.display()),
            ("ready", None) => "ready".to_owned(),
            ("dry_run", _) => "nothing was changed: this was a dry run".to_owned(),
            _ => "not ready; what was changed is as it was before".to_owned(),
        }
    }

    /// Writes `setup_report.json` and `setup_report.txt` into a folder of this machine.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new(Kind::Internal, "write down the report").because(error))?;
        let write = |name: &str, text: &str| -> std::io::Result<()> {
            let path = folder.join(name);
            sys::fs::remove_file(&path)?;
            let _ = sys::fs::write_new(&path, text.as_bytes())?;
            Ok(())
        };
        sys::fs::create_dir_all(folder)
            .and_then(|()| write("setup_report.json", &format!("{json}\n")))
            .and_then(|()| write("setup_report.txt", &self.text()))
            .map_err(|error| Error::io("write the report to", folder, error))
    }
}

/// A step, in a line or two.
pub fn line(step: &Step) -> String {
    let weight = if step.state == State::Failed && !step.fatal { "warning" } else { step.state.word() };
    let mut text = format!("{weight}  {:<9} {}", step.name, step.reason);
    if let Some(advice) = &step.advice {
        let _ = write!(text, "\n                   → {advice}");
    }
    text
}
