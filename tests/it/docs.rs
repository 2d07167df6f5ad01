//! The papers tell the truth: their commands run, their links lead somewhere, and what is generated is up to date.
//!
//! `BLESS=1 cargo test --test it docs` writes what is generated anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Clip, Share};

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn paper(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every Markdown file of ours.
fn papers() -> Vec<String> {
    let mut found = Vec::new();
    for folder in [
        "",
        "docs",
        "tests/netshare",
        "installers",
        "installers/linux",
        "installers/windows",
        "examples",
        "benches",
    ] {
        let Ok(entries) = fs::read_dir(root().join(folder)) else { continue };
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
    }
    assert!(found.len() > 5, "{found:?}");
    found
}

/// Compares `text` with a file of the repository, or writes it there under `BLESS=1`.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let file = root().join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    if kept == text {
        return;
    }
    let (kept, new): (BTreeSet<&str>, BTreeSet<&str>) = (kept.lines().collect(), text.lines().collect());
    let gone: Vec<_> = kept.difference(&new).map(|line| format!("- {line}")).collect();
    let come: Vec<_> = new.difference(&kept).map(|line| format!("+ {line}")).collect();
    panic!(
        "{name} is not what the program says. Where the change is meant, `BLESS=1 cargo test --test it` writes it:\n{}\n{}",
        gone.join("\n"),
        come.join("\n")
    );
}

/// The lines of a paper's `sh` blocks, without their comments.
fn commands(paper: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in paper.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            inside = !inside && language == "sh";
        } else if inside {
            let command = line.split(" #").next().unwrap_or_default().trim();
            if !command.is_empty() && !command.starts_with('#') {
                found.push(command.to_owned());
            }
        }
    }
    found
}

/// Words of a command, double quotes kept together.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in command.split('"').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Runs a paper's `media-converter` commands, one after the other, on a library with one film.
fn run_commands(name: &str) {
    let share = Share::new();
    share.add("Films/Some film.mkv", Clip::RemuxMkv);
    let library = share.root().to_str().unwrap();
    let film = share.path("Films/Some film.mp4");
    let mut ran = 0;
    for command in commands(&paper(name)) {
        let mut words = words(&command).into_iter();
        if words.next().as_deref() != Some("media-converter") {
            continue;
        }
        let args: Vec<String> = words
            .map(|word| match word.as_str() {
                "DIR" => library.to_owned(),
                "FILE" => film.to_str().unwrap().to_owned(),
                _ => word.replace("/srv/media", library),
            })
            .collect();
        let run = share.run(&args);
        assert_eq!(run.code, 0, "{name}: `{command}`\n{}{}", run.stdout, run.stderr);
        ran += 1;
    }
    assert!(ran > 0, "{name} has no command of ours");
}

#[test]
fn the_readmes_commands_run() {
    run_commands("README.md");
    for script in commands(&paper("README.md")).iter().filter(|command| command.starts_with("./")) {
        let file = root().join(words(script).first().unwrap());
        assert!(file.is_file(), "{} is not there", file.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_ne!(
                file.metadata().unwrap().permissions().mode() & 0o111,
                0,
                "{} cannot be run",
                file.display()
            );
        }
    }
}

#[test]
fn the_operating_guides_commands_run() {
    run_commands("docs/OPERATING.md");
}

/// A help that is asked for last is given only where all before it was understood.
#[test]
fn every_command_that_the_papers_name_is_one() {
    let share = Share::new();
    let mut named = BTreeSet::new();
    for name in papers().iter().filter(|name| *name != "docs/cli.md") {
        let text = paper(name);
        let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let blocks = blocks.map(|line| line.split(" #").next().unwrap_or_default().trim_end());
        let inline = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        named.extend(
            blocks.chain(inline).filter(|text| text.starts_with("media-converter ")).map(str::to_owned),
        );
    }
    assert!(named.len() > 30, "{named:?}");
    let mut wrong = Vec::new();
    for command in named {
        let mut args = words(&command).split_off(1);
        // What follows `--` is for each run.
        let end = args.iter().position(|word| word == "--").unwrap_or(args.len());
        args.insert(end, "--help".to_owned());
        let run = share.run(&args);
        if run.code != 0 {
            wrong.push(format!("`{command}`: {}", run.stderr.lines().next().unwrap_or_default()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_link_in_the_papers_leads_to_a_file() {
    let mut broken = Vec::new();
    for name in papers() {
        let folder = root().join(&name).parent().unwrap().to_owned();
        for link in paper(&name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_command_line_reference_is_what_help_says() {
    let share = Share::new();
    let help = |args: &[&str]| share.run(args).expect(0).stdout.trim_end().to_owned();
    let main = help(&["--help"]);
    let mut text = format!(
        "# Command line\n\nWritten by `BLESS=1 cargo test --test it docs` from what the program says; do not edit.\n\n\
         ## media-converter\n\n```text\n{main}\n```\n"
    );
    let subcommands =
        main.lines().skip_while(|line| *line != "Subcommands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = subcommands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() > 5, "subcommands: {names:?}");
    for name in names {
        let about = help(&[name, "--help"]);
        text.push_str(&format!("\n## media-converter {name}\n\n```text\n{about}\n```\n"));
        for inner in
            about.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty())
        {
            let Some(inner) = inner.split_whitespace().next().filter(|_| !inner.starts_with("   ")) else {
                continue;
            };
            if inner != "help" {
                let about = help(&[name, inner, "--help"]);
                text.push_str(&format!("\n### media-converter {name} {inner}\n\n```text\n{about}\n```\n"));
            }
        }
    }
    // The paper has the program's name as Unix spells it.
    golden("docs/cli.md", &text.replace("media-converter.exe", "media-converter"));
}

#[test]
fn the_operating_guide_has_every_exit_code_that_help_names() {
    let help = Share::new().run(["--help"]).expect(0).stdout;
    let guide = paper("docs/OPERATING.md");
    let codes: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Exit codes"))
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.parse::<u8>().is_ok())
        .collect();
    assert!(codes.len() > 5, "{help}");
    for code in codes {
        assert!(guide.contains(&format!("| {code} |")), "docs/OPERATING.md lacks exit code {code}");
    }
}

#[test]
fn every_example_configuration_is_accepted() {
    let share = Share::new();
    let mut tried = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "toml") {
            let run = share.run([
                "config".as_ref(),
                "show".as_ref(),
                "--config".as_ref(),
                entry.path().as_os_str(),
            ]);
            assert_eq!(run.code, 0, "{}: {}", entry.path().display(), run.stderr);
            tried += 1;
        }
    }
    assert!(tried > 0, "no example configuration");
}

#[test]
fn the_settings_paper_names_every_setting() {
    let run = Share::new().run(["config", "show", "--json"]).expect(0);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let guide = paper("docs/CONFIG.md");
    let keys: Vec<&str> = document["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| setting["key"].as_str().unwrap())
        .collect();
    assert!(keys.len() > 10, "{keys:?}");
    let missing: Vec<&&str> = keys.iter().filter(|key| !guide.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/CONFIG.md lacks {missing:?}");
}

#[test]
fn the_paper_on_json_names_every_field() {
    let guide = paper("docs/json.md");
    let mut missing = BTreeSet::new();
    for shape in
        ["events", "scan", "query", "stats", "probe", "verify", "check", "retry", "history", "config"]
    {
        let lines = paper(&format!("tests/it/golden/{shape}.txt"));
        // What people write into their files' tags is no field of ours.
        for line in lines.lines().filter(|line| !line.contains(".tags.")) {
            let path = line.split(':').next().unwrap_or_default();
            let field = path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]");
            if path.contains('.') && !guide.contains(&format!("`{field}`")) {
                missing.insert(format!("{shape}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/json.md lacks {missing:#?}");
}
