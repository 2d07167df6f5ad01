//! This machine: ffmpeg, what it can do, and where we keep our own things.

use std::path::Path;

use super::{Finding, Level, Tell};
use crate::ffmpeg;
use crate::ffmpeg::tools::Tools;
use crate::model::caps::{Caps, Verdict};
use crate::model::error::{Error, Result};
use crate::sys;

const GIB: u64 = 1 << 30;

/// ffmpeg is there and new enough.
pub fn programs(tools: &Result<Tools>, tell: Tell<'_>) {
    let tools = match tools {
        Ok(tools) => tools,
        Err(error) => return tell(of_error("ffmpeg", error)),
    };
    let what = format!("ffmpeg {} ({})", tools.version, tools.ffmpeg.display());
    tell(match tools.release {
        Some(release) if release < (4, 4) => Finding::new(Level::Warning, "ffmpeg", format!("{what} is old"))
            .fix("Nothing older than 4.4 is tested; install a newer ffmpeg."),
        _ => Finding::new(Level::Ok, "ffmpeg", what),
    });
}

/// An error as a finding.
pub fn of_error(check: &str, error: &Error) -> Finding {
    let finding = Finding::new(Level::Problem, check, error.line());
    match &error.hint {
        Some(hint) => finding.fix(hint.clone()),
        None => finding,
    }
}

/// What was tried, in a few findings: what is missed, and why hardware that is there does not work. Pure.
pub fn encoders(caps: &Caps) -> Vec<Finding> {
    let mut found = Vec::new();
    let works = |codec: &str, hardware: bool| {
        caps.encoders
            .iter()
            .filter(|e| {
                e.codec == codec && e.hardware == hardware && matches!(e.verdict, Verdict::Works { .. })
            })
            .map(|e| e.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (codec, needed) in
        [("h264", "universal and chromecast"), ("hevc", "compact"), ("aac", "universal"), ("mp3", "music")]
    {
        if works(codec, false).is_empty() && works(codec, true).is_empty() {
            found.push(
                Finding::new(
                    Level::Problem,
                    "encoders",
                    format!("no encoder for {codec} works; {needed} needs one"),
                )
                .fix("Install a full build of ffmpeg; `media-converter caps` shows why each encoder fails."),
            );
        }
    }
    let hardware: Vec<String> =
        ["h264", "hevc", "av1"].iter().map(|codec| works(codec, true)).filter(|w| !w.is_empty()).collect();
    let software: Vec<String> =
        ["h264", "hevc", "av1"].iter().map(|codec| works(codec, false)).filter(|w| !w.is_empty()).collect();
    found.push(Finding::new(Level::Ok, "encoders", format!("software: {}", list(&software))));
    found.push(Finding::new(
        if hardware.is_empty() { Level::Info } else { Level::Ok },
        "encoders",
        format!("hardware: {}", list(&hardware)),
    ));
    for filter in ["zscale", "tonemap"] {
        if !caps.has_filter(filter) {
            found.push(
                Finding::new(Level::Warning, "encoders", format!("this ffmpeg has no filter {filter}: HDR cannot become SDR here"))
                    .fix("Install a build of ffmpeg with zimg; until then this machine leaves HDR films to others."),
            );
        }
    }
    found
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none works".to_owned() } else { names.join(", ") }
}

/// Graphics hardware that is there but does not encode.
pub fn graphics(caps: &Caps, tell: Tell<'_>) {
    let works = |family: &str| {
        caps.encoders.iter().any(|e| e.name.ends_with(family) && matches!(e.verdict, Verdict::Works { .. }))
    };
    let why = |family: &str| {
        caps.encoders.iter().find_map(|e| match &e.verdict {
            Verdict::Failed { why } if e.name.ends_with(family) => Some(why.clone()),
            _ => None,
        })
    };
    let Ok(cards) = sys::gpu::nvidia() else { return };
    for card in cards {
        let what = format!("{}, driver {}", card.name, card.driver.as_deref().unwrap_or("unknown"));
        if works("_nvenc") {
            tell(Finding::new(Level::Ok, "graphics", what));
            continue;
        }
        let why = why("_nvenc").unwrap_or_else(|| "this ffmpeg was built without NVENC".to_owned());
        let finding = Finding::new(Level::Warning, "graphics", format!("{what}, does not encode: {why}"));
        tell(match ffmpeg::caps::advice(&why) {
            Some(advice) => finding.fix(advice),
            None => finding,
        });
    }
}

/// The folders of ours on this machine.
pub fn folders(state: Option<&Path>, temp: Option<&Path>, tell: Tell<'_>) {
    match state {
        None => tell(
            Finding::new(Level::Warning, "state", "this user has no folder for history and measurements")
                .fix("Name one on a local disk with --state-dir."),
        ),
        Some(folder) => tell(match crate::store::Store::open(folder) {
            Ok(_) => Finding::new(Level::Ok, "state", format!("history is kept in {}", folder.display())),
            Err(error) => Finding { level: Level::Warning, ..of_error("state", &error) },
        }),
    }
    if let Some(temp) = temp {
        tell(space("temp_dir", temp));
    }
}

/// Room on a disk.
pub fn space(check: &str, folder: &Path) -> Finding {
    match sys::fs::free_space(folder) {
        Ok(free) => room(check, folder, free),
        Err(error) => Finding::new(
            Level::Warning,
            check,
            format!("the room on {} cannot be told: {error}", folder.display()),
        ),
    }
}

/// What this much room means. Pure.
pub fn room(check: &str, folder: &Path, free: u64) -> Finding {
    let what = format!("{:.1} GiB free on {}", free as f64 / GIB as f64, folder.display());
    if free < GIB {
        return Finding::new(Level::Problem, check, what)
            .fix("A conversion needs room for its result beside the source: make room.");
    }
    if free < 20 * GIB {
        return Finding::new(Level::Warning, check, what)
            .fix("Originals wait in the trash for days: make room, or shorten --trash-days.");
    }
    Finding::new(Level::Ok, check, what)
}
