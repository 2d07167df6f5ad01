//! ffmpeg's own lists, read by pure functions.

use std::collections::BTreeSet;

/// Names in `ffmpeg -encoders`: ` V....D libx264              libx264 H.264 … (codec h264)`.
pub fn encoders(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let flags = words.next().filter(|flags| {
                flags.len() == 6
                    && flags.starts_with(['V', 'A', 'S'])
                    && flags.chars().all(|c| c.is_ascii_uppercase() || c == '.')
            });
            // The legend above the list looks the same: ` V..... = Video`.
            flags.and(words.next()).filter(|name| *name != "=").map(str::to_owned)
        })
        .collect()
}

/// Names in `ffmpeg -filters`: ` T.C bwdif             V->V       Deinterlace …`; newer versions have fewer flags.
pub fn filters(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().take(3).collect();
            match words[..] {
                [flags, name, pads] if pads.contains("->") && flags.chars().all(|c| "TSC.|".contains(c)) => {
                    Some(name.to_owned())
                }
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{encoders, filters};

    #[test]
    fn encoders_are_read_and_the_legend_is_not() {
        let text = "Encoders:\n V..... = Video\n A..... = Audio\n S..... = Subtitle\n .F.... = Frame-level multithreading\n ..S... = Slice-level\n ------\n \
            V....D a64multi             Multicolor charset for Commodore 64 (codec a64_multi)\n VFS..D ffv1                 FFmpeg video codec #1\n \
            A....D aac                  AAC (Advanced Audio Coding)\n S..... srt                  SubRip subtitle (codec subrip)\n";
        let names: Vec<String> = encoders(text).into_iter().collect();
        assert_eq!(names, ["a64multi", "aac", "ffv1", "srt"]);
        assert!(encoders("").is_empty());
    }

    #[test]
    fn filters_of_old_and_new_versions_are_read() {
        let text = "Filters:\n  T.. = Timeline support\n  .S. = Slice threading\n  A = Audio input/output\n  | = Source or sink filter\n \
            TSC bwdif             V->V       Deinterlace the input image.\n ... tonemap           V->V       Conversion to/from different dynamic ranges.\n \
            ... anullsrc          |->A       Null audio source.\n TS idet              V->V       Interlace detect Filter.\n";
        let names: Vec<String> = filters(text).into_iter().collect();
        assert_eq!(names, ["anullsrc", "bwdif", "idet", "tonemap"]);
    }
}
