//! One attempt at a claim: from a new token to a claim of ours, or to the reason why not.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::bell::{self, Ringing, Rung};
use super::claim::{Acquired, Claim, Doorbells, Holder, Memory, Terms};
use super::layout;
use super::look::{self, ServerTime};
use super::pulse::{Bell, Pulse};
use super::record::Info;
use super::site::{Site, make_own_dir, write_record};
use super::stand::{Stand, half_done};
use super::steps::{Call, Claimed, Claiming, Turn};
use crate::sys;

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
        Ok(Some(Attempt::Mine(mine))) => {
            let Mine { info, bells: hung, renewed, now, taken_from } = *mine;
            let pulse = Pulse::start(stand.site.clone(), info, hung, *terms, renewed)?;
            Ok(Some(Acquired::Mine(Claim::new(stand, pulse, now, terms, bells, taken_from))))
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
    Mine(Box<Mine>),
    Held(Holder),
    HalfDone { owner: String, sealer: String },
}

/// What a claim of ours begins with.
struct Mine {
    info: Info,
    bells: Vec<Bell>,
    /// By the clock since boot: before the record was written.
    renewed: Duration,
    now: Option<ServerTime>,
    taken_from: Option<Holder>,
}

impl Stand {
    fn attempt(
        &self,
        source: &Path,
        terms: &Terms,
        memory: &dyn Memory,
        bells: Doorbells,
        verdict: Verdict,
    ) -> io::Result<Option<Attempt>> {
        let (site, token) = (&self.site, &self.token);
        // From here on by paths that a client need not walk: on SMB each folder on a path that something was just made in
        // is a round trip for every call.
        let folder = sys::fs::Anchor::at(&site.dir);
        let near = Site { dir: folder.path().to_owned(), hash: site.hash.clone() };
        make_own_dir(&near.work(token))?;
        super::step("claim.work");
        let work = sys::fs::Anchor::at(&near.work(token));
        let now = ServerTime::of(work.path());
        let staging = work.path().join(layout::CLAIM_STAGING);
        make_own_dir(&staging)?;
        super::step("claim.staging");
        make_own_dir(&staging.join(layout::own(token)))?;
        let renewed = sys::clock::boot();
        let wall = now.map_or(0.0, |now| now.0).max(sys::clock::wall());
        let local = sys::clock::local_iso(sys::clock::wall());
        let info = Info::new(sys::host::me(), token, source, terms, wall, local);
        let record = work.path().join(layout::INFO);
        write_record(&record, &info.bytes())?;
        super::step("claim.info");

        let (mut holder, mut state, mut fault) = (None, None, None);
        let mut judge = |owner: &str| {
            let look = look::at_owner(site, owner, now, memory)?;
            let dead = look.opinion.dead || verdict == Verdict::Dead;
            holder = Some(look.holder);
            state = look.state;
            Ok(dead)
        };
        let mut machine = Claiming::start();
        let end = loop {
            let seen = match machine.call(token) {
                Call::Publish => near.publish(token, work.path(), &mut fault),
                call => site.make(token, &call, &mut judge, &mut fault)?,
            };
            match machine.turn(token, seen) {
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
        let ringing = Ringing { site, token, now, ttl: terms.stale_after, memory };
        let mut hung = Vec::new();
        for path in bells.of(source, terms) {
            let near = folder.path().join(path.file_name().unwrap_or_default());
            match bell::ring((&record, &near), &path, &ringing)? {
                Rung::Yes { linked } => hung.push(Bell { path, linked }),
                Rung::TooLong => {}
                Rung::Held(by) => {
                    for bell in &hung {
                        bell::silence(&bell.path, site, token)?;
                    }
                    return Ok(Some(Attempt::Held(by)));
                }
            }
        }
        super::step("claim.doorbell");
        let mine = Mine { info, bells: hung, renewed, now, taken_from: from.and(holder) };
        Ok(Some(Attempt::Mine(Box::new(mine))))
    }
}
