//! The notice board: what each machine that works on a library can do, does now, and what holds it up; for people.
//!
//! `.mediabox/machines/<token>.json`, of which each running process has one. It is never rewritten: a new one is written
//! whole under a new name, then the old one goes, so that a reader never meets half of one and no file system needs to
//! replace anything. Nothing is decided by it, and whoever cannot write it works all the same.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layout;
use super::look::ServerTime;
use crate::model::caps::{DecodeCap, EncoderCap};
use crate::sys;
use crate::sys::host::Life;

/// A notice with nothing new is posted again after this long, as a sign of life.
const EVERY: Duration = Duration::from_secs(60);
/// Which files it has in hand by now is told this often at most: where they take a second each, nobody reads it sooner.
const FILES: Duration = Duration::from_secs(15);
/// Seconds of silence after which a notice is nobody's any more and is taken down by whoever comes.
const FORGOTTEN: f64 = 86_400.0;
/// More is not ours.
const LIMIT: u64 = 1 << 20;
/// More machines than anybody has.
const MOST: usize = 1000;

/// What a process says of itself. Fields that a newer version writes are left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notice {
    pub version: u32,
    pub host: String,
    pub pid: u32,
    /// Of this program.
    pub program: String,
    /// Of ffmpeg.
    pub ffmpeg: String,
    pub profile: String,
    /// A word of `Standing`; a newer version may have others.
    pub standing: String,
    /// What holds it up.
    pub why: Option<String>,
    /// Files at once at most.
    pub jobs: usize,
    /// What it works on, below the library's root, with `/`.
    pub files: Vec<String>,
    /// Its graphics cards, in words.
    pub cards: Vec<String>,
    /// What was tried of ffmpeg on that machine.
    pub encoders: Vec<EncoderCap>,
    pub decoders: Vec<DecodeCap>,
}

/// A notice that hangs on the board.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    pub notice: Notice,
    /// Seconds since it was posted, by the file server's clock.
    pub age: Option<f64>,
    /// The process was on this machine and is no more.
    pub is_dead: bool,
}

/// This process's place on a library's board.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    posted: Option<(Notice, String, Duration)>,
}

impl Place {
    pub fn on(root: &Path) -> Self {
        Self { root: root.to_owned(), posted: None }
    }

    /// Posts the notice, where it is new or the last word is a while ago. `now`: by any clock that only goes forward.
    pub fn post(&mut self, notice: &Notice, now: Duration) -> io::Result<()> {
        if let Some((before, _, at)) = &self.posted
            && now.saturating_sub(*at) < patience(notice, before)
        {
            return Ok(());
        }
        let token = layout::new_token();
        let file = layout::machine(&self.root, &token);
        sys::fs::create_dir_all(&layout::machines(&self.root))?;
        let _ = sys::fs::write_new(&file, &serde_json::to_vec(notice)?)?;
        match self.posted.replace((notice.clone(), token, now)) {
            Some((_, old, _)) => sys::fs::remove_file(&layout::machine(&self.root, &old)).map(drop),
            None => self.clear(&file),
        }
    }

    /// The process is done.
    pub fn leave(&mut self) {
        if let Some((_, token, _)) = self.posted.take() {
            // A left-over is taken down by whoever comes next.
            let _ = sys::fs::remove_file(&layout::machine(&self.root, &token));
        }
    }

    /// Takes down what processes left that are no more. `own`: what we just wrote; it bears the server's time.
    fn clear(&self, own: &Path) -> io::Result<()> {
        let now = ServerTime::of(own);
        for token in tokens(&self.root)? {
            let file = layout::machine(&self.root, &token);
            let silent = || Some(now?.since(&sys::fs::stamp(&file).ok()?));
            if is_dead(&token) || silent().is_some_and(|seconds| seconds > FORGOTTEN) {
                sys::fs::remove_file(&file)?;
            }
        }
        Ok(())
    }
}

/// How long after the old notice the new one may wait. How warm a card is by now is no news.
fn patience(new: &Notice, old: &Notice) -> Duration {
    let rest = |notice: &Notice| Notice { cards: Vec::new(), files: Vec::new(), ..notice.clone() };
    match (rest(new) == rest(old), new.files == old.files) {
        (true, true) => EVERY,
        (true, false) => FILES,
        (false, _) => Duration::ZERO,
    }
}

fn is_dead(token: &str) -> bool {
    layout::token_parts(token).is_some_and(|(home, pid)| sys::host::life_by_pid(home, pid) == Life::Gone)
}

fn tokens(root: &Path) -> io::Result<Vec<String>> {
    let entries = match sys::fs::list(&layout::machines(root)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let token = |name: &std::ffi::OsString| layout::machine_token(name.to_str()?).map(str::to_owned);
    Ok(entries.iter().filter_map(|entry| token(&entry.name)).take(MOST).collect())
}

/// Who works on a library, by name. What is not understood, or not yet whole, is left out.
pub fn read(root: &Path) -> io::Result<Vec<Posted>> {
    let tokens = tokens(root)?;
    let now = if tokens.is_empty() { None } else { ServerTime::probe(&layout::machines(root)) };
    let mut posted: Vec<Posted> = Vec::new();
    for token in tokens {
        let file = layout::machine(root, &token);
        let Ok(stamp) = sys::fs::stamp(&file) else { continue };
        let Ok(text) = sys::fs::read_small(&file, LIMIT) else { continue };
        let Ok(notice) = serde_json::from_slice::<Notice>(&text) else { continue };
        let age = now.map(|now| now.since(&stamp).max(0.0));
        let new = Posted { notice, age, is_dead: is_dead(&token) };
        // Between the new one and the end of the old one both hang there.
        let same = |old: &&mut Posted| {
            (&old.notice.host, old.notice.pid) == (&new.notice.host, new.notice.pid)
                && old.is_dead == new.is_dead
        };
        match posted.iter_mut().find(same) {
            Some(old) if old.age <= new.age => {}
            Some(old) => *old = new,
            None => posted.push(new),
        }
    }
    posted.sort_by(|a, b| (&a.notice.host, a.notice.pid).cmp(&(&b.notice.host, b.notice.pid)));
    Ok(posted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(host: &str) -> Notice {
        Notice { version: 1, host: host.into(), pid: sys::host::me().pid, ..Notice::default() }
    }

    fn hanging(root: &Path) -> usize {
        std::fs::read_dir(layout::machines(root)).map_or(0, Iterator::count)
    }

    #[test]
    fn a_notice_is_posted_anew_only_where_it_says_something_new_or_a_minute_has_passed() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut place = Place::on(dir.path());
        let second = Duration::from_secs;
        let name = |place: &Place| place.posted.as_ref().map(|(_, token, _)| token.clone());
        assert!(read(dir.path()).expect("read").is_empty());
        place.post(&notice("a"), second(0)).expect("posted");
        let first = name(&place);
        let warmer = Notice { cards: vec!["a card: 41 °C".into()], ..notice("a") };
        place.post(&warmer, second(59)).expect("nothing new");
        let other = Notice { files: vec!["b.mkv".into()], ..notice("a") };
        place.post(&other, second(14)).expect("that can wait");
        assert_eq!(name(&place), first);
        place.post(&notice("a"), second(60)).expect("posted");
        assert_ne!(name(&place), first, "a sign of life");
        let held = Notice { standing: "paused".into(), why: Some("hot".into()), ..notice("a") };
        place.post(&held, second(61)).expect("posted");
        let posted = read(dir.path()).expect("read");
        assert_eq!(posted.len(), 1);
        assert_eq!((&posted[0].notice, posted[0].is_dead), (&held, false));
        assert!(posted[0].age.is_some_and(|age| age < 60.0), "{posted:?}");
        assert_eq!(hanging(dir.path()), 1, "the old ones are gone");
        place.leave();
        assert_eq!(hanging(dir.path()), 0);
    }

    #[test]
    fn what_dead_processes_left_is_said_and_taken_down_by_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(layout::machines(dir.path())).expect("made");
        let me = sys::host::me();
        // No process has the largest number that there is.
        let dead = format!("{}{:08x}{}", sys::host::home(me), u32::MAX >> 1, "0".repeat(16));
        let other = format!("{}{:08x}{}", "0".repeat(8), 7, "0".repeat(16));
        for (token, host) in [(&dead, "dead"), (&other, "other")] {
            let text = serde_json::to_vec(&notice(host)).expect("text");
            std::fs::write(layout::machine(dir.path(), token), text).expect("written");
        }
        let rubbish = layout::machines(dir.path()).join("notes.txt");
        std::fs::write(&rubbish, "x").expect("written");
        let is_dead: Vec<_> =
            read(dir.path()).expect("read").into_iter().map(|p| (p.notice.host, p.is_dead)).collect();
        assert_eq!(is_dead, [("dead".to_owned(), true), ("other".to_owned(), false)]);
        Place::on(dir.path()).post(&notice("me"), Duration::ZERO).expect("posted");
        let hosts: Vec<_> = read(dir.path()).expect("read").into_iter().map(|p| p.notice.host).collect();
        assert_eq!(hosts, ["me", "other"], "what another machine left may be alive");
        assert!(rubbish.exists());
    }

    #[test]
    fn a_notice_of_a_newer_version_is_read_as_far_as_it_is_understood() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(layout::machines(dir.path())).expect("made");
        let text = r#"{"version":9,"host":"new","pid":1,"standing":"dancing","why":"hot","mood":"good","encoders":[]}"#;
        std::fs::write(layout::machine(dir.path(), &layout::new_token()), text).expect("written");
        let posted = read(dir.path()).expect("read");
        assert_eq!(posted[0].notice.standing, "dancing");
        assert_eq!(posted[0].notice.why.as_deref(), Some("hot"));
    }

    #[test]
    fn the_words_of_a_notice_stay_as_they_are() {
        let notice = Notice {
            version: 1,
            host: "nas".into(),
            pid: 7,
            program: "0.1.0".into(),
            ffmpeg: "7.1".into(),
            profile: "universal".into(),
            standing: "working".into(),
            why: None,
            jobs: 2,
            files: vec!["Films/a.mkv".into()],
            cards: vec!["a card".into()],
            encoders: Vec::new(),
            decoders: Vec::new(),
        };
        let golden = r#"{"version":1,"host":"nas","pid":7,"program":"0.1.0","ffmpeg":"7.1","profile":"universal","standing":"working","why":null,"jobs":2,"files":["Films/a.mkv"],"cards":["a card"],"encoders":[],"decoders":[]}"#;
        assert_eq!(serde_json::to_string(&notice).expect("text"), golden);
    }
}
