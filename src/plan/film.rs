//! A video file: all its streams decided, and whether that comes to anything.

use super::{Subject, audio, container, flags, language, names, rate, subtitle, video, words};
use crate::model::caps::Caps;
use crate::model::media::{MediaInfo, Stream, StreamKind, Video};
use crate::model::plan::{Action, Decision, Lost, Plan, Skip, SkipCode, StreamPlan};
use crate::model::policy::{Container, Policy};

/// Decides a file with moving pictures in it.
pub fn decide(subject: Subject<'_>, policy: &Policy, caps: &Caps) -> Decision {
    match plan(subject, policy, caps) {
        Ok(plan) => Decision::Convert(Box::new(plan)),
        Err(skip) => Decision::Skip(skip),
    }
}

fn plan(subject: Subject<'_>, policy: &Policy, caps: &Caps) -> Result<Plan, Skip> {
    if matches!(policy.container, Container::Mp3 | Container::Opus | Container::M4a | Container::Flac) {
        let words = format!("profile {} leaves videos alone", policy.name);
        return Err(Skip { code: SkipCode::OtherType, words });
    }
    let media = subject.media;
    let wanted = container::wanted(policy.container, subject.name, media);
    let target =
        wanted.unwrap_or(if container::is_matroska(media) { Container::Matroska } else { Container::Mp4 });
    let mut plan = Plan {
        profile: policy.name.clone(),
        container: target,
        extension: if target == Container::Mp4 { "mp4" } else { "mkv" }.to_owned(),
        stem: None,
        streams: Vec::new(),
        lost: Vec::new(),
        sidecars: Vec::new(),
        chapters: !media.chapters.is_empty(),
        why: Vec::new(),
        generate_timestamps: false,
        max_output_percent: policy.max_output_percent,
    };
    let mut downgraded = false;
    for stream in media.of_kind(StreamKind::Video) {
        let choice = one_video(subject, stream, target, policy, caps)?;
        downgraded |= choice.downgraded;
        plan.why.extend(choice.why);
        plan.lost.extend(choice.lost);
        plan.streams.push(StreamPlan {
            source: stream.index,
            action: choice.action,
            language: language::written(target, stream),
            title: stream.title.clone(),
            disposition: flags::written(target, stream),
        });
    }
    let place = audio::Target { container: target, film_is_encoded: policy.video.codec.is_some(), caps };
    let sound = audio::decide(media, &policy.audio, place);
    let rest = subtitle::decide(media, &policy.subtitles, target);
    plan.why.extend(sound.why);
    plan.why.extend(rest.why);
    if media.has_absurd_duration() && policy.container != Container::Same {
        plan.why.push(
            "its header claims a length that its size cannot hold; written anew, it tells the true one"
                .to_owned(),
        );
    }
    // A profile whose aim is size gains nothing by a new container around the same streams.
    let size_is_the_aim = policy.max_output_percent.is_some();
    if plan.why.is_empty() && (wanted.is_none() || size_is_the_aim) {
        return Err(Skip { code: SkipCode::Fits, words: fitting_words(policy) });
    }
    if let Some(skip) = sound.refused {
        return Err(skip);
    }
    if media.editions.linked > 0 {
        let words = format!(
            "{} of its chapters lie in other files and are played from there, which no result could",
            media.editions.linked
        );
        return Err(Skip { code: SkipCode::WouldLose, words });
    }
    if let Some(stream) = plan.streams.iter().find(|s| loses_its_turn(s, target, media, caps)) {
        let what = media.stream(stream.source).map(words::stream).unwrap_or_default();
        let words = format!("ffmpeg {} does not write into Matroska how {what} is turned", caps.version);
        return Err(Skip { code: SkipCode::WouldLose, words });
    }
    if let Some(words) = rest.homeless.filter(|_| policy.container == Container::Same) {
        // Whoever asks for another container only does not expect to pay for it with a stream.
        return Err(Skip { code: SkipCode::WouldLose, words });
    }
    if wanted.is_some() {
        let (is, want) = (container::words(media), container_name(target));
        plan.why.push(if is == want {
            format!("the file name does not end in .{}", plan.extension)
        } else {
            format!("container is {is}, wanted is {want}")
        });
    }
    plan.why.extend(sound.besides);
    plan.lost.extend(sound.lost);
    plan.lost.extend(rest.lost);
    plan.streams.extend(sound.streams);
    plan.streams.extend(rest.subtitles);
    plan.streams.extend(rest.attachments);
    // Last, because that is where both containers list them.
    plan.streams.extend(rest.pictures);
    plan.sidecars = rest.sidecars;
    if target == Container::Mp4 {
        plan.lost.extend(container::lost_tags(media));
    }
    plan.lost.extend(container::lost_editions(media));
    if media.programs > 1 {
        let what = format!("which streams belong to which of its {} programs", media.programs);
        let why = format!("{} has no programs", container_name(target));
        plan.lost.push(Lost { source: None, what, why });
    }
    let carried = plan.streams.iter().filter_map(|s| media.stream(s.source));
    let labels = carried.flat_map(|s| {
        let lost =
            [flags::lost(target, s), language::lost(target, s), container::lost_stream_tags(target, s)];
        lost.into_iter().flatten()
    });
    let labels: Vec<Lost> = labels.collect();
    plan.lost.extend(labels);
    if downgraded {
        let stem = subject.name.rsplit_once('.').map_or(subject.name, |(stem, _)| stem);
        plan.stem = names::downgraded(stem);
    }
    // AVI and bare streams have no presentation times, program streams have some: a copy into a container that needs
    // them would fail or guess.
    let without = ["avi", "h264", "hevc", "m4v", "mpegvideo", "mpeg"].contains(&media.format.as_str());
    plan.generate_timestamps = without && plan.streams.iter().any(|s| is_video_copy(&s.action));
    Ok(plan)
}

fn one_video(
    subject: Subject<'_>,
    stream: &Stream,
    target: Container,
    policy: &Policy,
    caps: &Caps,
) -> Result<video::Choice, Skip> {
    let Some(facts) = &stream.video else {
        let words = format!("ffmpeg does not know what {} is", words::stream(stream));
        return Err(Skip { code: SkipCode::CannotHere, words });
    };
    // The look at real frames was at the main stream only.
    let is_main = subject.media.main_video().is_some_and(|m| m.index == stream.index);
    let seen = subject.interlaced.filter(|_| is_main);
    let tag = (target == Container::Mp4).then_some("hvc1");
    let untimed = untimed(stream, facts, caps);
    let told = rate::told(subject.media, stream);
    let choice = video::decide(&told, facts, seen, policy, caps, (tag, untimed.clone()))?;
    let copied = matches!(choice.action, Action::Copy { .. });
    if let Some(words) = untimed.filter(|_| copied) {
        return Err(Skip { code: SkipCode::CannotHere, words });
    }
    if copied && container::holds(target, stream) != container::Holds::AsIs {
        let words = format!("{} does not carry {}", container_name(target), words::stream(stream));
        return Err(Skip { code: SkipCode::WouldLose, words });
    }
    Ok(choice)
}

/// Why a copy would show frames in the wrong order: AVI has no times for B-frames, and only a filter that reads the codec's own
/// numbering can give H.264 and HEVC theirs.
fn untimed(stream: &Stream, facts: &Video, caps: &Caps) -> Option<String> {
    let since = match stream.codec.as_str() {
        "h264" => (6, 1),
        "hevc" => (8, 1),
        _ => return None,
    };
    let lacks = facts.shown_late > 0 && caps.release.is_some_and(|release| release < since);
    lacks.then(|| {
        let (what, version) = (words::stream(stream), &caps.version);
        format!("{what} does not tell when its frames are shown, and ffmpeg {version} cannot find out without an encode")
    })
}

/// ffmpeg's Matroska muxer writes rotation, and what mirrors, since 6.1. An encode turns the picture itself.
fn loses_its_turn(stream: &StreamPlan, target: Container, media: &MediaInfo, caps: &Caps) -> bool {
    let video = media.stream(stream.source).and_then(|s| s.video.as_ref());
    let turned = video.is_some_and(|v| v.rotation != 0 || v.warped);
    let writes = target != Container::Matroska || caps.release.is_none_or(|r| r >= (6, 1));
    turned && !writes && is_video_copy(&stream.action)
}

fn is_video_copy(action: &Action) -> bool {
    matches!(action, Action::Copy { kind: StreamKind::Video, .. })
}

fn fitting_words(policy: &Policy) -> String {
    format!("already what profile {} wants", policy.name)
}

fn container_name(container: Container) -> &'static str {
    if container == Container::Mp4 { "mp4" } else { "matroska" }
}
