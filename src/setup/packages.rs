//! The systems' package managers: what to say to each. Which is here, and running it, is the step's part.

/// A package manager.
#[derive(Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its program.
    pub program: &'static str,
    /// Tried in order; the first that ends well and leaves an ffmpeg behind is the last.
    pub attempts: &'static [&'static [&'static str]],
    /// Run before them where it is not empty: it adds the package source that has the full build, where that is another.
    pub source: &'static [&'static str],
    /// It changes what belongs to root.
    pub needs_root: bool,
}

/// In the order of preference where a machine has several.
pub const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        attempts: &[
            &[
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "-y",
                "--no-install-recommends",
                "ffmpeg",
            ],
            // A new machine or container has no lists yet.
            &["apt-get", "update"],
            &[
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "-y",
                "--no-install-recommends",
                "ffmpeg",
            ],
        ],
        source: &[],
        needs_root: true,
    },
    Manager {
        program: "dnf",
        attempts: &[
            // The full build lies in RPM Fusion; Fedora's own does without the patented encoders, and its libraries, which
            // every desktop has, stand in the way.
            &["dnf", "install", "-y", "--allowerasing", "ffmpeg"],
            &["dnf", "install", "-y", "ffmpeg-free"],
        ],
        // Fedora alone: others of dnf's family need more sources than this one.
        source: &[
            "sh",
            "-c",
            "[ -z \"$(rpm -E '%{?fedora}')\" ] || rpm -q rpmfusion-free-release >/dev/null || dnf install -y \
             \"https://mirrors.rpmfusion.org/free/fedora/rpmfusion-free-release-$(rpm -E %fedora).noarch.rpm\"",
        ],
        needs_root: true,
    },
    Manager {
        program: "pacman",
        attempts: &[
            &["pacman", "-S", "--noconfirm", "--needed", "ffmpeg"],
            // Never -Sy alone: it would leave the system between two states of the distribution.
            &["pacman", "-Syu", "--noconfirm", "--needed", "ffmpeg"],
        ],
        source: &[],
        needs_root: true,
    },
    Manager { program: "apk", attempts: &[&["apk", "add", "ffmpeg"]], source: &[], needs_root: true },
    Manager {
        program: "zypper",
        attempts: &[&["zypper", "--non-interactive", "install", "ffmpeg"]],
        source: &[],
        needs_root: true,
    },
    Manager { program: "brew", attempts: &[&["brew", "install", "ffmpeg"]], source: &[], needs_root: false },
    Manager {
        program: "winget",
        attempts: &[&[
            "winget",
            "install",
            "--id",
            "Gyan.FFmpeg",
            "--exact",
            "--scope",
            "user",
            "--silent",
            "--accept-package-agreements",
            "--accept-source-agreements",
            "--disable-interactivity",
        ]],
        source: &[],
        needs_root: false,
    },
    Manager {
        program: "choco",
        attempts: &[&["choco", "install", "ffmpeg", "-y", "--no-progress"]],
        source: &[],
        needs_root: true,
    },
];

/// Folders where a manager puts programs that this process's PATH does not know yet; the first is below the home.
pub const LINKS: &[&str] = &[
    r"AppData\Local\Microsoft\WinGet\Links",
    r"C:\ProgramData\chocolatey\bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
];

/// Who lends an administrator's rights; Alpine has the second.
pub const ASKERS: [&str; 2] = ["sudo", "doas"];

/// Fedora's package of an ffmpeg without what is patented, H.264 among it.
pub const FEDORAS_OWN: &str = "ffmpeg-free";

/// The command as the user would type it.
pub fn typed(command: &[&str], asker: Option<&str>) -> String {
    asker.iter().chain(command).copied().collect::<Vec<_>>().join(" ")
}
