//! Taking a claim from a holder whom nothing proves dead, because a person says so. Safe like any takeover: a live holder
//! finds out at its next beat or its seal and drops its work.

use std::io;
use std::path::Path;

use super::attempt::take_by_force;
use super::bell::{self, Whose};
use super::claim::{Acquired, HalfDone, Memory, Terms};
use super::layout;
use super::site::Site;
use super::stand::Stand;
use crate::model::error::{Error, Result};
use crate::sys;

/// How often it is tried where holders change meanwhile.
const ATTEMPTS: u32 = 5;

/// What forcing came to.
#[derive(Debug)]
pub enum Forced {
    /// What was taken away, in words; empty: nobody held the file.
    Cleared(Vec<String>),
    /// The holder's swap had begun: the caller finishes or undoes it, which is the end of the claim.
    HalfDone(Box<HalfDone>),
}

/// Takes every claim and lock on `source` away, whoever holds it, and releases it.
pub fn force(source: &Path, terms: &Terms, memory: &dyn Memory) -> Result<Forced> {
    take(source, terms, memory).map_err(|error| Error::io("take the claim away", source, error))
}

fn take(source: &Path, terms: &Terms, memory: &dyn Memory) -> io::Result<Forced> {
    let site = Site::of(source);
    let mut cleared = Vec::new();
    for _ in 0..ATTEMPTS {
        if site.owners()?.is_empty() {
            return foreign_locks(&site, source).map(|locks| {
                cleared.extend(locks);
                Forced::Cleared(cleared)
            });
        }
        match take_by_force(&site, terms, memory)? {
            Some(Acquired::Mine(claim)) => {
                let from = claim.taken_from.clone();
                claim.release();
                cleared.extend(from.map(|holder| {
                    format!("the claim of {} (pid {}): {}", holder.hostname, holder.pid, holder.what)
                }));
            }
            Some(Acquired::HalfDone(half)) => return Ok(Forced::HalfDone(Box::new(half))),
            _ => {}
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "it keeps changing hands; stop the workers first"))
}

/// The file's lock files. None of ours is held any more; one that is hung again in this moment keeps its name.
fn foreign_locks(site: &Site, source: &Path) -> io::Result<Vec<String>> {
    let mut cleared = Vec::new();
    let stand = Stand::new(site.clone());
    for lock in [layout::doorbell(source), layout::legacy_doorbell(source)] {
        let is_there = match bell::whose(&lock, &stand.token)? {
            Whose::Nobody | Whose::Mine => false,
            Whose::Another | Whose::Foreign => true,
        };
        if is_there {
            super::site::make_own_dir(&stand.work)?;
            bell::take_away(&lock, site, &stand.token, &|_| true)?;
            if !sys::fs::is_listed(&lock)? {
                cleared.push(lock.display().to_string());
            }
        }
    }
    stand.remove();
    Ok(cleared)
}
