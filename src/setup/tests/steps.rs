//! Steps, their endings and their way back; what is said of adapters and encoders.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::report::State;
use super::super::{
    Context, Ending, Fatal, NO_GPU, Source, Task, UNINSTALL, WORKER, Wishes, hardware, run, trial,
};
use super::Deaf;
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::sys::graphics::{Adapter, Vendor};

fn wishes(folder: &Path, source: Source) -> Wishes {
    Wishes {
        source,
        programs: folder.join("bin"),
        downloads: folder.join("downloads"),
        home: Some(folder.join("home")),
        ffmpeg: None,
        ffprobe: None,
        require_gpu: false,
        dry_run: false,
        force: true,
        keep_path: true,
        install: false,
        config: None,
    }
}

thread_local! { static TRACE: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) }; }

fn trace(word: &'static str) {
    TRACE.with_borrow_mut(|trace| trace.push(word));
}

#[expect(clippy::unnecessary_wraps, reason = "a step's signature")]
fn first(context: &mut Context) -> Result<Ending, Fatal> {
    context.can_undo("first", || {
        trace("undo first");
        Ok(())
    });
    context.at_the_end(|| trace("finish"));
    Ok(Ending::Changed("done".to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "a step's signature")]
fn second(context: &mut Context) -> Result<Ending, Fatal> {
    context.can_undo("second", || {
        trace("undo second");
        Ok(())
    });
    Ok(Ending::Warning("odd".to_owned(), "look at it".to_owned()))
}

fn fatal(_: &mut Context) -> Result<Ending, Fatal> {
    Err(Fatal { reason: "no".to_owned(), advice: None, exit_code: 3 })
}

#[expect(clippy::unnecessary_wraps, reason = "a step's signature")]
fn never(_: &mut Context) -> Result<Ending, Fatal> {
    trace("never");
    Ok(Ending::Fine(String::new()))
}

#[test]
fn after_a_fatal_step_the_earlier_ones_are_undone_in_reverse_order() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = [
        Task { name: "first", work: first },
        Task { name: "second", work: second },
        Task { name: "fatal", work: fatal },
        Task { name: "never", work: never },
    ];
    let report = run(&wishes(folder.path(), Source::Packages), &tasks, &Deaf);
    assert_eq!(TRACE.with_borrow(Clone::clone), ["undo second", "undo first"]);
    assert_eq!((report.exit_code, report.outcome), (3, "failed"));
    let states: Vec<_> = report.steps.iter().map(|step| (step.state, step.fatal)).collect();
    assert_eq!(
        states,
        [(State::Changed, false), (State::Failed, false), (State::Failed, true), (State::Skipped, false)]
    );
    assert_eq!(report.put_back, ["second", "first"]);
}

#[test]
fn a_warning_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = [Task { name: "first", work: first }, Task { name: "second", work: second }];
    let report = run(&wishes(folder.path(), Source::Packages), &tasks, &Deaf);
    assert_eq!(TRACE.with_borrow(Clone::clone), ["finish"]);
    assert_eq!((report.exit_code, report.outcome), (0, "ready"));
    assert!(
        report.text().contains("warning  second    odd\n                   → look at it\n"),
        "{}",
        report.text()
    );
    report.write(folder.path()).unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("setup_report.json")).unwrap()).unwrap();
    assert_eq!(json["steps"][1]["state"], "failed");
    assert!(folder.path().join("setup_report.txt").is_file());
}

/// A folder with programs of the right names and the wrong content.
fn false_cache(folder: &Path) -> PathBuf {
    let cache = folder.join("cache");
    std::fs::create_dir_all(&cache).unwrap();
    for name in ["ffmpeg", "ffprobe"] {
        std::fs::write(cache.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)), b"not a program")
            .unwrap();
    }
    cache
}

#[test]
fn a_program_that_does_not_run_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let old = bin.join(format!("ffmpeg{}", std::env::consts::EXE_SUFFIX));
    std::fs::write(&old, b"the old one").unwrap();
    let source = Source::Folder { folder: false_cache(folder.path()), sha256: None };
    let report = run(&wishes(folder.path(), source), &WORKER[1..], &Deaf);
    assert_ne!(report.exit_code, 0);
    assert_eq!(std::fs::read(&old).unwrap(), b"the old one");
    let names: Vec<_> = std::fs::read_dir(&bin).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn what_a_killed_set_up_moved_aside_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(bin.join(".media-converter-setup/unpacked")).unwrap();
    std::fs::write(bin.join("ffmpeg.before-setup"), b"the old one").unwrap();
    std::fs::write(bin.join("ffprobe.before-setup"), b"the old one").unwrap();
    std::fs::write(bin.join("ffprobe"), b"the new one").unwrap();
    std::fs::write(bin.join(".media-converter-setup/unpacked/x"), b"").unwrap();
    let source = Source::Folder { folder: false_cache(folder.path()), sha256: None };
    run(&wishes(folder.path(), source), &WORKER[1..2], &Deaf);
    assert_eq!(std::fs::read(bin.join("ffmpeg")).unwrap(), b"the old one");
    assert_eq!(std::fs::read(bin.join("ffprobe")).unwrap(), b"the new one");
    assert_eq!(std::fs::read_dir(&bin).unwrap().count(), 2);
}

#[test]
fn a_dry_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::Folder { folder: false_cache(folder.path()), sha256: None };
    let report = run(&Wishes { dry_run: true, ..wishes(folder.path(), source) }, WORKER, &Deaf);
    assert_eq!(report.outcome, "dry_run");
    assert!(report.steps.iter().all(|step| step.state != State::Changed), "{report:?}");
    assert!(!folder.path().join("bin").exists());
}

fn adapter(vendor: Vendor, driver: Option<&str>) -> Adapter {
    Adapter { vendor, name: "card".to_owned(), driver: driver.map(str::to_owned) }
}

#[test]
fn old_nvidia_drivers_are_a_warning_and_a_missing_card_is_what_the_user_says() {
    let old = hardware::judge(&[adapter(Vendor::Nvidia, Some("550.54.14"))], true);
    assert!(matches!(old, Ok(Ending::Warning(..))), "{old:?}");
    for driver in [Some("570.86.16"), Some("nouveau"), None] {
        let fine = hardware::judge(&[adapter(Vendor::Nvidia, driver)], true);
        assert!(matches!(fine, Ok(Ending::Fine(_))), "{driver:?}: {fine:?}");
    }
    for none in [&[][..], &[adapter(Vendor::Other, None)]] {
        assert!(matches!(hardware::judge(none, false), Ok(Ending::Skipped(_))));
        assert_eq!(hardware::judge(none, true).unwrap_err().exit_code, NO_GPU);
    }
}

fn caps(entries: &[(&str, &str, bool, bool)]) -> Caps {
    let encoders = entries
        .iter()
        .map(|(name, codec, hardware, works)| EncoderCap {
            name: (*name).to_owned(),
            codec: (*codec).to_owned(),
            hardware: *hardware,
            device: None,
            ten_bit: false,
            keeps: BTreeSet::new(),
            sessions: None,
            largest: None,
            verdict: if *works {
                Verdict::Works { fps: 100.0 }
            } else {
                Verdict::Failed { why: "no device".to_owned() }
            },
        })
        .collect();
    Caps { version: "7.1".to_owned(), encoders, ..Caps::default() }
}

#[test]
fn a_graphics_card_counts_by_what_it_encodes() {
    let software = caps(&[("libx264", "h264", false, true), ("h264_nvenc", "h264", true, false)]);
    assert!(
        matches!(trial::judge(&software, false), Ok(Ending::Fine(words)) if words.contains("libx264 100 fps"))
    );
    let refused = trial::judge(&software, true).unwrap_err();
    assert_eq!(refused.exit_code, NO_GPU);
    assert!(refused.reason.contains("h264_nvenc: no device"), "{}", refused.reason);
    let hardware = caps(&[("libx264", "h264", false, true), ("h264_nvenc", "h264", true, true)]);
    assert!(matches!(trial::judge(&hardware, true), Ok(Ending::Fine(_))));
    assert_eq!(trial::judge(&caps(&[("aac", "aac", false, true)]), false).unwrap_err().exit_code, 3);
}

#[test]
fn what_is_installed_can_be_uninstalled_and_nothing_of_ours_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let bin = folder.path().join("bin");
    let mut wishes = wishes(folder.path(), Source::Packages);
    wishes.install = true;
    // The registry of the machine that runs the tests is its user's; profiles lie in a home of our own.
    wishes.keep_path = std::env::consts::OS == "windows";
    let (put, path) = (2..4, 2..4);
    let states = |report: &super::super::report::Report| -> Vec<State> {
        report.steps.iter().map(|step| step.state).collect()
    };
    let name = format!("media-converter{}", std::env::consts::EXE_SUFFIX);
    let first = run(&wishes, &WORKER[put.clone()], &Deaf);
    assert_eq!(states(&first)[0], State::Changed, "{}", first.text());
    let own = std::fs::metadata(std::env::current_exe().unwrap()).unwrap().len();
    assert_eq!(std::fs::metadata(bin.join(&name)).unwrap().len(), own);
    let again = run(&wishes, &WORKER[put], &Deaf);
    assert_eq!(states(&again)[0], State::Ok, "{}", again.text());
    if !wishes.keep_path {
        // Its place in PATH is looked at again, too.
        assert_eq!(states(&again)[1], State::Ok, "{}", again.text());
    }

    // Somebody else's program in the same folder stays.
    std::fs::write(bin.join("other"), b"not ours").unwrap();
    let gone = run(&wishes, &UNINSTALL[path.clone()], &Deaf);
    assert_eq!(states(&gone)[1], State::Changed, "{}", gone.text());
    let names: Vec<_> = std::fs::read_dir(&bin).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["other"]);
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0, "the profile is as it was: not there");
    let nothing = run(&wishes, &UNINSTALL[path], &Deaf);
    assert!(states(&nothing).iter().all(|state| *state != State::Changed), "{}", nothing.text());
}

#[test]
fn a_later_failure_takes_the_installed_program_back() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("media-converter{}", std::env::consts::EXE_SUFFIX);
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join(&name), b"the version before").unwrap();
    let wishes = Wishes { install: true, ..wishes(folder.path(), Source::Packages) };
    let fails = Task {
        name: "fails",
        work: |_| Err(crate::model::error::Error::new(crate::model::error::Kind::Io, "go on").into()),
    };
    let Task { name: step, work } = WORKER[2];
    let report = run(&wishes, &[Task { name: step, work }, fails], &Deaf);
    assert_eq!(report.outcome, "failed");
    assert_eq!(std::fs::read(bin.join(&name)).unwrap(), b"the version before");
    assert_eq!(std::fs::read_dir(&bin).unwrap().count(), 1);
}
