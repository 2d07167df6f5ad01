//! ffprobe: one process per file, its JSON turned into [`MediaInfo`] by pure code.
//!
//! Exit code 0 is not believed: an answer without streams is a failure with ffprobe's telling line.

mod field;
mod frames;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::args::Still;
use super::tools::Tools;
use crate::model::error::{Error, Kind, Result};
use crate::model::media::{Hdr, MediaInfo, Stream, StreamKind};
use crate::sys::process::{self, Spawn};

pub use field::{clock, statistic};
pub use frames::Measure;
#[cfg(fuzzing)]
pub use frames::merge;
pub use parse::{language, parse, title};

/// A probe reads headers and a few frames; a share that does not answer for this long will not answer soon.
const DEADLINE: Duration = Duration::from_secs(60);
/// Reading every packet of a long film over a slow share.
const PACKETS_DEADLINE: Duration = Duration::from_secs(4 * 3600);
/// The JSON of a file with thousands of chapters and attachments stays far below this.
const LIMIT: usize = 64 << 20;

/// Probes a file. [`Kind::Media`](crate::model::error::Kind::Media) where ffprobe cannot read it, with its telling line. HDR side data that sits only
/// in frames (mastering, light level, HDR10+, Dolby Vision RPU) is looked for in the first frames where the stream may have it.
pub fn probe(tools: &Tools, file: &Path) -> Result<MediaInfo> {
    let sections = ["-show_format", "-show_streams", "-show_chapters", "-show_programs"];
    let (stdout, stderr) = ffprobe(tools, file, &sections)?;
    let mut media = parse(&stdout).map_err(|why| unreadable(file, &stderr, &why))?;
    if media.streams.is_empty() {
        return Err(unreadable(file, &stderr, "no streams in it"));
    }
    let says_colors = ["mov,", "matroska"].iter().any(|name| media.format.starts_with(name));
    if says_colors && media.of_kind(StreamKind::Video).any(parse::leaves_colors_open) {
        // What was read before any decoder had its say.
        let sections = ["-nofind_stream_info", "-show_streams"];
        if let Ok((stdout, _)) = ffprobe(tools, file, &sections) {
            parse::colors_of_container(&mut media, &stdout);
        }
    }
    if media.of_kind(StreamKind::Video).any(may_be_hdr) {
        look_into_frames(tools, file, &mut media);
    }
    Ok(media)
}

/// Adds what the first frames of each video say of the dynamic range.
pub fn look_into_frames(tools: &Tools, file: &Path, media: &mut MediaInfo) {
    // Eight packets reach past the parameter sets of a stream that begins in the middle of a group of pictures.
    // `V` leaves attached pictures out.
    let sections = ["-show_frames", "-select_streams", "V", "-read_intervals", "%+#8"];
    // A file whose first frames do not decode is not unreadable for that: the full decode of the verification
    // is the judge of damage, so a failure here only means that nothing more is known.
    if let Ok((stdout, _)) = ffprobe(tools, file, &sections) {
        frames::merge(media, &stdout);
    }
}

/// Frames may say more about the dynamic range than the stream's header: ten bits, or a curve of HDR already.
fn may_be_hdr(stream: &Stream) -> bool {
    stream.video.as_ref().is_some_and(|video| {
        video.hdr() != Hdr::Sdr
            || (video.bit_depth > 8 && matches!(stream.codec.as_str(), "hevc" | "av1" | "vp9" | "h264"))
    })
}

/// Runs ffprobe with JSON output and gives stdout and stderr.
fn ffprobe(tools: &Tools, file: &Path, sections: &[&str]) -> Result<(Vec<u8>, String)> {
    let mut args: Vec<OsString> = ["-v", "error", "-of", "json"].iter().map(OsString::from).collect();
    args.extend(sections.iter().map(OsString::from));
    args.push("-i".into());
    args.push(super::args::url(file));
    let output = process::output(&spawn(&tools.ffprobe, args), DEADLINE, LIMIT)
        .map_err(|e| Error::new(Kind::MissingTool, "run ffprobe").at(&tools.ffprobe).because(e))?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.timed_out {
        let seconds = DEADLINE.as_secs();
        return Err(Error::new(Kind::Io, format!("read the file within {seconds} s"))
            .at(file)
            .hint("The share may be slow or gone; the file is tried again on the next run."));
    }
    if !output.ended.success() {
        return Err(unreadable(file, &stderr, "ffprobe failed without saying why"));
    }
    Ok((output.stdout, stderr))
}

fn spawn(program: &Path, args: Vec<OsString>) -> Spawn {
    Spawn { program: program.to_path_buf(), args, background: false }
}

/// The error for a file that ffprobe cannot read, with the line of stderr that tells most.
fn unreadable(file: &Path, stderr: &str, otherwise: &str) -> Error {
    let line = telling_line(stderr, file).unwrap_or_else(|| otherwise.to_owned());
    // These come from the share, not from the media: the file is not to blame and not to be remembered as damaged.
    let kind = match line.as_str() {
        l if l.contains("Input/output error") || l.contains("Stale file handle") => Kind::Io,
        l if l.contains("Permission denied") || l.contains("No such file") => Kind::Io,
        _ => Kind::Media,
    };
    Error::new(kind, "read the media").at(file).because(line)
}

/// The last line that says something of its own: ffprobe ends with `FILE: Invalid data found…`, which hides the cause
/// in the line before it.
fn telling_line(stderr: &str, file: &Path) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let last = *lines.last()?;
    let name = file.display().to_string();
    let bare =
        last.strip_prefix("file:").unwrap_or(last).trim_start_matches(name.as_str()).trim_start_matches(": ");
    let cause = lines
        .iter()
        .rev()
        .skip(1)
        .find(|l| !l.starts_with("Last message repeated") && !l.ends_with("error reading header"))
        .map(|l| without_context(l));
    Some(match cause {
        Some(cause) => format!("{cause}; {bare}"),
        None => without_context(bare).to_owned(),
    })
}

/// Without the leading `[mov,mp4 @ 0x55…] `, whose address differs at every run.
fn without_context(line: &str) -> &str {
    match line.split_once("] ") {
        Some((head, rest)) if head.starts_with('[') && head.contains(" @ 0x") => rest,
        _ => line,
    }
}

/// Whose packets are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    All,
    Subtitles,
}

/// Where the streams of a file really begin and end, and how many packets they have, by stream index. Reads packets (no decode); for
/// files whose header may lie.
///
/// All packets are read. Seeking near the end (`-read_intervals`) would be quicker, but asks the very index and
/// duration that are in doubt, and a cut file answers such a seek with its beginning or with nothing.
pub fn measure(tools: &Tools, file: &Path, which: Streams) -> Result<BTreeMap<u32, Measure>> {
    let entries = "packet=stream_index,pts_time,dts_time,duration_time,size,flags:format=start_time";
    let mut args: Vec<OsString> = ["-v", "error", "-of", "compact=p=1:nk=0", "-show_entries", entries, "-i"]
        .iter()
        .map(OsString::from)
        .collect();
    args.push(super::args::url(file));
    if which == Streams::Subtitles {
        // Where a file has an index, nothing else is read then.
        args.extend(["-select_streams", "s"].iter().map(OsString::from));
    }
    let ends = Arc::new(Mutex::new(frames::Ends::default()));
    let errors = Arc::new(Mutex::new(String::new()));
    let (into_ends, into_errors) = (Arc::clone(&ends), Arc::clone(&errors));
    let mut child = process::spawn(
        &spawn(&tools.ffprobe, args),
        move |line| {
            if let Ok(mut ends) = into_ends.lock() {
                ends.line(line);
            }
        },
        move |line| {
            if let Ok(mut errors) = into_errors.lock()
                && errors.len() < 64 << 10
            {
                errors.push_str(line);
                errors.push('\n');
            }
        },
    )
    .map_err(|e| Error::new(Kind::MissingTool, "run ffprobe").at(&tools.ffprobe).because(e))?;
    let started = Instant::now();
    let ended = loop {
        match child.wait(Duration::from_secs(1)) {
            Ok(Some(ended)) => break ended,
            Ok(None) if started.elapsed() > PACKETS_DEADLINE => {
                child.kill();
                return Err(Error::new(Kind::Io, "read all packets in time").at(file));
            }
            Ok(None) => {}
            Err(e) => return Err(Error::io("wait for ffprobe on", file, e)),
        }
    };
    let stderr = errors.lock().map(|e| e.clone()).unwrap_or_default();
    let found = ends.lock().map(|e| e.relative()).unwrap_or_default();
    if found.is_empty() || !ended.success() {
        return Err(unreadable(file, &stderr, "no packets in it"));
    }
    Ok(found)
}

/// Looks at real frames (idet over samples): true where the picture is interlaced.
///
/// Samples lie at 10 %, 50 % and 80 % of the length, since a film's logo and its credits are often progressive
/// whatever the rest is. A clip too short for that is looked at from its start.
pub fn interlaced(tools: &Tools, file: &Path, media: &MediaInfo) -> Result<bool> {
    let Some(stream) = media.main_video() else { return Ok(false) };
    // A header that claims days is not asked where the middle is.
    let length = media.duration.filter(|d| *d > 20.0 && *d < 86_400.0);
    let offsets: Vec<f64> = length.map_or_else(|| vec![0.0], |d| vec![d * 0.1, d * 0.5, d * 0.8]);
    let mut total = frames::Idet::default();
    for offset in offsets {
        let args = super::args::detect_interlacing(file, stream.index, offset);
        let output = process::output(&spawn(&tools.ffmpeg, args), DEADLINE, LIMIT)
            .map_err(|e| Error::new(Kind::MissingTool, "run ffmpeg").at(&tools.ffmpeg).because(e))?;
        if let Some(seen) = frames::idet(&String::from_utf8_lossy(&output.stderr)) {
            total.add(seen);
        }
    }
    Ok(total.interlaced())
}

/// Seconds at the end of a file that a broken last frame may lie in: sound is sent somewhat before its picture.
const LAST: f64 = 1.0;
/// Seconds looked at before them: at least one key frame of any broadcast.
const RUN_UP: f64 = 20.0;

/// All the damage that a decode of a file of this length met (`lines` of it) lies in its last second: the recording, or the
/// copy of it, stopped in the midst of a frame. Seen by decoding the end twice, with that second and without it.
pub fn damage_is_at_the_end(tools: &Tools, file: &Path, seconds: f64, lines: u64) -> bool {
    let from = (seconds - RUN_UP).max(0.0);
    let damage = |length: Option<f64>| {
        let args = super::args::decode_end(file, from, length);
        let limits = super::run::Limits { stall: DEADLINE, background: false };
        let report =
            super::run::run(tools, &args, None, limits, &mut |_| super::run::Order::Continue).ok()?;
        Some(report.counts.get(&super::progress::Severity::Damaged).copied().unwrap_or(0))
    };
    // Less at the end than in the whole means damage elsewhere.
    damage(None).is_some_and(|found| found >= lines)
        && damage(Some((seconds - LAST - from).max(0.0))) == Some(0)
}

/// Whether frames of this stream carry captions: at its beginning, where broadcasts have them in every frame, and at two
/// places more, since what begins with a trailer may not. What cannot be looked at counts as without.
pub fn captions(tools: &Tools, file: &Path, media: &MediaInfo, stream: u32) -> bool {
    let begin = media.start_time.unwrap_or(0.0);
    let length = media.duration.filter(|d| *d > 20.0 && *d < 86_400.0 && !media.has_absurd_duration());
    let places = length.map_or_else(Vec::new, |d| vec![begin + d * 0.2, begin + d * 0.6]);
    let mut intervals = vec!["%+#12".to_owned()];
    intervals.extend(places.iter().map(|at| format!("{at:.3}%+#12")));
    let (stream, intervals) = (stream.to_string(), intervals.join(","));
    let sections = ["-show_frames", "-select_streams", &stream, "-read_intervals", &intervals];
    ffprobe(tools, file, &sections).is_ok_and(|(stdout, _)| frames::captions(&stdout))
}

/// What HDR10+ and Dolby Vision say in the first frames of the main video: a text for each frame.
pub fn dynamic(tools: &Tools, file: &Path) -> Vec<String> {
    let sections = ["-show_frames", "-select_streams", "V:0", "-read_intervals", "%+#48"];
    ffprobe(tools, file, &sections).map(|(stdout, _)| frames::dynamic(&stdout)).unwrap_or_default()
}

/// How many of a video's first frames are shown at the time of the one before, or earlier. A frame without a time counts for nothing.
pub fn steps_back(tools: &Tools, file: &Path, stream: u32) -> usize {
    let stream = stream.to_string();
    let sections = ["-show_frames", "-select_streams", &stream, "-read_intervals", "%+#48"];
    ffprobe(tools, file, &sections).map_or(0, |(stdout, _)| frames::steps_back(&stdout))
}

/// A picture of a video stream, as raw RGB; `None` where there is none.
pub fn still(tools: &Tools, file: &Path, still: &Still<'_>) -> Option<Vec<u8>> {
    let args = super::args::still(file, still);
    let output = process::output(&spawn(&tools.ffmpeg, args), DEADLINE, LIMIT).ok()?;
    let whole = (still.size.0 * still.size.1 * 3) as usize;
    (output.stdout.len() == whole).then_some(output.stdout)
}
