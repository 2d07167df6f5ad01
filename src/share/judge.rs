//! Is this claim alive? Pure: facts in, verdict and reason out. The model checker runs this code.

/// Placeholder for the share room's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nobody holds it.
    Free,
    /// Held, as far as can be told.
    Held,
    /// Its holder is dead or silent for too long.
    Stale,
    /// A swap is under way or was left half done.
    Sealed,
}
