//! What every subcommand needs before it can begin: settings, a voice, the store, ffmpeg and what it can do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Collect, Common};
use crate::config::places::{Places, ShareNames};
use crate::config::{self, BuiltIn, Settings, Sources};
use crate::ffmpeg;
use crate::ffmpeg::tools::Tools;
use crate::model::caps::{Caps, Verdict};
use crate::model::error::Result;
use crate::model::policy::Policy;
use crate::scan::bounds::Bounds;
use crate::share::claim::Terms;
use crate::share::layout;
use crate::store::Store;
use crate::ui::{Clock, Colour, Form, Look, Verbosity};

/// The profiles that are built in.
pub const BUILT_IN: BuiltIn = BuiltIn { names: crate::plan::profile_names, get: crate::plan::profile };

/// Time for people.
const CLOCK: Clock = Clock { wall: crate::sys::clock::wall, iso: crate::sys::clock::local_iso };

/// Settings and voice.
#[derive(Debug)]
pub struct Session {
    pub settings: Settings,
    pub look: Look,
    places: Places,
}

/// How to talk before the settings are known: errors in them must be told, too.
pub fn first_look(common: &Common, json: bool) -> Look {
    let verbosity = match (common.quiet, common.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        _ => Verbosity::Verbose,
    };
    let form = if common.log_format.as_deref() == Some("json") { Form::Json } else { Form::Text };
    let colour = colour(match common.color.as_deref() {
        Some("always") => config::Color::Always,
        Some("never") => config::Color::Never,
        _ => config::Color::Auto,
    });
    Look { verbosity, more: common.verbose > 1, colour, form, json, clock: CLOCK }
}

fn colour(wanted: config::Color) -> Colour {
    match wanted {
        config::Color::Always => Colour::Always,
        config::Color::Never => Colour::Never,
        config::Color::Auto if config::no_color() => Colour::Never,
        config::Color::Auto => Colour::Auto,
    }
}

impl Session {
    /// Reads all layers of settings. `dirs`: folders whose library may have settings of its own.
    pub fn begin(common: &Common, collect: Collect, dirs: Vec<PathBuf>, look: Look) -> Result<Self> {
        let places = Places::of_this_user();
        let settings = config::load(Sources {
            places: &places,
            dirs,
            share_names: ShareNames { config: layout::CONFIG_NAME, library: layout::LIBRARY_DIR },
            config: common.config.clone(),
            environment: config::environment(),
            flags: collect.common(common).0,
        })?;
        let form = match settings.log_format {
            config::LogFormat::Text => Form::Text,
            config::LogFormat::Json => Form::Json,
        };
        let look = Look { form, colour: colour(settings.color), ..look };
        look.start_logging();
        Ok(Self { settings, look, places })
    }

    /// Where this machine's own memory lies.
    pub fn state_dir(&self) -> Option<&Path> {
        self.settings.state_dir.as_deref().or(self.places.state.as_deref())
    }

    /// This machine's own memory; one that forgets where none can be kept.
    pub fn store(&self) -> Arc<Store> {
        let folder = self.state_dir();
        let store = if let Some(folder) = folder {
            Store::open(folder).unwrap_or_else(|error| {
                self.look.note(&format!("history is not kept: {error}"));
                Store::in_memory()
            })
        } else {
            self.look.note("history is not kept: this user has no folder for it (see --state-dir)");
            Store::in_memory()
        };
        Arc::new(store)
    }

    /// Finds ffmpeg and ffprobe.
    pub fn tools(&self) -> Result<Tools> {
        ffmpeg::tools::find(self.settings.ffmpeg.as_deref(), self.settings.ffprobe.as_deref())
    }

    /// [`Session::tools`], without asking programs for their version that are the same files as when they were asked last:
    /// a look at a library of a million files must not wait for two processes to start.
    pub fn remembered_tools(&self, store: &Store) -> Result<Tools> {
        let (ffmpeg, ffprobe) = (self.settings.ffmpeg.as_deref(), self.settings.ffprobe.as_deref());
        ffmpeg::tools::find_remembered(
            ffmpeg,
            ffprobe,
            &|program, state| store.tool_version(program, state),
            &|program, state, version| store.set_tool_version(program, state, version),
        )
    }

    /// What this ffmpeg can do here: remembered, or tried now. `policy`: only the encoders that it may use are tried;
    /// without one, all are.
    pub fn caps(&self, tools: &Tools, store: &Store, policy: Option<&Policy>) -> Result<Caps> {
        let known = store.caps(&ffmpeg::caps::conditions(tools));
        self.complete(tools, store, known, policy)
    }

    /// Tries everything anew.
    pub fn fresh_caps(&self, tools: &Tools, store: &Store) -> Result<Caps> {
        self.complete(tools, store, None, None)
    }

    fn complete(
        &self,
        tools: &Tools,
        store: &Store,
        known: Option<Caps>,
        policy: Option<&Policy>,
    ) -> Result<Caps> {
        let wanted = |name: &str| policy.is_none_or(|policy| crate::plan::may_use(policy, name));
        let before = known.as_ref().map_or(0, |known| known.encoders.len());
        if known.as_ref().is_none_or(|known| !ffmpeg::caps::has_all(known, &wanted)) {
            let what = if policy.is_some() { "the encoders that the profile needs" } else { "every encoder" };
            self.look.note(&format!("trying {what} of ffmpeg {} here, once …", tools.version));
        }
        let caps = ffmpeg::caps::complete(tools, known, &wanted)?;
        if caps.encoders.len() > before {
            // A card whose sessions were all in use is tried again by the next run.
            store.set_caps(&ffmpeg::caps::conditions(tools), &ffmpeg::caps::lasting(&caps));
            let works = caps.encoders.iter().filter(|e| matches!(e.verdict, Verdict::Works { .. })).count();
            self.look.note(&format!(
                "{works} of {} encoders work; `media-converter caps` shows each",
                caps.encoders.len()
            ));
        }
        Ok(caps)
    }

    /// What walks enter.
    pub fn bounds(&self) -> Result<Bounds> {
        let settings = &self.settings;
        Bounds::new(settings.links, settings.hidden, &settings.junk)
    }

    /// The terms our claims are taken on.
    pub fn terms(&self) -> Terms {
        Terms {
            stale_after: self.settings.stale_after,
            heartbeat: self.settings.heartbeat,
            legacy_locks: self.settings.legacy_locks,
        }
    }
}

/// The folder a file lies in, as a path that can be opened.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
