//! Memos on their way to the shared cache: gathered per folder, written in one go, kept where a folder is busy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::job::Ended;
use crate::model::event::{Event, Level, Sink};
use crate::model::key::Stamp;
use crate::model::media::MediaInfo;
use crate::model::outcome::{FailCode, Outcome};
use crate::model::plan::{Skip, SkipCode};
use crate::share::cache::{self, Addition, Facts, Memo, Verdict};
use crate::share::results::Fate;
use crate::sys;

/// Additions not yet on the share.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pending: Mutex<BTreeMap<PathBuf, Vec<Addition>>>,
}

impl Ledger {
    pub fn add(&self, folder: &Path, addition: Addition) {
        self.lock().entry(folder.to_owned()).or_default().push(addition);
    }

    /// Writes a folder's additions; where somebody else is writing they wait for the next call.
    pub fn flush(&self, folder: &Path, sink: &dyn Sink) {
        let Some(additions) = self.lock().remove(folder) else { return };
        match cache::add(folder, &additions) {
            Ok(true) => {}
            Ok(false) => self.lock().entry(folder.to_owned()).or_default().extend(additions),
            // What was learnt is only a saving of work: the run goes on without it.
            Err(error) => sink.emit(&Event::Note {
                level: Level::Warn,
                path: Some(folder.to_owned()),
                text: format!("what was learnt here could not be shared: {error}"),
            }),
        }
    }

    /// Writes everything that is left, with a few tries for busy folders.
    pub fn flush_all(&self, sink: &dyn Sink) {
        for attempt in 0..5 {
            let folders: Vec<PathBuf> = self.lock().keys().cloned().collect();
            if folders.is_empty() {
                return;
            }
            if attempt > 0 {
                // Asked to stop or not, the last of what was learnt is worth a second.
                let pause = std::time::Duration::from_millis(100 << attempt);
                let _ = sys::stop::sleep_unless(pause, sys::stop::Stop::Now);
            }
            for folder in folders {
                self.flush(&folder, sink);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Vec<Addition>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn memo(name: String, stamp: Stamp, digest: &str, verdict: Verdict, words: String, tries: u32) -> Memo {
    Memo {
        name,
        stamp,
        print: None,
        policy: digest.to_owned(),
        verdict,
        words,
        tries,
        host: sys::host::me().hostname.clone(),
        at: sys::clock::wall(),
    }
}

/// What a finished job teaches; `None` where it says nothing about the file.
pub(super) fn addition(ended: &Ended, digest: &str, by: &str, tries: u32) -> Option<Addition> {
    let (path, stamp, print, media) = ended.subject.clone()?;
    let name = path.file_name()?.to_str()?.to_owned();
    let (verdict, words, tries) = match &ended.outcome {
        Outcome::Converted(_) => (Verdict::Converted, "converted".to_owned(), 0),
        Outcome::Skipped(skip) => (verdict(skip.code)?, skip.words.clone(), 0),
        Outcome::Failed(failed) => match failed.code {
            // Not the file's doing, and no reason to wait before the next try.
            FailCode::Interrupted
            | FailCode::ClaimLost
            | FailCode::SourceChanged
            | FailCode::Killed
            | FailCode::Space
            | FailCode::ReadOnly
            | FailCode::Io => return None,
            code if code.is_the_files_fault() => (Verdict::Bad, failed.words.clone(), tries + 1),
            _ => (Verdict::Failed, failed.words.clone(), tries + 1),
        },
    };
    let mut memo = memo(name, stamp, digest, verdict, words, tries);
    memo.print = print;
    Some(Addition::of(memo, facts(media, by)))
}

fn facts(media: Option<MediaInfo>, by: &str) -> Option<Facts> {
    media.map(|media| Facts { by: by.to_owned(), media })
}

/// What a skip without a job teaches.
pub(super) fn skipped(
    name: &str,
    stamp: Stamp,
    skip: &Skip,
    media: Option<MediaInfo>,
    digest: &str,
    by: &str,
) -> Option<Addition> {
    let verdict = verdict(skip.code)?;
    let memo = memo(name.to_owned(), stamp, digest, verdict, skip.words.clone(), 0);
    Some(Addition::of(memo, facts(media, by)))
}

/// What a content that was met under another name teaches of the file that holds it now.
pub(super) fn recognised(name: &str, stamp: Stamp, fate: &Fate, words: &str) -> Addition {
    let memo = memo(name.to_owned(), stamp, &fate.policy, fate.verdict, words.to_owned(), 0);
    Addition::of(memo, None)
}

/// What a file that ffprobe cannot read teaches.
pub(super) fn unreadable(name: &str, stamp: Stamp, words: &str, digest: &str) -> Addition {
    Addition::of(memo(name.to_owned(), stamp, digest, Verdict::Bad, words.to_owned(), 1), None)
}

/// Skips worth remembering for everybody; the others are about this moment or this machine.
fn verdict(code: SkipCode) -> Option<Verdict> {
    match code {
        SkipCode::Fits => Some(Verdict::Fits),
        SkipCode::NotMedia | SkipCode::WouldLose => Some(Verdict::LeftAlone),
        SkipCode::NotSmaller => Some(Verdict::NotSmaller),
        _ => None,
    }
}
