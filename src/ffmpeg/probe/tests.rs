//! ffprobe's answers as literal text.

use super::field::{bit_depth, clock};
use super::frames::{Ends, Idet, idet};
use super::{parse, telling_line};
use crate::model::media::{DolbyVision, Hdr, MediaInfo, StreamKind, Video};
use std::path::Path;

fn parsed(json: &str) -> MediaInfo {
    parse(json.as_bytes()).expect("valid JSON")
}

/// The first stream of an answer with this one stream.
fn video(stream: &str) -> Video {
    let media = parsed(&format!(r#"{{"streams":[{{"index":0,"codec_type":"video",{stream}}}]}}"#));
    media.streams.into_iter().next().and_then(|s| s.video).expect("a video")
}

#[test]
fn streams_listed_by_program_too_count_once() {
    let media = parsed(
        r#"{"programs":[{"program_id":1,"streams":[{"index":0,"codec_type":"video"},{"index":2,"codec_type":"audio"}]}],
            "streams":[{"index":1,"codec_type":"audio"},{"index":0,"codec_type":"video"}],"format":{"format_name":"mpegts"}}"#,
    );
    let indices: Vec<u32> = media.streams.iter().map(|s| s.index).collect();
    assert_eq!(indices, [0, 1, 2]);
    assert_eq!(media.programs, 1);
}

#[test]
fn pictures_are_told_from_video_with_and_without_their_flag() {
    let kind = |fields: &str| {
        let media = parsed(&format!(r#"{{"streams":[{{"index":0,"codec_type":"video",{fields}}}]}}"#));
        media.streams[0].kind
    };
    assert_eq!(kind(r#""codec_name":"mjpeg","disposition":{"attached_pic":1}"#), StreamKind::Picture);
    assert_eq!(kind(r#""codec_name":"png","avg_frame_rate":"0/0""#), StreamKind::Picture);
    assert_eq!(kind(r#""codec_name":"png","avg_frame_rate":"25/1","nb_frames":"1""#), StreamKind::Picture);
    assert_eq!(kind(r#""codec_name":"mjpeg","avg_frame_rate":"25/1","nb_frames":"250""#), StreamKind::Video);
    assert_eq!(kind(r#""codec_name":"h264","avg_frame_rate":"0/0""#), StreamKind::Video);
}

#[test]
fn rotation_is_clockwise_whoever_says_it() {
    assert_eq!(
        video(r#""side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]"#).rotation,
        90
    );
    assert_eq!(
        video(r#""side_data_list":[{"side_data_type":"Display Matrix","rotation":90}]"#).rotation,
        270
    );
    assert_eq!(
        video(r#""side_data_list":[{"side_data_type":"Display Matrix","rotation":-180}]"#).rotation,
        180
    );
    assert_eq!(video(r#""tags":{"rotate":"90"}"#).rotation, 90);
    let matrix = |rows: [&str; 2]| {
        let text = format!("\\n00000000: {}\\n00000001: {}\\n00000002: 0 0 1073741824\\n", rows[0], rows[1]);
        video(&format!(
            r#""side_data_list":[{{"side_data_type":"Display Matrix","displaymatrix":"{text}","rotation":0}}]"#
        ))
        .warped
    };
    assert!(!matrix(["65536 0 0", "0 65536 0"]));
    assert!(!matrix(["0 -65536 0", "65536 0 0"]));
    assert!(!matrix(["-65536 0 0", "0 -65536 0"]));
    assert!(matrix(["65536 0 0", "0 -65536 0"]), "upside down in a mirror");
    assert!(matrix(["-65536 0 0", "0 65536 0"]));
    assert!(matrix(["0 -65536 0", "-65536 0 0"]));
    assert!(matrix(["46340 -46340 0", "46340 46340 0"]), "by 45 degrees");
    assert_eq!(video(r#""width":1"#).rotation, 0);
}

#[test]
fn tags_of_every_spelling_are_read() {
    let media = parsed(
        r#"{"format":{"tags":{"TITLE":"A","Location-eng":"\ufffd"}},"streams":[
            {"index":0,"codec_type":"audio","tags":{"LANGUAGE":"GER","DURATION-eng":"00:01:02.500000000","NUMBER_OF_FRAMES-eng":"30","BPS":"640000","handler_name":"SoundHandler"}},
            {"index":1,"codec_type":"audio","tags":{"language":"und","handler_name":"Director's commentary"}}]}"#,
    );
    assert_eq!(media.tags.get("title").map(String::as_str), Some("A"));
    let [first, second] = &media.streams[..] else { panic!("two streams") };
    assert_eq!(first.language.as_deref(), Some("ger"));
    assert_eq!(first.title, None, "a handler named by a tool is no title");
    assert_eq!((first.duration, first.frames, first.bit_rate), (Some(62.5), Some(30), Some(640_000)));
    assert_eq!((second.language.as_deref(), second.title.as_deref()), (None, Some("Director's commentary")));
}

#[test]
fn bytes_that_are_no_text_do_not_hide_the_rest() {
    let mut json = br#"{"streams":[{"index":0,"codec_type":"audio","tags":{"title":"a"#.to_vec();
    json.extend([0xFF, 0xFE]);
    json.extend(br#"b"}}]}"#);
    assert_eq!(parse(&json).expect("read all the same").streams.len(), 1);
    assert!(parse(b"not json").is_err());
    assert!(parse(b"{}").expect("an empty answer is an answer").streams.is_empty());
    assert!(parse(b"[]").expect("so is a foreign one").streams.is_empty());
}

#[test]
fn frames_say_what_the_header_does_not() {
    let media = parsed(
        r#"{"streams":[{"index":0,"codec_type":"data"},{"index":1,"codec_type":"video","codec_name":"hevc","pix_fmt":"yuv420p10le","color_transfer":"bt709","color_primaries":"bt709"}],
            "frames":[{"stream_index":1,"color_transfer":"smpte2084","color_primaries":"bt2020","color_space":"bt2020nc","side_data_list":[
              {"side_data_type":"Mastering display metadata","red_x":"34000/50000","red_y":"16000/50000","green_x":"13250/50000","green_y":"34500/50000","blue_x":"7500/50000","blue_y":"3000/50000","white_point_x":"15635/50000","white_point_y":"16450/50000","min_luminance":"1/10000","max_luminance":"10000000/10000"},
              {"side_data_type":"Content light level metadata","max_content":1000,"max_average":400},
              {"side_data_type":"HDR Dynamic Metadata SMPTE2094-40 (HDR10+)"},
              {"side_data_type":"ATSC A53 Part 4 Closed Captions"}]},
              {"stream_index":1,"side_data_list":[{"side_data_type":"Dolby Vision RPU Data"}]}]}"#,
    );
    let video = media.streams[1].video.as_ref().expect("a video");
    assert_eq!(video.hdr(), Hdr::Pq);
    assert_eq!(video.color_primaries.as_deref(), Some("bt2020"));
    assert_eq!(video.mastering.as_ref().map(|m| m.red), Some(((34_000, 50_000), (16_000, 50_000))));
    assert_eq!(video.content_light, Some((1000, 400)));
    assert!(video.hdr10_plus && video.closed_captions);
    assert_eq!(
        video.dolby_vision,
        Some(DolbyVision { profile: 8, compatibility: 1, enhancement_layer: false })
    );
}

#[test]
fn pixel_formats_tell_their_depth() {
    for (name, depth) in [
        ("yuv420p", 8),
        ("yuv420p10le", 10),
        ("yuv422p12be", 12),
        ("p010le", 10),
        ("gbrp14le", 14),
        ("gray10le", 10),
        ("gray", 8),
        ("rgb24", 8),
        ("rgb48le", 16),
        ("yuva444p12le", 12),
        ("yuvj420p", 8),
        ("nv12", 8),
        ("yuv410p", 8),
        ("", 8),
    ] {
        assert_eq!(bit_depth(name), depth, "{name}");
    }
}

#[test]
fn clocks_are_seconds() {
    assert_eq!(clock("01:00:01.500000000"), Some(3601.5));
    assert_eq!(clock("1.5"), None);
    assert_eq!(clock("x:y:z"), None);
}

#[test]
fn ends_are_counted_from_the_files_start_in_packets_of_any_order() {
    let mut ends = Ends::default();
    for line in [
        "packet|stream_index=0|pts_time=1.500000|dts_time=1.400000|duration_time=0.040000",
        "packet|stream_index=0|pts_time=1.460000|dts_time=1.440000|duration_time=0.040000",
        "packet|stream_index=1|pts_time=N/A|dts_time=1.420000|duration_time=N/A",
        "packet|stream_index=1|pts_time=1.410000|dts_time=1.410000|duration_time=0.1|side_data|skip=1",
        "packet|stream_index=|pts_time=9",
        "packet|stream_index=2|pts_time=1.420000|dts_time=1.420000|duration_time=4294967.295000",
        "garbage",
        "",
        "format|start_time=1.400000",
    ] {
        ends.line(line);
    }
    let seen: Vec<(u32, String)> = ends
        .relative()
        .iter()
        .map(|(n, m)| (*n, format!("{:.3} to {:.3}, {} packets", m.first, m.end, m.packets)))
        .collect();
    let expected = [
        (0, "0.060 to 0.140, 2 packets"),
        (1, "0.010 to 0.110, 2 packets"),
        (2, "0.020 to 0.020, 1 packets"),
    ];
    assert_eq!(seen, expected.map(|(n, text)| (n, text.to_owned())));
    assert!(Ends::default().relative().is_empty());
}

#[test]
fn a_stream_that_begins_between_two_key_frames_is_seen() {
    let mut ends = Ends::default();
    for line in [
        "packet|stream_index=0|pts_time=0.000000|dts_time=0.000000|duration_time=0.04|size=90|flags=__",
        "packet|stream_index=0|pts_time=0.040000|dts_time=0.040000|duration_time=0.04|size=90|flags=__",
        "packet|stream_index=0|pts_time=0.080000|dts_time=0.080000|duration_time=0.04|size=90|flags=K_",
        "packet|stream_index=0|pts_time=0.120000|dts_time=0.120000|duration_time=0.04|size=2|flags=__",
        "packet|stream_index=1|pts_time=-0.021000|dts_time=-0.021000|duration_time=0.02|size=9|flags=KD|side_data|",
        "packet|stream_index=1|pts_time=0.000000|dts_time=0.000000|duration_time=0.02|size=9|flags=K_",
        "format|start_time=0.000000",
    ] {
        ends.line(line);
    }
    let seen = ends.relative();
    let (video, audio) = (seen[&0], seen[&1]);
    assert_eq!(
        (video.first, video.key, video.before_key, video.packets, video.blank),
        (0.0, Some(0.08), 2, 4, 1)
    );
    assert_eq!(
        (audio.first, audio.before_key, audio.packets),
        (0.0, 0, 2),
        "the encoder's run-up is not heard"
    );
}

#[test]
fn idet_is_believed_from_a_third_of_the_frames_on() {
    let log = "[Parsed_idet_0 @ 0x1] Multi frame detection: TFF:    70 BFF:     1 Progressive:   120 Undetermined:     9";
    let seen = idet(log).expect("counts");
    assert_eq!(seen, Idet { interlaced: 71, progressive: 120 });
    assert!(seen.interlaced());
    assert!(!Idet { interlaced: 30, progressive: 160 }.interlaced());
    assert!(!Idet { interlaced: 4, progressive: 0 }.interlaced(), "a handful of frames proves nothing");
    assert_eq!(idet("no counts here"), None);
}

#[test]
fn the_line_that_tells_most_is_kept() {
    let stderr = "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5628] moov atom not found\nfile:/a/b.mp4: Invalid data found when processing input\n";
    assert_eq!(
        telling_line(stderr, Path::new("/a/b.mp4")).as_deref(),
        Some("moov atom not found; Invalid data found when processing input")
    );
    assert_eq!(telling_line("\n", Path::new("a")), None);
    let stderr = "file:/a: Permission denied";
    assert_eq!(telling_line(stderr, Path::new("/a")).as_deref(), Some("Permission denied"));
}

#[test]
fn what_hevc_leaves_open_is_the_containers_to_say() {
    let stream = |codec: &str, colors: &str| {
        format!(
            r#"{{"streams":[{{"index":0,"codec_type":"video","codec_name":"{codec}","width":64,"height":64{colors}}}],"format":{{}}}}"#
        )
    };
    let container = stream(
        "hevc",
        r#","color_transfer":"smpte2084","color_primaries":"bt2020","color_space":"bt2020nc""#,
    );
    let merged = |codec: &str, own: &str| {
        let mut media = parse(stream(codec, own).as_bytes()).expect("JSON");
        super::parse::colors_of_container(&mut media, container.as_bytes());
        let video = media.streams[0].video.clone().expect("a video");
        (
            video.color_transfer.unwrap_or_default(),
            video.color_space.unwrap_or_default(),
            video.tagged_by_container,
        )
    };
    let (pq, matrix) = ("smpte2084".to_owned(), "bt2020nc".to_owned());
    assert_eq!(merged("hevc", ""), (pq.clone(), matrix.clone(), true));
    // The stream's own word goes first, and other decoders hand on what the container said.
    assert_eq!(merged("hevc", r#","color_transfer":"bt709""#), ("bt709".to_owned(), matrix, true));
    let own = r#","color_transfer":"bt709","color_primaries":"bt709","color_space":"bt709""#;
    assert_eq!(merged("hevc", own), ("bt709".to_owned(), "bt709".to_owned(), false));
    assert_eq!(merged("h264", ""), (String::new(), String::new(), false));
}
