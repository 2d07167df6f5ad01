//! What sits in frames and packets: HDR side data, captions, the real ends of streams, idet's verdict. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field::{number, text, whole};
use super::parse::upright;
use crate::model::media::{DolbyVision, Mastering, MediaInfo, Video};

/// Merges `-show_frames` JSON into the streams the frames belong to.
pub fn merge(media: &mut MediaInfo, json: &[u8]) {
    let Ok(root) = serde_json::from_str::<Value>(&String::from_utf8_lossy(json)) else { return };
    let Some(frames) = root.get("frames").and_then(Value::as_array) else { return };
    for frame in frames {
        let Some(index) = whole(frame, "stream_index") else { continue };
        let stream = media.streams.iter_mut().find(|s| u64::from(s.index) == index);
        let Some(video) = stream.and_then(|s| s.video.as_mut()) else { continue };
        // A container may call a stream SDR that is HDR; what the decoder says of its frames is what players show.
        let transfer = text(frame, "color_transfer");
        if matches!(transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
            && video.color_transfer != transfer
        {
            video.color_transfer = transfer;
            video.color_primaries = text(frame, "color_primaries").or(video.color_primaries.take());
            video.color_space = text(frame, "color_space").or(video.color_space.take());
        }
        side_data(video, frame);
    }
}

/// How ffprobe's names of these begin, or what they contain.
const CAPTIONS: &str = "ATSC A53";
const HDR10_PLUS: &str = "SMPTE2094-40";

/// Reads a `side_data_list`, of a stream or of a frame.
pub fn side_data(video: &mut Video, holder: &Value) {
    let Some(list) = holder.get("side_data_list").and_then(Value::as_array) else { return };
    for entry in list {
        let Some(kind) = entry.get("side_data_type").and_then(Value::as_str) else { continue };
        match kind {
            "Display Matrix" | "3x3 displaymatrix" => {
                // ffprobe counts counterclockwise; an upright matrix is written too and overrides an old tag.
                if let Some(degrees) = number(entry, "rotation") {
                    video.rotation = upright(-(degrees.round() as i32));
                }
                video.warped = entry.get("displaymatrix").and_then(Value::as_str).is_some_and(warps);
            }
            "Mastering display metadata" => video.mastering = mastering(entry).or(video.mastering.take()),
            "Content light level metadata" => {
                let levels = whole(entry, "max_content").zip(whole(entry, "max_average"));
                video.content_light = levels.map(|(c, a)| (c as u32, a as u32)).or(video.content_light);
            }
            "DOVI configuration record" => {
                video.dolby_vision = Some(DolbyVision {
                    profile: whole(entry, "dv_profile").unwrap_or(0) as u8,
                    compatibility: whole(entry, "dv_bl_signal_compatibility_id").unwrap_or(0) as u8,
                    enhancement_layer: whole(entry, "el_present_flag").is_some_and(|n| n > 0),
                });
            }
            // A stream without the container's record (a bare or broadcast one): the base layer's curve tells whether
            // it can be shown without Dolby Vision. Without a curve it is profile 5, whose base nothing else can show.
            "Dolby Vision RPU Data" | "Dolby Vision Metadata" if video.dolby_vision.is_none() => {
                let (profile, compatibility) = match video.color_transfer.as_deref() {
                    Some("smpte2084") => (8, 1),
                    Some("arib-std-b67") => (8, 4),
                    Some(_) => (8, 2),
                    None => (5, 0),
                };
                video.dolby_vision = Some(DolbyVision { profile, compatibility, enhancement_layer: false });
            }
            k if k.contains(HDR10_PLUS) => video.hdr10_plus = true,
            k if k.starts_with(CAPTIONS) => video.closed_captions = true,
            _ => {}
        }
    }
}

/// Some frame of `-show_frames` JSON carries captions.
pub fn captions(json: &[u8]) -> bool {
    kinds(json).iter().flatten().any(|(kind, _)| kind.starts_with(CAPTIONS))
}

/// What `-show_frames` JSON tells of HDR10+ and Dolby Vision, frame by frame.
pub fn dynamic(json: &[u8]) -> Vec<String> {
    let of = |side_data: Vec<(String, String)>| {
        let wanted = |kind: &str| kind.contains(HDR10_PLUS) || kind == "Dolby Vision Metadata";
        let mut texts: Vec<String> =
            side_data.into_iter().filter(|(kind, _)| wanted(kind)).map(|(_, text)| text).collect();
        // In whatever order a decoder found them.
        texts.sort();
        texts.join(" ")
    };
    kinds(json).into_iter().map(of).collect()
}

/// How many frames of `-show_frames` JSON have a time that is not after the one before.
pub fn steps_back(json: &[u8]) -> usize {
    let root = serde_json::from_str::<Value>(&String::from_utf8_lossy(json)).unwrap_or_default();
    let frames = root.get("frames").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // Before version 5 under another name.
    let time = |frame: &Value| finite(frame.get("pts_time").or(frame.get("pkt_pts_time"))?.as_str()?);
    let times: Vec<f64> = frames.iter().filter_map(time).collect();
    times.windows(2).filter(|pair| pair[1] <= pair[0]).count()
}

/// The side data of every frame: its kind and all of its text.
fn kinds(json: &[u8]) -> Vec<Vec<(String, String)>> {
    let root = serde_json::from_str::<Value>(&String::from_utf8_lossy(json)).unwrap_or_default();
    let frames = root.get("frames").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of = |frame: &Value| {
        let list = frame.get("side_data_list").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let entry = |entry: &Value| Some((text(entry, "side_data_type")?, entry.to_string()));
        list.iter().filter_map(entry).collect()
    };
    frames.iter().map(of).collect()
}

fn mastering(entry: &Value) -> Option<Mastering> {
    let get = |name: &str| super::field::pair(entry.get(name)?.as_str()?);
    let point = |name: &str| Some((get(&format!("{name}_x"))?, get(&format!("{name}_y"))?));
    Some(Mastering {
        red: point("red")?,
        green: point("green")?,
        blue: point("blue")?,
        white: point("white_point")?,
        min_luminance: get("min_luminance")?,
        max_luminance: get("max_luminance")?,
    })
}

/// Seconds that one packet may last; a still picture or a subtitle stays for minutes.
const LONGEST: f64 = 3600.0;

/// What the packets of one stream say, in seconds relative to the file's start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// The first packet that is shown or heard.
    pub first: f64,
    /// The first packet that can be decoded without what came before it.
    pub key: Option<f64>,
    /// The end of the last packet.
    pub end: f64,
    pub packets: u64,
    /// Packets that are decoded and not shown: an encoder's run-up, and what an edit list hides.
    pub hidden: u64,
    /// Packets before the first key.
    pub before_key: u64,
    /// Packets of at most two bytes: MP4's text tracks fill the time between two cues with them.
    pub blank: u64,
}

/// Collects where streams begin and end, from `-of compact` lines of packets.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    start: Option<f64>,
    streams: BTreeMap<u32, Measure>,
    first: Option<f64>,
    /// Where the next packet of a stream belongs if nothing tells: right behind the last one.
    clocks: BTreeMap<u32, f64>,
}

impl Ends {
    /// Takes one line, `packet|stream_index=0|pts_time=1.2|…` or `format|start_time=1.4`. Side data, which ffprobe may put
    /// after a packet on the same line, is ignored. Never panics, whatever the line is.
    pub fn line(&mut self, line: &str) {
        let mut parts = line.split('|');
        let section = parts.next().unwrap_or_default();
        let (mut index, mut pts, mut dts, mut duration, mut start) = (None, None, None, None, None);
        let (mut size, mut flags) = (None, None);
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            match name {
                "stream_index" => index = index.or(value.parse::<u32>().ok()),
                "pts_time" => pts = pts.or(finite(value)),
                "dts_time" => dts = dts.or(finite(value)),
                "duration_time" => duration = duration.or(finite(value)),
                "start_time" => start = start.or(finite(value)),
                "size" => size = size.or(value.parse::<u64>().ok()),
                "flags" => flags = flags.or(Some(value)),
                _ => {}
            }
        }
        if section == "format" {
            self.start = start.or(self.start);
        } else if section == "packet"
            && let Some(index) = index
            && let Some(time) = pts.or(dts).or_else(|| self.clocks.get(&index).copied())
        {
            // An image subtitle «until further notice» is written with the largest number there is (49 days).
            let end = time + duration.filter(|d| (0.0..=LONGEST).contains(d)).unwrap_or(0.0);
            self.first = Some(self.first.map_or(time, |f| f.min(time)));
            self.clocks.insert(index, dts.unwrap_or(time) + end - time);
            let flags = flags.unwrap_or_default();
            let new = Measure { first: f64::INFINITY, end, ..Measure::default() };
            let stream = self.streams.entry(index).or_insert(new);
            stream.end = stream.end.max(end);
            stream.packets += 1;
            stream.blank += u64::from(size.is_some_and(|size| size <= 2));
            // An encoder's run-up is there to be thrown away.
            if flags.contains('D') {
                stream.hidden += 1;
            } else {
                stream.first = stream.first.min(time);
            }
            if flags.contains('K') && stream.key.is_none() {
                stream.key = Some(time);
            }
            stream.before_key += u64::from(stream.key.is_none());
        }
    }
    /// What was seen of each stream, relative to the file's start.
    pub fn relative(&self) -> BTreeMap<u32, Measure> {
        let start = self.start.or(self.first).unwrap_or(0.0);
        let of = |m: &Measure| Measure {
            first: if m.first.is_finite() { m.first - start } else { 0.0 },
            key: m.key.map(|key| key - start),
            end: m.end - start,
            ..*m
        };
        self.streams.iter().map(|(index, measure)| (*index, of(measure))).collect()
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

/// Counts of idet's multi-frame detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idet {
    pub interlaced: u64,
    pub progressive: u64,
}

impl Idet {
    pub fn add(&mut self, other: Idet) {
        self.interlaced += other.interlaced;
        self.progressive += other.progressive;
    }
    /// Enough frames are interlaced that a viewer would see combs. A third: telecined film shows two combed frames in
    /// five, while still scenes of real interlaced video look progressive. A handful of frames prove nothing.
    pub fn interlaced(self) -> bool {
        self.interlaced >= 5 && self.interlaced * 3 >= self.interlaced + self.progressive
    }
}

/// Reads idet's last `Multi frame detection: TFF: 12 BFF: 0 Progressive: 3 Undetermined: 1`.
pub fn idet(stderr: &str) -> Option<Idet> {
    let line = stderr.lines().rev().find(|l| l.contains("Multi frame detection:"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |name: &str| {
        words.iter().position(|w| *w == name).and_then(|i| words.get(i + 1)?.parse::<u64>().ok())
    };
    Some(Idet { interlaced: after("TFF:")? + after("BFF:")?, progressive: after("Progressive:")? })
}

/// Whether a matrix, as ffprobe prints it (three lines `00000000: a b u`), does more than turn by quarters.
fn warps(printed: &str) -> bool {
    let numbers =
        printed.lines().filter_map(|line| line.split_once(':')).flat_map(|(_, row)| row.split_whitespace());
    let matrix: Vec<i64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let [a, b, _, c, d, ..] = matrix[..] else { return false };
    // A quarter turn has two numbers that are not 0, of one size, and a determinant above 0.
    let straight = (a == 0 && d == 0) || (b == 0 && c == 0);
    !straight || a.saturating_mul(d) <= b.saturating_mul(c)
}
