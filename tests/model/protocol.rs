//! Workers on the modelled share. A pause is a worker that is not scheduled; a crash removes it; staleness is
//! *anything*: every holder may be judged dead at every moment, so no clock is trusted for safety.

use stateright::{Model, Property};

use super::super::steps::{
    Call, Claimed, Claiming, Ending, Inside, SealEnd, Sealing, Seen, Turn, referenced,
};
use super::share::{Fault, Handles, Share, TOKENS};

/// What a worker is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    Idle,
    Claim(Claiming<u8>),
    /// Look at the source afresh, holding the claim.
    Look,
    /// Transcode, verify, write the commit record.
    Work,
    Seal(Sealing),
    /// Look whether the stage file is still there, and whether the source is still the one it was made from.
    Check(Swap),
    /// Swap: consume the stage file.
    Swap(Swap),
    End(Ending<u8>, Clean),
    Remove(Clean),
    /// A work folder belongs to nobody, as far as was seen: what it could publish is gone, so look once more.
    Sweep(u8),
    Dead,
}

/// A sealed swap: whose entry, whose seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Swap {
    owner: u8,
    sealer: u8,
}

/// Work folders to remove at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Clean {
    own: u8,
    other: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    pub at: At,
    pub me: u8,
    attempts: u8,
    /// The entry that the next call is about is open: this object, for clients that act on what they opened.
    opened: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub share: Share,
    pub workers: Vec<Worker>,
    used: u8,
    crashes: u8,
    /// Replies that may still be lost, the operation to be carried out later (or once more).
    delays: u8,
    late: Option<(u8, Late)>,
    sweeps: u8,
    /// Takeovers that were believed, by the token they were from.
    heirs: [u8; TOKENS],
    /// A holder whom nobody took over from failed to seal.
    spoiled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    Call(Call<u8>, Option<usize>),
    Swap(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Step(usize),
    /// The judge says: alive.
    Alive(usize),
    GiveUp(usize),
    /// The reply is lost and the operation not yet carried out.
    Delay(usize),
    /// The operation is carried out now and once more later.
    Twice(usize),
    Deliver,
    Sweep(usize, u8),
    Crash(usize),
}

/// Known ways to get it wrong, planted one at a time; `Share`'s faults are among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    Carried(Fault),
    /// Looks at the lock directory before the swap, but does not seal.
    NoFence,
    /// Swaps if its own clock says that its time is not over.
    WallClock,
    /// Asks again with the token that failed.
    TokenReuse,
    /// Does not look for a seal after a takeover.
    BlindTakeover,
    /// Leaves a dead worker's staging in place.
    NoRevoke,
    /// Takes over while its own publish may still be under way.
    NoRetire,
}

#[derive(Clone, Debug)]
pub struct Protocol {
    pub workers: usize,
    /// How often each worker asks for a claim.
    pub attempts: u8,
    pub crashes: u8,
    pub delays: u8,
    pub sweeps: u8,
    pub handles: Handles,
    pub bug: Bug,
}

impl Protocol {
    fn fault(&self) -> Fault {
        match self.bug {
            Bug::Carried(fault) => fault,
            _ => Fault::None,
        }
    }

    fn call(worker: &Worker) -> Option<Call<u8>> {
        match &worker.at {
            At::Claim(machine) => Some(machine.call(&worker.me)),
            At::Seal(machine) => Some(machine.call(&worker.me)),
            At::End(machine, _) => Some(machine.call()),
            _ => None,
        }
    }

    /// Tells a worker's machine what was seen.
    fn tell(&self, world: &mut World, i: usize, seen: Seen<u8>) {
        let me = world.workers[i].me;
        world.workers[i].opened = None;
        let at = std::mem::replace(&mut world.workers[i].at, At::Idle);
        world.workers[i].at = match at {
            At::Claim(machine) => match self.claim_turn(machine, me, seen) {
                Turn::Go(machine) => At::Claim(machine),
                Turn::End(Claimed::Mine { from }) => {
                    if let Some(from) = from {
                        world.heirs[from as usize] += 1;
                    }
                    At::Look
                }
                Turn::End(Claimed::HalfDone { owner, sealer }) => At::Check(Swap { owner, sealer }),
                Turn::End(Claimed::Again) if self.bug == Bug::TokenReuse => {
                    world.share.prepare(me);
                    At::Claim(Claiming::start())
                }
                Turn::End(Claimed::Held { .. } | Claimed::Again) => {
                    At::Remove(Clean { own: me, other: None })
                }
            },
            At::Seal(machine) => match machine.turn(&me, &seen) {
                Turn::Go(machine) => At::Seal(machine),
                Turn::End(SealEnd::Sealed) => At::Check(Swap { owner: me, sealer: me }),
                Turn::End(SealEnd::Lost) => {
                    let owners = world.share.owners();
                    world.spoiled |= owners == [me];
                    world.share.unstage(me);
                    At::Sweep(me)
                }
            },
            At::End(machine, clean) => match machine.turn() {
                Turn::Go(machine) => At::End(machine, clean),
                Turn::End(()) => At::Remove(clean),
            },
            other => other,
        };
        if world.workers[i].at == At::Idle {
            world.workers[i].me = u8::MAX;
        }
    }

    fn claim_turn(&self, machine: Claiming<u8>, me: u8, seen: Seen<u8>) -> Turn<Claiming<u8>, Claimed<u8>> {
        let turn = machine.turn(&me, seen);
        match (self.bug, turn) {
            (Bug::BlindTakeover, Turn::Go(Claiming::LookInside { from })) => {
                Turn::Go(Claiming::Revoke { from })
            }
            (Bug::BlindTakeover, Turn::Go(Claiming::LookAgain { from }))
            | (Bug::NoRevoke, Turn::Go(Claiming::Revoke { from })) => {
                Turn::End(Claimed::Mine { from: Some(from) })
            }
            (Bug::NoRetire, Turn::Go(Claiming::Retire { owner })) => Turn::Go(Claiming::TakeOver { owner }),
            (_, turn) => turn,
        }
    }

    fn step(&self, world: &mut World, i: usize) -> Option<()> {
        let me = world.workers[i].me;
        if let Some(call) = Self::call(&world.workers[i]) {
            let object = world.share.open(&call, self.fault());
            if world.share.handles == Handles::Entries
                && object.is_some()
                && world.workers[i].opened.is_none()
            {
                world.workers[i].opened = object;
                return Some(());
            }
            // Opened in time, and renamed since.
            let object = world.workers[i].opened.or(object);
            let seen = world.share.act(me, &call, object, self.fault());
            self.tell(world, i, seen);
            return Some(());
        }
        let at = world.workers[i].at.clone();
        world.workers[i].at = match at {
            At::Idle => {
                if world.workers[i].attempts == 0 || usize::from(world.used) >= TOKENS - 3 {
                    return None;
                }
                world.workers[i].attempts -= 1;
                world.workers[i].me = world.used;
                world.share.prepare(world.used);
                world.used += 1;
                At::Claim(Claiming::start())
            }
            At::Look if world.share.media.is_none() => At::Work,
            At::Look => release(me),
            At::Work => {
                if world.share.work[me as usize].exists {
                    world.share.work[me as usize].out = true;
                    match self.bug {
                        Bug::NoFence if world.share.owners() == [me] => {
                            At::Check(Swap { owner: me, sealer: me })
                        }
                        Bug::NoFence => release(me),
                        Bug::WallClock => At::Check(Swap { owner: me, sealer: me }),
                        _ => {
                            world.share.work[me as usize].staged = true;
                            At::Seal(Sealing::start())
                        }
                    }
                } else {
                    release(me)
                }
            }
            At::Check(swap) => {
                if world.share.work[swap.sealer as usize].out && world.share.media.is_none() {
                    At::Swap(swap)
                } else {
                    finish(me, swap)
                }
            }
            At::Swap(swap) => {
                world.share.swap(swap.sealer);
                At::Check(swap)
            }
            At::Remove(clean) => {
                world.share.remove_work(clean.own);
                match clean.other {
                    Some(other) => At::Remove(Clean { own: other, other: None }),
                    None => At::Idle,
                }
            }
            At::Sweep(token) => {
                if !referenced(&token, &listing(&world.share)) {
                    world.share.remove_work(token);
                }
                At::Idle
            }
            _ => return None,
        };
        if world.workers[i].at == At::Idle {
            world.workers[i].me = u8::MAX;
        }
        Some(())
    }

    fn delay(&self, world: &mut World, i: usize, also_now: bool) -> Option<()> {
        world.delays -= 1;
        let me = world.workers[i].me;
        if let At::Swap(swap) = world.workers[i].at {
            world.late = Some((me, Late::Swap(swap.sealer)));
            if also_now {
                world.share.swap(swap.sealer);
            }
            world.workers[i].at = At::Check(swap);
            return Some(());
        }
        let call = Self::call(&world.workers[i])?;
        if matches!(call, Call::ListLock | Call::ListOwner(_) | Call::Judge(_)) {
            return None;
        }
        let object = world.workers[i].opened.or_else(|| world.share.open(&call, self.fault()));
        world.late = Some((me, Late::Call(call.clone(), object)));
        if also_now {
            world.share.act(me, &call, object, self.fault());
        }
        self.tell(world, i, Seen::Made);
        Some(())
    }

    fn deliver(&self, world: &mut World) -> Option<()> {
        let (me, late) = world.late.take()?;
        match late {
            Late::Swap(sealer) => world.share.swap(sealer),
            Late::Call(call, opened) => {
                let object = match world.share.handles {
                    Handles::Entries => opened,
                    _ => world.share.open(&call, self.fault()),
                };
                world.share.act(me, &call, object, self.fault());
            }
        }
        Some(())
    }
}

fn release(me: u8) -> At {
    At::End(Ending::release(me), Clean { own: me, other: None })
}

fn finish(me: u8, swap: Swap) -> At {
    let other = (swap.sealer != me).then_some(me);
    At::End(Ending::finish(swap.owner), Clean { own: swap.sealer, other })
}

pub fn listing(share: &Share) -> Vec<(u8, Inside<u8>)> {
    share.owners().into_iter().map(|owner| (owner, share.inside(owner))).collect()
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let idle = Worker { at: At::Idle, me: u8::MAX, attempts: self.attempts, opened: None };
        vec![World {
            share: Share::new(self.handles),
            workers: vec![idle; self.workers],
            used: 0,
            crashes: self.crashes,
            delays: self.delays,
            late: None,
            sweeps: self.sweeps,
            heirs: [0; TOKENS],
            spoiled: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (i, worker) in world.workers.iter().enumerate() {
            if worker.at == At::Dead {
                continue;
            }
            actions.push(Action::Step(i));
            match &worker.at {
                At::Claim(Claiming::Judge { .. }) => actions.push(Action::Alive(i)),
                At::Work => actions.push(Action::GiveUp(i)),
                At::Idle if world.sweeps > 0 => {
                    let lock = listing(&world.share);
                    actions.extend((0..world.used).filter_map(|t| {
                        let orphan = world.share.work[t as usize].exists && !referenced(&t, &lock);
                        orphan.then_some(Action::Sweep(i, t))
                    }));
                }
                _ => {}
            }
            if world.delays > 0 && world.late.is_none() {
                actions.push(Action::Delay(i));
                // A handle is closed after its operation, so nothing can be done with it twice.
                if world.share.handles != Handles::Entries {
                    actions.push(Action::Twice(i));
                }
            }
            if world.crashes > 0 && worker.at != At::Idle {
                actions.push(Action::Crash(i));
            }
        }
        if world.late.is_some() {
            actions.push(Action::Deliver);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Step(i) => self.step(&mut world, i)?,
            Action::Alive(i) => self.tell(&mut world, i, Seen::Dead(false)),
            Action::GiveUp(i) => {
                let me = world.workers[i].me;
                world.workers[i].at = release(me);
            }
            Action::Delay(i) => self.delay(&mut world, i, false)?,
            Action::Twice(i) => self.delay(&mut world, i, true)?,
            Action::Deliver => self.deliver(&mut world)?,
            Action::Sweep(i, token) => {
                world.sweeps -= 1;
                world.share.unstage(token);
                world.workers[i].at = At::Sweep(token);
            }
            Action::Crash(i) => {
                world.crashes -= 1;
                world.workers[i].at = At::Dead;
                world.workers[i].me = u8::MAX;
                world.workers[i].opened = None;
            }
        }
        // Workers are interchangeable: sorted, the states that differ only in who does what are one.
        world.workers.sort_unstable();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1 one result is swapped in", |_: &Self, w: &World| w.share.commits <= 1),
            Property::always("I2 a sealed result is not torn away", |m: &Self, w: &World| {
                // A cached folder handle can seal late, in a claim that was lost: that work may be torn away.
                m.handles == Handles::Folders || !w.share.torn
            }),
            Property::always("I3 whatever was left can be finished", |m: &Self, w: &World| {
                let quiet = w.workers.iter().all(|w| matches!(w.at, At::Idle | At::Dead));
                !quiet || w.late.is_some() || m.can_be_finished(w)
            }),
            Property::always("I4 a claim goes to one heir, and to none by mistake", |m, w: &World| {
                // Acting on handles, a takeover can hit the heir: it finds out at the latest when it seals.
                m.handles == Handles::Entries || (!w.share.robbed && w.heirs.iter().all(|heirs| *heirs <= 1))
            }),
            Property::always("I4 one owner", |m: &Self, w: &World| {
                m.handles == Handles::Entries || w.share.owners().len() <= 1
            }),
            Property::always("the holder can seal", |m: &Self, w: &World| {
                // With cached handles a late seal has its chance where a revocation is carried out late, or where a taker
                // died before it: that costs the next holder its work.
                !w.spoiled || (m.handles == Handles::Folders && (m.delays > 0 || m.workers > 2))
            }),
            Property::sometimes("a result is swapped in", |_: &Self, w: &World| w.share.commits == 1),
            Property::sometimes("a dead worker's claim is taken over", |_: &Self, w: &World| {
                w.heirs.iter().any(|heirs| *heirs > 0)
            }),
            Property::sometimes("a dead worker's swap is finished", |_: &Self, w: &World| {
                w.workers.iter().any(|worker| match worker.at {
                    At::End(Ending::MoveAway { .. }, _) => w
                        .share
                        .media
                        .is_some_and(|s| worker.me != s && !w.workers.iter().any(|other| other.me == s)),
                    _ => false,
                })
            }),
        ]
    }
}

impl Protocol {
    /// One fresh worker, to whom all others are dead, ends with the result in place and the lock directory free.
    fn can_be_finished(&self, world: &World) -> bool {
        let solo = Protocol { bug: Bug::None, ..self.clone() };
        let mut world = world.clone();
        (world.crashes, world.delays, world.sweeps) = (0, 0, 0);
        for token in (TOKENS - 3..TOKENS).map(|t| t as u8) {
            world.share.prepare(token);
            world.workers =
                vec![Worker { at: At::Claim(Claiming::start()), me: token, attempts: 0, opened: None }];
            for _ in 0..60 {
                if world.workers[0].at == At::Idle {
                    break;
                }
                if solo.step(&mut world, 0).is_none() {
                    return false;
                }
            }
            if world.share.media.is_some() && world.share.owners().is_empty() {
                return true;
            }
        }
        false
    }
}
