//! ffmpeg's own count at the end of a run: packets, frames and samples of every stream it read and wrote. Pure.
//!
//! It is told at level `verbose`, and it is what a header cannot give: what really came out of the decoders.

use std::collections::BTreeMap;

/// What one stream held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets read or written.
    pub packets: u64,
    /// Frames decoded or encoded; 0 for a stream that was only copied.
    pub frames: u64,
    /// Samples (per channel) of sound that was decoded or encoded.
    pub samples: u64,
}

/// The counts of a run, by (file, stream).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub inputs: BTreeMap<(u32, u32), Count>,
    pub outputs: BTreeMap<(u32, u32), Count>,
    /// What a comparison of two pictures came to: VMAF, or the luma's SSIM.
    pub score: Option<f64>,
}

impl Totals {
    /// Takes one line, without its contexts; whatever is no count is ignored.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        let (into, rest) = if let Some(rest) = line.strip_prefix("Input stream #") {
            (&mut self.inputs, rest)
        } else if let Some(rest) = line.strip_prefix("Output stream #") {
            (&mut self.outputs, rest)
        } else {
            // `VMAF score: 94.54`, `SSIM Y:0.992914 (21.496136) U:…`
            let score = line.strip_prefix("VMAF score: ").or_else(|| line.strip_prefix("SSIM Y:"));
            let score = score.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            self.score = score.or(self.score);
            return;
        };
        let Some((id, counts)) = rest.split_once(" (") else { return };
        let Some((file, stream)) = id.split_once(':') else { return };
        let (Ok(file), Ok(stream)) = (file.parse(), stream.parse()) else { return };
        into.insert((file, stream), count(counts));
    }

    /// What a run read of a stream of its first input.
    pub fn input(&self, stream: u32) -> Option<Count> {
        self.inputs.get(&(0, stream)).copied()
    }
}

/// `video): 50 packets read (206334 bytes); 50 frames decoded; `, and with sound `… 63 frames decoded (96768 samples); `.
fn count(text: &str) -> Count {
    let words: Vec<&str> = text.split_whitespace().collect();
    let before = |unit: &str| {
        let at = words.iter().position(|word| word.trim_matches(|c: char| !c.is_alphabetic()) == unit)?;
        words.get(at.checked_sub(1)?)?.trim_start_matches('(').parse().ok()
    };
    Count {
        packets: before("packets").unwrap_or(0),
        frames: before("frames").unwrap_or(0),
        samples: before("samples").unwrap_or(0),
    }
}

/// The level of a line printed under `-v level+…`, and the line without it; no level: a library wrote it past ffmpeg.
pub fn level(line: &str) -> (Option<&'static str>, String) {
    const LEVELS: [&str; 9] =
        ["trace", "debug", "verbose", "info", "warning", "error", "fatal", "panic", "quiet"];
    let mut at = 0;
    // Contexts come first: `[out#0/mp4 @ 0x55bf] [verbose] …`.
    while let Some(inner) = line[at..].strip_prefix('[') {
        let Some(end) = inner.find(']') else { break };
        if let Some(level) = LEVELS.iter().find(|level| **level == &inner[..end]) {
            let rest = inner[end + 1..].strip_prefix(' ').unwrap_or(&inner[end + 1..]);
            return (Some(level), format!("{}{rest}", &line[..at]));
        }
        let after = &inner[end + 1..];
        at = line.len() - after.trim_start().len();
    }
    (None, line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_old_and_new_versions_are_read() {
        let mut totals = Totals::default();
        for line in [
            "Input file #0 (a.mkv):",
            "  Input stream #0:0 (video): 50 packets read (206334 bytes); 50 frames decoded; ",
            "  Input stream #0:1 (audio): 63 packets read (24192 bytes); 62 frames decoded; 1 decode errors (96768 samples); ",
            "  Input stream #0:2 (subtitle): 2 packets read (6 bytes); ",
            "  Output stream #0:1 (audio): 95 frames encoded (96760 samples); 96 packets muxed (17793 bytes); ",
            "  Output stream #1:0 (subtitle): 7 packets muxed (10 bytes); ",
            "  Output stream #x:0 (subtitle): nonsense",
            "  Total: 148 packets (212149 bytes) muxed",
        ] {
            totals.line(line);
        }
        let count = |packets, frames, samples| Count { packets, frames, samples };
        assert_eq!(totals.input(0), Some(count(50, 50, 0)));
        assert_eq!(totals.input(1), Some(count(63, 62, 96768)));
        assert_eq!(totals.input(2), Some(count(2, 0, 0)));
        assert_eq!(totals.outputs[&(0, 1)], count(96, 95, 96760));
        assert_eq!(totals.outputs[&(1, 0)], count(7, 0, 0));
        assert_eq!((totals.inputs.len(), totals.outputs.len()), (3, 2));
        totals.line("VMAF score: 94.543004");
        assert_eq!(totals.score, Some(94.543_004));
        totals.line("SSIM Y:0.992914 (21.496136) U:0.991248 (20.578990) V:0.991134 (20.522936) All:0.992340 (21.157667)");
        assert_eq!(totals.score, Some(0.992_914));
    }

    #[test]
    fn a_lines_level_stands_after_its_contexts() {
        let check = |line: &str, expected: Option<&str>, text: &str| {
            assert_eq!(level(line), (expected, text.to_owned()));
        };
        check("[verbose]   Total: 1", Some("verbose"), "  Total: 1");
        check("[h264 @ 0x55] [error] no frame!", Some("error"), "[h264 @ 0x55] no frame!");
        check(
            "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [info] x",
            Some("info"),
            "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] x",
        );
        check("x265 [warning]: no", None, "x265 [warning]: no");
        check("[h264 @ 0x55] no frame!", None, "[h264 @ 0x55] no frame!");
        check("[error", None, "[error");
    }
}
