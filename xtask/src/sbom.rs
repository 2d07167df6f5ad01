//! The list of parts that a release is made of: CycloneDX 1.5, from what cargo resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::{Result, doing, output, root};

/// The list for these targets.
pub fn make(version: &str, targets: &[String], date: u64) -> Result<String> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--locked", "--format-version", "1"]).current_dir(root());
    for target in targets {
        command.args(["--filter-platform", target]);
    }
    let metadata: Value =
        serde_json::from_str(&output(&mut command)?).map_err(doing("read cargo's metadata"))?;
    let text =
        serde_json::to_string_pretty(&parts(&metadata, version, date)).map_err(doing("write the list"))?;
    Ok(format!("{text}\n"))
}

pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What is linked into the program: reached from it without the roads that only its tests and its build take.
fn linked(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut next: Vec<String> = list(&metadata["packages"])
        .filter(|package| package["name"] == "media-converter")
        .filter_map(|package| Some(package["id"].as_str()?.to_owned()))
        .collect();
    while let Some(id) = next.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let needs: BTreeSet<String> = nodes
            .get(id.as_str())
            .into_iter()
            .flat_map(|node| list(&node["deps"]))
            // `kind` is null for what is linked, else `dev` or `build`.
            .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()))
            .filter_map(|dep| Some(dep["pkg"].as_str()?.to_owned()))
            .collect();
        next.extend(needs.iter().cloned());
        found.insert(id, needs);
    }
    found
}

fn parts(metadata: &Value, version: &str, date: u64) -> Value {
    let linked = linked(metadata);
    let purl = |package: &Value| {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        // `+` is a space to some readers of addresses.
        format!("pkg:cargo/{}@{}", text("name"), text("version").replace('+', "%2B"))
    };
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let refs: BTreeMap<&str, String> = packages.iter().map(|(id, package)| (*id, purl(package))).collect();
    let ours = format!("pkg:cargo/media-converter@{version}");
    let mut components: Vec<Value> = Vec::new();
    let mut dependencies: Vec<Value> = Vec::new();
    for (id, needs) in &linked {
        let Some(package) = packages.get(id.as_str()) else { continue };
        let needs: BTreeSet<&String> = needs.iter().filter_map(|id| refs.get(id.as_str())).collect();
        dependencies.push(json!({ "ref": purl(package), "dependsOn": needs }));
        if purl(package) == ours {
            continue;
        }
        let mut part = json!({
            "type": "library",
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            "purl": purl(package),
        });
        if let Some(licence) = package["license"].as_str() {
            // SPDX writes OR where cargo once allowed a slash.
            part["licenses"] = json!([{ "expression": licence.replace(" / ", " OR ").replace('/', " OR ") }]);
        }
        if let Some(address) = package["repository"].as_str() {
            part["externalReferences"] = json!([{ "type": "vcs", "url": address }]);
        }
        components.push(part);
    }
    components.sort_by_key(|part| part["purl"].to_string());
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": utc(date),
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "media-converter",
                "version": version,
                "purl": ours,
                "licenses": [{ "expression": "MIT" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Seconds since 1970 as `2026-11-20T21:04:05Z`, by Howard Hinnant's days-to-civil arithmetic.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_208_645), "2026-11-20T21:04:05Z");
    }

    #[test]
    fn every_linked_part_is_listed_once_with_its_licence_and_no_test_tool_is() {
        let list: Value = serde_json::from_str(&make("0.1.0", &[], 0).unwrap()).unwrap();
        let parts: Vec<&Value> = super::list(&list["components"]).collect();
        let names: Vec<&str> = parts.iter().filter_map(|part| part["name"].as_str()).collect();
        for linked in ["blake3", "rusqlite", "libsqlite3-sys", "rustls", "serde"] {
            assert!(names.contains(&linked), "{linked}: {names:?}");
        }
        for other in ["proptest", "stateright", "tempfile", "clap_mangen", "cc", "media-converter"] {
            assert!(!names.contains(&other), "{other}");
        }
        let purls: BTreeSet<&str> = parts.iter().filter_map(|part| part["purl"].as_str()).collect();
        assert_eq!(purls.len(), parts.len());
        for part in parts {
            assert!(
                part["licenses"][0]["expression"].as_str().is_some_and(|text| !text.contains('/')),
                "{part}"
            );
        }
        // Every edge leads to a part that is listed.
        for edge in super::list(&list["dependencies"]).flat_map(|from| super::list(&from["dependsOn"])) {
            assert!(purls.contains(edge.as_str().unwrap()), "{edge}");
        }
    }
}
