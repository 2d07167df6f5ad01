//! Step: a real encode with what was found.

use super::{Context, Ending, Fatal, NO_GPU};
use crate::ffmpeg;
use crate::model::caps::{Caps, Verdict};
use crate::model::error::Kind;

pub fn encode(context: &mut Context) -> Result<Ending, Fatal> {
    let Some(tools) = &context.tools else {
        return Ok(Ending::Skipped("there is no ffmpeg to try yet".to_owned()));
    };
    if context.wishes.dry_run {
        return Ok(Ending::Skipped("would encode a second of video with each encoder".to_owned()));
    }
    context.watch.note("encoding a second of video with each encoder that ffmpeg lists");
    judge(&ffmpeg::caps::trial(tools)?, context.wishes.require_gpu)
}

/// What is to be said of what works.
pub fn judge(caps: &Caps, gpu_required: bool) -> Result<Ending, Fatal> {
    let works = |entry: &&crate::model::caps::EncoderCap| matches!(entry.verdict, Verdict::Works { .. });
    let video = |hardware: bool| {
        let names: Vec<String> = caps
            .encoders
            .iter()
            .filter(works)
            .filter(|entry| entry.hardware == hardware && !is_audio(&entry.codec))
            .map(|entry| match entry.verdict {
                Verdict::Works { fps } if fps > 0.0 => format!("{} {fps:.0} fps", entry.name),
                _ => entry.name.clone(),
            })
            .collect();
        names
    };
    let (hardware, software) = (video(true), video(false));
    if !caps.encoders.iter().filter(works).any(|entry| entry.codec == "h264") {
        let why = caps.encoders.iter().filter(|entry| entry.codec == "h264").find_map(|entry| {
            match &entry.verdict {
                Verdict::Failed { why } => Some(format!(" ({}: {why})", entry.name)),
                _ => None,
            }
        });
        return Err(Fatal {
            reason: format!("this ffmpeg encodes no H.264{}", why.unwrap_or_default()),
            advice: Some(
                "Use a build with libx264: --ffmpeg-url with its --sha256, or your system's full ffmpeg package."
                    .to_owned(),
            ),
            exit_code: Kind::MissingTool.exit_code(),
        });
    }
    if gpu_required && hardware.is_empty() {
        let why: Vec<String> = caps
            .encoders
            .iter()
            .filter(|entry| entry.hardware)
            .filter_map(|entry| match &entry.verdict {
                Verdict::Failed { why } => Some(format!("{}: {why}", entry.name)),
                _ => None,
            })
            .collect();
        let why = if why.is_empty() { "this ffmpeg has none".to_owned() } else { why.join("; ") };
        return Err(Fatal {
            reason: format!("no hardware encoder works ({why})"),
            advice: Some("Install the driver, and an ffmpeg that was built for it.".to_owned()),
            exit_code: NO_GPU,
        });
    }
    let list = hardware.into_iter().chain(software).collect::<Vec<_>>().join(", ");
    Ok(Ending::Fine(format!("ffmpeg {} encodes: {list}", caps.version)))
}

fn is_audio(codec: &str) -> bool {
    matches!(codec, "aac" | "mp3" | "opus" | "flac" | "ac3" | "eac3" | "vorbis" | "alac")
}
