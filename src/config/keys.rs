//! Every setting there is: one table that the parser, `config show`, docs/CONFIG.md and the hints after a typing error
//! are made from.

use super::value::Kind;

/// Where a key may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Also in the library's own file, for the whole fleet.
    Fleet,
    /// Only on the machine itself: it names a program, a folder or a screen of this machine. Whoever can write to the share may
    /// say what becomes of the media there, but not which program the fleet's machines run.
    Machine,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written in a file.
    pub name: &'static str,
    pub kind: Kind,
    /// Parsed like any other text; empty: unset.
    pub default: &'static str,
    /// The flag that sets it.
    pub flag: &'static str,
    pub scope: Scope,
    /// One or two sentences for people.
    pub meaning: &'static str,
}

impl Key {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase())
    }
}

/// What our environment variables begin with.
pub const PREFIX: &str = "MEDIA_CONVERTER_";

/// The variable that names a file, like `--config`.
pub const CONFIG_VARIABLE: &str = "MEDIA_CONVERTER_CONFIG";

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    flag: &'static str,
    scope: Scope,
    meaning: &'static str,
) -> Key {
    Key { name, kind, default, flag, scope, meaning }
}

/// All settings, in the order people are shown them.
pub const KEYS: &[Key] = &[
    key(
        "profile",
        Kind::Text,
        "universal",
        "--profile",
        Scope::Fleet,
        "What files are turned into: a built-in profile or one of the `[profiles]` tables.",
    ),
    key(
        "type",
        Kind::Word(&["video", "audio", "both"]),
        "both",
        "--type",
        Scope::Fleet,
        "Which kinds of file are touched.",
    ),
    key(
        "force_stereo",
        Kind::Switch,
        "false",
        "--force-stereo",
        Scope::Fleet,
        "Every audio stream becomes stereo.",
    ),
    key(
        "downgrade_resolution",
        Kind::Switch,
        "false",
        "--downgrade-resolution",
        Scope::Fleet,
        "Larger pictures are scaled down to 1080p, and 2160p, 4K, UHD and 1440p in file names become 1080p.",
    ),
    key(
        "encoder",
        Kind::Encoders,
        "",
        "--encoder",
        Scope::Fleet,
        "Families of video encoders to use, the first that works first; unset: as the profile says (`auto`: every one that works on \
         this machine, in our order).",
    ),
    key(
        "max_output_percent",
        Kind::Percent,
        "",
        "--max-output-percent",
        Scope::Fleet,
        "A result larger than this percentage of its source is dropped and the source is not tried again; `none`: any size is \
         good; unset: as the profile says.",
    ),
    key(
        "min_vmaf",
        Kind::Count,
        "",
        "--min-vmaf",
        Scope::Fleet,
        "A result whose picture is less like its source's than this VMAF (0 to 100) is dropped and the source is not tried again; \
         without libvmaf a cautious SSIM is asked for (FIDELITY.md). Unset: it is not measured.",
    ),
    key(
        "mtime",
        Kind::Word(&["keep", "now"]),
        "keep",
        "--mtime",
        Scope::Fleet,
        "The time that a result carries: its original's, or that of the conversion.",
    ),
    key(
        "jobs",
        Kind::Jobs,
        "auto",
        "--jobs",
        Scope::Fleet,
        "Files converted at once on one machine; `auto`: begins with one, adds one after half a minute where the processor has time to \
         spare or that gets more done, and halves when memory gets short.",
    ),
    key("limit", Kind::Count, "", "--limit", Scope::Fleet, "The run ends after this many conversions."),
    key(
        "order",
        Kind::Word(&["spread", "newest", "oldest", "largest", "smallest", "savings", "name", "random"]),
        "spread",
        "--order",
        Scope::Fleet,
        "Which files come first. `spread`: as they are found, each machine starting elsewhere; the first job starts at once. \
         `savings`: what has most bytes above what its picture needs, by remembered facts (`media-converter scan`). All but \
         `spread` wait up to ten seconds for the walk, then take the best found so far.",
    ),
    key(
        "include",
        Kind::Globs,
        "",
        "--include",
        Scope::Fleet,
        "Only files whose path below the folder matches one of these globs.",
    ),
    key(
        "exclude",
        Kind::Globs,
        "",
        "--exclude",
        Scope::Fleet,
        "Not the files whose path below the folder matches one of these globs.",
    ),
    key(
        "extras",
        Kind::Switch,
        "true",
        "--no-extras",
        Scope::Fleet,
        "`false`: not the samples, trailers and bonus material that media servers know by their names: folders such as Extras, \
         Featurettes or Sample, and files such as `Film-trailer.mkv`.",
    ),
    key(
        "symlinks",
        Kind::Word(&["skip", "follow"]),
        "skip",
        "--symlinks",
        Scope::Fleet,
        "Symbolic links to folders: `follow` enters each real folder once, wherever it lies. Links to files are left alone by either: \
         a swap would replace the link, and the file behind it would stay.",
    ),
    key(
        "hidden",
        Kind::Switch,
        "false",
        "--hidden",
        Scope::Fleet,
        "`true`: also files and folders whose names begin with a dot; never `._*`, which are halves of Apple's files.",
    ),
    key(
        "junk",
        Kind::Globs,
        "@eaDir;#recycle;@Recycle;@Recently-Snapshot;#snapshot;.Trash*;.AppleDouble;.recycle;.snapshot*;.zfs;.stversions;\
         lost+found;$RECYCLE.BIN;System Volume Information",
        "--junk",
        Scope::Fleet,
        "Names that are passed by, of folders and of files: globs over one name in any folder, case ignored. What is given takes the \
         place of the default list.",
    ),
    key(
        "min_age",
        Kind::Duration,
        "30s",
        "--min-age",
        Scope::Fleet,
        "A file that changed less than this long ago may still be copied: it is looked at last, when it has been quiet for that long.",
    ),
    key(
        "temp_dir",
        Kind::Path,
        "",
        "--temp-dir",
        Scope::Machine,
        "Encode in this folder first and copy the finished result beside its source; unset: beside the source.",
    ),
    key(
        "originals",
        Kind::Word(&["trash", "delete", "keep"]),
        "trash",
        "--originals",
        Scope::Fleet,
        "What becomes of an original once its verified result is in place: moved to the library's trash, deleted, or kept beside \
         the result under another name.",
    ),
    key(
        "trash_days",
        Kind::Count,
        "14",
        "--trash-days",
        Scope::Fleet,
        "Days until an original in the trash is removed for good.",
    ),
    key(
        "verify",
        Kind::Word(&["fast", "full"]),
        "full",
        "--verify",
        Scope::Fleet,
        "How a result is checked before it may take its source's place: `full` also decodes all of it.",
    ),
    key(
        "stale_after",
        Kind::Duration,
        "30m",
        "--stale-after",
        Scope::Fleet,
        "Others may call a claim dead after this long without a sign of life. Written into each claim; the holder's value counts. At \
         least three heartbeats.",
    ),
    key(
        "heartbeat",
        Kind::Duration,
        "1m",
        "--heartbeat",
        Scope::Fleet,
        "Time between two signs of life of a claim.",
    ),
    key(
        "legacy_locks",
        Kind::Switch,
        "false",
        "--legacy-locks",
        Scope::Fleet,
        "Also hold `<file>.lock`, which later Python workers of mediabox look for.",
    ),
    key(
        "nice",
        Kind::Switch,
        "true",
        "--nice",
        Scope::Machine,
        "ffmpeg runs at low processor and disk priority.",
    ),
    key(
        "stall",
        Kind::Duration,
        "10m",
        "--stall",
        Scope::Fleet,
        "An ffmpeg that makes no progress for this long is stopped.",
    ),
    key(
        "active",
        Kind::Schedule,
        "",
        "--active",
        Scope::Fleet,
        "Hours in which work is done, by each machine's own clock; unset: always. A window over midnight belongs to the day on which \
         it begins.",
    ),
    key(
        "when_inactive",
        Kind::Word(&["finish", "pause"]),
        "finish",
        "--when-inactive",
        Scope::Fleet,
        "What becomes of running files when the hours of `active` end: finished, or stopped where they are until the next hours.",
    ),
    key(
        "battery",
        Kind::Word(&["pause", "finish", "ignore"]),
        "pause",
        "--battery",
        Scope::Fleet,
        "What becomes of running files while the machine runs on battery; new ones wait, but for `ignore`.",
    ),
    key(
        "max_gpu_temperature",
        Kind::Degrees,
        "85",
        "--max-gpu-temperature",
        Scope::Fleet,
        "Everything stops while a graphics card is this hot, until it is 8 °C cooler.",
    ),
    key(
        "max_cpu_temperature",
        Kind::Degrees,
        "none",
        "--max-cpu-temperature",
        Scope::Fleet,
        "The same for the processor (Linux). Off by default: many processors are made to run at 95 °C.",
    ),
    key(
        "max_load",
        Kind::Percent,
        "none",
        "--max-load",
        Scope::Fleet,
        "Everything stops while other programs use this percentage of the processor. Off by default: ffmpeg runs at low priority. Not with \
         `nice = false`: then our own work could not be told from theirs.",
    ),
    key(
        "min_memory",
        Kind::Bytes,
        "",
        "--min-memory",
        Scope::Fleet,
        "No new file is begun while less memory than this is free, and `jobs = \"auto\"` stays clear of it. Unset: a tenth of the \
         machine's memory, at most 512 MiB.",
    ),
    key(
        "min_free",
        Kind::Bytes,
        "",
        "--min-free",
        Scope::Fleet,
        "Room that stays free on the library's disk and on that of `temp_dir`: a file whose result might take it is not begun. Unset: \
         as much as the file itself, at most 64 MiB.",
    ),
    key(
        "media_servers",
        Kind::Servers,
        "",
        "--media-servers",
        Scope::Machine,
        "Plex, Jellyfin and Emby servers to be kind to: kind, address and access key of each. The keys are not shown.",
    ),
    key(
        "while_playing",
        Kind::Word(&["pause", "finish", "ignore"]),
        "pause",
        "--while-playing",
        Scope::Fleet,
        "What becomes of running files while one of them plays or transcodes; new ones wait, but for `ignore`.",
    ),
    key(
        "ffmpeg",
        Kind::Path,
        "",
        "--ffmpeg",
        Scope::Machine,
        "The ffmpeg program; unset: beside media-converter, else from PATH.",
    ),
    key(
        "ffprobe",
        Kind::Path,
        "",
        "--ffprobe",
        Scope::Machine,
        "The ffprobe program; unset: beside media-converter, else from PATH.",
    ),
    key(
        "state_dir",
        Kind::Path,
        "",
        "--state-dir",
        Scope::Machine,
        "Folder of this machine's own history and measurements, on a local disk; unset: the platform's place for such things.",
    ),
    key(
        "log_format",
        Kind::Word(&["text", "json"]),
        "text",
        "--log-format",
        Scope::Machine,
        "Form of the lines on stderr; `json` also turns the bars off.",
    ),
    key(
        "color",
        Kind::Word(&["auto", "always", "never"]),
        "auto",
        "--color",
        Scope::Machine,
        "Colours; `auto`: on a terminal, unless NO_COLOR is set.",
    ),
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name that is nearest to a mistyped one.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase().replace('-', "_");
    known.into_iter().min_by(|a, b| {
        // Who stops in the midst of a long name means that one.
        let distance = |k: &str| {
            let k = k.to_lowercase();
            (wanted.len() < 8 || !k.starts_with(&wanted), strsim::osa_distance(&wanted, &k))
        };
        distance(a)
            .cmp(&distance(b))
            .then_with(|| strsim::jaro_winkler(&wanted, b).total_cmp(&strsim::jaro_winkler(&wanted, a)))
    })
}
