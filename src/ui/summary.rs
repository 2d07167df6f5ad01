//! What a run came to, in a few lines. Pure.

use super::paint::Paint;
use super::text;
use crate::model::event::Summary;

/// The summary's lines.
pub fn lines(summary: &Summary, dry_run: bool, paint: Paint) -> Vec<String> {
    let skipped: u64 = summary.skipped.values().sum();
    let failed: u64 = summary.failed.values().sum();
    let mut lines = Vec::new();
    if dry_run {
        lines.push(row("to convert", &text::counted(summary.planned, "file")));
    } else if summary.converted > 0 {
        let sizes = text::change(summary.bytes_before, summary.bytes_after);
        let files = format!("{}  {sizes}", text::counted(summary.converted, "file"));
        lines.push(paint.good(&row("converted", &files)));
    } else if failed == 0 && !summary.interrupted && summary.withdrawn.is_none() {
        lines.push(row("nothing to do", ""));
    } else {
        lines.push(row("converted", "no file"));
    }
    if skipped > 0 {
        lines.push(row("left alone", &text::counted(skipped, "file")));
        lines.extend(summary.skipped.iter().map(|(code, count)| reason(*count, code.words())));
    }
    if failed > 0 {
        lines.push(paint.bad(&row("failed", &format!("{}, untouched", text::counted(failed, "file")))));
        lines.extend(summary.failed.iter().map(|(code, count)| reason(*count, code.words())));
    }
    if summary.recovered > 0 {
        let swaps = text::counted(summary.recovered, "half-done swap");
        lines.push(row("recovered", &format!("{swaps} of dead workers")));
    }
    lines.push(row("took", &text::took(summary.seconds)));
    if let Some(why) = &summary.withdrawn {
        lines.push(paint.bad(&format!("this machine withdrew: {}", text::clean(why))));
    } else if summary.interrupted {
        lines.push(paint.warn("stopped before the end; the next run goes on from here"));
    }
    lines
}

fn row(label: &str, value: &str) -> String {
    format!("{label:<14}{value}").trim_end().to_owned()
}

fn reason(count: u64, words: &str) -> String {
    format!("{count:>12}  {words}")
}
