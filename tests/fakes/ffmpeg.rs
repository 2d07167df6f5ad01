//! A program that plays ffmpeg and ffprobe: it hands every call to the real one, except where its script says what goes wrong.
//!
//! It plays ffprobe where its own name begins with `ffprobe`, else ffmpeg. The script is `$FAKE_FFMPEG`, else the file `fake.txt` beside
//! the program: words, separated by white space, of which the first is the fault and the others say when it strikes:
//!
//! | word | strikes |
//! | --- | --- |
//! | `on=encode` | calls that write a file (the default for most faults) |
//! | `on=decode` | calls that decode to nowhere |
//! | `on=version` | `-version` |
//! | `on=probe` | ffprobe's calls, `-version` excepted |
//! | `on=all` | every call |
//! | `only=TEXT` | only calls that have TEXT in one of their arguments; given twice, both must be there |
//! | `plays=NAME` | (no condition:) the hardware encoder NAME is listed and, where no fault strikes, played in software |
//! | `accel=HOW` | (no condition:) calls with `-hwaccel`: `fast` and `slow` do it in software, the other or this one held up; `wrong` shows a negative; `software` leaves the frames in memory; `none`: there is no device |
//! | `times=N` | only the first N calls that would be struck (counted in `fake.count` beside the program) |
//!
//! | fault | what happens |
//! | --- | --- |
//! | `none` | nothing: the real program runs |
//! | `hang` | one block of progress, half a line of output, then nothing for ever, using no CPU |
//! | `spin` | one block of progress, then a busy loop for ever |
//! | `crash` | one block of progress, then an abort |
//! | `fail` | an error line and exit code 1 |
//! | `sessions` | NVENC's words for "all sessions are in use", and exit code 1 |
//! | `exit0-empty` | an empty output file, exit code 0 |
//! | `exit0-none` | no output file, exit code 0 |
//! | `cut-output` | the real output, cut in the middle; exit code 0 |
//! | `garbage-output` | noise in the place of the output; exit code 0 |
//! | `green` | every picture is one green; else the real output |
//! | `wrong-frames` | only every third picture |
//! | `wrong-size` | half the width |
//! | `drop-audio` | the real output without its sound |
//! | `drop-frames` | every tenth picture is missing, the others keep their times |
//! | `swap-colours` | blue is red and red is blue |
//! | `short-audio` | the sound ends in the middle |
//! | `late-audio` | the sound comes 0.3 s late |
//! | `mono` | one channel |
//! | `lost-cue` | a subtitle is missing |
//! | `no-language`, `no-chapters`, `no-captions` | the real output without them |
//! | `moved-default`, `moved-forced` | the first sound is the default one; the first subtitle is forced |
//! | `out-of-order` | every third frame is shown after the next one |
//! | `wrong-tags` | the video's primaries say BT.2020 |
//! | `noise-inside` | 4 kB of noise in the middle of the output |
//! | `slow=X` | the real program, its input read at X times real time |
//! | `disk-full-message` | half of the output, the line of a full disk, and exit code 0, as ffmpeg 5.1 does |
//! | `stderr-flood` | 100,000 lines of stderr, then the real program |
//! | `no-encoders` | `-encoders` lists nothing |
//! | `lists-everything` | `-encoders` adds every hardware encoder to the real list, and each fails in a way of its own: see `ordeals.rs` |
//!
//! `$FAKE_FFMPEG_LOG`, else the file `fake.log` beside the program where it exists, gets a line per call. The real programs are those in
//! `$FAKE_REAL` (a folder), else the first in PATH that are not in the fake's own folder.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, for tests only"
)]

mod ordeals;
mod spoil;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use ordeals::ORDEALS;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let player = Player::new(args);
    player.log();
    player.play()
}

struct Player {
    args: Vec<String>,
    probe: bool,
    folder: PathBuf,
    script: Vec<String>,
}

impl Player {
    fn new(args: Vec<String>) -> Self {
        let own = std::env::current_exe().expect("the fake has a path");
        let name = std::env::args_os().next().map_or_else(|| own.clone(), PathBuf::from);
        let stem = name.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = own.parent().expect("the fake lies in a folder").to_path_buf();
        let script = std::env::var("FAKE_FFMPEG")
            .or_else(|_| fs::read_to_string(folder.join("fake.txt")))
            .unwrap_or_default();
        let script = script.split_whitespace().map(str::to_owned).collect();
        Self { args, probe: stem.starts_with("ffprobe"), folder, script }
    }

    fn log(&self) {
        let file = std::env::var_os("FAKE_FFMPEG_LOG").map(PathBuf::from).or_else(|| {
            let beside = self.folder.join("fake.log");
            beside.exists().then_some(beside)
        });
        let Some(file) = file else { return };
        let line = format!("{} {}\n", if self.probe { "ffprobe" } else { "ffmpeg" }, self.args.join(" "));
        let opened = fs::OpenOptions::new().create(true).append(true).open(file);
        let _ = opened.and_then(|mut log| log.write_all(line.as_bytes()));
    }

    fn play(&self) -> ExitCode {
        let fault = self.script.first().map_or("none", String::as_str);
        if self.has("-encoders")
            && (matches!(fault, "no-encoders" | "lists-everything") || self.word("plays").is_some())
        {
            return self.list(fault);
        }
        if fault == "lists-everything" {
            let ordeal = ORDEALS.iter().find(|(name, ..)| self.has(name));
            return match ordeal {
                Some((name, fault, line)) => self.suffer(fault, line, Some(name)),
                None => self.real(&self.args),
            };
        }
        if self.is_struck() {
            return self.suffer(fault, "", None);
        }
        if let Some(how) = self.word("accel") {
            return self.accelerated(how);
        }
        match self.word("plays") {
            Some(encoder) if self.has(encoder) => self.real(&self.in_software(encoder)),
            _ => self.real(&self.args),
        }
    }

    /// A card that decodes, as well as it does.
    fn accelerated(&self, how: &str) -> ExitCode {
        let asks = self.has("-hwaccel");
        let chain = self.args.iter().any(|arg| arg.ends_with("long.mkv"))
            && self.args.iter().any(|arg| arg.ends_with("chain.mkv"));
        if chain && asks == (how == "slow") {
            sleep(Duration::from_secs(3));
        }
        if !asks {
            return self.real(&self.args);
        }
        if how == "none" {
            eprintln!("[AVHWDeviceContext @ 0x55d0] Cannot load libcuda.so.1");
            eprintln!("Device creation failed: -1.");
            return ExitCode::FAILURE;
        }
        if how == "software" {
            eprintln!("[hwdownload @ 0x55d0] The input must have a hardware frame reference: hwdownload");
            return ExitCode::FAILURE;
        }
        let mut args = Vec::new();
        let mut words = self.args.iter();
        while let Some(word) = words.next() {
            if word.starts_with("-hwaccel") {
                words.next();
            } else {
                let download = if how == "wrong" { "negate," } else { "" };
                args.push(word.replace("hwdownload,format=nv12,", download));
            }
        }
        self.real(&args)
    }

    /// The same call with a software encoder in the place of the played one, and without the options that only that one knows.
    fn in_software(&self, encoder: &str) -> Vec<String> {
        let (software, preset) = software(encoder);
        let mut args = Vec::new();
        let mut words = self.args.iter();
        while let Some(word) = words.next() {
            let (option, place) = word.split_once(':').unwrap_or((word, ""));
            match option {
                "-rc" | "-cq" | "-gpu" | "-preset" => drop(words.next()),
                "-b" if place == "v" => drop(words.next()),
                _ if word == encoder => {
                    args.extend(
                        [
                            software,
                            &format!("-preset:{}", if place.is_empty() { "v" } else { place }),
                            preset,
                        ]
                        .map(str::to_owned),
                    );
                }
                _ => args.push(word.clone()),
            }
        }
        args
    }

    fn has(&self, word: &str) -> bool {
        self.args.iter().any(|a| a == word)
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.script.iter().skip(1).find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    }

    /// The last file that it writes, which outputs to nowhere may follow.
    fn written(&self) -> Option<&str> {
        let pairs = self.args.windows(2).filter(|w| !["-i", "-attach"].contains(&w[0].as_str()));
        pairs.rev().find_map(|w| w[1].strip_prefix("file:"))
    }

    /// Writes to nowhere, or to its own output.
    fn decodes(&self) -> bool {
        self.written().is_none()
            && self.args.last().is_some_and(|a| a == "-" || a == "pipe:1" || a == "/dev/null" || a == "NUL")
            || self.written().is_none() && self.args.windows(2).any(|w| w[0] == "-f" && w[1] == "null")
    }

    fn is_struck(&self) -> bool {
        let call = match () {
            () if self.has("-version") => "version",
            () if self.probe => "probe",
            () if self.has("-encoders") || self.has("-filters") || self.args.is_empty() => "list",
            () if self.decodes() => "decode",
            () => "encode",
        };
        let on = self.word("on").unwrap_or("encode");
        let struck = (on == "all" || on == call)
            && self
                .script
                .iter()
                .filter_map(|word| word.strip_prefix("only="))
                .all(|text| self.args.iter().any(|a| a.contains(text)));
        let Some(times) = self.word("times").filter(|_| struck) else { return struck };
        let count = self.folder.join("fake.count");
        let so_far: u32 = fs::read_to_string(&count).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        let _ = fs::write(&count, (so_far + 1).to_string());
        so_far < times.parse().expect("times= wants a number")
    }

    fn suffer(&self, fault: &str, line: &str, encoder: Option<&str>) -> ExitCode {
        let output =
            PathBuf::from(self.written().or(self.args.last().map(String::as_str)).unwrap_or_default());
        match fault {
            "none" => return self.real(&self.args),
            "hang" => {
                self.begin();
                loop {
                    sleep(Duration::from_secs(3600));
                }
            }
            "spin" => {
                self.begin();
                loop {
                    std::hint::spin_loop();
                }
            }
            "crash" => {
                self.begin();
                std::process::abort();
            }
            "fail" => {
                eprintln!(
                    "{}",
                    if line.is_empty() {
                        "[fake @ 0x1] Error while opening encoder: asked to fail"
                    } else {
                        line
                    }
                );
                eprintln!("Conversion failed!");
                return ExitCode::FAILURE;
            }
            "sessions" => {
                eprintln!(
                    "[h264_nvenc @ 0x55d0] OpenEncodeSessionEx failed: out of memory (10): (no details)"
                );
                eprintln!("Error while opening encoder for output stream #0:0 - maybe incorrect parameters");
                return ExitCode::FAILURE;
            }
            "exit0-none" => {}
            "exit0-empty" => write(&output, b""),
            "garbage-output" => write(&output, &noise(20_000)),
            "stderr-flood" => {
                let mut text = String::new();
                for n in 0..100_000 {
                    let _ = writeln!(text, "[h264 @ 0x55d0] line {n} of very many");
                }
                eprint!("{text}");
                return self.real(&self.args);
            }
            slow if slow.starts_with("slow=") => {
                let mut args = self.args.clone();
                let at = args.iter().position(|a| a == "-i").expect("a call with an input");
                args.splice(at..at, ["-readrate".to_owned(), slow["slow=".len()..].to_owned()]);
                return self.real(&args);
            }
            fault => {
                let code = match encoder {
                    Some(encoder) => self.pretend(encoder),
                    None => self.run(&self.args),
                };
                if code != 0 {
                    return ExitCode::from(code);
                }
                self.spoil(fault, &output, encoder);
            }
        }
        println!("progress=end");
        ExitCode::SUCCESS
    }

    /// What a run prints first.
    fn begin(&self) {
        if self.has("-progress") {
            println!("frame=1\nfps=0.00\ntotal_size=48\nout_time_us=40000\nspeed=N/A\nprogress=continue");
            print!("frame=");
            let _ = std::io::stdout().flush();
        }
    }

    /// Does a hardware encoder's work in software, so that there is something to spoil.
    fn pretend(&self, encoder: &str) -> u8 {
        let (software, preset) = software(encoder);
        let after =
            |option: &str| self.args.iter().position(|a| a == option).and_then(|at| self.args.get(at + 1));
        let input = after("-i").expect("a trial has an input");
        let muxer = self.args.iter().rposition(|a| a == "-f").and_then(|at| self.args.get(at + 1));
        let muxer = muxer.expect("a trial names its muxer");
        let output = self.args.last().expect("a trial has an output");
        let line = format!(
            "-v error -nostdin -y -f lavfi -i {input} -c:v {software} -preset {preset} -pix_fmt yuv420p -f {muxer}"
        );
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        words.push(output.clone());
        self.quietly(Command::new(real("ffmpeg", &self.folder)).args(words))
    }

    /// Runs a command of the fake's own and shows life meanwhile: whoever watches the fake sees neither its progress nor its CPU time.
    fn quietly(&self, command: &mut Command) -> u8 {
        let mut child = command.spawn().expect("the real program runs");
        for n in 1.. {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                return status.code().map_or(u8::MAX, |code| code as u8);
            }
            if self.has("-progress") && n % 10 == 0 {
                println!("total_size={n}\nprogress=continue");
            }
            sleep(Duration::from_millis(20));
        }
        unreachable!("it waits for ever")
    }

    fn list(&self, fault: &str) -> ExitCode {
        if fault == "no-encoders" {
            println!("Encoders:\n V..... = Video\n ------");
            return ExitCode::SUCCESS;
        }
        let real = Command::new(real("ffmpeg", &self.folder))
            .args(&self.args)
            .output()
            .expect("the real ffmpeg runs");
        let text = String::from_utf8_lossy(&real.stdout);
        print!("{text}");
        let played = self.word("plays");
        for (name, ..) in ORDEALS {
            if (fault == "lists-everything" || played == Some(name)) && !text.contains(&format!(" {name} ")) {
                println!(" V....D {name:<20} an encoder that is only listed (codec x)");
            }
        }
        ExitCode::SUCCESS
    }

    fn real(&self, args: &[String]) -> ExitCode {
        ExitCode::from(self.run(args))
    }

    fn run(&self, args: &[String]) -> u8 {
        let program = real(if self.probe { "ffprobe" } else { "ffmpeg" }, &self.folder);
        let status = Command::new(&program).args(args).status();
        status.expect("the real program runs").code().map_or(u8::MAX, |code| code as u8)
    }
}

/// The encoder that makes in software what this one would make, and a quick preset of it.
fn software(encoder: &str) -> (&'static str, &'static str) {
    match encoder.split('_').next() {
        Some("hevc") => ("libx265", "ultrafast"),
        Some("av1") => ("libsvtav1", "9"),
        _ => ("libx264", "ultrafast"),
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the output can be written");
}

/// The same noise every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The real program of this name.
fn real(name: &str, own: &Path) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let folders: Vec<PathBuf> = match std::env::var_os("FAKE_REAL") {
        Some(folder) => vec![folder.into()],
        None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect(),
    };
    let same =
        |folder: &Path| fs::canonicalize(folder).is_ok_and(|f| fs::canonicalize(own).is_ok_and(|o| f == o));
    folders
        .iter()
        .filter(|folder| !same(folder))
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no real {name} in PATH"))
}
