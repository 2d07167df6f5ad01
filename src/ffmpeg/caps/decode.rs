//! Hardware decoders, tried like encoders: a sample is decoded and its pictures are compared; then the whole chain is timed with
//! and without. A card that only moves the work about is of no use.

use std::cell::OnceCell;
use std::env::consts::OS;
use std::path::{Path, PathBuf};

use super::super::encoders::{self, Encoder};
use super::super::tools::Tools;
use super::trial::{CLIP, Stand, words};
use crate::model::caps::{Caps, DecodeCap, Verdict};
use crate::sys::{self, stop::Stop};

/// Long enough to be timed.
pub const LONG: &str = "testsrc2=size=1920x1080:rate=24:duration=10";

/// One way to decode: ffmpeg's name of it and the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerator {
    pub name: &'static str,
    pub device: Option<String>,
}

/// What is decoded, by ffprobe's name; with what a sample of it is made, and whether 10 bit is worth a look.
const CODECS: &[(&str, &str, bool)] = &[
    ("h264", "libx264", false),
    ("hevc", "libx265", true),
    ("av1", "libsvtav1", true),
    ("vp9", "libvpx-vp9", false),
    ("mpeg2video", "mpeg2video", false),
];

/// The ways that this ffmpeg lists and for which there is a card.
pub fn accelerators(tools: &Tools) -> Vec<Accelerator> {
    let cards = sys::gpu::cards();
    if OS == "linux" && cards.is_empty() && !sys::gpu::may_be_nvidia() {
        return Vec::new();
    }
    let Ok(listed) = super::ask(tools, "-hwaccels") else { return Vec::new() };
    let has = |name: &str| listed.lines().any(|line| line.trim() == name);
    let mut found = Vec::new();
    if has("cuda") && sys::gpu::nvidia().is_ok_and(|cards| !cards.is_empty()) {
        found.push(Accelerator { name: "cuda", device: None });
    }
    if has("vaapi") {
        // NVIDIA's own way is the one above.
        for card in cards.iter().filter(|card| card.id.0 != 0x10de) {
            found.push(Accelerator { name: "vaapi", device: Some(card.node.display().to_string()) });
        }
    }
    for (name, here) in [("d3d11va", OS == "windows"), ("videotoolbox", OS == "macos")] {
        if here && has(name) {
            found.push(Accelerator { name, device: None });
        }
    }
    found
}

impl Accelerator {
    /// Options before `-i` of a transcode: frames come back to memory by themselves.
    fn options(&self) -> Vec<&str> {
        let mut options = vec!["-hwaccel", self.name];
        if let Some(device) = &self.device {
            options.extend(["-hwaccel_device", device]);
        }
        options
    }

    /// The format that frames have on the card. Asking for it turns ffmpeg's silent return to software into an error.
    fn format(&self) -> &'static str {
        match self.name {
            "d3d11va" => "d3d11",
            "videotoolbox" => "videotoolbox_vld",
            "vaapi" => "vaapi",
            _ => "cuda",
        }
    }
}

/// Tries each way with each codec that a sample can be made of; `clip` is what the whole chain is timed on.
pub fn try_all(
    stand: &Stand<'_>,
    ways: &[Accelerator],
    caps: &Caps,
    clip: &str,
    room: &Path,
) -> Vec<DecodeCap> {
    let mut tried = Vec::new();
    if ways.is_empty() {
        return tried;
    }
    for (codec, maker, deep) in CODECS {
        for ten_bit in [false, true] {
            if (ten_bit && !deep) || !caps.listed.contains(*maker) || sys::stop::asked() != Stop::No {
                continue;
            }
            let Some(sample) = sample(stand, maker, ten_bit, CLIP, room.join("sample.mkv")) else { continue };
            let long = OnceCell::new();
            for way in ways {
                tried.push(one(stand, way, (codec, maker, ten_bit), caps, (&sample, clip, &long), room));
            }
        }
    }
    tried
}

/// A file of this codec; `None` where it cannot be made.
fn sample(stand: &Stand<'_>, maker: &str, ten_bit: bool, clip: &str, file: PathBuf) -> Option<PathBuf> {
    let format = if ten_bit { "yuv420p10le" } else { "yuv420p" };
    let mut args = words(&["-f", "lavfi", "-i", clip, "-pix_fmt", format, "-c:v", maker]);
    match encoders::video(maker) {
        Some(encoder) => args.extend(encoder.quickest().into_iter().map(Into::into)),
        None if maker == "libvpx-vp9" => {
            args.extend(words(&["-deadline", "realtime", "-cpu-used", "8", "-b:v", "4M"]));
        }
        None => args.extend(words(&["-b:v", "8M"])),
    }
    stand.encode(args, &file).ok().map(|_| file)
}

fn one(
    stand: &Stand<'_>,
    way: &Accelerator,
    (codec, maker, ten_bit): (&str, &str, bool),
    caps: &Caps,
    (sample_file, clip, long): (&Path, &str, &OnceCell<Option<PathBuf>>),
    room: &Path,
) -> DecodeCap {
    let mut before = way.options();
    before.extend(["-hwaccel_output_format", way.format()]);
    let download = if ten_bit { "hwdownload,format=p010le," } else { "hwdownload,format=nv12," };
    let result = stand.decodes(&before, download, sample_file);
    let gain = result.is_ok().then(|| {
        let long =
            long.get_or_init(|| sample(stand, maker, ten_bit, clip, room.join("long.mkv"))).as_deref()?;
        gain(stand, way, (sample_file, long), caps, room)
    });
    DecodeCap {
        accel: way.name.to_owned(),
        device: way.device.clone(),
        codec: codec.to_owned(),
        ten_bit,
        verdict: super::verdict(result),
        gain: gain.flatten(),
    }
}

/// The time of the whole chain with software's decoder over that with this one. Of each the time of a short chain is taken off:
/// opening a card takes longer than a strong processor takes for ten seconds of film, and of a film it is nothing.
fn gain(
    stand: &Stand<'_>,
    way: &Accelerator,
    (short, long): (&Path, &Path),
    caps: &Caps,
    room: &Path,
) -> Option<f64> {
    let (encoder, device) = chosen(caps)?;
    let made = room.join("chain.mkv");
    let time = |before: &[&str], input: &Path| {
        let input = format!("file:{}", input.display());
        let mut all = before.to_vec();
        all.extend(["-i", &input]);
        // Beside an encoder in a hurry, decoding would seem to be half of the work.
        let args = stand.paced_args(encoder, device.as_deref(), false, &all, (encoder.usual(), None));
        stand.encode(args, &made).ok()
    };
    let lasting = |before: &[&str]| Some((time(before, long)? - time(before, short)?).max(0.001));
    Some(lasting(&[])? / lasting(&way.options())?)
}

/// The encoder that H.264 would be made with here; the others of its family work alike.
fn chosen(caps: &Caps) -> Option<(&'static Encoder, Option<String>)> {
    let works = |cap: &&crate::model::caps::EncoderCap| matches!(cap.verdict, Verdict::Works { .. });
    let video = |cap: &&crate::model::caps::EncoderCap| encoders::video(&cap.name).is_some();
    let all = || caps.encoders.iter().filter(works).filter(video);
    let cap = all().find(|cap| cap.hardware).or_else(|| all().next())?;
    Some((encoders::video(&cap.name)?, cap.device.clone()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Accelerator, try_all};
    use crate::ffmpeg::caps::trial::{CLIP, Stand};
    use crate::ffmpeg::caps::{Room, complete};
    use crate::ffmpeg::play;
    use crate::ffmpeg::tools::find;
    use crate::model::caps::{DecodeCap, Verdict};

    /// What comes of an ffmpeg whose card decodes so: `accel=` of the fake.
    fn tried(how: &str) -> Vec<DecodeCap> {
        let dir = tempfile::tempdir().unwrap();
        let (ffmpeg, ffprobe) = play::install(dir.path(), &format!("none on=version accel={how}"));
        let tools = find(Some(&ffmpeg), Some(&ffprobe)).unwrap();
        let mut caps = complete(&tools, None, &|name| name == "libx264").unwrap();
        caps.listed.retain(|name| name == "libx264");
        let stand = Stand::new(&tools, Duration::from_secs(30));
        let room = Room::new().unwrap();
        try_all(&stand, &[Accelerator { name: "cuda", device: None }], &caps, CLIP, &room.0)
    }

    #[test]
    fn a_decoder_that_is_right_and_faster_is_worth_it() {
        let caps = tried("fast");
        assert_eq!(caps.len(), 1, "H.264 alone: {caps:?}");
        assert!(caps[0].is_worth_it(), "{caps:?}");
    }

    #[test]
    fn a_decoder_that_is_slower_makes_other_pictures_or_is_none_is_not() {
        let caps = tried("slow");
        assert!(matches!(caps[0].verdict, Verdict::Works { .. }) && !caps[0].is_worth_it(), "{caps:?}");
        for (how, says) in
            [("wrong", "other pictures"), ("none", "Cannot load libcuda"), ("software", "hwdownload")]
        {
            let caps = tried(how);
            let Verdict::Failed { why } = &caps[0].verdict else { panic!("{how}: {caps:?}") };
            assert!(why.contains(says), "{how}: {why}");
            assert!(!caps[0].is_worth_it());
        }
    }
}
