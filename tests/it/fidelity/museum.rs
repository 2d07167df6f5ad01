//! One clip of every odd kind through every profile: what a viewer would see, hear and choose is compared before and
//! after, read from the packets by ffprobe. No record of ours and no plan is asked.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::clips::{ffmpeg, probe};
use crate::support::{Run, Share, real_media, skipped_under_wine};

/// What is in a file, for comparing.
#[derive(Debug)]
struct Inventory {
    video: Vec<Picture>,
    audio: Vec<Sound>,
    texts: Vec<(String, bool)>,
    attachments: Vec<String>,
    chapters: Vec<(String, i64)>,
}

#[derive(Debug)]
struct Picture {
    span: Span,
    frames: usize,
    /// Width by height as shown: pixel shape and rotation counted in.
    shape: f64,
    transfer: String,
    /// Mastering display and light level, in ffprobe's words.
    mastering: String,
    field_order: String,
}

#[derive(Debug)]
struct Sound {
    span: Span,
    language: String,
    title: String,
    channels: i64,
    commentary: bool,
}

/// First and last moment of a stream.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: f64,
    end: f64,
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0.0)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The packets of a file that are shown, by stream: (stream, time, end), and the values of HDR in its first frame.
fn packets(file: &Path) -> (Vec<(i64, f64, f64)>, String) {
    let probe = |args: &[&str]| -> Value {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-of", "json"])
            .args(args)
            .arg(file)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    let all = probe(&["-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,flags"]);
    let list = all["packets"].as_array().cloned().unwrap_or_default();
    let shown = list.iter().filter(|p| !p["flags"].as_str().unwrap_or_default().contains('D')).map(|p| {
        let time = if p["pts_time"].is_null() { number(&p["dts_time"]) } else { number(&p["pts_time"]) };
        (p["stream_index"].as_i64().unwrap(), time, time + number(&p["duration_time"]))
    });
    let frames = probe(&["-show_frames", "-select_streams", "v:0", "-read_intervals", "%+#1"]);
    let side = frames["frames"][0]["side_data_list"].as_array().cloned().unwrap_or_default();
    let hdr: Vec<String> = side
        .iter()
        .filter(|s| {
            let kind = s["side_data_type"].as_str().unwrap_or_default();
            kind.starts_with("Mastering") || kind.starts_with("Content light")
        })
        .map(ToString::to_string)
        .collect();
    (shown.collect(), hdr.join(" "))
}

fn inventory(file: &Path) -> Inventory {
    let facts = probe(file);
    let (packets, mastering) = packets(file);
    let mut found = Inventory {
        video: Vec::new(),
        audio: Vec::new(),
        texts: Vec::new(),
        attachments: Vec::new(),
        chapters: facts["chapters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| (word(&c["tags"]["title"]), (number(&c["start_time"]) * 50.0).round() as i64))
            .collect(),
    };
    for stream in facts["streams"].as_array().unwrap() {
        let own = || packets.iter().filter(|(index, ..)| *index == stream["index"].as_i64().unwrap());
        let span = Span {
            first: own().map(|p| p.1).fold(f64::INFINITY, f64::min),
            end: own().map(|p| p.2).fold(0.0, f64::max),
        };
        let tags = &stream["tags"];
        let set = |flag: &str| stream["disposition"][flag] == 1;
        // Containers spell languages in their own code set; the unspoken one is none.
        let language = word(&tags["language"]).replace("und", "");
        let title = [&tags["title"], &tags["handler_name"]].map(word).into_iter().find(|t| !t.is_empty());
        match stream["codec_type"].as_str().unwrap() {
            "video" if set("attached_pic") => found.attachments.push("cover".to_owned()),
            "video" => {
                let pair = |v: &Value| {
                    let (a, b) = v.as_str()?.split_once(':')?;
                    Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok().filter(|b| *b > 0.0)?)
                };
                let pixel = pair(&stream["sample_aspect_ratio"]).unwrap_or(1.0);
                let shape = number(&stream["width"]) * pixel / number(&stream["height"]);
                let turned = stream["side_data_list"].as_array().into_iter().flatten();
                let turned = turned.map(|s| number(&s["rotation"]).abs()).any(|d| (d - 90.0).abs() < 1.0);
                found.video.push(Picture {
                    span,
                    frames: own().count(),
                    shape: if turned { 1.0 / shape } else { shape },
                    transfer: word(&stream["color_transfer"]),
                    mastering: mastering.clone(),
                    field_order: word(&stream["field_order"]),
                });
            }
            "audio" => found.audio.push(Sound {
                span,
                language,
                title: title.filter(|t| t != "SoundHandler").unwrap_or_default(),
                channels: stream["channels"].as_i64().unwrap(),
                commentary: set("comment"),
            }),
            "subtitle" => found.texts.push((language, set("forced"))),
            "attachment" => found.attachments.push(word(&tags["filename"])),
            _ => {}
        }
    }
    found
}

/// A Blu-ray subtitle stream of two cues that are shown and taken away again, the last one then: the segments of four display sets.
pub fn pgs(end: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (n, seconds) in [0.1, 0.2, 0.3, end].into_iter().enumerate() {
        let shows = n % 2 == 0;
        let mut segment = |kind: u8, body: &[u8]| {
            bytes.extend_from_slice(b"PG");
            bytes.extend_from_slice(&((seconds * 90_000.0) as u32).to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.push(kind);
            bytes.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(body);
        };
        let mut composition = vec![0, 160, 0, 90, 0x10, 0, n as u8, 0x80, 0, 0, u8::from(shows)];
        if shows {
            composition.extend_from_slice(&[0, 0, 0, 0, 0, 10, 0, 10]);
        }
        segment(0x16, &composition);
        segment(0x17, &[1, 0, 0, 10, 0, 10, 0, 8, 0, 2]);
        if shows {
            segment(0x14, &[0, 0, 1, 235, 128, 128, 255]);
            // Two lines of eight pixels of colour 1.
            let lines = [0x00, 0x88, 0x01, 0x00, 0x00, 0x00, 0x88, 0x01, 0x00, 0x00];
            let mut object = vec![0, 0, 0, 0xc0, 0, 0, 14, 0, 8, 0, 2];
            object.extend_from_slice(&lines);
            segment(0x15, &object);
        }
        segment(0x80, &[]);
    }
    bytes
}

pub const FILM: &str = "-f lavfi -i testsrc2=size=160x90:rate=25:duration=0.6 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=0.6";
const X265: &str =
    "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -colorspace bt2020nc";

const MASTERING: &str = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)";

/// The exhibits: (name, recipe); `{…}` is a file of the folder.
fn exhibits() -> Vec<(&'static str, String)> {
    let seven = "pan=7.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0|c6=c0|c7=c0";
    let five = "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0";
    let mut exhibits = vec![
        (
            "rich.mkv",
            format!(
                "{FILM} -i {{s.srt}} -i {{s.srt}} -i {{c.txt}} -filter_complex [1:a]{five}[a];[1:a]anull[b] -map 0:v -map [a] -map [b] -map 2 \
                 -map 3 -map_metadata 4 -c:v mpeg4 -c:a:0 ac3 -c:a:1 aac -c:s:0 srt -c:s:1 ass -metadata:s:a:0 language=eng \
                 -metadata:s:a:1 language=ger -metadata:s:a:1 title=Kommentar -disposition:a:1 comment -metadata:s:s:0 language=ger \
                 -disposition:s:0 forced -metadata:s:s:1 language=eng -disposition:s:1 0 -attach {{f.ttf}} -metadata:s:t:0 \
                 mimetype=application/x-truetype-font -metadata:s:t:0 filename=f.ttf"
            ),
        ),
        ("seven.mkv", format!("{FILM} -af {seven} -c:v libx264 -preset ultrafast -c:a flac")),
        (
            "hdr10.mkv",
            format!(
                "{FILM} {X265} -color_trc smpte2084 -x265-params log-level=error:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:\
                 colormatrix=bt2020nc:master-display={MASTERING}:max-cll=1000,400 \
                 -c:a eac3"
            ),
        ),
        (
            "hlg.mkv",
            format!(
                "{FILM} {X265} -color_trc arib-std-b67 -x265-params log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc \
                 -c:a aac"
            ),
        ),
        (
            "hlgmastered.mkv",
            format!(
                "{FILM} -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc \
                 -x264-params mastering-display={MASTERING}:cll=1000,400 -c:a aac"
            ),
        ),
        // Of SDR it says nothing, and ffmpeg hands it on or not.
        (
            "mastered.mkv",
            format!(
                "{FILM} -c:v libx264 -preset ultrafast -vf format=yuv420p -color_primaries bt709 -color_trc bt709 -colorspace bt709 \
                 -x264-params mastering-display={MASTERING}:cll=1000,400 -c:a aac"
            ),
        ),
        (
            "interlaced.ts",
            "-f lavfi -i testsrc2=size=160x90:rate=50:duration=0.8 -f lavfi -i sine=sample_rate=48000:duration=0.8 -vf \
             tinterlace=interleave_top -c:v mpeg2video -flags +ilme+ildct -c:a mp2"
                .to_owned(),
        ),
        ("anamorphic.mkv", format!("{FILM} -vf setsar=16/11 -c:v mpeg4 -c:a ac3")),
        ("vfr.mkv", format!("{FILM} -vf select='not(eq(mod(n\\,5)\\,2))' -fps_mode vfr -c:v mpeg4 -c:a ac3")),
        (
            "late.mkv",
            "-f lavfi -i testsrc2=size=160x90:rate=25:duration=0.8 -itsoffset 0.3 -f lavfi -i sine=sample_rate=48000:duration=0.5 -map 0 \
             -map 1 -c:v mpeg4 -c:a ac3"
                .to_owned(),
        ),
        ("pgs.mkv", format!("{FILM} -i {{p.sup}} -map 0 -map 1 -map 2 -c:v mpeg4 -c:a ac3 -c:s copy -metadata:s:s:0 language=ger")),
        ("packed.avi", format!("{FILM} -c:v mpeg4 -bf 2 -c:a libmp3lame")),
        (
            "programs.ts",
            format!(
                "{FILM} {FILM} -map 0 -map 1 -map 2 -map 3 -c:v mpeg2video -c:a mp2 -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger \
                 -program st=0:st=1 -program st=2:st=3"
            ),
        ),
        ("angles.mkv", format!("{FILM} {FILM} -map 0 -map 2 -map 1 -c:v mpeg4 -c:a ac3")),
        ("chroma.mkv", format!("{FILM} -c:v libx264 -preset ultrafast -pix_fmt yuv422p10le -c:a ac3")),
        ("timecode.mov", format!("{FILM} -c:v mjpeg -pix_fmt yuvj420p -timecode 01:00:00:00 -c:a pcm_s16le")),
        ("rotated.mp4", "-display -i {turn.mp4} -map 0 -c copy -metadata:s:v rotate=90".to_owned()),
    ];
    if skipped_under_wine(
        "a mastering display in H.264: its ffprobe is too old to see what its ffmpeg hands on",
    ) {
        exhibits.retain(|(name, _)| *name != "hlgmastered.mkv");
    }
    exhibits
}

fn build(share: &Share) {
    let folder = share.aside("materials");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "1\n00:00:00,100 --> 00:00:00,200\nGrüße\n\n2\n00:00:00,300 --> 00:00:00,400\nZwei\n";
    std::fs::write(folder.join("s.srt"), text).unwrap();
    let chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=3\ntitle=Eins\n[CHAPTER]\nTIMEBASE=1/10\nSTART=3\nEND=6\ntitle=Zwei\n";
    std::fs::write(folder.join("c.txt"), chapters).unwrap();
    std::fs::write(folder.join("f.ttf"), [7u8; 300]).unwrap();
    std::fs::write(folder.join("p.sup"), pgs(0.4)).unwrap();
    ffmpeg(FILM.split_whitespace().chain("-c:v mpeg4 -c:a aac".split(' ')), &folder.join("turn.mp4"));
    let modern = {
        let output = Command::new("ffmpeg").arg("-version").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace()
            .nth(2)
            .and_then(|v| v.trim_start_matches('n').split('.').next()?.parse::<u32>().ok())
    };
    for (name, recipe) in exhibits() {
        // The rotation is an option of the input since version 6, a tag before.
        let recipe = match (name, modern) {
            ("rotated.mp4", Some(6..)) => "-display_rotation 90 -i {turn.mp4} -map 0 -c copy".to_owned(),
            _ => recipe.replace("-display ", ""),
        };
        let words: Vec<String> = recipe
            .split_whitespace()
            .map(|w| match w.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                Some(file) => folder.join(file).to_str().unwrap().to_owned(),
                None => w.to_owned(),
            })
            .collect();
        ffmpeg(words.iter().map(String::as_str), &folder.join(name));
    }
}

/// The result of a file in the library, by its stem.
fn result(share: &Share, stem: &str) -> std::path::PathBuf {
    let media = share.media();
    let films: Vec<_> = media
        .iter()
        .filter(|name| {
            let path = Path::new(name);
            let film = path
                .extension()
                .is_some_and(|e| e == "mp4" || e == "mkv" || e == "ts" || e == "avi" || e == "mov");
            path.file_stem().is_some_and(|s| s == stem) && film
        })
        .collect();
    assert_eq!(films.len(), 1, "{stem}: {media:?}");
    share.path(films[0])
}

fn compare(name: &str, profile: &str, before: &Inventory, after: &Inventory, sidecars: usize) {
    let what = format!("{name} by {profile}:\nbefore {before:#?}\nafter {after:#?}");
    let small = profile == "chromecast";
    // Sound: every stream, in order, with its name, its language and its channels.
    assert_eq!(before.audio.len(), after.audio.len(), "audio of {what}");
    for (b, a) in before.audio.iter().zip(&after.audio) {
        assert_eq!(
            (&b.language, &b.title, b.commentary),
            (&a.language, &a.title, a.commentary),
            "audio of {what}"
        );
        assert_eq!(if small { b.channels.min(2) } else { b.channels }, a.channels, "channels of {what}");
        assert!(
            ((b.span.end - b.span.first) - (a.span.end - a.span.first)).abs() < 0.06,
            "length of audio of {what}"
        );
    }
    // Picture: as many frames, the same shape.
    assert_eq!(before.video.len(), after.video.len(), "video of {what}");
    for (b, a) in before.video.iter().zip(&after.video) {
        assert_eq!(b.frames, a.frames, "frames of {what}");
        assert!((b.shape / a.shape - 1.0).abs() < 0.03, "shape of {what}");
        assert!(
            ((b.span.end - b.span.first) - (a.span.end - a.span.first)).abs() < 0.06,
            "length of video of {what}"
        );
        let keeps = matches!(profile, "compact" | "remux");
        let hdr = ["smpte2084", "arib-std-b67"].contains(&b.transfer.as_str());
        if hdr && keeps {
            assert_eq!(b.transfer, a.transfer, "HDR of {what}");
            // Of H.264 only an ffmpeg since 6.1 sees it, which ours may be, or the program's.
            let unseen = name == "hlgmastered.mkv" && b.mastering.is_empty();
            assert!(unseen || b.mastering == a.mastering, "HDR of {what}");
        } else if hdr {
            assert_eq!((a.transfer.as_str(), a.mastering.as_str()), ("bt709", ""), "tone mapping of {what}");
        }
        if profile != "remux" {
            assert!(["", "progressive", "unknown"].contains(&a.field_order.as_str()), "fields of {what}");
        }
    }
    // Together: sound starts as long after the picture as it did.
    let offset =
        |i: &Inventory| i.audio.first().zip(i.video.first()).map(|(a, v)| a.span.first - v.span.first);
    if let (Some(b), Some(a)) = (offset(before), offset(after)) {
        assert!((b - a).abs() < 0.045, "{b} and {a}: start offset of {what}");
    }
    // Texts: in the file, or beside it.
    assert_eq!(before.texts.len(), after.texts.len() + sidecars, "subtitles of {what}");
    if sidecars == 0 {
        assert_eq!(before.texts, after.texts, "subtitles of {what}");
    }
    assert_eq!(before.chapters, after.chapters, "chapters of {what}");
    if matches!(profile, "compact" | "remux") {
        assert_eq!(before.attachments, after.attachments, "attachments of {what}");
    }
}

fn lost(run: &Run, name: &str) -> Vec<String> {
    let ended = run
        .named("job_ended")
        .into_iter()
        .find(|e| e["outcome"] == "converted" && Path::new(e["path"].as_str().unwrap()).ends_with(name));
    let ended = ended.unwrap_or_default();
    ended["lost"].as_array().into_iter().flatten().map(word).collect()
}

#[test]
fn what_comes_out_of_every_profile_is_what_went_in() {
    let mut profiles = vec!["universal", "remux", "compact", "chromecast"];
    if skipped_under_wine(
        "compact and chromecast encode for minutes here, and are the same lines on every system",
    ) {
        profiles.truncate(2);
    }
    go_round(&profiles, 4, &Share::new);
}

/// Every exhibit through these profiles, so many at a time: a busy machine must come to the end of a run within the deadline of a
/// test.
pub fn go_round(profiles: &[&str], few: usize, library: &dyn Fn() -> Share) {
    let materials = Share::new();
    build(&materials);
    let exhibits = exhibits();
    for (profile, exhibits) in profiles.iter().flat_map(|p| exhibits.chunks(few).map(|few| (*p, few))) {
        let share = library();
        for (name, _) in exhibits {
            share.put(name, &std::fs::read(materials.aside("materials").join(name)).unwrap());
        }
        let args = ["--profile", profile, "--jobs", "2", "--max-output-percent", "none"];
        let run = share.convert(&args);
        assert_eq!(run.code, 0, "{profile}: {}\n{}", run.stdout, run.stderr);
        share.assert_no_litter();
        for (name, _) in exhibits {
            let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
            let beside = share.media().iter().filter(|n| n.starts_with(&format!("{stem}.ger."))).count();
            let before = inventory(&materials.aside("materials").join(name));
            compare(name, profile, &before, &inventory(&result(&share, stem)), beside);
            let lost = lost(&run, name);
            // The plan names what MP4 cannot hold, and nothing else goes.
            let font = *name == "rich.mkv" && matches!(profile, "universal" | "chromecast");
            assert_eq!(lost.iter().any(|l| l.contains("attachment")), font, "{name} by {profile}: {lost:?}");
        }
        let again = share.convert(&args).expect(0);
        assert_eq!(again.summary()["converted"], 0, "{profile} twice: {}", again.stdout);
        assert_eq!(again.named("job_started").len(), 0, "{profile} twice: {}", again.stdout);
    }
}

/// Every stream of every file that was converted is in its result, beside it, or named among the lost.
pub fn nothing_is_lost_in_silence(share: &Share, run: &Run, sources: &Path) {
    for event in run.named("job_ended").iter().filter(|e| e["outcome"] == "converted") {
        let name = event["path"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap().to_owned();
        let output = share.path(event["output"].as_str().unwrap());
        let (before, after) = (inventory(&sources.join(&name)), inventory(&output));
        let lost: Vec<String> = event["lost"].as_array().unwrap().iter().map(word).collect();
        let named = |kind: &str| lost.iter().filter(|l| l.starts_with(kind)).count();
        let what = format!("{name}: {lost:?}\nbefore {before:#?}\nafter {after:#?}");
        let stem = name.rsplit_once('.').unwrap().0;
        let media = share.media();
        let beside = media
            .iter()
            .filter(|n| n.starts_with(&format!("{stem}.")) && share.path(n) != output && **n != name)
            .count();
        assert_eq!(before.audio.len(), after.audio.len() + named("audio"), "{what}");
        assert_eq!(before.video.len(), after.video.len() + named("video"), "{what}");
        assert!(before.texts.len() <= after.texts.len() + named("subtitle") + beside, "{what}");
        assert_eq!(before.chapters, after.chapters, "{what}");
        for (b, a) in before.audio.iter().zip(&after.audio) {
            let named = lost.iter().any(|l| l.starts_with(&format!("{} channels of", b.channels)));
            assert_eq!(
                (&b.language, if named { 2 } else { b.channels }),
                (&a.language, a.channels),
                "{what}"
            );
        }
        // VP9 has packets that show nothing: its frames are counted by the verification, which decodes them.
        for (b, a) in before.video.iter().zip(&after.video).filter(|_| !what.contains(".webm")) {
            let plan = run.named("planned").into_iter().find(|e| e["path"] == event["path"]).unwrap();
            // Said before: «video has 59.940 frames a second, wanted are up to 30». One of these files only claims so.
            let slowed = plan["plan"]["why"].to_string().contains("frames a second");
            let least = if slowed { b.frames / 2 } else { b.frames };
            assert!(a.frames + 3 >= least && a.frames <= b.frames + 3, "{what}");
        }
    }
}

/// Real files of other projects, by every profile but `universal`, which goes over them in a test of its own.
#[test]
fn nothing_of_real_media_is_lost_in_silence() {
    let Some(media) = real_media() else { return };
    let films = std::fs::read_dir(&media).unwrap().flatten().map(|entry| entry.path());
    let mut films: Vec<_> = films.filter(|path| path.extension().is_some_and(|e| e != "md")).collect();
    films.sort();
    for profile in ["remux", "audio", "compact", "chromecast"] {
        let mut converted = 0;
        for few in films.chunks(6) {
            let share = Share::new();
            for path in few {
                share.put(path.file_name().unwrap().to_str().unwrap(), &std::fs::read(path).unwrap());
            }
            // What is kept does not hang on the encoder's patience.
            let quick = format!("[profiles.{profile}.video]\npreset = 'ultrafast'\n");
            share.put("media-converter.toml", quick.as_bytes());
            let run = share.convert(&["--profile", profile, "--jobs", "2"]);
            converted += run.summary()["converted"].as_u64().unwrap();
            nothing_is_lost_in_silence(&share, &run, &media);
            let again = share.convert(&["--profile", profile, "--jobs", "2"]);
            assert_eq!(again.summary()["converted"], 0, "{profile} twice: {}", again.stdout);
        }
        assert!(converted >= 2, "{profile}: {converted}");
    }
}
