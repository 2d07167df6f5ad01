//! A measurement of how much a result looks like its source.

use std::ffi::OsString;
use std::path::Path;

use super::{Line, filter};

/// What measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruler {
    /// libvmaf's default model, 0 to 100.
    Vmaf,
    /// Structural similarity of the luma, 0 to 1.
    Ssim,
}

/// Two video streams and how they are laid side by side.
#[derive(Clone, Copy, Debug)]
pub struct Likeness<'a> {
    pub result: (&'a Path, u32),
    pub source: (&'a Path, u32),
    /// What makes of the source's frames what the result's have to look like.
    pub filters: &'a str,
    pub ten_bit: bool,
    /// Seconds from where on, and how many; `None`: all.
    pub window: Option<(f64, f64)>,
}

/// The arguments of a measurement; the score comes with the run's totals.
pub fn likeness(pair: &Likeness<'_>, ruler: Ruler) -> Vec<OsString> {
    let mut line = Line::quiet();
    line.words(filter::device(pair.filters));
    for (path, _) in [pair.result, pair.source] {
        if let Some((from, length)) = pair.window {
            line.word("-ss").word(format!("{from:.3}")).word("-t").word(format!("{length:.3}"));
        }
        line.word("-i").path(path);
    }
    let format = if pair.ten_bit { "yuv420p10le" } else { "yuv420p" };
    // Both begin with their first frame: the clocks of two containers do not begin at the same number.
    let begin = format!("setpts=PTS-STARTPTS,format={format}");
    let filter = if ruler == Ruler::Vmaf { "libvmaf" } else { "ssim" };
    let (result, source, filters) = (pair.result.1, pair.source.1, pair.filters);
    line.word("-filter_complex").word(format!(
        "[0:{result}]{begin}[result];[1:{source}]{filters},{begin}[source];[result][source]{filter}"
    ));
    line.words(&["-f", "null", "-"]);
    line.0
}
