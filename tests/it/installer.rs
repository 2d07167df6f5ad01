//! `installers/linux/install.sh`, with a `cargo` that hands out the program built for these tests.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::share::digests;
use crate::support::{Clip, Run, Share, Worker, clips};

struct Machine {
    share: Share,
    bin: PathBuf,
}

impl Machine {
    /// A home without anything, and in PATH, before the machine's own programs, a `cargo` that builds at once.
    fn new() -> Machine {
        let share = Share::new();
        let bin = share.aside("bin");
        fs::create_dir_all(&bin).unwrap();
        let machine = Machine { share, bin };
        machine.program(
            "cargo",
            &format!(
                "case $1 in --version) echo 'cargo 1.95.0 (fake)' ;; \
                 build) mkdir -p \"$CARGO_TARGET_DIR/release\" && cp '{}' \"$CARGO_TARGET_DIR/release/\" ;; esac",
                env!("CARGO_BIN_EXE_media-converter")
            ),
        );
        machine
    }

    fn program(&self, name: &str, script: &str) {
        let file = self.bin.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Only what every system has, for a PATH that is nothing but `bin`.
    fn be_bare(&self) {
        for tool in COMMON {
            std::os::unix::fs::symlink(tool_of_the_machine(tool), self.bin.join(tool)).unwrap();
        }
    }

    /// The same as BusyBox has it, which is all that Alpine has: its shell and its tools. False: it is not here.
    fn be_alpine(&self) -> bool {
        let Some(busybox) = find_tool("busybox") else { return false };
        for tool in COMMON {
            std::os::unix::fs::symlink(&busybox, self.bin.join(tool)).unwrap();
        }
        true
    }

    fn prefix(&self) -> PathBuf {
        self.share.aside("prefix")
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let command = self.share.command::<&str>([]);
        command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect()
    }

    fn install(&self, args: &[&str], path: &str) -> Run {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("installers/linux/install.sh");
        let environment = self.environment();
        // The first in that PATH, as `#!/bin/sh` is the system's.
        let mut command = Command::new(
            std::env::split_paths(path).map(|folder| folder.join("sh")).find(|sh| sh.exists()).unwrap(),
        );
        command.arg(script).arg("--prefix").arg(self.prefix()).args(args).env_clear().envs(environment);
        command.env("PATH", path).env("CARGO_TARGET_DIR", self.share.aside("target"));
        command.stdin(std::process::Stdio::null()).current_dir(self.share.aside(""));
        Worker::start(command).end()
    }

    fn usual_path(&self) -> String {
        format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap())
    }
}

/// What the installer needs besides what it installs.
const COMMON: [&str; 16] = [
    "awk", "cat", "chmod", "cmp", "cp", "dirname", "grep", "head", "ln", "mkdir", "mktemp", "mv", "rm",
    "sed", "sh", "sort",
];

fn find_tool(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn tool_of_the_machine(name: &str) -> PathBuf {
    find_tool(name).unwrap_or_else(|| panic!("{name} is a common tool"))
}

#[test]
fn installing_twice_changes_nothing_and_uninstalling_leaves_nothing() {
    let machine = Machine::new();
    machine.install(&[], &machine.usual_path()).expect(0);
    let installed = digests(&machine.prefix());
    let names: Vec<&str> = installed.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bin/media-converter",
            "share/bash-completion/completions/media-converter",
            "share/fish/vendor_completions.d/media-converter.fish",
            "share/media-converter/installed-files",
            "share/zsh/site-functions/_media-converter",
        ]
    );
    let bash = fs::read_to_string(machine.prefix().join(names[1])).unwrap();
    assert!(bash.contains("complete"), "completions for bash: {bash:.200}");

    let again = machine.install(&[], &machine.usual_path()).expect(0);
    assert!(again.stdout.contains("everything is installed already"), "{}", again.stdout);
    assert_eq!(digests(&machine.prefix()), installed);

    // Not even a folder that was made; one that somebody else puts something into stays.
    fs::write(machine.prefix().join("bin/other"), "somebody's").unwrap();
    machine.install(&["--uninstall"], &machine.usual_path()).expect(0);
    assert_eq!(digests(&machine.prefix()).keys().collect::<Vec<_>>(), ["bin/other"]);
    assert_eq!(fs::read_dir(machine.prefix()).unwrap().count(), 1, "bin, and no share");
    fs::remove_dir_all(machine.prefix()).unwrap();
    let nothing = machine.install(&["--uninstall"], &machine.usual_path()).expect(1);
    assert!(nothing.stderr.contains("nothing is installed"), "{}", nothing.stderr);
}

#[test]
fn what_starts_the_program_goes_with_it() {
    if cfg!(target_os = "macos") || Path::new("/run/systemd/system").exists() {
        println!("SKIPPED: this machine has a manager of its own that would make a real schedule");
        return;
    }
    let machine = Machine::new();
    machine.install(&[], &machine.usual_path()).expect(0);
    let table = machine.share.aside("table");
    machine.program(
        "crontab",
        &format!("if [ \"$1\" = -l ]; then exec cat '{0}'; fi\nexec cp \"$1\" '{0}'", table.display()),
    );
    let line = |program: &Path| {
        format!("0 * * * * {} --dir /srv --quiet # media-converter schedule\n", program.display())
    };
    // Another installation's line is not ours.
    let other = line(Path::new("/opt/media-converter"));
    fs::write(&table, &other).unwrap();
    machine.install(&["--uninstall"], &machine.usual_path()).expect(0);
    assert_eq!(fs::read_to_string(&table).unwrap(), other);

    // With a blank in its path, the program's own `schedule install` quotes it.
    for prefix in [machine.prefix(), machine.share.aside("my programs")] {
        let to = ["--prefix", prefix.to_str().unwrap()];
        machine.install(&to, &machine.usual_path()).expect(0);
        fs::write(&table, "0 5 * * 1 backup\n").unwrap();
        let installed = Command::new(prefix.join("bin/media-converter"))
            .args(["schedule", "install", "--every", "1h", "--dir", "/srv"])
            .env_clear()
            .envs(machine.environment())
            .env("PATH", machine.usual_path())
            .status();
        assert!(installed.unwrap().success());
        assert_eq!(fs::read_to_string(&table).unwrap().lines().count(), 2);
        machine.install(&[&to[..], &["--uninstall"]].concat(), &machine.usual_path()).expect(0);
        assert_eq!(fs::read_to_string(&table).unwrap(), "0 5 * * 1 backup\n", "{}", prefix.display());
    }
}

#[test]
fn the_demo_ends_with_a_converted_library_and_an_untouched_broken_file() {
    let machine = Machine::new();
    let demo = machine.share.aside("a demo");
    let args = ["--demo", "--demo-dir", demo.to_str().unwrap()];
    let run = machine.install(&args, &machine.usual_path()).expect(0);
    let (_, after) = run.stdout.split_once("== After").expect("the library is shown after the run");
    for (codecs, name) in [
        ("h264 aac mov_text", "Movies/Testbild (2024).mp4"),
        ("h264 aac", "Series/Größe & Maß – Folge 1.mp4"),
        ("mp3", "Music/01 Kammerton.mp3"),
    ] {
        assert_eq!(clips::codecs(&demo.join(name)), codecs, "{name}");
        assert!(after.contains(name), "{after}");
    }
    assert!(demo.join("Broken/interrupted copy.mkv").is_file());
    // A demo may be repeated, but never on a folder that is something else.
    machine.install(&args, &machine.usual_path()).expect(0);
    machine.share.add("film.mkv", Clip::RemuxMkv);
    let library = machine.share.root().to_str().unwrap();
    let refused = machine.install(&["--demo", "--demo-dir", library], &machine.usual_path()).expect(1);
    assert!(refused.stderr.contains("not an earlier demo"), "{}", refused.stderr);
    assert_eq!(machine.share.names(), ["film.mkv"]);
}

#[test]
fn without_root_and_terminal_it_says_what_root_has_to_run() {
    let machine = Machine::new();
    // No ffmpeg, no sudo, and an ordinary user.
    machine.be_bare();
    machine.program("id", "echo 1000");
    machine.program("apt-get", "exit 0");
    let run = machine.install(&[], machine.bin.to_str().unwrap()).expect(1);
    let told = "root is needed to install ffmpeg";
    assert!(run.stderr.contains(told) && run.stderr.contains("apt-get install"), "{}", run.stderr);
    assert!(digests(&machine.prefix()).is_empty());
}

#[test]
fn a_cargo_that_is_merely_not_in_path_is_used_and_rustup_left_alone() {
    let machine = Machine::new();
    let path = machine.usual_path();
    // The machine's own cargo is old; the new one lies where rustup puts it, and a rustup that would be missed if called.
    let home = machine.share.command::<&str>([]).get_envs().find_map(|(name, value)| {
        (name == "HOME").then(|| PathBuf::from(value.expect("tests have a home of their own")))
    });
    let beside = home.expect("tests have a home of their own").join(".cargo/bin");
    fs::create_dir_all(&beside).unwrap();
    fs::rename(machine.bin.join("cargo"), beside.join("cargo")).unwrap();
    machine.program("cargo", "echo 'cargo 1.63.0 (fake)'");
    let called = machine.share.aside("rustup-was-called");
    machine.program("rustup", &format!("echo \"$*\" >>'{}'", called.display()));
    machine.install(&[], &path).expect(0);
    assert!(machine.prefix().join("bin/media-converter").is_file());
    assert!(!called.exists(), "{:?}", fs::read_to_string(&called));

    // Without a new one there, a newer toolchain that rustup has is taken before one is installed.
    let newer = fs::read_to_string(beside.join("cargo")).unwrap();
    fs::remove_file(beside.join("cargo")).unwrap();
    let body = newer.trim_start_matches("#!/bin/sh\n");
    machine.program(
        "cargo",
        &format!("[ \"$RUSTUP_TOOLCHAIN\" = newer ] || {{ echo 'cargo 1.63.0 (fake)'; exit; }}\n{body}"),
    );
    machine.program(
        "rustup",
        &format!(
            "echo \"$*\" >>'{}'\ncase $1 in toolchain) [ $2 = list ] && printf 'older (default)\\nnewer\\n' ;; \
             run) echo cargo $([ $2 = newer ] && echo 1.95.0 || echo 1.63.0) ;; esac",
            called.display()
        ),
    );
    machine.install(&[], &path).expect(0);
    let calls = fs::read_to_string(&called).unwrap();
    assert!(calls.contains("run newer cargo --version") && !calls.contains("install"), "{calls}");
}

/// Fedora, Arch, Alpine and openSUSE, as far as their package managers tell them apart.
#[test]
fn each_distributions_manager_is_asked_for_ffmpeg_and_a_compiler_in_its_own_words() {
    let expected = [
        (
            "dnf",
            vec![
                "install -y -q https://mirrors.rpmfusion.org/free/fedora/rpmfusion-free-release-43.noarch.rpm",
                "install -y -q --allowerasing ffmpeg",
                "install -y -q gcc",
            ],
        ),
        (
            "pacman",
            // Its lists are old at first, and a partial upgrade breaks Arch.
            vec![
                "-S --needed --noconfirm ffmpeg",
                "-Syu --needed --noconfirm ffmpeg",
                "-S --needed --noconfirm gcc",
            ],
        ),
        ("apk", vec!["add ffmpeg", "add build-base"]),
        ("zypper", vec!["--non-interactive install ffmpeg", "--non-interactive install gcc"]),
    ];
    for (manager, words) in expected {
        let machine = Machine::new();
        if manager != "apk" || !machine.be_alpine() {
            machine.be_bare();
        }
        machine.program("id", "echo 0");
        machine.program("rpm", "case $1 in -E) echo 43 ;; *) exit 1 ;; esac");
        let called = machine.share.aside("called");
        let [ffmpeg, ffprobe] = ["ffmpeg", "ffprobe"].map(tool_of_the_machine);
        machine.program(
            manager,
            &format!(
                "echo \"$*\" >>'{called}'\ncase $* in\n'-S --needed --noconfirm ffmpeg') exit 1 ;;\n\
                 *rpmfusion*) ;;\n*ffmpeg) ln -s '{ffmpeg}' '{ffprobe}' '{bin}/' ;;\n\
                 *) ln -s /bin/true '{bin}/cc' ;;\nesac",
                called = called.display(),
                ffmpeg = ffmpeg.display(),
                ffprobe = ffprobe.display(),
                bin = machine.bin.display(),
            ),
        );
        machine.install(&[], machine.bin.to_str().unwrap()).expect(0);
        assert_eq!(fs::read_to_string(&called).unwrap().lines().collect::<Vec<_>>(), words, "{manager}");
        assert!(machine.prefix().join("bin/media-converter").is_file(), "{manager}");
    }
}

/// A desktop of Fedora has an ffmpeg, but not one that encodes H.264; RPM Fusion's cannot be installed beside it.
#[test]
fn fedoras_own_ffmpeg_makes_way_for_one_that_encodes_h264() {
    let machine = Machine::new();
    machine.be_bare();
    machine.program("id", "echo 0");
    machine.program("rpm", "case $1 in -E) echo 43 ;; -q) [ $2 = ffmpeg-free ] ;; esac");
    machine.program("ffmpeg", "echo 'ffmpeg version 7.1.2 Copyright'; echo ' V....D h264_vaapi'");
    machine.program("ffprobe", "exit 0");
    machine.program("cc", "exit 0");
    let called = machine.share.aside("called");
    machine.program(
        "dnf",
        &format!(
            "echo \"$*\" >>'{}'\ncase $* in *' ffmpeg') ln -sf '{}' '{}/ffmpeg' ;; esac",
            called.display(),
            tool_of_the_machine("ffmpeg").display(),
            machine.bin.display()
        ),
    );
    let run = machine.install(&[], machine.bin.to_str().unwrap()).expect(0);
    let calls = fs::read_to_string(&called).unwrap();
    assert!(calls.ends_with("install -y -q --allowerasing ffmpeg\n"), "{calls}");
    assert!(!run.stdout.contains("WARNING"), "{}", run.stdout);

    // Now that it is there, nothing is installed again.
    machine.install(&[], machine.bin.to_str().unwrap()).expect(0);
    assert_eq!(fs::read_to_string(&called).unwrap(), calls);
}

#[test]
fn an_ordinary_user_of_alpine_has_doas_and_is_told_where_ffmpeg_lies() {
    let machine = Machine::new();
    // Not BusyBox' tools: its shell takes its own `id` before any other.
    machine.be_bare();
    machine.program("id", "echo 1000");
    machine.program("doas", "[ \"$1\" = -n ] || exit 1; shift; \"$@\"");
    machine.program("apk", "echo 'ERROR: unable to select packages: ffmpeg (no such package)' >&2; exit 1");
    let run = machine.install(&[], machine.bin.to_str().unwrap()).expect(1);
    assert!(run.stdout.contains("doas apk add ffmpeg"), "{}", run.stdout);
    assert!(
        run.stdout.contains("community") && run.stderr.contains("could not be installed"),
        "{}",
        run.stderr
    );
}

/// macOS' script, as far as a shell goes: all else is `setup`, which has tests of its own.
#[test]
fn the_script_for_macos_hands_everything_to_setup() {
    let machine = Machine::new();
    let archive = machine.share.aside("archive");
    let home = machine.share.aside("mac");
    let installed = home.join(".local/bin/media-converter");
    fs::create_dir_all(&archive).unwrap();
    fs::create_dir_all(installed.parent().unwrap()).unwrap();
    let script = archive.join("install-media-converter.sh");
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("installers/macos/install-media-converter.sh"),
        &script,
    )
    .unwrap();
    let called = machine.share.aside("called");
    let program = |file: &Path| {
        fs::write(file, format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\nexit 7\n", called.display())).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    machine.program("xattr", &format!("echo \"xattr $*\" >>'{}'; exit 1", called.display()));
    let run = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.arg(&script).args(args).env("HOME", &home).env("PATH", machine.usual_path());
        command.stdin(std::process::Stdio::null());
        let run = Worker::start(command).end();
        let words = fs::read_to_string(&called).unwrap_or_default();
        let _ = fs::remove_file(&called);
        (run, words.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let (nowhere, words) = run(&[]);
    assert!(nowhere.expect(4).stderr.contains("unpack the whole release archive") && words.is_empty());

    // What a browser fetched is let through; the program's own ending is the script's.
    let beside = archive.join("media-converter");
    program(&beside);
    let (ended, words) = run(&["--demo", "a folder"]);
    ended.expect(7);
    let beside = beside.display();
    assert_eq!(
        words,
        [
            format!("xattr -d com.apple.quarantine {beside}"),
            format!("{beside} setup --install --demo a folder")
        ]
    );
    let (_, words) = run(&["--uninstall"]);
    assert_eq!(words.last().unwrap(), &format!("{beside} setup --uninstall"));

    // The archive may be gone by then.
    fs::remove_file(archive.join("media-converter")).unwrap();
    program(&installed);
    let (_, words) = run(&["--uninstall"]);
    assert_eq!(words.last().unwrap(), &format!("{} setup --uninstall", installed.display()));
}
