//! Small readings of ffprobe's JSON: numbers that come as text, rationals, tags, pixel formats.

use serde_json::Value;

use crate::model::media::{Disposition, Tags};

/// A text field; empty and `unknown` count as missing.
pub fn text(value: &Value, name: &str) -> Option<String> {
    value
        .get(name)?
        .as_str()
        .filter(|t| !t.is_empty() && !matches!(*t, "unknown" | "unspecified" | "N/A" | "reserved"))
        .map(str::to_owned)
}

/// A number, written as one or as text: ffprobe mixes both.
pub fn number(value: &Value, name: &str) -> Option<f64> {
    let field = value.get(name)?;
    field.as_f64().or_else(|| field.as_str()?.parse().ok()).filter(|n: &f64| n.is_finite())
}

/// A whole number that is not negative.
pub fn whole(value: &Value, name: &str) -> Option<u64> {
    number(value, name).filter(|n| *n >= 0.0).map(|n| n as u64)
}

/// `25/1` or `4:3` as a pair; missing where the first part is 0 or either part does not fit.
pub fn ratio(value: &Value, name: &str) -> Option<(u32, u32)> {
    pair(value.get(name)?.as_str()?).filter(|(n, d)| *n > 0 && *d > 0)
}

/// `25/1` or `4:3` as a pair.
pub fn pair(text: &str) -> Option<(u32, u32)> {
    let (n, d) = text.split_once(['/', ':'])?;
    Some((n.parse().ok()?, d.parse().ok()?))
}

/// Tags by lower-case name.
pub fn tags(value: &Value) -> Tags {
    let Some(object) = value.get("tags").and_then(Value::as_object) else { return Tags::new() };
    object.iter().filter_map(|(k, v)| Some((k.to_lowercase(), v.as_str()?.to_owned()))).collect()
}

/// A tag of a Matroska file with mkvmerge's statistics: `DURATION`, or `DURATION-eng` where it carries a language.
pub fn statistic<'a>(tags: &'a Tags, name: &str) -> Option<&'a str> {
    tags.get(name)
        .or_else(|| {
            tags.iter()
                .find(|(k, _)| k.strip_prefix(name).is_some_and(|r| r.starts_with('-')))
                .map(|(_, v)| v)
        })
        .map(String::as_str)
}

/// `00:01:02.500000000` in seconds.
pub fn clock(text: &str) -> Option<f64> {
    let mut parts = text.rsplitn(3, ':');
    let seconds: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let hours: f64 = parts.next()?.parse().ok()?;
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Dispositions that are set.
pub fn disposition(value: &Value) -> Disposition {
    let Some(flags) = value.get("disposition") else { return Disposition::default() };
    let set = |name: &str| flags.get(name).and_then(Value::as_i64).is_some_and(|n| n != 0);
    Disposition {
        default: set("default"),
        forced: set("forced"),
        original: set("original"),
        dub: set("dub"),
        comment: set("comment"),
        hearing_impaired: set("hearing_impaired"),
        visual_impaired: set("visual_impaired"),
        attached_pic: set("attached_pic"),
        timed_thumbnails: set("timed_thumbnails"),
        captions: set("captions"),
        descriptions: set("descriptions"),
        still_image: set("still_image"),
    }
}

/// Bits per component by ffmpeg's pixel format name: `yuv420p10le` has 10, `p010le` 10, `gray12le` 12, `yuv420p` 8.
pub fn bit_depth(pix_fmt: &str) -> u8 {
    let name = pix_fmt.strip_suffix("le").or_else(|| pix_fmt.strip_suffix("be")).unwrap_or(pix_fmt);
    match name {
        "p010" | "p210" | "p410" | "x2rgb10" | "x2bgr10" | "y210" => return 10,
        "p012" | "p212" | "p412" | "y212" | "xyz12" => return 12,
        "p016" | "p216" | "p416" | "rgb48" | "bgr48" | "rgba64" | "bgra64" | "ya16" => return 16,
        "grayf32" | "gbrpf32" | "gbrapf32" => return 32,
        _ => {}
    }
    // What follows the last `p` of a planar name, or `gray`, is the depth: yuv420p10, gbrp12, gray10.
    let digits: String =
        name.chars().rev().take_while(char::is_ascii_digit).collect::<Vec<_>>().into_iter().rev().collect();
    let head = &name[..name.len() - digits.len()];
    match digits.parse::<u8>() {
        Ok(depth) if (head.ends_with('p') || head.ends_with("gray")) && (9..=16).contains(&depth) => depth,
        _ => 8,
    }
}
