//! What the program says to somebody who has just met it, or mistyped.

use crate::support::Share;

#[test]
fn the_version_is_the_packages() {
    let run = Share::new().run(["--version"]).expect(0);
    assert_eq!(run.stdout.trim(), concat!("media-converter ", env!("CARGO_PKG_VERSION")));
    assert_eq!(run.stderr, "");
}

#[test]
fn help_names_the_flags_of_the_tool_it_replaces_and_every_command() {
    let help = Share::new().run(["--help"]).expect(0).stdout;
    for word in
        ["--dir", "--file", "--type", "--force-stereo", "--downgrade-resolution", "--dry-run", "--json"]
    {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    for command in ["scan", "probe", "locks", "history", "undo", "config", "completions"] {
        let line = format!("  {command} ");
        assert!(help.lines().any(|l| l.starts_with(&line)), "{command} is missing in:\n{help}");
    }
}

#[test]
fn without_arguments_it_shows_help_and_asks_nothing() {
    let run = Share::new().run::<&str>([]);
    assert!((run.stdout + &run.stderr).contains("Usage:"));
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_was_meant() {
    let share = Share::new();
    let run = share.run(["--dirr", "x"]).expect(2);
    assert!(run.stderr.contains("--dir"), "{}", run.stderr);
    assert_eq!(run.stdout, "", "stdout is for data");
    share.convert(&["--jobs", "none"]).expect(2);
    share.convert(&["--type", "pictures"]).expect(2);
    assert!(share.names().is_empty());
}

#[test]
fn a_folder_that_is_not_there_exits_with_4_and_is_named() {
    let share = Share::new();
    let run = share.run(["--dir", "no such folder"]).expect(4);
    assert!(run.stderr.contains("no such folder"), "{}", run.stderr);
}

#[test]
fn a_missing_ffmpeg_exits_with_3_and_says_how_to_get_it() {
    let mut share = Share::new();
    let empty = share.aside("empty");
    std::fs::create_dir_all(&empty).unwrap();
    share.set("PATH", empty);
    let run = share.convert(&[]).expect(3);
    assert!(run.stderr.contains("ffmpeg"), "{}", run.stderr);
    assert!(share.names().is_empty(), "a run that cannot begin touches nothing");
}
