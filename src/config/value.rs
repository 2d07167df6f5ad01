//! One setting's value, and how it is written: units, words, lists. Pure.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

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
    Text,
    Path,
    /// A list of globs; in the environment separated by `;`.
    Globs,
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
    Text(String),
    Path(PathBuf),
    List(Vec<String>),
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
            Kind::Text => "a text".into(),
            Kind::Path => "a path".into(),
            Kind::Globs => "a list of globs such as [\"*.mkv\", \"Series/**\"]".into(),
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
            Kind::Percent if trimmed == "none" => Ok(Value::Off),
            Kind::Percent => match trimmed.trim_end_matches('%').trim_end().parse() {
                Ok(percent @ 1..=1000) => Ok(Value::Count(percent)),
                _ => Err(wrong()),
            },
            Kind::Word(words) if words.contains(&trimmed) => Ok(Value::Text(trimmed.into())),
            Kind::Word(_) => Err(wrong()),
            Kind::Text if trimmed.is_empty() => Err("an empty text is of no use here".into()),
            Kind::Text => Ok(Value::Text(trimmed.into())),
            Kind::Path if text.is_empty() => Err("an empty path is of no use here".into()),
            Kind::Path => Ok(Value::Path(text.into())),
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
            (Kind::Count | Kind::Jobs | Kind::Percent | Kind::Duration, DeValue::Integer(number)) => {
                self.parse(&number.to_string())
            }
            (Kind::Switch | Kind::Count | Kind::Globs, DeValue::String(_)) => Err(wrong()),
            (_, DeValue::String(text)) => self.parse(text),
            (Kind::Globs, DeValue::Array(items)) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .and_then(globs),
            _ => Err(wrong()),
        }
    }
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
            Value::Text(text) => f.write_str(text),
            Value::Path(path) => write!(f, "{}", path.display()),
            Value::List(items) if items.is_empty() => f.write_str("(empty)"),
            Value::List(items) => f.write_str(&items.join("; ")),
        }
    }
}
