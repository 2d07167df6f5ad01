//! Choosing: folder by folder as the walk finds them, each file either left alone with a reason or handed to a slot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::passes::{Hand, lasts};
use super::{Run, ledger};
use crate::job::gate::Word;
use crate::job::{self, Task, recover};
use crate::model::error::Kind;
use crate::model::event::{Event, Level};
use crate::model::outcome::{FailCode, Failed, Outcome};
use crate::model::plan::{Decision, Skip, SkipCode};
use crate::plan;
use crate::scan::examine::{self, Examined, Rules};
use crate::scan::walk::{File, Folder};
use crate::scan::{journal, recall};
use crate::share::library::Library;
use crate::share::{cache, layout, survey};
use crate::sys;
use crate::sys::stop::{self, Stop};

/// What to do about a file that nothing can read.
const HINT: &str = "get another copy of the file, or leave it out with --exclude; it was left alone";

/// A file that changed a moment ago: looked at again when everything else is done.
pub(super) struct Young {
    folder: PathBuf,
    file: File,
    library: Library,
}

/// What is to be done with a file.
pub(super) enum Choice {
    Skip(Skip),
    Fail(Failed),
    Go(Box<Examined>),
    Later,
}

impl Run<'_> {
    pub(super) fn over(&self) -> bool {
        stop::asked() > Stop::No
            || matches!(self.gate.word(), Word::Leave(_))
            || self.options.limit.is_some_and(|limit| self.tally().summary.converted >= limit)
    }

    /// The media files of a folder that this run is about.
    pub(super) fn wanted<'f>(&self, root: &Path, folder: &'f Folder) -> Vec<&'f File> {
        let relative = sys::path::key(root, &folder.path).map(|key| key.0).unwrap_or_default();
        let wants = |file: &&File| {
            let path =
                if relative.is_empty() { file.name.clone() } else { format!("{relative}/{}", file.name) };
            plan::is_media_extension(&sys::path::extension(Path::new(&file.name)), self.options.types)
                && self.filter.wants(&path)
        };
        folder.files.iter().filter(wants).collect()
    }

    /// What the fleet remembers of a folder, and this machine better.
    pub(super) fn memos(&self, folder: &Folder, library: &Library) -> cache::Folder {
        // Whether or not the walk saw a cache here: that may have been days ago.
        let mut memos = cache::read(&folder.path);
        self.repeat_learnt(folder, &mut memos, library);
        if let Some(fault) = &memos.fault {
            self.note(
                Level::Warn,
                Some(folder.path.clone()),
                format!("what was learnt here before is not readable: {fault}"),
            );
        }
        memos
    }

    /// Chooses in one folder. True: nothing is left to do there until something changes.
    pub(super) fn choose_folder(&self, folder: &Folder, hand: &mut Hand<'_>) -> bool {
        let Some((root, library)) = self.library_of(&folder.path) else { return true };
        self.tidy(folder, library);
        let mut files = self.wanted(root, folder);
        let state = self.options.stay.then(|| folder.state());
        if files.is_empty() || state.is_some_and(|state| self.settled.has(&folder.path, &state)) {
            return true;
        }
        // Several machines in one folder start at different files and rarely meet.
        let turn = (self.spread % files.len() as u64) as usize;
        files.rotate_left(turn);
        let memos = self.memos(folder, library);
        let mut settled = true;
        for file in files {
            if self.over() {
                settled = false;
                break;
            }
            let choice = match self.choose(&folder.path, file, library, Some(&memos), true) {
                Choice::Go(seen) => untaken(seen, file, folder),
                choice => choice,
            };
            settled &= matches!(&choice, Choice::Skip(skip) if lasts(skip.code));
            self.act(&folder.path, file, library, choice, hand);
        }
        if !self.options.dry_run {
            self.ledger.flush(&folder.path, self.sink.as_ref());
        }
        if let Some(state) = state.filter(|_| settled) {
            self.settled.put(&folder.path, state);
        }
        settled
    }

    /// A file named by the user: what was remembered of it is set aside.
    pub(super) fn choose_file(&self, path: &Path, library: &Library, hand: &mut Hand<'_>) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
            return;
        };
        let Ok(stamp) = sys::fs::stamp(path) else { return };
        {
            let mut tally = self.tally();
            tally.files += 1;
            tally.bytes += stamp.size;
        }
        let file = File { name: name.to_owned(), stamp };
        let choice = self.choose(folder, &file, library, None, true);
        self.act(folder, &file, library, choice, hand);
        if !self.options.dry_run {
            self.ledger.flush(folder, self.sink.as_ref());
        }
    }

    /// Waits, at most the minimum age, for files that had changed just before, and takes those that stayed quiet.
    pub(super) fn choose_young(&self, hand: &mut Hand<'_>) {
        let young = std::mem::take(&mut hand.young);
        if !young.is_empty() && !self.over() {
            let text = format!(
                "{} files changed less than {} ago and may still be copied; looking again when they have been quiet for that long",
                young.len(),
                crate::job::span(self.options.min_age.as_secs_f64())
            );
            self.note(Level::Info, None, text);
        }
        let since = sys::clock::boot();
        for Young { folder, file, library } in young {
            let path = folder.join(&file.name);
            // The last of them came in when the walk ended; none waits longer than the minimum age from now.
            let waited = sys::clock::boot().saturating_sub(since);
            let age =
                Duration::try_from_secs_f64(sys::clock::wall() - file.stamp.sec as f64).unwrap_or_default();
            let rest = self.options.min_age.saturating_sub(age.max(waited));
            if self.over() || stop::sleep(rest) {
                return;
            }
            let choice = match sys::fs::stamp(&path) {
                Ok(now) if now == file.stamp => self.choose(&folder, &file, &library, None, false),
                Ok(_) => Choice::Skip(Skip {
                    code: SkipCode::TooYoung,
                    words: "it is still being written".to_owned(),
                }),
                Err(_) => Choice::Skip(Skip { code: SkipCode::Gone, words: "it is gone".to_owned() }),
            };
            self.act(&folder, &file, &library, choice, hand);
        }
    }

    pub(super) fn choose(
        &self,
        folder: &Path,
        file: &File,
        library: &Library,
        memos: Option<&cache::Folder>,
        may_wait: bool,
    ) -> Choice {
        if let Some(memo) = memos.and_then(|memos| memos.memo(&file.name, &file.stamp))
            && let Some(skip) = recall::skip(memo, &self.digest, sys::clock::wall())
        {
            return Choice::Skip(skip);
        }
        // By this machine's clock, so only a hint; under the claim the file server's own clock decides.
        let age = sys::clock::wall() - file.stamp.sec as f64;
        if may_wait && (0.0..self.options.min_age.as_secs_f64()).contains(&age) {
            return Choice::Later;
        }
        let path = folder.join(&file.name);
        let caps = self.bench.caps();
        let rules = Rules {
            tools: &self.options.tools,
            caps: &caps,
            policy: &self.options.policy,
            types: self.options.types,
        };
        let key = sys::path::key(&library.root, &path);
        let known =
            key.as_ref().and_then(|key| self.store.media_get(&library.id, key, &file.stamp, &self.by));
        let was_known = known.is_some();
        let shared = || memos.and_then(|memos| memos.facts(&file.name, &file.stamp));
        let examined = match known {
            Some(media) => examine::recalled(&path, file.stamp, media, rules),
            None => match shared() {
                Some(facts) => examine::hinted(&path, file.stamp, facts.media, rules),
                None => examine::examine(&path, rules),
            },
        };
        match examined {
            Ok(examined) => {
                if let Some(key) = key.as_ref().filter(|_| !was_known) {
                    self.store.media_put(&library.id, key, &examined.stamp, &self.by, &examined.media);
                }
                match examined.decision {
                    Decision::Skip(skip) => {
                        if let Some(addition) = ledger::skipped(
                            &file.name,
                            examined.stamp,
                            &skip,
                            Some(examined.media),
                            &self.digest,
                            &self.by,
                        ) {
                            self.remember(folder, addition);
                        }
                        Choice::Skip(skip)
                    }
                    Decision::Convert(_) => {
                        // A file that the user names is looked at afresh.
                        let known = memos.and_then(|_| self.recognise(&path, file, library));
                        known.map_or_else(|| Choice::Go(Box::new(examined)), Choice::Skip)
                    }
                }
            }
            // Converted by another machine, moved or deleted since the listing.
            Err(_) if !sys::fs::is_listed(&path).unwrap_or(true) => {
                Choice::Skip(Skip { code: SkipCode::Gone, words: "it is gone".to_owned() })
            }
            Err(error) => {
                let code = if error.kind == Kind::Media { FailCode::Unreadable } else { FailCode::Io };
                if code == FailCode::Unreadable {
                    self.remember(
                        folder,
                        ledger::unreadable(&file.name, file.stamp, &error.line(), &self.digest),
                    );
                }
                Choice::Fail(Failed {
                    code,
                    words: error.line(),
                    hint: error.hint.or_else(|| Some(HINT.to_owned())),
                    stderr: None,
                    retry: code != FailCode::Unreadable,
                })
            }
        }
    }

    /// The same content was met before, under another name or with another time: a result of ours is never converted again.
    fn recognise(&self, path: &Path, file: &File, library: &Library) -> Option<Skip> {
        let fate = self.results.get(&library.root)?.find_file(path, file.stamp.size)?;
        let skip = recall::fate(&fate, &self.digest)?;
        let folder = path.parent()?;
        self.remember(folder, ledger::recognised(&file.name, file.stamp, &fate, &skip.words));
        Some(skip)
    }

    /// What this machine learnt here by working and the share does not know any more is said again.
    fn repeat_learnt(&self, folder: &Folder, shared: &mut cache::Folder, library: &Library) {
        if self.options.dry_run {
            return;
        }
        let key = sys::path::key(&library.root, &folder.path).map(|key| key.0).unwrap_or_default();
        let journal = journal::compare(self.store.learnt(&library.id, &key), &folder.files, shared);
        for name in &journal.outdated {
            self.store.unlearn(&library.id, &key, name);
        }
        for memo in journal.missing {
            shared.know(memo.clone());
            self.remember(&folder.path, cache::Addition::of(memo, None));
        }
    }

    fn remember(&self, folder: &Path, addition: cache::Addition) {
        if !self.options.dry_run {
            self.ledger.add(folder, addition);
        }
    }

    /// In a dry run: whether the result's name is still free when the files before it have become theirs.
    fn promise(&self, seen: Box<Examined>, file: &File, folder: &Path) -> Choice {
        let Some(target) = new_name(&seen, file) else { return Choice::Go(seen) };
        if self.tally().promised.insert(folder.join(sys::path::folded(&target))) {
            return Choice::Go(seen);
        }
        let words = format!("another file here becomes «{target}» first");
        Choice::Skip(Skip { code: SkipCode::NameTaken, words })
    }

    pub(super) fn act(
        &self,
        folder: &Path,
        file: &File,
        library: &Library,
        choice: Choice,
        hand: &mut Hand<'_>,
    ) {
        let path = folder.join(&file.name);
        let choice = match choice {
            // A dry run promises nothing that no job would do.
            Choice::Go(seen) if self.options.dry_run => match job::cut_short(&path) {
                Some(failed) => Choice::Fail(failed),
                None => self.promise(seen, file, folder),
            },
            choice => choice,
        };
        match choice {
            Choice::Later if self.options.dry_run => {
                let skip = Skip { code: SkipCode::TooYoung, words: "it changed a moment ago".to_owned() };
                self.skip(path, skip);
            }
            Choice::Later => {
                hand.young.push(Young {
                    folder: folder.to_owned(),
                    file: file.clone(),
                    library: library.clone(),
                });
            }
            Choice::Skip(skip) => self.skip(path, skip),
            Choice::Fail(failed) => {
                self.tally().failed(failed.code);
                let outcome = Box::new(Outcome::Failed(failed));
                self.sink.emit(&Event::JobEnded {
                    job: self.job_id(),
                    path: path.clone(),
                    outcome: outcome.clone(),
                });
                self.examine(&path, &outcome);
            }
            Choice::Go(seen) if self.options.dry_run => {
                self.tally().summary.planned += 1;
                if let Decision::Convert(plan) = seen.decision {
                    self.sink.emit(&Event::Planned { path, plan });
                }
            }
            Choice::Go(seen) => {
                // A watch comes by while its own jobs still run.
                if self.is_in_hand(&path) || !self.wait_for_slot(hand) || self.is_in_hand(&path) {
                    return;
                }
                if !self.slots.enter(&self.gate) {
                    return;
                }
                let mut tally = self.tally();
                tally.running += 1;
                tally.in_hand.insert(path.clone());
                drop(tally);
                hand.sent += 1;
                let task = Task { id: self.job_id(), path, library: library.clone(), seen: *seen };
                if let Err(refused) = hand.send.send(task) {
                    // Every slot has ended: only a bug does that, and the run's summary must not hide it.
                    self.slots.leave();
                    let mut tally = self.tally();
                    tally.running -= 1;
                    tally.in_hand.remove(&refused.0.path);
                    tally.failed(FailCode::Io);
                }
            }
        }
    }

    fn is_in_hand(&self, path: &Path) -> bool {
        self.tally().in_hand.contains(path)
    }

    pub(super) fn skip(&self, path: PathBuf, skip: Skip) {
        self.tally().skipped(skip.code);
        self.sink.emit(&Event::Skipped { path, skip });
    }

    /// What dead workers left in a folder whose listing shows names of ours, and originals whose days in it are over.
    pub(super) fn tidy(&self, folder: &Folder, library: &Library) {
        if self.options.dry_run {
            return;
        }
        if folder.has_claims {
            self.sweep(&folder.path, library);
        }
        // On a nested mount each folder has a trash of its own.
        if folder.path != library.root && folder.names.iter().any(|name| name == layout::LIBRARY_DIR) {
            self.empty_trash_of(&folder.path);
        }
    }

    fn sweep(&self, folder: &Path, library: &Library) {
        let swept = match survey::sweep(folder, &self.options.terms, &self.memory) {
            Ok(swept) => swept,
            Err(error) => return self.note(Level::Warn, Some(folder.to_owned()), error.to_string()),
        };
        let say = |text: String| {
            self.tally().summary.recovered += 1;
            self.note(Level::Warn, Some(folder.to_owned()), text);
        };
        for half in swept.half_done {
            say(recover::finish(half, folder, &library.root));
        }
        for (survivor, name) in swept.stranded {
            match recover::put_back(&survivor, &name) {
                Ok(Some(text)) => say(text),
                Ok(None) => {}
                Err(error) => self.note(
                    Level::Error,
                    Some(survivor),
                    format!(
                        "this displaced original could not be put back: {error}; the next run tries again"
                    ),
                ),
            }
        }
        for text in swept.removed {
            self.note(Level::Info, Some(folder.to_owned()), text);
        }
    }
}

/// The name of what a file is to become; `None` where it keeps its own.
fn new_name(seen: &Examined, file: &File) -> Option<String> {
    let Decision::Convert(plan) = &seen.decision else { return None };
    job::new_name(plan, &file.name)
}

/// A result whose name another file has already is not worth a claim; under the claim the name is looked for again.
fn untaken(seen: Box<Examined>, file: &File, folder: &Folder) -> Choice {
    let Some(target) = new_name(&seen, file) else { return Choice::Go(seen) };
    if job::is_taken(folder.names.iter().map(|name| &**name), &target) {
        let words = format!("«{target}» is there already");
        return Choice::Skip(Skip { code: SkipCode::NameTaken, words });
    }
    Choice::Go(seen)
}
