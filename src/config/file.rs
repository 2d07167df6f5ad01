//! One `media-converter.toml` → the settings and profiles in it, each with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Scope};
use super::value::Value;
use super::{Origin, Setting};
use crate::model::error::{Error, Kind, Result};

/// Larger files are not configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Which file it is; the library's may not name programs and folders of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user's own or the one named by `--config`.
    Machine,
    /// The one at a library's root.
    Library,
}

/// A file's content.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    pub settings: BTreeMap<&'static str, Setting>,
    pub profiles: BTreeMap<String, ProfileTable>,
}

/// One `[profiles.NAME]` table as it stands in one file.
#[derive(Clone, Debug)]
pub struct ProfileTable {
    pub values: toml::Table,
    pub file: PathBuf,
    /// Line of each key, by its dotted path below the profile.
    pub lines: BTreeMap<String, usize>,
}

/// Reads a file; `None` where there is none.
pub fn read(path: &Path, role: Role, home: Option<&Path>) -> Result<Option<Layer>> {
    let failed =
        |error: std::io::Error| Error::new(Kind::Usage, "read the configuration").at(path).because(error);
    let bytes = match crate::sys::fs::read_small(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(Kind::Usage, "read the configuration").at(path).because("it is not UTF-8"))?;
    parse(&text, path, role, home).map(Some)
}

/// Parses a file's text. `path` is where it lies: relative paths in it start there.
pub fn parse(text: &str, path: &Path, role: Role, home: Option<&Path>) -> Result<Layer> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line_of = |offset: usize| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
    let wrong = |line: usize, why: String| {
        Error::new(Kind::Usage, "read the configuration").at(path).because(format!("line {line}: {why}"))
    };
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        wrong(line, error.message().to_owned())
    })?;
    let mut layer = Layer::default();
    for (key, value) in document.get_ref() {
        let name = key.get_ref().as_ref();
        let line = line_of(key.span().start);
        if name == "profiles" {
            let Some(tables) = value.get_ref().as_table() else {
                return Err(wrong(line, "`profiles` holds tables: write [profiles.NAME]".into()));
            };
            for (profile, table) in tables {
                let line = line_of(profile.span().start);
                let Some(table) = table.get_ref().as_table() else {
                    return Err(wrong(
                        line,
                        format!("a profile is a table: write [profiles.{}]", profile.get_ref()),
                    ));
                };
                let mut lines = BTreeMap::new();
                let values = plain_table(table, "", &line_of, &mut lines);
                if role == Role::Library
                    && let Some(line) = lines.get("video.extra_args")
                {
                    return Err(wrong(*line, LIBRARY_EXTRA_ARGS.into()));
                }
                let profile = profile.get_ref().as_ref().to_owned();
                layer.profiles.insert(profile, ProfileTable { values, file: path.to_owned(), lines });
            }
            continue;
        }
        let Some(key) = keys::find(name) else {
            let known = KEYS.iter().map(|k| k.name).chain(["profiles"]);
            let nearest = keys::nearest(name, known).unwrap_or("profile");
            return Err(wrong(line, format!("there is no key `{name}`")).hint(format!(
                "The nearest known key is `{nearest}`; `media-converter config show` lists all."
            )));
        };
        if role == Role::Library && key.scope == Scope::Machine {
            return Err(wrong(line, format!("`{name}` cannot be set for the whole fleet")).hint(
                "It names a program, a folder or a screen of one machine: set it in that machine's own file, in its environment \
                 or by a flag.",
            ));
        }
        let parsed = key.kind.read(value.get_ref()).map_err(|why| wrong(line, format!("`{name}`: {why}")))?;
        let parsed = match parsed {
            Value::Path(relative) => Value::Path(absolute(&relative, path, home)),
            other => other,
        };
        let origin = Origin::File { path: path.to_owned(), line };
        layer.settings.insert(key.name, Setting { value: parsed, origin });
    }
    Ok(layer)
}

const LIBRARY_EXTRA_ARGS: &str = "`video.extra_args` cannot be set for the whole fleet: whoever can write to the share could make \
                                  every machine's ffmpeg write anywhere";

/// `~/x` is below the home folder; other relative paths are below the file's folder.
fn absolute(path: &Path, file: &Path, home: Option<&Path>) -> PathBuf {
    if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), home) {
        return home.join(rest);
    }
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Drops the spans but remembers each key's line under its dotted path.
fn plain_table(
    table: &DeTable<'_>,
    prefix: &str,
    line_of: &dyn Fn(usize) -> usize,
    lines: &mut BTreeMap<String, usize>,
) -> toml::Table {
    let mut plain = toml::Table::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        lines.insert(path.clone(), line_of(key.span().start));
        plain.insert(name.to_owned(), plain_value(value.get_ref(), &path, line_of, lines));
    }
    plain
}

fn plain_value(
    value: &DeValue<'_>,
    path: &str,
    line_of: &dyn Fn(usize) -> usize,
    lines: &mut BTreeMap<String, usize>,
) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.as_ref().to_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::String(number.to_string()),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => toml::Value::Float(number),
            Err(_) => toml::Value::String(number.to_string()),
        },
        DeValue::Boolean(on) => toml::Value::Boolean(*on),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|i| plain_value(i.get_ref(), path, line_of, lines)).collect())
        }
        DeValue::Table(table) => toml::Value::Table(plain_table(table, path, line_of, lines)),
    }
}
