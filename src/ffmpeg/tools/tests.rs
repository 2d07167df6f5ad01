use super::{find, hint, release, version_word};
use crate::ffmpeg::play;
use crate::model::error::Kind;

#[test]
fn versions_of_real_builds_are_read() {
    for (line, word, number) in [
        (
            "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers",
            "5.1.9-0+deb12u1",
            Some((5, 1)),
        ),
        (
            "ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright (c) 2000-2021 the FFmpeg developers",
            "4.4.2-0ubuntu0.22.04.1",
            Some((4, 4)),
        ),
        ("ffmpeg version n7.1 Copyright (c) 2000-2024 the FFmpeg developers", "n7.1", Some((7, 1))),
        (
            "ffmpeg version n6.1.1-1-gabc Copyright (c) 2000-2023 the FFmpeg developers",
            "n6.1.1-1-gabc",
            Some((6, 1)),
        ),
        ("ffmpeg version 8.0 Copyright (c) 2000-2025 the FFmpeg developers", "8.0", Some((8, 0))),
        (
            "ffmpeg version 7.0.2-essentials_build-www.gyan.dev Copyright (c) 2000-2024",
            "7.0.2-essentials_build-www.gyan.dev",
            Some((7, 0)),
        ),
        (
            "ffmpeg version 7.0.2-Jellyfin Copyright (c) 2000-2024 the FFmpeg developers",
            "7.0.2-Jellyfin",
            Some((7, 0)),
        ),
        (
            "ffmpeg version N-109542-g1bf1659d3e Copyright (c) 2000-2023 the FFmpeg developers",
            "N-109542-g1bf1659d3e",
            None,
        ),
        (
            "ffmpeg version 2023-07-16-git-c541ecf0dc-full_build-www.gyan.dev Copyright (c) 2000-2023",
            "2023-07-16-git-c541ecf0dc-full_build-www.gyan.dev",
            None,
        ),
        (
            "ffmpeg version git-2020-05-10-3b1c2ac Copyright (c) 2000-2020 the FFmpeg developers",
            "git-2020-05-10-3b1c2ac",
            None,
        ),
    ] {
        assert_eq!(version_word(line, "ffmpeg"), Some(word), "{line}");
        assert_eq!(release(word), number, "{line}");
    }
    assert_eq!(version_word("ffprobe version 5.1", "ffmpeg"), None);
    assert_eq!(version_word("bash: ffmpeg: command not found", "ffmpeg"), None);
    assert_eq!(release("7."), None);
}

#[test]
fn the_hint_is_a_command_of_this_system() {
    assert_eq!(hint("windows", ""), "Install ffmpeg: winget install --id Gyan.FFmpeg --exact");
    assert_eq!(hint("macos", ""), "Install ffmpeg: brew install ffmpeg");
    assert_eq!(hint("linux", "NAME=x\nID=debian\n"), "Install ffmpeg: sudo apt install ffmpeg");
    assert_eq!(
        hint("linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
        "Install ffmpeg: sudo apt install ffmpeg"
    );
    // The package that Fedora itself has would not do.
    assert!(
        hint("linux", "ID=fedora\n").starts_with("Install ffmpeg: sudo dnf install --allowerasing ffmpeg ")
    );
    assert_eq!(hint("linux", "ID=manjaro\nID_LIKE=arch\n"), "Install ffmpeg: sudo pacman -S ffmpeg");
    assert_eq!(
        hint("linux", "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n"),
        "Install ffmpeg: sudo zypper install ffmpeg"
    );
    assert!(hint("linux", "").starts_with("Install ffmpeg with ffprobe"));
}

#[test]
fn both_programs_are_found_and_the_probe_beside_its_ffmpeg() {
    let dir = tempfile::tempdir().unwrap();
    let (ffmpeg, ffprobe) = play::install(dir.path(), "none");
    let tools = find(Some(&ffmpeg), None).unwrap();
    assert_eq!((&tools.ffmpeg, &tools.ffprobe), (&ffmpeg, &ffprobe));
    assert!(!tools.version.is_empty());
    let real = find(None, None).unwrap();
    assert_ne!(real.ffmpeg, ffmpeg);
    assert_eq!((real.version, real.release), (tools.version, tools.release));
}

#[test]
fn a_path_that_is_no_program_is_a_missing_tool() {
    let dir = tempfile::tempdir().unwrap();
    let error = find(Some(&dir.path().join("nothing")), None).unwrap_err();
    assert_eq!(error.kind, Kind::MissingTool);
    assert!(error.to_string().contains("nothing"), "{error}");
}

#[test]
fn a_program_that_crashes_or_says_nonsense_is_a_missing_tool_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (script, says) in [
        ("crash on=version", "`-version`"),
        ("exit0-none on=version", "exit code 0"),
        ("fail on=version", "asked to fail"),
    ] {
        let (ffmpeg, _) = play::install(&dir.path().join(script.replace(' ', "_")), script);
        let error = find(Some(&ffmpeg), None).unwrap_err();
        assert_eq!(error.kind, Kind::MissingTool, "{script}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("Install ffmpeg")), "{script}");
        assert!(error.line().contains(says), "{}", error.line());
    }
}
