//! What is said to launchd, against a launchctl that answers as macOS' does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::launchd::Job;
use super::super::service::Places;
use super::super::units::{Scope, When, Work, launchd};
use crate::sys::fs;
use crate::sys::process::{self, Spawn};

/// Loaded is what `loaded` tells; `busy` counts how often a label that was just taken out is still refused.
const LAUNCHCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$*" >>calls
case $1 in
bootout)
    [ -e loaded ] || { echo "Boot-out failed: 3: No such process" >&2; exit 3; }
    rm loaded; echo xxx >busy ;;
bootstrap)
    [ -e "$3" ] || { echo "Bootstrap failed: 2: No such file or directory" >&2; exit 2; }
    [ ! -e loaded ] || { echo "Bootstrap failed: 37: Operation already in progress" >&2; exit 37; }
    read -r busy <busy 2>/dev/null || busy=
    if [ -n "$busy" ]; then
        echo "${busy%x}" >busy; echo "Bootstrap failed: 5: Input/output error" >&2; exit 5
    fi
    echo "not running" >loaded ;;
kickstart) [ -e loaded ] || { echo "Could not find service" >&2; exit 113; }; echo running >loaded ;;
print)
    [ -e loaded ] || { echo "Could not find service" >&2; exit 113; }
    printf '%s = {\n\tactive count = 1\n\tstate = %s\n\n\tjob state = exited\n}\n' "$2" "$(cat loaded)" ;;
*) exit 64 ;;
esac
"#;

fn job(folder: &Path) -> Job {
    let launchctl = folder.join("launchctl");
    std::fs::write(&launchctl, LAUNCHCTL).unwrap();
    fs::make_program(&launchctl).unwrap();
    let places = Places { home: Some(folder.join("home")), config: None };
    Job {
        launchctl,
        pause: Duration::from_millis(1),
        ..Job::new("media-converter", Scope::User, &places).unwrap()
    }
}

#[test]
fn an_agent_is_loaded_stopped_started_and_changed_and_leaves_nothing() {
    if std::env::consts::OS == "windows" {
        println!("SKIPPED: the stand-in for launchctl is a shell script");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path());
    let calls = || std::fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!((job.is_installed(), job.state()), (false, None));
    assert!(job.start().unwrap_err().line().contains("not installed"));
    assert!(!job.uninstall().unwrap(), "there was none");

    job.install("<plist/>").unwrap();
    assert!(job.file.ends_with("Library/LaunchAgents/media-converter.plist"));
    assert_eq!(job.state().as_deref(), Some("not running"));
    job.start().unwrap();
    assert_eq!(job.state().as_deref(), Some("running"));

    // Again: what is loaded makes way first, and launchd refuses its label for a while.
    job.install("<plist><dict/></plist>").unwrap();
    assert_eq!(std::fs::read_to_string(&job.file).unwrap(), "<plist><dict/></plist>");
    assert_eq!(job.state().as_deref(), Some("not running"));
    let refused = calls().lines().filter(|line| line.starts_with("bootstrap ")).count();
    assert!(refused > 3, "{}", calls());

    // A process that is ended would come back (KeepAlive), so a stop takes the agent out; a start brings it back.
    job.stop().unwrap();
    assert_eq!((job.is_installed(), job.state()), (true, None));
    job.stop().unwrap();
    job.start().unwrap();
    assert!(job.state().is_some());
    assert!(!calls().contains("kill"), "{}", calls());

    assert!(job.uninstall().unwrap());
    assert_eq!((job.is_installed(), job.state()), (false, None));
    assert!(!job.uninstall().unwrap());
}

#[test]
fn what_launchd_refuses_for_good_is_said_in_its_words_at_once() {
    if std::env::consts::OS == "windows" {
        println!("SKIPPED: the stand-in for launchctl is a shell script");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path());
    let none = "#!/bin/sh\n[ $1 = bootstrap ] || exit 113\n\
                echo 'Bootstrap failed: 125: Domain does not support specified action' >&2; exit 125\n";
    std::fs::write(&job.launchctl, none).unwrap();
    let refused = job.install("<plist/>").unwrap_err();
    assert!(refused.line().contains("Domain does not support"), "{}", refused.line());
    assert!(refused.hint.is_some_and(|hint| hint.contains("SSH")));
}

/// Python's standard library reads property lists, on every system.
#[test]
fn another_reader_finds_in_a_property_list_what_was_meant() {
    let Some(python) = process::find_program(Path::new("python3")) else {
        println!("SKIPPED: python3 is not installed");
        return;
    };
    let words =
        ["/Users/me/.local/bin/media-converter", "--dir", "/Volumes/Tom & Jerry <\"1\">/100% 'größe'"];
    let work = |scope| Work {
        program: PathBuf::from(words[0]),
        args: words[1..].iter().map(|word| (*word).to_owned()).collect(),
        dirs: vec![PathBuf::from(words[2])],
        user: Some("media & me".to_owned()),
        scope,
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let read = |text: String| -> serde_json::Value {
        std::fs::write(file.path(), text).unwrap();
        let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
        let args: Vec<OsString> = vec!["-c".into(), script.into(), file.path().into()];
        let spawn = Spawn { program: python.clone(), args, background: false };
        let output = process::output(&spawn, Duration::from_secs(60), 64 * 1024).unwrap();
        assert!(output.ended.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let agent = read(launchd::plist("media-converter", &work(Scope::User), None, "/Users/me/a & b.log"));
    assert_eq!(agent["ProgramArguments"], serde_json::json!(words));
    assert_eq!(agent["Label"], "media-converter");
    assert_eq!(agent["StandardErrorPath"], "/Users/me/a & b.log");
    assert_eq!(agent["KeepAlive"], true);
    assert_eq!(agent["ExitTimeOut"], 60);
    assert!(agent.get("UserName").is_none(), "an agent is its user's already");
    let daily = When::Daily { hour: 2, minute: 5 };
    let daemon = read(launchd::plist("media-converter-scheduled", &work(Scope::System), Some(daily), "/log"));
    assert_eq!(daemon["UserName"], "media & me");
    assert_eq!(daemon["StartCalendarInterval"], serde_json::json!({"Hour": 2, "Minute": 5}));
    assert!(daemon.get("KeepAlive").is_none(), "a timer's run ends");
    let hourly = When::Every(Duration::from_secs(3600));
    assert_eq!(read(launchd::plist("x", &work(Scope::User), Some(hourly), "/log"))["StartInterval"], 3600);
}
