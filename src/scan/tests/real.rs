//! The lines that plans become, run by the real ffmpeg on clips made on the spot: the result is what was expected of it,
//! read from its streams, and it is not converted again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ffmpeg::{args, probe, tools, tools::Tools};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::media::{FrameData, MediaInfo, Stream, StreamKind};
use crate::model::plan::{Action, Decision, Plan, SkipCode};
use crate::model::policy::{DynamicHdr, Policy, Stereo, TypeFilter};
use crate::plan;
use crate::scan::examine::{self, Rules};
use crate::sys::process::{self, Spawn};

/// Longer than an encode here takes on a loaded machine, under wine as well; only a hang meets it.
const DEADLINE: Duration = Duration::from_secs(600);

/// The tools and what they certainly can, or nothing where this machine has no ffmpeg.
fn tools() -> Option<(Tools, Caps)> {
    let Ok(tools) = tools::find(None, None) else {
        println!("SKIPPED: real encodes, there is no ffmpeg here");
        return None;
    };
    // Some distributions ship an ffmpeg without patented codecs.
    let list = |what: &str| listing(&tools, what);
    let all = format!("{}{}", list("-encoders"), list("-filters"));
    let needs = ["libx264", "libx265", "libvpx-vp9", "libmp3lame", "libopus", "zscale", "tonemap"];
    if let Some(missing) = needs.iter().find(|name| !all.contains(&format!(" {name} "))) {
        println!("SKIPPED: real encodes, this ffmpeg has no {missing}");
        return None;
    }
    let works = |name: &str| EncoderCap {
        name: name.to_owned(),
        codec: String::new(),
        hardware: false,
        device: None,
        ten_bit: true,
        keeps: (name == "libx264").then_some(FrameData::Captions).into_iter().collect(),
        sessions: None,
        largest: None,
        verdict: Verdict::Works { fps: 1.0 },
    };
    let caps = Caps {
        version: tools.version.clone(),
        release: tools.release,
        encoders: vec![works("libx264"), works("libx265")],
        filters: ["zscale", "tonemap"].iter().map(ToString::to_string).collect(),
        ..Caps::default()
    };
    Some((tools, caps))
}

fn listing(tools: &Tools, what: &str) -> String {
    let args = vec!["-hide_banner".into(), what.into()];
    let spawn = Spawn { program: tools.ffmpeg.clone(), args, background: false };
    let output = process::output(&spawn, DEADLINE, 1 << 20).expect("ffmpeg starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ffmpeg(tools: &Tools, args: Vec<std::ffi::OsString>) -> String {
    let line = format!("{args:?}");
    let spawn = Spawn { program: tools.ffmpeg.clone(), args, background: false };
    let output = process::output(&spawn, DEADLINE, 1 << 20).expect("ffmpeg starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.ended.success() && !output.timed_out, "{line}\n{stderr}");
    stderr
}

/// Makes a clip; `{…}` names a file of the folder.
fn make(tools: &Tools, dir: &Path, recipe: &str, name: &str) -> PathBuf {
    let path = dir.join(name);
    let file = |word: &str| match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
        Some(name) => dir.join(name).into_os_string(),
        None => word.into(),
    };
    let mut args: Vec<_> = "-nostdin -v error -y".split(' ').map(Into::into).collect();
    args.extend(recipe.split_whitespace().map(file));
    args.push(path.clone().into_os_string());
    ffmpeg(tools, args);
    path
}

/// What decides whether two streams are the same to a viewer; what only the bytes decide is left out.
fn facts(stream: &Stream) -> String {
    let video = stream.video.as_ref().filter(|_| stream.kind == StreamKind::Video).map(|v| {
        // No range is the limited one, to every player; ffmpeg writes it into some containers from version 7 on.
        let range = v.color_range.as_deref().unwrap_or("tv");
        let color = (&v.color_primaries, &v.color_transfer, &v.color_space, range);
        let hdr = (&v.mastering, v.content_light, v.hdr10_plus, v.dolby_vision);
        format!("{}×{} {} {:?} turned {} {color:?} {hdr:?}", v.width, v.height, v.pix_fmt, v.sar, v.rotation)
    });
    let audio = stream.audio.as_ref().map(|a| format!("{} channels, {} Hz", a.channels, a.sample_rate));
    format!(
        "{:?} {} {:?} {:?} {:?} {video:?} {audio:?}",
        stream.kind, stream.codec, stream.language, stream.title, stream.disposition
    )
}

fn convert(tools: &Tools, source: &Path, media: &MediaInfo, plan: &Plan, dir: &Path) -> PathBuf {
    let output = dir.join(plan.output_name(&format!("{} {}", plan.profile, plan.streams.len())));
    let numbered =
        |what: &str, count| (0..count).map(|n| dir.join(format!("{what}{n}.part"))).collect::<Vec<_>>();
    let (sides, covers) = (numbered("side", plan.sidecars.len()), numbered("cover", plan.attached().count()));
    for (stream, path) in plan.attached().zip(&covers) {
        ffmpeg(tools, args::picture(stream, source, path));
    }
    let sidecars: Vec<&Path> = sides.iter().map(PathBuf::as_path).collect();
    let pictures: Vec<&Path> = covers.iter().map(PathBuf::as_path).collect();
    let files = args::Files {
        input: source,
        output: &output,
        sidecars: &sidecars,
        pictures: &pictures,
        chapters: None,
    };
    ffmpeg(tools, args::transcode(plan, media, files, tools.release));
    for (sidecar, path) in plan.sidecars.iter().zip(&sides) {
        assert!(path.metadata().is_ok_and(|m| m.len() > 0), "{sidecar:?} is empty");
    }
    output
}

/// One clip by one policy: made, compared with what was expected, and decided again. Returns whether it was converted.
fn check(tools: &Tools, caps: &Caps, source: &Path, policy: &Policy) -> bool {
    let rules = Rules { tools, caps, policy, types: TypeFilter::Both };
    let seen = examine::examine(source, rules).expect("a clip that ffmpeg just made");
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Decision::Convert(plan) = seen.decision else { return false };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = convert(tools, source, &seen.media, &plan, dir.path());
    let again = examine::examine(&output, rules).expect("a result that opens");
    let wanted = plan::expected(&plan, &seen.media);
    let list = |media: &MediaInfo| {
        let seen = media.streams.iter().filter(|s| s.kind != StreamKind::Data);
        seen.map(facts).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(list(&again.media), list(&wanted), "{name} by {}", policy.name);
    assert_eq!(again.media.chapters.len(), wanted.chapters.len(), "chapters of {name} by {}", policy.name);
    assert!(
        matches!(&again.decision, Decision::Skip(skip) if skip.code == SkipCode::Fits),
        "{name} by {} would be converted again: {:?}",
        policy.name,
        again.decision
    );
    let ends = probe::measure(tools, &output, probe::Streams::All).expect("packets");
    let (reached, length) =
        (ends.values().map(|m| m.end).fold(0.0, f64::max), seen.media.duration.unwrap_or(0.0));
    assert!((reached - length).abs() < 0.25, "{name} by {}: {reached} s of {length} s", policy.name);
    true
}

const VIDEO: &str = "-f lavfi -i testsrc2=s=320x180:d=0.5:r=25";
const SOUND: &str = "-f lavfi -i sine=d=0.5:r=48000";
const SURROUND: &str = "-f lavfi -i sine=d=0.5:r=48000,pan=5.1(side)|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0";
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const HDR10: &str = "-vf format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
    -c:v libx265 -preset ultrafast -x265-params log-level=error:hdr10=1:repeat-headers=1:\
    master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400 \
    -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";

fn materials(tools: &Tools, dir: &Path) {
    let srt = "1\n00:00:00,100 --> 00:00:00,200\nHallo\n\n2\n00:00:00,300 --> 00:00:00,400\n<i>Zwei</i>\n";
    let chapters = ";FFMETADATA1\ntitle=T\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=2\ntitle=A\n[CHAPTER]\nTIMEBASE=1/10\nSTART=2\nEND=5\ntitle=B\n";
    std::fs::write(dir.join("s.srt"), srt).expect("a file");
    std::fs::write(dir.join("chapters.txt"), chapters).expect("a file");
    std::fs::write(dir.join("font.ttf"), [0u8; 64]).expect("a file");
    make(tools, dir, "-f lavfi -i color=red:s=64x64 -frames:v 1", "cover.png");
    make(tools, dir, "-f lavfi -i color=red:s=64x64 -frames:v 1", "cover.jpg");
}

#[test]
fn every_kind_of_clip_becomes_what_its_plan_says() {
    let Some((tools, caps)) = tools() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    materials(&tools, dir.path());
    let clips = [
        (
            format!(
                "{VIDEO} {SOUND} -i {{s.srt}} -i {{s.srt}} -i {{chapters.txt}} -map 0 -map 1 -map 2 -map 3 -map_metadata 4 {X264} -c:a aac -c:s:0 srt -c:s:1 ass -metadata:s:a language=ger -metadata:s:a title=Deutsch -metadata:s:s:0 language=deu -disposition:s:1 forced"
            ),
            "text-chapters.mkv",
        ),
        (
            format!(
                "{VIDEO} {SURROUND} {SOUND} {X264} -map 0 -map 1 -map 2 -c:a:0 ac3 -c:a:1 aac -metadata:s:a:1 title=Commentary -disposition:a:1 comment -disposition:a:0 default"
            ),
            "surround.mkv",
        ),
        (
            format!(
                "{VIDEO} {SOUND} {X264} -map 0 -map 1 -c:a aac -attach {{font.ttf}} -metadata:s:t:0 mimetype=application/x-truetype-font -attach {{cover.png}} -metadata:s:t:1 mimetype=image/png -metadata:s:t:1 filename=cover.png"
            ),
            "attached.mkv",
        ),
        (
            format!(
                "{VIDEO} {SOUND} -i {{cover.jpg}} {X264} -map 0 -map 1 -map 2 -c:a aac -c:v:1 copy -disposition:v:1 attached_pic"
            ),
            "cover.mp4",
        ),
        (format!("{VIDEO} {SOUND} {HDR10} -c:a eac3"), "hdr10.mkv"),
        (
            format!(
                "-f lavfi -i testsrc2=s=720x576:d=0.5:r=50 {SOUND} -vf tinterlace=interleave_top,setsar=16/11 -c:v mpeg2video -flags +ilme+ildct -c:a mp2"
            ),
            "interlaced.ts",
        ),
        (
            format!(
                "{VIDEO} {SOUND} -vf scale=161:121 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus"
            ),
            "odd.webm",
        ),
        (format!("{VIDEO} {SOUND} -c:v mpeg4 -c:a libmp3lame"), "packed.avi"),
        (format!("{VIDEO} {SOUND} -c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le"), "full-range.mov"),
        (format!("{VIDEO} -vf setsar=4/3 {X264} -pix_fmt yuv444p"), "anamorphic-444.mp4"),
        (format!("{VIDEO} -c:v ffv1 -pix_fmt bgr0"), "rgb.mkv"),
        (
            format!(
                "{SOUND} -i {{cover.png}} -map 0 -map 1 -c:a flac -c:v copy -disposition:v attached_pic -metadata TITLE=T"
            ),
            "music.flac",
        ),
        (format!("{SURROUND} -c:a flac"), "surround.flac"),
        ("-f lavfi -i sine=d=0.5:r=22050 -c:a pcm_s16le".to_owned(), "slow.wav"),
    ];
    for (recipe, name) in clips {
        let clip = make(&tools, dir.path(), &recipe, name);
        let converted = plan::profile_names().iter().filter(|profile| {
            let policy = plan::profile(profile).expect("a built-in profile");
            check(&tools, &caps, &clip, &policy)
        });
        assert!(converted.count() > 0, "no profile converts {name}");
    }
}

#[test]
fn settings_become_what_their_plan_says() {
    let Some((tools, caps)) = tools() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let surround = make(&tools, dir.path(), &format!("{VIDEO} {SURROUND} {X264} -c:a ac3"), "surround.mkv");
    let mut policy = plan::profile("universal").expect("a built-in profile");
    for stereo in [Stereo::Add, Stereo::Force] {
        policy.audio.stereo = stereo;
        assert!(check(&tools, &caps, &surround, &policy));
    }
    // HDR that is encoded and stays HDR: every value equal to the source's.
    let hdr = make(&tools, dir.path(), &format!("{VIDEO} {HDR10} -s 2560x1440 -t 0.1"), "Film.1440p.mkv");
    let mut policy = plan::profile("compact").expect("a built-in profile");
    policy.video.downgrade_resolution = true;
    policy.video.dynamic_hdr = DynamicHdr::Drop;
    policy.video.preset = Some("ultrafast".to_owned());
    assert!(check(&tools, &caps, &hdr, &policy));
}

/// A small picture from the middle of a clip, through these filters.
fn still(tools: &Tools, file: &Path, filters: &str) -> Vec<u8> {
    let still = args::Still { stream: 0, at: 0.2, indexed: true, filters, size: (32, 18) };
    probe::still(tools, file, &still).unwrap_or_else(|| panic!("no picture of {}", file.display()))
}

#[test]
fn hdr_is_mapped_by_libplacebo_where_a_device_for_it_is_found() {
    let Some((tools, mut caps)) = tools() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let policy = plan::profile("universal").expect("built in");
    for (name, curve) in [("hdr10.mkv", "smpte2084"), ("hlg.mkv", "arib-std-b67")] {
        let recipe = format!("{VIDEO} {HDR10}").replace("smpte2084", curve);
        let source = make(&tools, dir.path(), &recipe, name);
        caps.libplacebo = Some(Verdict::Works { fps: 0.0 });
        let rules = Rules { tools: &tools, caps: &caps, policy: &policy, types: TypeFilter::Both };
        let seen = examine::examine(&source, rules).expect("a clip that ffmpeg just made");
        let Decision::Convert(plan) = seen.decision else { panic!("{name} is converted") };
        let Some(Action::Video(encode)) = plan.streams.first().map(|s| &s.action) else {
            panic!("an encode")
        };
        let chain =
            args::reference(encode, seen.media.main_video().and_then(|s| s.video.as_ref()).expect("a video"));
        assert!(chain.contains("libplacebo="), "{chain}");
        // The same look at the source that the verification takes: without a device there is no picture.
        let look = args::Still { stream: 0, at: 0.2, indexed: true, filters: &chain, size: (32, 18) };
        if probe::still(&tools, &source, &look).is_none() {
            println!("SKIPPED: {name} by libplacebo, which finds no Vulkan device here");
            continue;
        }
        assert!(check(&tools, &caps, &source, &policy), "{name}");
        let made = convert(&tools, &source, &seen.media, &plan, dir.path());
        let mean = |a: &[u8], b: &[u8]| {
            a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
        };
        let result = still(&tools, &made, "");
        assert!(mean(&result, &still(&tools, &source, &chain)) < 4.0, "{name}: not what the chain makes");
        // By another way of mapping it is the same scene in another light; not mapped at all it is grey.
        caps.libplacebo = None;
        let rules = Rules { tools: &tools, caps: &caps, policy: &policy, types: TypeFilter::Both };
        let Decision::Convert(plan) = examine::examine(&source, rules).expect("a clip").decision else {
            panic!("{name} is converted")
        };
        let zscale = still(&tools, &convert(&tools, &source, &seen.media, &plan, dir.path()), "");
        assert!(mean(&result, &zscale) < 30.0, "{name}: {}", mean(&result, &zscale));
    }
}
