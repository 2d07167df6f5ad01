//! Another process: this very test program, run again with a part to play. It dies or stops where it is told to.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::super::claim::{Acquired, Terms, acquire};
use super::super::layout;
use super::super::record::Commit;
use super::Notebook;
use crate::sys;

const PART: &str = "MEDIA_CONVERTER_TEST_PART";
const FILM: &str = "MEDIA_CONVERTER_TEST_FILM";
const TTL: &str = "MEDIA_CONVERTER_TEST_TTL_MS";

/// A worker of its own.
pub struct Player {
    child: Child,
    lines: BufReader<ChildStdout>,
}

pub fn short(ttl: u64) -> Terms {
    Terms {
        stale_after: Duration::from_millis(ttl),
        heartbeat: Duration::from_millis(ttl / 10),
        legacy_locks: false,
    }
}

impl Player {
    pub fn start(part: &str, film: &Path, ttl: u64, failpoint: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "share::tests::player::plays_its_part", "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env(FILM, film)
            .env(TTL, ttl.to_string())
            .env("MEDIA_CONVERTER_FAILPOINT", failpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that begins like this.
    pub fn says(&mut self, word: &str) -> String {
        let mut heard = String::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it never said «{word}», but:\n{heard}");
            if let Some(at) = line.find(&format!("player: {word}")) {
                return line[at..].trim().to_owned();
            }
            heard.push_str(&line);
        }
    }

    /// Lets it go on from where it waits for a word.
    pub fn go_on(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "go on").unwrap();
    }

    /// Lets it end, and waits for that; what it said on the way.
    pub fn end(mut self) -> (std::process::ExitStatus, String) {
        drop(self.child.stdin.take());
        self.end_at_once()
    }

    /// As [`Player::end`], for one that dies by itself.
    pub fn end_at_once(mut self) -> (std::process::ExitStatus, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

/// Converts the film as `job` would, as far as the share is concerned. Says what came of it.
pub fn convert(film: &Path, terms: &Terms, who: &str) -> String {
    let memory = Notebook::default();
    for _ in 0..600 {
        match acquire(film, terms, &memory).unwrap() {
            Acquired::Gone => return "gone".to_owned(),
            Acquired::Held(_) => std::thread::sleep(Duration::from_millis(50)),
            Acquired::HalfDone(half) => {
                swap(film, &half.work_dir, &half.commit);
                half.finish();
            }
            Acquired::Mine(claim) => {
                let _ = claim.look_around(film, &memory).unwrap();
                if std::fs::read(film).unwrap() != b"the film" {
                    claim.release();
                    return "converted already".to_owned();
                }
                let source_print = sys::fs::fingerprint(film).unwrap();
                let stage = claim.work_dir().join(layout::STAGE);
                if sys::fs::write_new(&stage, format!("by {who}").as_bytes()).is_err() {
                    return format!("lost: {}", claim.lost().unwrap_or_default());
                }
                super::super::step("test.transcoded");
                let Ok(output_print) = sys::fs::fingerprint(&stage) else {
                    return "lost: the stage file is gone".to_owned();
                };
                let commit = Commit {
                    source: film.file_name().unwrap().to_str().unwrap().to_owned(),
                    target: film.file_name().unwrap().to_str().unwrap().to_owned(),
                    source_print,
                    output_print,
                    ..super::commit_of(film)
                };
                match claim.seal(&commit) {
                    Err(error) => return format!("lost: {error}"),
                    Ok(sealed) => {
                        let swapped = swap(film, sealed.work_dir(), &commit);
                        super::super::step("test.swapped");
                        sealed.finish();
                        return if swapped { "swapped" } else { "found it swapped" }.to_owned();
                    }
                }
            }
        }
    }
    "never got it".to_owned()
}

/// The smallest swap there is: what `job::commit::apply` does in many more cases. True: by us.
pub fn swap(film: &Path, work: &Path, commit: &Commit) -> bool {
    let stage = work.join(layout::STAGE);
    if !sys::fs::is_listed(&stage).unwrap() {
        return false;
    }
    if sys::fs::fingerprint(film).unwrap() != commit.source_print {
        let _ = sys::fs::remove_file(&stage).unwrap();
        return false;
    }
    super::super::step("test.before-swap");
    sys::fs::replace(&stage, film).unwrap() == sys::fs::Removed::Yes
}

/// Not a test of its own: the other process of those that start a [`Player`]. Without a part it has nothing to do.
#[test]
fn plays_its_part() {
    let Ok(part) = std::env::var(PART) else { return };
    let film = std::path::PathBuf::from(std::env::var(FILM).unwrap());
    let terms = short(std::env::var(TTL).unwrap().parse().unwrap());
    let say = |text: &str| {
        println!("\nplayer: {text}");
        std::io::stdout().flush().unwrap();
    };
    match part.as_str() {
        "convert" => say(&convert(&film, &terms, &format!("player {}", std::process::id()))),
        "hold" => match acquire(&film, &terms, &Notebook::default()).unwrap() {
            Acquired::Mine(claim) => {
                say("mine");
                std::io::stdin().lock().read_line(&mut String::new()).unwrap();
                say(&format!("lost {:?}", claim.lost()));
                claim.release();
            }
            other => say(&format!("not mine {other:?}")),
        },
        "sweep" => {
            super::super::survey::sweep(film.parent().unwrap(), &terms, &Notebook::default()).unwrap();
            say("swept");
        }
        "race" => {
            for _ in 0..40 {
                if let Acquired::Mine(claim) = acquire(&film, &terms, &Notebook::default()).unwrap() {
                    let mark = film.with_extension("mark");
                    let alone = sys::fs::write_new(&mark, b"").unwrap() == sys::fs::Created::Yes;
                    say(if alone { "alone" } else { "NOT ALONE" });
                    std::thread::sleep(Duration::from_millis(1));
                    let _ = sys::fs::remove_file(&mark).unwrap();
                    claim.release();
                }
            }
            say("done");
        }
        other => panic!("no such part: {other}"),
    }
}
