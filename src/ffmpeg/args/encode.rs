//! The options of each video encoder.

use crate::ffmpeg::encoders::{self, Cap, Family, Release};
use crate::model::media::Mastering;
use crate::model::plan::{ColorTags, VideoEncode};

/// Options for one stream, name and value, without the stream's number.
type Options = Vec<(String, String)>;

/// Global options that open the encoder's device; they come before the input.
pub fn device(encode: &VideoEncode) -> Vec<String> {
    encoders::video(&encode.encoder).map(|e| e.device(encode.device.as_deref())).unwrap_or_default()
}

/// The options of a video encode, without the stream's number.
pub fn options(encode: &VideoEncode, release: Release) -> Options {
    let mut options = Options::new();
    let mut family = Family::X264;
    if let Some(encoder) = encoders::video(&encode.encoder) {
        family = encoder.family;
        let cap = encode.max_bitrate.map(|max| Cap { max, buffer: encode.buffer_size });
        let words = [
            encoder.select(encode.device.as_deref()),
            encoder.quality(encode.quality, cap, release),
            encode.preset.as_deref().map(|p| encoder.preset(p)).unwrap_or_default(),
            encode
                .tune
                .as_deref()
                .filter(|_| family != Family::SvtAv1)
                .map(|t| encoder.tune(t))
                .unwrap_or_default(),
            encode.level.map(|l| encoder.level(l)).unwrap_or_default(),
            encode.keep.iter().flat_map(|what| encoder.keep(*what)).collect(),
        ];
        options.extend(words.iter().flat_map(|w| pairs(w)));
    }
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let has_profiles = !matches!(family, Family::SvtAv1 | Family::V4l2 | Family::Vulkan);
    if let Some(profile) = encode.profile.as_ref().filter(|_| has_profiles) {
        options.push(named("profile", profile));
    }
    match family {
        Family::X265 => options.push(named("x265-params", &x265(encode))),
        Family::SvtAv1 => options.extend(svt(encode).map(|p| named("svtav1-params", &p))),
        _ => {}
    }
    options.extend(tags(&encode.color));
    options
}

/// The options that say what the colours are.
pub fn tags(color: &ColorTags) -> Options {
    let tags = [
        ("color_primaries", color.primaries.as_deref()),
        ("color_trc", color.transfer.as_deref().map(curve)),
        ("colorspace", color.matrix.as_deref()),
        ("color_range", color.range.as_deref()),
    ];
    tags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// A curve's name as encoders take it. ffprobe and the filters call analogue television's by their standard (Recommendation
/// BT.470), the encoders' option by their exponent.
fn curve(transfer: &str) -> &str {
    match transfer {
        "bt470m" => "gamma22",
        "bt470bg" => "gamma28",
        other => other,
    }
}

/// `-cq:v 23` as (`cq`, `23`): the plan's number of the stream takes the place of the kind, since a cover beside the film
/// is of the same kind.
fn pairs(words: &[String]) -> Vec<(String, String)> {
    words
        .chunks_exact(2)
        .map(|pair| {
            let name = pair[0].trim_start_matches('-');
            (name.split(':').next().unwrap_or(name).to_owned(), pair[1].clone())
        })
        .collect()
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

/// SVT-AV1's own parameters, of which there can be one list only: tune, and HDR's static metadata in real numbers.
fn svt(encode: &VideoEncode) -> Option<String> {
    let mut parts: Vec<String> = encode.tune.iter().map(|t| format!("tune={t}")).collect();
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
