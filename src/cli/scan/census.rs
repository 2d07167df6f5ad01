//! Counts of what a scan saw. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::media::{Hdr, MediaInfo, StreamKind, Video};
use crate::model::plan::{Decision, SkipCode};
use crate::scan::examine::Examined;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::text;

/// Files and bytes of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub files: u64,
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
    fn sum(&mut self, more: Tally) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

/// What `scan --json` prints.
#[derive(Debug, Default, Serialize)]
pub struct Census {
    schema: u32,
    dirs: Vec<PathBuf>,
    /// The profile that decided.
    profile: String,
    /// Stopped before the end: the counts are of a part.
    interrupted: bool,
    #[serde(flatten)]
    counts: Counts,
    /// `stats`: counts by the folders right below.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    folders: BTreeMap<String, Tally>,
    /// `stats`: what the encodes would free, by what this machine converted so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    /// Folders that could not be read, and names that are not Unicode.
    not_looked_at: Vec<String>,
    /// With `--files`: each file.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileLine>>,
}

/// The counts alone; they add up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts {
    /// Media files that were looked at.
    total: Tally,
    /// Seconds of media.
    duration: f64,
    containers: BTreeMap<String, Tally>,
    video_codecs: BTreeMap<String, Tally>,
    resolutions: BTreeMap<String, Tally>,
    dynamic_ranges: BTreeMap<String, Tally>,
    audio_codecs: BTreeMap<String, Tally>,
    /// What would be converted by an encode.
    encode: Tally,
    /// What would only change its container.
    remux: Tally,
    /// What would be left alone, by reason.
    skip: BTreeMap<SkipCode, Tally>,
    /// Files that ffprobe cannot read.
    unreadable: Tally,
}

impl Counts {
    fn add(&mut self, more: Counts) {
        fn sum<K: Ord>(counts: &mut BTreeMap<K, Tally>, more: BTreeMap<K, Tally>) {
            for (key, tally) in more {
                counts.entry(key).or_default().sum(tally);
            }
        }
        self.total.sum(more.total);
        self.duration += more.duration;
        sum(&mut self.containers, more.containers);
        sum(&mut self.video_codecs, more.video_codecs);
        sum(&mut self.resolutions, more.resolutions);
        sum(&mut self.dynamic_ranges, more.dynamic_ranges);
        sum(&mut self.audio_codecs, more.audio_codecs);
        self.encode.sum(more.encode);
        self.remux.sum(more.remux);
        sum(&mut self.skip, more.skip);
        self.unreadable.sum(more.unreadable);
    }
}

/// What converting would free.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Bytes fewer; negative: more.
    pub bytes: i64,
    /// Files converted by the profile, whose sizes before and after the estimate rests on.
    pub by: u64,
}

/// One file's line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileLine {
    path: PathBuf,
    bytes: u64,
    /// `encode`, `remux`, `skip`, `unreadable`.
    #[serde(rename = "do")]
    verb: &'static str,
    /// The reason to skip.
    code: Option<SkipCode>,
    /// Why, in words.
    why: String,
}

impl Census {
    pub fn new(profile: &str, each_file: bool) -> Self {
        let files = each_file.then(Vec::new);
        Self { schema: SCHEMA, profile: profile.to_owned(), files, ..Self::default() }
    }

    /// Files looked at so far, the unreadable ones among them.
    pub fn looked_at(&self) -> u64 {
        self.counts.total.files
    }

    /// The counts alone, to be remembered of a folder.
    pub fn counts(&self) -> String {
        // Counts hold no map keys that JSON could refuse.
        serde_json::to_string(&self.counts).unwrap_or_default()
    }

    /// Adds remembered counts; false where they are not understood.
    pub fn absorb(&mut self, counts: &str) -> bool {
        serde_json::from_str(counts).is_ok_and(|counts| {
            self.counts.add(counts);
            true
        })
    }

    /// Adds a folder's census.
    pub fn add(&mut self, folder: Census) {
        self.counts.add(folder.counts);
        if let (Some(files), Some(more)) = (&mut self.files, folder.files) {
            files.extend(more);
        }
    }

    /// A file that was probed.
    pub fn examined(&mut self, path: &Path, examined: &Examined) {
        let media = &examined.media;
        let bytes = examined.stamp.size;
        self.counts.total.add(bytes);
        self.counts.duration += media.duration.unwrap_or_default();
        count(&mut self.counts.containers, container(media), bytes);
        if let Some(stream) = media.main_video() {
            count(&mut self.counts.video_codecs, known(&stream.codec), bytes);
            if let Some(video) = &stream.video {
                count(&mut self.counts.resolutions, resolution(video), bytes);
                count(&mut self.counts.dynamic_ranges, dynamic_range(video), bytes);
            }
        }
        if let Some(stream) = media.of_kind(StreamKind::Audio).next() {
            count(&mut self.counts.audio_codecs, known(&stream.codec), bytes);
        }
        let (verb, code, why) = match &examined.decision {
            Decision::Convert(plan) if plan.is_remux() => {
                self.counts.remux.add(bytes);
                ("remux", None, plan.why.join("; "))
            }
            Decision::Convert(plan) => {
                self.counts.encode.add(bytes);
                ("encode", None, plan.why.join("; "))
            }
            Decision::Skip(skip) => {
                self.counts.skip.entry(skip.code).or_default().add(bytes);
                ("skip", Some(skip.code), skip.words.clone())
            }
        };
        self.line(FileLine { path: path.to_owned(), bytes, verb, code, why });
    }

    /// A file that ffprobe could not read.
    pub fn unreadable(&mut self, path: &Path, bytes: u64, why: &str) {
        self.counts.total.add(bytes);
        self.counts.unreadable.add(bytes);
        self.line(FileLine {
            path: path.to_owned(),
            bytes,
            verb: "unreadable",
            code: None,
            why: why.to_owned(),
        });
    }

    /// Counts a file to a folder.
    pub fn below(&mut self, folder: &str, bytes: u64) {
        count(&mut self.folders, folder.to_owned(), bytes);
    }

    /// Estimates from bytes before, bytes after and how many files; fewer than three say nothing.
    pub fn estimate(&mut self, (before, after, by): (u64, u64, u64)) {
        if by >= 3 && before > 0 {
            let freed = 1.0 - after as f64 / before as f64;
            self.estimate = Some(Estimate { bytes: (self.counts.encode.bytes as f64 * freed) as i64, by });
        }
    }

    /// Something that was not even looked at.
    pub fn not_looked_at(&mut self, path: &Path, why: &str) {
        self.not_looked_at.push(format!("{}: {why}", path.display()));
    }

    /// No folder and no name had to be left out.
    pub fn saw_all(&self) -> bool {
        self.not_looked_at.is_empty()
    }

    fn line(&mut self, line: FileLine) {
        if let Some(files) = &mut self.files {
            files.push(line);
        }
    }

    /// The end of the scan.
    pub fn finish(&mut self, dirs: Vec<PathBuf>, interrupted: bool) {
        self.dirs = dirs;
        self.interrupted = interrupted;
        self.not_looked_at.sort();
        if let Some(files) = &mut self.files {
            files.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if let Some(files) = &self.files {
            let rows: Vec<Vec<String>> = files
                .iter()
                .map(|f| {
                    let path = text::below(&f.path, &self.dirs);
                    vec![f.verb.to_owned(), text::bytes(f.bytes), path, f.why.clone()]
                })
                .collect();
            let headings =
                [("do", Align::Left), ("size", Align::Right), ("file", Align::Left), ("why", Align::Left)];
            out.push_str(&table(&headings, &rows));
            out.push('\n');
        }
        out.push_str(&format!(
            "{}, {}, {} of media\n",
            text::counted(self.counts.total.files, "file"),
            text::bytes(self.counts.total.bytes),
            text::time(self.counts.duration)
        ));
        for (heading, counts) in [
            ("container", &self.counts.containers),
            ("video", &self.counts.video_codecs),
            ("resolution", &self.counts.resolutions),
            ("dynamic range", &self.counts.dynamic_ranges),
            ("audio", &self.counts.audio_codecs),
            ("folder", &self.folders),
        ] {
            let mut largest: Vec<(&String, &Tally)> = counts.iter().collect();
            largest.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then(a.0.cmp(b.0)));
            section(&mut out, heading, largest.into_iter().map(|(name, tally)| (name.clone(), *tally)));
        }
        let mut todo = vec![
            ("encode".to_owned(), self.counts.encode),
            ("change the container only".to_owned(), self.counts.remux),
        ];
        todo.extend(
            self.counts.skip.iter().map(|(code, tally)| (format!("leave alone: {}", code.words()), *tally)),
        );
        todo.push(("cannot be read".to_owned(), self.counts.unreadable));
        let heading = format!("what {} would do", self.profile);
        section(&mut out, &heading, todo.into_iter().filter(|(_, tally)| tally.files > 0));
        if let Some(Estimate { bytes, by }) = self.estimate {
            let (verb, amount) =
                if bytes < 0 { ("take", bytes.unsigned_abs()) } else { ("free", bytes.unsigned_abs()) };
            out.push_str(&format!(
                "\nthe encodes would {verb} about {}, by the {} that this machine made so\n",
                text::bytes(amount),
                text::counted(by, "result")
            ));
        }
        for text in &self.not_looked_at {
            out.push_str(&format!("not looked at: {}\n", text::clean(text)));
        }
        if self.interrupted {
            out.push_str("stopped before the end: these are the counts of a part\n");
        }
        out
    }
}

fn section(out: &mut String, heading: &str, rows: impl Iterator<Item = (String, Tally)>) {
    let rows: Vec<Vec<String>> =
        rows.map(|(name, tally)| vec![name, tally.files.to_string(), text::bytes(tally.bytes)]).collect();
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&table(
            &[(heading, Align::Left), ("files", Align::Right), ("size", Align::Right)],
            &rows,
        ));
    }
}

fn count(counts: &mut BTreeMap<String, Tally>, name: String, bytes: u64) {
    counts.entry(name).or_default().add(bytes);
}

fn known(codec: &str) -> String {
    if codec.is_empty() { "unknown".to_owned() } else { codec.to_owned() }
}

/// ffprobe names a family of formats; people know its first or most usual member.
fn container(media: &MediaInfo) -> String {
    match media.format.as_str() {
        "mov,mp4,m4a,3gp,3g2,mj2" => "mp4".to_owned(),
        "matroska,webm" => "matroska".to_owned(),
        other => known(other.split(',').next().unwrap_or_default()),
    }
}

/// The class people name a picture by: films are cut to their aspect ratio, so the width counts as much as the height.
fn resolution(video: &Video) -> String {
    let (long, short) = (video.width.max(video.height), video.width.min(video.height));
    let class = |width, height| long > width || short > height;
    match () {
        () if class(4096, 2304) => "4320p",
        () if class(2560, 1440) => "2160p",
        () if class(1920, 1088) => "1440p",
        () if class(1280, 720) => "1080p",
        () if class(1024, 576) => "720p",
        () if class(854, 480) => "576p",
        () if class(640, 360) => "480p",
        () => "smaller",
    }
    .to_owned()
}

fn dynamic_range(video: &Video) -> String {
    match (video.dolby_vision, video.hdr10_plus, video.hdr()) {
        (Some(dv), _, _) => format!("Dolby Vision {}", dv.profile),
        (None, true, _) => "HDR10+".to_owned(),
        (None, false, Hdr::Pq) => "HDR10".to_owned(),
        (None, false, Hdr::Hlg) => "HLG".to_owned(),
        (None, false, Hdr::Sdr) => "SDR".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_named_by_the_class_people_know_it_by() {
        for (width, height, class) in [
            (3840, 2160, "2160p"),
            (3840, 1600, "2160p"),
            (4096, 1716, "2160p"),
            (7680, 4320, "4320p"),
            (2560, 1440, "1440p"),
            (1920, 1080, "1080p"),
            (1920, 1088, "1080p"),
            (1920, 800, "1080p"),
            (1440, 1080, "1080p"),
            (1080, 1920, "1080p"),
            (1280, 720, "720p"),
            (1280, 536, "720p"),
            (720, 576, "576p"),
            (720, 480, "480p"),
            (640, 480, "480p"),
            (320, 180, "smaller"),
        ] {
            let video = Video { width, height, ..Video::default() };
            assert_eq!(resolution(&video), class, "{width}x{height}");
        }
    }
}
