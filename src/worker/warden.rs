//! Watches the machine and its people while a run lasts, and says at the gate what they allow. The decisions are those of
//! `guard`, `ramp` and `health`; here is what looks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::guard::{self, Facts, Held, Reason, Rules};
use super::health::{Health, Need};
use super::ramp::{Ramp, Seen};
use super::servers::Server;
use super::{Run, checkup};
use crate::job::gate::Word;
use crate::model::event::{Event, Level, Standing};
use crate::model::outcome::Outcome;
use crate::model::schedule::Moment;
use crate::share::board::{Notice, Place};
use crate::share::pause;
use crate::sys;
use crate::sys::vitals::{self, Busy};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at the share, where somebody may have paused the fleet.
const SHARE: Duration = Duration::from_secs(3);
/// Between two looks at sensors and media servers.
const SLOW: Duration = Duration::from_secs(10);
/// The first look may take this long before work begins.
const FIRST: Duration = Duration::from_secs(6);
/// Some program waits for memory this part of the time: percent.
const STALLED: f64 = 20.0;
/// What the store calls the number of jobs that an earlier run came to.
const NOTE: &str = "jobs";

/// What a warden looks at.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    pub rules: Rules,
    /// The file that pauses this machine.
    pub own_pause: Option<PathBuf>,
    /// Kind, address and key of each media server.
    pub media_servers: Vec<String>,
}

/// Facts that may take seconds to learn, or for ever on a dead share: learnt by a thread that nobody waits for.
#[derive(Debug, Default)]
struct Slow {
    state: Mutex<SlowFacts>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct SlowFacts {
    looked: bool,
    over: bool,
    fleet_paused: Option<String>,
    playing: Vec<String>,
    /// Servers that do not answer, in words.
    silent: Vec<String>,
    gpu_temperature: Option<u32>,
    cpu_temperature: Option<u32>,
    on_battery: Option<bool>,
    /// The cards, in words.
    cards: Vec<String>,
    /// What is to hang on the board of each library.
    notices: Vec<(PathBuf, Notice)>,
    /// Nothing of ours hangs there any more.
    left: bool,
}

impl SlowFacts {
    fn look(&mut self, servers: &[Server]) {
        self.playing.clear();
        self.silent.clear();
        for server in servers {
            match server.playing() {
                Ok(what) => self.playing.extend(what),
                Err(why) => self.silent.push(why),
            }
        }
        let cards = sys::gpu::look();
        self.gpu_temperature = cards.temperature;
        self.cards = cards.words;
        self.cpu_temperature = vitals::cpu_temperature();
        self.on_battery = vitals::on_battery();
    }
}

impl Slow {
    fn lock(&self) -> MutexGuard<'_, SlowFacts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks again and again until the run is over. Not in the run's own scope: a share that hangs must not hold up its end.
    fn start(self: &Arc<Self>, pauses: Vec<PathBuf>, servers: Vec<Server>) {
        let slow = Arc::clone(self);
        let looks = move || {
            let mut looked: Option<Duration> = None;
            let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
            loop {
                let before = slow.lock().clone();
                let fleet_paused = pauses.iter().find_map(|file| match pause::read(file) {
                    Ok(pause) => pause.map(|pause| pause.words()),
                    // Whether it is there cannot be told now: what was known holds.
                    Err(_) => before.fleet_paused.clone(),
                });
                let now = sys::clock::boot();
                let mut fresh = SlowFacts { fleet_paused, looked: true, ..before };
                if looked.is_none_or(|at| now.saturating_sub(at) >= SLOW) {
                    looked = Some(now);
                    fresh.look(&servers);
                }
                let mut facts = slow.lock();
                fresh.over = facts.over;
                fresh.notices = std::mem::take(&mut facts.notices);
                let notices = fresh.notices.clone();
                *facts = fresh;
                slow.changed.notify_all();
                drop(facts);
                for (root, notice) in notices {
                    let place = places.entry(root).or_insert_with_key(|root| Place::on(root));
                    if let Err(error) = place.post(&notice, now) {
                        tracing::debug!("nothing could be said on the board: {error}");
                    }
                }
                let facts = slow.lock();
                // The first notice is posted at once: a run from a timer is often over in less than a look's time, and
                // it too takes down what the dead left.
                let nothing_to_do =
                    |facts: &mut SlowFacts| !facts.over && (!places.is_empty() || facts.notices.is_empty());
                let (facts, _) = slow
                    .changed
                    .wait_timeout_while(facts, SHARE, nothing_to_do)
                    .unwrap_or_else(PoisonError::into_inner);
                if facts.over {
                    drop(facts);
                    for mut place in places.into_values() {
                        place.leave();
                    }
                    slow.lock().left = true;
                    slow.changed.notify_all();
                    return;
                }
            }
        };
        if std::thread::Builder::new().name("warden".to_owned()).spawn(looks).is_err() {
            let mut facts = self.lock();
            (facts.looked, facts.left) = (true, true);
        }
    }
}

/// The warden of a run.
#[derive(Debug)]
pub(super) struct Warden {
    slow: Arc<Slow>,
    held: Held,
    silent: Vec<String>,
    busy: Option<(Duration, Busy)>,
    others: Option<u32>,
    /// Free memory when nothing ran yet.
    memory_before: Option<u64>,
    ramp: Option<Ramp>,
    /// Without one: how many of the jobs may run.
    admitted: usize,
}

impl Warden {
    /// Begins to look; the first look is made before any work begins.
    pub fn begin(run: &Run<'_>, roots: &[PathBuf]) -> Self {
        let watch = &run.options.watch;
        let slow = Arc::new(Slow::default());
        let pauses = roots.iter().map(|root| crate::share::layout::pause(root)).collect();
        slow.start(pauses, watch.media_servers.iter().filter_map(|text| Server::of(text)).collect());
        let unlooked = |facts: &mut SlowFacts| !facts.looked;
        drop(slow.changed.wait_timeout_while(slow.lock(), FIRST, unlooked));
        let ramp = run.options.ramp.then(|| {
            let before = run.store.note(NOTE, &run.options.policy.name).and_then(|text| text.parse().ok());
            Ramp::new(before.unwrap_or(1), run.options.jobs)
        });
        if let Some(ramp) = &ramp {
            run.slots.set(ramp.slots());
        }
        let memory_before = vitals::memory();
        let jobs = run.options.jobs;
        // All at once where all are sure to find memory, which is nearly everywhere.
        let all = has_room(run, memory_before, memory_before, jobs.saturating_sub(1));
        let admitted = if all { jobs } else { 1 };
        if ramp.is_none() {
            run.slots.set(admitted);
        }
        let mut warden = Self {
            slow,
            held: Held::new(),
            silent: Vec::new(),
            busy: None,
            others: None,
            memory_before,
            ramp,
            admitted,
        };
        warden.look(run);
        warden
    }

    /// Looks until `over`; to be run in a thread of its own.
    pub fn watch(mut self, run: &Run<'_>, over: &(Mutex<bool>, Condvar)) {
        loop {
            let lock = over.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (lock, _) =
                over.1.wait_timeout_while(lock, LOOK, |over| !*over).unwrap_or_else(PoisonError::into_inner);
            if *lock {
                break;
            }
            drop(lock);
            self.look(run);
        }
        if let Some(ramp) = &self.ramp {
            run.store.set_note(NOTE, &run.options.policy.name, &ramp.slots().to_string());
        }
        self.slow.lock().over = true;
        self.slow.changed.notify_all();
        // The notice is to be gone when we are, but a share that hangs holds nobody up.
        let hangs = |facts: &mut SlowFacts| !facts.left;
        drop(self.slow.changed.wait_timeout_while(self.slow.lock(), FIRST, hangs));
    }

    fn look(&mut self, run: &Run<'_>) {
        let facts = self.facts(run);
        self.held = guard::judge(&facts, &run.options.watch.rules, &self.held);
        let word = guard::word(&self.held);
        if run.gate.say(word.clone()) {
            run.sink.emit(&Event::Standing { standing: standing(&word), why: word.why().map(str::to_owned) });
        }
        match self.ramp {
            Some(_) => self.climb(run, facts.memory),
            None => self.admit(run, facts.memory),
        }
        self.tell(run);
        let need = run.health().clocks(sys::clock::wall(), sys::clock::boot());
        run.heed(need);
    }

    fn facts(&mut self, run: &Run<'_>) -> Facts {
        let watch = &run.options.watch;
        let slow = self.slow.lock().clone();
        if slow.silent != self.silent {
            for why in slow.silent.iter().filter(|why| !self.silent.contains(why)) {
                run.note(Level::Warn, None, format!("{why}; the work goes on"));
            }
            self.silent.clone_from(&slow.silent);
        }
        let now = sys::clock::boot();
        if watch.rules.max_load.is_some()
            && self.busy.as_ref().is_none_or(|(at, _)| now.saturating_sub(*at) >= SLOW)
            && let Some(busy) = vitals::busy()
        {
            self.others = self.busy.as_ref().and_then(|(_, before)| busy.since(before));
            self.busy = Some((now, busy));
        }
        let paused = watch.own_pause.as_deref().and_then(|file| pause::read(file).ok().flatten());
        let (day, minute) = sys::clock::local_moment();
        Facts {
            now: Some(Moment { day, minute }),
            paused: paused.map(|pause| pause.words()),
            fleet_paused: slow.fleet_paused,
            on_battery: slow.on_battery,
            gpu_temperature: slow.gpu_temperature,
            cpu_temperature: slow.cpu_temperature,
            memory: vitals::memory(),
            others: self.others,
            playing: slow.playing,
        }
    }

    /// What the fleet may read of us.
    fn tell(&self, run: &Run<'_>) {
        let word = run.gate.word();
        let me = sys::host::me();
        let caps = run.bench.caps();
        let in_hand: Vec<PathBuf> = run.tally().in_hand.iter().cloned().collect();
        let mut slow = self.slow.lock();
        slow.notices = run
            .roots
            .iter()
            .map(|(root, _)| {
                let below = |path: &PathBuf| Some(sys::path::key(root, path)?.0);
                let mut files: Vec<String> = in_hand.iter().filter_map(below).collect();
                files.sort();
                let notice = Notice {
                    version: 1,
                    host: me.hostname.clone(),
                    pid: me.pid,
                    program: env!("CARGO_PKG_VERSION").to_owned(),
                    ffmpeg: caps.version.clone(),
                    profile: run.options.policy.name.clone(),
                    standing: standing(&word).word().to_owned(),
                    why: word.why().map(str::to_owned),
                    jobs: self.ramp.as_ref().map_or(self.admitted, Ramp::slots),
                    files,
                    cards: slow.cards.clone(),
                    encoders: caps.encoders.clone(),
                    decoders: caps.decoders.clone().unwrap_or_default(),
                };
                (root.clone(), notice)
            })
            .collect();
        drop(slow);
        self.slow.changed.notify_all();
    }

    /// A fixed number of jobs, as far as there is memory: they begin one by one where there is little.
    fn admit(&mut self, run: &Run<'_>, memory: Option<u64>) {
        let running = run.slots.running();
        self.admitted = if has_room(run, self.memory_before, memory, running) {
            (self.admitted + 1).min(run.options.jobs)
        } else {
            running.clamp(1, run.options.jobs)
        };
        run.slots.set(self.admitted);
    }

    /// More or fewer jobs at once.
    fn climb(&mut self, run: &Run<'_>, memory: Option<u64>) {
        let Some(ramp) = &mut self.ramp else { return };
        if run.gate.word() != Word::Go && !self.held.contains_key(&Reason::Memory) {
            // Jobs that stand still say nothing about how many are good.
            return;
        }
        let running = run.slots.running();
        let room = has_room(run, self.memory_before, memory, running);
        let short = self.held.contains_key(&Reason::Memory)
            || vitals::memory_stall().is_some_and(|percent| percent >= STALLED);
        let processor = vitals::busy().map(|busy| (busy.idle, busy.all));
        let seen = Seen { done: run.work.done(), running, processor, pressure: short, room };
        if let Some((jobs, why)) = ramp.look(sys::clock::boot(), seen) {
            run.slots.set(jobs);
            run.sink.emit(&Event::Jobs { jobs, why });
        }
    }
}

/// There is memory for one more than those that run.
fn has_room(run: &Run<'_>, before: Option<u64>, now: Option<u64>, running: usize) -> bool {
    let (Some(floor), Some(free)) = (run.options.watch.rules.min_memory, now) else { return true };
    guard::Memory { before: before.unwrap_or(free), free, floor, running }.has_room()
}

fn standing(word: &Word) -> Standing {
    match word {
        Word::Go => Standing::Working,
        Word::Hold(_) => Standing::Holding,
        Word::Pause(_) => Standing::Paused,
        Word::Leave(_) => Standing::Leaving,
    }
}

impl Run<'_> {
    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an outcome into account that may be the machine's doing.
    pub(super) fn examine(&self, path: &std::path::Path, outcome: &Outcome) {
        let need = self.health().job(path, outcome);
        let is_settled = need == Need::Examination || matches!(outcome, Outcome::Converted(_));
        self.heed(need);
        if is_settled {
            self.settle(&self.gate.word());
        }
    }

    /// The failures of the last files were theirs, or this machine's.
    pub(super) fn settle(&self, word: &Word) {
        let suspects = std::mem::take(&mut *self.suspects.lock().unwrap_or_else(PoisonError::into_inner));
        if matches!(word, Word::Leave(_)) {
            return;
        }
        for lesson in suspects {
            self.teach(lesson);
        }
    }

    fn heed(&self, need: Need) {
        let why = match need {
            Need::Nothing => return,
            Need::Withdrawal(why) => why,
            Need::Examination => match checkup::find(self) {
                Some(why) => why,
                None => return,
            },
        };
        if self.gate.say(Word::Leave(why.clone())) {
            self.note(
                Level::Error,
                None,
                format!("this machine withdraws: {why}; its claims are released, others can take the files"),
            );
            self.sink.emit(&Event::Standing { standing: Standing::Leaving, why: Some(why) });
        }
    }
}
