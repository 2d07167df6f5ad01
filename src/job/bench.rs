//! Which encoders jobs may use at this moment: those that proved themselves, less those that failed in mid-job lately;
//! and which of several cards the next job takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::caps::Caps;
use crate::model::plan::{Action, Plan, ToneMapper};
use crate::store::Store;
use crate::sys;

/// Rest after the first failure; twice as long after each further one.
const REST: Duration = Duration::from_secs(600);
/// An encoder that failed this often is out until ffmpeg, the driver or the card changes, or `caps --refresh`.
const OUT: u32 = 3;
/// What the store calls our notes.
const NOTE: &str = "probation";

/// An encoder on a device.
pub type Post = (String, Option<String>);

/// One encoder's failures. Pure: time comes in, by any clock that only goes forward.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mark {
    failures: u32,
    until: Duration,
    why: String,
}

/// Who failed, how often, and until when they rest.
#[derive(Clone, Debug, Default, PartialEq)]
struct Probation(BTreeMap<Post, Mark>);

/// A mark as it is kept between runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub encoder: String,
    pub device: Option<String>,
    pub failures: u32,
    /// Seconds of rest that were left when this was written.
    pub rest: f64,
    pub why: String,
}

impl Kept {
    /// It is not coming back by itself.
    pub fn is_out(&self) -> bool {
        self.failures >= OUT
    }
}

impl Probation {
    fn failed(&mut self, post: &Post, why: &str, now: Duration) {
        let mark = self.0.entry(post.clone()).or_default();
        mark.failures = (mark.failures + 1).min(OUT);
        mark.until = now + rest_after(mark.failures);
        why.clone_into(&mut mark.why);
    }

    /// One success makes up for one failure; it does not shorten a rest, since it may come from a job that began before.
    fn worked(&mut self, post: &Post, now: Duration) -> bool {
        let Some(mark) = self.0.get_mut(post).filter(|mark| mark.until <= now && mark.failures < OUT) else {
            return false;
        };
        mark.failures -= 1;
        if mark.failures == 0 {
            self.0.remove(post);
        }
        true
    }

    fn rests(&self, post: &Post, now: Duration) -> bool {
        self.0.get(post).is_some_and(|mark| mark.failures >= OUT || mark.until > now)
    }

    fn kept(&self, now: Duration) -> Vec<Kept> {
        let one = |((encoder, device), mark): (&Post, &Mark)| Kept {
            encoder: encoder.clone(),
            device: device.clone(),
            failures: mark.failures,
            rest: mark.until.saturating_sub(now).as_secs_f64(),
            why: mark.why.clone(),
        };
        self.0.iter().map(one).collect()
    }

    /// What earlier runs kept. No clock is compared with theirs: a rest goes on where it stood.
    fn of(kept: Vec<Kept>, now: Duration) -> Self {
        let one = |kept: Kept| {
            let failures = kept.failures.clamp(1, OUT);
            let rest = Duration::try_from_secs_f64(kept.rest).unwrap_or_default().min(rest_after(failures));
            ((kept.encoder, kept.device), Mark { failures, until: now + rest, why: kept.why })
        };
        Self(kept.into_iter().map(one).collect())
    }
}

fn rest_after(failures: u32) -> Duration {
    REST * 2u32.saturating_pow(failures.saturating_sub(1))
}

/// The encoders of a run.
#[derive(Debug)]
pub struct Bench {
    all: Caps,
    /// Under which conditions `all` was found; the notes of others say nothing about us.
    conditions: String,
    store: Arc<Store>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    probation: Probation,
    /// Jobs on each post now.
    busy: BTreeMap<Post, u32>,
    current: Option<(Vec<Post>, Arc<Caps>)>,
}

/// A job's place at an encoder; it is free again when this is dropped.
#[derive(Debug)]
#[must_use = "the place is free when it is dropped"]
pub struct Seat<'a> {
    bench: &'a Bench,
    post: Option<Post>,
}

impl Bench {
    pub fn new(all: Caps, conditions: String, store: Arc<Store>) -> Self {
        let probation = Probation::of(on_probation(&store, &conditions), sys::clock::boot());
        Self { all, conditions, store, state: Mutex::new(State { probation, ..State::default() }) }
    }

    /// What may be used now.
    pub fn caps(&self) -> Arc<Caps> {
        let now = sys::clock::boot();
        let mut state = self.state();
        let resting: Vec<Post> =
            state.probation.0.keys().filter(|post| state.probation.rests(post, now)).cloned().collect();
        match &state.current {
            Some((before, caps)) if *before == resting => Arc::clone(caps),
            _ => {
                let rests = |name: &str, device: &Option<String>| {
                    resting.iter().any(|(n, d)| n == name && d == device)
                };
                let mut caps = self.all.without(|cap| rests(&cap.name, &cap.device));
                if let Some(decoders) = &mut caps.decoders {
                    decoders.retain(|cap| !rests(&decoder(&cap.accel, &cap.codec), &cap.device));
                }
                if rests(LIBPLACEBO, &None) {
                    caps.libplacebo = None;
                }
                let caps = Arc::new(caps);
                state.current = Some((resting, Arc::clone(&caps)));
                caps
            }
        }
    }

    /// Software alone.
    pub fn software(&self) -> Caps {
        let mut caps = self.all.without(|cap| cap.hardware);
        caps.decoders = None;
        caps.libplacebo = None;
        caps
    }

    /// Our own jobs use every session of the plan's encoder that there is.
    pub fn is_full(&self, plan: &Plan) -> bool {
        let name = plan.streams.iter().find_map(|stream| match &stream.action {
            Action::Video(encode) if self.all.is_hardware(&encode.encoder) => Some(&encode.encoder),
            _ => None,
        });
        let caps = self.caps();
        let state = self.state();
        name.is_some_and(|name| {
            caps.devices(name).all(|cap| {
                let busy = state.busy.get(&(cap.name.clone(), cap.device.clone())).copied().unwrap_or(0);
                // Eight were tried; a card that ran all of them may well run more.
                cap.sessions.is_some_and(|sessions| sessions < 8 && busy >= sessions)
            })
        })
    }

    /// Takes a place at the plan's encoder; of several cards the one with the fewest jobs, which the plan then names.
    pub fn seat<'a>(&'a self, plan: &mut Plan, codec: &str) -> Seat<'a> {
        let encodes = plan.streams.iter_mut().filter_map(|stream| match &mut stream.action {
            Action::Video(encode) => Some(encode),
            _ => None,
        });
        let caps = self.caps();
        let mut post: Option<Post> = None;
        let mut state = self.state();
        for encode in encodes.filter(|encode| self.all.is_hardware(&encode.encoder)) {
            let ten_bit = encode.pix_fmt.contains("10");
            let free = caps
                .devices(&encode.encoder)
                .filter(|cap| cap.ten_bit || !ten_bit)
                .map(|cap| (encode.encoder.clone(), cap.device.clone()))
                .min_by_key(|post| state.busy.get(post).copied().unwrap_or(0));
            // All streams of one file stay on one card.
            let chosen = post.clone().or(free).unwrap_or((encode.encoder.clone(), encode.device.clone()));
            encode.device.clone_from(&chosen.1);
            post = Some(chosen);
        }
        let decodes = plan.streams.iter().find_map(|stream| match &stream.action {
            Action::Video(encode) => encode.decode.clone(),
            _ => None,
        });
        // Software that is fed by a card's decoder: what may fail is the decoder.
        let post = post.or_else(|| decodes.map(|way| (decoder(&way.accel, codec), way.device)));
        let maps = plan.streams.iter().any(
            |s| matches!(&s.action, Action::Video(encode) if encode.tone_mapper == ToneMapper::Libplacebo),
        );
        let post = post.or_else(|| maps.then(|| (LIBPLACEBO.to_owned(), None)));
        if let Some(post) = &post {
            *state.busy.entry(post.clone()).or_default() += 1;
        }
        Seat { bench: self, post }
    }

    fn change(&self, change: impl FnOnce(&mut Probation, Duration) -> bool) {
        let now = sys::clock::boot();
        let mut state = self.state();
        if change(&mut state.probation, now) {
            let kept = serde_json::to_string(&state.probation.kept(now)).unwrap_or_default();
            drop(state);
            self.store.set_note(NOTE, &self.conditions, &kept);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The card's tone mapping among the posts.
const LIBPLACEBO: &str = "libplacebo";

/// A decoder's name among the posts.
fn decoder(accel: &str, codec: &str) -> String {
    format!("{accel} decoding {codec}")
}

/// Who is on probation, as the last run on this machine left it.
pub fn on_probation(store: &Store, conditions: &str) -> Vec<Kept> {
    store.note(NOTE, conditions).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Everybody gets another chance.
pub fn forgive_all(store: &Store, conditions: &str) {
    store.set_note(NOTE, conditions, "[]");
}

impl Seat<'_> {
    /// The encoder has a device of its own, so that there is something else to try.
    pub fn is_hardware(&self) -> bool {
        self.post.is_some()
    }

    /// It failed in mid-job, and the file is not known to be at fault.
    pub fn failed(&self, why: &str) {
        if let Some(post) = &self.post {
            self.bench.change(|probation, now| {
                probation.failed(post, why, now);
                true
            });
        }
    }

    /// Software failed on the same file, too: it was not the encoder.
    pub fn forgive(&self) {
        if let Some(post) = &self.post {
            self.bench.change(|probation, _| {
                let Some(mark) = probation.0.get_mut(post) else { return false };
                mark.failures -= 1;
                mark.until = Duration::ZERO;
                if mark.failures == 0 {
                    probation.0.remove(post);
                }
                true
            });
        }
    }

    pub fn worked(&self) {
        if let Some(post) = &self.post {
            self.bench.change(|probation, now| probation.worked(post, now));
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(post) = &self.post
            && let Some(busy) = self.bench.state().busy.get_mut(post)
        {
            *busy = busy.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OUT, Post, Probation, REST};
    use std::time::Duration;

    fn post() -> Post {
        ("h264_nvenc".to_owned(), None)
    }

    #[test]
    fn an_encoder_that_failed_rests_comes_back_and_is_out_after_three_failures() {
        let mut probation = Probation::default();
        let mut now = Duration::from_secs(1000);
        assert!(!probation.rests(&post(), now));
        for failures in 1..OUT {
            probation.failed(&post(), "it broke", now);
            assert!(probation.rests(&post(), now));
            now += REST * failures;
            assert!(!probation.rests(&post(), now), "after {failures}");
        }
        probation.failed(&post(), "it broke", now);
        assert!(probation.rests(&post(), now + Duration::from_secs(1_000_000)));
        assert!(!probation.worked(&post(), now + Duration::from_secs(1_000_000)), "out is out");
    }

    #[test]
    fn a_success_makes_up_for_a_failure_but_does_not_shorten_the_rest() {
        let mut probation = Probation::default();
        probation.failed(&post(), "it broke", Duration::ZERO);
        assert!(!probation.worked(&post(), REST / 2));
        assert!(probation.rests(&post(), REST / 2));
        assert!(probation.worked(&post(), REST));
        assert_eq!(probation, Probation::default());
    }

    #[test]
    fn what_is_kept_goes_on_where_it_stood_whatever_the_next_clock_says() {
        let mut probation = Probation::default();
        probation.failed(&post(), "it broke", Duration::from_secs(50_000));
        let kept = probation.kept(Duration::from_secs(50_100));
        let later = Probation::of(kept, Duration::from_secs(7));
        assert!(later.rests(&post(), Duration::from_secs(7 + 499)));
        assert!(!later.rests(&post(), Duration::from_secs(7 + 501)));
    }

    #[test]
    fn a_damaged_note_can_neither_panic_nor_ban_for_ever() {
        for rest in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            let kept =
                super::Kept { encoder: "a".into(), device: None, failures: 0, rest, why: String::new() };
            let probation = Probation::of(vec![kept], Duration::ZERO);
            assert!(!probation.rests(&("a".into(), None), REST + Duration::from_secs(1)), "{rest}");
        }
    }
}
