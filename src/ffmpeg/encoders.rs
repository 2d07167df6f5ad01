//! The video encoders we know and how each wants to be spoken to: the one table behind [`super::args`] (transcodes) and [`super::caps`]
//! (trials), so that what was tried is what is run. docs/ENCODERS.md is this file in prose, with the ffmpeg versions.
//!
//! A command line is built in this order: [`Encoder::device`] before `-i`; the filter chain ending in [`Encoder::upload`]; then for the
//! stream `-c:v NAME`, [`Encoder::pix_fmt`], [`Encoder::select`], [`Encoder::preset`], [`Encoder::tune`], [`Encoder::quality`],
//! [`Encoder::level`], [`Encoder::keep`]. All pure.

use crate::model::media::FrameData;

/// ffmpeg's major and minor version; `None` for builds from git, which are taken for new.
pub type Release = Option<(u32, u32)>;

/// Whose words an encoder speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    X264,
    X265,
    SvtAv1,
    Aom,
    Nvenc,
    Qsv,
    Vaapi,
    Amf,
    VideoToolbox,
    V4l2,
    Vulkan,
}

/// One video encoder of ffmpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// ffmpeg's name.
    pub name: &'static str,
    /// ffprobe's name of what it makes.
    pub codec: &'static str,
    pub family: Family,
}

const fn encoder(name: &'static str, codec: &'static str, family: Family) -> Encoder {
    Encoder { name, codec, family }
}

/// Every encoder that is tried, software first.
pub const VIDEO: &[Encoder] = &[
    encoder("libx264", "h264", Family::X264),
    encoder("libx265", "hevc", Family::X265),
    encoder("libsvtav1", "av1", Family::SvtAv1),
    encoder("libaom-av1", "av1", Family::Aom),
    encoder("h264_nvenc", "h264", Family::Nvenc),
    encoder("hevc_nvenc", "hevc", Family::Nvenc),
    encoder("av1_nvenc", "av1", Family::Nvenc),
    encoder("h264_qsv", "h264", Family::Qsv),
    encoder("hevc_qsv", "hevc", Family::Qsv),
    encoder("av1_qsv", "av1", Family::Qsv),
    encoder("h264_vaapi", "h264", Family::Vaapi),
    encoder("hevc_vaapi", "hevc", Family::Vaapi),
    encoder("av1_vaapi", "av1", Family::Vaapi),
    encoder("h264_amf", "h264", Family::Amf),
    encoder("hevc_amf", "hevc", Family::Amf),
    encoder("av1_amf", "av1", Family::Amf),
    encoder("h264_videotoolbox", "h264", Family::VideoToolbox),
    encoder("hevc_videotoolbox", "hevc", Family::VideoToolbox),
    encoder("h264_v4l2m2m", "h264", Family::V4l2),
    encoder("hevc_v4l2m2m", "hevc", Family::V4l2),
    encoder("h264_vulkan", "h264", Family::Vulkan),
    encoder("hevc_vulkan", "hevc", Family::Vulkan),
    encoder("av1_vulkan", "av1", Family::Vulkan),
];

/// Audio encoders that plans may name, and what they make.
pub const AUDIO: &[(&str, &str)] =
    &[("aac", "aac"), ("libopus", "opus"), ("libmp3lame", "mp3"), ("flac", "flac")];

/// The video encoder of this name.
pub fn video(name: &str) -> Option<&'static Encoder> {
    VIDEO.iter().find(|e| e.name == name)
}

/// A ceiling for the bit rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// kbit/s.
    pub max: u32,
    /// kbit; twice the rate where the profile says nothing.
    pub buffer: Option<u32>,
}

/// Behind a VAAPI device's name: use its fixed-function ("low power") encoder, the only one that newer Intel cards have.
pub const LOW_POWER: &str = " (low power)";

/// A device's name as ffmpeg takes it.
fn node(device: &str) -> &str {
    device.strip_suffix(LOW_POWER).unwrap_or(device)
}

impl Encoder {
    /// It runs on a device, so that being listed proves nothing.
    pub fn is_hardware(&self) -> bool {
        !matches!(self.family, Family::X264 | Family::X265 | Family::SvtAv1 | Family::Aom)
    }

    /// Global arguments, before the first `-i`, that open the device. `device`: a render node (`/dev/dri/renderD128`) for VAAPI and Quick
    /// Sync, a number for Vulkan; `None`: the first one.
    pub fn device(&self, device: Option<&str>) -> Vec<String> {
        let named = |kind: &str, name: &str| match device.map(node) {
            Some(device) => format!("{kind}={name}:{device}"),
            None => format!("{kind}={name}"),
        };
        match self.family {
            Family::Vaapi => {
                strings(&["-init_hw_device", &named("vaapi", "gpu"), "-filter_hw_device", "gpu"])
            }
            Family::Vulkan => {
                strings(&["-init_hw_device", &named("vulkan", "gpu"), "-filter_hw_device", "gpu"])
            }
            // Quick Sync finds a certain card only through the VAAPI device that it sits on; on Windows there is no such
            // thing and the first card is taken.
            Family::Qsv if device.is_some() => {
                strings(&["-init_hw_device", &named("vaapi", "gpu"), "-init_hw_device", "qsv=qsv@gpu"])
            }
            Family::Qsv => strings(&["-init_hw_device", "qsv=qsv"]),
            _ => Vec::new(),
        }
    }

    /// The end of the filter chain that carries pictures to the device; `None` where the encoder takes them from memory.
    pub fn upload(&self, ten_bit: bool) -> Option<String> {
        match self.family {
            Family::Vaapi | Family::Vulkan => {
                Some(format!("format={},hwupload", if ten_bit { "p010le" } else { "nv12" }))
            }
            _ => None,
        }
    }

    /// For `-pix_fmt`; `None` where [`Encoder::upload`] has settled it.
    pub fn pix_fmt(&self, ten_bit: bool) -> Option<&'static str> {
        match (self.family, ten_bit) {
            (Family::Vaapi | Family::Vulkan, _) => None,
            (Family::Qsv | Family::Amf | Family::VideoToolbox, false) => Some("nv12"),
            (Family::Qsv | Family::Amf | Family::VideoToolbox | Family::Nvenc, true) => Some("p010le"),
            (_, false) => Some("yuv420p"),
            (_, true) => Some("yuv420p10le"),
        }
    }

    /// Chooses the card, or the part of it, where the encoder itself does that (`-gpu 1`, `-low_power 1`).
    pub fn select(&self, device: Option<&str>) -> Vec<String> {
        match (self.family, device) {
            (Family::Nvenc, Some(device)) => strings(&["-gpu", device]),
            (Family::Vaapi, Some(device)) if device.ends_with(LOW_POWER) => strings(&["-low_power", "1"]),
            _ => Vec::new(),
        }
    }

    /// Speed against size, in the encoder's own word or number.
    pub fn preset(&self, preset: &str) -> Vec<String> {
        let name = match self.family {
            Family::X264 | Family::X265 | Family::SvtAv1 | Family::Nvenc | Family::Qsv => "-preset",
            Family::Aom => "-cpu-used",
            Family::Vaapi => "-compression_level",
            // `-preset` is a newer alias.
            Family::Amf | Family::Vulkan => "-quality",
            Family::VideoToolbox | Family::V4l2 => return Vec::new(),
        };
        let mut args = strings(&[name, preset]);
        if self.family == Family::Aom {
            // Without row threads libaom leaves most cores idle.
            args.extend(strings(&["-row-mt", "1"]));
        }
        args
    }

    /// What the encoder optimises for, in its own word; nothing where it has no such setting.
    pub fn tune(&self, tune: &str) -> Vec<String> {
        match self.family {
            Family::X264 | Family::X265 | Family::Nvenc | Family::Aom | Family::Vulkan => {
                strings(&["-tune", tune])
            }
            Family::SvtAv1 => vec!["-svtav1-params".into(), format!("tune={tune}")],
            _ => Vec::new(),
        }
    }

    /// The quality aim on the encoder's own scale, and its ceiling.
    ///
    /// | family | scale, best to worst |
    /// | --- | --- |
    /// | x264, x265 | CRF 0–51 |
    /// | SVT-AV1 | CRF 1–63 (0 means: the library's default) |
    /// | libaom | CRF 0–63 |
    /// | NVENC | CQ 1–51 (0 means: automatic; AV1 goes to 63 in newer builds) |
    /// | Quick Sync | ICQ 1–51 |
    /// | VAAPI, Vulkan | QP 1–51, AV1 1–255 |
    /// | AMF | QP 0–51, AV1 0–255 |
    /// | VideoToolbox | 100–1: larger is better |
    /// | V4L2 | none: a bit rate |
    pub fn quality(&self, quality: f32, cap: Option<Cap>, release: Release) -> Vec<String> {
        let real = number(quality);
        let whole = number(quality.round());
        let mut args = match self.family {
            Family::X264 | Family::X265 => strings(&["-crf", &real]),
            // `-crf` came with 5.1; before that `-qp` is the same number without adaptive quantisation.
            Family::SvtAv1 if release.is_some_and(|r| r < (5, 1)) => strings(&["-qp", &whole]),
            Family::SvtAv1 => strings(&["-crf", &whole]),
            // With a rate beside it libaom's CRF is "constrained": the rate is the ceiling, and 0 means none.
            Family::Aom => {
                let rate = cap.map_or_else(|| "0".into(), |cap| kilo(cap.max));
                return strings(&["-crf", &whole, "-b:v", &rate]);
            }
            // The default of 2 Mbit/s would otherwise overrule the quality.
            Family::Nvenc => strings(&["-rc:v", "vbr", "-cq:v", &real, "-b:v", "0"]),
            // Quality-defined with a ceiling is QVBR, which ffmpeg chooses by the rate lying below the ceiling.
            Family::Qsv => {
                let mut args = strings(&["-global_quality:v", &whole]);
                if let Some(cap) = cap {
                    args.extend(["-b:v".into(), kilo(cap.max / 10 * 9)]);
                }
                args
            }
            Family::Vaapi => match cap {
                None => strings(&["-rc_mode", "CQP", "-global_quality:v", &whole]),
                Some(cap) => {
                    strings(&["-rc_mode", "QVBR", "-global_quality:v", &whole, "-b:v", &kilo(cap.max)])
                }
            },
            Family::Amf => match cap {
                None => {
                    let mut args = strings(&["-rc", "cqp", "-qp_i", &whole, "-qp_p", &whole]);
                    // Only the H.264 encoder of AMF makes B-frames in every version.
                    if self.codec == "h264" {
                        args.extend(strings(&["-qp_b", &whole]));
                    }
                    args
                }
                Some(cap) => strings(&["-rc", "vbr_peak", "-b:v", &kilo(cap.max / 3 * 2)]),
            },
            Family::VideoToolbox => strings(&["-q:v", &whole]),
            Family::V4l2 => {
                let rate = cap.map_or(4000, |cap| cap.max);
                return strings(&["-b:v", &kilo(rate)]);
            }
            Family::Vulkan => return strings(&["-rc_mode", "cqp", "-qp", &whole]),
        };
        if let Some(cap) = cap {
            let buffer = cap.buffer.unwrap_or(cap.max.saturating_mul(2));
            args.extend(["-maxrate:v".into(), kilo(cap.max), "-bufsize:v".into(), kilo(buffer)]);
        }
        args
    }

    /// H.264/HEVC level times ten. Nothing for x265, which takes `level-idc` among its `-x265-params` only, and for AV1.
    pub fn level(&self, level: u32) -> Vec<String> {
        match self.family {
            _ if self.codec == "av1" => Vec::new(),
            Family::X265 | Family::V4l2 => Vec::new(),
            // No words of its own: Quick Sync's numbers are the level times ten for both codecs.
            Family::Qsv => vec!["-level:v".into(), level.to_string()],
            // These know no `3.0`, and would take it for the number 3: a level that does not exist.
            Family::Vaapi | Family::Vulkan if level.is_multiple_of(10) => {
                vec!["-level:v".into(), (level / 10).to_string()]
            }
            _ => vec!["-level:v".into(), format!("{}.{}", level / 10, level % 10)],
        }
    }

    /// What makes the encoder write this from the frames' own metadata, where it does not do so by itself.
    pub fn keep(&self, what: FrameData) -> Vec<String> {
        match (what, self.family) {
            (FrameData::Captions, Family::X265) => strings(&["-a53cc:v", "1"]),
            // Left to itself («auto») it leaves it out without a word.
            (FrameData::DolbyVision, _) if self.writes_dolby_vision() => strings(&["-dolbyvision:v", "1"]),
            _ => Vec::new(),
        }
    }

    /// Some version of ffmpeg has an option for it.
    pub fn writes_dolby_vision(&self) -> bool {
        matches!(self.family, Family::X265 | Family::SvtAv1 | Family::Aom)
    }

    /// For a trial: the least work that still uses the encoder as a transcode does.
    pub fn quickest(&self) -> Vec<String> {
        match self.family {
            Family::X264 => strings(&["-preset", "ultrafast"]),
            Family::X265 => strings(&["-preset", "ultrafast", "-x265-params", "log-level=error"]),
            Family::SvtAv1 => strings(&["-preset", "8"]),
            Family::Aom => strings(&["-cpu-used", "8", "-row-mt", "1", "-usage", "realtime"]),
            _ => Vec::new(),
        }
    }

    /// As a transcode does it, for timing: what one of its encoders takes is what decoding is to be measured against.
    pub fn usual(&self) -> Vec<String> {
        match self.family {
            Family::X264 => strings(&["-preset", "medium"]),
            Family::X265 => strings(&["-preset", "medium", "-x265-params", "log-level=error"]),
            Family::SvtAv1 => strings(&["-preset", "6"]),
            _ => self.quickest(),
        }
    }

    /// A middling number on its own scale, for trials.
    pub fn middling(&self) -> f32 {
        match (self.family, self.codec) {
            (Family::VideoToolbox, _) => 60.0,
            (Family::SvtAv1 | Family::Aom, _) => 35.0,
            (Family::Vaapi | Family::Amf | Family::Vulkan, "av1") => 110.0,
            _ => 25.0,
        }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn kilo(rate: u32) -> String {
    format!("{rate}k")
}

/// Without a needless `.0`: some options take whole numbers only.
fn number(value: f32) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::{Cap, VIDEO, video};

    fn quality(name: &str, value: f32, cap: Option<u32>, release: super::Release) -> String {
        let cap = cap.map(|max| Cap { max, buffer: None });
        video(name).unwrap().quality(value, cap, release).join(" ")
    }

    #[test]
    fn a_whole_level_has_the_name_that_the_encoder_knows() {
        let level = |name: &str, level| video(name).unwrap().level(level).join(" ");
        assert_eq!(level("libx264", 30), "-level:v 3.0");
        assert_eq!(level("h264_nvenc", 50), "-level:v 5.0");
        assert_eq!(level("h264_amf", 50), "-level:v 5.0");
        assert_eq!(level("h264_vaapi", 30), "-level:v 3");
        assert_eq!(level("h264_vaapi", 31), "-level:v 3.1");
        assert_eq!(level("h264_vulkan", 50), "-level:v 5");
        assert_eq!(level("h264_qsv", 41), "-level:v 41");
    }

    #[test]
    fn each_encoder_gets_its_quality_in_its_own_words() {
        let new = Some((7, 1));
        assert_eq!(quality("libx264", 20.5, None, new), "-crf 20.5");
        assert_eq!(quality("libx265", 22.0, None, new), "-crf 22");
        assert_eq!(quality("libsvtav1", 30.4, None, new), "-crf 30");
        assert_eq!(quality("libsvtav1", 30.0, None, Some((5, 0))), "-qp 30");
        assert_eq!(quality("libsvtav1", 30.0, None, None), "-crf 30");
        assert_eq!(quality("libaom-av1", 30.0, None, new), "-crf 30 -b:v 0");
        assert_eq!(quality("hevc_nvenc", 24.5, None, new), "-rc:v vbr -cq:v 24.5 -b:v 0");
        assert_eq!(quality("h264_qsv", 23.0, None, new), "-global_quality:v 23");
        assert_eq!(quality("hevc_vaapi", 23.0, None, new), "-rc_mode CQP -global_quality:v 23");
        assert_eq!(quality("h264_amf", 23.0, None, new), "-rc cqp -qp_i 23 -qp_p 23 -qp_b 23");
        assert_eq!(quality("av1_amf", 90.0, None, new), "-rc cqp -qp_i 90 -qp_p 90");
        assert_eq!(quality("h264_videotoolbox", 65.0, None, new), "-q:v 65");
        assert_eq!(quality("h264_v4l2m2m", 1.0, None, new), "-b:v 4000k");
        assert_eq!(quality("h264_vulkan", 23.0, None, new), "-rc_mode cqp -qp 23");
    }

    #[test]
    fn a_ceiling_is_said_in_each_encoders_words() {
        let new = Some((7, 1));
        let tail = "-maxrate:v 8000k -bufsize:v 16000k";
        assert_eq!(quality("libx264", 20.0, Some(8000), new), format!("-crf 20 {tail}"));
        assert_eq!(quality("libaom-av1", 30.0, Some(8000), new), "-crf 30 -b:v 8000k");
        assert_eq!(quality("h264_nvenc", 20.0, Some(8000), new), format!("-rc:v vbr -cq:v 20 -b:v 0 {tail}"));
        assert_eq!(
            quality("h264_qsv", 20.0, Some(8000), new),
            format!("-global_quality:v 20 -b:v 7200k {tail}")
        );
        assert_eq!(
            quality("h264_vaapi", 20.0, Some(8000), new),
            format!("-rc_mode QVBR -global_quality:v 20 -b:v 8000k {tail}")
        );
    }

    #[test]
    fn devices_are_opened_before_the_input() {
        let device = |name: &str, device| video(name).unwrap().device(device).join(" ");
        assert_eq!(
            device("h264_vaapi", Some("/dev/dri/renderD129")),
            "-init_hw_device vaapi=gpu:/dev/dri/renderD129 -filter_hw_device gpu"
        );
        assert_eq!(
            device("h264_qsv", Some("/dev/dri/renderD128")),
            "-init_hw_device vaapi=gpu:/dev/dri/renderD128 -init_hw_device qsv=qsv@gpu"
        );
        let low = Some("/dev/dri/renderD128 (low power)");
        assert_eq!(
            device("hevc_vaapi", low),
            "-init_hw_device vaapi=gpu:/dev/dri/renderD128 -filter_hw_device gpu"
        );
        assert_eq!(video("hevc_vaapi").unwrap().select(low).join(" "), "-low_power 1");
        assert_eq!(device("h264_qsv", None), "-init_hw_device qsv=qsv");
        assert_eq!(device("h264_nvenc", Some("1")), "");
        assert_eq!(video("h264_nvenc").unwrap().select(Some("1")).join(" "), "-gpu 1");
        assert_eq!(device("libx264", None), "");
    }

    #[test]
    fn every_encoder_gets_pictures_either_by_upload_or_by_format() {
        for encoder in VIDEO {
            for ten_bit in [false, true] {
                assert!(
                    encoder.upload(ten_bit).is_some() != encoder.pix_fmt(ten_bit).is_some(),
                    "{encoder:?}"
                );
            }
        }
    }
}
