//! The swap from every state a crash can leave, and the checks of a result.

mod checks;
mod swaps;
