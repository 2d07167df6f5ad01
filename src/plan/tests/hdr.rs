//! High dynamic range: what is kept, what is tone-mapped, what is left alone.

use super::{caps, encode, film, planned, policy, skipped, with};
use crate::model::caps::EncoderCap;
use crate::model::media::{DolbyVision, FrameData, MediaInfo, Video};
use crate::model::plan::{Action, Decision, SkipCode};
use crate::model::policy::{DynamicHdr, Policy, TypeFilter, VideoCodec};
use crate::plan::{Subject, decide, expected, profile};

#[test]
fn dynamic_hdr_is_never_lost_without_leave() {
    let dovi = |profile, compatibility| {
        film([with("hevc", |v| {
            v.bit_depth = 10;
            v.color_transfer = (profile != 5).then(|| "smpte2084".to_owned());
            v.dolby_vision = Some(DolbyVision { profile, compatibility, enhancement_layer: profile == 7 });
        })])
    };
    let plus = film([with("hevc", |v| {
        v.bit_depth = 10;
        v.color_transfer = Some("smpte2084".to_owned());
        v.hdr10_plus = true;
    })]);
    let universal = profile("universal").expect("a built-in profile");
    let drop = policy("universal", |p| p.video.dynamic_hdr = DynamicHdr::Drop);
    let keep = policy("universal", |p| p.video.dynamic_hdr = DynamicHdr::Keep);
    for media in [dovi(5, 0), dovi(7, 6), dovi(8, 1), dovi(8, 4), plus.clone()] {
        assert_eq!(skipped(&media, &universal).code, SkipCode::WouldLose);
        assert_eq!(skipped(&media, &keep).code, SkipCode::WouldLose, "SDR has none");
    }
    assert_eq!(skipped(&dovi(5, 0), &drop).code, SkipCode::WouldLose);
    for media in [dovi(7, 6), dovi(8, 1)] {
        assert!(planned(&media, &drop).lost.iter().any(|l| l.what.starts_with("Dolby Vision")));
    }
    assert!(planned(&plus, &drop).lost.iter().any(|l| l.what == "HDR10+"));
    // A copy loses nothing.
    let compact = profile("compact").expect("a built-in profile");
    assert_eq!(skipped(&dovi(8, 1), &compact).code, SkipCode::Fits);
}

#[test]
fn dynamic_hdr_is_kept_by_an_encoder_that_was_seen_to_keep_it() {
    let hdr = |change: &dyn Fn(&mut Video)| {
        let mut stream = with("hevc", |v| {
            v.bit_depth = 10;
            v.pix_fmt = "yuv420p10le".to_owned();
            v.color_transfer = Some("smpte2084".to_owned());
            change(v);
        });
        stream.bit_rate = Some(90_000_000);
        film([stream])
    };
    let vision = |profile, compatibility, enhancement_layer| {
        hdr(&move |v| v.dolby_vision = Some(DolbyVision { profile, compatibility, enhancement_layer }))
    };
    let plus = hdr(&|v| v.hdr10_plus = true);
    let keep = |codec| {
        policy("compact", |p| {
            p.video.dynamic_hdr = DynamicHdr::Keep;
            p.video.codec = Some(codec);
            p.video.max_bitrate = Some(20_000);
        })
    };
    let by = |media: &MediaInfo, policy: &Policy, keeps: &[(&str, FrameData)]| {
        let mut caps = caps();
        caps.encoders.push(EncoderCap { name: "libaom-av1".to_owned(), ..caps.encoders[0].clone() });
        for cap in &mut caps.encoders {
            cap.keeps = keeps.iter().filter(|(name, _)| *name == cap.name).map(|(_, what)| *what).collect();
        }
        decide(Subject { name: "Film.mkv", media, interlaced: None }, policy, &caps, TypeFilter::Both)
    };
    let (hevc, av1) = (keep(VideoCodec::Hevc), keep(VideoCodec::Av1));
    let new = [("libx265", FrameData::DolbyVision), ("libaom-av1", FrameData::Hdr10Plus)];
    let words = |decision| match decision {
        Decision::Skip(skip) => (skip.code, skip.words),
        Decision::Convert(plan) => panic!("{plan:#?}"),
    };
    let Decision::Convert(plan) = by(&vision(8, 1, false), &hevc, &new) else { panic!("x265 keeps it") };
    assert_eq!(encode(&plan).keep, [FrameData::DolbyVision].into());
    assert!(plan.lost.is_empty(), "{:?}", plan.lost);
    assert!(
        expected(&plan, &vision(8, 1, false))
            .main_video()
            .is_some_and(|s| { s.video.as_ref().is_some_and(|v| v.dolby_vision.is_some() && !v.hdr10_plus) })
    );
    // The second encoder where only it keeps it.
    let Decision::Convert(plan) = by(&plus, &av1, &new) else { panic!("libaom keeps it") };
    assert_eq!((encode(&plan).encoder.as_str(), encode(&plan).keep.len()), ("libaom-av1", 1));
    // Nothing was seen to keep it: another machine may.
    let (code, why) = words(by(&plus, &hevc, &new));
    assert!(code == SkipCode::CannotHere && why.contains("libx265: loses HDR10+"), "{why}");
    assert_eq!(words(by(&vision(8, 1, false), &hevc, &[])).0, SkipCode::CannotHere);
    // No machine can: two layers, a base that is not HDR10, a picture of another size.
    for media in [vision(7, 6, true), vision(8, 4, false), vision(5, 0, false)] {
        assert_eq!(words(by(&media, &hevc, &new)).0, SkipCode::WouldLose);
    }
    let smaller = Policy {
        video: crate::model::policy::VideoPolicy { max_height: Some(720), ..hevc.video.clone() },
        ..hevc
    };
    let (code, why) = words(by(&vision(8, 1, false), &smaller, &new));
    assert!(code == SkipCode::WouldLose && why.contains("its own size"), "{why}");
}

#[test]
fn tone_mapping_needs_its_filters() {
    let media = film([with("hevc", |v| v.color_transfer = Some("arib-std-b67".to_owned()))]);
    let universal = profile("universal").expect("a built-in profile");
    let mut caps = caps();
    caps.filters.remove("zscale");
    let subject = Subject { name: "Film.mkv", media: &media, interlaced: None };
    let Decision::Skip(skip) = decide(subject, &universal, &caps, TypeFilter::Both) else {
        panic!("zscale is missing")
    };
    assert_eq!(skip.code, SkipCode::CannotHere);
    assert!(skip.words.contains("zscale"), "{}", skip.words);
    let colors = planned(&media, &universal).streams.into_iter().next().map(|s| s.action);
    let Some(Action::Video(encode)) = colors else { panic!("an encode") };
    assert_eq!(encode.color.transfer.as_deref(), Some("bt709"));
    assert_eq!(encode.from_color.and_then(|f| f.primaries).as_deref(), Some("bt2020"));
}
