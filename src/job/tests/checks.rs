//! Each fault that a result can have is caught by the check that is named for it.

use crate::job::transcode::{header_is_absurd, tolerance};
use crate::job::verify::faults;
use crate::job::{held_by, span};
use crate::model::media::{Audio, Chapter, Disposition, MediaInfo, Stream, StreamKind, Tags, Video};
use crate::model::plan::{Action, AudioEncode, Plan, StreamPlan};
use crate::model::policy::Container;
use crate::share::claim::Holder;

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
        tags: Tags::default(),
        video: (kind == StreamKind::Video).then(|| Video {
            width: 320,
            height: 180,
            pix_fmt: "yuv420p".to_owned(),
            ..Video::default()
        }),
        audio: (kind == StreamKind::Audio).then(|| Audio { channels: 6, ..Audio::default() }),
    }
}

fn media() -> MediaInfo {
    MediaInfo {
        duration: Some(60.0),
        streams: vec![stream(0, StreamKind::Video, "h264"), stream(1, StreamKind::Audio, "ac3")],
        chapters: vec![Chapter { start: 0.0, end: 60.0, title: None }],
        ..MediaInfo::default()
    }
}

fn plan() -> Plan {
    let part = |source, action| StreamPlan {
        source,
        action,
        language: None,
        title: None,
        disposition: Disposition::default(),
    };
    Plan {
        profile: "universal".to_owned(),
        container: Container::Mp4,
        extension: "mp4".to_owned(),
        stem: None,
        streams: vec![
            part(0, Action::Copy { kind: StreamKind::Video, codec: "h264".to_owned(), tag: None }),
            part(
                1,
                Action::Audio(AudioEncode {
                    encoder: "aac".to_owned(),
                    codec: "aac".to_owned(),
                    channels: 6,
                    layout: None,
                    bitrate: 384,
                    sample_rate: None,
                    dialogue_downmix: false,
                }),
            ),
        ],
        lost: Vec::new(),
        sidecars: Vec::new(),
        chapters: true,
        why: Vec::new(),
        generate_timestamps: false,
        max_output_percent: None,
    }
}

fn result() -> MediaInfo {
    let mut out = media();
    out.streams[1].codec = "aac".to_owned();
    // MP4 has one of each kind that is on.
    out.streams.iter_mut().for_each(|s| s.disposition.default = true);
    out
}

/// The names of the checks that fail once the result is changed like this.
fn check(change: impl FnOnce(&mut MediaInfo), expected: &[&str]) {
    let mut out = result();
    change(&mut out);
    let found: Vec<&str> = faults(&media(), &plan(), &out, None).iter().map(|fault| fault.check).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_result_as_planned_has_no_fault() {
    check(|_| {}, &[]);
}

#[test]
fn every_departure_from_the_plan_is_named() {
    check(|out| out.duration = Some(33.0), &["duration"]);
    check(|out| out.duration = None, &["duration"]);
    check(|out| out.duration = Some(75.0), &["duration"]);
    check(|out| drop(out.streams.remove(1)), &["streams"]);
    check(|out| out.streams[0].codec = "hevc".to_owned(), &["codec"]);
    check(|out| out.streams[1].audio = Some(Audio { channels: 2, ..Audio::default() }), &["channels"]);
    check(
        |out| out.streams[0].video = Some(Video { width: 160, height: 90, ..Video::default() }),
        &["picture size"],
    );
    check(|out| out.chapters.clear(), &["chapters"]);
    check(|out| out.streams[1].disposition.default = false, &["default"]);
    check(|out| out.streams[1].disposition.forced = true, &["forced"]);
}

#[test]
fn a_lying_header_is_replaced_by_what_was_measured() {
    let mut source = media();
    source.duration = Some(143_165.0);
    let mut out = result();
    out.duration = Some(1.0);
    assert!(faults(&source, &plan(), &out, Some(1.0)).is_empty());
    assert_eq!(faults(&source, &plan(), &out, None).len(), 1);
}

#[test]
fn a_language_that_was_planned_must_be_there() {
    let mut plan = plan();
    plan.streams[1].language = Some("ger".to_owned());
    let mut out = result();
    assert_eq!(faults(&media(), &plan, &out, None)[0].check, "language");
    out.streams[1].language = Some("deu".to_owned());
    assert!(faults(&media(), &plan, &out, None).is_empty());
}

#[test]
fn only_an_impossible_bit_rate_makes_a_header_absurd() {
    // 106 kB that claim 40 hours and hold a second.
    assert!(header_is_absurd(106_093, 143_165.0, 1.0));
    // A film cut at 55 %.
    assert!(!header_is_absurd(1_000_000_000, 7200.0, 3960.0));
    // A slide show of a few kilobytes that is short by half.
    assert!(!header_is_absurd(30_000, 60.0, 30.0));
    assert!(!header_is_absurd(0, 0.0, 0.0));
}

#[test]
fn a_second_or_half_a_percent_may_be_missing_and_less_of_a_short_clip() {
    assert!((tolerance(1.0) - 0.3).abs() < 1e-9);
    assert!((tolerance(10.0) - 1.0).abs() < 1e-9);
    assert!((tolerance(7200.0) - 36.0).abs() < 1e-9);
}

#[test]
fn a_holder_is_one_line() {
    let holder = Holder {
        hostname: "attic".to_owned(),
        pid: 7,
        age: Some(3700.0),
        silent: Some(12.0),
        what: "held".to_owned(),
    };
    assert_eq!(held_by(&holder), "held on attic (pid 7), for 1 h 1 min, last heartbeat 12 s ago");
    assert_eq!(span(200_000.0), "2 d 7 h");
}

#[test]
fn what_an_sdr_film_says_of_a_mastering_display_may_go_or_stay_but_not_change() {
    let lit =
        |stream: &mut Stream, most| stream.video.as_mut().expect("a video").content_light = Some((most, 400));
    let encoded = |transfer: &str| {
        let mut source = media();
        source.streams.truncate(1);
        source.streams[0].codec = "mpeg4".to_owned();
        let video = source.streams[0].video.as_mut().expect("a video");
        video.color_transfer = Some(transfer.to_owned());
        lit(&mut source.streams[0], 1000);
        let works = crate::model::caps::EncoderCap {
            name: "libx264".to_owned(),
            codec: "h264".to_owned(),
            hardware: false,
            device: None,
            ten_bit: true,
            keeps: [].into(),
            sessions: None,
            largest: None,
            verdict: crate::model::caps::Verdict::Works { fps: 50.0 },
        };
        let caps = crate::model::caps::Caps {
            encoders: vec![works],
            filters: ["zscale", "tonemap"].iter().map(ToString::to_string).collect(),
            ..crate::model::caps::Caps::default()
        };
        let subject = crate::plan::Subject { name: "Film.mkv", media: &source, interlaced: Some(false) };
        let policy = crate::plan::profile("universal").expect("a built-in profile");
        let decision = crate::plan::decide(subject, &policy, &caps, crate::model::policy::TypeFilter::Both);
        let crate::model::plan::Decision::Convert(plan) = decision else { panic!("{decision:?}") };
        let out = crate::plan::expected(&plan, &source);
        (source, *plan, out)
    };
    let checks = |transfer, most: Option<u32>| -> Vec<&str> {
        let (source, plan, mut out) = encoded(transfer);
        if let Some(most) = most {
            lit(&mut out.streams[0], most);
        }
        faults(&source, &plan, &out, None).iter().map(|fault| fault.check).collect()
    };
    assert_eq!(checks("bt709", None), Vec::<&str>::new());
    assert_eq!(checks("bt709", Some(1000)), Vec::<&str>::new());
    assert_eq!(checks("bt709", Some(900)), ["light level"]);
    // Of HDR that was made SDR nothing may stay.
    assert_eq!(checks("smpte2084", None), Vec::<&str>::new());
    assert_eq!(checks("smpte2084", Some(1000)), ["light level"]);
}
