//! The checks that need no decode: the result's header against the plan and the source. Pure.

use super::Fault;
use crate::job::transcode::tolerance;
use crate::model::media::{Hdr, MediaInfo, Stream, StreamKind, Video};
use crate::model::plan::{Action, Plan, StreamPlan};
use crate::model::policy::Container;
use crate::plan;

/// Every check that needs no decode. `measured`: the source's real length where its header lies.
pub fn faults(source: &MediaInfo, plan: &Plan, output: &MediaInfo, measured: Option<f64>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |ok: bool, check: &'static str, expected: String, found: String| {
        if !ok {
            faults.push(Fault { check, expected, found });
        }
    };
    let promised = plan::expected_streams(plan, source);
    // A container of one track has its language at the file.
    let single = matches!(plan.container, Container::Mp3 | Container::Opus | Container::Flac);
    let of_the_file = single && output.tags.contains_key("language");
    for kind in [
        StreamKind::Video,
        StreamKind::Audio,
        StreamKind::Subtitle,
        StreamKind::Picture,
        StreamKind::Attachment,
    ] {
        let planned: Vec<_> = plan.streams.iter().filter(|s| planned_kind(&s.action) == kind).collect();
        let found: Vec<&Stream> = output.of_kind(kind).collect();
        check(
            planned.len() == found.len(),
            "streams",
            format!("{} × {kind:?}", planned.len()),
            format!("{}", found.len()),
        );
        let promised = promised.iter().filter(|s| s.kind == kind);
        for ((expected, found), planned) in promised.zip(&found).zip(&planned) {
            // A picture is only looked at.
            let mut rows = if planned.action.is_picture() { Vec::new() } else { looks(expected, found) };
            if says_nothing(planned, source)
                && source.stream(planned.source).is_some_and(|s| lit(s) == lit(found))
            {
                rows.retain(|(what, ..)| !LIT.contains(what));
            }
            rows.extend(chosen(plan.container, expected, found));
            for (what, expected, found) in rows {
                check(expected == found, what, expected, found);
            }
        }
        for (plan, out) in planned.iter().zip(&found) {
            let input = source.stream(plan.source);
            for (what, expected, found) in compare(&plan.action, input, out) {
                check(expected == found, what, expected, found);
            }
            if plan.language.is_some() && kind != StreamKind::Picture {
                let known = plan.language.clone().unwrap_or_default();
                // Containers spell languages in their own code set (ger, deu, de): only a missing one is a fault.
                let told = out.language.is_some() || of_the_file;
                check(told || !is_iso_639_2(&known), "language", known, "none".to_owned());
            }
        }
    }
    let length = measured.or_else(|| source.duration.filter(|seconds| *seconds > 0.0));
    if let Some(expected) = length {
        let found = output.duration.unwrap_or(0.0);
        // A subtitle that outlasts its film counts in Matroska; in MP4 it does to ffmpeg 5.1 and does not to 9.0.
        let kept = |s: &&Stream| plan.streams.iter().any(|planned| planned.source == s.index);
        let was = source.of_kind(StreamKind::Subtitle).filter(kept).filter_map(|s| s.duration);
        let is = output.of_kind(StreamKind::Subtitle).filter_map(|s| s.duration);
        let (was, is) = (was.fold(expected, f64::max), is.fold(found, f64::max));
        let near = |one: f64, other: f64| (one - other).abs() <= tolerance(one);
        check(
            near(expected, found) || near(was, is),
            "duration",
            crate::job::span_fine(expected),
            crate::job::span_fine(found),
        );
    }
    if plan.chapters {
        let expected = source.chapters.len() + usize::from(plan.opens_chapters(source));
        check(
            output.chapters.len() == expected,
            "chapters",
            expected.to_string(),
            output.chapters.len().to_string(),
        );
    }
    if plan.container == Container::M4a {
        for (name, value) in plan::homeless_tags(source) {
            let found = output.tags.get(name).map_or("none", |found| found.trim());
            check(value.trim() == found, "tags", format!("{name} {value}"), found.to_owned());
        }
    }
    faults
}

/// The kind of stream that an action leaves in the result.
pub(crate) fn planned_kind(action: &Action) -> StreamKind {
    match action {
        Action::Copy { kind, .. } => *kind,
        Action::Video(_) => StreamKind::Video,
        Action::Audio(_) => StreamKind::Audio,
        Action::Subtitle { .. } => StreamKind::Subtitle,
        Action::Picture { .. } => StreamKind::Picture,
    }
}

/// (check, expected, found) of one stream.
fn compare(action: &Action, input: Option<&Stream>, out: &Stream) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    let size = |stream: &Stream| {
        stream.video.as_ref().map(|v| format!("{}×{}", v.width, v.height)).unwrap_or_default()
    };
    let channels = |stream: &Stream| stream.audio.as_ref().map_or(0, |a| a.channels).to_string();
    match action {
        Action::Copy { codec, kind, .. } => {
            rows.push(("codec", codec.clone(), out.codec.clone()));
            if let Some(input) = input {
                match kind {
                    StreamKind::Video => rows.push(("picture size", size(input), size(out))),
                    StreamKind::Audio => rows.push(("channels", channels(input), channels(out))),
                    _ => {}
                }
            }
        }
        Action::Video(encode) => {
            rows.push(("codec", encode.codec.clone(), out.codec.clone()));
            rows.push(("picture size", format!("{}×{}", encode.width, encode.height), size(out)));
            if let Some(video) = &out.video {
                rows.push(("pixel format", encode.pix_fmt.clone(), video.pix_fmt.clone()));
            }
        }
        Action::Audio(encode) => {
            rows.push(("codec", encode.codec.clone(), out.codec.clone()));
            rows.push(("channels", encode.channels.to_string(), channels(out)));
        }
        Action::Subtitle { codec } | Action::Picture { codec } => {
            rows.push(("codec", codec.clone(), out.codec.clone()));
        }
    }
    rows
}

/// (check, expected, found) of what makes a stream look, sound and be chosen as before. What neither a plan nor every
/// container determines (an unknown layout, an untagged colour) is not compared.
fn looks(expected: &Stream, found: &Stream) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    let mut row = |what, expected: String, found: String| rows.push((what, expected, found));
    if let (Some(wanted), Some(got)) = (&expected.video, &found.video) {
        let turn =
            |video: &Video| format!("{}{}", video.rotation, if video.warped { " and more" } else { "" });
        row("rotation", turn(wanted), turn(got));
        if wanted.sar.0 > 0 && got.sar.0 > 0 {
            let shape = |sar: (u32, u32)| format!("{:.2}", f64::from(sar.0) / f64::from(sar.1.max(1)));
            row("pixel shape", shape(wanted.sar), shape(got.sar));
        }
        let colors = [
            ("primaries", &wanted.color_primaries, &got.color_primaries),
            ("transfer", &wanted.color_transfer, &got.color_transfer),
            ("matrix", &wanted.color_space, &got.color_space),
        ];
        // No range is the limited one, to every player.
        let range = |v: &Video| v.color_range.clone().unwrap_or_else(|| "tv".to_owned());
        row("range", range(wanted), range(got));
        for (what, wanted, got) in colors {
            // A copy may come out better tagged than it went in, never worse.
            if let Some(wanted) = wanted {
                row(what, wanted.clone(), got.clone().unwrap_or_else(|| "none".to_owned()));
            }
        }
        row("mastering display", mastering(wanted), mastering(got));
        row("light level", format!("{:?}", wanted.content_light), format!("{:?}", got.content_light));
        row("HDR10+", wanted.hdr10_plus.to_string(), got.hdr10_plus.to_string());
        row(
            "Dolby Vision",
            wanted.dolby_vision.is_some().to_string(),
            got.dolby_vision.is_some().to_string(),
        );
    }
    if let (Some(wanted), Some(got)) = (&expected.audio, &found.audio) {
        if wanted.sample_rate > 0 {
            row("sample rate", wanted.sample_rate.to_string(), got.sample_rate.to_string());
        }
        if let (Some(wanted), Some(got)) = (&wanted.layout, &got.layout) {
            row("layout", wanted.clone(), got.clone());
        }
    }
    let (wanted, got) = (expected.disposition, found.disposition);
    let flags = [
        ("commentary", wanted.comment, got.comment),
        ("hearing impaired", wanted.hearing_impaired, got.hearing_impaired),
        ("visual impaired", wanted.visual_impaired, got.visual_impaired),
    ];
    for (what, wanted, got) in flags.into_iter().filter(|(_, wanted, _)| *wanted) {
        row(what, wanted.to_string(), got.to_string());
    }
    rows
}

/// The checks of HDR's static values.
const LIT: [&str; 2] = ["mastering display", "light level"];

/// HDR's static values.
fn lit(stream: &Stream) -> Option<(String, Option<(u32, u32)>)> {
    stream.video.as_ref().map(|video| (mastering(video), video.content_light))
}

/// An encode of SDR as SDR: what is said there of a mastering display means nothing. Some versions of ffmpeg hand it on from frame to
/// frame or from header to header, others drop it.
fn says_nothing(planned: &StreamPlan, source: &MediaInfo) -> bool {
    let video = source.stream(planned.source).and_then(|stream| stream.video.as_ref());
    matches!(&planned.action, Action::Video(encode) if encode.tone_map.is_none())
        && video.is_some_and(|video| video.hdr() == Hdr::Sdr)
}

/// A result says more of a mastering display than the source's header: the source's frames may say the same.
pub fn frames_may_say_more(source: &MediaInfo, plan: &Plan, output: &MediaInfo) -> bool {
    let planned = plan.streams.iter().filter(|s| planned_kind(&s.action) == StreamKind::Video);
    planned.zip(output.of_kind(StreamKind::Video)).any(|(planned, found)| {
        says_nothing(planned, source) && source.stream(planned.source).is_some_and(|s| lit(s) != lit(found))
    })
}

/// (check, expected, found) of the marks by which players choose a stream without being asked: a mark that moved to another stream is
/// as wrong as one that is lost. A container of one track has none.
fn chosen(container: Container, expected: &Stream, found: &Stream) -> Vec<(&'static str, String, String)> {
    let marks = matches!(container, Container::Mp4 | Container::M4a | Container::Matroska | Container::Same);
    let played = matches!(expected.kind, StreamKind::Video | StreamKind::Audio | StreamKind::Subtitle);
    let (wanted, got) = (expected.disposition, found.disposition);
    let flags = [("default", wanted.default, got.default), ("forced", wanted.forced, got.forced)];
    let flags = flags.into_iter().filter(|_| marks && played);
    flags.map(|(what, wanted, got)| (what, wanted.to_string(), got.to_string())).collect()
}

/// ST 2086 values to three digits: AV1 keeps them as binary fractions, HEVC as decimal ones.
fn mastering(video: &Video) -> String {
    let Some(m) = &video.mastering else { return "none".to_owned() };
    let number = |(n, d): (u32, u32)| f64::from(n) / f64::from(d.max(1));
    let point = |(x, y)| format!("({:.3}, {:.3})", number(x), number(y));
    let luminance = format!("{:.3} to {:.0}", number(m.min_luminance), number(m.max_luminance));
    format!("{} {} {} {} {luminance}", point(m.red), point(m.green), point(m.blue), point(m.white))
}

fn is_iso_639_2(language: &str) -> bool {
    language.len() == 3 && language.bytes().all(|b| b.is_ascii_lowercase()) && language != "und"
}
