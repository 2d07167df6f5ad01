//! One video stream: copied, or encoded and why.

use std::collections::BTreeSet;

use super::{color, encoder, level, words};
use crate::model::caps::Caps;
use crate::model::media::{DolbyVision, FrameData, Hdr, Stream, Video};
use crate::model::plan::{Action, Decoding, Lost, Skip, SkipCode, ToneMapper, VideoEncode};
use crate::model::policy::{Deinterlace, DynamicHdr, HdrPolicy, Policy, VideoCodec, VideoPolicy};

/// What happens to a video stream.
#[derive(Clone, Debug)]
pub struct Choice {
    pub action: Action,
    /// Why it is encoded; empty: it is copied.
    pub why: Vec<String>,
    pub lost: Vec<Lost>,
    /// The picture gets smaller because of `--downgrade-resolution`.
    pub downgraded: bool,
}

/// Decides one video stream; a skip where the profile would lose what it may not, or this machine cannot.
pub fn decide(
    stream: &Stream,
    video: &Video,
    interlaced: Option<bool>,
    policy: &Policy,
    caps: &Caps,
    (hevc_tag, untimed): (Option<&str>, Option<String>),
) -> Result<Choice, Skip> {
    let mut why = reasons(stream, video, interlaced, &policy.video);
    why.extend(untimed);
    let Some(codec) = policy.video.codec.filter(|_| !why.is_empty()) else {
        let tag = hevc_tag.filter(|_| stream.codec == "hevc").map(str::to_owned);
        let action = Action::Copy { kind: stream.kind, codec: stream.codec.clone(), tag };
        return Ok(Choice { action, why: Vec::new(), lost: Vec::new(), downgraded: false });
    };
    if stream.codec.is_empty() || video.width == 0 || video.height == 0 {
        let words = format!("ffmpeg does not know what {} is", words::stream(stream));
        return Err(Skip { code: SkipCode::CannotHere, words });
    }
    let (mut lost, mut keep) = dynamic_hdr(stream, video, &policy.video)?;
    let colors = color::plan(video, policy.video.hdr);
    // HLG has them, too. Of SDR they say nothing.
    let keeps_hdr = policy.video.hdr == HdrPolicy::Keep && video.hdr() != Hdr::Sdr;
    let mastering = video.mastering.clone().filter(|_| keeps_hdr);
    let content_light = video.content_light.filter(|_| keeps_hdr);
    let need = encoder::Need {
        codec,
        ten_bit: policy.video.bit_depth > 8,
        static_hdr: mastering.is_some() || content_light.is_some(),
        keep: &keep,
        size: {
            let size = size(video, &policy.video);
            (size.width, size.height)
        },
    };
    let (row, cap) = encoder::choose(need, policy.video.encoder.of(codec), caps)
        .map_err(|words| Skip { code: SkipCode::CannotHere, words })?;
    // Its pictures go to a card and back by the one device that filters may have, which these encoders want for themselves.
    let has_own_device = row.encoder.ends_with("_vaapi") || row.encoder.ends_with("_vulkan");
    let by_card = colors.tone_map.is_some() && caps.has_libplacebo() && !has_own_device;
    if colors.needs_zscale() && !by_card {
        let missing = ["zscale", "tonemap"].into_iter().find(|f| !caps.has_filter(f));
        if let Some(missing) = missing {
            let words = format!("its colours need ffmpeg's filter {missing}, which this build lacks");
            return Err(Skip { code: SkipCode::CannotHere, words });
        }
    }
    let size = size(video, &policy.video);
    let fps = reduced_rate(video, policy.video.max_fps);
    let ten_bit = policy.video.bit_depth > 8;
    let deinterlace = match policy.video.deinterlace {
        Deinterlace::Never => false,
        Deinterlace::Always => true,
        Deinterlace::Auto => is_interlaced(stream, video, interlaced),
    };
    // x265 writes Dolby Vision only under a ceiling; this one is far above what a film needs, and the one of discs in 4K.
    let ceiling_of_vision = keep
        .contains(&FrameData::DolbyVision)
        .then(|| if size.width.max(size.height) > 1920 { 100_000 } else { 50_000 });
    let max_bitrate = policy.video.max_bitrate.or(ceiling_of_vision);
    let buffer_size = policy.video.buffer_size.or_else(|| max_bitrate.map(|m| m * 2));
    let ceiling = max_bitrate.max(buffer_size).unwrap_or(0);
    let level = (codec == VideoCodec::H264).then(|| {
        let rate = fps.map(|(n, d)| f64::from(n) / f64::from(d)).or_else(|| rate(video));
        let needed = level::needed(size.width, size.height, rate, ceiling);
        policy.video.max_level.map_or(needed, |max| needed.min(max))
    });
    // A lower frame rate drops some of their bytes.
    if video.closed_captions && fps.is_none() && cap.keeps.contains(&FrameData::Captions) {
        keep.insert(FrameData::Captions);
    }
    losses(stream, video, policy, &keep, &mut lost);
    let encode = VideoEncode {
        encoder: row.encoder.to_owned(),
        codec: codec.name().to_owned(),
        device: cap.device.clone(),
        decode: caps
            .decoder(&stream.codec, video.bit_depth > 8)
            .filter(|_| is_decodable(video))
            .map(|cap| Decoding { accel: cap.accel.clone(), device: cap.device.clone() }),
        width: size.width,
        height: size.height,
        scale: size.scale,
        pix_fmt: if ten_bit { "yuv420p10le" } else { "yuv420p" }.to_owned(),
        quality: row.value(policy.video.quality),
        profile: profile(codec, ten_bit).map(str::to_owned),
        level,
        preset: policy.video.preset.clone().or_else(|| row.preset.map(str::to_owned)),
        tune: policy.video.tune.clone(),
        max_bitrate,
        buffer_size,
        fps,
        deinterlace,
        tone_map: colors.tone_map,
        tone_mapper: if by_card { ToneMapper::Libplacebo } else { ToneMapper::Zscale },
        sar: if turned(video) { (video.sar.1, video.sar.0) } else { video.sar },
        color: colors.to,
        from_color: colors.from,
        mastering,
        content_light,
        keep,
        extra_args: policy.video.extra_args.clone(),
    };
    Ok(Choice { action: Action::Video(Box::new(encode)), why, lost, downgraded: size.downgraded })
}

/// What cards decode everywhere: 4:2:0 in 8 or 10 bit, of a size that they all take.
fn is_decodable(video: &Video) -> bool {
    let usual = ["yuv420p", "yuvj420p", "nv12", "yuv420p10le"].contains(&video.pix_fmt.as_str());
    usual && (128..=4096).contains(&video.width) && (128..=2304).contains(&video.height)
}

/// Why a stream cannot stay as it is, most important first; empty where it can.
pub fn reasons(
    stream: &Stream,
    video: &Video,
    interlaced: Option<bool>,
    policy: &VideoPolicy,
) -> Vec<String> {
    let Some(codec) = policy.codec else { return Vec::new() };
    let mut why = Vec::new();
    // Between the codecs of the last ten years an encode costs more picture than it saves space, so whoever wants one of
    // them takes any of them.
    let fits = match codec {
        VideoCodec::H264 => stream.codec == "h264",
        VideoCodec::Hevc | VideoCodec::Av1 => matches!(stream.codec.as_str(), "hevc" | "av1" | "vp9"),
    };
    if !fits {
        why.push(format!("video is {}, wanted is {}", words::codec(stream), codec.name()));
    }
    if policy.hdr == HdrPolicy::ToneMap && video.hdr() != Hdr::Sdr {
        why.push(format!("video is HDR ({}), wanted is SDR", words::curve(video.hdr())));
    }
    if codec == VideoCodec::H264 && fits {
        if video.bit_depth > policy.bit_depth {
            why.push(format!("video has {} bits, wanted are {}", video.bit_depth, policy.bit_depth));
        }
        let chroma = ["yuv420p", "yuvj420p", "nv12", "yuv420p10le"];
        if !video.pix_fmt.is_empty() && !chroma.contains(&video.pix_fmt.as_str()) {
            why.push(format!("video is {}, wanted is 4:2:0", video.pix_fmt));
        }
        let most = level::accepted(video.width, video.height, rate(video));
        let most = policy.max_level.unwrap_or(most);
        if let Some(level) = stream.level.filter(|l| *l > most as i32) {
            why.push(format!(
                "video is level {}, wanted is up to {}",
                words::level(level as u32),
                words::level(most)
            ));
        }
    }
    let size = size(video, policy);
    if size.scale {
        let (w, h) = (video.width, video.height);
        why.push(format!("video is {w}×{h}, wanted is up to {}×{}", size.width, size.height));
    }
    if reduced_rate(video, policy.max_fps).is_some() {
        let fps = rate(video).unwrap_or_default();
        why.push(format!(
            "video has {fps:.3} frames a second, wanted are up to {}",
            policy.max_fps.unwrap_or_default()
        ));
    }
    if let (Some(max), Some(real)) = (policy.max_bitrate, stream.bit_rate)
        && real > allowed(max, policy.buffer_size, stream.duration)
    {
        why.push(format!("video has {} kbit/s, wanted are up to {max}", real / 1000));
    }
    if policy.deinterlace != Deinterlace::Never && is_interlaced(stream, video, interlaced) {
        why.push("video is interlaced".to_owned());
    }
    why
}

/// Bits a second that a stream of this length may have on average: what is in the buffer comes on top, once. Our own result of a
/// clip of a second uses it, and would be encoded again.
fn allowed(max: u32, buffer: Option<u32>, seconds: Option<f64>) -> u64 {
    let once = f64::from(buffer.unwrap_or(max.saturating_mul(2)));
    let a_second = seconds.filter(|s| *s > 0.0).map_or(0.0, |seconds| once / seconds);
    ((f64::from(max) + a_second) * 1000.0) as u64
}

/// The header leaves it open whether the picture is interlaced: it says so (which is often wrong for film in a broadcast
/// stream), or says nothing in a codec and a size that often are.
pub fn may_be_interlaced(stream: &Stream, video: &Video) -> bool {
    match video.field_order.as_deref() {
        Some("progressive") => false,
        Some(_) => true,
        None => {
            let codec =
                matches!(stream.codec.as_str(), "mpeg2video" | "h264" | "vc1" | "dvvideo" | "mpeg4" | "wmv3");
            codec && matches!(video.height, 480 | 486 | 512 | 576 | 1080 | 1088)
        }
    }
}

fn is_interlaced(stream: &Stream, video: &Video, seen: Option<bool>) -> bool {
    // Without a look at the frames only an explicit flag counts.
    seen.map_or_else(
        || video.field_order.as_deref().is_some_and(|f| f != "progressive"),
        |seen| seen && may_be_interlaced(stream, video),
    )
}

/// HDR10+ and Dolby Vision survive an encode only where the profile wants them to and the encoder can: what is lost, and what the
/// encode has to keep. Without leave to drop them the file is left alone.
fn dynamic_hdr(
    stream: &Stream,
    video: &Video,
    policy: &VideoPolicy,
) -> Result<(Vec<Lost>, BTreeSet<FrameData>), Skip> {
    let would_lose = |words: String| Skip { code: SkipCode::WouldLose, words };
    let mut names = Vec::new();
    let mut keep = BTreeSet::new();
    if let Some(vision) = video.dolby_vision {
        names.push(format!("Dolby Vision (profile {})", vision.profile));
        keep.insert(FrameData::DolbyVision);
        if is_all_there_is(vision) {
            let words = "Dolby Vision profile 5: without it the picture has no usable colours";
            return Err(would_lose(words.to_owned()));
        }
    }
    if video.hdr10_plus {
        names.push("HDR10+".to_owned());
        keep.insert(FrameData::Hdr10Plus);
    }
    if names.is_empty() {
        return Ok((Vec::new(), keep));
    }
    let all = names.join(" and ");
    match policy.dynamic_hdr {
        DynamicHdr::Skip => Err(would_lose(format!(
            "an encode would lose its {all}; dynamic_hdr = \"drop\" would convert it all the same"
        ))),
        DynamicHdr::Keep => match cannot_keep(video, policy) {
            Some(why) => Err(would_lose(format!("an encode would lose its {all}; {why}"))),
            None => Ok((Vec::new(), keep)),
        },
        DynamicHdr::Drop => {
            let why = "the profile says to drop it";
            let lost = |what| Lost { source: Some(stream.index), what, why: why.to_owned() };
            Ok((names.into_iter().map(lost).collect(), BTreeSet::new()))
        }
    }
}

/// Profile 5, and what else has no base layer that could be shown without Dolby Vision.
fn is_all_there_is(vision: DolbyVision) -> bool {
    vision.profile == 5 || vision.compatibility == 0 && vision.profile != 7
}

/// Why no encoder could keep it, whichever there is.
fn cannot_keep(video: &Video, policy: &VideoPolicy) -> Option<String> {
    if policy.hdr == HdrPolicy::ToneMap || policy.bit_depth < 10 {
        return Some("the profile makes SDR, which has none".to_owned());
    }
    let vision = video.dolby_vision?;
    if vision.enhancement_layer || vision.compatibility != 1 {
        // Tried are 8.1 and its like in AV1 (10.1): one layer, HDR10 below.
        return Some("no encoder was seen to keep this profile".to_owned());
    }
    size(video, policy).scale.then(|| "it describes the picture in its own size".to_owned())
}

/// Properties that an encode by this policy takes away.
fn losses(stream: &Stream, video: &Video, policy: &Policy, keep: &BTreeSet<FrameData>, lost: &mut Vec<Lost>) {
    let mut name = |what: String, why: &str| {
        lost.push(Lost { source: Some(stream.index), what, why: why.to_owned() });
    };
    if policy.video.hdr == HdrPolicy::ToneMap && video.hdr() != Hdr::Sdr {
        name(format!("HDR ({})", words::curve(video.hdr())), "the profile makes SDR");
    } else if video.bit_depth > policy.video.bit_depth {
        name(format!("{}-bit depth", video.bit_depth), "the profile makes fewer bits");
    }
    if ["422", "444", "440", "gbr", "rgb", "bgr"].iter().any(|c| video.pix_fmt.contains(c)) {
        name(format!("chroma resolution ({})", video.pix_fmt), "the profile makes 4:2:0");
    }
    // VP8's and VP9's lies beside the picture, and their decoders in ffmpeg do not look at it.
    let beside = stream.tags.get("alpha_mode").is_some_and(|mode| mode == "1");
    let alpha = ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya"];
    if beside || alpha.iter().any(|a| video.pix_fmt.starts_with(a)) {
        name("transparency".to_owned(), "the video codec has none");
    }
    if video.closed_captions && !keep.contains(&FrameData::Captions) {
        name("closed captions in the video".to_owned(), "the encode does not carry them");
    }
}

/// Size of an encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
    scale: bool,
    downgraded: bool,
}

/// The largest even size within the limits, in the same shape. Odd sizes grow by a line rather than lose one.
fn size(video: &Video, policy: &VideoPolicy) -> Size {
    let (w, h) = if turned(video) { (video.height, video.width) } else { (video.width, video.height) };
    let upright = h > w;
    let mut factor = 1.0_f64;
    let mut limit = |max: Option<u32>, side: u32| {
        if let Some(max) = max.filter(|m| *m > 0 && side > *m) {
            factor = factor.min(f64::from(max) / f64::from(side));
        }
    };
    limit(policy.max_width, w);
    limit(policy.max_height, h);
    let mut downgraded = false;
    if policy.downgrade_resolution {
        let (max_w, max_h) = if upright { (1080, 1920) } else { (1920, 1080) };
        downgraded = w > max_w || h > max_h;
        limit(Some(max_w), w);
        limit(Some(max_h), h);
    }
    if factor >= 1.0 {
        let even = |side: u32| side.saturating_add(side % 2);
        return Size { width: even(w), height: even(h), scale: false, downgraded: false };
    }
    let even = |side: u32| (((f64::from(side) * factor / 2.0).round() as u32) * 2).max(2);
    Size { width: even(w), height: even(h), scale: true, downgraded }
}

/// Shown turned by a quarter: ffmpeg turns the picture itself when it decodes.
fn turned(video: &Video) -> bool {
    matches!(video.rotation, 90 | 270)
}

/// Frames per second, where the header's number can be true: a Matroska file without a rate shows its clock (1000).
pub fn rate(video: &Video) -> Option<f64> {
    let sane = |r: Option<(u32, u32)>| {
        r.filter(|(n, d)| *n > 0 && *d > 0)
            .map(|(n, d)| f64::from(n) / f64::from(d))
            .filter(|fps| (1.0..=300.0).contains(fps))
    };
    sane(video.avg_frame_rate).or_else(|| sane(video.frame_rate))
}

/// A rate over the limit, divided by a whole number so that every kept frame is a real one at its own time.
fn reduced_rate(video: &Video, max: Option<u32>) -> Option<(u32, u32)> {
    let max = f64::from(max.filter(|m| *m > 0)?);
    let fps = rate(video).filter(|fps| *fps > max * 1.005)?;
    let steps = (fps / max - 0.005).ceil().max(2.0) as u32;
    let known =
        video.avg_frame_rate.filter(|(n, d)| *d > 0 && (f64::from(*n) / f64::from(*d) - fps).abs() < 1e-6);
    let (n, d) = known.or(video.frame_rate)?;
    Some((n, d.saturating_mul(steps)))
}

fn profile(codec: VideoCodec, ten_bit: bool) -> Option<&'static str> {
    match (codec, ten_bit) {
        (VideoCodec::H264, false) => Some("high"),
        (VideoCodec::H264, true) => Some("high10"),
        (VideoCodec::Hevc, false) => Some("main"),
        (VideoCodec::Hevc, true) => Some("main10"),
        (VideoCodec::Av1, _) => None,
    }
}
