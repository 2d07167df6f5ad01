//! Quick facts against ffprobe's, over every clip there is; damage of every kind.

mod memory;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rayon::prelude::*;

use super::{covered, enough, read};
use crate::ffmpeg::{probe, tools};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::media::{FrameData, MediaInfo};
use crate::model::plan::Decision;
use crate::model::policy::{Container, Policy, TypeFilter};
use crate::plan;
use crate::scan::examine;

/// One clip, by our reader and by ffprobe; `None` where the one steps back, or the other cannot read it.
struct Clip {
    name: String,
    quick: Option<MediaInfo>,
    slow: Option<MediaInfo>,
}

/// All clips there are, both ways; none without ffprobe.
fn clips() -> &'static [Clip] {
    static CLIPS: OnceLock<Vec<Clip>> = OnceLock::new();
    CLIPS.get_or_init(|| {
        let Ok(tools) = tools::find(None, None) else {
            println!("SKIPPED: no ffprobe");
            return Vec::new();
        };
        let paths: Vec<PathBuf> = library().iter().cloned().chain(samples()).collect();
        let both = |path: PathBuf| {
            let quick = read(&path);
            let slow = quick.as_ref().and_then(|_| probed(&tools, &path));
            Clip { name: path.file_name().expect("a name").to_string_lossy().into_owned(), quick, slow }
        };
        paths.into_par_iter().map(both).collect()
    })
}

/// Clips made by `tests/media/generate.sh`, kept between runs; none where it cannot run.
fn library() -> &'static [PathBuf] {
    static LIBRARY: OnceLock<Vec<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(generated)
}

fn generated() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let into = root.join("target/tmp").join(format!("library-{}", edition()));
    let script = root.join("tests/media/generate.sh");
    match std::process::Command::new("bash").arg(script).arg(&into).status() {
        Ok(status) if status.success() => files(&into),
        other => {
            println!("SKIPPED: clips could not be made: {other:?}");
            Vec::new()
        }
    }
}

/// The generator's edition: another script makes other clips.
fn edition() -> String {
    blake3::hash(include_bytes!("../../../tests/media/generate.sh")).to_hex()[..12].to_owned()
}

/// Clips that other projects publish.
fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media");
    let found = if folder.is_dir() { files(&folder) } else { Vec::new() };
    if found.is_empty() {
        println!("SKIPPED: no samples in ../shared/media");
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder of clips")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e != "md"))
        .collect();
    found.sort();
    found
}

/// The edition of what reads ffprobe's words: facts that an older one read are read again.
fn reader() -> &'static str {
    static READER: OnceLock<String> = OnceLock::new();
    READER.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut words = blake3::Hasher::new();
        for file in [source.join("model/media.rs"), source.join("ffmpeg/probe.rs")]
            .into_iter()
            .chain(files(&source.join("ffmpeg/probe")))
        {
            words.update(&std::fs::read(file).expect("its source"));
        }
        words.finalize().to_hex()[..12].to_owned()
    })
}

/// ffprobe's facts, remembered beside the clip by ffprobe's version and ours; `None` where it cannot read it.
fn probed(tools: &tools::Tools, path: &Path) -> Option<MediaInfo> {
    let name = path.file_name().expect("a name").to_string_lossy();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/tmp/probed")
        .join(&tools.version)
        .join(edition())
        .join(reader());
    let kept = folder.join(format!("{name}.{}.json", path.metadata().expect("a file").len()));
    if let Ok(json) = std::fs::read(&kept) {
        return serde_json::from_slice(&json).expect("what was kept");
    }
    let media = probe::probe(tools, path).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(&kept, serde_json::to_vec(&media).expect("JSON")).expect("room on the disk");
    media
}

/// Fields that differ, as lines of JSON.
fn differences(quick: &MediaInfo, slow: &MediaInfo) -> Vec<String> {
    let lines = |media: &MediaInfo| serde_json::to_string_pretty(&covered(media)).expect("JSON");
    let (quick, slow) = (lines(quick), lines(slow));
    let (quick, slow): (Vec<&str>, Vec<&str>) = (quick.lines().collect(), slow.lines().collect());
    let mut found = Vec::new();
    if quick.len() != slow.len() {
        found.push(format!("{} lines and {}", quick.len(), slow.len()));
        found.extend(quick.iter().filter(|l| !slow.contains(l)).map(|l| format!("quick has {}", l.trim())));
        found.extend(slow.iter().filter(|l| !quick.contains(l)).map(|l| format!("ffprobe has {}", l.trim())));
        return found;
    }
    for (q, s) in quick.iter().zip(&slow) {
        if q != s && !both_within_a_tenth(q, s) {
            found.push(format!("quick {} ffprobe {}", q.trim(), s.trim()));
        }
    }
    found
}

/// From version 6 on, ffprobe counts a stream's late start into an MP4's length, where its header and version 5 do not.
/// Lengths of one second or more then differ by less than a tenth of a second, and the bit rate with them.
fn both_within_a_tenth(quick: &str, slow: &str) -> bool {
    let value = |line: &str, name: &str| {
        line.trim()
            .strip_prefix(name)?
            .trim_start_matches(['"', ':', ' '])
            .trim_end_matches(',')
            .parse::<f64>()
            .ok()
    };
    ["\"duration", "\"bit_rate"].iter().any(|name| match (value(quick, name), value(slow, name)) {
        (Some(quick), Some(slow)) => (quick - slow).abs() <= 0.1 * quick.min(slow),
        _ => false,
    })
}

#[test]
fn quick_facts_are_ffprobes_facts_over_every_clip() {
    let (mut known, mut wrong) = (0, Vec::new());
    for clip in clips() {
        let Some(quick) = &clip.quick else {
            println!("steps back: {}", clip.name);
            continue;
        };
        known += 1;
        let found = match &clip.slow {
            Some(slow) => differences(quick, slow),
            None => vec!["ffprobe cannot read it".to_owned()],
        };
        if !found.is_empty() {
            wrong.push(format!("{}: {found:#?}", clip.name));
        }
    }
    // The generated ones come first.
    let made = clips().iter().take(library().len()).filter(|clip| clip.quick.is_some()).count();
    println!("{known} of {} read, {made} of them of {} generated", clips().len(), library().len());
    assert!(wrong.is_empty(), "{} differ: {}", wrong.len(), wrong.join("\n"));
    assert!(library().is_empty() || made >= 300, "only {made} of {} are read", library().len());
}

/// Every profile, and two that ask for more.
fn policies() -> Vec<Policy> {
    let mut all: Vec<Policy> = plan::profile_names().iter().filter_map(|name| plan::profile(name)).collect();
    let mut limited = plan::profile("universal").expect("a profile");
    limited.video.max_bitrate = Some(400);
    all.push(limited);
    let mut languages = plan::profile("remux").expect("a profile");
    languages.container = Container::Matroska;
    languages.audio.languages = vec!["eng".to_owned()];
    all.push(languages);
    all
}

/// A machine that has everything, so that the answer is a plan wherever one is possible.
fn able() -> Caps {
    let works = |name: &str, codec: &str| EncoderCap {
        name: name.to_owned(),
        codec: codec.to_owned(),
        hardware: false,
        device: None,
        ten_bit: true,
        keeps: (name == "libx264").then_some(FrameData::Captions).into_iter().collect(),
        sessions: None,
        largest: None,
        verdict: Verdict::Works { fps: 100.0 },
    };
    let encoders = vec![works("libx264", "h264"), works("libx265", "hevc"), works("libsvtav1", "av1")];
    Caps { encoders, filters: ["zscale", "tonemap"].map(str::to_owned).into(), ..Caps::default() }
}

#[test]
fn what_headers_lead_to_is_what_ffprobes_facts_lead_to() {
    let caps = able();
    let (mut rested, mut foreseen) = (0, 0);
    for clip in clips() {
        let (Some(quick), Some(slow)) = (&clip.quick, &clip.slow) else { continue };
        for (policy, types) in policies().iter().flat_map(|p| TYPES.map(|t| (p, t))) {
            let subject = |media| plan::Subject { name: &clip.name, media, interlaced: None };
            let decide = |media| plan::decide(subject(media), policy, &caps, types);
            let frames = |media| plan::wants_frames(subject(media), policy);
            if !enough(quick, policy) || frames(quick) {
                continue;
            }
            let about = format!("{} by {}", clip.name, policy.name);
            assert!(!frames(slow), "{about}");
            match (decide(quick), decide(slow)) {
                (Decision::Convert(quick), Decision::Convert(slow)) => {
                    assert_eq!(quick.why, slow.why, "{about}");
                }
                (quick, slow) => {
                    assert_eq!(quick, slow, "{about}");
                    rested += usize::from(examine::may_rest(&quick));
                }
            }
            foreseen += 1;
        }
    }
    println!("{foreseen} decisions foreseen, {rested} to leave a file alone, over {} clips", clips().len());
    assert!(library().is_empty() || (foreseen > 5000 && rested > 2000), "{foreseen}, {rested}");
}

const TYPES: [TypeFilter; 3] = [TypeFilter::Both, TypeFilter::Audio, TypeFilter::Video];

/// Whole clips in memory, of both formats and of every codec that is read.
fn whole() -> Vec<Vec<u8>> {
    let wanted = [
        "title-h264b.mkv",
        "font-hevc10.mkv",
        "front-h264709.mp4",
        "v-hevcsar.mp4",
        "a-eac3.mkv",
        "a-vorbis.mkv",
    ];
    let found: Vec<Vec<u8>> = library()
        .iter()
        .filter(|path| wanted.iter().any(|name| path.ends_with(name)))
        .map(|path| std::fs::read(path).expect("a clip"))
        .collect();
    assert!(found.is_empty() || found.len() == wanted.len());
    found
}

/// Reads damaged bytes: no panic, an end, no more reads than the budget, and no more memory than a few MiB.
fn survives(bytes: Vec<u8>) {
    let size = bytes.len() as u64;
    let started = std::time::Instant::now();
    let used = memory::peak(|| {
        let _ = super::from(std::io::Cursor::new(bytes), size);
    });
    assert!(used <= memory::MOST, "{used} bytes");
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "an endless loop, or nearly one");
}

#[test]
fn damage_of_every_kind_is_survived() {
    let clips = whole();
    if clips.is_empty() {
        return;
    }
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let damage =
        (0..clips.len(), any::<u64>(), proptest::collection::vec((any::<u32>(), any::<u8>(), 0..6u8), 1..12));
    runner
        .run(&damage, |(clip, cut, hits)| {
            let mut bytes = clips[clip].clone();
            for (at, value, how) in hits {
                // Headers are at the front, and at the back of a file written in one go.
                let near = (at % 6000) as usize;
                let at = if at & 1 == 0 { near } else { bytes.len().saturating_sub(near + 1) };
                let Some(rest) = bytes.get_mut(at..) else { continue };
                match how {
                    0 => rest[0] ^= 1 << (value & 7),
                    1 => rest[0] = value,
                    // A length field at its largest, at zero, and one that asks for a terabyte.
                    2 => rest.iter_mut().take(8).for_each(|byte| *byte = 0xff),
                    3 => rest.iter_mut().take(4).for_each(|byte| *byte = 0),
                    4 => rest
                        .iter_mut()
                        .take(8)
                        .zip([1, 0, 0, 1, 0, 0, 0, 0])
                        .for_each(|(byte, is)| *byte = is),
                    _ => rest
                        .iter_mut()
                        .take(4)
                        .zip([0x7f, 0xff, 0xff, 0xff])
                        .for_each(|(byte, is)| *byte = is),
                }
            }
            if cut % 4 == 0 {
                bytes.truncate((cut >> 2) as usize % (bytes.len() + 1));
            }
            survives(bytes);
            Ok(())
        })
        .expect("no damage may do more than make the reader step back");
}

#[test]
fn every_truncation_of_a_header_is_survived() {
    for clip in whole() {
        for length in (0..clip.len().min(6000)).step_by(7) {
            survives(clip[..length].to_vec());
        }
    }
}

#[test]
fn bytes_that_are_no_media_are_for_ffprobe() {
    proptest!(|(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0..3u8)| {
        let start: &[u8] = match kind {
            0 => b"\x1a\x45\xdf\xa3",
            1 => b"\0\0\0\x14ftypisom",
            _ => b"",
        };
        bytes.splice(0..0, start.iter().copied());
        let size = bytes.len() as u64;
        prop_assert!(super::from(std::io::Cursor::new(bytes), size).is_none());
    });
}

#[test]
fn a_film_takes_a_few_reads() {
    for path in library() {
        let file = std::fs::File::open(path).expect("a clip");
        let size = file.metadata().expect("a size").len();
        let mut source = super::Source::new(file, size);
        let is_mp4 = source.up_to(0, 8).is_some_and(|start| &start[4..8] == b"ftyp");
        let read = if is_mp4 { super::mp4::read(&mut source) } else { super::matroska::read(&mut source) };
        if read.is_some() {
            assert!(source.reads() <= 5, "{} reads of {}", source.reads(), path.display());
        }
    }
}
