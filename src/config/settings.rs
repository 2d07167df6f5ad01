//! The merged settings as plain typed values, and each one's text and origin for `config show`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::KEYS;
use super::profiles::{BuiltIn, Profiles};
use super::value::{Value, write_duration};
use super::{Origin, Setting};
use crate::model::encoders::EncoderChoice;
use crate::model::error::{Error, Kind, Result};
use crate::model::order::Order;
use crate::model::policy::{Links, Policy, Stereo, TypeFilter};
use crate::model::schedule::Schedule;

/// Files converted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    Auto,
    Count(usize),
}

/// What becomes of originals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Originals {
    Trash,
    Delete,
    Keep,
}

/// What to do with running files when something stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatThen {
    Ignore,
    Finish,
    Pause,
}

/// How thoroughly results are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    Fast,
    Full,
}

/// The most a result may have of its source's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimit {
    /// As the profile says.
    Profile,
    /// Any size is good.
    Off,
    Percent(u32),
}

/// Form of the lines on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Names by which Plex, Jellyfin and Kodi know what is not the film itself (their documentation of local extras), and
/// what scene releases call samples.
const EXTRAS: [&str; 24] = [
    "Sample",
    "Samples",
    "Extras",
    "Featurettes",
    "Behind The Scenes",
    "Deleted Scenes",
    "Interviews",
    "Scenes",
    "Shorts",
    "Trailers",
    "Other",
    "Bonus",
    "*[-._ ]sample.*",
    "sample.*",
    "*[-._ ]trailer.*",
    "trailer.*",
    "*-behindthescenes.*",
    "*-deleted.*",
    "*-featurette.*",
    "*-interview.*",
    "*-scene.*",
    "*-short.*",
    "*-other.*",
    "*-extra.*",
];

/// Everything that can be set, resolved.
#[derive(Clone, Debug)]
pub struct Settings {
    pub profile: String,
    pub types: TypeFilter,
    pub force_stereo: bool,
    pub downgrade_resolution: bool,
    pub encoder: Option<EncoderChoice>,
    pub output_limit: OutputLimit,
    /// Least VMAF of a result, where one is asked for.
    pub min_vmaf: Option<u32>,
    /// A result carries its original's time.
    pub keep_mtime: bool,
    pub jobs: Jobs,
    pub limit: Option<u64>,
    pub order: Order,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub links: Links,
    /// Names that begin with a dot are looked at, too.
    pub hidden: bool,
    /// Names that are passed by.
    pub junk: Vec<String>,
    pub min_age: Duration,
    pub temp_dir: Option<PathBuf>,
    pub originals: Originals,
    pub trash_days: u32,
    pub verify: Verify,
    pub stale_after: Duration,
    pub heartbeat: Duration,
    pub legacy_locks: bool,
    pub nice: bool,
    pub stall: Duration,
    pub active: Schedule,
    pub when_inactive: WhatThen,
    pub battery: WhatThen,
    pub while_playing: WhatThen,
    /// °C.
    pub max_gpu_temperature: Option<u32>,
    pub max_cpu_temperature: Option<u32>,
    /// Percent of the processor.
    pub max_load: Option<u32>,
    /// Bytes.
    pub min_memory: Option<u64>,
    pub min_free: Option<u64>,
    /// Kind, address and key of each.
    pub media_servers: Vec<String>,
    pub ffmpeg: Option<PathBuf>,
    pub ffprobe: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
    pub log_format: LogFormat,
    pub color: Color,
    /// The tables of `[profiles]`.
    pub profiles: Profiles,
    /// Files that were read, in order.
    pub files: Vec<PathBuf>,
    all: BTreeMap<&'static str, Setting>,
}

impl Settings {
    pub(super) fn new(
        all: BTreeMap<&'static str, Setting>,
        profiles: Profiles,
        files: Vec<PathBuf>,
    ) -> Result<Self> {
        let read = Read(&all);
        let settings = Self {
            profile: read.text("profile").to_owned(),
            types: match read.text("type") {
                "video" => TypeFilter::Video,
                "audio" => TypeFilter::Audio,
                _ => TypeFilter::Both,
            },
            force_stereo: read.switch("force_stereo"),
            downgrade_resolution: read.switch("downgrade_resolution"),
            // Unset is an empty text, which names no family.
            encoder: read.text("encoder").parse().ok(),
            output_limit: match read.value("max_output_percent") {
                Value::Off => OutputLimit::Off,
                Value::Count(percent) => OutputLimit::Percent(u32::try_from(*percent).unwrap_or(u32::MAX)),
                _ => OutputLimit::Profile,
            },
            min_vmaf: read.count("min_vmaf").map(|least| u32::try_from(least).unwrap_or(u32::MAX)),
            keep_mtime: read.text("mtime") != "now",
            jobs: match read.count("jobs") {
                None => Jobs::Auto,
                Some(count) => Jobs::Count(usize::try_from(count).unwrap_or(usize::MAX)),
            },
            limit: read.count("limit"),
            order: match read.text("order") {
                "newest" => Order::Newest,
                "oldest" => Order::Oldest,
                "largest" => Order::Largest,
                "smallest" => Order::Smallest,
                "savings" => Order::Savings,
                "name" => Order::Name,
                "random" => Order::Random,
                _ => Order::Spread,
            },
            include: read.list("include"),
            exclude: {
                let mut exclude = read.list("exclude");
                if !read.switch("extras") {
                    exclude.extend(EXTRAS.iter().map(|glob| (*glob).to_owned()));
                }
                exclude
            },
            links: if read.text("symlinks") == "follow" { Links::Follow } else { Links::Skip },
            hidden: read.switch("hidden"),
            junk: read.list("junk"),
            min_age: read.duration("min_age"),
            temp_dir: read.path("temp_dir"),
            originals: match read.text("originals") {
                "delete" => Originals::Delete,
                "keep" => Originals::Keep,
                _ => Originals::Trash,
            },
            trash_days: u32::try_from(read.count("trash_days").unwrap_or_default()).unwrap_or(u32::MAX),
            verify: if read.text("verify") == "fast" { Verify::Fast } else { Verify::Full },
            stale_after: read.duration("stale_after"),
            heartbeat: read.duration("heartbeat"),
            legacy_locks: read.switch("legacy_locks"),
            nice: read.switch("nice"),
            stall: read.duration("stall"),
            active: Schedule::parse(&read.list("active")).unwrap_or_default(),
            when_inactive: read.what_then("when_inactive"),
            battery: read.what_then("battery"),
            while_playing: read.what_then("while_playing"),
            max_gpu_temperature: read
                .count("max_gpu_temperature")
                .and_then(|count| u32::try_from(count).ok()),
            max_cpu_temperature: read
                .count("max_cpu_temperature")
                .and_then(|count| u32::try_from(count).ok()),
            max_load: read.count("max_load").and_then(|count| u32::try_from(count).ok()),
            min_memory: read.bytes("min_memory"),
            min_free: read.bytes("min_free"),
            media_servers: read.list("media_servers"),
            ffmpeg: read.path("ffmpeg"),
            ffprobe: read.path("ffprobe"),
            state_dir: read.path("state_dir"),
            log_format: if read.text("log_format") == "json" { LogFormat::Json } else { LogFormat::Text },
            color: match read.text("color") {
                "always" => Color::Always,
                "never" => Color::Never,
                _ => Color::Auto,
            },
            profiles,
            files,
            all,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Values that contradict each other.
    fn check(&self) -> Result<()> {
        let (stale, beat) = (self.stale_after, self.heartbeat);
        if beat.is_zero() || stale < beat * 3 {
            return Err(Error::new(Kind::Usage, "use these settings")
                .because(format!(
                    "stale_after is {} ({}) and heartbeat is {} ({}), so that two lost heartbeats would cost a worker its claim",
                    write_duration(stale),
                    self.origin("stale_after"),
                    write_duration(beat),
                    self.origin("heartbeat"),
                ))
                .hint("stale_after must be at least three times the heartbeat, which must not be 0."));
        }
        if self.min_vmaf.is_some_and(|least| least > 100) {
            return Err(Error::new(Kind::Usage, "use these settings")
                .because(format!(
                    "min_vmaf is above 100 ({}), which no picture reaches",
                    self.origin("min_vmaf")
                ))
                .hint("Give a number such as 90; 100 is the source itself."));
        }
        if self.max_load.is_some() && !self.nice {
            return Err(Error::new(Kind::Usage, "use these settings")
                .because(format!(
                    "max_load ({}) watches what other programs use, and with nice = false ({}) our own work looks like theirs",
                    self.origin("max_load"),
                    self.origin("nice"),
                ))
                .hint("Leave one of them out."));
        }
        if self.stall.is_zero() {
            return Err(Error::new(Kind::Usage, "use these settings")
                .because(format!(
                    "stall is 0 ({}), which would stop every ffmpeg at once",
                    self.origin("stall")
                ))
                .hint("Give a time such as 10m."));
        }
        Ok(())
    }

    /// Each setting's name, value and origin, in the order of the table of keys.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        KEYS.iter().filter_map(|key| Some((key.name, self.all.get(key.name)?)))
    }

    /// Where a setting came from.
    pub fn origin(&self, name: &str) -> &Origin {
        self.all.get(name).map_or(&Origin::Default, |setting| &setting.origin)
    }

    /// The profile's policy with the settings over it.
    pub fn policy(&self, built_in: BuiltIn) -> Result<Policy> {
        let mut policy = self.profiles.policy(&self.profile, built_in).map_err(|error| match error.path {
            Some(_) => error,
            None => error.because(format!("it was asked for by {}", self.origin("profile"))),
        })?;
        if self.force_stereo {
            policy.audio.stereo = Stereo::Force;
        }
        if self.downgrade_resolution {
            policy.video.downgrade_resolution = true;
        }
        if let Some(encoder) = &self.encoder {
            policy.video.encoder = encoder.clone();
        }
        policy.min_vmaf = self.min_vmaf.or(policy.min_vmaf);
        match self.output_limit {
            OutputLimit::Profile => {}
            OutputLimit::Off => policy.max_output_percent = None,
            OutputLimit::Percent(percent) => policy.max_output_percent = Some(percent),
        }
        Ok(policy)
    }
}

/// Typed looks into the merged table; each key's kind has been checked when it was parsed.
struct Read<'a>(&'a BTreeMap<&'static str, Setting>);

impl Read<'_> {
    fn value(&self, name: &str) -> &Value {
        self.0.get(name).map_or(&Value::Unset, |setting| &setting.value)
    }
    fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Value::Text(text) => text,
            _ => "",
        }
    }
    fn switch(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Switch(true))
    }
    fn count(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }
    fn duration(&self, name: &str) -> Duration {
        match self.value(name) {
            Value::Duration(time) => *time,
            _ => Duration::ZERO,
        }
    }
    fn path(&self, name: &str) -> Option<PathBuf> {
        match self.value(name) {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        }
    }
    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::List(items) | Value::Secret(items) => items.clone(),
            _ => Vec::new(),
        }
    }
    fn bytes(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Value::Bytes(bytes) => Some(*bytes),
            _ => None,
        }
    }
    fn what_then(&self, name: &str) -> WhatThen {
        match self.text(name) {
            "ignore" => WhatThen::Ignore,
            "finish" => WhatThen::Finish,
            _ => WhatThen::Pause,
        }
    }
}
