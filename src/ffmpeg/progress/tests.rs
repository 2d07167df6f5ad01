use proptest::prelude::*;

use super::{Listener, Meter, Severity, classify, clean, is_session_limit, telling};

/// Lines as ffmpeg 5.1 printed them over files of ours that were cut, overwritten with noise, empty or something else; and of newer versions.
const LINES: &[(Severity, &str)] = &[
    // Cut at 55 %.
    (Severity::Truncated, "[matroska,webm @ 0x5615fc1fa900] File ended prematurely"),
    (Severity::Truncated, "[matroska,webm @ 0x5615fc1fa900] File ended prematurely at pos. 34100 (0x8534)"),
    (Severity::Truncated, "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x56394776a900] moov atom not found"),
    (Severity::Truncated, "[mp3 @ 0x556b42370900] filesize and duration do not match (growing file?)"),
    (Severity::Truncated, "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5639] stream 0, offset 0x8a2: partial file"),
    (Severity::Damaged, "[avi @ 0x5592e4e4c900] Packet corrupt (stream = 0, dts = 25)."),
    (Severity::Damaged, "cut_a.avi: corrupt decoded frame in stream 0"),
    (Severity::Damaged, "[flv @ 0x56556d321900] Packet corrupt (stream = 1, dts = 975)."),
    (Severity::Damaged, "[aac @ 0x56556d361e80] Input buffer exhausted before END element found"),
    (Severity::Damaged, "[flac @ 0x5627ced444c0] invalid residual"),
    (Severity::Damaged, "[flac @ 0x5627ced444c0] decode_frame() failed"),
    (Severity::Damaged, "Error while decoding stream #0:0: Invalid data found when processing input"),
    // Noise in the middle, or flipped bits.
    (Severity::Damaged, "[h264 @ 0x556ad792eb40] error while decoding MB 9 8"),
    (Severity::Damaged, "[h264 @ 0x556ad792eb40] corrupted macroblock 9 8 (total_coeff=-1)"),
    (Severity::Damaged, "[mpeg4 @ 0x562bbcb1c8c0] Error at MB: 197"),
    (Severity::Damaged, "[mpeg2video @ 0x56043be89f40] ac-tex damaged at 17 4"),
    (Severity::Damaged, "[ac3 @ 0x55964d2ccb40] error decoding the audio block"),
    (Severity::Damaged, "[mp2 @ 0x56057a43dec0] Header missing"),
    (Severity::Damaged, "[wmv2 @ 0x557518654f40] ignoring overflow at 0 8"),
    (Severity::Damaged, "[flac @ 0x55ddaa320dc0] overread: 1"),
    (Severity::Damaged, "[flv @ 0x562bb5e2f900] Packet mismatch 303987745 725 31983"),
    (
        Severity::Damaged,
        "[matroska,webm @ 0x5638df08f900] Element at 0x7071 ending at 0x12a468 exceeds containing master element ending at 0xa8fa",
    ),
    (
        Severity::Damaged,
        "[matroska,webm @ 0x56051137f900] Length 6 indicated by an EBML number's first byte 0x07 at pos 30074 (0x757a) exceeds max length 4.",
    ),
    (Severity::Damaged, "[matroska,webm @ 0x55a2c120f900] Invalid track number 15875"),
    (Severity::Damaged, "Error while decoding stream #0:1: Operation not permitted"),
    (Severity::Damaged, "[vp9 @ 0x5560855ac900] Invalid frame marker"),
    (
        Severity::Damaged,
        "[vist#0:0/h264 @ 0x5590] [dec:h264 @ 0x5591] Error submitting packet to decoder: Invalid data found when processing input",
    ),
    (Severity::Damaged, "[vist#0:0/h264 @ 0x5590] [dec:h264 @ 0x5591] corrupt decoded frame"),
    // No media at all.
    (Severity::Damaged, "encrypted.mp4: Invalid data found when processing input"),
    (Severity::Damaged, "[matroska,webm @ 0x55804c462900] EBML header parsing failed"),
    (
        Severity::Harmless,
        "[avi @ 0x55ba] Format avi detected only with low score of 1, misdetection possible!",
    ),
    // Broadcast recordings.
    (Severity::Suspicious, "[mpegts @ 0x55919bf7e900] Packet corrupt (stream = 0, dts = 210890)."),
    (Severity::Suspicious, "gar_a.ts: corrupt input packet in stream 0"),
    (Severity::Suspicious, "[in#0/mpegts @ 0000000001141740] Packet corrupt (stream = 1, dts = 410160)."),
    (Severity::Suspicious, "[mpegts @ 0x55919bf7e900] PES packet size mismatch"),
    (Severity::Suspicious, "[h264 @ 0x5642] non-existing PPS 0 referenced"),
    (Severity::Suspicious, "[h264 @ 0x5642] no frame!"),
    (Severity::Suspicious, "[hevc @ 0x5591] Could not find ref with POC 4"),
    // Full disks; ffmpeg 5.1 exits 0 after the first two.
    (Severity::DiskFull, "Error writing trailer of small/x: No space left on device"),
    (Severity::DiskFull, "Error closing file small/x: No space left on device"),
    (Severity::DiskFull, "av_interleaved_write_frame(): Disk quota exceeded"),
    (Severity::DiskFull, "[out#0/mp4 @ 0x55] Error muxing a packet: No space left on device"),
    // A share that went away.
    (Severity::Io, "[in#0/matroska,webm @ 0x55] Error during demuxing: Input/output error"),
    (Severity::Io, "/mnt/nas/a.mkv: Stale file handle"),
    (Severity::Io, "av_interleaved_write_frame(): Input/output error"),
    // Encoders.
    (Severity::Encoder, "[h264_nvenc @ 0x55c050c048c0] Cannot load libcuda.so.1"),
    (Severity::Encoder, "[h264_nvenc @ 0x55c0] OpenEncodeSessionEx failed: out of memory (10): (no details)"),
    (
        Severity::Encoder,
        "[av1_nvenc @ 0x55c0] The minimum required Nvidia driver for nvenc is 570.0 or newer",
    ),
    (
        Severity::Encoder,
        "[AVHWDeviceContext @ 0x558fdf699940] No VA display found for device /dev/dri/renderD128.",
    ),
    (Severity::Encoder, "Device creation failed: -542398533."),
    (
        Severity::Encoder,
        "[hevc_qsv @ 0x55e22a295780] Error initializing an internal MFX session: unsupported (-3)",
    ),
    (Severity::Encoder, "[h264_v4l2m2m @ 0x55bc6e9cd780] Could not find a valid device"),
    // Talk.
    (Severity::Harmless, ""),
    (Severity::Harmless, "    Last message repeated 4 times"),
    (Severity::Harmless, "Guessed Channel Layout for Input Stream #0.1 : mono"),
    (
        Severity::Harmless,
        "[swscaler @ 0x55cf4ab7c640] [swscaler @ 0x55cf4ab89b80] deprecated pixel format used, make sure you did set range correctly",
    ),
    (
        Severity::Harmless,
        "[mp4 @ 0x5599] Non-monotonous DTS in output stream 0:1; previous: 1536, current: 512; changing to 1537. This may result in incorrect timestamps in the output file.",
    ),
    (
        Severity::Harmless,
        "[mp4 @ 0x5599] Starting second pass: moving the moov atom to the beginning of the file",
    ),
    (Severity::Harmless, "x265 [warning]: Source height < 720p; disabling lookahead-slices"),
    (Severity::Harmless, "Svt[info]: SVT [build]  :\tGCC 12.2.0\t 64 bit"),
    (
        Severity::Harmless,
        "[matroska,webm @ 0x55] Could not find codec parameters for stream 3 (Attachment: none): unknown codec",
    ),
    (
        Severity::Damaged,
        "[matroska,webm @ 0x5560855aa900] Could not find codec parameters for stream 0 (Video: vp9 (Profile 2), none, 320x240): unspecified pixel format",
    ),
    // What nobody has seen yet is kept, but condemns nothing.
    (Severity::Suspicious, "[wonder @ 0x1] a line that no version has printed so far"),
];

#[test]
fn each_line_means_what_it_was_seen_to_mean() {
    for (severity, line) in LINES {
        assert_eq!(classify(line), *severity, "{line}");
    }
}

fn listen(lines: &[&str]) -> Vec<Severity> {
    let mut listener = Listener::default();
    lines.iter().map(|line| listener.line(line)).collect()
}

#[test]
fn the_general_line_after_a_recordings_start_is_no_damage() {
    let general = "Error while decoding stream #0:0: Invalid data found when processing input";
    let heard = listen(&["[h264 @ 0x5642] no frame!", "    Last message repeated 1 times", general]);
    assert_eq!(heard, [Severity::Suspicious, Severity::Harmless, Severity::Suspicious]);
    assert_eq!(listen(&[general]), [Severity::Damaged]);
    // Another decoder's complaint in between is damage again.
    let heard = listen(&[
        "[h264 @ 0x5642] no frame!",
        "[aac @ 0x5642] TNS filter order 25 is greater than maximum 12.",
        general,
    ]);
    assert_eq!(heard[2], Severity::Damaged);
}

#[test]
fn a_read_that_fails_at_the_early_end_is_the_early_end() {
    let demuxing = "[in#0/matroska,webm @ 0x55] Error during demuxing: Input/output error";
    assert_eq!(listen(&["[matroska,webm @ 0x56] File ended prematurely", demuxing])[1], Severity::Truncated);
    assert_eq!(listen(&[demuxing]), [Severity::Io]);
}

#[test]
fn the_telling_line_comes_before_ffmpegs_general_ones() {
    let stderr = "[h264_nvenc @ 0x55c050c048c0] Cannot load libcuda.so.1\n\
        Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height\n";
    assert_eq!(telling(stderr).as_deref(), Some("h264_nvenc: Cannot load libcuda.so.1"));
    let stderr = "[AVHWDeviceContext @ 0x558fdf699940] No VA display found for device /dev/dri/renderD128.\n\
        Device creation failed: -22.\n\
        Failed to set value 'vaapi=va:/dev/dri/renderD128' for option 'init_hw_device': Invalid argument\n";
    assert_eq!(
        telling(stderr).as_deref(),
        Some("AVHWDeviceContext: No VA display found for device /dev/dri/renderD128.")
    );
    let stderr = "Device creation failed: -542398533.\nFailed to set value 'qsv=qsv' for option 'init_hw_device': Generic error in an external library\n";
    assert!(telling(stderr).is_some_and(|line| line.starts_with("Failed to set value 'qsv=qsv'")));
    assert_eq!(telling("Conversion failed!\n\n"), None);
    assert_eq!(telling("x265 [info]: HEVC encoder version 3.5\n"), None);
}

#[test]
fn addresses_are_cut_from_a_line() {
    assert_eq!(clean("[in#0/matroska,webm @ 0x55] File ended"), "matroska,webm: File ended");
    assert_eq!(clean("[h264 @ 0x55] no frame!"), "h264: no frame!");
    assert_eq!(clean("[swscaler @ 0x55] [swscaler @ 0x66] deprecated"), "swscaler: deprecated");
    assert_eq!(clean("[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] bad"), "h264: dec:h264: bad");
    assert_eq!(clean("[not closed"), "[not closed");
    assert_eq!(clean("a.mkv: [odd @ name] x"), "a.mkv: [odd @ name] x");
}

#[test]
fn out_of_sessions_is_told_from_a_failure() {
    assert!(is_session_limit(
        "[h264_nvenc @ 0x55] OpenEncodeSessionEx failed: out of memory (10): (no details)"
    ));
    assert!(!is_session_limit(
        "[h264_nvenc @ 0x55] OpenEncodeSessionEx failed: unsupported device (2): (no details)"
    ));
}

fn block(meter: &mut Meter, text: &str) -> Option<crate::model::event::Progress> {
    text.lines().filter_map(|line| meter.line(line)).last()
}

#[test]
fn a_block_of_a_video_encode_is_read() {
    let mut meter = Meter::new(Some(4.082));
    let text = "frame=50\nfps=25.10\nstream_0_0_q=-1.0\nbitrate= 203.9kbits/s\ntotal_size=52022\nout_time_us=2041000\n\
        out_time_ms=2041000\nout_time=00:00:02.041000\ndup_frames=1\ndrop_frames=2\nspeed=48.4x\nprogress=continue";
    let progress = block(&mut meter, text).unwrap();
    assert_eq!(progress.fraction, Some(0.5));
    assert_eq!(progress.fps, Some(25.1));
    assert_eq!(progress.speed, Some(48.4));
    assert_eq!(progress.bytes, 52022);
    assert!((progress.eta.unwrap() - 2.041 / 48.4).abs() < 1e-9);
    assert_eq!((meter.frames, meter.duplicated, meter.dropped, meter.ended), (50, 1, 2, false));
    block(&mut meter, "progress=end");
    assert!(meter.ended);
}

#[test]
fn what_is_not_available_is_none_and_keeps_what_was_known() {
    let mut meter = Meter::new(None);
    let text =
        "bitrate=N/A\ntotal_size=N/A\nout_time_us=1066\nout_time_ms=1066\nspeed=N/A\nprogress=continue";
    let progress = block(&mut meter, text).unwrap();
    assert_eq!((progress.fraction, progress.fps, progress.speed, progress.eta), (None, None, None, None));
    assert!((meter.out_time - 0.001_066).abs() < 1e-12);
    block(&mut meter, "out_time_us=N/A\nout_time_ms=N/A\nfps=0.00\nprogress=end");
    assert!((meter.out_time - 0.001_066).abs() < 1e-12);
}

#[test]
fn times_before_the_start_count_as_the_start_and_a_fraction_ends_at_one() {
    let mut meter = Meter::new(Some(1.0));
    assert_eq!(block(&mut meter, "out_time_us=-23220\nprogress=continue").unwrap().fraction, Some(0.0));
    assert_eq!(
        block(&mut meter, "out_time_us=9000000\nspeed=2x\nprogress=continue").unwrap().fraction,
        Some(1.0)
    );
    assert_eq!(meter.now().eta, Some(0.0));
}

proptest! {
    #[test]
    fn no_line_makes_the_readers_panic(line in "(?s).{0,80}", key in "[a-z_]{1,12}", value in ".{0,20}") {
        let mut meter = Meter::new(Some(1.0));
        meter.line(&line);
        meter.line(&format!("{key}={value}"));
        meter.line("progress=continue");
        let _ = (classify(&line), clean(&line), telling(&line));
    }
}
