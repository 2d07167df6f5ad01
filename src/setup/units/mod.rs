//! The texts that make a system start us: systemd's units, launchd's property lists, Windows' tasks, cron's lines.
//! Pure functions of what is to be run; golden-tested, and checked by the systems' own tools where those are there.

pub mod cron;
pub mod launchd;
pub mod systemd;
pub mod task;

use std::path::PathBuf;
use std::time::Duration;

/// Waits between two runs of a service: a run ends when nothing is left to do, and looks again after this.
pub const REST: Duration = Duration::from_secs(5 * 60);

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Our own program.
    pub program: PathBuf,
    /// What follows it, `--dir` among it.
    pub args: Vec<String>,
    /// The libraries, and what else a run writes into, absolute: the only places that may be written.
    pub dirs: Vec<PathBuf>,
    /// Who runs it; `None`: whoever the manager runs as.
    pub user: Option<String>,
    pub scope: Scope,
}

/// Whose manager starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The machine's: from boot on.
    System,
    /// One user's own: while they are logged in, unless lingering is on.
    User,
}

/// When it is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Again, this long after the last run began or ended, as the system counts.
    Every(Duration),
    /// Each day at this local time.
    Daily { hour: u8, minute: u8 },
}

impl When {
    /// For people.
    pub fn words(self) -> String {
        match self {
            When::Every(time) => format!("every {}", span(time)),
            When::Daily { hour, minute } => format!("daily at {hour:02}:{minute:02}"),
        }
    }
}

/// `1h`, `90min`, as systemd reads and people understand it.
pub fn span(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    if minutes.is_multiple_of(24 * 60) {
        format!("{}d", minutes / (24 * 60))
    } else if minutes.is_multiple_of(60) {
        format!("{}h", minutes / 60)
    } else {
        format!("{minutes}min")
    }
}

/// Text in XML.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
