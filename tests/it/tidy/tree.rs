//! The tree that is checked: its files, and what a path says about one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A tree's text files by their `/`-separated path from its root.
pub type Files = BTreeMap<String, String>;

/// Cargo finds it by itself: `tests/x.rs`, `tests/x/main.rs`, and the same below `benches` and `examples`.
pub fn is_target(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let found = |folder: &str| matches!(folder, "tests" | "benches" | "examples");
    match parts[..] {
        [folder, _] | [folder, _, "main.rs"] if found(folder) => true,
        _ => path.ends_with("/src/main.rs") || path.ends_with("/src/lib.rs"),
    }
}

pub fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

pub fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The room a file is in.
pub fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    match inside.split_once('/') {
        Some((room, _)) => Some(room),
        None => inside.strip_suffix(".rs").filter(|name| !matches!(*name, "main" | "lib")),
    }
}

/// How many `super::` lead from a file's module to the crate's root.
pub fn depth(path: &str) -> usize {
    let parts = path.split('/').count() - 1;
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

pub fn load(root: &Path) -> Files {
    let mut files = Files::new();
    for name in ["Cargo.toml", "build.rs", "docs/ARCHITECTURE.md"] {
        if let Ok(text) = fs::read_to_string(root.join(name)) {
            files.insert(name.into(), text);
        }
    }
    for folder in ["src", "tests", "benches", "examples", "xtask"] {
        gather(root, folder, &mut files);
    }
    files
}

fn gather(root: &Path, folder: &str, files: &mut Files) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    for entry in entries.map(|entry| entry.expect("a listing of the source")) {
        let name = entry.file_name().into_string().expect("source names are Unicode");
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() && name != "target" {
            gather(root, &path, files);
        } else if is_rust(&path) {
            files.insert(path, fs::read_to_string(entry.path()).expect("source is UTF-8"));
        }
    }
}
