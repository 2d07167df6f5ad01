//! What is decided for each kind of file by each profile, and the argv that comes of it, as files that a person reviewed.
//!
//! The records in `src/plan/testdata/*.json` are ffprobe's answers about real clips (`make.py` there makes them);
//! `*.golden` beside them is what this test writes with `UPDATE_GOLDEN=1`, and compares with otherwise.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::ffmpeg::{args, probe};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::encoders::EncoderChoice;
use crate::model::media::{FrameData, MediaInfo};
use crate::model::plan::{Action, Decision, Plan, StreamPlan};
use crate::model::policy::{Policy, Quality, TypeFilter, VideoCodec};
use crate::plan::{self, Subject};

/// ffmpeg 5.1 with its software encoders, or a newer one with every encoder there is.
pub(super) fn caps(release: (u32, u32), encoders: &[&str]) -> Caps {
    let encoder = |name: &&str| EncoderCap {
        name: (*name).to_owned(),
        codec: String::new(),
        hardware: !name.starts_with("lib"),
        device: name.ends_with("_vaapi").then(|| "/dev/dri/renderD128".to_owned()),
        ten_bit: true,
        keeps: ["libx264", "h264_nvenc", "hevc_nvenc", "h264_videotoolbox"]
            .contains(name)
            .then_some(FrameData::Captions)
            .into_iter()
            .collect(),
        sessions: None,
        largest: None,
        verdict: Verdict::Works { fps: 100.0 },
    };
    Caps {
        version: format!("{}.{}", release.0, release.1),
        release: Some(release),
        encoders: encoders.iter().map(encoder).collect(),
        filters: ["zscale", "tonemap"].iter().map(ToString::to_string).collect(),
        ..Caps::default()
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/testdata")
}

/// Name of the clip and what was probed of it, for every record.
pub(super) fn records() -> Vec<(String, MediaInfo)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(testdata())
        .expect("the records are part of the source")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    let record = |path: &PathBuf| {
        let json = std::fs::read(path).expect("a readable record");
        let media = probe::parse(&json).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), media)
    };
    paths.iter().map(record).collect()
}

pub(super) fn compare(file: &str, text: &str) {
    let path = testdata().join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        golden == text,
        "{file} differs; look at it with UPDATE_GOLDEN=1 and git diff. First difference: {:?}",
        text.lines().zip(golden.lines()).find(|(new, old)| new != old)
    );
}

pub(super) fn decide(name: &str, media: &MediaInfo, policy: &Policy, caps: &Caps) -> (bool, Decision) {
    let mut subject = Subject { name, media, interlaced: None };
    let looks = plan::wants_frames(subject, policy);
    if looks {
        subject.interlaced = Some(name.contains("interlaced"));
    }
    (looks, plan::decide(subject, policy, caps, TypeFilter::Both))
}

pub(super) fn argv(plan: &Plan, media: &MediaInfo, release: Option<(u32, u32)>) -> String {
    let names =
        |what: &str, count| (0..count).map(|n| PathBuf::from(format!("{what}{n}"))).collect::<Vec<_>>();
    let (sides, covers) = (names("SIDE", plan.sidecars.len()), names("COVER", plan.attached().count()));
    let refs =
        |paths: &'_ [PathBuf]| paths.iter().map(|p| p.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let (sides, covers) = (refs(&sides), refs(&covers));
    let sidecars: Vec<&Path> = sides.iter().map(Path::new).collect();
    let pictures: Vec<&Path> = covers.iter().map(Path::new).collect();
    let files = args::Files {
        input: Path::new("IN"),
        output: Path::new("OUT"),
        sidecars: &sidecars,
        pictures: &pictures,
        chapters: plan.opens_chapters(media).then(|| Path::new("CHAPTERS")),
    };
    let line = args::transcode(plan, media, files, release);
    let words: Vec<String> = line.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let prefix = "-hide_banner -nostdin -nostats -y -v repeat+level+verbose -progress pipe:1 ";
    let line = words.join(" ");
    line.strip_prefix(prefix).expect("every line begins alike").to_owned()
}

fn stream_words(n: usize, stream: &StreamPlan) -> String {
    let mut text = format!("  {n} ← {} ", stream.source);
    let _ = match &stream.action {
        Action::Copy { codec, .. } => write!(text, "copy {codec}"),
        Action::Video(v) => {
            write!(text, "{} {}×{} {} q{}", v.encoder, v.width, v.height, v.pix_fmt, v.quality)
        }
        Action::Audio(a) => {
            write!(
                text,
                "{} {}ch {} {}k",
                a.encoder,
                a.channels,
                a.layout.as_deref().unwrap_or("?"),
                a.bitrate
            )
        }
        Action::Subtitle { codec } | Action::Picture { codec } => write!(text, "to {codec}"),
    };
    let _ = write!(text, "{}", stream.language.as_ref().map(|l| format!(" ({l})")).unwrap_or_default());
    let _ = write!(text, "{}", stream.title.as_ref().map(|t| format!(" «{t}»")).unwrap_or_default());
    text
}

fn decision_words(
    looks: bool,
    decision: &Decision,
    media: &MediaInfo,
    release: Option<(u32, u32)>,
) -> String {
    let mut text = String::new();
    if looks {
        text.push_str("  (after a look at the frames)\n");
    }
    match decision {
        Decision::Skip(skip) => {
            let _ = writeln!(text, "  skip {:?}: {}", skip.code, skip.words);
        }
        Decision::Convert(plan) => {
            let _ = writeln!(text, "  make {}: {}", plan.output_name("STEM"), plan.why.join("; "));
            for (n, stream) in plan.streams.iter().enumerate() {
                let _ = writeln!(text, "{}", stream_words(n, stream));
            }
            for sidecar in &plan.sidecars {
                let _ = writeln!(text, "  beside ← {} STEM{}", sidecar.source, sidecar.suffix);
            }
            for lost in &plan.lost {
                let _ = writeln!(text, "  lost {}: {}", lost.what, lost.why);
            }
            let _ = writeln!(text, "  argv {}", argv(plan, media, release));
        }
    }
    text
}

#[test]
fn every_profile_decides_about_every_record_as_reviewed() {
    let caps = caps((5, 1), &["libx264", "libx265", "libsvtav1"]);
    let records = records();
    assert!(records.len() >= 60, "only {} records", records.len());
    for (name, media) in &records {
        let mut text = String::new();
        for profile in plan::profile_names() {
            let policy = plan::profile(profile).expect("a name from the list");
            let (looks, decision) = decide(name, media, &policy, &caps);
            let _ = write!(text, "{profile}\n{}", decision_words(looks, &decision, media, caps.release));
        }
        compare(&format!("{name}.golden"), &text);
    }
}

#[test]
fn a_result_is_never_converted_again() {
    let caps = caps((5, 1), &["libx264", "libx265", "libsvtav1"]);
    for (name, media) in records() {
        for profile in plan::profile_names() {
            let policy = plan::profile(profile).expect("a name from the list");
            let (_, Decision::Convert(plan)) = decide(&name, &media, &policy, &caps) else { continue };
            let again = plan::expected(&plan, &media);
            let output = plan.output_name("result");
            let (looks, decision) = decide(&output, &again, &policy, &caps);
            assert!(!looks, "{name} by {profile}: the result's frames would be looked at");
            assert!(
                matches!(&decision, Decision::Skip(skip) if skip.code == crate::model::plan::SkipCode::Fits),
                "{name} by {profile} would be converted again: {decision:?}"
            );
        }
    }
}

/// The encoders that run on a card and that a profile may use.
pub(super) const CARDS: [&str; 14] = [
    "h264_nvenc",
    "hevc_nvenc",
    "av1_nvenc",
    "h264_qsv",
    "hevc_qsv",
    "av1_qsv",
    "h264_vaapi",
    "hevc_vaapi",
    "av1_vaapi",
    "h264_amf",
    "hevc_amf",
    "av1_amf",
    "h264_videotoolbox",
    "hevc_videotoolbox",
];

/// What an encoder makes.
pub(super) fn codec_of(encoder: &str) -> VideoCodec {
    VideoCodec::ALL.into_iter().find(|codec| plan::makes(*codec, encoder)).expect("an encoder of ours")
}

#[test]
fn every_encoder_gets_the_words_that_were_reviewed() {
    const SOFTWARE: [&str; 4] = ["libx264", "libx265", "libsvtav1", "libaom-av1"];
    // An ordinary film, and those whose filters each encoder has to get along with.
    let asked = [
        ("mpeg4-mp3.avi", None, Quality::Standard),
        ("mpeg4-mp3.avi", Some(8000), Quality::High),
        ("hevc-hdr10-4k.mkv", None, Quality::Standard),
        ("mpeg2-interlaced.ts", None, Quality::Small),
        ("ffv1-rgb-hd.mkv", None, Quality::Value(20.0)),
    ];
    let records = records();
    let mut text = String::new();
    for (encoder, libplacebo) in SOFTWARE.iter().chain(&CARDS).map(|name| (*name, false)).chain([
        ("libx264", true),
        ("h264_nvenc", true),
        ("h264_vaapi", true),
    ]) {
        let mut caps = caps((7, 1), &[encoder]);
        caps.libplacebo = libplacebo.then_some(Verdict::Works { fps: 0.0 });
        for (name, ceiling, quality) in
            asked.iter().filter(|(name, ..)| !libplacebo || name.contains("hdr10"))
        {
            let (_, media) = records.iter().find(|(record, _)| record == name).expect("the record is there");
            let mut policy = plan::profile("universal").expect("a built-in profile");
            policy.video.encoder = EncoderChoice::default();
            policy.video.quality = *quality;
            policy.video.max_bitrate = *ceiling;
            policy.video.codec = Some(codec_of(encoder));
            policy.video.bit_depth = if policy.video.codec == Some(VideoCodec::H264) { 8 } else { 10 };
            let (_, decision) = decide(name, media, &policy, &caps);
            let words = match decision {
                Decision::Convert(plan) => argv(&plan, media, caps.release),
                Decision::Skip(skip) => format!("skip: {}", skip.words),
            };
            let with = if libplacebo { ", a card that maps" } else { "" };
            let ceiling = ceiling.map_or_else(String::new, |c| format!(", at most {c} kbit/s"));
            let _ = writeln!(text, "{encoder}, {name}{ceiling}{with}\n  {words}");
        }
    }
    compare("encoders.golden", &text);
}
