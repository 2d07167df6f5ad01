//! May this machine work now? Pure: facts and rules in, a word and its reasons out.
//!
//! A fact that nobody could tell holds nobody up: a machine without a thermometer is no hot machine.

use std::collections::BTreeMap;

use crate::job::gate::Word;
use crate::model::schedule::{Moment, Schedule};

/// What is known of the machine and its people at this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub now: Option<Moment>,
    /// `media-converter pause` on this machine, and in words by whom.
    pub paused: Option<String>,
    /// `media-converter pause --fleet`, likewise.
    pub fleet_paused: Option<String>,
    pub on_battery: Option<bool>,
    /// °C.
    pub gpu_temperature: Option<u32>,
    pub cpu_temperature: Option<u32>,
    /// Bytes that programs can still have.
    pub memory: Option<u64>,
    /// Percent of the processor that other programs use.
    pub others: Option<u32>,
    /// What media servers play, in words.
    pub playing: Vec<String>,
}

/// What to do about something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Finish the running files, start no new ones.
    Finish,
    /// Stop the running files where they are.
    Pause,
}

/// The user's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    pub active: Schedule,
    pub when_inactive: Option<Manner>,
    pub battery: Option<Manner>,
    pub while_playing: Option<Manner>,
    /// °C.
    pub max_gpu_temperature: Option<u32>,
    pub max_cpu_temperature: Option<u32>,
    /// Bytes.
    pub min_memory: Option<u64>,
    /// Percent.
    pub max_load: Option<u32>,
}

/// What can stand in the way, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Paused,
    Fleet,
    Schedule,
    Playing,
    Battery,
    GpuTemperature,
    CpuTemperature,
    Memory,
    Load,
}

/// What a job is taken to need before one was seen: bytes.
const ONE_JOB: u64 = 256 << 20;

/// What there is to know about memory before one more job begins: bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Free before anything ran.
    pub before: u64,
    /// Free now.
    pub free: u64,
    /// To stay free.
    pub floor: u64,
    /// Jobs that run.
    pub running: usize,
}

impl Memory {
    /// Another job leaves the floor alone, also when those that have just begun have taken what is theirs.
    pub fn has_room(&self) -> bool {
        let running = self.running as u64;
        let used = self.before.saturating_sub(self.free);
        let each = used.checked_div(running).unwrap_or(0).max(ONE_JOB);
        let to_come = each.saturating_mul(running).saturating_sub(used);
        self.free.saturating_sub(to_come).saturating_sub(each) >= self.floor
    }
}

/// What stands in the way now, each with what to do about it and why in words.
pub type Held = BTreeMap<Reason, (Manner, String)>;

/// How much better it must be before what held us up counts as over, so that we do not flap: °C, percent of the floor, percent.
const COOLER: u32 = 8;
const MORE_MEMORY: u64 = 25;
const QUIETER: u32 = 15;

/// What stands in the way. `before`: what did so at the last look.
pub fn judge(facts: &Facts, rules: &Rules, before: &Held) -> Held {
    let mut held = Held::new();
    let was = |reason| before.contains_key(&reason);
    if let Some(who) = &facts.paused {
        held.insert(
            Reason::Paused,
            (Manner::Pause, format!("paused{who}; go on with `media-converter resume`")),
        );
    }
    if let Some(who) = &facts.fleet_paused {
        let why = format!("the fleet is paused{who}; go on with `media-converter resume --fleet DIR`");
        held.insert(Reason::Fleet, (Manner::Pause, why));
    }
    if let Some((manner, now)) = rules.when_inactive.zip(facts.now)
        && !rules.active.is_open(now)
    {
        let opens = rules.active.opens(now).map(|at| format!(" until {at}")).unwrap_or_default();
        held.insert(Reason::Schedule, (manner, format!("outside the hours of `active`{opens}")));
    }
    if let Some(manner) = rules.while_playing.filter(|_| !facts.playing.is_empty()) {
        held.insert(Reason::Playing, (manner, facts.playing.join("; ")));
    }
    if let Some(manner) = rules.battery.filter(|_| facts.on_battery == Some(true)) {
        held.insert(Reason::Battery, (manner, "this machine runs on battery".to_owned()));
    }
    for (reason, what, degrees, limit) in [
        (Reason::GpuTemperature, "graphics card", facts.gpu_temperature, rules.max_gpu_temperature),
        (Reason::CpuTemperature, "processor", facts.cpu_temperature, rules.max_cpu_temperature),
    ] {
        let Some((degrees, limit)) = degrees.zip(limit) else { continue };
        let limit_now = if was(reason) { limit.saturating_sub(COOLER) } else { limit };
        if degrees >= limit_now {
            // Finishing would heat on for an hour.
            held.insert(reason, (Manner::Pause, format!("the {what} has {degrees} °C, {limit} are allowed")));
        }
    }
    if let Some((free, floor)) = facts.memory.zip(rules.min_memory) {
        let floor_now = if was(Reason::Memory) { floor + floor / 100 * MORE_MEMORY } else { floor };
        if free < floor_now {
            // A stopped program keeps its memory: only ends give some back.
            let why = format!("{} MiB of memory are left, {} are to stay free", free >> 20, floor >> 20);
            held.insert(Reason::Memory, (Manner::Finish, why));
        }
    }
    if let Some((others, limit)) = facts.others.zip(rules.max_load) {
        let limit_now = if was(Reason::Load) { limit.saturating_sub(QUIETER).max(1) } else { limit };
        if others >= limit_now {
            let why = format!("other programs use {others} % of the processor, {limit} are allowed");
            held.insert(Reason::Load, (Manner::Pause, why));
        }
    }
    held
}

/// The strictest of what stands in the way, all reasons in its words.
pub fn word(held: &Held) -> Word {
    let all = |manner| {
        let words: Vec<&str> =
            held.values().filter(|(m, _)| *m == manner).map(|(_, why)| why.as_str()).collect();
        (!words.is_empty()).then(|| words.join("; "))
    };
    match (all(Manner::Pause), all(Manner::Finish)) {
        (Some(why), _) => Word::Pause(why),
        (None, Some(why)) => Word::Hold(why),
        (None, None) => Word::Go,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            active: Schedule::parse(&["Mon-Fri 22:00-07:00".into(), "Sat-Sun".into()]).unwrap(),
            when_inactive: Some(Manner::Finish),
            battery: Some(Manner::Pause),
            while_playing: Some(Manner::Pause),
            max_gpu_temperature: Some(85),
            max_cpu_temperature: Some(95),
            min_memory: Some(1 << 30),
            max_load: Some(50),
        }
    }

    const NIGHT: Option<Moment> = Some(Moment { day: 0, minute: 23 * 60 });
    const DAY: Option<Moment> = Some(Moment { day: 0, minute: 12 * 60 });

    fn after(facts: &Facts, before: &[Reason]) -> (Word, Vec<Reason>) {
        let before = before.iter().map(|reason| (*reason, (Manner::Pause, String::new()))).collect();
        let held = judge(facts, &rules(), &before);
        (word(&held), held.into_keys().collect())
    }

    #[track_caller]
    fn check(facts: &Facts, before: &[Reason], expected: &[Reason]) {
        assert_eq!(after(facts, before).1, expected, "{facts:?}");
    }

    #[test]
    fn nothing_known_is_nothing_in_the_way() {
        assert_eq!(after(&Facts::default(), &[]).0, Word::Go);
        let everything = [Reason::Battery, Reason::GpuTemperature, Reason::Memory, Reason::Load];
        assert_eq!(after(&Facts::default(), &everything).0, Word::Go, "also where something was before");
    }

    #[test]
    fn each_fact_alone_holds_with_its_reason() {
        let quiet = Facts { now: NIGHT, ..Facts::default() };
        check(&quiet.clone(), &[], &[]);
        check(&Facts { now: DAY, ..quiet.clone() }, &[], &[Reason::Schedule]);
        check(&Facts { paused: Some(String::new()), ..quiet.clone() }, &[], &[Reason::Paused]);
        check(&Facts { fleet_paused: Some(String::new()), ..quiet.clone() }, &[], &[Reason::Fleet]);
        check(&Facts { on_battery: Some(true), ..quiet.clone() }, &[], &[Reason::Battery]);
        check(&Facts { on_battery: Some(false), ..quiet.clone() }, &[], &[]);
        check(&Facts { gpu_temperature: Some(84), ..quiet.clone() }, &[], &[]);
        check(&Facts { gpu_temperature: Some(85), ..quiet.clone() }, &[], &[Reason::GpuTemperature]);
        check(&Facts { cpu_temperature: Some(96), ..quiet.clone() }, &[], &[Reason::CpuTemperature]);
        check(&Facts { memory: Some(1 << 29), ..quiet.clone() }, &[], &[Reason::Memory]);
        check(&Facts { others: Some(50), ..quiet.clone() }, &[], &[Reason::Load]);
        check(&Facts { others: Some(49), ..quiet.clone() }, &[], &[]);
        check(&Facts { playing: vec!["Plex plays".into()], ..quiet }, &[], &[Reason::Playing]);
    }

    #[test]
    fn what_held_must_be_clearly_better_before_it_is_over() {
        let facts = |gpu| Facts { now: NIGHT, gpu_temperature: Some(gpu), ..Facts::default() };
        for degrees in [78, 84] {
            check(&facts(degrees), &[Reason::GpuTemperature], &[Reason::GpuTemperature]);
        }
        check(&facts(76), &[Reason::GpuTemperature], &[]);
        let memory = |mib: u64| Facts { now: NIGHT, memory: Some(mib << 20), ..Facts::default() };
        check(&memory(1100), &[], &[]);
        check(&memory(1100), &[Reason::Memory], &[Reason::Memory]);
        check(&memory(1300), &[Reason::Memory], &[]);
        let others = |percent| Facts { now: NIGHT, others: Some(percent), ..Facts::default() };
        check(&others(40), &[Reason::Load], &[Reason::Load]);
        check(&others(34), &[Reason::Load], &[]);
    }

    #[test]
    fn a_week_of_hours_and_either_manner_at_their_end() {
        // (day, hour, minute, open): Monday is 0.
        for (day, hour, minute, open) in [
            (0, 21, 59, false),
            (0, 22, 0, true),
            (1, 6, 59, true),
            (1, 7, 0, false),
            (4, 23, 0, true),
            (5, 3, 0, true),
            (5, 12, 0, true),
            (6, 23, 59, true),
            (0, 0, 0, false),
        ] {
            let now = Some(Moment { day, minute: hour * 60 + minute });
            for (manner, word) in [(Manner::Finish, "hold"), (Manner::Pause, "pause")] {
                let rules = Rules { when_inactive: Some(manner), ..rules() };
                let facts = Facts { now, ..Facts::default() };
                let said = match super::word(&judge(&facts, &rules, &Held::new())) {
                    Word::Go => "go",
                    Word::Hold(_) => "hold",
                    Word::Pause(_) => "pause",
                    Word::Leave(_) => "leave",
                };
                assert_eq!(said, if open { "go" } else { word }, "day {day}, {hour}:{minute:02}");
            }
        }
    }

    #[test]
    fn a_pause_outweighs_a_hold_and_says_only_what_pauses() {
        let facts = Facts { now: DAY, on_battery: Some(true), ..Facts::default() };
        assert_eq!(after(&facts, &[]).0, Word::Pause("this machine runs on battery".into()));
        let facts = Facts { now: DAY, memory: Some(0), ..Facts::default() };
        let Word::Hold(why) = after(&facts, &[]).0 else { panic!("soft reasons only") };
        assert!(why.contains("until Mon 22:00") && why.contains("memory"), "{why}");
    }

    #[test]
    fn one_more_job_begins_only_where_memory_is_left_when_all_have_taken_theirs() {
        // Before, free now, to stay free, all in MiB; jobs; room for another.
        for (before, free, floor, running, room) in [
            (2000, 2000, 100, 0, true),
            (300, 300, 100, 0, false),
            // Three have just begun, and hardly show: 4 × 256 do not fit.
            (1000, 990, 100, 3, false),
            (1200, 1190, 100, 3, true),
            // Two that are seen to take 700 each.
            (3000, 1600, 100, 2, true),
            (2000, 600, 100, 2, false),
            // Others gave memory back meanwhile.
            (1000, 1500, 100, 1, true),
        ] {
            let bytes = |mib: u64| mib << 20;
            let memory = Memory { before: bytes(before), free: bytes(free), floor: bytes(floor), running };
            assert_eq!(memory.has_room(), room, "{before} {free} {floor} {running}");
        }
    }

    #[test]
    fn rules_that_are_off_look_at_nothing() {
        let facts = Facts {
            now: DAY,
            on_battery: Some(true),
            gpu_temperature: Some(200),
            cpu_temperature: Some(200),
            memory: Some(0),
            others: Some(100),
            playing: vec!["x".into()],
            ..Facts::default()
        };
        assert_eq!(judge(&facts, &Rules::default(), &Held::new()), Held::new());
    }
}
