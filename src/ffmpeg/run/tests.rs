use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{End, Limits, Order, Pulse, Report, command_line, run};
use crate::ffmpeg::play;
use crate::ffmpeg::progress::Severity;
use crate::ffmpeg::tools::{Tools, find};
use crate::model::event::Progress;

const LIMITS: Limits = Limits { stall: Duration::from_secs(60), background: true };

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// An encode of `seconds` of picture and sound into `output`.
fn encode(seconds: f64, output: &Path) -> Vec<OsString> {
    let mut args = words(&format!(
        "-v warning -nostdin -nostats -progress pipe:1 -y -f lavfi -i testsrc2=s=160x90:r=25:d={seconds} -c:v libx264 -preset ultrafast -f matroska"
    ));
    args.push(output.into());
    args
}

fn fake(folder: &Path, script: &str) -> Tools {
    let (ffmpeg, ffprobe) = play::install(folder, script);
    find(Some(&ffmpeg), Some(&ffprobe)).unwrap()
}

fn go(tools: &Tools, args: &[OsString], stall: Duration) -> Report {
    run(tools, args, Some(1.0), Limits { stall, ..LIMITS }, &mut |_| Order::Continue).unwrap()
}

#[test]
fn a_run_reports_its_progress_and_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let tools = find(None, None).unwrap();
    let report = go(&tools, &encode(1.0, &dir.path().join("a.part")), LIMITS.stall);
    assert_eq!((report.end, report.frames), (End::Exited(Some(0)), 25));
    assert!((report.out_time - 1.0).abs() < 0.1, "{report:?}");
    assert!(report.progress.fraction.is_some_and(|f| f > 0.9) && report.progress.bytes > 0, "{report:?}");
    assert!(report.lines.is_empty(), "{report:?}");
    assert!(report.command.contains("-progress pipe:1"));
}

#[test]
fn what_ffmpeg_says_about_a_cut_file_is_kept_by_its_meaning() {
    let dir = tempfile::tempdir().unwrap();
    let tools = find(None, None).unwrap();
    let whole = dir.path().join("whole.mkv");
    go(&tools, &encode(1.0, &whole), LIMITS.stall);
    let bytes = std::fs::read(&whole).unwrap();
    let cut = dir.path().join("cut.mkv");
    std::fs::write(&cut, &bytes[..bytes.len() * 55 / 100]).unwrap();
    let mut args = words("-v warning -nostdin -nostats -progress pipe:1 -y -i");
    args.push(cut.into());
    args.extend(words("-f null -"));
    let report = go(&tools, &args, LIMITS.stall);
    assert_eq!(report.end, End::Exited(Some(0)), "the exit code says nothing");
    let line = &report.lines[&Severity::Truncated][0];
    assert!(line.starts_with("matroska,webm: File ended prematurely"), "{line}");
    assert!(report.stderr_tail.contains("File ended prematurely"));
}

#[test]
fn a_program_that_hangs_is_stalled_and_leaves_no_child() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "hang");
    let began = Instant::now();
    let report = go(&tools, &encode(1.0, &dir.path().join("a.part")), Duration::from_secs(1));
    assert_eq!((report.end, report.frames), (End::Stalled, 1));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn cpu_time_without_progress_is_life_but_not_for_ever() {
    let mut pulse = Pulse::new(Duration::from_secs(60));
    let gone =
        (1..1000).find(|n| pulse.is_gone(Duration::from_secs(1), (0, 0, 0), Some(Duration::from_secs(*n))));
    assert_eq!(gone, Some(600));
    let mut pulse = Pulse::new(Duration::from_secs(60));
    assert!((1..1000).all(|n| !pulse.is_gone(Duration::from_secs(1), (n, 0, 0), None)));
}

#[test]
fn a_crash_is_an_end_by_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "crash");
    let report = go(&tools, &encode(1.0, &dir.path().join("a.part")), LIMITS.stall);
    assert!(matches!(report.end, End::Exited(code) if code != Some(0)), "{report:?}");
}

#[test]
fn the_caller_stops_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "hang");
    let mut asked = 0;
    let mut watch = |_: &Progress| {
        asked += 1;
        if asked < 3 { Order::Continue } else { Order::Stop }
    };
    let report = run(&tools, &encode(1.0, &dir.path().join("a.part")), None, LIMITS, &mut watch).unwrap();
    assert_eq!(report.end, End::Stopped);
    assert!(report.seconds < 5.0, "{}", report.seconds);
}

#[test]
fn a_paused_run_makes_no_progress_is_no_stall_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "slow=1");
    let mut held = None;
    let mut seen = Vec::new();
    let mut watch = |progress: &Progress| {
        let began = *held.get_or_insert_with(Instant::now);
        if began.elapsed() < Duration::from_secs(6) || seen.len() < 10 {
            seen.push(progress.bytes);
            return Order::Pause;
        }
        Order::Continue
    };
    // Longer than a start takes on a machine that does other things besides.
    let limits = Limits { stall: Duration::from_secs(4), ..LIMITS };
    let report =
        run(&tools, &encode(1.0, &dir.path().join("a.part")), Some(1.0), limits, &mut watch).unwrap();
    assert_eq!((report.end, report.frames), (End::Exited(Some(0)), 25));
    assert!(seen.windows(2).skip(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[test]
fn a_flood_of_lines_is_kept_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let tools = fake(dir.path(), "stderr-flood");
    let report = go(&tools, &encode(1.0, &dir.path().join("a.part")), LIMITS.stall);
    assert_eq!((report.end, report.frames), (End::Exited(Some(0)), 25));
    assert_eq!(report.lines[&Severity::Suspicious].len(), 20);
    assert_eq!(report.stderr_tail.lines().count(), 40);
    assert!(report.stderr_tail.contains("line 99999 "));
}

#[test]
fn a_missing_program_is_an_error_of_the_start() {
    let mut tools = find(None, None).unwrap();
    tools.ffmpeg = "/nowhere/ffmpeg".into();
    assert!(run(&tools, &[], None, LIMITS, &mut |_| Order::Continue).is_err());
}

#[test]
fn the_sleep_of_a_machine_is_no_stall() {
    let mut pulse = Pulse::new(Duration::from_secs(60));
    assert!(!pulse.is_gone(Duration::from_secs(8 * 3600), (0, 0, 0), None));
    let gone = (0..70).position(|_| pulse.is_gone(Duration::from_secs(1), (0, 0, 0), None));
    assert_eq!(gone, Some(58));
}

#[test]
fn a_timers_ticks_are_no_life() {
    let mut pulse = Pulse::new(Duration::from_secs(60));
    let ticks = |n: u64| Some(Duration::from_micros(n * 100));
    let gone = (1..100).find(|n| pulse.is_gone(Duration::from_secs(1), (0, 0, 0), ticks(*n)));
    assert_eq!(gone, Some(60));
}

#[test]
fn a_command_is_shown_as_a_shell_takes_it() {
    let args = ["-i", "it's a film.mkv", "", "out.part"].map(OsString::from);
    assert_eq!(
        command_line(Path::new("/usr/bin/ffmpeg"), &args),
        r"/usr/bin/ffmpeg -i 'it'\''s a film.mkv' '' out.part"
    );
}
