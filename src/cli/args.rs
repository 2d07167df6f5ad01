//! Groups of arguments that several subcommands take, and the settings they give.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Flags, Given};

const INPUT: &str = "What to look at";
const WANTED: &str = "What to make of it";
const SHARING: &str = "Sharing the library with other machines";
const MACHINE: &str = "This machine";
const GUEST: &str = "A good guest on this machine";

/// Taken by every subcommand.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Read this file after the user's and the library's media-converter.toml
    #[arg(long, value_name = "FILE", global = true, help_heading = "General")]
    pub config: Option<PathBuf>,
    /// Folder of this machine's history and measurements, on a local disk
    #[arg(long, value_name = "DIR", global = true, help_heading = "General")]
    pub state_dir: Option<String>,
    /// Form of the lines on stderr
    #[arg(long, value_name = "FORM", value_parser = ["text", "json"], global = true, help_heading = "General")]
    pub log_format: Option<String>,
    /// Colours (NO_COLOR is honoured)
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"], global = true, help_heading = "General")]
    pub color: Option<String>,
    /// Say more: every skip and every plan; twice: what developers want to know
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet", help_heading = "General")]
    pub verbose: u8,
    /// Say less: warnings and failures only
    #[arg(short, long, global = true, help_heading = "General")]
    pub quiet: bool,
}

/// Which files of a folder.
#[derive(Args, Clone, Debug, Default)]
pub struct Choice {
    /// Kinds of file to touch
    #[arg(long = "type", value_name = "TYPE", value_parser = ["video", "audio", "both"], help_heading = INPUT)]
    pub types: Option<String>,
    /// Only files whose path below the folder matches this glob (repeatable)
    #[arg(long, value_name = "GLOB", help_heading = INPUT)]
    pub include: Vec<String>,
    /// Not the files whose path below the folder matches this glob (repeatable)
    #[arg(long, value_name = "GLOB", help_heading = INPUT)]
    pub exclude: Vec<String>,
    /// Not samples, trailers and bonus material, by the names that media servers know them by
    #[arg(long, help_heading = INPUT)]
    pub no_extras: bool,
    /// Symbolic links to folders: skip them, or follow them to each real folder once
    #[arg(long, value_name = "WHAT", value_parser = ["skip", "follow"], help_heading = INPUT)]
    pub symlinks: Option<String>,
    /// Also files and folders whose names begin with a dot
    #[arg(long, help_heading = INPUT)]
    pub hidden: bool,
    /// Pass by files and folders of this name, a glob; in place of the usual list (repeatable)
    #[arg(long, value_name = "NAME", help_heading = INPUT)]
    pub junk: Vec<String>,
    /// Leave younger files alone, they may still be being written, e.g. 90s, 15m
    #[arg(long, value_name = "TIME", help_heading = INPUT)]
    pub min_age: Option<String>,
}

/// What a file is to become.
#[derive(Args, Clone, Debug, Default)]
pub struct Wants {
    /// Profile: universal, chromecast, compact, remux, audio, or one of your own
    #[arg(long, value_name = "NAME", help_heading = WANTED)]
    pub profile: Option<String>,
    /// Make every audio stream stereo
    #[arg(long, help_heading = WANTED)]
    pub force_stereo: bool,
    /// Scale larger pictures down to 1080p and rename 2160p, 4K, UHD and 1440p in file names
    #[arg(long, help_heading = WANTED)]
    pub downgrade_resolution: bool,
    /// Families of video encoders in their order: auto, software, nvenc, qsv, vaapi, amf, videotoolbox; or for each codec, e.g. 'hevc=nvenc, software; auto'
    #[arg(long, value_name = "FAMILIES", help_heading = WANTED)]
    pub encoder: Option<String>,
    /// Drop a result that is larger than this percentage of its source; none: any size is good
    #[arg(long, value_name = "PERCENT", help_heading = WANTED)]
    pub max_output_percent: Option<String>,
    /// Drop a result whose picture is less like its source's than this VMAF, e.g. 90
    #[arg(long, value_name = "N", help_heading = WANTED)]
    pub min_vmaf: Option<String>,
}

/// Where ffmpeg is.
#[derive(Args, Clone, Debug, Default)]
pub struct Programs {
    /// The ffmpeg program
    #[arg(long, value_name = "PATH", help_heading = MACHINE)]
    pub ffmpeg: Option<String>,
    /// The ffprobe program
    #[arg(long, value_name = "PATH", help_heading = MACHINE)]
    pub ffprobe: Option<String>,
}

/// The terms claims are taken and judged on.
#[derive(Args, Clone, Debug, Default)]
pub struct Claims {
    /// Others may call our claims dead after this long without a sign of life
    #[arg(long, value_name = "TIME", help_heading = SHARING)]
    pub stale_after: Option<String>,
    /// Time between two signs of life
    #[arg(long, value_name = "TIME", help_heading = SHARING)]
    pub heartbeat: Option<String>,
    /// Also hold <file>.lock, for later Python workers of mediabox
    #[arg(long, help_heading = SHARING)]
    pub legacy_locks: bool,
}

/// When this machine may work, and when it rests.
#[derive(Args, Clone, Debug, Default)]
pub struct Guards {
    /// Hours in which to work, e.g. "Mon-Fri 22:00-07:00", "Sat-Sun" (repeatable)
    #[arg(long, value_name = "WINDOW", help_heading = GUEST)]
    pub active: Vec<String>,
    /// Running files when the hours end: finish them or pause them
    #[arg(long, value_name = "WHAT", value_parser = ["finish", "pause"], help_heading = GUEST)]
    pub when_inactive: Option<String>,
    /// Running files while on battery: pause, finish or ignore
    #[arg(long, value_name = "WHAT", value_parser = ["pause", "finish", "ignore"], help_heading = GUEST)]
    pub battery: Option<String>,
    /// Stop while a graphics card is this hot (°C or none)
    #[arg(long, value_name = "DEGREES", help_heading = GUEST)]
    pub max_gpu_temperature: Option<String>,
    /// Stop while the processor is this hot (°C or none)
    #[arg(long, value_name = "DEGREES", help_heading = GUEST)]
    pub max_cpu_temperature: Option<String>,
    /// Stop while other programs use this percentage of the processor
    #[arg(long, value_name = "PERCENT", help_heading = GUEST)]
    pub max_load: Option<String>,
    /// Begin no new file while less memory is free, e.g. 2GiB
    #[arg(long, value_name = "SIZE", help_heading = GUEST)]
    pub min_memory: Option<String>,
    /// Leave this much room on the disks, e.g. 50GiB
    #[arg(long, value_name = "SIZE", help_heading = GUEST)]
    pub min_free: Option<String>,
    /// A media server to be kind to: "plex http://nas:32400 TOKEN" (repeatable; better in the configuration, where nobody sees the key)
    #[arg(long, value_name = "SERVER", help_heading = GUEST)]
    pub media_servers: Vec<String>,
    /// Running files while a media server plays: pause, finish or ignore
    #[arg(long, value_name = "WHAT", value_parser = ["pause", "finish", "ignore"], help_heading = GUEST)]
    pub while_playing: Option<String>,
}

/// Collects what was given into settings by key.
#[derive(Debug, Default)]
pub struct Collect(pub Flags);

impl Collect {
    pub fn text(mut self, key: &'static str, value: Option<&String>) -> Self {
        if let Some(value) = value {
            self.0.insert(key, Given::Text(value.clone()));
        }
        self
    }
    pub fn switch(mut self, key: &'static str, given: bool, value: bool) -> Self {
        if given {
            self.0.insert(key, Given::Switch(value));
        }
        self
    }
    pub fn list(mut self, key: &'static str, items: &[String]) -> Self {
        if !items.is_empty() {
            self.0.insert(key, Given::List(items.to_vec()));
        }
        self
    }
    pub fn common(self, common: &Common) -> Self {
        self.text("state_dir", common.state_dir.as_ref())
            .text("log_format", common.log_format.as_ref())
            .text("color", common.color.as_ref())
    }
    pub fn choice(self, choice: &Choice) -> Self {
        self.text("type", choice.types.as_ref())
            .list("include", &choice.include)
            .list("exclude", &choice.exclude)
            .switch("extras", choice.no_extras, false)
            .text("symlinks", choice.symlinks.as_ref())
            .switch("hidden", choice.hidden, true)
            .list("junk", &choice.junk)
            .text("min_age", choice.min_age.as_ref())
    }
    pub fn wants(self, wants: &Wants) -> Self {
        self.text("profile", wants.profile.as_ref())
            .switch("force_stereo", wants.force_stereo, true)
            .switch("downgrade_resolution", wants.downgrade_resolution, true)
            .text("encoder", wants.encoder.as_ref())
            .text("max_output_percent", wants.max_output_percent.as_ref())
            .text("min_vmaf", wants.min_vmaf.as_ref())
    }
    pub fn programs(self, programs: &Programs) -> Self {
        self.text("ffmpeg", programs.ffmpeg.as_ref()).text("ffprobe", programs.ffprobe.as_ref())
    }
    pub fn guards(self, guards: &Guards) -> Self {
        self.list("active", &guards.active)
            .text("when_inactive", guards.when_inactive.as_ref())
            .text("battery", guards.battery.as_ref())
            .text("max_gpu_temperature", guards.max_gpu_temperature.as_ref())
            .text("max_cpu_temperature", guards.max_cpu_temperature.as_ref())
            .text("max_load", guards.max_load.as_ref())
            .text("min_memory", guards.min_memory.as_ref())
            .text("min_free", guards.min_free.as_ref())
            .list("media_servers", &guards.media_servers)
            .text("while_playing", guards.while_playing.as_ref())
    }
    pub fn claims(self, claims: &Claims) -> Self {
        self.text("stale_after", claims.stale_after.as_ref())
            .text("heartbeat", claims.heartbeat.as_ref())
            .switch("legacy_locks", claims.legacy_locks, true)
    }
}
