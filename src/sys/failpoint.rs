//! Stops, pauses or kills this process at a named step, as the crash tests ask through the environment:
//! `MEDIA_CONVERTER_FAILPOINT="<step>=<what>[@n]"`, several joined by `;`. `what` is `kill` (SIGKILL), `stop` (SIGSTOP) or
//! `pause:<ms>`; `@n`: not the first time the step is reached but the nth.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Kill,
    Stop,
    Pause(Duration),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    act: Act,
    at: u32,
}

/// A step was reached.
pub fn reached(name: &str) {
    static POINTS: OnceLock<BTreeMap<String, Point>> = OnceLock::new();
    static COUNTS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let points = POINTS.get_or_init(|| {
        let text = std::env::var("MEDIA_CONVERTER_FAILPOINT").unwrap_or_default();
        parse(&text).unwrap_or_else(|| panic!("MEDIA_CONVERTER_FAILPOINT cannot be understood: {text}"))
    });
    let Some(point) = points.get(name) else { return };
    let count = {
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        *count
    };
    if count == point.at {
        match point.act {
            // Another thread may be the one that takes the signal, and this one run on for a while: long enough to do
            // all that was to be left undone.
            Act::Kill => {
                kill();
                std::thread::sleep(Duration::from_secs(60));
            }
            Act::Stop => {
                stop();
                std::thread::sleep(Duration::from_millis(200));
            }
            Act::Pause(time) => std::thread::sleep(time),
        }
    }
}

fn parse(text: &str) -> Option<BTreeMap<String, Point>> {
    text.split(';')
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let (name, what) = part.trim().split_once('=')?;
            let (what, at) = match what.split_once('@') {
                Some((what, at)) => (what, at.parse().ok()?),
                None => (what, 1),
            };
            let act = match what.split_once(':') {
                Some(("pause", ms)) => Act::Pause(Duration::from_millis(ms.parse().ok()?)),
                None if what == "kill" => Act::Kill,
                None if what == "stop" => Act::Stop,
                _ => return None,
            };
            Some((name.to_owned(), Point { act, at }))
        })
        .collect()
}

#[cfg(unix)]
fn kill() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

#[cfg(unix)]
fn stop() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

#[cfg(windows)]
fn kill() {
    super::windows::process::kill_ourselves();
}

/// Windows has no stop signal. A file of this process's id in the temporary folder says that it is here; whoever finds it
/// suspends the process from outside, and takes the file away when it wakes it.
#[cfg(windows)]
fn stop() {
    let mark = std::env::temp_dir().join(format!("media-converter-stopped-{}", std::process::id()));
    let _ = std::fs::write(&mark, b"");
    while mark.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
}
