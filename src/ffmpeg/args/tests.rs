//! What does not hang on a plan, and what hangs on ffmpeg's version. Whole lines are in the golden files beside the records.

use std::path::Path;

use super::{Files, decode, detect_interlacing, transcode};
use crate::model::media::{Disposition, FrameData, MediaInfo, Stream, StreamKind, Tags, Video};
use crate::model::plan::{Action, ColorTags, Plan, StreamPlan, ToneMapper, VideoEncode};
use crate::model::policy::Container;

fn text(words: &[std::ffi::OsString]) -> String {
    words.iter().map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn source() -> MediaInfo {
    let video = Video {
        width: 320,
        height: 180,
        pix_fmt: "yuv420p".to_owned(),
        bit_depth: 8,
        frame_rate: Some((60, 1)),
        avg_frame_rate: Some((31, 1)),
        ..Video::default()
    };
    let mut tags = Tags::new();
    tags.insert("bps-eng".to_owned(), "1".to_owned());
    tags.insert("durations".to_owned(), "not a statistic".to_owned());
    let stream = Stream {
        index: 3,
        kind: StreamKind::Video,
        codec: "mpeg4".to_owned(),
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
        tags,
        video: Some(video),
        audio: None,
    };
    MediaInfo { streams: vec![stream], ..MediaInfo::default() }
}

fn plan(action: Action) -> Plan {
    let disposition = Disposition { default: true, forced: true, ..Disposition::default() };
    Plan {
        profile: "test".to_owned(),
        container: Container::Matroska,
        extension: "mkv".to_owned(),
        stem: None,
        streams: vec![StreamPlan {
            source: 3,
            action,
            language: Some("ger".to_owned()),
            title: Some("A «b»".to_owned()),
            disposition,
        }],
        lost: Vec::new(),
        sidecars: Vec::new(),
        chapters: false,
        why: Vec::new(),
        generate_timestamps: true,
        max_output_percent: None,
    }
}

fn encode() -> Action {
    Action::Video(Box::new(VideoEncode {
        encoder: "libx264".to_owned(),
        codec: "h264".to_owned(),
        device: None,
        decode: None,
        width: 320,
        height: 180,
        scale: false,
        pix_fmt: "yuv420p".to_owned(),
        quality: 21.0,
        profile: None,
        level: None,
        preset: None,
        tune: Some("film".to_owned()),
        max_bitrate: None,
        buffer_size: None,
        fps: None,
        deinterlace: false,
        tone_map: None,
        tone_mapper: ToneMapper::Zscale,
        sar: (1, 1),
        from_color: None,
        color: ColorTags::default(),
        mastering: None,
        content_light: None,
        keep: [].into(),
        extra_args: vec!["-x264-params".to_owned(), "bframes=2".to_owned()],
    }))
}

fn line(action: Action, release: Option<(u32, u32)>) -> String {
    let files = Files {
        input: Path::new("-in:put.avi"),
        output: Path::new("out.part"),
        sidecars: &[],
        pictures: &[],
        chapters: None,
    };
    text(&transcode(&plan(action), &source(), files, release))
}

#[test]
fn files_are_named_as_files_whatever_they_are_called() {
    let line = line(encode(), None);
    assert!(line.contains(" -i file:-in:put.avi "), "{line}");
    assert!(line.ends_with("-f matroska file:out.part"), "{line}");
    assert!(text(&decode(Path::new("-a"), &[], &[])).contains("-i file:-a -map 0:V? -map 0:a? -f null -"));
}

#[test]
fn options_follow_the_version_of_ffmpeg() {
    let old = line(encode(), Some((5, 0)));
    assert!(old.contains("-vsync:0 vfr -enc_time_base:0 -1"), "{old}");
    let debian = line(encode(), Some((5, 1)));
    assert!(debian.contains("-fps_mode:0 vfr -enc_time_base:0 -1"), "{debian}");
    for new in [line(encode(), Some((7, 0))), line(encode(), None)] {
        assert!(new.contains("-fps_mode:0 vfr -enc_time_base:0 demux"), "{new}");
    }
}

#[test]
fn labels_are_written_and_stale_statistics_removed() {
    let line = line(encode(), None);
    assert!(line.contains("-metadata:s:0 language=ger -metadata:s:0 title=A «b» -metadata:s:0 bps-eng= -disposition:0 default+forced"), "{line}");
    assert!(!line.contains("durations="), "{line}");
    assert!(line.contains("-tune:0 film"), "{line}");
    assert!(line.contains("-x264-params bframes=2"), "{line}");
}

#[test]
fn a_copy_out_of_avi_gets_its_times_and_its_packed_frames_undone() {
    let copy = Action::Copy { kind: StreamKind::Video, codec: "mpeg4".to_owned(), tag: None };
    let line = line(copy, None);
    assert!(line.contains("-fflags +genpts -i "), "{line}");
    assert!(line.contains("-c:0 copy -bsf:0 mpeg4_unpack_bframes"), "{line}");
}

#[test]
fn frames_for_idet_come_from_the_middle_and_are_not_turned() {
    let line = text(&detect_interlacing(Path::new("a"), 2, 30.5));
    assert!(line.contains("-ss 30.500 -noautorotate -i file:a -map 0:2 -vf idet -frames:v 200"), "{line}");
    assert!(!text(&detect_interlacing(Path::new("a"), 2, 0.0)).contains("-ss"));
}

#[test]
fn a_card_that_decodes_is_named_before_the_input() {
    use crate::model::plan::Decoding;
    let mut plan = plan(encode());
    let Action::Video(encode) = &mut plan.streams[0].action else { panic!("a video") };
    encode.decode = Some(Decoding { accel: "vaapi".into(), device: Some("/dev/dri/renderD129".into()) });
    let files = Files {
        input: Path::new("in"),
        output: Path::new("out"),
        sidecars: &[],
        pictures: &[],
        chapters: None,
    };
    let line = text(&transcode(&plan, &source(), files, Some((7, 1))));
    assert!(line.contains("-hwaccel vaapi -hwaccel_device /dev/dri/renderD129 -i file:in"), "{line}");
    assert!(!line.contains("-hwaccel_output_format"), "frames come back to memory: {line}");
}

#[test]
fn what_is_to_be_kept_is_asked_for_and_its_frames_are_counted_on_both_sides() {
    let Action::Video(mut encode) = encode() else { panic!("an encode") };
    encode.encoder = "libx265".to_owned();
    encode.keep = [FrameData::Captions, FrameData::DolbyVision].into();
    let line = line(Action::Video(encode), Some((9, 0)));
    assert!(line.contains("-a53cc:0 1 -dolbyvision:0 1"), "{line}");
    let counted = "-map 0:3 -vf sidedata=mode=select:type=A53_CC -f null - -map 0:3 -vf sidedata=mode=select:type=DOVI_METADATA -f null -";
    assert!(line.ends_with(&format!("file:out.part {counted}")), "{line}");
    let decode = text(&decode(Path::new("out.mkv"), &[], &[(0, FrameData::Hdr10Plus)]));
    assert!(
        decode.ends_with("-f null - -map 0:0 -vf sidedata=mode=select:type=DYNAMIC_HDR_PLUS -f null -"),
        "{decode}"
    );
}
