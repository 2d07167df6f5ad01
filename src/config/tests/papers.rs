//! docs/CONFIG.md and the example know every key.

use std::path::Path;

use super::BUILT_IN;
use crate::config::Profiles;
use crate::config::file::{Role, parse};
use crate::config::keys::{self, KEYS};

/// A file of the repository.
fn paper(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

#[test]
fn the_settings_paper_has_the_table_of_keys() {
    let mut table =
        String::from("\n\n| key | value | default | flag | meaning |\n| --- | --- | --- | --- | --- |\n");
    for key in KEYS {
        let default = if key.default.is_empty() { "–".to_owned() } else { format!("`{}`", key.default) };
        let machine = if key.scope == keys::Scope::Machine { " «machine»" } else { "" };
        table.push_str(&format!(
            "| `{}`{machine} | {} | {default} | `{}` | {} |\n",
            key.name,
            key.kind.form().replace('|', "\\|"),
            key.flag,
            key.meaning
        ));
    }
    table.push('\n');
    let guide = paper("docs/CONFIG.md");
    let (before, rest) = guide.split_once("<!-- keys: written by `BLESS=1 cargo test config` -->").unwrap();
    let (kept, after) = rest.split_once("<!-- end of keys -->").unwrap();
    if std::env::var_os("BLESS").is_some() {
        let text = format!(
            "{before}<!-- keys: written by `BLESS=1 cargo test config` -->{table}<!-- end of keys -->{after}"
        );
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIG.md"), text).unwrap();
        return;
    }
    assert_eq!(kept, table, "docs/CONFIG.md: `BLESS=1 cargo test config` writes the table anew");
}

#[test]
fn the_settings_paper_has_every_key_of_a_profile() {
    let guide = paper("docs/CONFIG.md");
    // Optional values are absent where they are unset, so all of them are set first.
    let mut all = crate::plan::profile("compact").unwrap();
    all.max_output_percent = Some(1);
    let video = &mut all.video;
    (video.max_width, video.max_height, video.max_fps, video.max_level) =
        (Some(1), Some(1), Some(1), Some(1));
    (video.max_bitrate, video.buffer_size) = (Some(1), Some(1));
    (video.preset, video.tune) = (Some(String::new()), Some(String::new()));
    let written = toml::Table::try_from(&all).unwrap();
    for (name, value) in &written {
        match value {
            toml::Value::Table(inner) => {
                for key in inner.keys() {
                    assert!(
                        guide.contains(&format!("`{name}.{key}`")),
                        "docs/CONFIG.md lacks `{name}.{key}`"
                    );
                }
            }
            _ => assert!(
                name == "name" || guide.contains(&format!("| `{name}` |")),
                "docs/CONFIG.md lacks `{name}`"
            ),
        }
    }
}

#[test]
fn the_example_has_every_key_with_a_value_that_can_be_read() {
    let example = paper("examples/media-converter.toml");
    let bare: String = example
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let layer = parse(&bare, Path::new("/x/m.toml"), Role::Machine, None).unwrap();
    for key in KEYS {
        let setting =
            layer.settings.get(key.name).unwrap_or_else(|| panic!("the example lacks {}", key.name));
        if !key.default.is_empty() {
            assert_eq!(
                setting.value,
                key.kind.parse(key.default).unwrap(),
                "{}: the example shows the default",
                key.name
            );
        }
    }
    let mut profiles = Profiles::default();
    profiles.add(layer.profiles);
    let tv = profiles.policy("tv", BUILT_IN).unwrap();
    assert_eq!(tv.max_output_percent, Some(90));
    // As it lies there, it changes nothing but that it knows one more profile; also at a library's root.
    assert!(parse(&example, Path::new("/x/m.toml"), Role::Library, None).unwrap().settings.is_empty());
}
