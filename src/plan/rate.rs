//! How many bits a second a picture has, where its container does not tell. Pure.

use std::borrow::Cow;

use crate::model::media::{MediaInfo, Stream, StreamKind};

/// Part of a file that is its container's own.
const COAT: f64 = 0.01;

/// The video stream with its rate: its own, or what the sound leaves of the file's. Matroska and broadcasts often tell none; a picture
/// above the profile's ceiling would be copied, stutter in the player, and in MP4, which tells, be encoded after all by the next run.
pub fn told<'a>(media: &MediaInfo, stream: &'a Stream) -> Cow<'a, Stream> {
    let only = media.of_kind(StreamKind::Video).count() == 1;
    let seconds = media.duration.filter(|s| *s > 0.0 && only && !media.has_absurd_duration());
    let Some(seconds) = seconds.filter(|_| stream.bit_rate.is_none()) else { return Cow::Borrowed(stream) };
    let all = media.size as f64 * 8.0 / seconds * (1.0 - COAT);
    let rest = all - media.of_kind(StreamKind::Audio).map(sound).sum::<f64>();
    let bit_rate = (rest >= 1.0).then_some(rest as u64);
    Cow::Owned(Stream { bit_rate, duration: stream.duration.or(Some(seconds)), ..stream.clone() })
}

/// Bits a second of a sound: its own, else what is usual for its kind.
fn sound(stream: &Stream) -> f64 {
    if let Some(rate) = stream.bit_rate {
        return rate as f64;
    }
    let Some(audio) = &stream.audio else { return 0.0 };
    let samples = f64::from(audio.channels) * f64::from(audio.sample_rate);
    let plain = samples * f64::from(audio.bits.max(16));
    match stream.codec.as_str() {
        codec if codec.starts_with("pcm_") => plain,
        // Packed without loss: a little more than half. DTS that tells no rate is of this kind.
        "flac" | "alac" | "truehd" | "mlp" | "dts" | "wavpack" | "tta" => plain * 0.6,
        _ => f64::from(audio.channels) * 80_000.0,
    }
}
