//! The heartbeat of one claim: a thread that renews the record, and the time after which the claim counts as lost even if
//! that thread hangs in a call to a dead server.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bell::{self, Whose};
use super::record::Info;
use super::site::Site;
use crate::sys;
use crate::sys::fs::Created;

/// Every how many beats the doorbell is looked at.
const BELL_EVERY: u64 = 5;
/// Longest wait at the end for a beat that is under way.
const LAST_WORD: Duration = Duration::from_secs(5);

/// A running heartbeat.
#[derive(Debug)]
pub(super) struct Pulse {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    site: Site,
    bells: Vec<Bell>,
    terms: super::claim::Terms,
    state: Mutex<State>,
    changed: Condvar,
}

/// A doorbell of this claim.
#[derive(Clone, Debug)]
pub(super) struct Bell {
    pub path: PathBuf,
    /// A second name of the record, which a beat moves by itself.
    pub linked: bool,
}

#[derive(Debug)]
struct State {
    info: Info,
    /// By the clock since boot: when the last successful beat began.
    renewed: Duration,
    lost: Option<String>,
    stop: bool,
    beating: bool,
}

impl Pulse {
    /// Starts beating. `renewed`: when, before the record was written, the clock since boot was read.
    pub fn start(
        site: Site,
        info: Info,
        bells: Vec<Bell>,
        terms: super::claim::Terms,
        renewed: Duration,
    ) -> io::Result<Self> {
        let state = State { info, renewed, lost: None, stop: false, beating: false };
        let shared =
            Arc::new(Shared { site, bells, terms, state: Mutex::new(state), changed: Condvar::new() });
        let beating = Arc::clone(&shared);
        std::thread::Builder::new().name("heartbeat".to_owned()).spawn(move || beating.run())?;
        Ok(Self { shared })
    }

    /// Why the claim is lost, once it is.
    pub fn lost(&self) -> Option<String> {
        let state = self.shared.lock();
        if let Some(why) = &state.lost {
            return Some(why.clone());
        }
        let silent = sys::clock::boot().saturating_sub(state.renewed);
        (silent >= self.shared.terms.patience()).then(|| {
            format!(
                "the claim could not be renewed for {} s, so that others may soon take it; is the share reachable?",
                silent.as_secs()
            )
        })
    }

    /// A fresh look: whether, and by whom, the claim was taken over.
    pub fn taken(&self) -> Option<String> {
        let token = self.info().token;
        match self.shared.site.owners() {
            Ok(owners) if owners.contains(&token) => None,
            _ => self.shared.taker(&token).ok(),
        }
    }

    /// The record as it was written last.
    pub fn info(&self) -> Info {
        self.shared.lock().info.clone()
    }

    pub fn bells(&self) -> &[Bell] {
        &self.shared.bells
    }

    /// No beat begins after this. Waits for one that is under way, but not for ever: it may hang with the share.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.changed.notify_all();
        let until = sys::clock::boot() + LAST_WORD;
        while state.beating {
            let left = until.saturating_sub(sys::clock::boot());
            if left.is_zero() {
                return;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Leaves the claim to anybody, at once: what is left when it cannot be given up in order.
    pub fn leave(&self) {
        self.stop();
        let mut info = self.info();
        info.left = true;
        // Where this fails too, the claim is found stale by its silence.
        let _ = sys::fs::overwrite_in_place(&self.shared.site.info(&info.token), &info.bytes());
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut wait = self.terms.heartbeat;
        loop {
            let (mut info, started) = {
                let mut state = self.lock();
                let until = sys::clock::boot() + wait;
                loop {
                    if state.stop {
                        return;
                    }
                    let left = until.saturating_sub(sys::clock::boot());
                    if left.is_zero() {
                        break;
                    }
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                state.beating = true;
                (state.info.clone(), sys::clock::boot())
            };
            info.beat += 1;
            info.timestamp = sys::clock::wall().max(info.timestamp);
            let result = self.beat(&info);
            let mut state = self.lock();
            state.beating = false;
            self.changed.notify_all();
            match result {
                Ok(None) => {
                    state.info = info;
                    state.renewed = started;
                    wait = self.terms.heartbeat;
                }
                Ok(Some(why)) => {
                    state.lost = Some(why);
                    return;
                }
                // A server that restarts fails every call for a minute; lost() keeps the time.
                Err(_) => wait = self.terms.heartbeat / 4,
            }
        }
    }

    /// One beat. `Some`: why the claim is lost.
    fn beat(&self, info: &Info) -> io::Result<Option<String>> {
        super::step("beat");
        match sys::fs::overwrite_in_place(&self.site.info(&info.token), &info.bytes()) {
            Ok(()) => {}
            // The layer below has asked a listing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(self.taker(&info.token)?));
            }
            Err(error) => return Err(error),
        }
        // Two owners at once: a share with two roots, or one that lets a folder be renamed onto another that is not empty.
        if self.site.owners()? != [info.token.clone()] {
            return Ok(Some(self.taker(&info.token)?));
        }
        for bell in &self.bells {
            if !bell.linked {
                // No hard links: the doorbell is a file of its own.
                match bell::whose(&bell.path, &info.token)? {
                    Whose::Mine => sys::fs::overwrite_in_place(&bell.path, &info.bytes())?,
                    _ => return self.mend(bell, info),
                }
            } else if info.beat.is_multiple_of(BELL_EVERY)
                && bell::whose(&bell.path, &info.token)? != Whose::Mine
            {
                return self.mend(bell, info);
            }
        }
        Ok(None)
    }

    /// The doorbell is gone, or another hangs there.
    fn mend(&self, bell: &Bell, info: &Info) -> io::Result<Option<String>> {
        let made = if bell.linked {
            sys::fs::hard_link(&self.site.info(&info.token), &bell.path)?
        } else {
            sys::fs::write_new(&bell.path, &info.bytes())?
        };
        if made == Created::Yes {
            return Ok(None);
        }
        Ok(match bell::whose(&bell.path, &info.token)? {
            // A Python worker is not fenced; we are. So it is we who give way.
            Whose::Foreign => Some(format!("{} was taken by another program", bell.path.display())),
            _ => None,
        })
    }

    fn taker(&self, token: &str) -> io::Result<String> {
        let owners = self.site.owners()?;
        let Some(owner) = owners.iter().find(|owner| *owner != token) else {
            return Ok("the claim's folders were removed by somebody".to_owned());
        };
        if owners.iter().any(|owner| owner == token) {
            return Ok(format!(
                "two workers have this claim at once; has {} two roots, or does it replace folders that are not empty?",
                self.site.dir.display()
            ));
        }
        let by = sys::fs::read_small(&self.site.info(owner), super::record::MOST_LOCK_BYTES)
            .map(|bytes| super::record::lock(&bytes));
        Ok(match by {
            Ok(super::record::Lock::Ours(info)) => format!(
                "taken over by {} (pid {}), to whom this worker looked dead",
                info.identity.hostname, info.identity.pid
            ),
            _ => "taken over by another worker, to whom this one looked dead".to_owned(),
        })
    }
}
