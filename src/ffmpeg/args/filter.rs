//! Filter chains.

use crate::ffmpeg::encoders;
use crate::model::media::{Hdr, Video};
use crate::model::plan::{AudioEncode, ColorTags, ToneMapper, VideoEncode};

/// The chain of a video encode. ffmpeg has turned the picture upright before it.
pub fn video(encode: &VideoEncode, source: &Video) -> String {
    let mut chain: Vec<String> = in_time(source).into_iter().collect();
    if encode.deinterlace {
        chain.push(DEINTERLACE.to_owned());
    }
    if let Some((n, d)) = encode.fps {
        chain.push(format!("fps={n}/{d}"));
    }
    chain.extend(picture(encode, source));
    let ten_bit = encode.pix_fmt.contains("10");
    let encoder = encoders::video(&encode.encoder);
    let format = encoder.and_then(|e| e.pix_fmt(ten_bit)).unwrap_or(&encode.pix_fmt);
    chain.push(format!("format={format}"));
    chain.extend(tags(&encode.color));
    chain.extend(encoder.and_then(|e| e.upload(ten_bit)));
    chain.join(",")
}

/// One frame per frame, not per field: the rate stays what it was.
const DEINTERLACE: &str = "bwdif=mode=send_frame:parity=auto:deint=all";

/// What the chain makes of one frame, without what is the encoder's own: what a result's frame has to look like.
pub fn reference(encode: &VideoEncode, source: &Video) -> String {
    let mut chain: Vec<String> = in_time(source).into_iter().collect();
    chain.extend(encode.deinterlace.then(|| DEINTERLACE.to_owned()));
    chain.extend(picture(encode, source));
    chain.push(format!("format={}", encode.pix_fmt));
    chain.extend(tags(&encode.color));
    chain.join(",")
}

/// Takes off what a decoder waited for: in AVI a picture's time is when its packet is decoded, and sound would come that much early.
fn in_time(source: &Video) -> Option<String> {
    let (n, d) = source.frame_rate.filter(|(n, d)| source.shown_late > 0 && *n > 0 && *d > 0)?;
    Some(format!("setpts=PTS-{}/{n}/TB", source.shown_late * d))
}

/// Size, colours and shape of the picture.
fn picture(encode: &VideoEncode, source: &Video) -> Vec<String> {
    let mut chain = Vec::new();
    let (w, h) = match source.rotation {
        90 | 270 => (source.height, source.width),
        _ => (source.width, source.height),
    };
    let mut grown = (!encode.scale && (w, h) != (encode.width, encode.height))
        .then(|| grow((w, h), (encode.width, encode.height)));
    let zscale = encode.tone_map.is_some()
        || encode.from_color.as_ref().is_some_and(|from| from.primaries != encode.color.primaries);
    if zscale {
        // zscale refuses odd sizes of subsampled pictures.
        chain.extend(grown.take());
        // And it hands on what it does not know: its input's options do not say what its output is.
        let from = encode.from_color.as_ref().filter(|_| says_too_little(source));
        chain.extend(from.and_then(tags));
    }
    let size = encode.scale.then_some((encode.width, encode.height));
    match (&encode.from_color, encode.tone_map) {
        (Some(from), Some(curve)) if encode.tone_mapper == ToneMapper::Libplacebo => {
            chain.push(format!("{},{FORGET}", libplacebo(from, curve, size, &encode.pix_fmt)));
        }
        (Some(from), Some(curve)) => chain.push(tone_map(from, curve, size)),
        (Some(from), None) if from.primaries != encode.color.primaries => {
            chain.push(gamut(from, &encode.color, size));
        }
        (Some(from), None) => chain.push(matrix(from, &encode.color, size)),
        (None, _) => chain.extend(size.map(|(w, h)| format!("scale={w}:{h}:flags=lanczos+accurate_rnd"))),
    }
    // After a conversion of range or matrix, which the format of the padding would otherwise decide.
    chain.extend(grown);
    let by_card = encode.tone_map.is_some() && encode.tone_mapper == ToneMapper::Libplacebo;
    if (encode.scale || by_card) && encode.sar.0 > 0 && encode.sar.1 > 0 {
        // Rounding to even sizes would otherwise give square pixels a shape of 404:405; libplacebo in 5.1 forgets the shape.
        chain.push(format!("setsar={}/{}", encode.sar.0, encode.sar.1));
    }
    chain
}

/// Frames come without a part of the colours that the plan knows of.
fn says_too_little(source: &Video) -> bool {
    let tags = [&source.color_primaries, &source.color_transfer, &source.color_space];
    source.tagged_by_container || tags.iter().any(|tag| tag.is_none())
}

/// To an even size by repeating the last column or row: 4:2:0 has no odd sizes, and neither a resampled picture nor a
/// black line is what was there.
fn grow(from: (u32, u32), to: (u32, u32)) -> String {
    let (right, bottom) = (to.0 - from.0, to.1 - from.1);
    // Full chroma first: in 4:2:0 the padding of a chroma plane is rounded and would leave a green edge.
    format!(
        "format=yuv444p|yuv444p10le,pad={}:{}:0:0,fillborders=right={right}:bottom={bottom}:mode=smear",
        to.0, to.1
    )
}

/// The source's metadata is true of HDR only and must not reach the encoder.
const FORGET: &str = "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL,\
                      sidedata=mode=delete:type=DYNAMIC_HDR_PLUS";

/// HDR to SDR in linear light. Hable's curve keeps detail in highlights; `desat=0` keeps their colour.
fn tone_map(from: &ColorTags, curve: Hdr, size: Option<(u32, u32)>) -> String {
    format!(
        "zscale={}{}:tin={}:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,\
         zscale=t=bt709:m=bt709:r=tv,{FORGET}",
        scaled(size),
        input(from, false),
        transfer(curve),
    )
}

fn transfer(curve: Hdr) -> &'static str {
    if curve == Hdr::Hlg { "arib-std-b67" } else { "smpte2084" }
}

/// HDR to SDR on a card with Vulkan, there and back; older versions take no other pictures than those on the card.
pub(super) fn libplacebo(from: &ColorTags, curve: Hdr, size: Option<(u32, u32)>, pix_fmt: &str) -> String {
    let was = ColorTags { transfer: Some(transfer(curve).to_owned()), ..from.clone() };
    let size = size.map(|(w, h)| format!("w={w}:h={h}:")).unwrap_or_default();
    format!(
        "{},format=yuv420p10le,hwupload,libplacebo={size}colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv:\
         tonemapping=bt.2390:normalize_sar=0:format={pix_fmt},hwdownload,format={pix_fmt}",
        tags(&was).unwrap_or_default(),
    )
}

/// Opens the device of [`libplacebo`]; it comes before the inputs.
pub(super) const DEVICE: &[&str] = &["-init_hw_device", "vulkan=gpu", "-filter_hw_device", "gpu"];

/// The device that this chain wants.
pub(super) fn device(chain: &str) -> &'static [&'static str] {
    if chain.contains("libplacebo=") { DEVICE } else { &[] }
}

/// BT.2020 SDR to BT.709.
fn gamut(from: &ColorTags, to: &ColorTags, size: Option<(u32, u32)>) -> String {
    let name = |tag: &Option<String>| tag.clone().unwrap_or_else(|| "bt709".to_owned());
    format!(
        "zscale={}{}:p={}:t={}:m={}:r=tv",
        scaled(size),
        input(from, true),
        name(&to.primaries),
        name(&to.transfer),
        name(&to.matrix),
    )
}

fn scaled(size: Option<(u32, u32)>) -> String {
    size.map(|(w, h)| format!("w={w}:h={h}:f=lanczos:")).unwrap_or_default()
}

/// What the input is, said to zscale rather than left to tags that may be missing or wrong.
fn input(from: &ColorTags, transfer: bool) -> String {
    let mut parts = Vec::new();
    let mut say = |name: &str, value: Option<&String>| {
        parts.extend(value.filter(|v| *v != "gbr").map(|v| format!("{name}={v}")));
    };
    say("pin", from.primaries.as_ref());
    if transfer {
        say("tin", from.transfer.as_ref());
    }
    say("min", from.matrix.as_ref());
    say("rin", from.range.as_ref());
    parts.join(":")
}

/// Range and matrix only, which swscale does well.
fn matrix(from: &ColorTags, to: &ColorTags, size: Option<(u32, u32)>) -> String {
    let mut parts = Vec::new();
    parts.extend(size.map(|(w, h)| format!("{w}:{h}:flags=lanczos+accurate_rnd")));
    let rgb = from.matrix.as_deref() == Some("gbr");
    if !rgb {
        parts.extend(from.range.as_ref().map(|r| format!("in_range={r}")));
        parts.extend(from.matrix.as_deref().and_then(swscale).map(|m| format!("in_color_matrix={m}")));
    }
    parts.extend(to.range.as_ref().map(|r| format!("out_range={r}")));
    parts.extend(to.matrix.as_deref().and_then(swscale).map(|m| format!("out_color_matrix={m}")));
    format!("scale={}", parts.join(":"))
}

/// swscale's names of matrices; it knows fewer.
fn swscale(matrix: &str) -> Option<&'static str> {
    match matrix {
        "bt709" => Some("bt709"),
        "smpte170m" => Some("smpte170m"),
        "bt470bg" => Some("bt470bg"),
        "fcc" => Some("fcc"),
        "smpte240m" => Some("smpte240m"),
        "bt2020nc" | "bt2020c" => Some("bt2020"),
        _ => None,
    }
}

/// The tags on the frames, from which newer versions of ffmpeg take the encoder's.
fn tags(color: &ColorTags) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(color.range.as_ref().map(|v| format!("range={v}")));
    parts.extend(color.primaries.as_ref().map(|v| format!("color_primaries={v}")));
    parts.extend(color.transfer.as_ref().map(|v| format!("color_trc={v}")));
    parts.extend(color.matrix.as_ref().map(|v| format!("colorspace={v}")));
    (!parts.is_empty()).then(|| format!("setparams={}", parts.join(":")))
}

/// The chain of an audio encode.
pub fn audio(audio: &AudioEncode) -> String {
    let mut chain = Vec::new();
    if audio.dialogue_downmix {
        // Dialogue sits in the centre; a plain downmix buries it. The gains are those that viewers of the tool before
        // this one knew, the compressor lifts whispers, the limiter catches what the sum brings over full scale.
        chain.push("aformat=channel_layouts=5.1".to_owned());
        chain.push("pan=stereo|FL=0.35*FL+0.5*FC+0.25*BL|FR=0.35*FR+0.5*FC+0.25*BR".to_owned());
        chain.push("acompressor=threshold=0.125:ratio=2:attack=20:release=250:makeup=1.5".to_owned());
        chain.push("alimiter=limit=0.95:level=disabled".to_owned());
    }
    if let Some(rate) = audio.sample_rate {
        chain.push(format!("aresample={rate}"));
    }
    match &audio.layout {
        Some(layout) => chain.push(format!("aformat=channel_layouts={layout}")),
        None => chain.push("anull".to_owned()),
    }
    chain.join(",")
}
