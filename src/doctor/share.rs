//! A share, tried for real in a folder of its own below `.mediabox/`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::{Finding, Level, Tell};
use crate::share::layout;
use crate::sys;
use crate::sys::fs::{self, Created, EntryKind, Removed};

/// Contenders in a race, and rounds: enough that a server which lets two win does so here.
const CONTENDERS: usize = 8;
const ROUNDS: usize = 12;
/// Bytes written to measure speed.
const SAMPLE: usize = 32 << 20;
/// Small files made and removed to measure how long a request takes.
const SMALL: u32 = 20;
/// Longest wait for an answer about an advisory lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for another mount to see a name.
const PATIENCE: Duration = Duration::from_secs(90);

/// A folder for trials; gone with everything in it at the end.
#[derive(Debug)]
pub struct Trial {
    folder: PathBuf,
    /// The `.mediabox` that was made for it.
    made: Option<PathBuf>,
}

impl Trial {
    /// Makes the folder below the library's root, or below `dir` where there is no library yet.
    pub fn begin(root: &Path) -> io::Result<Self> {
        let ours = root.join(layout::LIBRARY_DIR);
        let made = matches!(fs::create_dir(&ours)?, Created::Yes).then_some(ours);
        let folder = layout::trial_dir(root, &sys::host::random_hex(4));
        match fs::create_dir(&folder)? {
            Created::Yes => Ok(Self { folder, made }),
            Created::Exists => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        }
    }

    /// A path in it.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = clear(&self.folder);
        if let Some(ours) = &self.made {
            // Not where somebody has begun a library there in the meantime.
            let _ = fs::remove_dir(ours);
        }
    }
}

/// Removes a folder of ours and everything in it.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::list(folder)? {
        let path = folder.join(&entry.name);
        if entry.kind == EntryKind::Dir {
            clear(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    fs::remove_dir(folder).map(|_| ())
}

/// Everything that can be tried from one machine. `second`: another mount of the same share, seen from here.
pub fn examine(root: &Path, second: Option<&Path>, tell: Tell<'_>) {
    let trial = match Trial::begin(root) {
        Ok(trial) => trial,
        Err(error) => {
            let what =
                format!("nothing can be made in {}: {error}", root.join(layout::LIBRARY_DIR).display());
            return tell(Finding::new(Level::Problem, "write", what).fix(
                "The user that runs media-converter needs write permission on the library and its folders.",
            ));
        }
    };
    tell(Finding::new(Level::Ok, "write", format!("files can be made below {}", root.display())));
    for check in [
        exclusive, claims, take_overs, publishing, links, advisory, heartbeat, clock, fineness, case,
        accents, lengths, speed,
    ] {
        if sys::stop::asked() > sys::stop::Stop::No {
            return;
        }
        match check(&trial) {
            Ok(finding) => tell(finding),
            Err(error) => tell(
                Finding::new(Level::Problem, "write", format!("a trial failed: {error}"))
                    .fix("The share refuses something that conversions need; its server's log may say why."),
            ),
        }
    }
    if let Some(second) = second {
        tell(delay(&trial, root, second));
    }
}

/// Runs `contend` in many threads at once; the results in the threads' order.
fn race<T: Send>(contend: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(CONTENDERS);
    let (start, contend) = (&start, &contend);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONTENDERS)
            .map(|me| {
                scope.spawn(move || {
                    start.wait();
                    contend(me)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// No claim rests on it, since two clients of NFS can both win one; where one machine alone wins it twice, nothing is to be
/// trusted.
fn exclusive(trial: &Trial) -> io::Result<Finding> {
    for round in 0..ROUNDS {
        let prize = trial.path(&format!("exclusive-{round}"));
        let won: Vec<Created> =
            race(|_| fs::write_new(&prize, b"x")).into_iter().collect::<io::Result<_>>()?;
        let winners = won.iter().filter(|won| **won == Created::Yes).count();
        if winners != 1 {
            let what =
                format!("of {CONTENDERS} that made one file at once, {winners} were told that they made it");
            return Ok(Finding::new(Level::Problem, "exclusive", what)
                .fix("Do not let two machines work on this share; please report what server and file system it is."));
        }
    }
    Ok(Finding::new(
        Level::Ok,
        "exclusive",
        format!("{ROUNDS} races of {CONTENDERS} to make a file, one winner in each"),
    ))
}

/// Advisory locks, which nothing here rests on: they pass on while their holder sleeps, or never. Asked for without waiting,
/// and in a thread of its own, as some servers never answer.
fn advisory(trial: &Trial) -> io::Result<Finding> {
    let file = trial.path("locked");
    let _ = fs::write_new(&file, b"x")?;
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("lock".to_owned()).spawn(move || tell.send(fs::excludes(&file)))?;
    let what = match told.recv_timeout(LOCK_PATIENCE) {
        Ok(Ok(true)) => "advisory locks work; no claim rests on them".to_owned(),
        Ok(Ok(false)) => "two hold one advisory lock at once; no claim rests on them".to_owned(),
        Ok(Err(error)) => format!("no advisory locks ({error}); no claim rests on them"),
        Err(_) => format!("advisory locks are not answered within {LOCK_PATIENCE:?}; no claim rests on them"),
    };
    Ok(Finding::new(Level::Info, "advisory", what))
}

/// A claim is a folder published whole: of all that try at once exactly one may succeed.
fn claims(trial: &Trial) -> io::Result<Finding> {
    for round in 0..ROUNDS {
        let to = trial.path(&format!("claim-{round}"));
        let mine = |me: usize| trial.path(&format!("claim-{round}-{me}"));
        for me in 0..CONTENDERS {
            let _ = fs::create_dir(&mine(me))?;
            let _ = fs::write_new(&mine(me).join(format!("own-{me}")), b"x")?;
        }
        let won = race(|me| fs::publish_dir(&mine(me), &to, &format!("own-{me}")));
        let winners = won.iter().filter(|won| matches!(won, Ok(Created::Yes))).count();
        let inside = fs::list(&to)?.len();
        if winners != 1 || inside != 1 {
            let what = format!(
                "of {CONTENDERS} that claimed one file at once, {winners} were told they have it ({inside} claims lie there)"
            );
            return Ok(Finding::new(Level::Problem, "claims", what)
                .fix("Do not let two machines work on this share; please report what server and file system it is."));
        }
    }
    Ok(Finding::new(
        Level::Ok,
        "claims",
        format!("{ROUNDS} races of {CONTENDERS} for a claim, one winner in each"),
    ))
}

/// A dead worker's claim is taken over by renaming its only entry away: exactly one rename may succeed.
fn take_overs(trial: &Trial) -> io::Result<Finding> {
    for round in 0..ROUNDS {
        let prize = trial.path(&format!("stale-{round}"));
        let _ = fs::write_new(&prize, b"x")?;
        let won = race(|me| fs::consume(&prize, &trial.path(&format!("stale-{round}-{me}"))));
        let winners = won.iter().filter(|won| matches!(won, Ok(Removed::Yes))).count();
        if winners != 1 {
            let what =
                format!("of {CONTENDERS} that took over one claim at once, {winners} were told they have it");
            return Ok(Finding::new(Level::Problem, "take_overs", what)
                .fix("Do not let two machines work on this share; please report what server and file system it is."));
        }
    }
    Ok(Finding::new(
        Level::Ok,
        "take_overs",
        format!("{ROUNDS} races of {CONTENDERS} for a take-over, one winner in each"),
    ))
}

/// A result must never take the place of a file that is there.
fn publishing(trial: &Trial) -> io::Result<Finding> {
    let (old, new) = (trial.path("film"), trial.path("film.part"));
    let _ = fs::write_new(&old, b"old")?;
    let _ = fs::write_new(&new, b"new")?;
    let answer = fs::publish_file(&new, &old);
    let kept = fs::read_small(&old, 16)? == b"old";
    if !kept {
        return Ok(Finding::new(Level::Problem, "publishing", "a result replaced a file that was there")
            .fix("Do not convert on this share; please report what server and file system it is."));
    }
    Ok(match answer {
        Ok(Created::Exists) => {
            Finding::new(Level::Ok, "publishing", "a result cannot take the place of a file that is there")
        }
        Ok(Created::Yes) => {
            Finding::new(Level::Problem, "publishing", "the share says that it replaced a file, and did not")
                .fix("Please report what server and file system it is.")
        }
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Finding::new(
            Level::Info,
            "publishing",
            "the share has neither hard links nor a rename that replaces nothing: results are swapped in over a name set aside",
        ),
        Err(error) => return Err(error),
    })
}

fn links(trial: &Trial) -> io::Result<Finding> {
    let file = trial.path("linked");
    let _ = fs::write_new(&file, b"x")?;
    Ok(match fs::hard_link(&file, &trial.path("link")) {
        Ok(_) => Finding::new(Level::Ok, "links", "hard links work"),
        Err(error) => Finding::new(
            Level::Info,
            "links",
            format!("no hard links ({error}); other ways are used instead"),
        ),
    })
}

/// A heartbeat is an overwrite in place: the server must stamp it, or every claim looks dead.
fn heartbeat(trial: &Trial) -> io::Result<Finding> {
    let file = trial.path("beat");
    let _ = fs::write_new(&file, b"1")?;
    let before = fs::stamp(&file)?;
    // File systems with the coarsest times move on after two seconds.
    sys::stop::sleep(Duration::from_millis(2100));
    fs::overwrite_in_place(&file, b"2")?;
    let after = fs::stamp(&file)?;
    Ok(if (after.sec, after.nsec) > (before.sec, before.nsec) {
        Finding::new(Level::Ok, "heartbeat", "a write moves a file's time: heartbeats are seen")
    } else {
        Finding::new(
            Level::Problem,
            "heartbeat",
            "a write does not move a file's time: claims would look dead while their workers live",
        )
        .fix("Mount without options that hold back times (such as lazy or cached attributes), and try again.")
    })
}

/// Nothing is decided by comparing clocks; people who read times want to know all the same.
fn clock(trial: &Trial) -> io::Result<Finding> {
    let file = trial.path("now");
    let began = sys::clock::wall();
    let _ = fs::write_new(&file, b"x")?;
    let ended = sys::clock::wall();
    let stamp = fs::stamp(&file)?;
    let server = stamp.sec as f64 + f64::from(stamp.nsec) / 1e9;
    let offset = if server < began { server - began } else { (server - ended).max(0.0) };
    let what = format!("the file server's clock and this machine's differ by {:.1} s", offset.abs());
    Ok(if offset.abs() < 30.0 {
        Finding::new(Level::Ok, "clock", what)
    } else {
        Finding::new(
            Level::Info,
            "clock",
            format!("{what}; claims do not mind, people who compare times may"),
        )
        .fix("Let both use a time server.")
    })
}

/// How finely times are kept.
fn fineness(trial: &Trial) -> io::Result<Finding> {
    let file = trial.path("fine");
    let _ = fs::write_new(&file, b"x")?;
    let wanted = crate::model::key::Stamp { size: 1, sec: 1_700_000_001, nsec: 123_456_789 };
    fs::set_mtime(&file, &wanted)?;
    let kept = fs::stamp(&file)?;
    let what = match (kept.sec - wanted.sec, kept.nsec) {
        (0, 123_456_789) => "times are kept to the nanosecond",
        (0, 123_456_700) => "times are kept to 100 ns",
        (0, 123_456_000) => "times are kept to the microsecond",
        (0, 1..) => "times are kept to a part of a second",
        (0, 0) => "times are kept to the second",
        (-1..=1, _) => "times are kept to two seconds",
        _ => "a file's time cannot be set: results get the time of their conversion",
    };
    Ok(Finding::new(Level::Info, "times", what))
}

fn case(trial: &Trial) -> io::Result<Finding> {
    let _ = fs::write_new(&trial.path("Case.txt"), b"x")?;
    let same = fs::stamp(&trial.path("CASE.TXT")).is_ok();
    Ok(Finding::new(
        Level::Info,
        "case",
        if same { "upper and lower case are one name" } else { "upper and lower case are two names" },
    ))
}

/// `é` can be one character or two; macOS and some servers make one of the other.
fn accents(trial: &Trial) -> io::Result<Finding> {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    let _ = fs::write_new(&trial.path(composed), b"x")?;
    let kept = fs::list(&trial.folder)?.iter().any(|entry| entry.name.to_str() == Some(composed));
    let same = fs::stamp(&trial.path(decomposed)).is_ok();
    Ok(match (kept, same) {
        (true, false) => Finding::new(Level::Ok, "accents", "names with accents are kept as they are"),
        (true, true) => Finding::new(Level::Ok, "accents", "both spellings of an accent are one name"),
        (false, _) => Finding::new(Level::Warning, "accents", "names with accents are changed by the share")
            .fix("On a server or mount that can, set UTF-8 (SMB: iocharset=utf8)."),
    })
}

/// The longest names: ours are longer than the media file's.
#[expect(clippy::unnecessary_wraps, reason = "one of a list of checks that may fail")]
fn lengths(trial: &Trial) -> io::Result<Finding> {
    let suffix = layout::LOCK_SUFFIX.len();
    let longest = [255, 240, 200, 143, 100].into_iter().find(|length| {
        let path = trial.path(&"n".repeat(*length));
        matches!(fs::write_new(&path, b"x"), Ok(Created::Yes))
    });
    Ok(match longest {
        Some(255) => Finding::new(Level::Ok, "names", "names of 255 letters"),
        Some(length) => Finding::new(Level::Warning, "names", format!("names of at most {length} letters"))
            .fix(format!(
                "Rename files above {} letters: names of ours are longer than the file's.",
                length - suffix
            )),
        None => Finding::new(Level::Problem, "names", "names of 100 letters are refused")
            .fix("Files with long names cannot be claimed on this share."),
    })
}

/// How fast results get there, and how long one small request takes.
fn speed(trial: &Trial) -> io::Result<Finding> {
    // Bytes that no server or disk can shrink.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let sample: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(SAMPLE / 8)
    .flatten()
    .collect();
    let began = Instant::now();
    let _ = fs::write_new(&trial.path("speed"), &sample)?;
    let rate = SAMPLE as f64 / 1_048_576.0 / began.elapsed().as_secs_f64().max(1e-6);
    let began = Instant::now();
    for i in 0..SMALL {
        let path = trial.path(&format!("small-{i}"));
        let _ = fs::write_new(&path, b"x")?;
        fs::remove_file(&path)?;
    }
    let each = began.elapsed().as_secs_f64() * 1000.0 / f64::from(SMALL);
    let what = format!("{rate:.0} MiB/s written, {each:.1} ms to make and remove a small file");
    Ok(if rate < 10.0 {
        Finding::new(Level::Warning, "speed", what)
            .fix("That is slower than many films play; --temp-dir encodes on this machine first.")
    } else {
        Finding::new(Level::Ok, "speed", what)
    })
}

/// How long another mount of the same share takes to see a new name.
fn delay(trial: &Trial, root: &Path, second: &Path) -> Finding {
    let check = "delay";
    let Ok(below) = trial.folder.strip_prefix(root) else {
        return Finding::new(Level::Problem, check, "the trial's folder is not below the library");
    };
    let there = second.join(below);
    if !matches!(fs::list(&there), Ok(entries) if !entries.is_empty()) {
        return Finding::new(Level::Problem, check, format!("{} is not the same library", second.display()))
            .fix("Name another mount of the same folder of the same share.");
    }
    let mut longest = Duration::ZERO;
    for round in 0..3 {
        let name = format!("seen-{round}");
        if let Err(error) = fs::write_new(&trial.path(&name), b"x") {
            return Finding::new(Level::Problem, check, format!("a trial failed: {error}"));
        }
        let began = Instant::now();
        while !fs::is_listed(&there.join(&name)).unwrap_or(false) {
            if began.elapsed() > PATIENCE || sys::stop::sleep(Duration::from_millis(20)) {
                return Finding::new(
                    Level::Problem,
                    check,
                    format!("the other mount does not see a new name within {} s", PATIENCE.as_secs()),
                )
                .fix("Its listings are cached for too long: see the mount options in docs/INSTALL.md.");
            }
        }
        longest = longest.max(began.elapsed());
    }
    let what = format!("the other mount sees new names within {:.2} s", longest.as_secs_f64());
    if longest < Duration::from_secs(60) {
        Finding::new(Level::Ok, check, what)
    } else {
        Finding::new(Level::Warning, check, what).fix("Leave the mount's attribute cache at its defaults.")
    }
}
