//! The options of each video encoder.

use crate::model::media::Mastering;
use crate::model::plan::VideoEncode;

type Options = Vec<(&'static str, String)>;

/// Global options that open the encoder's device; they come before the input.
pub fn device(encode: &VideoEncode) -> Vec<String> {
    let open = |kind: &str| {
        let device = encode.device.as_deref().map(|d| format!(":{d}")).unwrap_or_default();
        vec![
            "-init_hw_device".to_owned(),
            format!("{kind}=hw{device}"),
            "-filter_hw_device".to_owned(),
            "hw".to_owned(),
        ]
    };
    match encode.encoder.as_str() {
        e if e.ends_with("_vaapi") => open("vaapi"),
        e if e.ends_with("_qsv") => {
            // QSV takes its device as an option of itself where it is a render node.
            let child = encode.device.as_deref().map(|d| format!(",child_device={d}")).unwrap_or_default();
            vec![
                "-init_hw_device".to_owned(),
                format!("qsv=hw:hw_any{child}"),
                "-filter_hw_device".to_owned(),
                "hw".to_owned(),
            ]
        }
        _ => Vec::new(),
    }
}

/// The options of a video encode, without the stream's number.
pub fn options(encode: &VideoEncode) -> Options {
    let mut options = rate_control(encode);
    let family = family(&encode.encoder);
    if let Some(preset) = &encode.preset {
        let name = match family {
            Family::Amf => "quality",
            Family::Aom => "cpu-used",
            _ => "preset",
        };
        options.push((name, preset.clone()));
    }
    if let Some(tune) = &encode.tune {
        options.push(("tune", tune.clone()));
    }
    if let Some(profile) = encode.profile.as_ref().filter(|_| family != Family::SvtAv1) {
        options.push(("profile", profile.clone()));
    }
    if let Some(level) = encode.level {
        let text = match family {
            Family::Qsv => level.to_string(),
            _ => format!("{}.{}", level / 10, level % 10),
        };
        options.push(("level", text));
    }
    match family {
        Family::X265 => options.push(("x265-params", x265(encode))),
        Family::SvtAv1 => options.extend(svt(encode).map(|p| ("svtav1-params", p))),
        Family::Aom => options.push(("row-mt", "1".to_owned())),
        _ => {}
    }
    let color = &encode.color;
    let tags = [
        ("color_primaries", &color.primaries),
        ("color_trc", &color.transfer),
        ("colorspace", &color.matrix),
        ("color_range", &color.range),
    ];
    options.extend(tags.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    options
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    X264,
    X265,
    SvtAv1,
    Aom,
    Nvenc,
    Qsv,
    Vaapi,
    Amf,
    VideoToolbox,
}

fn family(encoder: &str) -> Family {
    match encoder {
        "libx265" => Family::X265,
        "libsvtav1" => Family::SvtAv1,
        "libaom-av1" => Family::Aom,
        e if e.ends_with("_nvenc") => Family::Nvenc,
        e if e.ends_with("_qsv") => Family::Qsv,
        e if e.ends_with("_vaapi") => Family::Vaapi,
        e if e.ends_with("_amf") => Family::Amf,
        e if e.ends_with("_videotoolbox") => Family::VideoToolbox,
        _ => Family::X264,
    }
}

/// Constant quality; with a ceiling where the plan has one.
fn rate_control(encode: &VideoEncode) -> Options {
    let quality = number(encode.quality);
    let whole = format!("{:.0}", encode.quality);
    let max = encode.max_bitrate;
    let ceiling = |options: &mut Options| {
        if let Some(max) = max {
            options.push(("maxrate", format!("{max}k")));
            options.push(("bufsize", format!("{}k", encode.buffer_size.unwrap_or(max * 2))));
        }
    };
    // Encoders that have no ceiling in their constant-quality mode aim at three quarters of it instead.
    let target = max.map(|m| format!("{}k", m * 3 / 4));
    let mut options: Options = Vec::new();
    match (family(&encode.encoder), target) {
        (Family::X264 | Family::X265, _) => {
            options.push(("crf", quality));
            ceiling(&mut options);
        }
        // SVT-AV1 has no ceiling with a CRF in the versions that distributions ship.
        (Family::SvtAv1, _) => options.push(("crf", whole)),
        (Family::Aom, _) => {
            options.push(("crf", whole));
            options.push(("b", "0".to_owned()));
            if encode.preset.is_none() {
                options.push(("cpu-used", "4".to_owned()));
            }
        }
        (Family::Nvenc, _) => {
            options.push(("rc", "vbr".to_owned()));
            options.push(("cq", quality));
            options.push(("b", "0".to_owned()));
            ceiling(&mut options);
        }
        (Family::Qsv, None) => options.push(("global_quality", whole)),
        (Family::Qsv, Some(target)) => {
            options.push(("b", target));
            ceiling(&mut options);
        }
        (Family::Vaapi, None) if encode.codec == "av1" => {
            options.push(("rc_mode", "CQP".to_owned()));
            options.push(("global_quality", whole));
        }
        (Family::Vaapi, None) => {
            options.push(("rc_mode", "CQP".to_owned()));
            options.push(("qp", whole));
        }
        (Family::Vaapi, Some(target)) => {
            options.push(("rc_mode", "VBR".to_owned()));
            options.push(("b", target));
            ceiling(&mut options);
        }
        (Family::Amf, None) => {
            options.push(("rc", "cqp".to_owned()));
            options.push(("qp_i", whole.clone()));
            options.push(("qp_p", whole));
        }
        (Family::Amf, Some(target)) => {
            options.push(("rc", "vbr_peak".to_owned()));
            options.push(("b", target));
            ceiling(&mut options);
        }
        (Family::VideoToolbox, None) => options.push(("q", whole)),
        (Family::VideoToolbox, Some(target)) => {
            options.push(("b", target));
            ceiling(&mut options);
        }
    }
    options
}

/// `21`, `21.5`.
fn number(value: f32) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// x265's own parameters: quiet, and HDR's static metadata in every key frame so that a seek finds it.
fn x265(encode: &VideoEncode) -> String {
    let mut parts = vec!["log-level=warning".to_owned()];
    if encode.mastering.is_some() || encode.content_light.is_some() {
        parts.push("hdr10=1:repeat-headers=1".to_owned());
    }
    if let Some(m) = &encode.mastering {
        // In units of 0.00002 and of 0.0001 cd/m² (ITU-T H.265 D.3.28).
        let point =
            |(x, y): ((u32, u32), (u32, u32))| format!("({},{})", scaled(x, 50_000), scaled(y, 50_000));
        parts.push(format!(
            "master-display=G{}B{}R{}WP{}L({},{})",
            point(m.green),
            point(m.blue),
            point(m.red),
            point(m.white),
            scaled(m.max_luminance, 10_000),
            scaled(m.min_luminance, 10_000),
        ));
    }
    if let Some((content, average)) = encode.content_light {
        parts.push(format!("max-cll={content},{average}"));
    }
    parts.join(":")
}

/// SVT-AV1's own parameters for HDR's static metadata; it takes real numbers.
fn svt(encode: &VideoEncode) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(m) = &encode.mastering {
        parts.push(format!("mastering-display={}", svt_mastering(m)));
    }
    if let Some((content, average)) = encode.content_light {
        parts.push(format!("content-light={content},{average}"));
    }
    (!parts.is_empty()).then(|| parts.join(":"))
}

fn svt_mastering(m: &Mastering) -> String {
    let real = |(n, d): (u32, u32)| f64::from(n) / f64::from(d.max(1));
    let point = |(x, y): ((u32, u32), (u32, u32))| format!("({:.5},{:.5})", real(x), real(y));
    format!(
        "G{}B{}R{}WP{}L({:.4},{:.4})",
        point(m.green),
        point(m.blue),
        point(m.red),
        point(m.white),
        real(m.max_luminance),
        real(m.min_luminance),
    )
}

fn scaled((n, d): (u32, u32), unit: u64) -> u64 {
    let d = u64::from(d.max(1));
    (u64::from(n) * unit + d / 2) / d
}
