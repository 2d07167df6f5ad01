//! The protocol's decisions, pure: each machine names its next call, is told what was seen, and goes on. `claim` makes
//! the calls on a share; the model checker makes the same calls, of the same machines, on a modelled one.
//!
//! No machine believes that a changing call *failed*: after a lost reply that answer is worth nothing. It looks instead,
//! and what is listed decides. That one *succeeded* is believed of a claim's publish alone, since the seal looks again.

/// A call on the share. `T` is a token; `me` is the machine's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call<T> {
    /// Rename the private folder that holds `own.me` onto the lock directory, which must be missing or empty.
    Publish,
    /// List the lock directory.
    ListLock,
    /// List `own.T`, and its seal where it has one.
    ListOwner(T),
    /// Ask whether `T` is dead: evidence, never safety.
    Judge(T),
    /// Rename my own staging to another private name and look whether the entry is still in it.
    Retire,
    /// Rename `own.T` to `own.me`.
    TakeOver(T),
    /// Remove `T`'s work folder entry by entry, its staging first.
    Revoke(T),
    /// Remove `own.T` if it is empty.
    DropOwner(T),
    /// Rename the private folder that holds `by.me` onto `own.me/seal`, which must be missing.
    PublishSeal,
    /// Rename `own.T` out of the lock directory to a private name.
    MoveAway(T),
    /// Remove the lock directory if it is empty.
    RemoveLock,
}

/// What a call showed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seen<T> {
    /// A changing call was made; what it answered is nobody's business.
    Made,
    /// My publish was made, and the server's answer was that it did it.
    Entered,
    /// My staged entry is still there, and no publish can reach it any more.
    Retired(bool),
    /// The owners listed in the lock directory; none where it is missing.
    Lock(Vec<T>),
    /// What lies in an owner's entry.
    Owner(Inside<T>),
    /// The verdict on a holder.
    Dead(bool),
}

/// What lies in an owner's entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Inside<T> {
    /// The entry is not there any more.
    Gone,
    /// No seal.
    Open,
    /// Sealed by this token.
    Sealed(T),
}

/// Where a machine goes from here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Turn<M, E> {
    /// Make the next call.
    Go(M),
    /// It is over.
    End(E),
}

/// Asking for a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claiming<T> {
    Publish,
    Published,
    Inspect { owner: T, alone: bool, rest: Vec<T> },
    Judge { owner: T, inside: Option<T>, alone: bool, rest: Vec<T> },
    Clear { owner: T },
    Cleared,
    Retire { owner: T },
    TakeOver { owner: T },
    TookOver { from: T },
    LookInside { from: T },
    Revoke { from: T },
    LookAgain { from: T },
    Withdraw,
}

/// How asking for a claim ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claimed<T> {
    /// It is ours; `from` the dead worker it was taken from.
    Mine { from: Option<T> },
    /// This one has it, and lives as far as can be told.
    Held { by: T },
    /// `owner`'s entry carries `sealer`'s seal and `owner` is dead: the swap is to be finished or undone.
    HalfDone { owner: T, sealer: T },
    /// Something moved while we looked: ask again, with a new token.
    Again,
}

impl<T: Clone + Eq> Claiming<T> {
    /// The first step.
    pub fn start() -> Self {
        Self::Publish
    }

    /// The call to make now.
    pub fn call(&self, me: &T) -> Call<T> {
        match self {
            Self::Publish => Call::Publish,
            Self::Published | Self::TookOver { .. } => Call::ListLock,
            Self::Inspect { owner, .. } => Call::ListOwner(owner.clone()),
            Self::Judge { owner, .. } => Call::Judge(owner.clone()),
            Self::Clear { owner } => Call::DropOwner(owner.clone()),
            Self::Cleared => Call::RemoveLock,
            Self::Retire { .. } => Call::Retire,
            Self::TakeOver { owner } => Call::TakeOver(owner.clone()),
            Self::LookInside { .. } | Self::LookAgain { .. } => Call::ListOwner(me.clone()),
            Self::Revoke { from } => Call::Revoke(from.clone()),
            Self::Withdraw => Call::DropOwner(me.clone()),
        }
    }

    /// What follows from what was seen.
    pub fn turn(self, me: &T, seen: Seen<T>) -> Turn<Self, Claimed<T>> {
        use Turn::{End, Go};
        match (self, seen) {
            // The server refused nothing, so nobody else was in. That is enough to begin work on: a second root, or a
            // server that replaces what it should refuse, is found by the next beat, and at the latest by the seal.
            (Self::Publish, Seen::Entered) => End(Claimed::Mine { from: None }),
            (Self::Publish, Seen::Made) => Go(Self::Published),
            (Self::Published, Seen::Lock(owners)) => {
                if owners == [me.clone()] {
                    End(Claimed::Mine { from: None })
                } else if owners.contains(me) {
                    // Two roots: a union mount, or a renamed handle came late. Neither may go on.
                    Go(Self::Withdraw)
                } else {
                    let alone = owners.len() == 1;
                    Self::inspect(owners, alone).map_or(End(Claimed::Again), Go)
                }
            }
            (Self::Inspect { alone, rest, .. }, Seen::Owner(Inside::Gone)) => {
                Self::inspect(rest, alone).map_or(End(Claimed::Again), Go)
            }
            (Self::Inspect { owner, alone, rest }, Seen::Owner(Inside::Open)) => {
                Go(Self::Judge { owner, inside: None, alone, rest })
            }
            (Self::Inspect { owner, alone, rest }, Seen::Owner(Inside::Sealed(sealer))) => {
                Go(Self::Judge { owner, inside: Some(sealer), alone, rest })
            }
            (Self::Judge { owner, alone, rest, .. }, Seen::Dead(false)) => {
                Self::inspect(rest, alone).map_or(End(Claimed::Held { by: owner }), Go)
            }
            (Self::Judge { owner, inside: Some(sealer), .. }, Seen::Dead(true)) => {
                End(Claimed::HalfDone { owner, sealer })
            }
            // A token becomes an owner once, ever, by its publish or by its takeover. Not being listed proves nothing:
            // the publish may be under way still, or may have happened and been taken over while we slept.
            (Self::Judge { owner, alone: true, .. }, Seen::Dead(true)) => Go(Self::Retire { owner }),
            (Self::Judge { owner, alone: false, .. }, Seen::Dead(true)) => Go(Self::Clear { owner }),
            (Self::Clear { .. } | Self::Withdraw, Seen::Made) => Go(Self::Cleared),
            (Self::Retire { owner }, Seen::Retired(true)) => Go(Self::TakeOver { owner }),
            (Self::TakeOver { owner }, Seen::Made) => Go(Self::TookOver { from: owner }),
            (Self::TookOver { from }, Seen::Lock(owners)) => {
                if owners == [me.clone()] {
                    Go(Self::LookInside { from })
                } else if owners.contains(me) {
                    Go(Self::Withdraw)
                } else {
                    End(Claimed::Again)
                }
            }
            // The dead worker may have sealed between our look and our rename: the seal moved with the entry.
            (Self::LookInside { from }, Seen::Owner(Inside::Open)) => Go(Self::Revoke { from }),
            (Self::Revoke { from }, Seen::Made) => Go(Self::LookAgain { from }),
            // After the revocation nothing of the dead worker's can be published any more, so this look is final.
            (Self::LookAgain { from }, Seen::Owner(Inside::Open)) => End(Claimed::Mine { from: Some(from) }),
            (Self::LookInside { .. } | Self::LookAgain { .. }, Seen::Owner(Inside::Sealed(sealer))) => {
                End(Claimed::HalfDone { owner: me.clone(), sealer })
            }
            _ => End(Claimed::Again),
        }
    }

    fn inspect(owners: Vec<T>, alone: bool) -> Option<Self> {
        let mut owners = owners.into_iter();
        let owner = owners.next()?;
        Some(Self::Inspect { owner, alone, rest: owners.collect() })
    }
}

/// Sealing: the one step after which the swap will be finished or undone by somebody, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sealing {
    Publish { tries: u8 },
    Published { tries: u8 },
    LookInside { tries: u8 },
}

/// How sealing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealEnd {
    /// Ours to commit.
    Sealed,
    /// The claim was taken over. Whoever has it now decides about a seal that may have arrived late.
    Lost,
}

impl Sealing {
    /// The first step.
    pub fn start() -> Self {
        Self::Publish { tries: 3 }
    }

    /// The call to make now.
    pub fn call<T: Clone>(self, me: &T) -> Call<T> {
        match self {
            Self::Publish { .. } => Call::PublishSeal,
            Self::Published { .. } => Call::ListLock,
            Self::LookInside { .. } => Call::ListOwner(me.clone()),
        }
    }

    /// What follows from what was seen.
    pub fn turn<T: Clone + Eq>(self, me: &T, seen: &Seen<T>) -> Turn<Self, SealEnd> {
        match (self, seen) {
            (Self::Publish { tries }, Seen::Made) => Turn::Go(Self::Published { tries }),
            // An NFS client that has the entry's handle can put the seal into an entry that was renamed meanwhile,
            // so the name is looked at after the seal, and the seal after the name.
            (Self::Published { tries }, Seen::Lock(owners)) if *owners == [me.clone()] => {
                Turn::Go(Self::LookInside { tries })
            }
            (Self::LookInside { .. }, Seen::Owner(Inside::Sealed(sealer))) if sealer == me => {
                Turn::End(SealEnd::Sealed)
            }
            // Still ours and still open: the operation did not reach the server.
            (Self::LookInside { tries }, Seen::Owner(Inside::Open)) if tries > 1 => {
                Turn::Go(Self::Publish { tries: tries - 1 })
            }
            _ => Turn::End(SealEnd::Lost),
        }
    }
}

/// Ending: giving a claim up, or clearing away after a swap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending<T> {
    /// Unsealed: `rmdir` refuses an entry in which somebody's seal lies.
    Drop { owner: T },
    /// Sealed and swapped: the whole entry leaves the lock directory in one step, seal and all, so that no slot is
    /// free in it for even a moment.
    MoveAway { owner: T },
    /// Then the lock directory, if nobody has it by now.
    RemoveLock,
}

impl<T: Clone + Eq> Ending<T> {
    /// Gives up an unsealed claim.
    pub fn release(me: T) -> Self {
        Self::Drop { owner: me }
    }

    /// Clears away after a swap is done or undone.
    pub fn finish(owner: T) -> Self {
        Self::MoveAway { owner }
    }

    /// The call to make now.
    pub fn call(&self) -> Call<T> {
        match self {
            Self::Drop { owner } => Call::DropOwner(owner.clone()),
            Self::MoveAway { owner } => Call::MoveAway(owner.clone()),
            Self::RemoveLock => Call::RemoveLock,
        }
    }

    /// The next step, if there is one.
    pub fn turn(self) -> Turn<Self, ()> {
        match self {
            Self::Drop { .. } | Self::MoveAway { .. } => Turn::Go(Self::RemoveLock),
            Self::RemoveLock => Turn::End(()),
        }
    }
}

/// Whether a work folder's token still means something to the lock directory: an owner, or the sealer of an entry. A
/// folder of which this is false belongs to nobody, whatever its worker believes.
pub fn referenced<T: Eq>(token: &T, lock: &[(T, Inside<T>)]) -> bool {
    lock.iter()
        .any(|(owner, inside)| owner == token || matches!(inside, Inside::Sealed(sealer) if sealer == token))
}
