//! A plan in lines that a person can read. Pure.

use crate::model::plan::{Action, Plan, StreamPlan};

/// The plan's lines, most important first, without indentation.
pub fn lines(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan.why.iter().map(|why| format!("why: {why}")).collect();
    lines.extend(plan.streams.iter().map(stream));
    lines.extend(
        plan.sidecars.iter().map(|s| format!("stream {}: beside the result as {}", s.source, s.suffix)),
    );
    lines.extend(plan.lost.iter().map(|lost| match lost.source {
        Some(source) => format!("stream {source}: NOT carried over: {} ({})", lost.what, lost.why),
        None => format!("NOT carried over: {} ({})", lost.what, lost.why),
    }));
    if let Some(percent) = plan.max_output_percent {
        lines.push(format!("dropped where the result is larger than {percent} % of the source"));
    }
    lines
}

fn stream(stream: &StreamPlan) -> String {
    let language = stream.language.as_deref().map_or(String::new(), |language| format!(" ({language})"));
    let what = match &stream.action {
        Action::Copy { codec, .. } => format!("{codec}, copied"),
        Action::Video(video) => {
            let mut text = format!("video → {} by {}", video.codec, video.encoder);
            if let Some(device) = &video.device {
                text.push_str(&format!(" on {device}"));
            }
            text.push_str(&format!(", {}x{}, {}", video.width, video.height, video.pix_fmt));
            for (set, word) in [
                (video.scale, "scaled"),
                (video.deinterlace, "deinterlaced"),
                (video.tone_map.is_some(), "tone-mapped to SDR"),
            ] {
                if set {
                    text.push_str(", ");
                    text.push_str(word);
                }
            }
            text.push_str(&format!(", quality {}", video.quality));
            if !video.keep.is_empty() {
                let kept: Vec<&str> = video.keep.iter().map(|what| what.words()).collect();
                text.push_str(&format!(", keeps {}", kept.join(" and ")));
            }
            text
        }
        Action::Audio(audio) => {
            let mut text = format!("audio → {} by {}, ", audio.codec, audio.encoder);
            match &audio.layout {
                Some(layout) => text.push_str(layout),
                None => text.push_str(&format!("{} channels", audio.channels)),
            }
            if audio.bitrate > 0 {
                text.push_str(&format!(", {} kbit/s", audio.bitrate));
            }
            if audio.dialogue_downmix {
                text.push_str(", downmixed with raised dialogue");
            }
            text
        }
        Action::Subtitle { codec } => format!("subtitle → {codec}"),
        Action::Picture { codec } => format!("picture → {codec}"),
    };
    format!("stream {}{language}: {what}", stream.source)
}
