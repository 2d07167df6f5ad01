//! Subtitles, pictures, attachments and data: what is neither picture nor sound.

use super::container::{self, Holds, holds};
use super::{flags, language, words};
use crate::model::media::{MediaInfo, Stream, StreamKind};
use crate::model::plan::{Action, Lost, Sidecar, StreamPlan};
use crate::model::policy::{Container, SubtitlePolicy};

/// What happens to everything that is neither picture nor sound.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    pub subtitles: Vec<StreamPlan>,
    pub pictures: Vec<StreamPlan>,
    pub attachments: Vec<StreamPlan>,
    pub sidecars: Vec<Sidecar>,
    pub lost: Vec<Lost>,
    pub why: Vec<String>,
    /// Something that people see or read, and that neither the container nor a file beside it can hold.
    pub homeless: Option<String>,
}

impl Rest {
    fn lose(&mut self, stream: &Stream, why: &str) {
        self.homeless.get_or_insert_with(|| format!("{}: {why}", words::stream(stream)));
        self.lost.push(lost(stream, why));
    }
}

/// Decides subtitles, pictures, attachments and data streams.
pub fn decide(media: &MediaInfo, policy: &SubtitlePolicy, container: Container) -> Rest {
    let mut rest = Rest::default();
    let all: Vec<&Stream> = media.of_kind(StreamKind::Subtitle).collect();
    let languages: Vec<Option<&str>> = all.iter().map(|s| s.language.as_deref()).collect();
    let keep = language::keep(&policy.languages, &languages);
    for (stream, keep) in all.iter().zip(&keep) {
        if *keep {
            subtitle(stream, policy, container, &mut rest);
        } else {
            rest.why.push(format!("{} is not among the languages to keep", words::stream(stream)));
            rest.lost.push(lost(stream, "its language is not among those to keep"));
        }
    }
    for stream in media.of_kind(StreamKind::Picture) {
        let action = match holds(container, stream) {
            Holds::AsIs => Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None },
            Holds::As(codec) => Action::Picture { codec: codec.to_owned() },
            Holds::No => {
                rest.lose(stream, "the container has no place for it");
                continue;
            }
        };
        let mut planned = planned(stream, container, action);
        planned.disposition.attached_pic = true;
        planned.disposition.default = false;
        rest.pictures.push(planned);
    }
    for stream in media.of_kind(StreamKind::Attachment) {
        if holds(container, stream) == Holds::AsIs {
            let action = Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None };
            rest.attachments.push(planned(stream, container, action));
        } else {
            rest.lose(stream, "MP4 has no attachments");
        }
    }
    for stream in media.of_kind(StreamKind::Data) {
        if container::is_chapter_track(stream) && !media.chapters.is_empty() {
            // The chapters themselves are carried; the new container writes them in its own way.
            continue;
        }
        let why = if container::is_timecode(stream) {
            "the track goes, its start value stays as a tag"
        } else {
            "the container does not carry data tracks"
        };
        rest.lost.push(lost(stream, why));
    }
    rest
}

fn subtitle(stream: &Stream, policy: &SubtitlePolicy, container: Container, rest: &mut Rest) {
    match holds(container, stream) {
        Holds::AsIs => {
            let action = Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag: None };
            rest.subtitles.push(planned(stream, container, action));
        }
        Holds::As(codec) => {
            if matches!(stream.codec.as_str(), "ass" | "ssa") {
                let what = format!("fonts, places and effects of {}", words::stream(stream));
                let why = format!("{codec} has only text, italics and bold");
                rest.lost.push(Lost { source: Some(stream.index), what, why });
            }
            rest.subtitles.push(planned(stream, container, Action::Subtitle { codec: codec.to_owned() }));
        }
        Holds::No => match (sidecar(&stream.codec), policy.image_sidecars) {
            (Some((extension, muxer)), true) => {
                let suffix = suffix(stream, extension, &rest.sidecars);
                rest.sidecars.push(Sidecar { source: stream.index, suffix, muxer: muxer.to_owned() });
            }
            (Some(_), false) => rest.lose(stream, "the container has no image subtitles, sidecars are off"),
            (None, _) => rest.lose(stream, "neither the container nor a file beside it can hold it"),
        },
    }
}

/// Extension and muxer of the file beside the result that holds image subtitles bit for bit.
fn sidecar(codec: &str) -> Option<(&'static str, &'static str)> {
    match codec {
        "hdmv_pgs_subtitle" => Some(("sup", "sup")),
        // The pair .idx/.sub cannot be written by ffmpeg; Matroska keeps pictures, palette and times.
        "dvd_subtitle" | "dvb_subtitle" | "hdmv_text_subtitle" => Some(("mks", "matroska")),
        _ => None,
    }
}

/// `.ger.forced.2.sup`: language, kind, a number where the name is taken.
fn suffix(stream: &Stream, extension: &str, taken: &[Sidecar]) -> String {
    let language = stream.language.as_deref().map_or_else(|| "und".to_owned(), language::normal);
    // A tag may hold anything; a file name may not.
    let language: String =
        language.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(12).collect();
    let language = if language.is_empty() { "und".to_owned() } else { language };
    let kind = match stream.disposition {
        d if d.forced => ".forced",
        d if d.hearing_impaired || d.captions => ".sdh",
        _ => "",
    };
    let base = format!(".{language}{kind}");
    let free = |s: &String| !taken.iter().any(|t| t.suffix == *s);
    (2..)
        .map(|n| format!("{base}.{n}.{extension}"))
        .take(taken.len() + 1)
        .fold(Some(format!("{base}.{extension}")).filter(free), |found, next| {
            found.or_else(|| Some(next).filter(free))
        })
        .unwrap_or_else(|| format!("{base}.{}.{extension}", stream.index))
}

fn lost(stream: &Stream, why: &str) -> Lost {
    Lost { source: Some(stream.index), what: words::stream(stream), why: why.to_owned() }
}

fn planned(stream: &Stream, container: Container, action: Action) -> StreamPlan {
    StreamPlan {
        source: stream.index,
        action,
        language: language::written(container, stream),
        title: stream.title.clone(),
        disposition: flags::written(container, stream),
    }
}
