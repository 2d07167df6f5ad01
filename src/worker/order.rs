//! In which order files are taken. Pure.

use crate::model::key::Stamp;
use crate::model::media::MediaInfo;
use crate::model::order::Order;

/// Bits of picture in one pixel of one frame of a good encode: what is above can be saved.
const BITS_A_PIXEL: f64 = 0.05;
/// Frames a second where nothing is said.
const FRAMES: f64 = 24.0;

/// A file's place in the queue: greater ones first; equal ones by path.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank(f64);

impl Eq for Rank {}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The rank of a file; `dice`: the same for a file in one process, and another in another.
pub fn rank(order: Order, stamp: &Stamp, media: Option<&MediaInfo>, dice: u64) -> Rank {
    let time = stamp.sec as f64 + 1e-9 * f64::from(stamp.nsec);
    Rank(match order {
        Order::Newest => time,
        Order::Oldest => -time,
        Order::Largest => stamp.size as f64,
        Order::Smallest => -(stamp.size as f64),
        Order::Savings => savings(stamp, media),
        Order::Random => dice as f64,
        Order::Spread | Order::Name => 0.0,
    })
}

/// Bytes above what the picture needs. A file nobody has looked at yet is taken for one that would lose half.
fn savings(stamp: &Stamp, media: Option<&MediaInfo>) -> f64 {
    let size = stamp.size as f64;
    let need = media.and_then(|media| {
        let video = media.main_video()?.video.as_ref()?;
        let seconds = media.duration?;
        let pixels = f64::from(video.width) * f64::from(video.height);
        Some(pixels * video.fps().unwrap_or(FRAMES) * seconds * BITS_A_PIXEL / 8.0)
    });
    need.map_or(size / 2.0, |need| size - need)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::media::{Stream, StreamKind, Video};

    fn film(width: u32, height: u32) -> MediaInfo {
        let video = Video { width, height, ..Video::default() };
        let stream: Stream = serde_json::from_value(serde_json::json!({
            "index": 0, "kind": StreamKind::Video, "codec": "h264", "codec_tag": "", "profile": null, "level": null,
            "language": null, "title": null, "disposition": {}, "start_time": null, "duration": null, "bit_rate": null,
            "frames": null, "tags": {}, "video": video, "audio": null
        }))
        .expect("a stream");
        MediaInfo { duration: Some(3600.0), streams: vec![stream], ..MediaInfo::default() }
    }

    #[test]
    fn each_order_puts_its_own_file_first() {
        let files = [
            ("old and small", Stamp { size: 10, sec: 1, nsec: 0 }),
            ("new", Stamp { size: 20, sec: 3, nsec: 5 }),
            ("large", Stamp { size: 30, sec: 3, nsec: 0 }),
        ];
        let first = |order| {
            files.iter().max_by_key(|(_, stamp)| rank(order, stamp, None, 0)).expect("there are files").0
        };
        assert_eq!(first(Order::Newest), "new");
        assert_eq!(first(Order::Oldest), "old and small");
        assert_eq!(first(Order::Largest), "large");
        assert_eq!(first(Order::Smallest), "old and small");
        assert_eq!(first(Order::Savings), "large");
    }

    #[test]
    fn a_small_picture_in_a_large_file_saves_more_than_a_large_one() {
        let stamp = Stamp { size: 8_000_000_000, sec: 1, nsec: 0 };
        let (small, large) = (film(1280, 720), film(3840, 2160));
        assert!(
            rank(Order::Savings, &stamp, Some(&small), 0) > rank(Order::Savings, &stamp, Some(&large), 0),
            "the same bytes hold far more than 720p needs"
        );
    }
}
