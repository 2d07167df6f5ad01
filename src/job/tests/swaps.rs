//! Each test lays out the folder as a crash at some step would leave it, applies, and looks at what is there.

use std::path::PathBuf;

use crate::job::commit::{Applied, ORIG, apply, followers};
use crate::job::trash;
use crate::share::record::{Commit, Originals};
use crate::sys;

const SOURCE: &[u8] = b"the original film, all of it";
const OUTPUT: &[u8] = b"the transcode";

struct Bench {
    root: tempfile::TempDir,
    commit: Commit,
}

/// Where the pieces lie: contents under (source name, target name, stage, orig).
#[derive(Clone, Copy, Default)]
struct Lay<'a> {
    source: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    stage: Option<&'a [u8]>,
    orig: Option<&'a [u8]>,
}

impl Bench {
    fn new(source: &str, target: &str, originals: Originals) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(root.path().join("films/.mbx-w")).expect("folders");
        let scratch = root.path().join("scratch");
        let print = |content: &[u8]| {
            std::fs::write(&scratch, content).expect("a scratch file");
            fixed_time(&scratch);
            sys::fs::fingerprint(&scratch).expect("its fingerprint")
        };
        let commit = Commit {
            version: 1,
            source: source.to_owned(),
            source_print: print(SOURCE),
            target: target.to_owned(),
            output_print: print(OUTPUT),
            stage: "out.part".to_owned(),
            sidecars: Vec::new(),
            renames: Vec::new(),
            originals,
            trash: Some(".mediabox/trash/2026-01-02-0123456789abcdef".to_owned()),
            library: "id".to_owned(),
        };
        Self { root, commit }
    }
    fn folder(&self) -> PathBuf {
        self.root.path().join("films")
    }
    fn work(&self) -> PathBuf {
        self.folder().join(".mbx-w")
    }
    fn lay(&self, lay: Lay<'_>) -> &Self {
        let put = |path: PathBuf, content: Option<&[u8]>| {
            if let Some(content) = content {
                std::fs::write(&path, content).expect("a file");
                fixed_time(&path);
            }
        };
        put(self.folder().join(&self.commit.source), lay.source);
        if self.commit.target != self.commit.source {
            put(self.folder().join(&self.commit.target), lay.target);
        }
        put(self.work().join("out.part"), lay.stage);
        put(self.work().join(ORIG), lay.orig);
        self
    }
    fn apply(&self) -> Applied {
        apply(&self.folder(), self.root.path(), &self.work(), &self.commit).expect("no IO error here")
    }
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder().join(name)).ok()
    }
    fn trashed(&self) -> Option<Vec<u8>> {
        let all = trash::list(self.root.path(), None);
        assert!(all.len() <= 1, "one original rests at most: {all:?}");
        all.first().and_then(|resting| std::fs::read(&resting.file).ok())
    }
    /// The work folder holds nothing that would be litter.
    fn no_leftovers(&self) {
        let left: Vec<_> = std::fs::read_dir(self.work()).expect("the work folder").flatten().collect();
        assert!(left.is_empty(), "left in the work folder: {left:?}");
    }
}

fn fixed_time(path: &std::path::Path) {
    let stamp = crate::model::key::Stamp { size: 0, sec: 1_700_000_000, nsec: 0 };
    sys::fs::set_mtime(path, &stamp).expect("the time can be set");
}

/// Done: the result under its name, the original in the trash; applying again changes nothing.
fn done(bench: &Bench) {
    assert_eq!(bench.apply(), Applied::Done);
    for _ in 0..2 {
        assert_eq!(bench.read(&bench.commit.target).as_deref(), Some(OUTPUT));
        if bench.commit.source != bench.commit.target {
            assert_eq!(bench.read(&bench.commit.source), None);
        }
        assert_eq!(bench.trashed().as_deref(), Some(SOURCE));
        bench.no_leftovers();
        assert_eq!(bench.apply(), Applied::Done, "a second recoverer finds it done");
    }
}

#[test]
fn a_result_of_the_same_name_takes_the_sources_place() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() }));
}

#[test]
fn a_result_of_another_name_appears_beside_and_the_source_goes() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() }));
}

#[test]
fn a_crash_after_the_exchange_is_finished() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { source: Some(OUTPUT), stage: Some(SOURCE), ..Lay::default() }));
}

#[test]
fn a_crash_after_the_replace_is_finished() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { source: Some(OUTPUT), orig: Some(SOURCE), ..Lay::default() }));
}

#[test]
fn a_crash_in_the_gap_is_finished() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { stage: Some(OUTPUT), orig: Some(SOURCE), ..Lay::default() }));
}

#[test]
fn a_crash_between_link_and_unlink_of_the_result_is_finished() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    done(bench.lay(Lay {
        source: Some(SOURCE),
        target: Some(OUTPUT),
        stage: Some(OUTPUT),
        ..Lay::default()
    }));
}

#[test]
fn a_crash_after_the_source_was_moved_is_finished() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    done(bench.lay(Lay { target: Some(OUTPUT), orig: Some(SOURCE), ..Lay::default() }));
}

#[test]
fn a_recoverer_whose_mount_rounds_times_still_knows_the_source() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    bench.lay(Lay { source: Some(SOURCE), target: Some(OUTPUT), ..Lay::default() });
    let rounded = crate::model::key::Stamp { size: 0, sec: 1_699_999_999, nsec: 999_999_900 };
    sys::fs::set_mtime(&bench.folder().join("a.mkv"), &rounded).expect("the time can be set");
    done(&bench);
}

#[test]
fn a_lost_result_in_the_gap_brings_the_original_back() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    bench.lay(Lay { orig: Some(SOURCE), ..Lay::default() });
    assert!(matches!(bench.apply(), Applied::RolledBack(_)));
    assert_eq!(bench.read("a.mp4").as_deref(), Some(SOURCE));
}

#[test]
fn a_strangers_new_source_stays_and_the_result_is_dropped() {
    for target in ["a.mp4", "a.mkv"] {
        let bench = Bench::new("a.mkv", target, Originals::Trash);
        bench.lay(Lay { source: Some(b"a better rip"), stage: Some(OUTPUT), ..Lay::default() });
        assert!(matches!(bench.apply(), Applied::RolledBack(_)), "{target}");
        assert_eq!(bench.read("a.mkv").as_deref(), Some(&b"a better rip"[..]));
        bench.no_leftovers();
    }
}

#[test]
fn a_strangers_file_under_the_results_name_stays() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    bench.lay(Lay { source: Some(SOURCE), target: Some(b"mine"), stage: Some(OUTPUT), ..Lay::default() });
    assert!(matches!(bench.apply(), Applied::RolledBack(_)));
    assert_eq!(bench.read("a.mp4").as_deref(), Some(&b"mine"[..]));
    assert_eq!(bench.read("a.mkv").as_deref(), Some(SOURCE));
    bench.no_leftovers();
}

#[test]
fn a_pinned_original_is_not_left_behind_by_a_rollback() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    bench.lay(Lay {
        source: Some(b"a better rip"),
        stage: Some(OUTPUT),
        orig: Some(SOURCE),
        ..Lay::default()
    });
    assert!(matches!(bench.apply(), Applied::RolledBack(_)));
    assert_eq!(bench.read("a.mp4").as_deref(), Some(&b"a better rip"[..]));
    bench.no_leftovers();
    // The displaced film itself is not lost: the trash has it, and `undo` knows whence it came.
    let kept = trash::list(bench.root.path(), None);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].rest.folder, "films");
    assert_eq!(std::fs::read(&kept[0].file).expect("the original"), SOURCE);
}

#[test]
fn a_missing_stage_leaves_the_source_alone() {
    let bench = Bench::new("a.mp4", "a.mp4", Originals::Trash);
    bench.lay(Lay { source: Some(SOURCE), ..Lay::default() });
    assert!(matches!(bench.apply(), Applied::RolledBack(_)));
    assert_eq!(bench.read("a.mp4").as_deref(), Some(SOURCE));
}

#[test]
fn originals_can_be_deleted_or_kept_beside() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Delete);
    bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() });
    assert_eq!(bench.apply(), Applied::Done);
    assert_eq!(bench.trashed(), None);
    bench.no_leftovers();

    let bench = Bench::new("a.mkv", "a.mp4", Originals::Keep);
    bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() });
    assert_eq!(bench.apply(), Applied::Done);
    assert_eq!(bench.read("a.mkv.original").as_deref(), Some(SOURCE));
    bench.no_leftovers();
}

#[test]
fn an_earlier_kept_original_is_not_overwritten() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Keep);
    std::fs::write(bench.folder().join("a.mkv.original"), b"older").expect("a file");
    bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() });
    assert_eq!(bench.apply(), Applied::Done);
    assert_eq!(bench.read("a.mkv.original").as_deref(), Some(&b"older"[..]));
    assert_eq!(bench.trashed().as_deref(), Some(SOURCE));
}

#[test]
fn sidecars_are_published_and_followers_follow_without_replacing() {
    let mut bench = Bench::new("a 2160p.mkv", "a 1080p.mp4", Originals::Trash);
    bench.commit.sidecars = vec![("side0.part".to_owned(), "a 1080p.ger.sup".to_owned())];
    bench.commit.renames = vec![
        ("a 2160p.nfo".to_owned(), "a 1080p.nfo".to_owned()),
        ("a 2160p.srt".to_owned(), "a 1080p.srt".to_owned()),
    ];
    std::fs::write(bench.work().join("side0.part"), b"pictures").expect("a file");
    for (name, text) in [("a 2160p.nfo", "nfo"), ("a 2160p.srt", "old"), ("a 1080p.srt", "theirs")] {
        std::fs::write(bench.folder().join(name), text).expect("a file");
    }
    bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() });
    assert_eq!(bench.apply(), Applied::Done);
    assert_eq!(bench.read("a 1080p.ger.sup").as_deref(), Some(&b"pictures"[..]));
    assert_eq!(bench.read("a 1080p.nfo").as_deref(), Some(&b"nfo"[..]));
    assert_eq!(bench.read("a 2160p.nfo"), None);
    assert_eq!(bench.read("a 1080p.srt").as_deref(), Some(&b"theirs"[..]));
    assert_eq!(bench.read("a 2160p.srt").as_deref(), Some(&b"old"[..]));
    bench.no_leftovers();
}

#[test]
fn followers_are_files_of_the_stem_that_are_no_media() {
    let names: Vec<String> =
        ["F 4K.mkv", "F 4K.en.srt", "F 4K-poster.jpg", "F 4K Extra.srt", "F 4K.idx", "F 1080p.idx", "G.srt"]
            .iter()
            .map(|s| (*s).to_owned())
            .collect();
    let own = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        followers(&names, "F 4K", "F 1080p"),
        vec![own("F 4K.en.srt", "F 1080p.en.srt"), own("F 4K-poster.jpg", "F 1080p-poster.jpg")]
    );
    assert!(followers(&names, "F 4K", "F 4K").is_empty());
}

#[test]
fn the_trash_is_emptied_by_the_file_servers_clock_and_only_of_what_is_ours() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() });
    assert_eq!(bench.apply(), Applied::Done);
    let resting = trash::list(bench.root.path(), None).remove(0);
    std::fs::write(resting.dir.join("notes.txt"), b"a person's").expect("a file");
    assert_eq!(trash::empty(bench.root.path(), std::time::Duration::from_secs(60)), 0);
    let long_ago = crate::model::key::Stamp { size: 0, sec: 1_600_000_000, nsec: 0 };
    sys::fs::set_mtime(&resting.dir.join("record.json"), &long_ago).expect("the time can be set");
    assert_eq!(trash::empty(bench.root.path(), std::time::Duration::from_secs(60)), 1);
    assert!(!resting.file.exists());
    assert!(resting.dir.join("notes.txt").exists());
}

#[test]
fn the_last_original_of_a_day_comes_first() {
    let mut bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    // Earlier, later, by the server's clock; the digits say nothing of it.
    for (digits, sec) in [("5", 1_700_000_000), ("9", 1_700_000_060), ("1", 1_700_000_120)] {
        bench.commit.trash = Some(format!(".mediabox/trash/2026-01-02-{digits}"));
        bench.lay(Lay { orig: Some(SOURCE), ..Lay::default() });
        trash::lay(&bench.work().join(ORIG), &bench.folder(), bench.root.path(), &bench.commit).unwrap();
        let record = bench.root.path().join(bench.commit.trash.as_ref().unwrap()).join("record.json");
        sys::fs::set_mtime(&record, &crate::model::key::Stamp { size: 0, sec, nsec: 0 }).unwrap();
    }
    let names: Vec<_> = trash::list(bench.root.path(), None)
        .iter()
        .map(|resting| resting.dir.to_string_lossy().chars().next_back().unwrap())
        .collect();
    assert_eq!(names, ['1', '9', '5']);
}

#[test]
fn a_record_that_a_dead_worker_left_half_written_is_written_anew() {
    let bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    let record = bench.root.path().join(bench.commit.trash.as_ref().unwrap()).join("record.json");
    let long_ago = crate::model::key::Stamp { size: 0, sec: 1_600_000_000, nsec: 0 };
    for left in ["", "{\"folder\": \"films\", \"com", &" ".repeat(4000)] {
        std::fs::create_dir_all(record.parent().unwrap()).unwrap();
        std::fs::write(&record, left).unwrap();
        sys::fs::set_mtime(&record, &long_ago).unwrap();
        bench.lay(Lay { target: Some(OUTPUT), orig: Some(SOURCE), ..Lay::default() });
        assert_eq!(bench.apply(), Applied::Done);
        assert_eq!(
            bench.trashed().as_deref(),
            Some(SOURCE),
            "an original whose record says nothing is lost to undo"
        );
        // Its days begin now, not when the worker died.
        assert_eq!(trash::empty(bench.root.path(), std::time::Duration::from_secs(3600)), 0);
        std::fs::remove_dir_all(record.parent().unwrap()).unwrap();
    }
}

#[test]
fn a_swap_does_not_stay_half_done_for_a_file_that_cannot_follow() {
    let mut bench = Bench::new("a.mkv", "a.mp4", Originals::Trash);
    let long = format!("{}.nfo", "n".repeat(300));
    bench.commit.renames = vec![("a.nfo".to_owned(), long), ("a.srt".to_owned(), "b.srt".to_owned())];
    std::fs::write(bench.folder().join("a.nfo"), b"nfo").unwrap();
    std::fs::write(bench.folder().join("a.srt"), b"srt").unwrap();
    done(bench.lay(Lay { source: Some(SOURCE), stage: Some(OUTPUT), ..Lay::default() }));
    assert_eq!(bench.read("a.nfo").as_deref(), Some(&b"nfo"[..]), "it keeps its name");
    assert_eq!(bench.read("b.srt").as_deref(), Some(&b"srt"[..]));
}

#[test]
fn a_displaced_original_with_a_name_at_the_limit_is_kept_beside_what_took_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join(format!("{}.mkv", "n".repeat(251)));
    let stranded = folder.path().join(ORIG);
    std::fs::write(&name, b"a stranger's").unwrap();
    std::fs::write(&stranded, SOURCE).unwrap();
    let told = crate::job::recover::put_back(&stranded, &name).unwrap();
    assert!(told.is_some_and(|text| text.contains("kept a displaced original")));
    assert!(!stranded.exists());
    let kept: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(kept.len() == 2 && kept.iter().any(|path| std::fs::read(path).unwrap() == SOURCE), "{kept:?}");
}
