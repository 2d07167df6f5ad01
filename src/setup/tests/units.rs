//! Units to the letter, and as systemd itself reads them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::schedule::{interval, time_of_day};
use super::super::units::{Scope, When, Work, cron, launchd, systemd, task};
use crate::sys::process::{self, Spawn};

fn work(scope: Scope) -> Work {
    Work {
        program: PathBuf::from("/usr/bin/media-converter"),
        args: ["--dir", "/mnt/nas/100% movies & $more"].map(str::to_owned).to_vec(),
        dirs: vec![PathBuf::from("/mnt/nas/100% movies & $more")],
        user: Some("media".to_owned()).filter(|_| scope == Scope::System),
        scope,
    }
}

const EVERY: When = When::Every(Duration::from_secs(3600));
const DAILY: When = When::Daily { hour: 2, minute: 30 };

#[test]
fn units_are_golden() {
    let windows = Work {
        program: PathBuf::from(r"C:\Program Files\media-converter\media-converter.exe"),
        args: ["--dir", r"\\nas\media\my films\"].map(str::to_owned).to_vec(),
        ..work(Scope::System)
    };
    let began = "2026-11-20T21:04:05";
    let texts = [
        ("system.service", systemd::service(&work(Scope::System))),
        ("user.service", systemd::service(&work(Scope::User))),
        ("scheduled.service", systemd::oneshot(&work(Scope::System))),
        ("every.timer", systemd::timer(EVERY)),
        ("daily.timer", systemd::timer(DAILY)),
        ("agent.plist", launchd::plist("media-converter", &work(Scope::User), None, "/tmp/log")),
        ("every.plist", launchd::plist("media-converter", &work(Scope::User), Some(EVERY), "/tmp/log")),
        ("daily.plist", launchd::plist("media-converter", &work(Scope::System), Some(DAILY), "/tmp/log")),
        ("every.xml", task::task(&windows, EVERY, began)),
        ("daily.xml", task::task(&windows, DAILY, began)),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/setup/tests/units");
    for (name, text) in texts {
        let file = folder.join(name);
        // Written anew on request, to be looked at in the diff.
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(text, golden, "{name} (BLESS=1 writes it anew)");
    }
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    let Some(analyze) = process::find_program(Path::new("systemd-analyze")) else {
        println!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    // The program named in a unit has to be there.
    let here = |scope| Work { program: std::env::current_exe().unwrap(), user: None, ..work(scope) };
    for scope in [Scope::System, Scope::User] {
        let folder = tempfile::tempdir().unwrap();
        let units = [
            ("media-converter.service", systemd::service(&here(scope))),
            ("media-converter-scheduled.service", systemd::oneshot(&here(scope))),
            ("media-converter-scheduled.timer", systemd::timer(DAILY)),
            (
                "media-converter-hourly.timer",
                format!("{}\n[Timer]\nUnit=media-converter-scheduled.service\n", systemd::timer(EVERY)),
            ),
        ];
        let mut args: Vec<std::ffi::OsString> = vec!["verify".into(), "--man=no".into()];
        if scope == Scope::User {
            args.push("--user".into());
        }
        for (name, text) in units {
            std::fs::write(folder.path().join(name), text).unwrap();
            args.push(folder.path().join(name).into());
        }
        let program = std::env::current_exe().unwrap();
        let libraries = [
            "media-converter@.service",
            "media-converter-scheduled@.service",
            "media-converter-scheduled@.timer",
        ];
        for name in libraries.iter().filter(|_| scope == Scope::System) {
            let text = packaged(name).replace("/usr/bin/media-converter", program.to_str().unwrap());
            let instance = name.replace('@', r"@mnt-nas-my\x20films");
            std::fs::write(folder.path().join(name), text).unwrap();
            args.push(folder.path().join(instance).into());
        }
        let spawn = Spawn { program: analyze.clone(), args, background: false };
        let output = process::output(&spawn, Duration::from_secs(60), 64 * 1024).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let of_ours: Vec<&str> = said.lines().filter(|line| line.contains("media-converter")).collect();
        assert!(of_ours.is_empty(), "{scope:?}: {said}");
        assert!(output.ended.success() || scope == Scope::User, "{scope:?}: {said}");
    }
}

/// The Debian package's units are templates: the instance is the library's path.
fn packaged(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("installers/linux/deb").join(name);
    std::fs::read_to_string(file).unwrap().replace("\r\n", "\n")
}

#[test]
fn the_packages_units_are_those_that_service_and_schedule_install_write() {
    let as_template = |text: String| -> Vec<String> {
        text.replace(r#""-/mnt/nas/100%% movies & $more""#, "-%f")
            .replace(r#""/mnt/nas/100%% movies & $more""#, "%f")
            .replace(r#""/mnt/nas/100%% movies & $$more""#, "%f")
            .lines()
            .filter(|line| !line.starts_with("Description=") && !line.starts_with("User="))
            .map(str::to_owned)
            .collect()
    };
    let two = When::Daily { hour: 2, minute: 0 };
    let mut service = work(Scope::System);
    service.args.push("--watch".to_owned());
    for (name, text) in [
        ("media-converter@.service", systemd::service(&service)),
        ("media-converter-scheduled@.service", systemd::oneshot(&work(Scope::System))),
        ("media-converter-scheduled@.timer", systemd::timer(two)),
    ] {
        assert_eq!(as_template(packaged(name)), as_template(text), "{name}");
    }
}

#[test]
fn words_of_a_command_survive_systemd_windows_and_sh() {
    assert_eq!(systemd::argument("/plain/path"), "/plain/path");
    assert_eq!(systemd::argument(r#"a "b" \c $d 5%"#), r#""a \"b\" \\c $$d 5%%""#);
    assert_eq!(task::quoted(r"Z:\films"), r"Z:\films");
    assert_eq!(task::quoted(r"Z:\my films\"), r#""Z:\my films\\""#);
    assert_eq!(task::quoted(r#"a\"b"#), r#""a\\\"b""#);
    assert_eq!(task::quoted(""), "\"\"");
    let line = cron::line(&work(Scope::User), DAILY).unwrap();
    assert_eq!(
        line,
        r"30 2 * * * /usr/bin/media-converter --dir '/mnt/nas/100'\%' movies & $more' --quiet # media-converter schedule"
    );
    // The two crons hand different lines to sh; it makes the same words of them.
    if let Some(sh) = process::find_program(Path::new("sh")) {
        let command = line.split("media-converter ").nth(1).unwrap().split(" #").next().unwrap();
        for handed in [command.replace(r"\%", "%"), command.to_owned()] {
            let args = ["-c".into(), format!("printf '%s|' {handed}").into()].to_vec();
            let spawn = Spawn { program: sh.clone(), args, background: false };
            let said = process::output(&spawn, Duration::from_secs(60), 4096).unwrap().stdout;
            assert_eq!(
                String::from_utf8_lossy(&said),
                "--dir|/mnt/nas/100% movies & $more|--quiet|",
                "{handed}"
            );
        }
    }
    let two_lines =
        Work { args: vec!["--dir".to_owned(), "/mnt/two\nlines".to_owned()], ..work(Scope::User) };
    assert_eq!(cron::line(&two_lines, DAILY), None, "the second line would be a command of its own");
}

#[test]
fn cron_takes_only_what_comes_round_evenly() {
    let times = |minutes: u64| {
        let line = cron::line(&work(Scope::User), When::Every(Duration::from_secs(minutes * 60)))?;
        Some(line.split(" /usr").next()?.to_owned())
    };
    assert_eq!(times(15).as_deref(), Some("*/15 * * * *"));
    assert_eq!(times(60).as_deref(), Some("0 * * * *"));
    assert_eq!(times(6 * 60).as_deref(), Some("0 */6 * * *"));
    assert_eq!(times(24 * 60).as_deref(), Some("0 0 * * *"));
    for odd in [7, 90, 5 * 60, 48 * 60] {
        assert_eq!(times(odd), None, "{odd}");
    }
}

#[test]
fn a_crontab_keeps_what_is_not_ours() {
    let table = "MAILTO=me\n0 1 * * * backup\n";
    let ours = cron::line(&work(Scope::User), EVERY).unwrap();
    let with = cron::with(table, Some(&ours));
    assert_eq!(cron::ours(&with), Some(ours.as_str()));
    assert_eq!(cron::with(&with, Some(&ours)), with, "once is enough");
    assert_eq!(cron::with(&with, None), table);
}

#[test]
fn times_are_read_as_people_write_them() {
    assert_eq!(interval("90m").unwrap(), Duration::from_secs(5400));
    assert_eq!(interval("1h").unwrap(), Duration::from_secs(3600));
    assert_eq!(interval("2d").unwrap(), Duration::from_secs(172_800));
    for bad in ["", "h", "0m", "90", "1w", "32d", "99999999999999999999h"] {
        assert!(interval(bad).is_err(), "{bad}");
    }
    assert_eq!(time_of_day("02:00").unwrap(), (2, 0));
    assert_eq!(time_of_day("23:59").unwrap(), (23, 59));
    for bad in ["24:00", "2", "02:60", "ab:cd", "002:00"] {
        assert!(time_of_day(bad).is_err(), "{bad}");
    }
}
