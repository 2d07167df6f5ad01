//! `setup` and `schedule` where other programs of the system have to be spoken to: stand-ins in PATH write down what they hear.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::Share;

/// A folder that is all of PATH.
fn bare(share: &mut Share) -> PathBuf {
    let bin = share.aside("bin");
    fs::create_dir_all(&bin).unwrap();
    share.set("PATH", &bin);
    bin
}

fn stand_in(bin: &Path, name: &str, script: &str) {
    let file = bin.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Where this program would find an ffmpeg without PATH; says so.
fn ffmpeg_is_everywhere() -> bool {
    let there =
        ["/usr/local/bin/ffmpeg", "/opt/homebrew/bin/ffmpeg"].iter().any(|path| Path::new(path).exists());
    if there {
        println!("SKIPPED: an ffmpeg outside of PATH is found here");
    }
    there
}

#[test]
fn each_package_manager_is_asked_in_its_own_words() {
    if ffmpeg_is_everywhere() {
        return;
    }
    for (manager, words) in [
        ("apt-get", "apt-get install -y --no-install-recommends ffmpeg"),
        ("dnf", "dnf install -y --allowerasing ffmpeg"),
        ("pacman", "pacman -S --noconfirm --needed ffmpeg"),
        ("apk", "apk add ffmpeg"),
        ("zypper", "zypper --non-interactive install ffmpeg"),
        ("brew", "brew install ffmpeg"),
        ("winget", "winget install --id Gyan.FFmpeg --exact"),
        ("choco", "choco install ffmpeg -y"),
    ] {
        let mut share = Share::new();
        let bin = bare(&mut share);
        stand_in(&bin, manager, "echo it was called >&2; exit 1");
        let run = share.run(["setup", "--dry-run", "--json"]).expect(0);
        assert!(run.stdout.contains(words), "{manager}: {}", run.stdout);
        assert!(!run.stderr.contains("it was called"), "{manager}: {}", run.stderr);
    }
}

#[test]
fn what_a_package_manager_installs_is_used_and_what_it_cannot_is_said_in_its_words() {
    if ffmpeg_is_everywhere() {
        return;
    }
    let path = std::env::var_os("PATH").unwrap();
    let mut share = Share::new();
    let bin = bare(&mut share);
    // winget needs no administrator, so that the test needs none.
    stand_in(&bin, "winget", "echo 'No package found matching input criteria.' >&2; exit 20");
    let run = share.run(["setup", "--keep-path", "--json"]).expect(3);
    assert!(run.stdout.contains("No package found matching input criteria."), "{}", run.stdout);

    let links = ["ffmpeg", "ffprobe"].map(|name| {
        let real = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        let real = real.expect("tests/run.sh installs ffmpeg");
        format!("/bin/ln -s '{}' '{}'", real.display(), bin.join(name).display())
    });
    stand_in(&bin, "winget", &links.join("\n"));
    let run = share.run(["setup", "--keep-path", "--json"]).expect(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let step = report["steps"].as_array().unwrap().iter().find(|step| step["name"] == "ffmpeg").unwrap();
    assert_eq!(step["state"], "changed", "{report:#}");
    assert_eq!(report["outcome"], "ready", "{report:#}");
}

/// A desktop of Fedora has an ffmpeg, but not one that encodes H.264; the one that does is in RPM Fusion.
#[test]
fn fedoras_own_ffmpeg_makes_way_for_rpm_fusions() {
    if ffmpeg_is_everywhere() {
        return;
    }
    let path = std::env::var_os("PATH").unwrap();
    let real = |name: &str| {
        let mut folders = std::env::split_paths(&path).map(|folder| folder.join(name));
        folders.find(|file| file.is_file()).expect("tests/run.sh installs ffmpeg")
    };
    // What is said to be in the place of Fedora's own, how the set-up ends, what it was told of it.
    for (fusion, code, words) in [(true, 0, "installed"), (false, 0, "no full build took its place")] {
        let mut share = Share::new();
        let bin = bare(&mut share);
        let (called, added, done) = (share.aside("called"), share.aside("added"), share.aside("done"));
        std::os::unix::fs::symlink(real("sh"), bin.join("sh")).unwrap();
        for name in ["ffmpeg", "ffprobe"] {
            std::os::unix::fs::symlink(real(name), bin.join(name)).unwrap();
        }
        stand_in(&bin, "sudo", "[ \"$1\" = -n ] && shift; [ \"$1\" = true ] || exec \"$@\"");
        stand_in(
            &bin,
            "rpm",
            &format!(
                "case $* in\n-E*) echo 43 ;;\n*rpmfusion*) [ -e '{}' ] ;;\n\
                 *) [ -e '{}' ] && printf ffmpeg || printf ffmpeg-free ;;\nesac",
                added.display(),
                done.display()
            ),
        );
        let works = if fusion { "" } else { "echo 'No match' >&2; exit 1" };
        stand_in(
            &bin,
            "dnf",
            &format!(
                "echo \"$*\" >>'{}'\ncase $* in\n*rpmfusion*) {works}\n: >'{}' ;;\n*--allowerasing*) {works}\n: >'{}' ;;\nesac",
                called.display(),
                added.display(),
                done.display()
            ),
        );
        let report = share.run(["setup", "--keep-path", "--json"]).expect(code).stdout;
        assert!(report.contains(words), "{report}");
        let calls = fs::read_to_string(&called).unwrap();
        let source =
            "install -y https://mirrors.rpmfusion.org/free/fedora/rpmfusion-free-release-43.noarch.rpm";
        let calls: Vec<&str> = calls.lines().collect();
        assert_eq!(calls[..2], [source, "install -y --allowerasing ffmpeg"]);
        if fusion {
            // Now that it is there, nothing is installed again.
            share.run(["setup", "--keep-path"]).expect(0);
            assert_eq!(fs::read_to_string(&called).unwrap().lines().count(), 2);
        }
    }
}

/// What a proxy that refuses hears of a download.
fn heard_by_the_proxy(scheme: &str, user: &str) -> String {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{user}{}", proxy.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        head.join("\n")
    });
    let mut share = Share::new();
    for name in [format!("{scheme}_PROXY").to_uppercase(), format!("{scheme}_proxy")] {
        share.set(&name, &address);
    }
    let url = format!("{scheme}://downloads.invalid/ffmpeg.zip");
    let args = ["setup", "--force", "--keep-path", "--ffmpeg-url", &url, "--sha256", &"0".repeat(64)];
    let mut set_up = share.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let head = asked.join().unwrap();
    // It would try for a while to be heard.
    set_up.kill().unwrap();
    set_up.wait().unwrap();
    head
}

#[test]
fn a_download_goes_by_the_proxy_that_is_set() {
    let head = heard_by_the_proxy("http", "");
    assert!(head.lines().next().unwrap().contains("downloads.invalid"), "{head}");
}

#[test]
fn https_goes_through_the_proxy_by_a_tunnel_as_the_user_that_its_address_names() {
    let head = heard_by_the_proxy("https", "me%40home:p%3Ass%20word@");
    assert_eq!(head.lines().next(), Some("CONNECT downloads.invalid:443 HTTP/1.1"), "{head}");
    // base64 of `me@home:p:ss word`.
    let word = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
    assert_eq!(word, Some("Basic bWVAaG9tZTpwOnNzIHdvcmQ="), "{head}");
}

/// How a crontab says that there is none yet: Vixie's and cronie's, and BusyBox's (Alpine).
const NONE_YET: [&str; 2] =
    ["no crontab for somebody", "crontab: can't open 'somebody': No such file or directory"];

#[test]
fn without_systemd_the_schedule_is_a_line_of_the_users_crontab() {
    if cfg!(target_os = "macos") || Path::new("/run/systemd/system").exists() {
        println!("SKIPPED: this machine has a manager of its own that would make a real schedule");
        return;
    }
    for none_yet in NONE_YET {
        let mut share = Share::new();
        let bin = bare(&mut share);
        let table = share.aside("table");
        stand_in(
            &bin,
            "crontab",
            &format!(
                "if [ \"$1\" = -l ]; then [ -e '{table}' ] || {{ echo \"{none_yet}\" >&2; exit 1; }}; exec /bin/cat '{table}'; fi\n\
                 exec /bin/cp \"$1\" '{table}'",
                table = table.display()
            ),
        );
        let library = share.root().to_str().unwrap().to_owned();
        let show = || share.run(["schedule", "show"]);
        show().expect(1);
        share.run(["schedule", "install", "--daily", "02:30", "--dir", &library]).expect(0);
        let text = fs::read_to_string(&table).unwrap();
        assert!(text.starts_with("30 2 * * * ") && text.contains(&library), "{text}");
        assert!(show().expect(0).stdout.contains("30 2 * * *"));

        // Another time takes the line's place; what others wrote there stays.
        fs::write(&table, format!("0 5 * * 1 /usr/bin/backup\n{text}")).unwrap();
        share.run(["schedule", "install", "--every", "1h", "--dir", &library]).expect(0);
        let text = fs::read_to_string(&table).unwrap();
        assert!(text.contains("/usr/bin/backup") && text.contains("\n0 * * * * "), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        share.run(["schedule", "uninstall"]).expect(0);
        assert_eq!(fs::read_to_string(&table).unwrap(), "0 5 * * 1 /usr/bin/backup\n");
        show().expect(1);

        // What is not understood to the byte cannot be written back.
        let latin = b"0 5 * * 1 /usr/bin/backup /srv/B\xfccher\n";
        fs::write(&table, latin).unwrap();
        let refused = share.run(["schedule", "install", "--every", "1h", "--dir", &library]).expect(1);
        assert!(refused.stderr.contains("UTF-8"), "{}", refused.stderr);
        assert_eq!(fs::read(&table).unwrap(), latin);

        // root's table is root's, whoever is named.
        fs::write(&table, "").unwrap();
        let named = ["schedule", "install", "--every", "1h", "--dir", &library, "--user", "somebody"];
        let told = share.run(named).expect(0).stderr;
        assert_eq!(told.contains("cron runs it as root"), rustix::process::geteuid().is_root(), "{told}");

        // --print shows what would be written here.
        let print = ["schedule", "install", "--every", "1h", "--dir", &library, "--print"];
        let text = share.run(print).expect(0).stdout;
        assert!(text.starts_with("# crontab\n0 * * * * "), "{text}");
    }
}
