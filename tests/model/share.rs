//! A modelled share: one lock directory, its entries as objects, one work folder per token, one media file.
//!
//! Every call is one atomic step of the file server, or two where [`Handles`] says that a client opens first and acts on
//! what it opened. Tokens are small numbers; token `t`'s entry is object `t` wherever it is renamed to.

use super::super::steps::{Call, Inside, Seen};

/// Tokens in the model: what the workers may use, and three more for a fresh worker after the end.
pub const TOKENS: usize = 9;

/// What a client's operation holds on to between looking a name up and acting on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handles {
    /// Nothing: names are looked up by the server as it acts (a local disk, FUSE).
    Names,
    /// The entry: a rename or a delete acts on what was opened, whatever it is called by then (SMB, Windows).
    Entries,
    /// The folder: an entry can be put into a folder that was renamed meanwhile (NFS and its cached handles).
    Folders,
}

/// Where an owner's entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Not made, or removed.
    Nowhere,
    /// Staged in its token's work folder.
    Staged,
    /// In the lock directory, as `own.<token>`.
    Lock(u8),
    /// Moved out of the lock directory, not yet removed.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub place: Place,
    pub seal: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    pub exists: bool,
    /// The seal is staged.
    pub staged: bool,
    /// The stage file.
    pub out: bool,
    /// The entry its worker was the owner of last: what an NFS client's cached handle leads to.
    pub entry: Option<u8>,
}

/// A planted fault in how the calls are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Takeover clears the lock directory by its fixed name and then creates afresh, like most lock files.
    UnlinkTakeover,
    /// The seal is a new name for the entry instead of something in it, so a late takeover renames it away.
    SealInName,
    /// Giving up removes the entry whatever lies in it.
    ForcedDrop,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    pub handles: Handles,
    pub lock: bool,
    pub objects: [Object; TOKENS],
    pub work: [Work; TOKENS],
    /// The media file: `None` the original, else the result of this token.
    pub media: Option<u8>,
    /// Results ever swapped in.
    pub commits: u8,
    /// An owner's entry was removed or renamed by an operation that was meant for another owner.
    pub robbed: bool,
    /// A sealed result was removed before it was swapped in.
    pub torn: bool,
}

impl Share {
    pub fn new(handles: Handles) -> Self {
        Self {
            handles,
            lock: false,
            objects: [Object { place: Place::Nowhere, seal: None }; TOKENS],
            work: [Work { exists: false, staged: false, out: false, entry: None }; TOKENS],
            media: None,
            commits: 0,
            robbed: false,
            torn: false,
        }
    }

    /// A new attempt: its work folder with the staged entry. Private names, so one step stands for all.
    pub fn prepare(&mut self, me: u8) {
        self.work[me as usize] = Work { exists: true, staged: false, out: false, entry: None };
        self.objects[me as usize] = Object { place: Place::Staged, seal: None };
    }

    pub fn owners(&self) -> Vec<u8> {
        let mut owners: Vec<u8> = self
            .objects
            .iter()
            .filter_map(|o| match o.place {
                Place::Lock(owner) if self.lock => Some(owner),
                _ => None,
            })
            .collect();
        owners.sort_unstable();
        owners
    }

    pub fn owned_by(&self, owner: u8) -> Option<usize> {
        self.objects.iter().position(|o| self.lock && o.place == Place::Lock(owner))
    }

    pub fn inside(&self, owner: u8) -> Inside<u8> {
        match self.owned_by(owner) {
            None => Inside::Gone,
            Some(object) => self.objects[object].seal.map_or(Inside::Open, Inside::Sealed),
        }
    }

    /// What a call opens before it acts, where clients hold on to entries.
    pub fn open(&self, call: &Call<u8>, fault: Fault) -> Option<usize> {
        match call {
            // Where the seal is in the name, a sealed entry is not called `own` any more.
            Call::TakeOver(owner) if fault == Fault::SealInName => {
                self.owned_by(*owner).filter(|object| self.objects[*object].seal.is_none())
            }
            Call::TakeOver(owner) | Call::DropOwner(owner) | Call::MoveAway(owner) => self.owned_by(*owner),
            _ => None,
        }
    }

    /// Carries a call out. `object` is what it opened, or what its name leads to now.
    pub fn act(&mut self, me: u8, call: &Call<u8>, object: Option<usize>, fault: Fault) -> Seen<u8> {
        match call {
            Call::Publish => {
                let staged = &self.objects[me as usize];
                if staged.place == Place::Staged && self.work[me as usize].exists && self.owners().is_empty()
                {
                    self.lock = true;
                    self.objects[me as usize].place = Place::Lock(me);
                    self.work[me as usize].entry = Some(me);
                    return Seen::Entered;
                }
            }
            Call::ListLock => return Seen::Lock(self.owners()),
            Call::ListOwner(owner) => return Seen::Owner(self.inside(*owner)),
            Call::Judge(_) => return Seen::Dead(true),
            Call::Retire => {
                let staged = self.objects[me as usize].place == Place::Staged;
                self.retire(me);
                return Seen::Retired(staged);
            }
            Call::TakeOver(owner) => self.take_over(me, *owner, object, fault),
            Call::Revoke(owner) => self.remove_work(*owner),
            Call::DropOwner(owner) => {
                if let Some(object) = object
                    && (self.objects[object].seal.is_none() || fault == Fault::ForcedDrop)
                    && matches!(self.objects[object].place, Place::Lock(_) | Place::Ended)
                {
                    self.robbed |= self.objects[object].place != Place::Lock(*owner);
                    self.objects[object].place = Place::Nowhere;
                }
            }
            Call::PublishSeal => self.seal(me),
            Call::MoveAway(owner) => {
                if let Some(object) = object
                    && let Place::Lock(now) = self.objects[object].place
                {
                    self.robbed |= now != *owner;
                    self.objects[object].place = Place::Ended;
                }
            }
            Call::RemoveLock => {
                if self.owners().is_empty() {
                    self.lock = false;
                }
            }
        }
        Seen::Made
    }

    fn retire(&mut self, me: u8) {
        if self.objects[me as usize].place == Place::Staged {
            self.objects[me as usize].place = Place::Nowhere;
        }
    }

    fn take_over(&mut self, me: u8, from: u8, object: Option<usize>, fault: Fault) {
        if fault == Fault::UnlinkTakeover {
            for object in &mut self.objects {
                if matches!(object.place, Place::Lock(_)) {
                    object.place = Place::Nowhere;
                }
            }
            self.objects[me as usize] = Object { place: Place::Lock(me), seal: None };
            self.lock = true;
            return;
        }
        let Some(object) = object else { return };
        match self.objects[object].place {
            Place::Lock(now) => self.robbed |= now != from,
            // A handle opened in time still leads to an entry that was moved away: it comes back, seal and all.
            Place::Ended if self.lock => {}
            _ => return,
        }
        self.objects[object].place = Place::Lock(me);
        self.work[me as usize].entry = Some(object as u8);
        if fault == Fault::SealInName {
            self.objects[object].seal = None;
        }
    }

    fn seal(&mut self, me: u8) {
        if !self.work[me as usize].staged {
            return;
        }
        let object = match self.handles {
            Handles::Names | Handles::Entries => self.owned_by(me),
            Handles::Folders => self.work[me as usize].entry.map(usize::from),
        };
        if let Some(object) = object
            && matches!(self.objects[object].place, Place::Lock(_) | Place::Ended)
            && self.objects[object].seal.is_none()
        {
            self.objects[object].seal = Some(me);
            self.work[me as usize].staged = false;
        }
    }

    /// Removes what a token could still publish.
    pub fn unstage(&mut self, of: u8) {
        self.retire(of);
        self.work[of as usize].staged = false;
    }

    /// Removes a work folder with everything in it.
    pub fn remove_work(&mut self, of: u8) {
        self.unstage(of);
        let sealed_somewhere =
            self.objects.iter().any(|o| matches!(o.place, Place::Lock(_)) && o.seal == Some(of) && self.lock);
        let work = &mut self.work[of as usize];
        self.torn |= sealed_somewhere && work.out && self.media.is_none();
        *work = Work { exists: false, staged: false, out: false, entry: None };
    }

    /// The swap's one step: consumes the stage file.
    pub fn swap(&mut self, sealer: u8) {
        if self.work[sealer as usize].out {
            self.work[sealer as usize].out = false;
            self.media = Some(sealer);
            self.commits += 1;
        }
    }
}
