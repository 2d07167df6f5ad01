//! Tiny clips, made by ffmpeg when first asked for and kept in `target/tmp` under a hash of their recipe.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// A recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clip {
    /// H.264 and AAC in MP4 with faststart: what the profile `universal` wants already.
    Fits,
    /// H.264 and AC-3 in Matroska with a German SubRip track and two chapters: audio to encode, video to copy.
    H264Mkv,
    /// H.264 and AAC in Matroska: a change of container only.
    RemuxMkv,
    /// HEVC 10 bit in Matroska, without sound.
    HevcMkv,
    /// MPEG-4 part 2 and MP3 in AVI.
    Mpeg4Avi,
    /// MPEG-2 and MP2 in a transport stream.
    Mpeg2Ts,
    /// VP9 and Opus in `WebM`.
    Vp9Webm,
    /// H.264 and 5.1 AC-3 in Matroska.
    SurroundMkv,
    /// MPEG-4 part 2, stereo AC-3, a German `SubRip` track and two chapters in Matroska: everything is made anew.
    RichMkv,
    /// Eight seconds of MPEG-4 part 2 in AVI, for tests that interrupt the work in its midst.
    LongAvi,
    /// FLAC with tags.
    Flac,
    /// MP3 with tags.
    Mp3,
}

impl Clip {
    fn extension(self) -> &'static str {
        match self {
            Clip::Fits => "mp4",
            Clip::H264Mkv | Clip::RemuxMkv | Clip::HevcMkv | Clip::SurroundMkv | Clip::RichMkv => "mkv",
            Clip::Mpeg4Avi | Clip::LongAvi => "avi",
            Clip::Mpeg2Ts => "ts",
            Clip::Vp9Webm => "webm",
            Clip::Flac => "flac",
            Clip::Mp3 => "mp3",
        }
    }

    /// ffmpeg's arguments, without the output's name; `{text}` stands for a folder with the text files below.
    fn recipe(self) -> String {
        let video = |seconds| format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration={seconds}");
        let sound = |seconds| format!("-f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds}");
        let x264 = "-c:v libx264 -preset ultrafast -crf 30 -pix_fmt yuv420p";
        let tags =
            "-metadata title=Ölprüfung -metadata artist=Somebody -metadata album=Clips -metadata track=3";
        match self {
            Clip::Fits => format!("{} {} {x264} -c:a aac -b:a 96k -movflags +faststart", video(1), sound(1)),
            Clip::H264Mkv => format!(
                "{} {} -i {{text}}/subtitle.srt -i {{text}}/chapters.txt -map 0 -map 1 -map 2 -map_metadata 3 {x264} \
                 -c:a ac3 -c:s srt -metadata:s:a:0 language=eng -metadata:s:s:0 language=ger",
                video(2),
                sound(2)
            ),
            Clip::RichMkv => format!(
                "{} {} -i {{text}}/subtitle.srt -i {{text}}/chapters.txt -map 0 -map 1 -map 2 -map_metadata 3 -c:v mpeg4 -q:v 6 \
                 -ac 2 -c:a ac3 -c:s srt -metadata:s:a:0 language=eng -metadata:s:s:0 language=ger",
                video(2),
                sound(2)
            ),
            Clip::RemuxMkv => format!("{} {} {x264} -c:a aac -b:a 96k", video(1), sound(1)),
            Clip::HevcMkv => format!(
                "{} -c:v libx265 -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p10le",
                video(1)
            ),
            Clip::Mpeg4Avi => format!("{} {} -c:v mpeg4 -q:v 8 -c:a libmp3lame", video(1), sound(1)),
            Clip::LongAvi => format!("{} {} -c:v mpeg4 -q:v 8 -c:a libmp3lame", video(8), sound(8)),
            Clip::Mpeg2Ts => format!("{} {} -c:v mpeg2video -q:v 8 -c:a mp2 -f mpegts", video(1), sound(1)),
            Clip::Vp9Webm => format!(
                "{} {} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -pix_fmt yuv420p -c:a libopus",
                video(1),
                sound(1)
            ),
            Clip::SurroundMkv => format!(
                "{} {} -filter_complex [1:a]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[a] -map 0:v -map [a] {x264} -c:a ac3",
                video(1),
                sound(1)
            ),
            Clip::Flac => format!("{} -c:a flac {tags}", sound(2)),
            Clip::Mp3 => format!("{} -c:a libmp3lame -b:a 128k {tags}", sound(2)),
        }
    }

    /// The clip's file; made once per recipe and ffmpeg run, kept for later runs.
    pub fn file(self) -> PathBuf {
        static MAKING: Mutex<()> = Mutex::new(());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
        let recipe = self.recipe();
        let hash = &blake3::hash(format!("{recipe}{SUBTITLE}{CHAPTERS}").as_bytes()).to_hex()[..16];
        let file = folder.join(format!("{self:?}-{hash}.{}", self.extension()));
        let _one_at_a_time = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !file.is_file() {
            // Another test binary may be making it too: each makes its own and the last rename wins.
            let work = tempfile::tempdir_in(made(&folder)).unwrap();
            fs::write(work.path().join("subtitle.srt"), SUBTITLE).unwrap();
            fs::write(work.path().join("chapters.txt"), CHAPTERS).unwrap();
            let recipe = recipe.replace("{text}", work.path().to_str().expect("target's path is Unicode"));
            let made = work.path().join(format!("clip.{}", self.extension()));
            ffmpeg(recipe.split_whitespace(), &made);
            fs::rename(&made, &file).unwrap();
        }
        file
    }

    /// The first `percent` of the clip's bytes: what an interrupted copy leaves.
    pub fn cut(self, percent: u64) -> Vec<u8> {
        let bytes = fs::read(self.file()).unwrap();
        let keep = bytes.len() as u64 * percent / 100;
        bytes[..usize::try_from(keep).unwrap()].to_vec()
    }
}

const SUBTITLE: &str = "1\n00:00:00,200 --> 00:00:00,900\nGrüße aus dem Keller\n\n2\n00:00:01,000 --> 00:00:01,800\nZweite Zeile\n";
const CHAPTERS: &str = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Eins\n\
                        [CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Zwei\n";

fn made(folder: &Path) -> &Path {
    fs::create_dir_all(folder).unwrap();
    folder
}

/// Runs ffmpeg on these arguments.
pub fn ffmpeg<'a>(args: impl IntoIterator<Item = &'a str>, output: &Path) {
    let result = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"])
        .args(args)
        .arg(output)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed: tests/run.sh sees to it");
    assert!(result.status.success(), "a clip could not be made: {}", String::from_utf8_lossy(&result.stderr));
}

/// What ffprobe says of a file, as JSON.
pub fn probe(file: &Path) -> serde_json::Value {
    let result = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters", "-i"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("ffprobe is installed: tests/run.sh sees to it");
    assert!(result.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&result.stderr));
    serde_json::from_slice(&result.stdout).unwrap()
}

/// The codecs of a file's streams in order, like `h264 aac mov_text`.
pub fn codecs(file: &Path) -> String {
    let probe = probe(file);
    let streams = probe["streams"].as_array().unwrap();
    let names: Vec<&str> = streams.iter().map(|s| s["codec_name"].as_str().unwrap_or("?")).collect();
    names.join(" ")
}

/// A file's duration in seconds.
pub fn seconds(file: &Path) -> f64 {
    probe(file)["format"]["duration"].as_str().and_then(|d| d.parse().ok()).unwrap_or(0.0)
}

#[test]
fn every_clip_can_be_made_and_is_what_it_says() {
    for (clip, expected) in [
        (Clip::Fits, "h264 aac"),
        (Clip::H264Mkv, "h264 ac3 subrip"),
        (Clip::RemuxMkv, "h264 aac"),
        (Clip::RichMkv, "mpeg4 ac3 subrip"),
        (Clip::HevcMkv, "hevc"),
        (Clip::Mpeg4Avi, "mpeg4 mp3"),
        (Clip::Mpeg2Ts, "mpeg2video mp2"),
        (Clip::Vp9Webm, "vp9 opus"),
        (Clip::SurroundMkv, "h264 ac3"),
        (Clip::LongAvi, "mpeg4 mp3"),
        (Clip::Flac, "flac"),
        (Clip::Mp3, "mp3"),
    ] {
        assert_eq!(codecs(&clip.file()), expected, "{clip:?}");
    }
    assert_eq!(probe(&Clip::H264Mkv.file())["chapters"].as_array().unwrap().len(), 2);
    assert_eq!(probe(&Clip::SurroundMkv.file())["streams"][1]["channels"], 6);
}
