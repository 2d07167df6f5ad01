//! `schedule`: one run at a time of day or at intervals, by the system's own timer.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::Ending;
use super::service::{JobArgs, places};
use crate::model::error::Result;
use crate::setup::schedule;
use crate::setup::units::When;
use crate::ui::{self, Look};

/// Let the system run us at times: a systemd timer, a launchd agent, a Windows task, or cron
#[derive(Args, Clone, Debug)]
pub struct ScheduleArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Set the timer; again: change it
    Install {
        /// Again after this long, e.g. 30m, 1h
        #[arg(long, value_name = "TIME", value_parser = schedule::interval, conflicts_with = "daily", required_unless_present = "daily")]
        every: Option<Duration>,
        /// Each day at this local time, e.g. 02:00
        #[arg(long, value_name = "HH:MM", value_parser = schedule::time_of_day)]
        daily: Option<(u8, u8)>,
        #[command(flatten)]
        job: JobArgs,
    },
    /// Take the timer away
    Uninstall,
    /// Say what is set; exits with 1 where nothing is
    Show,
}

/// Runs it.
pub fn run(args: &ScheduleArgs, look: Look) -> Result<Ending> {
    let tell = |done: Vec<String>| done.iter().for_each(|line| look.note(line));
    match &args.what {
        What::Install { every, daily, job } => {
            let when = match (every, daily) {
                (Some(time), _) => When::Every(*time),
                (None, Some((hour, minute))) => When::Daily { hour: *hour, minute: *minute },
                // clap requires one of them.
                (None, None) => When::Every(Duration::from_secs(3600)),
            };
            let work = job.work(look)?;
            if job.print {
                for (file, text) in schedule::texts(&work, when, &places())? {
                    ui::out(&format!("# {}\n{text}", file.display()));
                }
                return Ok(Ending::Well);
            }
            tell(schedule::install(&work, when, &places())?);
        }
        What::Uninstall => tell(schedule::uninstall(&places())?),
        What::Show => {
            let Some(text) = schedule::shown(&places())? else {
                look.note("nothing is scheduled");
                return Ok(Ending::Code(1));
            };
            ui::out(&text);
        }
    }
    Ok(Ending::Well)
}
