//! What a claim stands on: one token, its work folder, and the machines of `steps` run for it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bell::{self, Ringing, Rung};
use super::claim::{Acquired, Claim, Doorbells, HalfDone, Holder, Memory, Terms};
use super::layout;
use super::look::{self, ServerTime};
use super::pulse::{Bell, Pulse};
use super::record::{self, Commit, Info};
use super::site::{Live, Site, make_own_dir, write_own};
use super::steps::{Claimed, Claiming, Ending, SealEnd, Sealing, Turn, referenced};
use crate::sys;

/// What a claim stands on, as long as this process uses the token.
#[derive(Debug)]
pub(super) struct Stand {
    pub site: Site,
    pub token: String,
    pub work: PathBuf,
    live: Live,
}

/// What clearing away after a half-done swap needs.
#[derive(Debug)]
pub(super) struct HalfEnd {
    pub site: Site,
    pub owner: String,
    pub sealer: String,
}

/// One attempt with one token; `None`: something moved, ask again.
pub(super) fn attempt_claim(
    source: &Path,
    terms: &Terms,
    memory: &dyn Memory,
    bells: Doorbells,
) -> io::Result<Option<Acquired>> {
    attempt_at(Site::of(source), source, terms, memory, bells, Verdict::ByEvidence)
}

/// Asks for a stem's claim without a file in view, to clear it: no doorbell, no look at the folder.
pub(super) fn take_stale(site: &Site, terms: &Terms, memory: &dyn Memory) -> io::Result<Option<Acquired>> {
    attempt_at(site.clone(), &site.lock(), terms, memory, Doorbells::None, Verdict::ByEvidence)
}

/// As [`take_stale`], from whoever holds it.
pub(super) fn take_by_force(site: &Site, terms: &Terms, memory: &dyn Memory) -> io::Result<Option<Acquired>> {
    attempt_at(site.clone(), &site.lock(), terms, memory, Doorbells::None, Verdict::Dead)
}

/// What a holder is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    ByEvidence,
    /// Dead, as a person says.
    Dead,
}

fn attempt_at(
    site: Site,
    source: &Path,
    terms: &Terms,
    memory: &dyn Memory,
    bells: Doorbells,
    verdict: Verdict,
) -> io::Result<Option<Acquired>> {
    let stand = Stand::new(site);
    match stand.attempt(source, terms, memory, bells, verdict) {
        Ok(Some(Attempt::Mine(info, bells, renewed, taken_from))) => {
            let pulse = Pulse::start(stand.site.clone(), *info, bells, *terms, renewed)?;
            Ok(Some(Acquired::Mine(Claim { held: Some((stand, pulse)), taken_from })))
        }
        Ok(Some(Attempt::HalfDone { owner, sealer })) => {
            let half = half_done(&stand.site, &owner, &sealer);
            if owner == stand.token {
                // The entry is ours by name now, so our record has to outlive this attempt, and to keep nobody away.
                stand.leave(source, terms);
            } else {
                stand.abandon();
            }
            half
        }
        Ok(Some(Attempt::Held(holder))) => {
            stand.abandon();
            Ok(Some(Acquired::Held(holder)))
        }
        Ok(Some(Attempt::Gone)) => {
            stand.abandon();
            Ok(Some(Acquired::Gone))
        }
        Ok(None) => {
            stand.abandon();
            Ok(None)
        }
        Err(error) => {
            stand.abandon();
            Err(error)
        }
    }
}

/// How an attempt ended.
enum Attempt {
    Mine(Box<Info>, Vec<Bell>, Duration, Option<Holder>),
    Held(Holder),
    HalfDone { owner: String, sealer: String },
    Gone,
}

/// A dead worker's sealed swap as its folder tells it. Where the folder is empty the swap is over, and only the entry
/// is left to clear away: then `None`, to ask again.
pub(super) fn half_done(site: &Site, owner: &str, sealer: &str) -> io::Result<Option<Acquired>> {
    let end = HalfEnd { site: site.clone(), owner: owner.to_owned(), sealer: sealer.to_owned() };
    let work_dir = site.work(sealer);
    match sys::fs::read_small(&work_dir.join(layout::COMMIT), record::MOST_COMMIT_BYTES) {
        Ok(bytes) => match Commit::parse(&bytes) {
            Some(commit) => Ok(Some(Acquired::HalfDone(HalfDone { commit, work_dir, end }))),
            None => Ok(Some(Acquired::Held(Holder {
                hostname: "unknown".to_owned(),
                pid: layout::token_parts(sealer).map_or(0, |(_, pid)| pid),
                age: None,
                silent: None,
                what: format!(
                    "a half-done swap that this version cannot read; see {}",
                    work_dir.join(layout::COMMIT).display()
                ),
            }))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            end.clear(None);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Stand {
    /// A new token, not yet on the share.
    pub fn new(site: Site) -> Self {
        let token = layout::new_token();
        Self { work: site.work(&token), live: Live::new(&token), site, token }
    }

    fn attempt(
        &self,
        source: &Path,
        terms: &Terms,
        memory: &dyn Memory,
        bells: Doorbells,
        verdict: Verdict,
    ) -> io::Result<Option<Attempt>> {
        let (site, token) = (&self.site, self.token.as_str());
        make_own_dir(&self.work)?;
        super::step("claim.work");
        let now = ServerTime::of(&self.work);
        let staging = self.work.join(layout::CLAIM_STAGING);
        make_own_dir(&staging)?;
        make_own_dir(&staging.join(layout::own(token)))?;
        let renewed = sys::clock::boot();
        let wall = now.map_or(0.0, |now| now.0).max(sys::clock::wall());
        let local = sys::clock::local_iso(sys::clock::wall());
        let info = Info::new(sys::host::me(), token, source, terms, wall, local);
        write_own(&site.info(token), &info.bytes())?;
        super::step("claim.info");

        let (mut holder, mut state) = (None, None);
        let mut fault = None;
        let mut judge = |owner: &str| {
            let look = look::at_owner(site, owner, now, memory)?;
            let dead = look.opinion.dead || verdict == Verdict::Dead;
            holder = Some(look.holder);
            state = look.state;
            Ok(dead)
        };
        let mut machine = Claiming::start();
        let token_text = self.token.clone();
        let end = loop {
            let seen = site.make(token, &machine.call(&token_text), &mut judge, &mut fault)?;
            match machine.turn(&token_text, seen) {
                Turn::Go(next) => machine = next,
                Turn::End(end) => break end,
            }
        };
        let from = match end {
            Claimed::Mine { from } => from,
            Claimed::Held { by } => {
                return Ok(Some(Attempt::Held(match holder {
                    Some(holder) => holder,
                    None => look::at_owner(site, &by, now, memory)?.holder,
                })));
            }
            Claimed::HalfDone { owner, sealer } => return Ok(Some(Attempt::HalfDone { owner, sealer })),
            // A share that refuses (read-only, full) would be asked for ever.
            Claimed::Again => return fault.map_or(Ok(None), Err),
        };
        super::step("claim.mine");
        if let Some(state) = state.filter(|_| from.is_some()) {
            memory.forget(&state);
        }
        self.settle(source, terms, memory, bells, now).map(|settled| {
            Some(match settled {
                Ok(bells) => Attempt::Mine(Box::new(info), bells, renewed, from.and(holder)),
                Err(attempt) => attempt,
            })
        })
    }

    /// The claim is ours among ours: hangs the doorbell, and looks for locks of others and for the source.
    fn settle(
        &self,
        source: &Path,
        terms: &Terms,
        memory: &dyn Memory,
        bells: Doorbells,
        now: Option<ServerTime>,
    ) -> io::Result<std::result::Result<Vec<Bell>, Attempt>> {
        if bells == Doorbells::None {
            return Ok(Ok(Vec::new()));
        }
        let site = &self.site;
        let mut paths = vec![layout::doorbell(source)];
        if terms.legacy_locks {
            paths.push(layout::legacy_doorbell(source));
        }
        let mut ringing =
            Ringing { site, token: &self.token, names: &[], now, ttl: terms.stale_after, memory };
        let mut hung = Vec::new();
        let mut holder = None;
        // A Python result beside a lock matters only where there is such a lock, so the folder is listed after.
        for path in &paths {
            match bell::ring(path, &ringing)? {
                Rung::Yes { linked } => hung.push(Bell { path: path.clone(), linked }),
                Rung::TooLong => {}
                Rung::Held(by) => holder = Some(by),
            }
        }
        super::step("claim.doorbell");
        let names = bell::names(site)?;
        ringing.names = &names;
        if holder.is_none() {
            holder = bell::other_locks(&paths, &ringing)?;
        }
        let attempt = match holder {
            Some(holder) => Attempt::Held(holder),
            None if !names.iter().any(|name| source.file_name() == Some(name.as_ref()))
                && !sys::fs::is_listed(source)? =>
            {
                Attempt::Gone
            }
            None => return Ok(Ok(hung)),
        };
        for bell in &hung {
            bell::silence(&bell.path, site, &self.token)?;
        }
        Ok(Err(attempt))
    }

    /// Marks the record as left.
    fn leave(&self, source: &Path, terms: &Terms) {
        let mut info = Info::new(sys::host::me(), &self.token, source, terms, 0.0, String::new());
        info.left = true;
        // Where this fails, the claim is found stale by its silence.
        let _ = sys::fs::overwrite_in_place(&self.site.info(&self.token), &info.bytes());
    }

    /// Runs an ending; what it could not do is left to a sweep.
    pub fn end(&self, machine: Ending<String>) {
        run_ending(&self.site, &self.token, machine);
    }

    /// Ends an attempt that came to nothing. The entry may be there all the same: a reply may have been lost.
    fn abandon(self) {
        self.end(Ending::release(self.token.clone()));
        self.remove();
    }

    /// Removes the work folder, unless the lock directory still refers to it. What it could still publish goes first,
    /// so that the look is final.
    pub fn remove(self) {
        let result = self.site.unstage(&self.token).and_then(|()| {
            if referenced(&self.token, &self.site.listing()?) {
                return Ok(());
            }
            self.site.remove_work(&self.token).map(drop)
        });
        if let Err(error) = result {
            tracing::debug!("{} stays for a sweep: {error}", self.work.display());
        }
        drop(self.live);
    }
}

fn run_ending(site: &Site, me: &str, mut machine: Ending<String>) {
    let mut fault = None;
    loop {
        let seen = site.make(me, &machine.call(), &mut |_| Ok(false), &mut fault);
        if let Err(error) = seen {
            tracing::debug!("{}: {error}", site.lock().display());
        }
        match machine.turn() {
            Turn::Go(next) => machine = next,
            Turn::End(()) => return,
        }
    }
}

impl Stand {
    /// The commit record and the staged seal, complete before the seal is published.
    pub fn stage_seal(&self, commit: &Commit) -> io::Result<()> {
        super::step("seal.begin");
        write_own(&self.work.join(layout::COMMIT), &commit.bytes())?;
        sys::fs::sync_dir(&self.work)?;
        super::step("seal.commit");
        let staging = self.work.join(layout::SEAL_STAGING);
        make_own_dir(&staging)?;
        make_own_dir(&staging.join(layout::by(&self.token)))
    }

    pub fn seal(&self) -> io::Result<SealEnd> {
        let mut fault = None;
        let mut machine = Sealing::start();
        loop {
            let seen =
                self.site.make(&self.token, &machine.call(&self.token), &mut |_| Ok(false), &mut fault)?;
            match machine.turn(&self.token, &seen) {
                Turn::Go(next) => machine = next,
                Turn::End(end) => return Ok(end),
            }
        }
    }
}

impl HalfEnd {
    /// Clears away what is left of a swap that is over. Anybody may, also twice at once.
    pub fn clear(self, source: Option<&str>) {
        let Self { site, owner, sealer } = self;
        super::step("recover.clear");
        if let Some(source) = source {
            let source = site.dir.join(source);
            for bell in [layout::doorbell(&source), layout::legacy_doorbell(&source)] {
                if let Err(error) = bell::silence(&bell, &site, &sealer) {
                    tracing::debug!("{} stays for a sweep: {error}", bell.display());
                }
            }
        }
        run_ending(&site, &sealer, Ending::finish(owner.clone()));
        for token in [&sealer, &owner] {
            if let Err(error) = site.remove_work(token) {
                tracing::debug!("{} stays for a sweep: {error}", site.work(token).display());
            }
        }
    }
}
