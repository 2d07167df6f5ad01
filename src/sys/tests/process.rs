use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{folder, player, soon};
use crate::sys::host::{self, Life};
use crate::sys::process::{self, Child, Ended, Spawn};

const LONG: Duration = Duration::from_secs(20);

/// A child that plays `role`, and its lines.
fn starts(role: &str) -> (Child, Receiver<String>, Receiver<String>) {
    let ((out, stdout), (err, stderr)) = (channel(), channel());
    let child = process::spawn(
        &player(role),
        move |line| out.send(line.to_owned()).unwrap_or(()),
        move |line| err.send(line.to_owned()).unwrap_or(()),
    )
    .unwrap();
    (child, stdout, stderr)
}

/// The line that begins so, without its beginning.
fn hears(lines: &Receiver<String>, beginning: &str) -> String {
    loop {
        let line = lines.recv_timeout(LONG).expect("the child says it");
        if let Some(rest) = line.strip_prefix(beginning) {
            return rest.trim().to_owned();
        }
    }
}

fn is_gone(pid: u32) -> bool {
    host::life_by_pid(&host::home(host::me()), pid) == Life::Gone
}

#[test]
fn an_exit_code_is_reported_and_stays() {
    let (mut child, _out, _err) = starts("end with 7");
    let seven = Ended { code: Some(7), signal: None };
    assert_eq!(child.wait(LONG).unwrap().as_ref(), Some(&seven));
    assert_eq!(child.wait(Duration::ZERO).unwrap().as_ref(), Some(&seven));
    child.kill();
    assert_eq!(child.wait(Duration::ZERO).unwrap().as_ref(), Some(&seven));
    assert!(!seven.success());
}

#[test]
fn lines_end_at_either_character_and_need_not_be_unicode() {
    let (mut child, out, err) = starts("speak oddly");
    assert!(child.wait(LONG).unwrap().unwrap().success());
    let out: Vec<String> = out.try_iter().skip_while(|line| line != "one").collect();
    assert_eq!(out, ["one", "two", "three", "\u{fffd}\u{fffd}four", "seven without an end"]);
    let err: Vec<String> = err.try_iter().skip_while(|line| line != "five").collect();
    assert_eq!(err, ["five", "six without an end"]);
}

#[test]
fn an_endless_line_is_cut_and_the_next_is_whole() {
    let (mut child, out, _err) = starts("speak endlessly");
    assert!(child.wait(LONG).unwrap().unwrap().success());
    let lines: Vec<String> = out.try_iter().collect();
    assert_eq!(lines.iter().find(|line| line.starts_with('x')).unwrap().len(), 64 * 1024);
    assert!(lines.iter().any(|line| line == "last"));
}

#[test]
fn waiting_ends_while_the_child_goes_on() {
    let (mut child, out, _err) = starts("say and sleep");
    hears(&out, "here");
    assert_eq!(child.wait(Duration::from_millis(30)).unwrap(), None);
    let pid = child.id();
    assert!(!is_gone(pid));
    child.kill();
    assert!(is_gone(pid));
}

#[test]
fn a_dropped_child_is_killed() {
    let (child, out, _err) = starts("say and sleep");
    hears(&out, "here");
    let pid = child.id();
    drop(child);
    assert!(is_gone(pid));
}

#[test]
fn killing_takes_the_grandchildren_too() {
    let (mut child, out, _err) = starts("have a grandchild");
    let grandchild = hears(&out, "grandchild ").parse().unwrap();
    assert!(!is_gone(grandchild));
    child.kill();
    assert!(soon(|| is_gone(grandchild)));
}

#[test]
fn a_grandchild_that_keeps_the_pipe_does_not_hold_up_the_end() {
    let (mut child, out, _err) = starts("leave a grandchild");
    let grandchild = hears(&out, "grandchild ").parse().unwrap();
    let before = Instant::now();
    assert!(child.wait(LONG).unwrap().unwrap().success());
    assert!(before.elapsed() < Duration::from_secs(10));
    assert!(soon(|| is_gone(grandchild)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_worker_takes_its_child_along() {
    let (mut worker, out, _err) = starts("be a parent");
    let grandchild = hears(&out, "grandchild ").parse().unwrap();
    assert!(!is_gone(grandchild));
    // The grandchild leads a group of its own, so that this reaches the worker alone.
    worker.kill();
    assert!(soon(|| is_gone(grandchild)));
}

#[cfg(windows)]
#[test]
fn a_killed_worker_takes_its_child_along() {
    let (mut worker, out, _err) = starts("be a parent");
    let grandchild = hears(&out, "grandchild ").parse().unwrap();
    worker.kill();
    assert!(soon(|| is_gone(grandchild)));
}

#[test]
fn a_child_outlives_the_thread_that_started_it() {
    let (mut child, out, _err) = std::thread::spawn(|| starts("say and sleep")).join().unwrap();
    hears(&out, "here");
    assert_eq!(child.wait(Duration::from_millis(200)).unwrap(), None);
}

#[test]
fn a_stopped_child_uses_no_time_and_goes_on_afterwards() {
    let (mut child, out, _err) = starts("work");
    hears(&out, "working");
    assert!(soon(|| child.cpu_time().unwrap() > Duration::from_millis(30)));
    child.suspend().unwrap();
    // What was under way when it was stopped may still be booked, and on a busy machine the stop takes its time.
    let mut stopped = Duration::ZERO;
    assert!(soon(|| {
        stopped = child.cpu_time().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        child.cpu_time().unwrap() <= stopped + Duration::from_millis(20)
    }));
    child.resume().unwrap();
    assert!(soon(|| child.cpu_time().unwrap() > stopped + Duration::from_millis(30)));
    child.suspend().unwrap();
    child.kill();
    assert!(child.wait(Duration::ZERO).unwrap().is_some(), "a stopped child can be killed");
    assert_eq!(child.cpu_time(), None);
}

#[test]
fn a_short_childs_output_is_kept_to_the_limit_and_drained_beyond() {
    let output = process::output(&player("speak much"), LONG, 1000).unwrap();
    assert!(output.ended.success());
    assert!(!output.timed_out);
    assert_eq!(output.stdout.len(), 1000);
}

#[test]
fn a_child_past_its_deadline_is_killed_and_what_it_said_is_kept() {
    let before = Instant::now();
    let output = process::output(&player("say and sleep"), Duration::from_secs(3), 10_000).unwrap();
    assert!(output.timed_out);
    assert!(!output.ended.success());
    assert!(before.elapsed() < Duration::from_secs(15));
    assert!(String::from_utf8_lossy(&output.stdout).contains("here"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_background_child_is_modest() {
    let spawn = Spawn { background: true, ..player("sleep") };
    let child = process::spawn(&spawn, |_| {}, |_| {}).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let nice = stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap();
    assert_eq!(nice, "10");
}

#[test]
fn a_missing_program_is_an_error_at_once() {
    let spawn = Spawn { program: folder().path().join("none"), args: Vec::new(), background: false };
    let error = process::output(&spawn, LONG, 10).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn programs_are_found_by_name_or_path_and_only_where_they_can_run() {
    let myself = std::env::current_exe().unwrap();
    assert_eq!(process::find_program(&myself), Some(myself));
    assert_eq!(process::find_program(Path::new("surely-no-such-program")), None);
    assert_eq!(process::find_program(Path::new("")), None);
    let folder = folder();
    let text = folder.path().join("text");
    assert_eq!(process::find_program(&text), None);
    #[cfg(unix)]
    {
        std::fs::write(&text, "").unwrap();
        assert_eq!(process::find_program(&text), None, "it cannot be run");
        assert!(process::find_program(Path::new("sh")).unwrap().is_absolute());
    }
}
