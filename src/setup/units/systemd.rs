//! systemd: a service that rests and looks again, and a timer with a service that ends.
//!
//! What the lines mean is in systemd.service(5), systemd.exec(5) and systemd.timer(5).

use std::fmt::Write as _;
use std::path::Path;

use super::{REST, Scope, When, Work, span};

/// A service that runs from boot (or login) on.
pub fn service(work: &Work) -> String {
    let mut text = head(work, "media-converter: converts the media library together with other machines");
    text.push_str("\n[Service]\nType=exec\n");
    text.push_str(&command(work));
    let _ = writeln!(
        text,
        "\
# A run stays and watches; it ends where the share is away, and the next one looks for it again.
Restart=always
RestartSec={}
# Wrong usage stays wrong.
RestartPreventExitStatus=2
# Some files failed; interrupted.
SuccessExitStatus=1 130",
        REST.as_secs()
    );
    text.push_str(&limits(work));
    let target = match work.scope {
        Scope::System => "multi-user.target",
        Scope::User => "default.target",
    };
    let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
    text
}

/// What a timer starts: one run.
pub fn oneshot(work: &Work) -> String {
    let mut text = head(work, "media-converter: one run over the media library");
    // As oneshot, `systemctl start` would wait for hours, and so would everything ordered after it at boot.
    text.push_str("\n[Service]\nType=exec\n");
    text.push_str(&command(work));
    text.push_str("# Some files failed; interrupted.\nSuccessExitStatus=1 130\n");
    text.push_str(&limits(work));
    text
}

/// The timer of [`oneshot`].
pub fn timer(when: When) -> String {
    let mut text = format!("[Unit]\nDescription=media-converter: {}\n\n[Timer]\n", when.words());
    match when {
        When::Every(time) => {
            // After the last run's end, so that a long run is not followed by another at once.
            let _ = write!(text, "OnBootSec=5min\nOnUnitInactiveSec={}\n", span(time));
        }
        When::Daily { hour, minute } => {
            // A machine that slept at that time catches up when it wakes.
            let _ = write!(text, "OnCalendar=*-*-* {hour:02}:{minute:02}:00\nPersistent=true\n");
        }
    }
    // Machines of a fleet need not knock at one NAS in the same second.
    text.push_str("RandomizedDelaySec=60\n\n[Install]\nWantedBy=timers.target\n");
    text
}

fn head(work: &Work, description: &str) -> String {
    let mut text = format!("[Unit]\nDescription={description}\nDocumentation=man:media-converter(1)\n");
    if work.scope == Scope::System {
        text.push_str("Wants=network-online.target\nAfter=network-online.target remote-fs.target\n");
        let dirs: Vec<String> = work.dirs.iter().map(|dir| quoted(&shown(dir))).collect();
        // Mounts what is in fstab, and waits for it; without an entry it says nothing.
        let _ = writeln!(text, "RequiresMountsFor={}", dirs.join(" "));
    }
    text
}

fn command(work: &Work) -> String {
    let words: Vec<String> = std::iter::once(shown(&work.program))
        .chain(work.args.iter().cloned())
        .map(|word| argument(&word))
        .collect();
    format!("ExecStart={}\n", words.join(" "))
}

/// Priorities and fences. Left out on purpose: ProtectProc= hides other users' processes, so that a dead worker of this
/// machine would not be seen to be dead; ProtectClock= and PrivateDevices= take the graphics card away;
/// MemoryDenyWriteExecute= breaks graphics drivers that compile for the card.
fn limits(work: &Work) -> String {
    let mut text = String::new();
    if let Some(user) = &work.user {
        let _ = writeln!(text, "User={user}");
    }
    text.push_str(
        "\
# The first signal drops the current file cleanly and releases its claim; ffmpeg gets none of its own.
KillMode=mixed
TimeoutStopSec=60
# Whoever else works on this machine comes first.
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
",
    );
    // A user's manager that is niced itself may not choose it, and the unit would not start.
    if work.scope == Scope::System {
        text.push_str("CPUSchedulingPolicy=batch\n");
    }
    text.push_str(
        "\
OOMScoreAdjust=300
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
",
    );
    match work.scope {
        // A user's manager has no right to these, or gives them by a user namespace in which a share's owners are nobody.
        Scope::User => {}
        Scope::System => {
            let dirs: Vec<String> = work.dirs.iter().map(|dir| quoted(&format!("-{}", shown(dir)))).collect();
            let _ = write!(
                text,
                "\
ProtectSystem=strict
# A library may lie in a home; nothing else there is for us to change.
ProtectHome=read-only
ReadWritePaths={}
StateDirectory=media-converter
Environment=XDG_STATE_HOME=/var/lib XDG_CONFIG_HOME=/etc
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
",
                dirs.join(" ")
            );
        }
    }
    text
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A word of a command line: systemd replaces `%` and `$` and reads C's escapes (systemd.service(5), "COMMAND LINES").
pub fn argument(word: &str) -> String {
    quoted(&word.replace('$', "$$"))
}

/// A word of a list: `%` and C's escapes.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.,:=+@$".contains(c) || !c.is_ascii();
    let word = word.replace('%', "%%");
    if !word.is_empty() && word.chars().all(|c| plain(c) || c == '%') {
        return word;
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
