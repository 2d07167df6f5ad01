//! What the test program does when another test starts it as a child. The role comes as a filter that matches no test.

use std::io::Write;
use std::time::Duration;

use super::player;
use crate::sys::process;
use crate::sys::stop::{self, Stop};

#[test]
fn plays_its_role() {
    let Some(role) = std::env::args().find_map(|arg| arg.strip_prefix("role:").map(str::to_owned)) else {
        // An ordinary run of all tests: the roles are played in children.
        return;
    };
    let mut out = std::io::stdout();
    let mut say = |text: &[u8]| {
        out.write_all(text).unwrap();
        out.flush().unwrap();
    };
    match role.as_str() {
        "sleep" => std::thread::sleep(Duration::from_secs(60)),
        "say and sleep" => {
            say(b"\nhere\n");
            std::thread::sleep(Duration::from_secs(60));
        }
        "end with 7" => std::process::exit(7),
        "speak oddly" => {
            say(b"\none\rtwo\r\nthree\n\n\xff\xfefour\n");
            eprint!("\nfive\nsix without an end");
            say(b"seven without an end");
            std::process::exit(0);
        }
        "speak endlessly" => {
            say(b"\n");
            for _ in 0..300 {
                say(&[b'x'; 1024]);
            }
            say(b"\nlast\n");
        }
        "speak much" => {
            for _ in 0..4096 {
                say(&[b'y'; 1024]);
            }
        }
        // A grandchild that keeps the pipes open and outlives the child.
        "leave a grandchild" => {
            let spawn = player("sleep");
            let child = std::process::Command::new(spawn.program).args(spawn.args).spawn().unwrap();
            say(format!("\ngrandchild {}\n", child.id()).as_bytes());
            std::process::exit(0);
        }
        "have a grandchild" => {
            let spawn = player("sleep");
            let mut child = std::process::Command::new(spawn.program).args(spawn.args).spawn().unwrap();
            say(format!("\ngrandchild {}\n", child.id()).as_bytes());
            child.wait().unwrap();
        }
        // A worker with an ffmpeg, to be killed from outside.
        "be a parent" => {
            let child = process::spawn(&player("sleep"), |_| {}, |_| {}).unwrap();
            say(format!("\ngrandchild {}\n", child.id()).as_bytes());
            std::thread::sleep(Duration::from_secs(60));
            drop(child);
        }
        "work" => {
            let until = std::time::Instant::now() + Duration::from_secs(60);
            say(b"\nworking\n");
            let mut number = 1u64;
            while std::time::Instant::now() < until {
                number = std::hint::black_box(number.wrapping_mul(31));
            }
        }
        "listen" => {
            stop::listen();
            stop::listen();
            say(b"\nlistening\n");
            assert!(stop::sleep(Duration::from_secs(60)));
            say(format!("\n{:?}\n", stop::asked()).as_bytes());
            assert!(stop::sleep_unless(Duration::from_secs(60), Stop::Now));
            say(format!("\n{:?}\n", stop::asked()).as_bytes());
            std::thread::sleep(Duration::from_secs(60));
        }
        "be asked" => {
            assert_eq!(stop::asked(), Stop::No);
            assert!(!stop::sleep(Duration::from_millis(20)));
            let sleeper = std::thread::spawn(|| stop::sleep(Duration::from_secs(60)));
            stop::ask(Stop::Soon);
            assert!(sleeper.join().unwrap());
            assert!(stop::sleep(Duration::from_secs(60)));
            assert!(!stop::sleep_unless(Duration::from_millis(20), Stop::Now));
            stop::ask(Stop::Now);
            stop::ask(Stop::Soon);
            assert_eq!(stop::asked(), Stop::Now, "a lesser request takes nothing back");
            stop::forget();
            assert_eq!(stop::ask_more(), Stop::No);
            assert_eq!(stop::ask_more(), Stop::Soon);
            assert_eq!(stop::ask_more(), Stop::Now);
            std::process::exit(42);
        }
        other => panic!("no role is called {other}"),
    }
}
