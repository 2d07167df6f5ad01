//! Sound: what is copied, added and encoded.

use super::{caps, film, planned, policy, sound, stream, surround, video};
use crate::model::media::{Audio, MediaInfo, Stream, StreamKind};
use crate::model::plan::{Decision, SkipCode};
use crate::model::policy::{Stereo, TypeFilter};
use crate::plan::{Subject, audio, decide, expected};

#[test]
fn stereo_is_added_once_for_each_language_that_lacks_it() {
    let add = policy("universal", |p| p.audio.stereo = Stereo::Add);
    let mut commentary = surround("aac", 2, "eng");
    commentary.disposition.comment = true;
    let media = film([
        video("h264"),
        surround("ac3", 6, "eng"),
        surround("eac3", 8, "eng"),
        surround("ac3", 6, "ger"),
        surround("aac", 2, "ger"),
        commentary,
    ]);
    let plan = planned(&media, &add);
    let added: Vec<_> =
        plan.streams.iter().filter(|s| s.title.as_deref() == Some(audio::ADDED_TITLE)).collect();
    assert_eq!(
        added.iter().map(|s| s.source).collect::<Vec<_>>(),
        [1],
        "German has stereo, commentary does not count"
    );
    let again = expected(&plan, &media);
    let subject = Subject { name: "Film.mp4", media: &again, interlaced: None };
    assert!(
        matches!(decide(subject, &add, &caps(), TypeFilter::Both), Decision::Skip(s) if s.code == SkipCode::Fits)
    );
}

#[test]
fn layouts_keep_their_channels() {
    let made = |layout: &str, channels, most| {
        let audio = Audio { layout: Some(layout.to_owned()), ..sound(channels) };
        let made = audio::encode(&audio, crate::model::policy::AudioCodec::Aac, 192, most);
        (made.layout.unwrap_or_default(), made.channels, made.dialogue_downmix)
    };
    assert_eq!(made("5.1(side)", 6, 8), ("5.1".to_owned(), 6, false));
    assert_eq!(made("7.1", 8, 8), ("7.1".to_owned(), 8, false));
    assert_eq!(made("7.1", 8, 6), ("5.1".to_owned(), 6, false));
    assert_eq!(made("5.1", 6, 2), ("stereo".to_owned(), 2, true));
    // What ffmpeg writes of these two into AAC has no layout that anybody reads.
    assert_eq!(made("6.1", 7, 8), ("7.1".to_owned(), 8, false));
    assert_eq!(made("7.1(wide)", 8, 8), ("7.1".to_owned(), 8, false));
    assert_eq!(made("hexadecagonal", 16, 8), ("7.1".to_owned(), 8, false));
    assert_eq!(made("quad(side)", 4, 8), ("quad".to_owned(), 4, false));
}

#[test]
fn sound_that_an_edit_list_hides_is_encoded_only_where_a_copy_would_play_it() {
    let cut = |codec: &str, seconds: f64, picture: &str| {
        let sound =
            Stream { frames: Some(281), duration: Some(seconds), ..stream(1, StreamKind::Audio, codec) };
        MediaInfo { format: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(), ..film([video(picture), sound]) }
    };
    let made = |media: &MediaInfo, release, profile: &str| {
        let mut caps = caps();
        caps.release = Some(release);
        let policy = policy(profile, |_| {});
        let subject = Subject { name: "Film.mov", media, interlaced: None };
        match decide(subject, &policy, &caps, TypeFilter::Both) {
            Decision::Convert(plan) => plan.streams[1].action.codec().to_owned(),
            Decision::Skip(skip) => format!("{:?}", skip.code),
        }
    };
    // 281 packets of AAC are six seconds, of AC-3 nine, of ALAC twenty-four.
    for (codec, seconds, release, expected) in [
        ("aac", 4.0, (5, 1), "aac"),
        ("ac3", 4.0, (8, 0), "ac3"),
        ("ac3", 4.0, (9, 0), "aac"),
        ("alac", 4.0, (5, 1), "flac"),
        ("alac", 23.9, (9, 0), "alac"),
        ("ac3", 8.9, (9, 0), "ac3"),
    ] {
        assert_eq!(
            made(&cut(codec, seconds, "mpeg4"), release, "compact"),
            expected,
            "{codec} {seconds} {release:?}"
        );
    }
    // Where another codec is wanted, it is a reason as ever.
    let aac = policy("compact", |p| p.audio.codec = Some(crate::model::policy::AudioCodec::Aac));
    assert_eq!(planned(&cut("alac", 4.0, "hevc"), &aac).streams[1].action.codec(), "aac");
    // That alone is no reason to touch a file; and who asked for no encode gets none.
    assert_eq!(made(&cut("ac3", 4.0, "hevc"), (9, 0), "compact"), "Fits");
    assert_eq!(made(&cut("ac3", 4.0, "prores"), (9, 0), "remux"), "CannotHere");
}
