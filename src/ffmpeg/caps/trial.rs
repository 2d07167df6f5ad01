//! One encoder's trial: encode a clip whose pictures are known, decode the result, and compare.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::encoders::{Cap, Encoder};
use super::super::probe;
use super::super::progress::telling;
use super::super::run::{End, Limits, Order, run};
use super::super::tools::Tools;
use crate::model::event::Progress;
use crate::model::media::StreamKind;
use crate::sys::process::{self, Output, Spawn};
use crate::sys::{self, stop::Stop};

/// How a message begins that says that nothing came to an end.
pub const HUNG: &str = "it hung";

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;
const FRAMES: usize = 24;
/// Encodes tried at once: consumer cards allow three, five or eight, others have no limit.
const SESSIONS: u32 = 8;
/// A second of moving colours, as large as small cards ask for at least.
pub(super) const CLIP: &str = "testsrc2=size=640x360:rate=24:duration=1";
/// Pictures are compared at this size, three bytes a pixel: large enough to tell a picture from a surface, small enough that no encoder's
/// artefacts count.
const SIDE: usize = 8;
const PICTURE: usize = SIDE * SIDE * 3;
/// Mean difference per byte that is still the same picture. Measured: software encoders 0.1 to 0.3, and 1.1 at a quality nobody wants; one
/// green 108, swapped colour planes 104, no colour 69.
const SAME: f64 = 6.0;

const GLOBAL: &[&str] = &["-hide_banner", "-nostdin", "-nostats", "-v", "warning", "-y"];

/// Half a second of a tone.
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=0.5";
const SAMPLES: usize = 24_000;

/// Frames per second (0 for sound), or why it failed.
pub type Result = std::result::Result<f64, String>;

/// What all trials share.
#[derive(Debug)]
pub struct Stand<'a> {
    pub(super) tools: &'a Tools,
    /// Nothing moving for this long is a hang; three times as long is too long in any case.
    pub(super) stall: Duration,
    /// The clip's pictures as they should come out.
    pub(super) expected: std::result::Result<Vec<u8>, String>,
}

impl<'a> Stand<'a> {
    pub fn new(tools: &'a Tools, stall: Duration) -> Self {
        let mut stand = Self { tools, stall, expected: Err(String::new()) };
        let mut args = words(&["-f", "lavfi", "-i", CLIP]);
        args.extend(stand.pictures("format=yuv420p,"));
        stand.expected = stand
            .ffmpeg(args)
            .map(|output| output.stdout)
            .and_then(|pictures| {
                if pictures.len() == FRAMES * PICTURE {
                    Ok(pictures)
                } else {
                    Err("it makes no test pictures".to_owned())
                }
            })
            .map_err(|why| format!("the test clip could not be made: {why}"));
        stand
    }

    /// Encodes the clip into `file` and looks at what came out.
    pub fn video(&self, encoder: &Encoder, device: Option<&str>, ten_bit: bool, file: &Path) -> Result {
        let expected = self.expected.as_ref().map_err(Clone::clone)?;
        let args = self.video_args(encoder, device, ten_bit, &["-f", "lavfi", "-i", CLIP], None);
        let seconds = self.encode(args, file)?;
        self.check_header(encoder.codec, ten_bit, file)?;
        let mut args = words(&["-i"]);
        args.push(url(file));
        args.extend(self.pictures(""));
        let made = self.ffmpeg(args).map_err(|why| format!("what it made does not decode: {why}"))?.stdout;
        compare(expected, &made)?;
        Ok(FRAMES as f64 / seconds.max(0.001))
    }

    /// The largest of the usual sizes that comes out as it went in, with 8 bit and, where the encoder has it, with 10.
    pub fn largest(&self, encoder: &Encoder, device: Option<&str>, ten_bit: bool, file: &Path) -> (u32, u32) {
        let makes = |(width, height), ten_bit| {
            let source = format!("testsrc2=size={width}x{height}:rate=24:duration=0.125");
            let args = self.video_args(encoder, device, ten_bit, &["-f", "lavfi", "-i", &source], None);
            self.encode(args, file).is_ok()
                && probe::probe(self.tools, file).is_ok_and(|media| {
                    let video = media.of_kind(StreamKind::Video).next().and_then(|s| s.video.clone());
                    video.is_some_and(|video| (video.width, video.height) == (width, height))
                })
        };
        [(1920, 1080), (3840, 2160), (7680, 4320)]
            .into_iter()
            .take_while(|size| makes(*size, false) && (!ten_bit || makes(*size, true)))
            .last()
            .unwrap_or((WIDTH, HEIGHT))
    }

    /// How many of eight encodes at once come to their end. Each takes a second, whatever the card can do.
    pub fn sessions(&self, encoder: &Encoder, device: Option<&str>, file: &Path) -> u32 {
        let clip = ["-re", "-f", "lavfi", "-i", CLIP];
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..SESSIONS)
                .map(|n| {
                    let args = self.video_args(encoder, device, false, &clip, None);
                    let file = file.with_extension(format!("{n}.mkv"));
                    scope.spawn(move || self.encode(args, &file).is_ok())
                })
                .collect();
            all.into_iter().map(|one| u32::from(one.join().unwrap_or(false))).sum::<u32>().max(1)
        })
    }

    /// An encode of `input` as a transcode would ask for it, but quick.
    pub(super) fn video_args(
        &self,
        encoder: &Encoder,
        device: Option<&str>,
        ten_bit: bool,
        input: &[&str],
        ceiling: Option<Cap>,
    ) -> Vec<OsString> {
        self.paced_args(encoder, device, ten_bit, input, (encoder.quickest(), ceiling))
    }

    /// An encode of `input` at this pace, under this ceiling.
    pub(super) fn paced_args(
        &self,
        encoder: &Encoder,
        device: Option<&str>,
        ten_bit: bool,
        input: &[&str],
        (pace, ceiling): (Vec<String>, Option<Cap>),
    ) -> Vec<OsString> {
        let mut args: Vec<String> = encoder.device(device);
        args.extend(input.iter().map(ToString::to_string));
        args.extend(encoder.upload(ten_bit).into_iter().flat_map(|chain| ["-vf".to_owned(), chain]));
        args.extend(
            encoder.pix_fmt(ten_bit).into_iter().flat_map(|format| ["-pix_fmt", format].map(str::to_owned)),
        );
        args.extend(["-c:v", encoder.name].map(str::to_owned));
        args.extend(encoder.select(device));
        args.extend(pace);
        args.extend(encoder.quality(encoder.middling(), ceiling, self.tools.release));
        args.into_iter().map(OsString::from).collect()
    }

    /// Encodes a tone into `file` and listens to what came out.
    pub fn audio(&self, name: &str, file: &Path) -> Result {
        self.encode(words(&["-f", "lavfi", "-i", TONE, "-c:a", name]), file)?;
        let mut args = words(&["-i"]);
        args.push(url(file));
        args.extend(words(&["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "pipe:1"]));
        let made = self.ffmpeg(args).map_err(|why| format!("what it made does not decode: {why}"))?.stdout;
        listen(&made).map(|()| 0.0)
    }

    /// Decodes a sample of the clip with these options before its input, and compares.
    pub(super) fn decodes(&self, before: &[&str], download: &str, file: &Path) -> Result {
        let expected = self.expected.as_ref().map_err(Clone::clone)?;
        let began = Instant::now();
        let mut args = words(before);
        args.push("-i".into());
        args.push(url(file));
        args.extend(self.pictures(download));
        let made = self.ffmpeg(args)?.stdout;
        compare(expected, &made)?;
        Ok(FRAMES as f64 / began.elapsed().as_secs_f64().max(0.001))
    }

    /// Runs an encode of `args` into `file`; returns its seconds.
    pub(super) fn encode(&self, mut args: Vec<OsString>, file: &Path) -> std::result::Result<f64, String> {
        // A file of an earlier trial must not pass for this one's.
        let _ = sys::fs::remove_file(file);
        args.extend(words(&["-f", "matroska"]));
        args.push(url(file));
        let mut all = words(GLOBAL);
        all.extend(words(&["-progress", "pipe:1"]));
        all.extend(args);
        let began = Instant::now();
        let limit = self.limit();
        let mut watch = |_: &Progress| {
            if began.elapsed() > limit || sys::stop::asked() != Stop::No {
                Order::Stop
            } else {
                Order::Continue
            }
        };
        let limits = Limits { stall: self.stall, background: false };
        // Not by the clock alone: on a busy machine software needs its time, and only a wedged driver makes nothing move.
        let report = run(self.tools, &all, None, limits, &mut watch).map_err(|error| error.to_string())?;
        match report.end {
            End::Exited(Some(0)) => {}
            End::Exited(code) => return Err(failure(&report.stderr_tail, code, None)),
            End::Killed => return Err(format!("{HUNG}: it was killed, for lack of memory most likely")),
            End::Stalled => return Err(format!("{HUNG}: nothing moved for {} s", self.stall.as_secs())),
            End::Stopped => return Err(format!("{HUNG}: no end within {} s", limit.as_secs())),
        }
        let seconds = report.seconds;
        match sys::fs::stamp(file) {
            Ok(stamp) if stamp.size > 0 => Ok(seconds),
            _ => Err("it ended well but wrote nothing".to_owned()),
        }
    }

    fn check_header(&self, codec: &str, ten_bit: bool, file: &Path) -> std::result::Result<(), String> {
        let media = probe::probe(self.tools, file)
            .map_err(|error| format!("what it made cannot be read: {}", reason(&error)))?;
        let stream = media.of_kind(StreamKind::Video).next().ok_or("what it made has no video")?;
        let video = stream.video.clone().unwrap_or_default();
        if stream.codec != codec {
            return Err(format!("it made {} instead of {codec}", stream.codec));
        }
        if (video.width, video.height) != (WIDTH, HEIGHT) {
            return Err(format!("it made {}x{} of {WIDTH}x{HEIGHT}", video.width, video.height));
        }
        if ten_bit && video.bit_depth < 10 {
            return Err(format!("it made {} bit of 10", video.bit_depth));
        }
        Ok(())
    }

    /// The end of a command that prints every picture small, and none twice.
    pub(super) fn pictures(&self, before: &str) -> Vec<OsString> {
        let chain = format!("{before}scale={SIDE}:{SIDE}:flags=area,format=rgb24");
        let modern = self.tools.release.is_none_or(|release| release >= (5, 1));
        let timing = if modern { ["-fps_mode", "passthrough"] } else { ["-vsync", "0"] };
        words(&["-map", "0:v:0", "-vf", &chain, timing[0], timing[1], "-f", "rawvideo", "pipe:1"])
    }

    fn ffmpeg(&self, args: Vec<OsString>) -> std::result::Result<Output, String> {
        let mut all = words(GLOBAL);
        all.extend(args);
        let spawn = Spawn { program: self.tools.ffmpeg.clone(), args: all, background: false };
        let limit = self.limit();
        let output = process::output(&spawn, limit, 1 << 20).map_err(|error| error.to_string())?;
        if output.timed_out {
            return Err(format!("{HUNG}: no end within {} s", limit.as_secs()));
        }
        if output.ended.success() {
            return Ok(output);
        }
        Err(failure(&String::from_utf8_lossy(&output.stderr), output.ended.code, output.ended.signal))
    }

    fn limit(&self) -> Duration {
        self.stall * 3
    }
}

/// Why a run failed, in its own words where it had any.
pub(super) fn failure(stderr: &str, code: Option<i32>, signal: Option<i32>) -> String {
    telling(stderr).unwrap_or_else(|| match (code, signal) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it crashed (signal {signal})"),
        (None, None) => "it crashed".to_owned(),
    })
}

/// The innermost words of an error: the trial's file has no meaning to anybody.
fn reason(error: &crate::model::error::Error) -> String {
    error.source.as_ref().map_or_else(|| error.doing.clone(), ToString::to_string)
}

/// The pictures are those of the clip.
fn compare(expected: &[u8], made: &[u8]) -> std::result::Result<(), String> {
    let count = made.len() / PICTURE;
    if count != FRAMES || !made.len().is_multiple_of(PICTURE) {
        return Err(format!("it made {count} pictures of {FRAMES}"));
    }
    let difference = difference(expected, made);
    if difference <= SAME {
        return Ok(());
    }
    if made.chunks_exact(PICTURE).all(is_one_colour) {
        let (r, g, b) = (made[0], made[1], made[2]);
        return Err(format!("every picture it made is one colour (red {r}, green {g}, blue {b})"));
    }
    Err(format!("it made other pictures than it was given (difference {difference:.0} of 255)"))
}

/// Mean difference per byte.
pub(super) fn difference(expected: &[u8], made: &[u8]) -> f64 {
    let sum: u64 = expected.iter().zip(made).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / made.len().max(1) as f64
}

fn is_one_colour(picture: &[u8]) -> bool {
    picture.chunks_exact(3).all(|pixel| pixel.iter().zip(&picture[..3]).all(|(a, b)| a.abs_diff(*b) <= 4))
}

/// The sound is about as long and as loud as the tone.
fn listen(made: &[u8]) -> std::result::Result<(), String> {
    let samples: Vec<f64> =
        made.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect();
    if samples.len().abs_diff(SAMPLES) > 4800 {
        return Err(format!("it made {} samples of {SAMPLES}", samples.len()));
    }
    let loudness = (samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64).sqrt();
    // The tone has an amplitude of 1/8 of full scale.
    if !(1500.0..6000.0).contains(&loudness) {
        return Err(format!(
            "it made another sound than it was given (loudness {loudness:.0} instead of 2896)"
        ));
    }
    Ok(())
}

pub(super) fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// As ffmpeg's own URL, so that no character of a folder's name is taken for a protocol or an option.
pub(super) fn url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

#[cfg(test)]
mod tests {
    use super::{FRAMES, PICTURE, SAMPLES, compare, listen};

    fn clip() -> Vec<u8> {
        (0..FRAMES * PICTURE).map(|n| ((n * 37) % 251) as u8).collect()
    }

    #[test]
    fn small_differences_are_an_encoders_right() {
        let made: Vec<u8> = clip().iter().map(|b| b.saturating_add(4)).collect();
        assert_eq!(compare(&clip(), &made), Ok(()));
    }

    #[test]
    fn pictures_that_are_missing_green_black_or_others_are_found() {
        let says = |made: &[u8]| compare(&clip(), made).unwrap_err();
        assert_eq!(says(&[]), "it made 0 pictures of 24");
        assert_eq!(says(&clip()[PICTURE..]), "it made 23 pictures of 24");
        assert_eq!(says(&clip()[..FRAMES * PICTURE - 1]), "it made 23 pictures of 24");
        let green: Vec<u8> = [0, 128, 0].repeat(FRAMES * PICTURE / 3);
        assert_eq!(says(&green), "every picture it made is one colour (red 0, green 128, blue 0)");
        assert!(says(&[0; FRAMES * PICTURE]).contains("one colour"));
        let reversed: Vec<u8> = clip().into_iter().rev().collect();
        assert!(says(&reversed).contains("other pictures"));
    }

    #[test]
    fn silence_noise_and_short_sound_are_found() {
        let tone = |amplitude: f64, samples: usize| -> Vec<u8> {
            (0..samples)
                .flat_map(|n| (((n as f64 * 0.0576).sin() * amplitude) as i16).to_le_bytes())
                .collect()
        };
        assert_eq!(listen(&tone(4096.0, SAMPLES + 1024)), Ok(()));
        assert!(listen(&tone(0.0, SAMPLES)).is_err());
        assert!(listen(&tone(30_000.0, SAMPLES)).is_err());
        assert!(listen(&tone(4096.0, SAMPLES / 2)).is_err());
        assert!(listen(&[]).is_err());
    }
}
