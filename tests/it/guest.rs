//! The best encoder that really works, and a good guest on the machine.

use std::path::PathBuf;

use serde_json::Value;

use crate::convert::summary;
use crate::support::{Clip, Run, Share, play};

/// A share whose ffmpeg is a fake that follows `script`; the arguments that name it.
fn faked(script: &str) -> (Share, Vec<String>, PathBuf) {
    let share = Share::new();
    let folder = share.aside("fakes");
    let (ffmpeg, ffprobe) = play::install(&folder, script);
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (share, vec!["--ffmpeg".into(), text(ffmpeg), "--ffprobe".into(), text(ffprobe)], folder)
}

fn convert(share: &Share, programs: &[String], args: &[&str]) -> Run {
    let mut all: Vec<&str> = programs.iter().map(String::as_str).collect();
    all.extend(args);
    share.convert(&all)
}

fn ended(run: &Run) -> Vec<Value> {
    run.named("job_ended")
}

fn notes(run: &Run) -> String {
    let words: Vec<String> =
        run.named("note").iter().map(|note| note["text"].as_str().unwrap_or_default().to_owned()).collect();
    words.join("\n")
}

/// What `caps --json` says of an encoder's probation.
fn probation(share: &Share, programs: &[String]) -> Value {
    let mut args = vec!["caps".to_owned(), "--json".to_owned()];
    args.extend_from_slice(programs);
    let document: Value = serde_json::from_str(&share.run(&args).expect(0).stdout).unwrap();
    document["probation"].clone()
}

#[test]
fn an_encoder_that_fails_in_mid_job_is_followed_by_software_once_and_rests() {
    let (share, programs, folder) = faked("fail only=h264_nvenc only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    share.add("b.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &["--jobs", "1"]).expect(0);
    assert_eq!(summary(&run)["converted"], 2);
    assert!(notes(&run).contains("h264_nvenc failed"), "never silent: {}", notes(&run));
    let ended = ended(&run);
    assert!(ended.iter().all(|job| job["encoder"] == "libx264"), "{ended:#?}");
    assert!(ended[0]["instead_of"].as_str().is_some_and(|why| why.contains("asked to fail")), "{ended:#?}");
    assert!(
        ended[1]["instead_of"].is_null(),
        "the encoder rests, so the second file goes to software at once"
    );
    let tries = play::calls(&folder)
        .iter()
        .filter(|call| call.contains("h264_nvenc") && call.contains("out.part"))
        .count();
    assert_eq!(tries, 1);
    let kept = probation(&share, &programs);
    assert_eq!((&kept[0]["encoder"], &kept[0]["failures"]), (&"h264_nvenc".into(), &1.into()), "{kept}");
    // The next run on this machine knows it, too.
    share.add("c.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    assert_eq!(self::ended(&run)[0]["encoder"], "libx264");
    // Somebody who put things right says so.
    play::rescript(&folder, "none on=version plays=h264_nvenc");
    let mut args = vec!["caps".to_owned(), "--refresh".to_owned()];
    args.extend_from_slice(&programs);
    share.run(&args).expect(0);
    share.add("d.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    assert_eq!(self::ended(&run)[0]["encoder"], "h264_nvenc", "{}", run.stdout);
    share.assert_no_litter();
}

#[test]
fn all_sessions_in_use_is_a_wait_and_no_failure() {
    let (share, programs, folder) = faked("sessions only=h264_nvenc only=out.part times=1 plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &[]).expect(0);
    let ended = ended(&run);
    assert_eq!(ended[0]["encoder"], "h264_nvenc", "{}", run.stdout);
    assert!(ended[0]["instead_of"].is_null());
    assert!(notes(&run).contains("waiting for one"), "{}", notes(&run));
    assert!(run.named("job_stage").iter().any(|stage| stage["stage"] == "waiting"));
    let tries = play::calls(&folder)
        .iter()
        .filter(|call| call.contains("h264_nvenc") && call.contains("out.part"))
        .count();
    assert_eq!(tries, 2);
}

#[test]
fn a_file_that_fails_in_software_too_is_not_held_against_the_encoder() {
    let (share, programs, folder) = faked("fail only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let before = share.digests();
    let run = convert(&share, &programs, &[]).expect(1);
    assert_eq!(ended(&run)[0]["code"], "encode");
    // Another file of the next run goes to the card as if nothing had been.
    play::rescript(&folder, "none on=version plays=h264_nvenc");
    share.add("b.avi", Clip::Mpeg4Avi);
    assert_eq!(ended(&convert(&share, &programs, &["--include", "b.*"]))[0]["encoder"], "h264_nvenc");
    assert_eq!(share.digests()["a.avi"], before["a.avi"]);
    share.assert_no_litter();
}

#[test]
fn one_kind_of_hardware_and_nothing_else_is_taken_at_its_word() {
    let (share, programs, folder) = faked("fail only=h264_nvenc only=out.part plays=h264_nvenc");
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = convert(&share, &programs, &["--encoder", "nvenc"]).expect(1);
    let ended = ended(&run);
    assert_eq!(ended[0]["code"], "encode");
    assert!(ended[0]["hint"].as_str().unwrap().contains("--encoder auto"), "{ended:#?}");
    // On Windows a decoder is tried on a clip that libx264 makes; that is no job.
    let jobs = |call: &&String| call.contains("out.part");
    assert!(!play::calls(&folder).iter().filter(jobs).any(|call| call.contains("libx264")), "not even tried");
    share.assert_no_litter();
}

#[test]
fn the_plan_by_way_of_a_temporary_folder_says_what_it_carried() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let scratch = share.aside("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let run = share.convert(&["--temp-dir", scratch.to_str().unwrap()]).expect(0);
    let job = &ended(&run)[0];
    let (before, after) = (job["bytes_before"].as_u64().unwrap(), job["bytes_after"].as_u64().unwrap());
    assert_eq!(job["bytes_moved"], before + after, "the source once, the result once: {job}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left there");
    // What was verified lay on the local disk: nothing but the source was read from the share.
    let (share, programs, folder) = faked("none on=version");
    share.add("a.avi", Clip::Mpeg4Avi);
    convert(&share, &programs, &["--temp-dir", scratch.to_str().unwrap()]).expect(0);
    let decodes: Vec<String> =
        play::calls(&folder).into_iter().filter(|call| call.contains("out.part")).collect();
    let root = share.root().to_str().unwrap().to_owned();
    assert!(decodes.iter().any(|call| call.contains("-f null")), "it was decoded: {decodes:#?}");
    assert!(!decodes.iter().any(|call| call.contains(&format!("{root}/.mbx"))), "{decodes:#?}");
}

#[test]
fn a_machine_on_which_everything_fails_withdraws_and_leaves_the_rest_to_others() {
    let (share, programs, folder) = faked("none on=version");
    for name in ["a.avi", "b.avi", "c.avi", "d.avi", "e.avi"] {
        share.add(name, Clip::Mpeg4Avi);
    }
    let before = share.digests();
    convert(&share, &programs, &["--dry-run"]).expect(0);
    // ffmpeg broke since it was tried: every encode fails, the trial's as well.
    play::rescript(&folder, "fail on=encode");
    let run = convert(&share, &programs, &["--jobs", "1"]).expect(5);
    assert_eq!(ended(&run).len(), 3, "{}", run.stdout);
    let why = summary(&run)["withdrawn"].as_str().unwrap().to_owned();
    assert!(why.contains("libx264 no longer works here") && why.contains("asked to fail"), "{why}");
    assert!(run.stderr.is_empty() || !run.stderr.contains("panicked"), "{}", run.stderr);
    assert_eq!(share.digests(), before, "not even a memo");
    share.assert_no_litter();
    let other = share.convert(&[]).expect(0);
    assert_eq!(summary(&other)["converted"], 5, "nobody notices: {}", other.stdout);
}

#[test]
fn three_bad_files_do_not_make_a_sick_machine() {
    let (share, programs, _) = faked("fail only=out.part");
    for name in ["a.avi", "b.avi", "c.avi", "d.avi"] {
        share.add(name, Clip::Mpeg4Avi);
    }
    let run = convert(&share, &programs, &["--jobs", "1"]).expect(1);
    assert_eq!(ended(&run).len(), 4, "the examination found nothing, so it went on: {}", run.stdout);
    assert!(summary(&run)["withdrawn"].is_null());
}

#[test]
fn room_that_is_to_stay_free_stays_free() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = share.convert(&["--min-free", "1000TiB"]).expect(1);
    let job = &ended(&run)[0];
    assert_eq!(job["code"], "space", "{job}");
    assert!(job["words"].as_str().unwrap().contains("to stay free"), "{job}");
    share.assert_no_litter();
}

#[test]
fn outside_its_hours_a_run_waits_and_says_until_when() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    // The tests' machines live in UTC. An hour of the day that is at least one hour away.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = (now / 3600 + 2) % 24;
    let window = format!("{hour:02}:00-{hour:02}:30");
    let mut worker = share.worker(&["--active", &window]);
    let standing = worker.wait_event("standing");
    assert_eq!(standing["standing"], "holding");
    assert!(standing["why"].as_str().unwrap().contains(&format!("{hour:02}:00")), "{standing}");
    worker.wait_for("walked", |event| event["event"] == "walked" && event["files"] == 1);
    if worker.interrupt() {
        let run = worker.end().expect(130);
        assert!(run.named("job_started").is_empty(), "{}", run.stdout);
    }
    share.assert_no_litter();
}

#[test]
fn each_machine_says_on_the_share_what_it_can_what_it_does_and_what_holds_it_up() {
    let share = Share::new();
    share.add("sub/a.avi", Clip::Mpeg4Avi);
    let root = share.root().to_str().unwrap().to_owned();
    let status = || -> Value {
        serde_json::from_str(&share.run(["status", root.as_str(), "--json"]).expect(0).stdout).unwrap()
    };
    assert_eq!(status()["machines"], Value::Array(Vec::new()), "no library yet");
    share.run(["pause", "--why", "film night"]).expect(0);
    let mut worker = share.worker(&[]);
    worker.wait_event("standing");
    let until = std::time::Instant::now() + crate::support::worker::DEADLINE;
    let machine = loop {
        let machine = status()["machines"][0].clone();
        if machine["standing"] == "paused" {
            break machine;
        }
        assert!(std::time::Instant::now() < until, "it never said so: {machine}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert!(machine["why"].as_str().unwrap().contains("film night"), "{machine}");
    let x264 = machine["encoders"].as_array().unwrap().iter().find(|cap| cap["name"] == "libx264").unwrap();
    assert_eq!(x264["verdict"]["verdict"], "works", "what it can do is shared: {machine}");
    assert_eq!(machine["is_dead"], false);
    assert!(status()["paused"].as_str().unwrap().contains("film night"));
    let text = share.run(["status", root.as_str()]).expect(0);
    assert!(text.stdout.contains("paused") && text.stdout.contains("libx264"), "{}", text.stdout);
    // One that was killed is said to be dead, and the next takes its notice down.
    worker.kill();
    let until = std::time::Instant::now() + crate::support::worker::DEADLINE;
    while status()["machines"][0]["is_dead"] != true {
        assert!(std::time::Instant::now() < until, "{}", status());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    share.run(["resume"]).expect(0);
    share.convert(&[]).expect(0);
    assert_eq!(status()["machines"], Value::Array(Vec::new()));
    assert_eq!(std::fs::read_dir(share.path(".mediabox/machines")).unwrap().count(), 0);
    share.assert_no_litter();
}

#[test]
fn an_ffmpeg_that_hung_once_is_started_once_more() {
    let (share, programs, folder) = faked("hang only=out.part times=1");
    share.add("a.avi", Clip::Mpeg4Avi);
    // Under wine ffmpeg takes seconds to begin where the machine does other things besides.
    let stall = if cfg!(windows) { "20s" } else { "2s" };
    let run = convert(&share, &programs, &["--stall", stall]).expect(0);
    assert_eq!(summary(&run)["converted"], 1, "{}", run.stdout);
    assert!(notes(&run).contains("made no progress") && notes(&run).contains("once more"), "{}", notes(&run));
    let encodes = play::calls(&folder).iter().filter(|call| call.contains("-f mp4")).count();
    assert_eq!(encodes, 2);
    share.assert_no_litter();
}

/// A stand-in for a media server's session list, after the makers' own descriptions of it.
mod stand_in {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    pub struct Server {
        pub address: String,
        /// The answer from now on.
        pub sessions: Arc<Mutex<String>>,
        /// What was asked, headers included.
        pub asked: Arc<Mutex<Vec<String>>>,
    }

    pub fn start(sessions: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: format!("http://{}", listener.local_addr().unwrap()),
            sessions: Arc::new(Mutex::new(sessions.to_owned())),
            asked: Arc::default(),
        };
        let (sessions, asked) = (Arc::clone(&server.sessions), Arc::clone(&server.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                asked.lock().unwrap().push(head.join("\n").to_lowercase());
                let body = sessions.lock().unwrap().clone();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        server
    }
}

#[test]
fn nothing_runs_while_a_media_server_plays() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let plex = stand_in::start(r#"{"MediaContainer":{"size":0}}"#);
    let jellyfin = stand_in::start(
        r#"[{"NowPlayingItem":{"Name":"x"},"PlayState":{"IsPaused":false},"TranscodingInfo":{"IsVideoDirect":false}}]"#,
    );
    let mut worker = share.worker(&[
        "--media-servers",
        &format!("plex {} abc", plex.address),
        "--media-servers",
        &format!("jellyfin {}/ def", jellyfin.address),
    ]);
    let standing = worker.wait_event("standing");
    assert_eq!(standing["standing"], "paused");
    assert!(standing["why"].as_str().unwrap().contains("plays one stream, transcoding 1"), "{standing}");
    *jellyfin.sessions.lock().unwrap() = "[]".into();
    worker.wait_for("work", |event| event["event"] == "standing" && event["standing"] == "working");
    let run = worker.end().expect(0);
    assert_eq!(summary(&run)["converted"], 1);
    assert!(plex.asked.lock().unwrap()[0].contains("get /status/sessions"), "{:?}", plex.asked);
    assert!(plex.asked.lock().unwrap()[0].contains("x-plex-token: abc"), "{:?}", plex.asked);
    assert!(jellyfin.asked.lock().unwrap()[0].contains("get /sessions"), "{:?}", jellyfin.asked);
    assert!(!run.stdout.contains("def") || !run.stderr.contains(" def"), "the key is nobody's business");
}

#[test]
fn a_media_server_that_is_gone_holds_nobody_up() {
    let share = Share::new();
    share.add("a.avi", Clip::Mpeg4Avi);
    let run = share.convert(&["--media-servers", "emby http://127.0.0.1:9 key"]).expect(0);
    assert_eq!(summary(&run)["converted"], 1);
    assert!(notes(&run).contains("does not tell what it plays"), "{}", notes(&run));
}

#[cfg(target_os = "linux")]
mod linux;
