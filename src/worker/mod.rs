//! The loop: choose → jobs in slots → rest or stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::ffmpeg::tools::Tools;
use crate::model::caps::Caps;
use crate::model::error::Result;
use crate::model::event::{Sink, Summary};
use crate::model::policy::{Policy, TypeFilter};
use crate::share::claim::Terms;
use crate::share::record::Originals;
use crate::store::Store;

/// How thoroughly results are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyDepth {
    /// Headers, durations and every stream; no decode of the whole result.
    Fast,
    /// And a full decode.
    #[default]
    Full,
}

/// Everything a run needs, plain values.
#[derive(Clone, Debug)]
pub struct Options {
    /// Library folders to walk (`--dir`).
    pub dirs: Vec<PathBuf>,
    /// Single files (`--file`).
    pub files: Vec<PathBuf>,
    pub types: TypeFilter,
    pub policy: Policy,
    pub dry_run: bool,
    /// Jobs at once, at least 1.
    pub jobs: usize,
    /// Stop after this many conversions.
    pub limit: Option<u64>,
    /// Globs over the path relative to the walked folder; empty: all.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    /// A file younger than this is still being written.
    pub min_age: Duration,
    /// Encode here first, then copy beside the source.
    pub temp_dir: Option<PathBuf>,
    pub originals: Originals,
    pub trash_days: u32,
    pub verify: VerifyDepth,
    pub terms: Terms,
    /// ffmpeg runs at low priority.
    pub background: bool,
    /// ffmpeg without progress for this long is stopped.
    pub stall: Duration,
    pub tools: Tools,
    pub caps: Caps,
}

/// Runs to the end (or until asked to stop). `Err` only for what ends a run as a whole: no such folder, wrong share.
pub fn run(options: &Options, store: &Arc<Store>, sink: &Arc<dyn Sink>) -> Result<Summary> {
    let _ = (options, store, sink);
    todo!()
}
