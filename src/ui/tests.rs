//! What people and programs see of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};

use super::bars::Bars;
use super::ndjson::Line;
use super::paint::Paint;
use super::view::{View, bar};
use super::words::{Speaker, Stream};
use super::{Verbosity, summary, text};
use crate::model::event::{Event, Level, Progress, Sink, Stage, Standing, Summary};
use crate::model::media::{Disposition, StreamKind};
use crate::model::outcome::{Converted, FailCode, Failed, Outcome};
use crate::model::plan::{Action, AudioEncode, Lost, Plan, Skip, SkipCode, StreamPlan};
use crate::model::policy::Container;

fn path(name: &str) -> PathBuf {
    PathBuf::from("/nas/media").join(name)
}

fn plan() -> Plan {
    let stream = |source, language: Option<&str>, action| StreamPlan {
        source,
        action,
        language: language.map(str::to_owned),
        title: None,
        disposition: Disposition::default(),
    };
    let copy = Action::Copy { kind: StreamKind::Video, codec: "h264".into(), tag: None };
    let audio = AudioEncode {
        encoder: "aac".into(),
        codec: "aac".into(),
        channels: 6,
        layout: Some("5.1".into()),
        bitrate: 576,
        sample_rate: None,
        dialogue_downmix: false,
    };
    Plan {
        profile: "universal".into(),
        container: Container::Mp4,
        extension: "mp4".into(),
        stem: None,
        streams: vec![stream(0, None, copy), stream(1, Some("ger"), Action::Audio(audio))],
        lost: vec![Lost { source: Some(2), what: "attachment font.ttf".into(), why: "MP4 has none".into() }],
        sidecars: vec![],
        chapters: true,
        why: vec!["matroska does not play everywhere".into()],
        generate_timestamps: false,
        max_output_percent: None,
    }
}

/// One of each event, in an order that could be.
fn a_run() -> Vec<Event> {
    let converted = Converted {
        output: "Alien (1979).mp4".into(),
        bytes_before: 8_589_934_592,
        bytes_after: 4_294_967_296,
        encode_seconds: 600.0,
        verify_seconds: 60.0,
        total_seconds: 671.0,
        encoder: Some("libx264".into()),
        lost: vec!["attachment font.ttf".into()],
        ..Converted::default()
    };
    let failed = Failed {
        code: FailCode::Truncated,
        words: "it ends after 33.0 s of 60.0 s".into(),
        hint: Some("Get it again.".into()),
        stderr: Some("[matroska] File ended prematurely".into()),
        retry: false,
    };
    let progress = Progress {
        fraction: Some(0.455),
        fps: Some(123.4),
        speed: Some(5.12),
        bytes: 1_000_000,
        eta: Some(151.0),
    };
    let skip = |code, words: &str| Skip { code, words: words.into() };
    let ended = Summary {
        converted: 1,
        skipped: [(SkipCode::Fits, 330), (SkipCode::Claimed, 1)].into(),
        failed: [(FailCode::Truncated, 1)].into(),
        planned: 0,
        bytes_before: 8_589_934_592,
        bytes_after: 4_294_967_296,
        seconds: 3751.4,
        interrupted: false,
        withdrawn: None,
        recovered: 1,
    };
    vec![
        Event::RunStarted { dirs: vec![path("")], profile: "universal".into(), jobs: 2, dry_run: false },
        Event::Walked { files: 12, bytes: 99_000_000_000, done: false },
        Event::Skipped {
            path: path("Serien/A.mp4"),
            skip: skip(SkipCode::Fits, "it already is H.264 and AAC in MP4"),
        },
        Event::Skipped {
            path: path("Filme/Brazil.mkv"),
            skip: skip(SkipCode::Claimed, "a worker on nas2 (pid 7), for 3 min 2 s"),
        },
        Event::Note {
            level: Level::Warn,
            path: Some(path("Filme")),
            text: "a dead worker's swap was finished".into(),
        },
        Event::Planned { path: path("Filme/Alien (1979).mkv"), plan: Box::new(plan()) },
        Event::JobStarted { job: 1, path: path("Filme/Alien (1979).mkv"), bytes: 8_589_934_592 },
        Event::JobStarted { job: 2, path: path("Filme/Cut.mkv"), bytes: 1_073_741_824 },
        Event::JobStage { job: 1, stage: Stage::Encoding },
        Event::JobProgress { job: 1, progress },
        Event::Walked { files: 333, bytes: 999_000_000_000, done: true },
        Event::Standing { standing: Standing::Paused, why: Some("this machine runs on battery".into()) },
        Event::Standing { standing: Standing::Working, why: None },
        Event::Jobs { jobs: 2, why: "trying whether one more gets more done".into() },
        Event::JobEnded { job: 2, path: path("Filme/Cut.mkv"), outcome: Box::new(Outcome::Failed(failed)) },
        Event::JobEnded {
            job: 1,
            path: path("Filme/Alien (1979).mkv"),
            outcome: Box::new(Outcome::Converted(converted)),
        },
        Event::RunEnded { summary: Box::new(ended) },
    ]
}

#[test]
fn the_events_are_printed_as_the_golden_file_has_them() {
    let mut printed: String = a_run().iter().map(|event| Line::of(event, 1_763_671_445.25).write()).collect();
    let error = crate::model::error::Error::new(crate::model::error::Kind::Library, "open the folder")
        .at("/nas/media")
        .because("No such file or directory (os error 2)")
        .hint("Check that the share is mounted.");
    printed.push_str(&Line::error(&error, 1_763_671_446.0).write());
    // A new version of the program is no new form of its events.
    let printed =
        printed.replace(&format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION")), "\"version\":\"0.0.0\"");
    // The golden file has this program's names as Unix spells them.
    let printed = printed.replace(r"\\", if std::path::MAIN_SEPARATOR == '\\' { "/" } else { r"\\" });
    golden("src/ui/golden/events.ndjson", &printed);
}

#[test]
fn printed_events_are_read_back_also_with_fields_of_a_later_version() {
    for event in a_run() {
        let line = Line::of(&event, 1.5);
        assert_eq!(serde_json::from_str::<Line>(&line.write()).unwrap(), line);
        let mut later: serde_json::Value = serde_json::from_str(&line.write()).unwrap();
        later.as_object_mut().unwrap().insert("mood".into(), "fine".into());
        assert_eq!(serde_json::from_value::<Line>(later).unwrap(), line);
    }
}

/// Compares with a file of the repository; `BLESS=1` writes it anew.
fn golden(name: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(text, golden, "{name} differs; where that is meant, BLESS=1 writes it anew");
}

/// What is said about the whole run, without the summary.
fn said(verbosity: Verbosity) -> String {
    let mut speaker = Speaker::new(verbosity, Paint::PLAIN);
    let mut all = String::new();
    for event in a_run() {
        if let Some(said) = speaker.say(&event) {
            assert_eq!(said.stream, Stream::Err);
            all.push_str(&said.text);
            all.push('\n');
        }
    }
    all
}

#[test]
fn a_run_in_words() {
    assert_eq!(
        said(Verbosity::Normal),
        "\
run         starting: profile universal, up to 2 files at once
skip        Filme/Brazil.mkv: a worker on nas2 (pid 7), for 3 min 2 s
warning     Filme: a dead worker's swap was finished
paused      this machine runs on battery; the running files stand still
working     on again
failed      Filme/Cut.mkv: cut short: it ends after 33.0 s of 60.0 s
            hint: Get it again.
converted   Filme/Alien (1979).mkv → .mp4  8.0 GiB → 4.0 GiB (50 % smaller)  in 11:11  by libx264
            without attachment font.ttf
"
    );
    assert_eq!(
        said(Verbosity::Quiet),
        "\
warning     Filme: a dead worker's swap was finished
failed      Filme/Cut.mkv: cut short: it ends after 33.0 s of 60.0 s
            hint: Get it again.
"
    );
    let verbose = said(Verbosity::Verbose);
    for line in [
        "skip        Serien/A.mp4: it already is H.264 and AAC in MP4",
        "plan        Filme/Alien (1979).mkv → Alien (1979).mp4",
        "            why: matroska does not play everywhere",
        "            stream 0: h264, copied",
        "            stream 1 (ger): audio → aac by aac, 5.1, 576 kbit/s",
        "            stream 2: NOT carried over: attachment font.ttf (MP4 has none)",
        "            | [matroska] File ended prematurely",
    ] {
        assert!(verbose.lines().any(|l| l == line), "{line} is missing in:\n{verbose}");
    }
}

#[test]
fn a_dry_runs_plans_are_data() {
    let mut speaker = Speaker::new(Verbosity::Normal, Paint::PLAIN);
    speaker.say(&Event::RunStarted {
        dirs: vec![path("")],
        profile: "universal".into(),
        jobs: 1,
        dry_run: true,
    });
    let fits = Skip { code: SkipCode::Fits, words: "it fits".into() };
    for (event, text) in [
        (Event::Planned { path: path("a.mkv"), plan: Box::new(plan()) }, "convert     a.mkv → a.mp4\n"),
        (Event::Skipped { path: path("b.mp4"), skip: fits }, "skip        b.mp4: it fits"),
    ] {
        let said = speaker.say(&event).unwrap();
        assert_eq!(said.stream, Stream::Out);
        assert!(said.text.starts_with(text), "{}", said.text);
    }
}

#[test]
fn work_that_was_in_vain_is_told_and_a_file_that_fits_is_not() {
    let mut speaker = Speaker::new(Verbosity::Normal, Paint::PLAIN);
    let (dirs, profile) = (vec![path("")], "compact".into());
    speaker.say(&Event::RunStarted { dirs, profile, jobs: 1, dry_run: false });
    let unlike = || Skip { code: SkipCode::WouldLose, words: "too unlike".into() };
    assert_eq!(speaker.say(&Event::Skipped { path: path("a.mkv"), skip: unlike() }), None);
    speaker.say(&Event::JobStarted { job: 1, path: path("a.mkv"), bytes: 7 });
    let told = speaker.say(&Event::Skipped { path: path("a.mkv"), skip: unlike() }).unwrap();
    assert_eq!((told.stream, told.text.as_str()), (Stream::Err, "skip        a.mkv: too unlike"));
    assert_eq!(speaker.say(&Event::Skipped { path: path("a.mkv"), skip: unlike() }), None);
}

#[test]
fn the_summary_names_each_reason() {
    let Some(Event::RunEnded { summary: ended }) = a_run().pop() else { panic!("the run ends") };
    assert_eq!(
        summary::lines(&ended, false, Paint::PLAIN),
        [
            "converted     1 file  8.0 GiB → 4.0 GiB (50 % smaller)",
            "left alone    331 files",
            "         330  already as wanted",
            "           1  another worker has it",
            "failed        1 file, untouched",
            "           1  cut short",
            "recovered     1 half-done swap of dead workers",
            "took          1:02:31",
        ]
    );
    let nothing = Summary { skipped: [(SkipCode::Fits, 24)].into(), seconds: 0.4, ..Summary::default() };
    assert_eq!(
        summary::lines(&nothing, false, Paint::PLAIN),
        ["nothing to do", "left alone    24 files", "          24  already as wanted", "took          0.4 s"]
    );
    let stopped = Summary { interrupted: true, ..Summary::default() };
    assert!(summary::lines(&stopped, false, Paint::PLAIN).last().unwrap().contains("stopped"));
    let dry = Summary { planned: 3, ..Summary::default() };
    assert_eq!(summary::lines(&dry, true, Paint::PLAIN)[0], "to convert    3 files");
}

#[test]
fn a_name_cannot_move_the_cursor_or_pretend_to_be_another() {
    assert_eq!(text::clean("a\x1b[31mb\nc\td\u{7f}"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}");
    assert_eq!(text::clean("cod\u{202e}4pm.exe"), "cod\u{fffd}4pm.exe");
    assert_eq!(text::clean("Größe 日本語 é"), "Größe 日本語 é");
}

#[test]
fn a_long_name_loses_its_middle() {
    let name = "The Expanse S01E01 Dulcinea 2160p.mkv";
    assert_eq!(text::shorten(name, 40), name);
    assert_eq!(text::shorten(name, 20), "The Expa…a 2160p.mkv");
    for columns in 0..40 {
        assert!(text::width(&text::shorten(name, columns)) <= columns);
        assert!(text::width(&text::shorten("日本語日本語日本語日本語.mkv", columns)) <= columns);
    }
}

#[test]
fn sizes_and_times_are_short() {
    for (count, wanted) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_575, "1.0 MiB"),
        (5_368_709_120, "5.0 GiB"),
        (u64::MAX, "16.0 EiB"),
    ] {
        assert_eq!(text::bytes(count), wanted);
    }
    for (seconds, wanted) in [
        (0.0, "0:00"),
        (59.6, "1:00"),
        (751.0, "12:31"),
        (3751.4, "1:02:31"),
        (273_000.0, "3d 03:50"),
        (f64::NAN, "–"),
    ] {
        assert_eq!(text::time(seconds), wanted);
    }
    assert_eq!(
        (text::took(0.04), text::took(9.94), text::took(9.96)),
        ("0.0 s".into(), "9.9 s".into(), "0:10".into())
    );
    assert_eq!(text::change(0, 5), "0 B → 5 B");
    assert_eq!(text::change(100, 150), "100 B → 150 B (50 % larger)");
}

#[test]
fn every_line_fits_every_width() {
    let now = Instant::now();
    let mut view = View::new(now);
    for event in a_run().iter().take(11) {
        view.take(event, now);
        let later = now + Duration::from_secs(90);
        for columns in 30..180 {
            for paint in [Paint::PLAIN, Paint { on: true }] {
                let overall = view.overall_line(columns, paint, later);
                assert!(console::measure_text_width(&overall) <= columns, "{columns}: {overall}");
                for id in [1, 2, 3] {
                    let line = view.job_line(id, columns, paint, later);
                    assert!(console::measure_text_width(&line) <= columns, "{columns}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_bar_has_its_width_at_every_point() {
    for step in 0..=100u32 {
        let filled = bar(Some(f64::from(step) / 100.0), 17, Paint::PLAIN, Duration::ZERO);
        assert_eq!(text::width(&filled), 17, "{filled}");
        let wandering = bar(None, 17, Paint::PLAIN, Duration::from_millis(u64::from(step) * 90));
        assert_eq!(text::width(&wandering), 17, "{wandering}");
    }
    assert_eq!(bar(Some(0.0), 4, Paint::PLAIN, Duration::ZERO), "────");
    assert_eq!(bar(Some(0.4), 4, Paint::PLAIN, Duration::ZERO), "━╸──");
    assert_eq!(bar(Some(1.0), 4, Paint::PLAIN, Duration::ZERO), "━━━━");
}

/// Bars on a terminal in memory.
fn bars(columns: u16) -> (Bars, InMemoryTerm) {
    let terminal = InMemoryTerm::new(24, columns);
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()) as Box<dyn TermLike>);
    let width = usize::from(columns) - 1;
    (Bars::on(target, Arc::new(move || width), Verbosity::Normal, Paint::PLAIN), terminal)
}

/// The bars tick by themselves; what is to be seen is there before long.
fn seen(terminal: &InMemoryTerm, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let contents = terminal.contents();
        if wanted(&contents) {
            return contents;
        }
        assert!(Instant::now() < deadline, "not seen in:\n{contents}");
        std::thread::yield_now();
    }
}

#[test]
fn the_terminal_shows_running_jobs_at_the_bottom_and_nothing_of_them_at_the_end() {
    let (bars, terminal) = bars(100);
    let events = a_run();
    for event in &events[..11] {
        bars.emit(event);
    }
    let contents =
        seen(&terminal, |c| c.contains("2/333 files") && c.contains("fps") && c.contains("Cut.mkv"));
    let lines: Vec<&str> = contents.lines().collect();
    let [.., alien, cut, overall] = lines.as_slice() else { panic!("{contents}") };
    assert!(
        alien.starts_with("encoding     46 % ━━━━╸─────  123 fps   5.1x    -2:31  Filme/Alien (1979).mkv"),
        "{alien}"
    );
    assert!(cut.starts_with("looking"), "{cut}");
    assert!(
        overall.starts_with("2/333 files  ") && overall.contains("0 converted, 2 left alone"),
        "{overall}"
    );
    assert!(contents.starts_with("run         starting"), "{contents}");
    for event in &events[11..] {
        bars.emit(event);
    }
    let contents = seen(&terminal, |c| !c.contains("━"));
    assert!(contents.ends_with("took          1:02:31"), "{contents}");
    assert!(!contents.contains("fps"), "{contents}");
}

#[test]
fn a_job_that_ends_as_a_skip_leaves_no_bar() {
    let (bars, terminal) = bars(100);
    for event in &a_run()[..10] {
        bars.emit(event);
    }
    seen(&terminal, |c| c.contains("encoding"));
    let skip = Skip { code: SkipCode::NotSmaller, words: "the result was larger".into() };
    bars.emit(&Event::Skipped { path: path("Filme/Alien (1979).mkv"), skip });
    let line = "skip        Filme/Alien (1979).mkv: the result was larger";
    seen(&terminal, |c| c.matches("Alien").count() == 1 && c.contains(line) && c.contains("looking"));
}
