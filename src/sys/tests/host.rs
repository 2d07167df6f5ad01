use std::time::Duration;

use super::{player, soon};
use crate::sys::host::{self, Identity, Life};
use crate::sys::{clock, process};

#[test]
fn we_know_ourselves() {
    let me = host::me();
    assert_eq!(me.pid, std::process::id());
    assert_eq!(me.machine.len(), 32);
    assert!(!me.boot.is_empty());
    assert_ne!(me.start, 0);
    assert_eq!(host::life(me), Life::Alive);
    assert_eq!(host::life_by_pid(&host::home(me), me.pid), Life::Alive);
}

#[test]
fn a_dead_child_is_gone_and_a_live_one_is_not() {
    let mut child = process::spawn(&player("sleep"), |_| {}, |_| {}).unwrap();
    let pid = child.id();
    let home = host::home(host::me());
    assert_eq!(host::life_by_pid(&home, pid), Life::Alive);
    assert_eq!(host::life(&Identity { pid, start: 0, ..host::me().clone() }), Life::Alive);
    child.kill();
    assert_eq!(host::life_by_pid(&home, pid), Life::Gone);
    assert_eq!(host::life(&Identity { pid, start: 0, ..host::me().clone() }), Life::Gone);
}

#[test]
fn a_process_that_got_a_dead_ones_pid_is_not_it() {
    let child = process::spawn(&player("sleep"), |_| {}, |_| {}).unwrap();
    let other = Identity { pid: child.id(), start: 1, ..host::me().clone() };
    assert!(soon(|| host::life(&other) == Life::Gone));
    assert_eq!(host::life(&Identity { start: host::me().start + 1, ..host::me().clone() }), Life::Gone);
}

#[cfg(unix)]
#[test]
fn a_process_that_waits_to_be_reaped_is_gone() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let home = host::home(host::me());
    assert!(soon(|| host::life_by_pid(&home, child.id()) == Life::Gone));
    child.wait().unwrap();
}

#[test]
fn elsewhere_nothing_is_proved() {
    let me = host::me().clone();
    // A pid that is surely free, so that only the place can make the difference.
    let free = Identity { pid: 0x3fff_fffc, ..me.clone() };
    assert_eq!(host::life(&free), Life::Gone);
    for other in [
        Identity { machine: "0".repeat(32), ..free.clone() },
        Identity { boot: "another".to_owned(), ..free.clone() },
        Identity { pid_namespace: free.pid_namespace + 1, ..free.clone() },
    ] {
        assert_eq!(host::life(&other), Life::Unknown);
        assert_ne!(host::home(&other), host::home(&me));
        assert_eq!(host::life_by_pid(&host::home(&other), free.pid), Life::Unknown);
    }
    assert_eq!(host::life_by_pid("", free.pid), Life::Unknown);
}

#[test]
fn a_home_is_eight_digits_and_the_same_for_all_our_processes() {
    let me = host::me().clone();
    let home = host::home(&me);
    assert_eq!(home.len(), 8);
    assert!(home.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(home, host::home(&Identity { pid: 1, start: 2, hostname: String::new(), ..me }));
}

#[test]
fn random_names_differ() {
    let (a, b) = (host::random_hex(16), host::random_hex(16));
    assert_eq!((a.len(), b.len()), (32, 32));
    assert!(a.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(a, b);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_name_full_of_brackets_does_not_shift_the_fields() {
    let line = b"42 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 500 60 7 8 20 0 1 0 987654 1 2 3";
    let stat = crate::sys::os::parse_stat(line).unwrap();
    assert_eq!((stat.state, stat.cpu, stat.start), (b'S', 560, 987_654));
    assert!(crate::sys::os::parse_stat(b"42 (a").is_none());
}

#[test]
fn the_boot_clock_goes_forward() {
    let before = clock::boot();
    assert!(before > Duration::ZERO);
    assert!(soon(|| clock::boot() > before));
}

#[test]
fn local_time_is_written_as_python_writes_it() {
    let text = clock::local_iso(1_763_672_645.123_456);
    assert_eq!(text.len(), "2026-11-20T21:04:05.123456".len());
    assert!(text.ends_with(".123456"), "{text}");
    assert_eq!(text.as_bytes()[10], b'T');
    assert!(clock::wall() > 1.7e9);
    assert!(clock::local_iso(f64::NAN).starts_with("19"));
}
