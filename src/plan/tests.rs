//! Rules by example, and the two promises by property: nothing is dropped silently, nothing is converted twice.

mod hdr;
mod promises;
mod sounds;

use super::{Subject, decide, is_media_extension, language, level, names, quality};
use super::{policy_digest, profile, wants_frames};
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::media::{Audio, Disposition, FrameData, MediaInfo, Stream, StreamKind, Tags, Video};
use crate::model::plan::{Action, Decision, Plan, Skip, SkipCode};
use crate::model::policy::{Container, Deinterlace, Policy, Quality, TypeFilter, VideoCodec};

fn caps() -> Caps {
    let works = |name: &str| EncoderCap {
        name: name.to_owned(),
        codec: String::new(),
        hardware: !name.starts_with("lib"),
        device: None,
        ten_bit: true,
        keeps: (name == "libx264").then_some(FrameData::Captions).into_iter().collect(),
        sessions: None,
        largest: None,
        verdict: Verdict::Works { fps: 50.0 },
    };
    Caps {
        release: Some((5, 1)),
        encoders: vec![works("libx264"), works("libx265"), works("libsvtav1")],
        filters: ["zscale", "tonemap"].iter().map(ToString::to_string).collect(),
        ..Caps::default()
    }
}

fn stream(index: u32, kind: StreamKind, codec: &str) -> Stream {
    Stream {
        index,
        kind,
        codec: codec.to_owned(),
        codec_tag: String::new(),
        profile: None,
        level: None,
        language: None,
        title: None,
        disposition: Disposition::default(),
        start_time: None,
        duration: None,
        bit_rate: None,
        frames: None,
        tags: Tags::new(),
        video: matches!(kind, StreamKind::Video | StreamKind::Picture).then(picture),
        audio: (kind == StreamKind::Audio).then(|| sound(2)),
    }
}

fn picture() -> Video {
    Video {
        width: 1920,
        height: 1080,
        sar: (1, 1),
        pix_fmt: "yuv420p".to_owned(),
        bit_depth: 8,
        frame_rate: Some((25, 1)),
        avg_frame_rate: Some((25, 1)),
        field_order: Some("progressive".to_owned()),
        ..Video::default()
    }
}

fn sound(channels: u32) -> Audio {
    Audio { channels, layout: None, sample_rate: 48_000, bits: 0 }
}

/// A film in Matroska (or whatever the format says) with these streams, numbered.
fn film(streams: impl IntoIterator<Item = Stream>) -> MediaInfo {
    let number = |(n, s): (usize, Stream)| Stream { index: n as u32, ..s };
    MediaInfo {
        format: "matroska,webm".to_owned(),
        duration: Some(60.0),
        size: 1 << 20,
        streams: streams.into_iter().enumerate().map(number).collect(),
        ..MediaInfo::default()
    }
}

fn video(codec: &str) -> Stream {
    stream(0, StreamKind::Video, codec)
}

fn with(codec: &str, change: impl FnOnce(&mut Video)) -> Stream {
    let mut stream = video(codec);
    change(stream.video.as_mut().expect("a video"));
    stream
}

fn surround(codec: &str, channels: u32, language: &str) -> Stream {
    let audio = Some(sound(channels));
    Stream { audio, language: Some(language.to_owned()), ..stream(0, StreamKind::Audio, codec) }
}

fn policy(name: &str, change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = profile(name).expect("a built-in profile");
    change(&mut policy);
    policy
}

fn asked(media: &MediaInfo, policy: &Policy) -> Decision {
    decide(Subject { name: "Film.mkv", media, interlaced: None }, policy, &caps(), TypeFilter::Both)
}

fn planned(media: &MediaInfo, policy: &Policy) -> Plan {
    match asked(media, policy) {
        Decision::Convert(plan) => *plan,
        Decision::Skip(skip) => panic!("skipped: {skip:?}"),
    }
}

fn skipped(media: &MediaInfo, policy: &Policy) -> Skip {
    match asked(media, policy) {
        Decision::Skip(skip) => skip,
        Decision::Convert(plan) => panic!("converted: {:?}", plan.why),
    }
}

fn encode(plan: &Plan) -> &crate::model::plan::VideoEncode {
    let found = plan.streams.iter().find_map(|s| match &s.action {
        Action::Video(encode) => Some(encode),
        _ => None,
    });
    found.expect("a video encode")
}

#[test]
fn sizes_stay_in_shape_and_even() {
    let cases = [
        // source, rotation, limits, result
        ((3840, 2160), 0, (1920, 1080), (1920, 1080)),
        ((3840, 1608), 0, (1920, 1080), (1920, 804)),
        ((4096, 2160), 0, (1920, 1080), (1920, 1012)),
        ((1080, 1920), 0, (1280, 720), (406, 720)),
        ((1920, 1080), 90, (1280, 720), (406, 720)),
        ((161, 121), 0, (1920, 1080), (162, 122)),
        ((720, 576), 270, (1920, 1080), (576, 720)),
    ];
    for ((w, h), rotation, (max_w, max_h), wanted) in cases {
        let policy = policy("universal", |p| {
            p.video.max_width = Some(max_w);
            p.video.max_height = Some(max_h);
        });
        let media = film([with("mpeg4", |v| (v.width, v.height, v.rotation) = (w, h, rotation))]);
        let plan = planned(&media, &policy);
        assert_eq!((encode(&plan).width, encode(&plan).height), wanted, "{w}×{h} turned by {rotation}");
    }
}

#[test]
fn a_short_clip_may_have_what_the_buffer_holds_above_its_ceiling() {
    let check = |seconds: Option<f64>, kilobits: u64, fits: bool| {
        let mut video = with("h264", |v| (v.width, v.height) = (1280, 720));
        (video.duration, video.bit_rate) = (seconds, Some(kilobits * 1000));
        let mut media = film([video]);
        "mov,mp4,m4a,3gp,3g2,mj2".clone_into(&mut media.format);
        let policy = policy("chromecast", |_| ());
        let subject = Subject { name: "Film.mp4", media: &media, interlaced: None };
        let decision = decide(subject, &policy, &caps(), TypeFilter::Both);
        assert_eq!(matches!(decision, Decision::Skip(_)), fits, "{seconds:?} {kilobits}: {decision:?}");
    };
    // 8 Mbit/s with a buffer of 16 Mbit.
    check(Some(0.1), 9355, true);
    check(Some(2.0), 15_900, true);
    check(Some(2.0), 16_100, false);
    check(Some(3600.0), 8004, true);
    check(Some(3600.0), 8010, false);
    check(None, 8001, false);
}

#[test]
fn a_ceiling_holds_for_a_picture_whose_container_tells_no_rate() {
    let check = |sound: Stream, megabytes: u64, fits: bool| {
        let mut media = film([with("h264", |v| (v.width, v.height) = (1280, 720)), sound]);
        (media.size, media.duration) = (megabytes * 1_000_000, Some(100.0));
        let plan = planned(&media, &policy("chromecast", |_| ()));
        assert_eq!(
            plan.why.iter().any(|why| why.contains("kbit/s")),
            !fits,
            "{megabytes} MB: {:?}",
            plan.why
        );
    };
    let plain = || stream(1, StreamKind::Audio, "aac");
    check(plain(), 100, true);
    check(plain(), 107, false);
    // 24-bit sound without loss is no part of the picture.
    let lossless =
        || Stream { audio: Some(Audio { bits: 24, ..sound(8) }), ..stream(1, StreamKind::Audio, "truehd") };
    check(lossless(), 140, true);
    check(lossless(), 180, false);
}

#[test]
fn downgrading_turns_its_limits_with_the_picture_and_renames() {
    let policy = policy("universal", |p| p.video.downgrade_resolution = true);
    let media = film([with("h264", |v| (v.width, v.height) = (2160, 3840))]);
    let plan = planned(&media, &policy);
    assert_eq!((encode(&plan).width, encode(&plan).height), (1080, 1920));
    let name = |name: &str| {
        let subject = Subject { name, media: &media, interlaced: None };
        match decide(subject, &policy, &caps(), TypeFilter::Both) {
            Decision::Convert(plan) => plan.stem,
            Decision::Skip(skip) => panic!("{skip:?}"),
        }
    };
    assert_eq!(name("Film.2160p.mkv").as_deref(), Some("Film.1080p"));
    assert_eq!(name("Film.mkv"), None);
}

#[test]
fn resolution_words_are_replaced_once_and_only_as_words() {
    let cases = [
        ("Film.2160p.UHD.BluRay", Some("Film.1080p.BluRay")),
        ("Film (2019) [4K]", Some("Film (2019) [1080p]")),
        ("Film 1440p", Some("Film 1080p")),
        ("Film - UHD 4k", Some("Film - 1080p")),
        ("Film.1080p.UHD", Some("Film.1080p")),
        ("Film [2160p][4K]", Some("Film [1080p]")),
        ("Film (2160p) (UHD) HDR", Some("Film (1080p) HDR")),
        ("Film (4K UHD) [HDR]", Some("Film (1080p) [HDR]")),
        ("Bluhd 14Kids", None),
        ("Film.720p", None),
        ("4K", Some("1080p")),
    ];
    for (stem, wanted) in cases {
        assert_eq!(names::downgraded(stem).as_deref(), wanted, "{stem}");
    }
}

#[test]
fn a_mirrored_picture_is_not_copied_to_where_ffmpeg_cannot_say_so() {
    let media = |rotation, warped| {
        let film = film([with("h264", |v| (v.rotation, v.warped) = (rotation, warped))]);
        MediaInfo { format: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(), ..film }
    };
    let policy = policy("remux", |p| p.container = Container::Matroska);
    for (release, rotation, warped, copied) in [
        ((5, 1), 0, false, true),
        ((5, 1), 0, true, false),
        ((5, 1), 90, false, false),
        ((6, 1), 0, true, true),
        ((6, 1), 90, false, true),
    ] {
        let caps = Caps { release: Some(release), ..caps() };
        let subject = Subject { name: "Film.mp4", media: &media(rotation, warped), interlaced: None };
        let made = matches!(decide(subject, &policy, &caps, TypeFilter::Both), Decision::Convert(_));
        assert_eq!(made, copied, "{release:?}, turned by {rotation}, warped: {warped}");
    }
}

#[test]
fn a_result_that_would_have_a_name_too_long_is_not_planned() {
    let plain = film([video("mpeg2video")]);
    let subtitled = film([video("mpeg2video"), stream(1, StreamKind::Subtitle, "hdmv_pgs_subtitle")]);
    let check = |media: &MediaInfo, name: &str, wanted: Option<SkipCode>| {
        let subject = Subject { name, media, interlaced: None };
        let policy = profile("universal").expect("a built-in profile");
        let code = match decide(subject, &policy, &caps(), TypeFilter::Both) {
            Decision::Convert(_) => None,
            Decision::Skip(skip) => Some(skip.code),
        };
        assert_eq!(code, wanted, "{name}");
    };
    let of = |length: usize, ending: &str| format!("{}{ending}", "n".repeat(length));
    check(&plain, &of(251, ".ts"), None);
    check(&plain, &of(252, ".ts"), Some(SkipCode::NameTooLong));
    check(&plain, &of(251, ".mkv"), None);
    check(&subtitled, &of(251, ".mkv"), Some(SkipCode::NameTooLong));
    check(&subtitled, &of(240, ".mkv"), None);
    // Where names are counted in characters it has 103.
    check(&plain, &format!("{}.ts", "語".repeat(100)), None);
}

#[test]
fn levels_hold_size_rate_and_buffer() {
    let level = |w, h, fps, ceiling| level::needed(w, h, Some(fps), ceiling);
    assert_eq!(level(320, 180, 25.0, 0), 30);
    assert_eq!(level(1280, 720, 30.0, 0), 31);
    assert_eq!(level(1280, 720, 30.0, 16_000), 31);
    assert_eq!(level(1920, 1080, 24.0, 0), 41);
    assert_eq!(level(1920, 1080, 60.0, 0), 42);
    assert_eq!(level(3840, 2160, 30.0, 0), 51);
    assert_eq!(level(3840, 2160, 60.0, 0), 52);
    assert_eq!(level(7680, 4320, 30.0, 0), 60);
    // A clock mistaken for a rate is unknown, not a thousand frames a second.
    let media = with("h264", |v| (v.avg_frame_rate, v.frame_rate) = (Some((1000, 1)), None));
    assert_eq!(super::video::rate(media.video.as_ref().expect("a video")), None);
}

#[test]
fn rates_over_the_limit_are_divided_by_a_whole_number() {
    let chromecast = profile("chromecast").expect("a built-in profile");
    for (rate, wanted) in [
        ((60, 1), Some((60, 2))),
        ((60_000, 1001), Some((60_000, 2002))),
        ((50, 1), Some((50, 2))),
        ((120, 1), Some((120, 4))),
        ((48, 1), Some((48, 2))),
        ((30_000, 1001), None),
        ((30, 1), None),
        ((24, 1), None),
    ] {
        let media = film([with("mpeg4", |v| (v.avg_frame_rate, v.frame_rate) = (Some(rate), Some(rate)))]);
        assert_eq!(encode(&planned(&media, &chromecast)).fps, wanted, "{rate:?}");
    }
}

#[test]
fn one_quality_word_is_ordered_alike_on_every_encoder() {
    for row in quality::TABLE {
        let [high, standard, small] =
            [Quality::High, Quality::Standard, Quality::Small].map(|q| row.value(q));
        let larger_is_better = row.encoder.ends_with("_videotoolbox");
        assert!(if larger_is_better {
            high > standard && standard > small
        } else {
            high < standard && standard < small
        });
        // The words are points of the same line that numbers go along, and no number leaves the encoder's scale.
        assert!((row.value(Quality::Value(21.0)) - standard).abs() < 0.01, "{}", row.encoder);
        for crf in [-10.0, 0.0, 35.0, 51.0, 90.0] {
            let value = row.value(Quality::Value(crf));
            assert!(value >= row.range.0 && value <= row.range.1, "{} {crf} {value}", row.encoder);
        }
    }
    assert!((quality::of("libx264").expect("a row").value(Quality::Value(19.5)) - 19.5).abs() < 0.01);
}

#[test]
fn the_table_of_qualities_in_the_papers_is_the_one_that_is_used() {
    let paper = include_str!("../../docs/PROFILES.md");
    for row in quality::TABLE {
        let numbers: Vec<String> = row.points.iter().map(ToString::to_string).collect();
        let line = paper.lines().find(|l| l.starts_with(&format!("| {} |", row.encoder))).expect(row.encoder);
        assert!(line.ends_with(&format!("| {} |", numbers.join(" | "))), "{line}");
    }
}

#[test]
fn only_encoders_that_worked_are_chosen_and_the_reasons_are_told() {
    let media = film([video("mpeg4")]);
    let subject = Subject { name: "Film.mkv", media: &media, interlaced: None };
    let mut caps = caps();
    caps.encoders = vec![EncoderCap {
        name: "h264_nvenc".to_owned(),
        codec: "h264".to_owned(),
        hardware: true,
        device: None,
        ten_bit: false,
        keeps: [].into(),
        sessions: None,
        largest: None,
        verdict: Verdict::Failed { why: "No capable devices found".to_owned() },
    }];
    let universal = profile("universal").expect("a built-in profile");
    let Decision::Skip(skip) = decide(subject, &universal, &caps, TypeFilter::Both) else {
        panic!("no encoder works")
    };
    assert_eq!(skip.code, SkipCode::CannotHere);
    assert!(skip.words.contains("h264_nvenc: No capable devices found"), "{}", skip.words);
    caps.encoders[0].verdict = Verdict::Works { fps: 500.0 };
    let Decision::Convert(plan) = decide(subject, &universal, &caps, TypeFilter::Both) else {
        panic!("nvenc works")
    };
    assert_eq!(encode(&plan).encoder, "h264_nvenc");
    // Hardware without ten bits, or one that drops mastering metadata, is passed over.
    let software = policy("universal", |p| p.video.encoder = "software".parse().unwrap());
    let Decision::Skip(skip) = decide(subject, &software, &caps, TypeFilter::Both) else {
        panic!("no software here")
    };
    assert!(skip.words.contains("libx264: not in this ffmpeg"), "{}", skip.words);
}

#[test]
fn frames_are_looked_at_only_where_the_header_leaves_it_open() {
    let universal = profile("universal").expect("a built-in profile");
    let wants = |codec: &str, order: Option<&str>, height: u32, policy: &Policy, name: &str| {
        let stream = with(codec, |v| (v.field_order, v.height) = (order.map(str::to_owned), height));
        let mut media = film([stream]);
        if name.ends_with("mp4") {
            media.format = "mov,mp4,m4a,3gp,3g2,mj2".to_owned();
        }
        wants_frames(Subject { name, media: &media, interlaced: None }, policy)
    };
    assert!(wants("h264", Some("tt"), 1080, &universal, "a.mp4"));
    assert!(wants("mpeg2video", None, 576, &universal, "a.mkv"));
    assert!(!wants("mpeg2video", Some("progressive"), 576, &universal, "a.mkv"));
    assert!(!wants("h264", None, 1080, &universal, "a.mp4"), "it fits, and nobody says it is interlaced");
    assert!(!wants("mpeg4", None, 400, &universal, "a.avi"));
    let never = policy("universal", |p| p.video.deinterlace = Deinterlace::Never);
    assert!(!wants("mpeg2video", Some("tt"), 576, &never, "a.mkv"));
    assert!(!wants("mpeg2video", Some("tt"), 576, &profile("remux").expect("built in"), "a.mkv"));
}

#[test]
fn languages_narrow_but_never_to_nothing() {
    let keep = |wanted: &[&str], found: &[Option<&str>]| {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        language::keep(&wanted, found)
    };
    assert_eq!(keep(&["deu"], &[Some("ger"), Some("eng"), None]), [true, false, true]);
    assert_eq!(keep(&["de"], &[Some("de-AT"), Some("en")]), [true, false]);
    assert_eq!(keep(&["jpn"], &[Some("ger"), Some("eng")]), [true, true]);
    assert_eq!(keep(&[], &[Some("ger")]), [true]);
    assert_eq!(language::normal("zh-Hans"), "chi");
    assert_eq!(language::normal("tlh"), "tlh");
    assert_eq!(language::normal("nb"), "nob");
    assert_eq!(language::normal("mao"), "mao");
    assert_eq!(language::normal("zu"), "zul");
}

#[test]
fn what_a_language_tag_says_of_a_region_is_kept_or_named() {
    let media = film([video("h264"), surround("ac3", 6, "pt-br"), surround("ac3", 6, "english")]);
    let compact = policy("compact", |p| p.container = Container::Matroska);
    let kept = planned(&film([video("mpeg4"), surround("ac3", 6, "pt-br")]), &compact);
    assert_eq!(kept.streams[1].language.as_deref(), Some("por-br"));
    let told = planned(&media, &policy("universal", |_| ()));
    assert_eq!(told.streams[1].language.as_deref(), Some("por"));
    let lost: Vec<_> = told.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert!(lost[0].contains("«pt-br»") && lost[1].contains("«english»"), "{lost:?}");
}

#[test]
fn what_a_stream_says_of_itself_is_named_where_mp4_cannot_say_it() {
    let tags = |pairs: &[(&str, &str)]| -> Tags {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut sound = surround("ac3", 6, "ger");
    sound.tags = tags(&[("comment", "from the laser disc"), ("bps-eng", "448000"), ("source_id", "1100")]);
    let mut picture = video("vp9");
    picture.tags = tags(&[("alpha_mode", "1")]);
    let told = planned(&film([picture, sound]), &policy("universal", |_| ()));
    let lost: Vec<_> = told.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(lost, ["transparency", "tags comment of audio ac3 (ger)"]);
}

#[test]
fn types_choose_what_is_touched() {
    let music = film([stream(0, StreamKind::Audio, "flac"), stream(1, StreamKind::Picture, "png")]);
    let universal = profile("universal").expect("a built-in profile");
    let only = |types| {
        let subject = Subject { name: "a.mka", media: &music, interlaced: None };
        match decide(subject, &universal, &caps(), types) {
            Decision::Skip(skip) => Some(skip.code),
            Decision::Convert(_) => None,
        }
    };
    assert_eq!(only(TypeFilter::Video), Some(SkipCode::OtherType));
    assert_eq!(only(TypeFilter::Audio), None);
    assert_eq!(skipped(&film([stream(0, StreamKind::Data, "")]), &universal).code, SkipCode::NotMedia);
    assert!(is_media_extension("mkv", TypeFilter::Both) && !is_media_extension("flac", TypeFilter::Video));
    assert!(!is_media_extension("nfo", TypeFilter::Both) && !is_media_extension("part", TypeFilter::Both));
}

#[test]
fn a_digest_changes_with_every_value_but_not_with_the_name() {
    let base = profile("universal").expect("a built-in profile");
    let named = policy("universal", |p| p.name = "mine".to_owned());
    assert_eq!(policy_digest(&base), policy_digest(&named));
    let others = [
        policy("universal", |p| p.video.quality = Quality::Value(21.0)),
        policy("universal", |p| p.audio.languages = vec!["ger".to_owned()]),
        policy("universal", |p| p.video.codec = Some(VideoCodec::Hevc)),
        policy("universal", |p| p.music.bitrate = 256),
        policy("universal", |p| p.container = Container::Matroska),
    ];
    for other in others {
        assert_ne!(policy_digest(&base), policy_digest(&other));
    }
}

#[test]
fn several_programs_in_one_file_are_kept_without_what_belongs_together() {
    let lost = |programs| {
        let media = MediaInfo {
            format: "mpegts".to_owned(),
            programs,
            ..film([video("mpeg2video"), video("mpeg2video")])
        };
        let plan = planned(&media, &profile("universal").expect("a built-in profile"));
        (plan.streams.len(), plan.lost.iter().map(|l| l.what.clone()).collect::<Vec<_>>())
    };
    assert_eq!(lost(1), (2, Vec::new()));
    assert_eq!(lost(2), (2, vec!["which streams belong to which of its 2 programs".to_owned()]));
}
