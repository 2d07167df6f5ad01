//! `[profiles.NAME]`: a built-in profile (or another table) with some values changed. Pure.

use std::collections::BTreeMap;

use super::file::ProfileTable;
use super::keys;
use crate::model::error::{Error, Kind, Result};
use crate::model::policy::Policy;

/// The profiles a run knows: the built-in ones, asked for by name, and the tables of the files.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// Tables by name; each name's tables in the order of the files, later ones win.
    tables: BTreeMap<String, Vec<ProfileTable>>,
}

/// The built-in profiles, which another room knows.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    pub names: fn() -> &'static [&'static str],
    pub get: fn(&str) -> Option<Policy>,
}

/// What `extends` means where it is not written and the name is not a built-in's.
const DEFAULT_BASE: &str = "universal";

impl Profiles {
    /// Adds a file's tables over those of the files before.
    pub fn add(&mut self, tables: BTreeMap<String, ProfileTable>) {
        for (name, table) in tables {
            self.tables.entry(name).or_default().push(table);
        }
    }

    /// Names of the tables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The file that had the last word on a profile; `None`: built in and unchanged.
    pub fn file(&self, name: &str) -> Option<&std::path::Path> {
        self.tables.get(name)?.last().map(|table| table.file.as_path())
    }

    /// The profile's complete policy.
    pub fn policy(&self, name: &str, built_in: BuiltIn) -> Result<Policy> {
        self.resolve(name, built_in, &mut Vec::new())
    }

    fn resolve(&self, name: &str, built_in: BuiltIn, seen: &mut Vec<String>) -> Result<Policy> {
        let Some(tables) = self.tables.get(name) else {
            return (built_in.get)(name).ok_or_else(|| self.no_such(name, built_in));
        };
        let last = tables.last().expect("a name is entered with its first table");
        if seen.iter().any(|earlier| earlier == name) {
            return Err(wrong(last, "extends", &format!("the profile `{name}` extends itself")));
        }
        seen.push(name.to_owned());
        let extends = tables.iter().rev().find_map(|t| t.values.get("extends").map(|value| (t, value)));
        let mut policy = match extends {
            Some((table, value)) => {
                let base = value
                    .as_str()
                    .ok_or_else(|| wrong(table, "extends", "`extends` is a profile's name in quotes"))?;
                if base == name {
                    // A table named like a built-in profile may say so.
                    (built_in.get)(name).ok_or_else(|| {
                        wrong(table, "extends", &format!("the profile `{name}` extends itself"))
                    })?
                } else {
                    self.resolve(base, built_in, seen).map_err(|error| match error.path {
                        Some(_) => error,
                        None => wrong(table, "extends", &format!("there is no profile `{base}`"))
                            .hint(error.hint.unwrap_or_default()),
                    })?
                }
            }
            None => match (built_in.get)(name) {
                Some(policy) => policy,
                None => self.resolve(DEFAULT_BASE, built_in, seen)?,
            },
        };
        for table in tables {
            policy = apply(&policy, table)?;
        }
        name.clone_into(&mut policy.name);
        Ok(policy)
    }

    fn no_such(&self, name: &str, built_in: BuiltIn) -> Error {
        let known: Vec<&str> = (built_in.names)().iter().copied().chain(self.names()).collect();
        let nearest = keys::nearest(name, known.iter().copied()).unwrap_or(DEFAULT_BASE);
        Error::new(Kind::Usage, format!("find the profile `{name}`"))
            .hint(format!("The nearest known profile is `{nearest}`; `media-converter profiles` lists all."))
    }
}

fn wrong(table: &ProfileTable, key: &str, why: &str) -> Error {
    let place = table.lines.get(key).map_or(String::new(), |line| format!("line {line}: "));
    Error::new(Kind::Usage, "read the configuration").at(&table.file).because(format!("{place}{why}"))
}

/// One table over a policy.
fn apply(base: &Policy, table: &ProfileTable) -> Result<Policy> {
    let internal =
        |error: toml::ser::Error| Error::new(Kind::Internal, "write a profile as TOML").because(error);
    let mut merged = toml::Table::try_from(base).map_err(internal)?;
    let mut changes = table.values.clone();
    changes.remove("extends");
    if changes.contains_key("name") {
        return Err(wrong(table, "name", "a profile's name is that of its table"));
    }
    merge(&mut merged, changes);
    merged.try_into().map_err(|error: toml::de::Error| explain(table, &error))
}

/// Tables are merged, everything else replaces; the word `none` takes an optional value away.
fn merge(into: &mut toml::Table, changes: toml::Table) {
    for (key, change) in changes {
        match change {
            toml::Value::Table(change) => match into.get_mut(&key) {
                Some(toml::Value::Table(inner)) => merge(inner, change),
                _ => {
                    into.insert(key, toml::Value::Table(change));
                }
            },
            toml::Value::String(word) if word == "none" => {
                into.remove(&key);
            }
            // `quality = 20` is how people write it; the policy's type wants to be told that it is a number.
            toml::Value::Integer(number) if key == "quality" => {
                into.insert(key, quality(number as f64));
            }
            toml::Value::Float(number) if key == "quality" => {
                into.insert(key, quality(number));
            }
            other => {
                into.insert(key, other);
            }
        }
    }
}

fn quality(number: f64) -> toml::Value {
    toml::Value::Table(toml::Table::from_iter([("value".to_owned(), toml::Value::Float(number))]))
}

/// serde's message, with the line and the nearest known key where the key is unknown.
fn explain(table: &ProfileTable, error: &toml::de::Error) -> Error {
    let message = error.message();
    // Where no text was parsed, toml names the place in a last line: in `video.max_height`.
    let shown = error.to_string();
    let place =
        shown.lines().rev().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`')).unwrap_or_default();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (name, known) = quoted.split_first().map_or(("", &[][..]), |(name, known)| (*name, known));
    let below = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    if message.starts_with("unknown field") {
        let nearest = keys::nearest(name, known.iter().copied()).unwrap_or("video");
        return wrong(table, &below, &format!("a profile has no key `{below}`"))
            .hint(format!("The nearest known key is `{nearest}`."));
    }
    if message.starts_with("missing field") {
        return wrong(table, &below, &format!("`{below}` cannot be `none`"));
    }
    wrong(table, place, &format!("`{place}`: {message}"))
}
