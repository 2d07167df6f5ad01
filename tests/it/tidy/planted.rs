//! Offences planted in a small house: each rule must find its own, and must leave what merely looks like one.

use super::tree::Files;
use super::{ARROWS, check};

/// A house without offences.
fn clean() -> Files {
    let mut table = String::from("| room | may name |\n| --- | --- |\n");
    for (room, to) in ARROWS {
        let to = if to.is_empty() { "–".into() } else { to.join(", ") };
        table.extend(["| ", room, " | ", &to, " |\n"]);
    }
    let header = "//! What it is for, and what it never does.\n";
    let mut files = Files::new();
    files.insert("docs/ARCHITECTURE.md".into(), table);
    files.insert("Cargo.toml".into(), "[[test]]\nname = \"fake\"\npath = \"tests/fakes/ffmpeg.rs\"\n".into());
    files.insert("src/share/judge.rs".into(), String::new());
    files.insert("src/main.rs".into(), "fn main() {}\n".into());
    let map = "/// Arguments.\npub mod cli;\n/// Nouns.\nmod model;\n/// Pure.\nmod plan;\n/// Protocol.\nmod share;\n/// Machine.\nmod sys;\n";
    files.insert("src/lib.rs".into(), map.into());
    for room in ["cli", "model", "plan", "share", "sys"] {
        files.insert(format!("src/{room}/mod.rs"), header.into());
    }
    files.get_mut("src/share/mod.rs").expect("just put there").push_str("mod judge;\n");
    files.insert("tests/it/main.rs".into(), "mod a;\n".into());
    files.insert("tests/it/a.rs".into(), String::new());
    files.insert("tests/fakes/ffmpeg.rs".into(), "fn main() {}\n".into());
    files
}

fn findings(path: &str, added: &str) -> Vec<String> {
    let mut files = clean();
    files.entry(path.into()).or_default().push_str(added);
    check(&files).iter().map(ToString::to_string).collect()
}

/// `added` to `path` is one offence, and the report says `says`.
fn caught(path: &str, added: &str, says: &str) {
    let found = findings(path, added);
    assert_eq!(found.len(), 1, "{path} with {added:?}: {found:#?}");
    assert!(found[0].contains(says), "{:?} does not say {says:?}", found[0]);
}

fn fine(path: &str, added: &str) {
    assert_eq!(findings(path, added), Vec::<String>::new(), "{path} with {added:?}");
}

#[test]
fn a_clean_house_passes() {
    fine("src/plan/mod.rs", "");
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_caught_however_it_is_spelled() {
    let says = "`plan` may not name `sys`";
    caught("src/plan/mod.rs", "use crate::sys::path;\n", says);
    caught("src/plan/mod.rs", "use crate::{model::Key, sys};\n", says);
    caught("src/plan/mod.rs", "use crate::{\n    model::{Key, Plan},\n    sys::{path, own},\n};\n", says);
    caught("src/plan/mod.rs", "fn f() { let _ = crate::sys::path::stem(); }\n", says);
    caught("src/plan/mod.rs", "use super::sys;\n", says);
    caught("src/plan/mod.rs", "mod x { use super::super::sys; }\n", says);
    caught("src/plan/mod.rs", "pub(in crate::sys) fn f() {}\n", says);
    caught("src/plan/mod.rs", "use crate::*;\n", "may not name `*`");
    caught("src/plan/mod.rs", "const A: &str = \"// \"; use crate::sys;\n", says);
    caught("src/plan/mod.rs", "const A: char = '\"'; use crate::sys;\n", says);
    caught("src/cli/mod.rs", "use crate::nowhere;\n", "no room");
}

#[test]
fn an_arrow_of_the_table_and_mere_words_are_left_alone() {
    fine("src/plan/mod.rs", "use crate::model::Key;\n");
    fine("src/plan/mod.rs", "// crate::sys\n/* crate::sys /* nested */ crate::sys */\n");
    fine("src/plan/mod.rs", "const A: &str = \"crate::sys\"; const B: &str = r#\"crate::sys \" \"#;\n");
    fine("src/plan/mod.rs", "mod x { use super::sys; }\n");
    fine("src/plan/mod.rs", "pub(crate) fn f<'a>(x: &'a str) -> &'a str { x }\n");
    fine("src/cli/mod.rs", "use crate::{plan, share, sys};\n");
}

#[test]
fn tests_may_stand_on_other_rooms_but_not_on_those_that_stand_on_theirs() {
    fine("src/share/mod.rs", "#[cfg(test)]\nmod x { use crate::plan::Plan; }\n");
    caught(
        "src/sys/mod.rs",
        "#[cfg(test)]\nmod x { use crate::share::Claim; }\n",
        "`sys` may not name `share`",
    );
    caught(
        "src/share/mod.rs",
        "#[cfg(test)]\nmod x { use crate::cli::Cli; }\n",
        "`share` may not name `cli`",
    );
}

#[test]
fn a_circle_is_caught() {
    let mut files = clean();
    files.entry("src/model/mod.rs".into()).or_default().push_str("use crate::plan::A;\n");
    files.entry("src/plan/mod.rs".into()).or_default().push_str("use crate::model::B;\n");
    let found: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|f| f.contains("circle: model → plan → model")), "{found:#?}");
}

#[test]
fn a_platform_outside_sys_is_caught() {
    caught("src/plan/mod.rs", "#[cfg(unix)]\nfn f() {}\n", "cfg(unix)");
    caught("src/plan/mod.rs", "#[cfg(all(test, target_os = \"linux\"))]\nfn f() {}\n", "cfg(target_os)");
    caught("src/plan/mod.rs", "fn f() -> bool { cfg!(windows) }\n", "cfg(windows)");
    caught("src/plan/mod.rs", "#[cfg_attr(windows, allow(dead_code))]\nfn f() {}\n", "cfg(windows)");
    caught("src/plan/mod.rs", "fn f() { unsafe { g() } }\n", "`unsafe`");
    fine("src/plan/mod.rs", "#[cfg(test)]\nmod x { }\n#[cfg(feature = \"failpoints\")]\nfn windows() {}\n");
    fine("src/sys/mod.rs", "#[cfg(unix)]\nfn f() { unsafe { g() } }\n");
}

#[test]
fn io_and_clocks_in_pure_code_are_caught() {
    caught("src/plan/mod.rs", "fn f() { std::fs::read(\"x\"); }\n", "std::fs");
    caught("src/plan/mod.rs", "use std::fs::File;\n", "std::fs");
    caught("src/plan/mod.rs", "fn f() { Instant::now(); }\n", "Instant::now");
    caught("src/model/mod.rs", "use std::time::SystemTime;\n", "SystemTime");
    caught("src/share/judge.rs", "use crate::sys::host::{Life, life};\n", "sys::host");
    caught("src/share/judge.rs", "fn f() { crate::sys::host::life(x); }\n", "sys::host");
    fine("src/share/judge.rs", "use crate::sys::host::{Identity, Life};\nuse crate::sys::fs::Created;\n");
    fine(
        "src/plan/mod.rs",
        "#[cfg(test)]\nmod x { fn f() { std::fs::read(\"x\"); } }\nuse std::time::Duration;\n",
    );
    fine("src/share/mod.rs", "fn f() { std::thread::current(); }\n");
}

#[test]
fn what_belongs_to_one_room_is_caught_in_another() {
    caught("src/share/mod.rs", "const A: &str = \".mbx-1.lk\";\n", "share::layout");
    caught("src/plan/mod.rs", "const A: &[&str] = &[\"-c:v\"];\n", "for `ffmpeg` to say");
    caught("src/plan/mod.rs", "use clap::ValueEnum;\n", "only `cli` knows clap");
    caught("src/share/mod.rs", "fn f() { eprintln!(\"x\"); }\n", "only `ui` prints");
    caught("src/share/mod.rs", "use crate::sys::fs;\nfn f() { fs::replace(a, b); }\n", "in another's place");
    fine("src/cli/mod.rs", "use clap::Parser;\n");
    fine("src/share/mod.rs", "#[cfg(test)]\nmod x { const A: &str = \".mbx-1.lk\"; }\n");
}

#[test]
fn a_room_without_header_row_or_place_on_the_map_is_caught() {
    let mut files = clean();
    files.insert("src/plan/mod.rs".into(), "fn f() {}\n".into());
    assert!(check(&files).iter().any(|f| f.what.contains("header")));

    let found = findings("src/attic/mod.rs", "//! Things that nobody needs any more.\n");
    for says in ["no row", "not on the map", "never compiled"] {
        assert!(found.iter().any(|f| f.contains(says)), "{says}: {found:#?}");
    }
    let mut files = clean();
    files.insert("src/lib.rs".into(), files["src/lib.rs"].replace("/// Pure.\nmod plan", "pub mod plan"));
    let found: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
    for says in ["only `cli` is", "no sentence"] {
        assert!(found.iter().any(|f| f.contains(says)), "{says}: {found:#?}");
    }
}

#[test]
fn a_long_file_is_caught() {
    caught("src/plan/mod.rs", &"// line\n".repeat(500), "501 lines");
    fine("src/plan/mod.rs", &"// line\n".repeat(499));
}

#[test]
fn a_file_that_nothing_lists_is_caught() {
    caught("tests/it/forgotten.rs", "", "never compiled");
    caught("tests/crash/steps.rs", "", "never compiled");
    caught("src/plan/forgotten.rs", "", "never compiled");
    fine("src/plan/mod.rs", "#[cfg(test)]\nmod tests;\n");
    let mut files = clean();
    files.entry("tests/it/main.rs".into()).or_default().push_str("mod support;\n");
    files.insert("tests/it/support/mod.rs".into(), "mod share;\n#[path = \"odd.rs\"]\nmod even;\n".into());
    files.insert("tests/it/support/share.rs".into(), "mod inner;\n".into());
    files.insert("tests/it/support/share/inner.rs".into(), String::new());
    files.insert("tests/it/support/odd.rs".into(), String::new());
    assert_eq!(check(&files), vec![]);
}

#[test]
fn a_table_in_the_papers_that_differs_is_caught() {
    let mut files = clean();
    let paper = files["docs/ARCHITECTURE.md"].replace("| plan | model |", "| plan | model, sys |");
    files.insert("docs/ARCHITECTURE.md".into(), paper);
    assert!(check(&files).iter().any(|f| f.what.contains("lacks the row `| plan | model |`")));
}

#[test]
fn a_finding_names_its_line() {
    let found = findings("src/plan/mod.rs", "const A: &str = \"two \\\n lines\";\n\nuse crate::sys;\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("src/plan/mod.rs:5:"), "{found:?}");
}
