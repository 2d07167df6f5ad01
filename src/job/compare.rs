//! A result beside its original, by the same checks that let it take the original's place.

use std::path::{Path, PathBuf};

use super::health::{self, Pace};
use super::transcode::{counts_from_zero, without_late_subtitles};
use super::verify::{self, Depth, Fault, Sides};
use super::{Halt, trash};
use crate::ffmpeg::{args, probe};
use crate::model::error::{Error, Kind, Result};
use crate::model::plan::Decision;
use crate::model::policy::Container;
use crate::plan;
use crate::scan::examine::{self, Rules};
use crate::share::library::Library;
use crate::sys;

/// What a comparison showed.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What the file was compared with: the plan of a profile, or no change at all.
    pub profile: String,
    /// What the plan says that the file does not carry.
    pub lost: Vec<String>,
    pub faults: Vec<Fault>,
}

/// The newest original in the library's trash that became this file.
pub fn original_of(file: &Path, library: &Library) -> Option<PathBuf> {
    let folder = sys::path::canonical(file.parent().filter(|p| !p.as_os_str().is_empty())?).ok()?;
    let name = file.file_name()?.to_str()?;
    let here = sys::path::key(&library.root, &folder).map(|key| key.0).unwrap_or_default();
    let resting = trash::list(&library.root, Some(&folder)).into_iter();
    resting
        .filter(|r| r.rest.folder == here && r.rest.commit.target == name)
        .map(|r| r.file)
        .find(|original| sys::fs::is_listed(original).unwrap_or(false))
}

/// Compares a file with its original, as the profile would have made it; where the profile would leave the original alone,
/// with the original as it is.
pub fn compare(file: &Path, original: &Path, rules: Rules<'_>, pace: Pace) -> Result<Compared> {
    let tools = rules.tools;
    let source = examine::facts(tools, original)?;
    let plan = match examine::decide(original, &source, rules)? {
        Decision::Convert(plan) => *plan,
        Decision::Skip(_) => {
            let matroska = ["mkv", "webm", "mka"].contains(&sys::path::extension(file).as_str());
            plan::unchanged(&source, if matroska { Container::Matroska } else { Container::Mp4 })
        }
    };
    let kept: Vec<_> = args::kept(&plan).iter().map(|kept| (kept.source, kept.what)).collect();
    let decode = args::decode(original, &texts(&source), &kept);
    let report = health::over(tools, &decode, source.duration, pace)?;
    let measured = if source.has_absurd_duration() || counts_from_zero(&source, report.out_time) {
        let ends = probe::measure(tools, original, probe::Streams::All)?;
        Some(ends.values().map(|m| m.end).fold(0.0, f64::max))
    } else {
        without_late_subtitles(&source, &plan)
    };
    let sides = Sides {
        source: (original, &source),
        plan: &plan,
        result: file,
        before: &report.totals,
        made: None,
        measured,
    };
    let mut decode = |arguments: &[std::ffi::OsString], seconds| {
        health::over(tools, arguments, seconds, pace)
            .map_err(|error| super::error_halt(&error, crate::model::outcome::FailCode::Verify))
    };
    let faults = match verify::inspect(tools, sides, Depth::Full, &mut decode) {
        Ok((_, faults)) => faults,
        Err(Halt::Fail(failed)) if failed.code == crate::model::outcome::FailCode::Interrupted => {
            return Err(Error::new(Kind::Interrupted, "go on"));
        }
        Err(Halt::Fail(failed)) => {
            vec![Fault { check: "decode", expected: "a clean decode".to_owned(), found: failed.words }]
        }
        Err(Halt::Skip(skip)) => {
            vec![Fault { check: "plan", expected: "a result".to_owned(), found: skip.words }]
        }
    };
    let lost = plan.lost.iter().map(|lost| format!("{} ({})", lost.what, lost.why)).collect();
    Ok(Compared { profile: plan.profile, lost, faults })
}

/// The subtitle streams whose packets are counted: those that a copy to nowhere takes.
fn texts(media: &crate::model::media::MediaInfo) -> Vec<u32> {
    let subtitles = media.of_kind(crate::model::media::StreamKind::Subtitle);
    subtitles.filter(|s| !s.codec.is_empty()).map(|s| s.index).collect()
}
