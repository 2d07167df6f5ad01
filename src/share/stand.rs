//! What a claim stands on: one token, its work folder, and the machines of `steps` run for it.

use std::io;
use std::path::{Path, PathBuf};

use super::bell;
use super::claim::{Acquired, HalfDone, Holder, Terms};
use super::layout;
use super::record::{self, Commit, Info};
use super::site::{Live, Site, make_own_dir, outlast, write_own};
use super::steps::{Ending, Inside, SealEnd, Sealing, Turn, referenced};
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

    /// Marks the record as left.
    pub fn leave(&self, source: &Path, terms: &Terms) {
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
    pub fn abandon(self) {
        self.end(Ending::release(self.token.clone()));
        self.remove();
    }

    /// Removes the work folder, unless the lock directory still refers to it. What it could still publish goes first,
    /// so that the look is final.
    pub fn remove(self) {
        let result = self.site.unstage(&self.token).and_then(|()| {
            let mut listing = Vec::new();
            // Our own entry was removed just now. Whoever looks into it keeps it listed; one that is sealed is there to stay.
            outlast(|| {
                listing = self.site.listing()?;
                let own = listing.iter().find(|(owner, _)| *owner == self.token);
                Ok(!matches!(own, Some((_, Inside::Open | Inside::Gone))))
            })?;
            if referenced(&self.token, &listing) {
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
