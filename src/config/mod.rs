//! Defaults ← files ← environment ← flags → settings that know where they came from. The only room that reads the environment.
//!
//! Promises: an unknown key, a value that cannot be read and a value that contradicts another are errors that name the
//! place and say what would be right; nothing is guessed. Never decides what to do with a file.

pub mod file;
pub mod keys;
pub mod places;
pub mod profiles;
mod settings;
pub mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::error::{Error, Kind, Result};
use file::Role;
use keys::{KEYS, Key};
use places::{Places, ShareNames};
pub use profiles::{BuiltIn, Profiles};
pub use settings::{Color, Jobs, LogFormat, Originals, Settings, Verify, WhatThen};
use value::Value;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One setting with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub value: Value,
    pub origin: Origin,
}

/// What a flag gave.
#[derive(Clone, Debug)]
pub enum Given {
    Text(String),
    Switch(bool),
    List(Vec<String>),
}

/// Flags by key; only those that were given.
pub type Flags = BTreeMap<&'static str, Given>;

/// Everything that settings are made from.
#[derive(Debug)]
pub struct Sources<'a> {
    pub places: &'a Places,
    /// Folders of the run; each may have a library's own file above it.
    pub dirs: Vec<PathBuf>,
    pub share_names: ShareNames,
    /// `--config`.
    pub config: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
    pub flags: Flags,
}

/// This process's environment, as far as it is Unicode and ours.
#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(keys::PREFIX))
        .collect()
}

/// `NO_COLOR` is set to something (<https://no-color.org>).
#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Reads all layers. Later ones win: defaults, the user's file, the library's file, `--config`, environment, flags.
pub fn load(sources: Sources<'_>) -> Result<Settings> {
    let mut merged: BTreeMap<&'static str, Setting> = BTreeMap::new();
    for key in KEYS {
        let value =
            if key.default.is_empty() { Value::Unset } else { parse(key, key.default, "the default")? };
        merged.insert(key.name, Setting { value, origin: Origin::Default });
    }
    let mut profiles = Profiles::default();
    let mut files = Vec::new();
    let home = sources.places.home.as_deref();

    if let Some(folder) = &sources.places.config {
        let path = folder.join(sources.share_names.config);
        if let Some(layer) = file::read(&path, Role::Machine, home)? {
            merged.extend(layer.settings);
            profiles.add(layer.profiles);
            files.push(path);
        }
    }
    read_libraries(&sources, &mut merged, &mut profiles, &mut files)?;

    let (named, environment) = environment_layer(&sources.environment)?;
    let explicit = sources
        .config
        .map(|path| (path, "--config"))
        .or_else(|| named.map(|path| (path, keys::CONFIG_VARIABLE)));
    if let Some((path, by)) = explicit {
        let layer = file::read(&path, Role::Machine, home)?.ok_or_else(|| {
            Error::new(Kind::Usage, "read the configuration")
                .at(&path)
                .because("there is no such file")
                .hint(format!("It was named by {by}."))
        })?;
        merged.extend(layer.settings);
        profiles.add(layer.profiles);
        files.push(path);
    }
    merged.extend(environment);
    for (name, given) in sources.flags {
        let key = keys::find(name).expect("flags are named after keys");
        let value = match given {
            Given::Text(text) => parse(key, &text, key.flag)?,
            Given::Switch(on) => Value::Switch(on),
            Given::List(items) => key
                .kind
                .list(items)
                .map_err(|why| Error::new(Kind::Usage, format!("read {}", key.flag)).because(why))?,
        };
        merged.insert(key.name, Setting { value, origin: Origin::Flag(key.flag) });
    }
    Settings::new(merged, profiles, files)
}

/// The library's own file of each folder. Two libraries that want different things cannot share a run.
fn read_libraries(
    sources: &Sources<'_>,
    merged: &mut BTreeMap<&'static str, Setting>,
    profiles: &mut Profiles,
    files: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut from_libraries: BTreeMap<&'static str, Setting> = BTreeMap::new();
    for dir in &sources.dirs {
        let Some(path) = places::library_file(dir, sources.share_names) else { continue };
        if files.contains(&path) {
            continue;
        }
        let Some(layer) = file::read(&path, Role::Library, sources.places.home.as_deref())? else { continue };
        for (name, setting) in layer.settings {
            if let Some(other) = from_libraries.get(name)
                && other.value != setting.value
            {
                return Err(disagree(name, &other.origin, &setting.origin, dir));
            }
            from_libraries.insert(name, setting);
        }
        for (name, table) in &layer.profiles {
            if let Some(other) = profiles.file(name)
                && files.iter().any(|file| file == other)
                && Some(other) != user_file(sources).as_deref()
            {
                return Err(disagree(&format!("profiles.{name}"), &at(other), &at(&table.file), dir));
            }
        }
        profiles.add(layer.profiles);
        files.push(path);
    }
    merged.extend(from_libraries);
    Ok(())
}

fn user_file(sources: &Sources<'_>) -> Option<PathBuf> {
    sources.places.config.as_ref().map(|folder| folder.join(sources.share_names.config))
}

fn at(path: &Path) -> Origin {
    Origin::File { path: path.to_owned(), line: 1 }
}

fn disagree(name: &str, one: &Origin, other: &Origin, dir: &Path) -> Error {
    Error::new(Kind::Usage, "convert these folders in one run")
        .because(format!("`{name}` is set differently by {one} and {other}"))
        .hint(format!("Start a run of its own for {}.", dir.display()))
}

fn parse(key: &Key, text: &str, place: &str) -> Result<Value> {
    key.kind.parse(text).map_err(|why| Error::new(Kind::Usage, format!("read {place}")).because(why))
}

/// The settings in the environment, and the file it names. An empty variable is an unset one, as compose files write it.
fn environment_layer(
    variables: &[(String, String)],
) -> Result<(Option<PathBuf>, BTreeMap<&'static str, Setting>)> {
    let mut layer = BTreeMap::new();
    let mut config = None;
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(keys::PREFIX) else { continue };
        // The test suite steers the program under test through variables of its own.
        let failpoint = cfg!(feature = "failpoints") && rest == "FAILPOINT";
        if text.is_empty() || failpoint || rest.starts_with("TEST_") {
            continue;
        }
        if name == keys::CONFIG_VARIABLE {
            config = Some(PathBuf::from(text));
            continue;
        }
        let Some(key) = KEYS.iter().find(|key| key.variable() == *name) else {
            let known: Vec<String> =
                KEYS.iter().map(Key::variable).chain([keys::CONFIG_VARIABLE.to_owned()]).collect();
            let nearest = keys::nearest(name, known.iter().map(String::as_str)).unwrap_or_default();
            return Err(Error::new(Kind::Usage, "read the environment")
                .because(format!("{name} is no setting of ours"))
                .hint(format!("The nearest known variable is {nearest}.")));
        };
        layer.insert(
            key.name,
            Setting { value: parse(key, text, name)?, origin: Origin::Environment(name.clone()) },
        );
    }
    Ok((config, layer))
}
