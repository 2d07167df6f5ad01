//! The walls of the house, as a test: which room may name which, and what may be written where.
//!
//! `docs/ARCHITECTURE.md` gives the reasons. Every rule has a planted offence in [`planted`] that it must find.

mod planted;
mod source;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use source::{Placed, Token};
use tree::{Files, depth, is_rust, is_target, is_test, load, room};

/// A room and the rooms it may name. `cli` may name every room.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("sys", &["model"]),
    ("config", &["model", "sys"]),
    ("ffmpeg", &["model", "sys"]),
    ("store", &["model", "sys"]),
    ("share", &["model", "sys"]),
    ("plan", &["model"]),
    ("ui", &["model"]),
    ("scan", &["model", "sys", "plan", "ffmpeg", "share"]),
    ("job", &["model", "sys", "plan", "ffmpeg", "store", "share", "scan"]),
    ("worker", &["model", "sys", "plan", "ffmpeg", "store", "share", "scan", "job"]),
    ("setup", &["model", "sys", "ffmpeg"]),
    ("doctor", &["model", "sys", "ffmpeg", "store", "share"]),
    ("serve", &["model", "sys", "store", "share"]),
];

/// A longer file does more than one thing.
const MOST_LINES: usize = 500;

/// Code that gets everything as values, so that a property test or a model checker runs what ships.
const PURE: &[&str] = &[
    "src/model/",
    "src/plan/",
    "src/share/judge.rs",
    "src/share/steps.rs",
    "src/worker/order.rs",
    "src/worker/guard.rs",
    "src/ffmpeg/args.rs",
    "src/ffmpeg/progress.rs",
];

/// Conditions that belong to `sys`.
const PLATFORM: &[&str] = &["unix", "windows", "target_os", "target_family", "target_env", "target_vendor"];

/// Paths that pure code may not name.
const IMPURE: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "env"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["Instant", "now"],
    &["SystemTime"],
    &["sys", "clock"],
    &["sys", "fs"],
    &["sys", "host"],
    &["sys", "netfs"],
    &["sys", "process"],
    &["sys", "stop"],
];

/// Spelled in `share::layout` alone.
const OUR_NAMES: &[&str] = &[".mbx-", ".mediabox.lock", ".mediabox_cache.json"];

/// Options that only a line for ffmpeg has.
const FFMPEG_OPTIONS: &[&str] = &[
    "-map",
    "-c:",
    "-b:",
    "-vf",
    "-af",
    "-filter",
    "-movflags",
    "-tag:",
    "-metadata",
    "-disposition",
    "-crf",
    "-show_",
];

/// An offence.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[test]
fn the_house_keeps_its_rules() {
    let files = load(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(files.contains_key("src/lib.rs"), "the source was not read");
    let findings: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
    assert!(
        findings.is_empty(),
        "{} offences against docs/ARCHITECTURE.md:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Everything that is wrong with a tree.
pub fn check(files: &Files) -> Vec<Finding> {
    let mut house = House { files, findings: Vec::new(), named: BTreeMap::new() };
    for (path, text) in files.iter().filter(|(path, _)| is_rust(path)) {
        house.length(path, text);
        if path.starts_with("src/") {
            let tokens = source::read(text);
            house.arrows(path, &tokens);
            house.platform(path, &tokens);
            house.purity(path, &tokens);
            house.belongings(path, &tokens);
        }
    }
    house.circles();
    house.rooms();
    house.every_file_is_compiled();
    house.table_in_the_papers();
    house.findings
}

struct House<'a> {
    files: &'a Files,
    findings: Vec<Finding>,
    /// Which room names which, and where first.
    named: BTreeMap<String, BTreeMap<String, (String, usize)>>,
}

impl House<'_> {
    fn report(&mut self, path: &str, line: usize, what: impl Into<String>) {
        self.findings.push(Finding { path: path.into(), line, what: what.into() });
    }

    fn length(&mut self, path: &str, text: &str) {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            self.report(
                path,
                lines,
                format!("{lines} lines; a file has at most {MOST_LINES}, so split it by what it does"),
            );
        }
    }

    fn arrows(&mut self, path: &str, tokens: &[Placed]) {
        let Some(room) = room(path) else { return };
        for source::Named { name, line, test } in source::root_names(tokens, depth(path)) {
            if name == room || ((test || is_test(path)) && may_test_with(room, &name)) {
                continue;
            }
            self.named.entry(room.into()).or_default().entry(name.clone()).or_insert((path.into(), line));
            if room == "cli" && ARROWS.iter().any(|(other, _)| *other == name) {
                continue;
            }
            match ARROWS.iter().find(|(from, _)| *from == room) {
                Some((_, to)) if to.contains(&name.as_str()) => {}
                Some((_, to)) => {
                    self.report(
                        path,
                        line,
                        format!("`{room}` may not name `{name}`; it may name: {}", to.join(", ")),
                    );
                }
                None if room == "cli" => {
                    self.report(path, line, format!("`cli` names `{name}`, which is no room"));
                }
                None => {} // `rooms` reports a room without a row.
            }
        }
    }

    fn circles(&mut self) {
        let rooms: Vec<String> = self.named.keys().cloned().collect();
        let mut told = BTreeSet::new();
        for start in rooms {
            let mut trail = vec![start.clone()];
            if let Some(circle) = self.circle_from(&start, &mut trail, &mut BTreeSet::new()) {
                let members: BTreeSet<String> = circle.iter().cloned().collect();
                if told.insert(members) {
                    let (path, line) = self.named[&circle[0]][&circle[1]].clone();
                    self.report(
                        &path,
                        line,
                        format!("rooms name each other in a circle: {}", circle.join(" → ")),
                    );
                }
            }
        }
    }

    fn circle_from(
        &self,
        start: &str,
        trail: &mut Vec<String>,
        seen: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let here = trail.last()?.clone();
        for next in self.named.get(&here)?.keys() {
            if next == start {
                let mut circle = trail.clone();
                circle.push(start.into());
                return Some(circle);
            }
            if seen.insert(next.clone()) {
                trail.push(next.clone());
                if let Some(circle) = self.circle_from(start, trail, seen) {
                    return Some(circle);
                }
                trail.pop();
            }
        }
        None
    }

    /// `cfg` of a platform and `unsafe` live in `sys`, where the twins are.
    fn platform(&mut self, path: &str, tokens: &[Placed]) {
        if room(path) == Some("sys") {
            return;
        }
        for (i, token) in tokens.iter().enumerate() {
            match token.word() {
                Some("unsafe") => self.report(path, token.line, "`unsafe` outside `sys`"),
                Some("cfg" | "cfg_attr") => {
                    let open = i + 1 + usize::from(tokens.get(i + 1).is_some_and(|t| t.is('!')));
                    if let Some(word) = in_parentheses(&tokens[open.min(tokens.len())..])
                        .iter()
                        .find_map(|t| t.word().filter(|w| PLATFORM.contains(w)))
                    {
                        self.report(
                            path,
                            token.line,
                            format!("`cfg({word})` outside `sys`: give `sys` a function with twins"),
                        );
                    }
                }
                _ => {}
            }
        }
    }

    fn purity(&mut self, path: &str, tokens: &[Placed]) {
        if !PURE.iter().any(|pure| path.starts_with(pure)) || is_test(path) {
            return;
        }
        for (i, token) in tokens.iter().enumerate().filter(|(_, token)| !token.test) {
            let found = IMPURE.iter().find(|path| is_path(&tokens[i..], path));
            if let Some(call) =
                found.filter(|call| call[0] != "sys" || !names_types(&tokens[i + 2 * call.len() - 1..]))
            {
                self.report(
                    path,
                    token.line,
                    format!("`{}` in code that gets everything as values", call.join("::")),
                );
            }
        }
    }

    /// What only one room may hold.
    fn belongings(&mut self, path: &str, tokens: &[Placed]) {
        let room = room(path).unwrap_or("");
        if is_test(path) {
            return;
        }
        for (i, token) in tokens.iter().enumerate().filter(|(_, token)| !token.test) {
            let after = |mark| tokens.get(i + 1).is_some_and(|t| t.is(mark));
            match &token.token {
                Token::Text(text) => {
                    if let Some(name) = OUR_NAMES.iter().find(|name| text.contains(*name))
                        && path != "src/share/layout.rs"
                    {
                        self.report(
                            path,
                            token.line,
                            format!("`{name}` is spelled in `share::layout` alone"),
                        );
                    }
                    if let Some(option) = FFMPEG_OPTIONS.iter().find(|option| text.starts_with(*option))
                        && room != "ffmpeg"
                    {
                        self.report(path, token.line, format!("ffmpeg's `{option}` is for `ffmpeg` to say"));
                    }
                }
                Token::Word(word) => match word.as_str() {
                    "clap" | "clap_complete" if room != "cli" => {
                        self.report(path, token.line, "only `cli` knows clap");
                    }
                    "println" | "print" | "eprintln" | "eprint" if after('!') && room != "ui" => {
                        self.report(path, token.line, format!("`{word}!`: only `ui` prints"));
                    }
                    // The shared cache is ours: putting a newer one in its place touches nobody's file.
                    "fs" if !matches!(path, "src/job/commit.rs" | "src/job/recover.rs")
                        && !path.starts_with("src/share/cache")
                        && room != "sys"
                        && ["replace", "exchange"]
                            .iter()
                            .any(|verb| is_path(&tokens[i..], &["fs", verb])) =>
                    {
                        self.report(
                            path,
                            token.line,
                            "only `job::{commit,recover}` put a file in another's place",
                        );
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Every room has a row, a place on the map and a header.
    fn rooms(&mut self) {
        let mut rooms: BTreeSet<String> = BTreeSet::new();
        for path in self.files.keys().filter(|path| is_rust(path)) {
            rooms.extend(room(path).map(str::to_owned));
        }
        let map = self.files.get("src/lib.rs").cloned().unwrap_or_default();
        for room in rooms {
            let door = format!("src/{room}/mod.rs");
            let Some(text) = self.files.get(&door) else {
                self.report(&door, 1, "a room is a folder with a `mod.rs`");
                continue;
            };
            let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
            if header.concat().split_whitespace().count() < 5 {
                self.report(
                    &door,
                    1,
                    "a room's `//!` header says what it is for, what it promises and what it never does",
                );
            }
            if room != "cli" && !ARROWS.iter().any(|(name, _)| *name == room) {
                self.report(&door, 1, format!("`{room}` has no row in the table of arrows"));
            }
            let lines: Vec<&str> = map.lines().collect();
            let entry = |line: &&str| {
                let private = line.strip_prefix("pub ").unwrap_or(line);
                private == format!("mod {room};")
            };
            match lines.iter().position(|line| entry(&line.trim())) {
                None => self.report("src/lib.rs", 1, format!("`{room}` is not on the map")),
                Some(at) => {
                    if room != "cli" && lines[at].trim().starts_with("pub") {
                        self.report("src/lib.rs", at + 1, format!("`{room}` is `pub`; only `cli` is"));
                    }
                    if at == 0 || !lines[at - 1].trim_start().starts_with("///") {
                        self.report("src/lib.rs", at + 1, format!("`{room}` has no sentence on the map"));
                    }
                }
            }
        }
    }

    /// A file that no `mod` reaches is neither built nor run, and nobody notices.
    fn every_file_is_compiled(&mut self) {
        let manifest = self.files.get("Cargo.toml").cloned().unwrap_or_default();
        let mut reached: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = self
            .files
            .keys()
            .filter(|path| {
                matches!(path.as_str(), "src/main.rs" | "src/lib.rs" | "build.rs")
                    || manifest.contains(&format!("\"{path}\""))
                    || is_target(path)
            })
            .cloned()
            .collect();
        while let Some(path) = open.pop() {
            let Some(text) = self.files.get(&path) else { continue };
            if !reached.insert(path.clone()) {
                continue;
            }
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
            // What the manifest names is the root of a program, whatever it is called.
            let is_named = manifest.contains(&format!("\"{path}\""));
            let root = is_named || matches!(file, "main.rs" | "lib.rs" | "mod.rs") || is_target(&path);
            let inside = if root { folder.to_owned() } else { path.trim_end_matches(".rs").to_owned() };
            for (name, explicit) in source::declared_modules(&source::read(text)) {
                match explicit {
                    Some(other) => open.push(source::resolved(&format!("{folder}/{other}"))),
                    None => open.extend([format!("{inside}/{name}.rs"), format!("{inside}/{name}/mod.rs")]),
                }
            }
        }
        let lost: Vec<String> =
            self.files.keys().filter(|p| is_rust(p) && !reached.contains(*p)).cloned().collect();
        for path in lost {
            self.report(&path, 1, "no `main.rs` or `lib.rs` lists it, so it is never compiled");
        }
    }

    /// The table in the papers is the table above.
    fn table_in_the_papers(&mut self) {
        const PAPER: &str = "docs/ARCHITECTURE.md";
        let text = self.files.get(PAPER).cloned().unwrap_or_default();
        for (room, to) in ARROWS {
            let row = format!("| {room} | {} |", if to.is_empty() { "–".into() } else { to.join(", ") });
            if !text.lines().any(|line| line.trim() == row) {
                self.report(PAPER, 1, format!("its table of arrows lacks the row `{row}`"));
            }
        }
    }
}

/// A room's tests may, like a crate's dev-dependencies, name any room that does not stand on theirs.
fn may_test_with(room: &str, other: &str) -> bool {
    let row = |name: &str| ARROWS.iter().find(|(from, _)| *from == name);
    let mut open = vec![other.to_owned()];
    while let Some(name) = open.pop() {
        let Some((_, to)) = row(&name) else { return false };
        if name == room {
            return false;
        }
        open.extend(to.iter().map(|&to| to.to_owned()));
    }
    true
}

fn is_path(tokens: &[Placed], names: &[&str]) -> bool {
    names.iter().enumerate().all(|(n, name)| {
        tokens.get(2 * n).and_then(Placed::word) == Some(name)
            && (n == 0 || tokens.get(2 * n - 1).is_some_and(|t| t.token == Token::PathSep))
    })
}

/// What follows a path is `::Type` or `::{Type, …}`: a noun, which does nothing by being named.
fn names_types(after: &[Placed]) -> bool {
    let [separator, first, ..] = after else { return false };
    if separator.token != Token::PathSep {
        return false;
    }
    let noun = |t: &Placed| t.word().is_some_and(|word| word.starts_with(char::is_uppercase));
    if first.is('{') {
        let mut inside = after[2..].iter().take_while(|t| !t.is('}')).filter(|t| !t.is(','));
        return inside.all(noun);
    }
    noun(first)
}

/// The tokens between the parenthesis that `tokens` begin with and its match.
fn in_parentheses(tokens: &[Placed]) -> &[Placed] {
    if !tokens.first().is_some_and(|t| t.is('(')) {
        return &[];
    }
    let mut open = 0;
    for (i, token) in tokens.iter().enumerate() {
        open += i32::from(token.is('(')) - i32::from(token.is(')'));
        if open == 0 {
            return &tokens[1..i];
        }
    }
    &tokens[1..]
}
