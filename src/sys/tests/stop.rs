use super::player;
use crate::sys::process;

#[test]
fn requests_add_up_and_wake_sleepers() {
    let output = process::output(&player("be asked"), std::time::Duration::from_secs(20), 10_000).unwrap();
    assert_eq!(output.ended.code, Some(42), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
#[test]
fn the_first_signal_asks_the_second_urges_the_third_ends() {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process};

    let (say, said) = channel();
    let mut child =
        process::spawn(&player("listen"), move |line| say.send(line.to_owned()).unwrap_or(()), |_| {})
            .unwrap();
    let hears = |word: &str| {
        while said.recv_timeout(Duration::from_secs(20)).expect("the child says it") != word {}
    };
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    hears("listening");
    // A burst is one request.
    kill_process(pid, Signal::TERM).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    hears("Soon");
    std::thread::sleep(Duration::from_millis(150));
    kill_process(pid, Signal::INT).unwrap();
    hears("Now");
    std::thread::sleep(Duration::from_millis(150));
    kill_process(pid, Signal::INT).unwrap();
    let ended = child.wait(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(ended.signal, Some(Signal::INT.as_raw()));
}
