//! What lies in our files on the share, each tolerant of unknown fields and golden-tested.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::claim::Terms;
use crate::model::key::Fingerprint;
use crate::sys::host::Identity;

/// What becomes of an original once its result is in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    /// Into `.mediabox/trash/` at the library's root.
    #[default]
    Trash,
    /// Removed.
    Delete,
    /// Kept beside the result as `<file>.original` (never under a media extension).
    Keep,
}

/// Everything that whoever finishes a sealed swap needs to know; lies in the work folder, complete and fsynced,
/// before the claim is sealed. Names are file names in the source's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Format version of this record.
    pub version: u32,
    /// The source's file name.
    pub source: String,
    /// The source as it was when it was transcoded.
    pub source_print: Fingerprint,
    /// The result's file name.
    pub target: String,
    /// The verified result.
    pub output_print: Fingerprint,
    /// The result's name in the work folder.
    pub stage: String,
    /// Further results (subtitles): (name in the work folder, name in the folder), each published without replacing.
    #[serde(default)]
    pub sidecars: Vec<(String, String)>,
    /// Existing sidecars that follow a changed stem: (old name, new name).
    #[serde(default)]
    pub renames: Vec<(String, String)>,
    /// What becomes of the original.
    pub originals: Originals,
    /// Where the original goes, relative to the library's root, `/`-separated (for `trash`).
    pub trash: Option<String>,
    /// The library's id.
    pub library: String,
}

/// The format of commit records that this program can finish.
pub const COMMIT_VERSION: u32 = 1;

/// The unit in which a holder's record is padded: an overwrite in place never changes its length.
const RECORD: usize = 1024;
/// No lock of anybody's is larger.
pub const MOST_LOCK_BYTES: u64 = 64 * 1024;
/// No commit record is larger.
pub const MOST_COMMIT_BYTES: u64 = 1024 * 1024;
/// A holder's staleness timeout beyond this is a broken record, not patience.
const MOST_TTL: f64 = 7.0 * 86400.0;

/// A holder's record: mediabox's keys first, so that its Python workers respect it, then ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    pub identity: Identity,
    /// The larger of the holder's and the server's clock, seconds since 1970; refreshed by each beat, for Python.
    pub timestamp: f64,
    /// The path as the holder knows it.
    pub file: String,
    /// Local time of the claim, for people.
    pub locked_at: String,
    pub token: String,
    /// Counts heartbeats.
    pub beat: u64,
    /// Seconds without a beat after which others may call it dead.
    pub ttl: f64,
    /// Seconds between beats.
    pub heartbeat: f64,
    /// The holder went away and leaves the claim to anybody.
    pub left: bool,
}

impl Info {
    /// A new claim's record.
    pub fn new(
        identity: &Identity,
        token: &str,
        source: &Path,
        terms: &Terms,
        wall: f64,
        local: String,
    ) -> Self {
        Self {
            identity: identity.clone(),
            timestamp: wall,
            file: source.to_string_lossy().into_owned(),
            locked_at: local,
            token: token.to_owned(),
            beat: 0,
            ttl: terms.stale_after.as_secs_f64(),
            heartbeat: terms.heartbeat.as_secs_f64(),
            left: false,
        }
    }

    /// The bytes on the share: ASCII JSON, every changing number of a fixed width, padded with spaces, so that one
    /// record can be written over another in place and never be half of each.
    pub fn bytes(&self) -> Vec<u8> {
        let me = &self.identity;
        let lock_id = format!("{}_{}_{}", me.hostname, me.pid, self.token.get(24..).unwrap_or(""));
        let mut text = format!(
            "{{\n  \"hostname\": {},\n  \"pid\": {},\n  \"timestamp\": {:.6},\n  \"file\": {},\n  \"locked_at\": {},\n  \
             \"lock_id\": {},\n  \"mbx\": 1,\n  \"token\": {},\n  \"beat\": {:<12},\n  \"left\": {},\n  \"ttl\": {},\n  \
             \"heartbeat\": {},\n  \"machine\": {},\n  \"boot\": {},\n  \"pidns\": {},\n  \"start\": {}\n}}\n",
            quoted(&me.hostname),
            me.pid,
            self.timestamp,
            quoted(&self.file),
            quoted(&self.locked_at),
            quoted(&lock_id),
            quoted(&self.token),
            self.beat,
            u8::from(self.left),
            number(self.ttl),
            number(self.heartbeat),
            quoted(&me.machine),
            quoted(&me.boot),
            me.pid_namespace,
            me.start,
        )
        .into_bytes();
        // One unit more than fits, so that a digit more in the time of day never changes the length.
        let length = (text.len() + 8).next_multiple_of(RECORD);
        text.resize(length, b' ');
        text
    }

    /// The holder's staleness timeout; a broken one counts as the default.
    pub fn stale_after(&self) -> Duration {
        sane(self.ttl).unwrap_or(super::claim::STALE_AFTER)
    }

    /// The holder's time between beats; a broken one counts as the default.
    pub fn heartbeat(&self) -> Duration {
        sane(self.heartbeat).unwrap_or(super::claim::HEARTBEAT)
    }
}

fn sane(seconds: f64) -> Option<Duration> {
    (seconds > 0.0 && seconds <= MOST_TTL).then(|| Duration::from_secs_f64(seconds))
}

fn number(seconds: f64) -> String {
    if seconds.fract() == 0.0 { format!("{seconds:.0}") } else { format!("{seconds:.3}") }
}

/// A lock that somebody left beside a media file.
#[derive(Clone, Debug, PartialEq)]
pub enum Lock {
    /// A worker of this kind.
    Ours(Info),
    /// A Python worker of either generation.
    Python { hostname: String, pid: u32, timestamp: f64 },
    /// Neither: half written, damaged, or somebody else's.
    Unreadable,
}

/// Reads a lock. Never fails: what cannot be understood is [`Lock::Unreadable`], which is held, not junk.
pub fn lock(bytes: &[u8]) -> Lock {
    let Ok(Value::Object(map)) = serde_json::from_slice::<Value>(bytes) else { return Lock::Unreadable };
    let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    let float = |key: &str| map.get(key).and_then(Value::as_f64);
    let whole = |key: &str| map.get(key).and_then(Value::as_u64);
    let (Some(hostname), Some(timestamp), Some(file)) = (text("hostname"), float("timestamp"), text("file"))
    else {
        return Lock::Unreadable;
    };
    let pid = whole("pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    let Some(token) = text("token").filter(|_| map.contains_key("mbx")) else {
        return Lock::Python { hostname, pid, timestamp };
    };
    Lock::Ours(Info {
        identity: Identity {
            hostname,
            machine: text("machine").unwrap_or_default(),
            boot: text("boot").unwrap_or_default(),
            pid_namespace: whole("pidns").unwrap_or(0),
            pid,
            start: whole("start").unwrap_or(0),
        },
        timestamp,
        file,
        locked_at: text("locked_at").unwrap_or_default(),
        token,
        beat: whole("beat").unwrap_or(0),
        ttl: float("ttl").unwrap_or(0.0),
        heartbeat: float("heartbeat").unwrap_or(0.0),
        left: whole("left").is_some_and(|left| left > 0),
    })
}

impl Commit {
    /// The bytes on the share.
    pub fn bytes(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).expect("a commit record is plain data");
        pretty(&value).into_bytes()
    }

    /// Reads a record; `None` where it is damaged or of a format that this program cannot finish.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|commit: &Self| commit.version == COMMIT_VERSION)
    }
}

/// JSON as Python writes it with `indent=2`: ASCII only, because readers in another locale break on anything else.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = ascii(&serde_json::to_string_pretty(value).expect("a JSON value can be written"));
    text.push('\n');
    text
}

fn quoted(text: &str) -> String {
    ascii(&Value::from(text).to_string())
}

fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
