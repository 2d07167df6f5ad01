//! The planner's two promises, over files that nobody thought of: nothing is dropped silently, nothing is converted twice.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::media::{
    Audio, Chapter, Disposition, DolbyVision, FrameData, MediaInfo, Stream, StreamKind, Tags, Video,
};
use crate::model::plan::{Decision, SkipCode};
use crate::model::policy::{AudioCodec, Container, DynamicHdr, Policy, Stereo, TypeFilter};
use crate::plan::{Subject, container, decide, expected, profile, profile_names, wants_frames};

fn caps() -> Caps {
    let works = |name: &str| EncoderCap {
        name: name.to_owned(),
        codec: String::new(),
        hardware: false,
        device: None,
        ten_bit: true,
        keeps: (name == "libx264").then_some(FrameData::Captions).into_iter().collect(),
        sessions: None,
        largest: None,
        verdict: Verdict::Works { fps: 50.0 },
    };
    Caps {
        encoders: vec![works("libx264"), works("libx265")],
        filters: ["zscale", "tonemap"].iter().map(ToString::to_string).collect(),
        ..Caps::default()
    }
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn maybe(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::of(one_of(words))
}

fn disposition() -> impl Strategy<Value = Disposition> {
    prop::array::uniform10(prop::bool::weighted(0.2)).prop_map(|b| Disposition {
        default: b[0],
        forced: b[1],
        original: b[2],
        dub: b[3],
        comment: b[4],
        hearing_impaired: b[5],
        visual_impaired: b[6],
        captions: b[7],
        descriptions: b[8],
        ..Disposition::default()
    })
}

fn video() -> impl Strategy<Value = Video> {
    let size = prop::sample::select(
        &[
            (1920, 1080),
            (3840, 2160),
            (720, 576),
            (161, 121),
            (1080, 1920),
            (320, 240),
            (7680, 4320),
            (2, 2),
            (1279, 719),
        ][..],
    );
    let pixels = one_of(&[
        "yuv420p",
        "yuvj420p",
        "yuv420p10le",
        "yuv444p",
        "yuv422p10le",
        "bgr0",
        "gray",
        "yuva420p",
        "",
    ]);
    let rates = prop::option::of(prop::sample::select(
        &[(25, 1), (60_000, 1001), (1000, 1), (30_000, 1001), (120, 1), (1, 1), (90_000, 1)][..],
    ));
    let colors = (
        maybe(&["bt709", "bt2020", "smpte170m"]),
        maybe(&["bt709", "smpte2084", "arib-std-b67", "iec61966-2-1"]),
        maybe(&["bt709", "bt2020nc", "gbr", "smpte170m"]),
        maybe(&["tv", "pc"]),
    );
    let shape = (
        prop::sample::select(&[0, 90, 180, 270][..]),
        prop::sample::select(&[(1, 1), (0, 1), (64, 45)][..]),
        maybe(&["progressive", "tt", "bb"]),
    );
    let dynamic = (
        any::<bool>(),
        prop::option::of(prop::sample::select(&[(5, 0), (7, 6), (8, 1), (8, 4)][..])),
        any::<bool>(),
    );
    (size, pixels, rates, colors, shape, dynamic).prop_map(|(size, pix_fmt, rate, color, shape, dynamic)| {
        Video {
            width: size.0,
            height: size.1,
            sar: shape.1,
            bit_depth: if pix_fmt.contains("10") { 10 } else { 8 },
            pix_fmt,
            color_primaries: color.0,
            color_transfer: color.1,
            color_space: color.2,
            color_range: color.3,
            frame_rate: rate,
            avg_frame_rate: rate,
            field_order: shape.2,
            rotation: shape.0,
            hdr10_plus: dynamic.0 && dynamic.2,
            closed_captions: dynamic.2,
            dolby_vision: dynamic.1.filter(|_| dynamic.0).map(|(profile, compatibility)| DolbyVision {
                profile,
                compatibility,
                enhancement_layer: false,
            }),
            ..Video::default()
        }
    })
}

fn stream() -> impl Strategy<Value = Stream> {
    let kind = prop::sample::select(
        &[
            StreamKind::Video,
            StreamKind::Audio,
            StreamKind::Audio,
            StreamKind::Subtitle,
            StreamKind::Picture,
            StreamKind::Data,
            StreamKind::Attachment,
        ][..],
    );
    let codecs = (
        one_of(&["h264", "hevc", "av1", "mpeg2video", "vp9", "prores", "h264", ""]),
        one_of(&["aac", "ac3", "dts", "flac", "mp3", "pcm_bluray", "aac_latm", "opus", "wmav2", "mp2", ""]),
        one_of(&[
            "subrip",
            "ass",
            "mov_text",
            "hdmv_pgs_subtitle",
            "dvd_subtitle",
            "dvb_teletext",
            "webvtt",
            "xsub",
            "",
        ]),
        one_of(&["mjpeg", "png", "webp", ""]),
    );
    let sound = (0u32..=9, prop::sample::select(&[48_000, 96_000, 44_100, 0, 37_800][..]));
    let labels =
        (maybe(&["ger", "deu", "eng", "en-US", "x", "jpn"]), maybe(&["Commentary", "Stereo"]), disposition());
    let level = prop::option::of(prop::sample::select(&[30, 41, 51, 52, 62][..]));
    (kind, codecs, video(), sound, labels, level, prop::option::of(0u64..100_000_000)).prop_map(
        |(kind, codecs, video, (channels, sample_rate), (language, title, disposition), level, bit_rate)| {
            Stream {
                index: 0,
                kind,
                codec: match kind {
                    StreamKind::Video => codecs.0,
                    StreamKind::Audio => codecs.1,
                    StreamKind::Subtitle => codecs.2,
                    StreamKind::Picture => codecs.3,
                    _ => String::new(),
                },
                codec_tag: String::new(),
                profile: None,
                level,
                language,
                title,
                disposition,
                start_time: None,
                duration: None,
                bit_rate,
                frames: None,
                tags: Tags::new(),
                video: matches!(kind, StreamKind::Video | StreamKind::Picture).then_some(video),
                audio: (kind == StreamKind::Audio).then_some(Audio {
                    channels,
                    layout: None,
                    sample_rate,
                    bits: 16,
                }),
            }
        },
    )
}

fn file() -> impl Strategy<Value = (String, MediaInfo)> {
    let container = prop::sample::select(
        &[
            ("Film.mkv", "matroska,webm", ""),
            ("Film.2160p.mp4", "mov,mp4,m4a,3gp,3g2,mj2", "isom"),
            ("Film.mov", "mov,mp4,m4a,3gp,3g2,mj2", "qt  "),
            ("Film.avi", "avi", ""),
            ("Film.4K.ts", "mpegts", ""),
            ("wrong.mkv", "mov,mp4,m4a,3gp,3g2,mj2", "isom"),
            ("Song.mp3", "mp3", ""),
            ("Song.flac", "flac", ""),
            ("Song.m4a", "mov,mp4,m4a,3gp,3g2,mj2", "M4A "),
        ][..],
    );
    (container, prop::collection::vec(stream(), 0..7), 0usize..3).prop_map(
        |((name, format, brand), streams, chapters)| {
            let mut media =
                MediaInfo { format: format.to_owned(), duration: Some(60.0), ..MediaInfo::default() };
            media.tags.insert("imdb".to_owned(), "tt1".to_owned());
            if !brand.is_empty() {
                media.tags.insert("major_brand".to_owned(), brand.to_owned());
            }
            media.streams = streams;
            for (n, stream) in media.streams.iter_mut().enumerate() {
                stream.index = n as u32;
            }
            media.chapters = vec![Chapter { start: 0.0, end: 1.0, title: None }; chapters];
            (name.to_owned(), media)
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let name = prop::sample::select(profile_names());
    let stereo = prop::sample::select(&[Stereo::Keep, Stereo::Force, Stereo::Add][..]);
    let dynamic = prop::sample::select(&[DynamicHdr::Skip, DynamicHdr::Drop][..]);
    let languages = prop::collection::vec(one_of(&["ger", "en"]), 0..2);
    let music =
        prop::sample::select(&[AudioCodec::Mp3, AudioCodec::Aac, AudioCodec::Opus, AudioCodec::Flac][..]);
    let container =
        prop::option::weighted(0.3, prop::sample::select(&[Container::Mp4, Container::Matroska][..]));
    (name, stereo, dynamic, languages, music, container, any::<bool>()).prop_map(
        |(name, stereo, dynamic, languages, music, container, downgrade)| {
            let mut policy = profile(name).expect("a built-in profile");
            policy.audio.stereo = stereo;
            policy.video.dynamic_hdr = dynamic;
            policy.audio.languages.clone_from(&languages);
            policy.subtitles.languages = languages;
            policy.music.codec = music;
            policy.video.downgrade_resolution = downgrade;
            policy.container = container.unwrap_or(policy.container);
            policy
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_is_planned_or_beside_or_named_as_lost(
        (name, media) in file(), policy in policy(), interlaced in any::<Option<bool>>()
    ) {
        let subject = Subject { name: &name, media: &media, interlaced };
        if let Decision::Convert(plan) = decide(subject, &policy, &caps(), TypeFilter::Both) {
            prop_assert!(!plan.why.is_empty(), "a conversion has a reason");
            for stream in &media.streams {
                let kept = plan.streams.iter().any(|s| s.source == stream.index)
                    || plan.sidecars.iter().any(|s| s.source == stream.index)
                    || plan.lost.iter().any(|l| l.source == Some(stream.index))
                    || (plan.chapters && container::is_chapter_track(stream));
                prop_assert!(kept, "stream {} is nowhere: {plan:?}", stream.index);
            }
            prop_assert!(plan.streams.iter().all(|s| media.stream(s.source).is_some()));
            let suffixes: BTreeSet<&String> = plan.sidecars.iter().map(|s| &s.suffix).collect();
            prop_assert_eq!(suffixes.len(), plan.sidecars.len(), "one sidecar would overwrite another");
        }
    }

    #[test]
    fn what_a_plan_makes_fits_the_profile_that_made_it(
        (name, media) in file(), policy in policy(), interlaced in any::<Option<bool>>()
    ) {
        let subject = Subject { name: &name, media: &media, interlaced };
        if let Decision::Convert(plan) = decide(subject, &policy, &caps(), TypeFilter::Both) {
            let result = expected(&plan, &media);
            let name = plan.output_name("Film");
            let mut again = Subject { name: &name, media: &result, interlaced: None };
            if wants_frames(again, &policy) {
                // A copied stream's frames are what they were; encoded ones are progressive and say so.
                prop_assert_ne!(interlaced, Some(true), "deinterlaced, and still in doubt: {:?}", result);
                again.interlaced = interlaced;
            }
            let decision = decide(again, &policy, &caps(), TypeFilter::Both);
            let fits = matches!(&decision, Decision::Skip(skip) if skip.code == SkipCode::Fits);
            prop_assert!(fits, "{:?}\nbecame {result:?}\nand {decision:?}", plan);
        }
    }
}
