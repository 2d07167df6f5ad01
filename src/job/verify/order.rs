//! Whether a copied picture is shown in the order in which it was filmed.
//!
//! Where packets have no time of their own, whatever writes them anew must guess one. Each frame is there then, and the picture
//! jumps to and fro.

use std::path::Path;

use super::{Fault, Pair};
use crate::ffmpeg::probe;
use crate::ffmpeg::tools::Tools;
use crate::model::media::StreamKind;
use crate::model::plan::Action;

/// The first copied video whose first frames come out of order more often than the source's.
pub(super) fn differs(tools: &Tools, source: &Path, pairs: &[Pair<'_>], result: &Path) -> Option<Fault> {
    let copied = |p: &&Pair<'_>| matches!(p.plan.action, Action::Copy { kind: StreamKind::Video, .. });
    pairs.iter().filter(copied).find_map(|pair| {
        let found = probe::steps_back(tools, result, pair.out.index);
        // A source may be out of order itself, and a copy is to be no better.
        let expected = if found > 0 { probe::steps_back(tools, source, pair.input.index) } else { 0 };
        (found > expected).then(|| Fault {
            check: "order",
            expected: format!("each frame after the one before ({expected} are not)"),
            found: format!("{found} of the first frames before it"),
        })
    })
}
