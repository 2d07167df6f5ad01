//! A plan as ffmpeg's arguments. Pure, golden-tested.

mod carried;
mod chapters;
mod cover;
mod encode;
mod filter;
mod labels;
mod likeness;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use carried::{Kept, carried, kept};
pub use chapters::chapters;
pub use cover::comment;
pub use likeness::{Likeness, Ruler, likeness};

use super::encoders::Release;
use crate::model::media::{FrameData, Hdr, MediaInfo, Stream, StreamKind, Video};
use crate::model::plan::{Action, ColorTags, Plan, StreamPlan, ToneMapper, VideoEncode};
use crate::model::policy::Container;

/// The files of a transcode.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    pub input: &'a Path,
    /// May end in `.part`: the muxer is named with `-f`.
    pub output: &'a Path,
    /// One output per [`Plan::sidecars`], same order.
    pub sidecars: &'a [&'a Path],
    /// One input per [`Plan::attached`], same order, made by [`picture`] before; for Ogg, by [`comment`] of it.
    pub pictures: &'a [&'a Path],
    /// [`chapters`], where the plan [opens](Plan::opens_chapters) them.
    pub chapters: Option<&'a Path>,
}

/// The arguments (without the program) of the transcode, with `-progress pipe:1 -nostdin -nostats -y`.
pub fn transcode(plan: &Plan, media: &MediaInfo, files: Files<'_>, release: Release) -> Vec<OsString> {
    let mut line = Line::quiet();
    // A subtitle track may stay silent for minutes; the default queue would overflow waiting for its first packet.
    let queue = ["-max_muxing_queue_size", "4096"];
    if let Some(encode) = plan.streams.iter().find_map(encode_of) {
        line.0.extend(encode::device(encode).into_iter().map(OsString::from));
    }
    let maps = |e: &VideoEncode| e.tone_mapper == ToneMapper::Libplacebo;
    if plan.streams.iter().filter_map(encode_of).any(maps) {
        line.words(filter::DEVICE);
    }
    if plan.generate_timestamps {
        line.words(&["-fflags", "+genpts"]);
    }
    // Pictures come back to memory by themselves, so that every filter and encoder goes on as without; what the card cannot
    // decode after all, ffmpeg decodes in software.
    if let Some(decode) = plan.streams.iter().find_map(encode_of).and_then(|encode| encode.decode.as_ref()) {
        line.word("-hwaccel").word(&decode.accel);
        if let Some(device) = &decode.device {
            line.word("-hwaccel_device").word(device);
        }
    }
    line.word("-i").path(files.input);
    if plan.container == Container::Opus {
        for comment in files.pictures {
            line.words(&["-f", "ffmetadata", "-i"]).path(comment);
        }
    }
    if let Some(chapters) = files.chapters {
        line.words(&["-f", "ffmetadata", "-i"]).path(chapters);
    }
    let mapped: Vec<&StreamPlan> = plan.streams.iter().filter(|s| !plan.attaches(s)).collect();
    // A tone-mapped picture goes through a graph of its own: ffmpeg hands the header of a stream on to the result, and an SDR
    // picture that carries the mastering display of its HDR source is shown too dark or too bright. It does so wherever it
    // sees one source, also for a graph with one input, so the graph has a second one that ends at once. Old versions hand on
    // Dolby Vision's record as well, which promises what is in no frame of the result.
    let own_graph = |s: &StreamPlan| encode_of(s).is_some_and(|e| forgets_header(e, media.stream(s.source)));
    for (n, stream) in mapped.iter().enumerate().filter(|(_, s)| own_graph(s)) {
        if let Some((encode, source)) = encode_of(stream).zip(media.stream(stream.source)) {
            let facts = source.video.clone().unwrap_or_default();
            let chain = filter::video(encode, &facts);
            line.word("-filter_complex").word(format!("[0:{0}]{chain}[v{n}];[0:{0}]nullsink", stream.source));
        }
    }
    for (n, stream) in mapped.iter().enumerate() {
        let name = if own_graph(stream) { format!("[v{n}]") } else { format!("0:{}", stream.source) };
        line.word("-map").word(name);
    }
    metadata(plan, media, files.chapters.is_some(), &mut line);
    if mapped.iter().any(|s| own_graph(s)) {
        // Such a stream has no source whose tags ffmpeg would copy, and naming one means naming all.
        for (n, stream) in mapped.iter().enumerate() {
            line.word(format!("-map_metadata:s:{n}")).word(format!("0:s:{}", stream.source));
        }
    }
    for (n, stream) in mapped.iter().enumerate() {
        one(n, stream, plan, media, release, &mut line);
    }
    let files_of_pictures = plan.attached().zip(files.pictures).enumerate();
    for (n, (stream, path)) in files_of_pictures.filter(|_| plan.container == Container::Matroska) {
        attach(mapped.len() + n, stream, media.stream(stream.source), path, &mut line);
    }
    line.words(&queue);
    muxer(plan, media, &mut line);
    line.path(files.output);
    for (sidecar, path) in plan.sidecars.iter().zip(files.sidecars) {
        line.word("-map").word(format!("0:{}", sidecar.source)).words(&["-c", "copy"]).words(&queue);
        line.word("-f").word(&sidecar.muxer).path(path);
    }
    for kept in kept(plan) {
        carried::output(&format!("0:{}", kept.source), kept.what, &mut line);
    }
    line.0
}

/// Takes one of [`Plan::attached`] out of the source into a file of its own, for [`Files::pictures`].
pub fn picture(stream: &StreamPlan, input: &Path, output: &Path) -> Vec<OsString> {
    let mut line = Line::quiet();
    line.word("-i").path(input).word("-map").word(format!("0:{}", stream.source));
    match &stream.action {
        Action::Picture { codec } => line.word("-c").word(codec).word("-pix_fmt").word(picture_format(codec)),
        _ => line.words(&["-c", "copy"]),
    };
    line.words(&["-frames:v", "1", "-f", "image2pipe"]).path(output);
    line.0
}

/// The chain by which a card makes an SDR picture of this size's HDR one, and what opens the card, for a trial.
pub(super) fn libplacebo(from: &ColorTags) -> (&'static [&'static str], String) {
    (filter::DEVICE, filter::libplacebo(from, Hdr::Pq, None, "yuv420p"))
}

/// The filters that make of a source's frame what the result's has to look like.
pub fn reference(encode: &VideoEncode, source: &Video) -> String {
    filter::reference(encode, source)
}

/// A full decode of every audio and video stream to nowhere, for verification; the cues of `subtitles` (streams) are counted, and
/// the frames of a stream that carry something, each in an output of its own behind the first.
pub fn decode(input: &Path, subtitles: &[u32], frames: &[(u32, FrameData)]) -> Vec<OsString> {
    let mut line = Line::quiet();
    // Turning the picture proves nothing and costs time. `V` is video without attached pictures.
    line.word("-noautorotate").word("-i").path(input);
    line.words(&["-map", "0:V?", "-map", "0:a?"]);
    for stream in subtitles {
        line.word("-map").word(format!("0:{stream}"));
    }
    if !subtitles.is_empty() {
        line.words(&["-c:s", "copy"]);
    }
    line.words(&["-f", "null", "-"]);
    for (stream, what) in frames {
        carried::output(&format!("0:{stream}"), *what, &mut line);
    }
    line.0
}

/// A decode of the end of a file, from `from` seconds on and for `length` seconds or to its end. One thread, so that what
/// is said of a frame is said when it is its turn.
pub(super) fn decode_end(input: &Path, from: f64, length: Option<f64>) -> Vec<OsString> {
    let mut line = Line::quiet();
    line.words(&["-threads", "1"]);
    if from > 0.0 {
        line.word("-ss").word(format!("{from:.3}"));
    }
    line.word("-noautorotate").word("-i").path(input);
    line.words(&["-map", "0:V?", "-map", "0:a?"]);
    if let Some(length) = length {
        line.word("-t").word(format!("{length:.3}"));
    }
    line.words(&["-f", "null", "-"]);
    line.0
}

/// A picture to be taken out of a video stream.
#[derive(Clone, Copy, Debug)]
pub struct Still<'a> {
    pub stream: u32,
    /// Seconds into the file.
    pub at: f64,
    /// The container has an index: a jump lands where it is meant to.
    pub indexed: bool,
    pub filters: &'a str,
    /// Width and height.
    pub size: (u32, u32),
}

/// One picture as raw RGB on stdout.
pub(super) fn still(input: &Path, still: &Still<'_>) -> Vec<OsString> {
    let Still { stream, at, filters, size, .. } = *still;
    // A container without an index is entered somewhere near, maybe after the last key frame: enough of a run-up is decoded
    // and thrown away, where `-ss` before the input alone would show another picture.
    // Encoders of films set one in 250 frames where nobody says otherwise.
    let run_up = if still.indexed { 0.0 } else { 12.0 };
    let mut line = Line::default();
    line.words(&["-hide_banner", "-nostdin", "-nostats", "-v", "error"]).words(filter::device(filters));
    let from = (at - run_up).max(0.0);
    if from > 0.0 {
        line.word("-ss").word(format!("{from:.3}"));
    }
    line.word("-i").path(input).word("-map").word(format!("0:{stream}"));
    line.word("-ss").word(format!("{:.3}", at - from));
    let comma = if filters.is_empty() { "" } else { "," };
    line.word("-vf").word(format!("{filters}{comma}scale={}:{}:flags=area,format=rgb24", size.0, size.1));
    line.words(&["-frames:v", "1", "-f", "rawvideo", "pipe:1"]);
    line.0
}

/// idet over up to 200 frames from `offset` seconds on; its counts come on stderr at level info.
pub(super) fn detect_interlacing(input: &Path, stream: u32, offset: f64) -> Vec<OsString> {
    let mut line = Line::default();
    line.words(&["-hide_banner", "-nostdin", "-nostats", "-v", "info"]);
    if offset > 0.0 {
        line.word("-ss").word(format!("{offset:.3}"));
    }
    line.word("-noautorotate").word("-i").path(input);
    line.word("-map").word(format!("0:{stream}"));
    line.words(&["-vf", "idet", "-frames:v", "200", "-f", "null", "-"]);
    line.0
}

/// A path as ffmpeg's own URL, so that a name like `-x.mkv` or `concat:a.mkv` stays a file name.
pub(super) fn url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// Arguments being written.
#[derive(Debug, Default)]
struct Line(Vec<OsString>);

impl Line {
    fn quiet() -> Self {
        let mut line = Self::default();
        // What each stream held is told at the end, at level verbose; `level` marks each line, so that nothing below a
        // warning is taken for one. `repeat` prints every line, where ffmpeg would fold equal ones.
        line.words(&[
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-y",
            "-v",
            "repeat+level+verbose",
            "-progress",
            "pipe:1",
        ]);
        line
    }
    fn word(&mut self, word: impl AsRef<str>) -> &mut Self {
        self.0.push(word.as_ref().into());
        self
    }
    fn words(&mut self, words: &[&str]) -> &mut Self {
        self.0.extend(words.iter().map(OsString::from));
        self
    }
    fn path(&mut self, path: &Path) -> &mut Self {
        self.0.push(url(path));
        self
    }
    /// `-name:3 value`, an option of the output's stream 3.
    fn option(&mut self, name: &str, n: usize, value: impl AsRef<str>) -> &mut Self {
        self.word(format!("-{name}:{n}")).word(value)
    }
    fn tag(&mut self, n: usize, name: &str, value: &str) -> &mut Self {
        self.word(format!("-metadata:s:{n}")).word(format!("{name}={value}"))
    }
}

fn encode_of(stream: &StreamPlan) -> Option<&VideoEncode> {
    match &stream.action {
        Action::Video(encode) => Some(encode),
        _ => None,
    }
}

/// Container tags and chapters.
fn metadata(plan: &Plan, media: &MediaInfo, own_chapters: bool, line: &mut Line) {
    line.words(&["-map_metadata", "0"]);
    // Ogg has its tags at the stream; a container of one track wants them at the file.
    let music = matches!(plan.container, Container::Mp3 | Container::M4a | Container::Flac | Container::Opus);
    let first = plan.streams.first().and_then(|s| media.stream(s.source));
    if let Some(first) = first.filter(|s| music && media.format == "ogg" && s.kind == StreamKind::Audio) {
        line.word("-map_metadata:g").word(format!("0:s:{}", first.index));
    }
    if plan.container == Container::Opus && plan.attached().next().is_some() {
        line.words(&["-map_metadata:g", "1:g"]);
    }
    // These containers know a language of the file only.
    let single = matches!(plan.container, Container::Mp3 | Container::Flac | Container::Opus);
    if let Some(language) = plan.streams.first().and_then(|s| s.language.as_ref()).filter(|_| single) {
        line.word("-metadata").word(format!("language={language}"));
    }
    line.word("-map_chapters").word(match plan.chapters {
        true if own_chapters => "1",
        true => "0",
        false => "-1",
    });
}

/// One stream of the output.
fn one(n: usize, stream: &StreamPlan, plan: &Plan, media: &MediaInfo, release: Release, line: &mut Line) {
    let Some(source) = media.stream(stream.source) else { return };
    match &stream.action {
        Action::Copy { kind, tag, .. } => {
            line.option("c", n, "copy");
            if let Some(tag) = tag {
                line.option("tag", n, tag);
            }
            let filters = if *kind == StreamKind::Video { packets(source, media) } else { Vec::new() };
            if !filters.is_empty() {
                line.option("bsf", n, filters.join(","));
            }
            for (name, value) in only_in_container(source) {
                line.option(&name, n, value);
            }
            // Matroska hides nothing, and would play what was cut away.
            if plan.container == Container::Matroska && is_cut(source, media) {
                line.option("copypriorss", n, "0");
            }
        }
        Action::Video(encode) => video(n, encode, source, plan, release, line),
        Action::Audio(audio) => {
            line.option("c", n, &audio.encoder);
            line.option("filter", n, heard(source, media) + &filter::audio(audio));
            if audio.bitrate > 0 {
                line.option("b", n, format!("{}k", audio.bitrate));
            }
        }
        Action::Subtitle { codec } => {
            line.option("c", n, codec);
        }
        Action::Picture { codec } => {
            line.option("c", n, codec).option(
                "pix_fmt",
                n,
                if codec == "png" { "rgb24" } else { "yuvj420p" },
            );
        }
    }
    labels::write(n, stream, source, plan, line);
}

/// What packets of a copied video go through.
fn packets(source: &Stream, media: &MediaInfo) -> Vec<&'static str> {
    let mut filters = Vec::new();
    // Several frames packed into one, as DivX did in AVI, is nothing that another container may hold.
    if source.codec == "mpeg4" {
        filters.push("mpeg4_unpack_bframes");
    }
    if source.video.as_ref().is_some_and(|v| v.shown_late > 0) {
        // Whatever `+genpts` makes of them is right only where a B-frame is never referred to.
        if matches!(source.codec.as_str(), "h264" | "hevc") {
            filters.push("dts2pts");
        }
        filters.push("setts=pts=PTS-STARTPTS+STARTDTS:dts=DTS-STARTPTS+STARTDTS");
    } else if media.format == "avi" && matches!(source.codec.as_str(), "h264" | "hevc") {
        // `+genpts` always counts with B-frames here, and would show each frame when the next one is due.
        filters.push("setts=pts=DTS");
    }
    filters
}

/// The colours of a copy, where only the container tells them and ffmpeg may have forgotten what it told.
fn only_in_container(source: &Stream) -> Vec<(String, String)> {
    let Some(video) = source.video.as_ref().filter(|video| video.tagged_by_container) else {
        return Vec::new();
    };
    encode::tags(&ColorTags {
        primaries: video.color_primaries.clone(),
        transfer: video.color_transfer.clone(),
        matrix: video.color_space.clone(),
        range: None,
    })
}

/// An edit list hides the beginning of this sound.
fn is_cut(source: &Stream, media: &MediaInfo) -> bool {
    media.hidden_sound(source) > 0.0
}

/// Takes off what an edit list hides of the first packet: some versions of ffmpeg decode all of it.
fn heard(source: &Stream, media: &MediaInfo) -> String {
    let start = source.start_time.unwrap_or(0.0) - media.start_time.unwrap_or(0.0);
    if is_cut(source, media) { format!("atrim=start={:.6},", start.max(0.0)) } else { String::new() }
}

fn picture_format(codec: &str) -> &'static str {
    if codec == "png" { "rgb24" } else { "yuvj420p" }
}

/// A picture as a file attached to a Matroska file. By its type players and ffprobe know it as a cover.
fn attach(n: usize, stream: &StreamPlan, source: Option<&Stream>, path: &Path, line: &mut Line) {
    let (mime, ending) =
        if stream.action.codec() == "png" { ("image/png", "png") } else { ("image/jpeg", "jpg") };
    let old =
        source.and_then(|s| s.tags.get("filename")).filter(|name| name.to_lowercase().ends_with(ending));
    let name = old.cloned().unwrap_or_else(|| format!("cover.{ending}"));
    // ffmpeg opens this name as a URL like any other.
    line.word("-attach").path(path).tag(n, "mimetype", mime).tag(n, "filename", &name);
    if let Some(title) = &stream.title {
        line.tag(n, "title", title);
    }
}

/// What the source's header says of HDR is not true of the result.
fn forgets_header(encode: &VideoEncode, source: Option<&Stream>) -> bool {
    let vision = source.and_then(|s| s.video.as_ref()).is_some_and(|v| v.dolby_vision.is_some());
    encode.tone_map.is_some() || vision && !encode.keep.contains(&FrameData::DolbyVision)
}

fn video(n: usize, encode: &VideoEncode, source: &Stream, plan: &Plan, release: Release, line: &mut Line) {
    line.option("c", n, &encode.encoder);
    let facts = source.video.clone().unwrap_or_default();
    if !forgets_header(encode, Some(source)) {
        line.option("filter", n, filter::video(encode, &facts));
    }
    for (name, value) in encode::options(encode, release) {
        line.option(&name, n, value);
    }
    if plan.container == Container::Mp4 && encode.codec == "hevc" {
        // Apple plays HEVC in MP4 only under this tag.
        line.option("tag", n, "hvc1");
    }
    // Frames keep their own times; the option got a new name in 5.1, and the old one will go.
    let modern = release.is_none_or(|r| r >= (5, 1));
    line.option(if modern { "fps_mode" } else { "vsync" }, n, "vfr");
    if varies(&facts) && encode.fps.is_none() {
        // Times on the grid of an average rate would move frames and drop the close ones.
        line.option("enc_time_base", n, if release.is_none_or(|r| r >= (6, 1)) { "demux" } else { "-1" });
    }
    line.0.extend(encode.extra_args.iter().map(OsString::from));
}

/// The average rate is not the base rate.
fn varies(video: &Video) -> bool {
    let number = |r: Option<(u32, u32)>| r.filter(|(_, d)| *d > 0).map(|(n, d)| f64::from(n) / f64::from(d));
    match (number(video.frame_rate), number(video.avg_frame_rate)) {
        (Some(base), Some(average)) if average > 0.0 => (base / average - 1.0).abs() > 0.01,
        _ => false,
    }
}

/// The muxer and its options.
fn muxer(plan: &Plan, media: &MediaInfo, line: &mut Line) {
    let vision = plan.streams.iter().any(|s| {
        let source = media.stream(s.source).and_then(|s| s.video.as_ref());
        let copied = matches!(s.action, Action::Copy { .. });
        let kept = encode_of(s).is_some_and(|e| e.keep.contains(&FrameData::DolbyVision));
        (copied || kept) && source.is_some_and(|v| v.dolby_vision.is_some())
    });
    match plan.container {
        Container::Mp4 => {
            line.words(&["-movflags", "+faststart"]);
            if vision {
                // The Dolby Vision record is no part of ISO's standard, so the muxer writes it only when told.
                line.words(&["-strict", "unofficial"]);
            }
            line.words(&["-f", "mp4"]);
        }
        Container::M4a => {
            line.words(&["-movflags", "+faststart", "-f", "ipod"]);
        }
        // Version 3 is what car radios and Windows read, 4 is what they do not.
        Container::Mp3 => {
            line.words(&["-id3v2_version", "3", "-f", "mp3"]);
        }
        Container::Opus => {
            line.words(&["-f", "opus"]);
        }
        Container::Flac => {
            line.words(&["-f", "flac"]);
        }
        Container::Matroska | Container::Same => {
            line.words(&["-f", "matroska"]);
        }
    }
}
