//! One setting's value, and how it is written: units, words, lists. Pure.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use crate::model::encoders::EncoderChoice;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Switch,
    Count,
    /// A count of at least 1, or `auto`.
    Jobs,
    Duration,
    /// 1 to 1000, with or without `%`, or `none`.
    Percent,
    Word(&'static [&'static str]),
    /// Families of encoders in their order, for all codecs or for each.
    Encoders,
    Text,
    Path,
    /// A list of globs; in the environment separated by `;`.
    Globs,
    /// Bytes with a unit.
    Bytes,
    /// °C, or `none`.
    Degrees,
    /// Windows of the week; in the environment separated by `;`.
    Schedule,
    /// Media servers: kind, address and key; in the environment separated by `;`. The keys are secrets.
    Servers,
}

/// A value that was given, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Not set.
    Unset,
    /// Set to nothing (`none`).
    Off,
    Auto,
    Switch(bool),
    Count(u64),
    Duration(Duration),
    Bytes(u64),
    Text(String),
    Path(PathBuf),
    List(Vec<String>),
    /// A list whose last words are nobody's business.
    Secret(Vec<String>),
}

impl Kind {
    /// What may be written, for messages and docs/CONFIG.md.
    pub fn form(self) -> String {
        match self {
            Kind::Switch => "true or false".into(),
            Kind::Count => "a whole number".into(),
            Kind::Jobs => "a whole number from 1, or auto".into(),
            Kind::Duration => "a time such as 90s, 15m, 2h or 14d".into(),
            Kind::Percent => "a percentage from 1 to 1000, or none".into(),
            Kind::Word(words) => {
                let (last, first) = words.split_last().expect("a word key has words");
                format!("{} or {last}", first.join(", "))
            }
            Kind::Encoders => {
                "auto, software, nvenc, qsv, vaapi, amf or videotoolbox, or an order such as \"hevc=nvenc, software; auto\"".into()
            }
            Kind::Text => "a text".into(),
            Kind::Path => "a path".into(),
            Kind::Globs => "a list of globs such as [\"*.mkv\", \"Series/**\"]".into(),
            Kind::Bytes => "a size such as 512MiB, 2GiB or 0".into(),
            Kind::Degrees => "a temperature from 30 to 150 °C, or none".into(),
            Kind::Schedule => "a list of windows such as [\"Mon-Fri 22:00-07:00\", \"Sat-Sun\"]".into(),
            Kind::Servers => {
                "a list such as [\"plex http://nas:32400 TOKEN\", \"jellyfin http://nas:8096 KEY\"]".into()
            }
        }
    }

    /// Parses what was written on the command line or in the environment.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let wrong = || format!("«{text}» is not {}", self.form());
        let trimmed = text.trim();
        match self {
            Kind::Switch => match trimmed {
                "true" | "yes" | "on" | "1" => Ok(Value::Switch(true)),
                "false" | "no" | "off" | "0" => Ok(Value::Switch(false)),
                _ => Err(wrong()),
            },
            Kind::Count => trimmed.parse().map(Value::Count).map_err(|_| wrong()),
            Kind::Jobs if trimmed == "auto" => Ok(Value::Auto),
            Kind::Jobs => match trimmed.parse() {
                Ok(0) | Err(_) => Err(wrong()),
                Ok(jobs) => Ok(Value::Count(jobs)),
            },
            Kind::Duration => duration(trimmed).map(Value::Duration).ok_or_else(wrong),
            Kind::Percent | Kind::Degrees if trimmed == "none" => Ok(Value::Off),
            Kind::Percent => match trimmed.trim_end_matches('%').trim_end().parse() {
                Ok(percent @ 1..=1000) => Ok(Value::Count(percent)),
                _ => Err(wrong()),
            },
            Kind::Word(words) if words.contains(&trimmed) => Ok(Value::Text(trimmed.into())),
            Kind::Word(_) => Err(wrong()),
            Kind::Encoders => trimmed.parse::<EncoderChoice>().map(|choice| Value::Text(choice.to_string())),
            Kind::Text if trimmed.is_empty() => Err("an empty text is of no use here".into()),
            Kind::Text => Ok(Value::Text(trimmed.into())),
            Kind::Path if text.is_empty() => Err("an empty path is of no use here".into()),
            Kind::Path => Ok(Value::Path(text.into())),
            Kind::Bytes => bytes(trimmed).map(Value::Bytes).ok_or_else(wrong),
            Kind::Degrees => match trimmed.trim_end_matches('C').trim_end_matches('°').trim_end().parse() {
                Ok(degrees @ 30..=150) => Ok(Value::Count(degrees)),
                _ => Err(wrong()),
            },
            Kind::Schedule => schedule(items(text)),
            Kind::Servers => servers(items(text)),
            Kind::Globs => {
                globs(text.split(';').filter(|glob| !glob.is_empty()).map(str::to_owned).collect())
            }
        }
    }

    /// Parses what stands in a file.
    pub fn read(self, value: &DeValue<'_>) -> Result<Value, String> {
        let wrong = || format!("this is {}, wanted is {}", article(value.type_str()), self.form());
        match (self, value) {
            (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            // A number where a time is wanted lacks its unit, and guessing one is how a day becomes a second.
            (
                Kind::Count | Kind::Jobs | Kind::Percent | Kind::Duration | Kind::Bytes | Kind::Degrees,
                DeValue::Integer(number),
            ) => self.parse(&number.to_string()),
            (
                Kind::Switch | Kind::Count | Kind::Globs | Kind::Schedule | Kind::Servers,
                DeValue::String(_),
            ) => Err(wrong()),
            (_, DeValue::String(text)) => self.parse(text),
            (Kind::Globs | Kind::Schedule | Kind::Servers, DeValue::Array(items)) => {
                let items = items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(wrong))
                    .collect::<Result<_, _>>()?;
                self.list(items)
            }
            _ => Err(wrong()),
        }
    }
}

impl Kind {
    /// Reads the items of a list.
    pub fn list(self, items: Vec<String>) -> Result<Value, String> {
        match self {
            Kind::Schedule => schedule(items),
            Kind::Servers => servers(items),
            _ => globs(items),
        }
    }
}

fn items(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Windows that are none are told now, not at the hour they were meant for.
fn schedule(items: Vec<String>) -> Result<Value, String> {
    crate::model::schedule::Schedule::parse(&items).map(|_| Value::List(items))
}

/// Kind, address, key.
fn servers(items: Vec<String>) -> Result<Value, String> {
    for item in &items {
        let words: Vec<&str> = item.split_whitespace().collect();
        let is_server = matches!(words[..], ["plex" | "jellyfin" | "emby", address, _]
            if address.starts_with("http://") || address.starts_with("https://"));
        if !is_server {
            let shown = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            return Err(format!(
                "«{shown} …» is no media server: write its kind (plex, jellyfin, emby), its address and its key, as in \"plex http://nas:32400 TOKEN\""
            ));
        }
    }
    Ok(Value::Secret(items))
}

/// `512MiB`, `2GiB`, `500MB`, `2G` (of 1024); a bare `0` needs no unit.
pub fn bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)?.trim() {
        "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// The largest unit that leaves a whole number, so that [`bytes`] reads it back.
pub fn write_bytes(bytes: u64) -> String {
    for (unit, name) in [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes > 0 && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    if bytes == 0 { "0".into() } else { format!("{bytes}B") }
}

/// A glob that cannot be compiled is told now, with its place, not when the walk begins.
pub fn globs(items: Vec<String>) -> Result<Value, String> {
    for item in &items {
        globset::Glob::new(item).map_err(|error| format!("«{item}» is not a glob: {}", error.kind()))?;
    }
    Ok(Value::List(items))
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// `500ms`, `90s`, `15m`, `2h`, `14d`, `1h30m`; a bare `0` needs no unit.
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit_and_rest = rest.get(digits..)?;
        let end = unit_and_rest.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_and_rest.len());
        let milliseconds = match unit_and_rest.get(..end)?.trim() {
            "ms" => 1,
            "s" | "sec" | "seconds" => 1000,
            "m" | "min" | "minutes" => 60_000,
            "h" | "hours" => 3_600_000,
            "d" | "days" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(milliseconds)?)?;
        rest = unit_and_rest.get(end..)?;
    }
    (!text.is_empty()).then_some(Duration::from_millis(total))
}

/// The shortest way to write a duration so that [`duration`] reads it back.
pub fn write_duration(time: Duration) -> String {
    let mut left = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, milliseconds) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if left >= milliseconds {
            text.push_str(&format!("{}{unit}", left / milliseconds));
            left %= milliseconds;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Unset => f.write_str("(unset)"),
            Value::Off => f.write_str("none"),
            Value::Auto => f.write_str("auto"),
            Value::Switch(on) => write!(f, "{on}"),
            Value::Count(number) => write!(f, "{number}"),
            Value::Duration(time) => f.write_str(&write_duration(*time)),
            Value::Bytes(bytes) => f.write_str(&write_bytes(*bytes)),
            Value::Secret(items) if items.is_empty() => f.write_str("(empty)"),
            Value::Secret(items) => {
                let masked = items.iter().map(|item| {
                    let end = item.rfind(char::is_whitespace).unwrap_or(0);
                    format!("{} ***", item.get(..end).unwrap_or_default().trim_end())
                });
                f.write_str(&masked.collect::<Vec<_>>().join("; "))
            }
            Value::Text(text) => f.write_str(text),
            Value::Path(path) => write!(f, "{}", path.display()),
            Value::List(items) if items.is_empty() => f.write_str("(empty)"),
            Value::List(items) => f.write_str(&items.join("; ")),
        }
    }
}
