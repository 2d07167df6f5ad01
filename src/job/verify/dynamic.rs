//! HDR10+ and Dolby Vision that an encode had to keep, value by value in the first frames. That each frame has them is counted.

use std::path::Path;

use super::Fault;
use crate::ffmpeg::tools::Tools;
use crate::ffmpeg::{args, probe};
use crate::model::media::FrameData;
use crate::model::plan::{Action, Plan};

/// Frames at the beginning that come out of the first packets read whatever their order.
const SURE: usize = 24;

/// The first frames' values, where they are not the source's.
pub(super) fn differs(tools: &Tools, source: &Path, plan: &Plan, result: &Path) -> Option<Fault> {
    let kinds = [FrameData::Hdr10Plus, FrameData::DolbyVision];
    let what = args::kept(plan).into_iter().map(|kept| kept.what).find(|what| kinds.contains(what))?;
    // Other frames than the source's first ones are left of a lower rate.
    let slower =
        |s: &crate::model::plan::StreamPlan| matches!(&s.action, Action::Video(e) if e.fps.is_some());
    if plan.streams.iter().any(slower) {
        return None;
    }
    let (was, is) = (probe::dynamic(tools, source), probe::dynamic(tools, result));
    // Of the packets read, the last ones hold frames of other places in another order of coding.
    let at = was.iter().zip(&is).take(SURE).position(|(was, is)| was != is)?;
    Some(Fault {
        check: what.words(),
        expected: "the source's values".to_owned(),
        found: format!("others in frame {}", at + 1),
    })
}
