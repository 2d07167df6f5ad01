//! What a mount's kind and options mean for claims and results. Pure.

use super::{Finding, Level};
use crate::sys::netfs::{FileSystem, Mount};

/// Everything worth saying about a mount.
pub fn findings(mount: &Mount) -> Vec<Finding> {
    let mut found = vec![kind(mount)];
    if has(mount, "ro") {
        found.push(
            Finding::new(Level::Problem, "mount", "it is mounted read-only")
                .fix("Mount it with rw: results are swapped in where the originals lie."),
        );
    }
    match &mount.kind {
        FileSystem::Nfs { version } => nfs(mount, version.as_deref(), &mut found),
        FileSystem::LinuxSmb => smb(mount, &mut found),
        FileSystem::Fuse { subtype } => fuse(subtype, &mut found),
        FileSystem::Local(name) => local(name, &mut found),
        FileSystem::WindowsNetwork => {}
    }
    found
}

fn has(mount: &Mount, option: &str) -> bool {
    mount.options.iter().any(|o| o == option)
}

fn value<'a>(mount: &'a Mount, option: &str) -> Option<&'a str> {
    mount.options.iter().find_map(|o| o.strip_prefix(option)?.strip_prefix('='))
}

fn seconds(mount: &Mount, option: &str) -> Option<u64> {
    value(mount, option)?.parse().ok()
}

fn kind(mount: &Mount) -> Finding {
    let what = match &mount.kind {
        FileSystem::Local(name) => format!("a disk of this machine ({name})"),
        FileSystem::Nfs { version: Some(version) } => format!("NFS {version}"),
        FileSystem::Nfs { version: None } => "NFS".to_owned(),
        FileSystem::LinuxSmb => match value(mount, "vers") {
            Some(version) => format!("SMB {version} through Linux' own client"),
            None => "SMB through Linux' own client".to_owned(),
        },
        FileSystem::WindowsNetwork => "a Windows network drive".to_owned(),
        FileSystem::Fuse { subtype } => format!("a FUSE file system ({subtype})"),
    };
    let from = if mount.source.is_empty() { String::new() } else { format!(" from {}", mount.source) };
    Finding::new(Level::Info, "mount", format!("{what}{from}"))
}

fn nfs(mount: &Mount, version: Option<&str>, found: &mut Vec<Finding>) {
    if has(mount, "soft") || has(mount, "softerr") {
        found.push(
            Finding::new(
                Level::Warning,
                "mount",
                "it is mounted with `soft`: a server that restarts is an error here",
            )
            .fix("Mount it with `hard`: then a restart of the server is a pause and no work is lost."),
        );
    }
    let oldest =
        ["acdirmax", "acregmax", "actimeo"].iter().filter_map(|o| seconds(mount, o)).max().unwrap_or(60);
    if oldest > 60 {
        found.push(
            Finding::new(
                Level::Warning,
                "mount",
                format!("names that other machines make may be seen {oldest} s late"),
            )
            .fix("Leave actimeo, acregmax and acdirmax at their defaults (60 s at most): claims are found by listing folders."),
        );
    }
    if has(mount, "nocto") {
        found.push(
            Finding::new(
                Level::Problem,
                "mount",
                "it is mounted with `nocto`: files of other machines may be read as they were long ago",
            )
            .fix("Take `nocto` out of the mount options."),
        );
    }
    if has(mount, "noac") || has(mount, "sync") || value(mount, "lookupcache") == Some("none") {
        found.push(
            Finding::new(
                Level::Info,
                "mount",
                "`noac`, `sync` or `lookupcache=none` makes every access a request",
            )
            .fix("They are not needed: claims hold without them."),
        );
    }
    if version.is_some_and(|version| version.starts_with('2')) {
        found.push(
            Finding::new(Level::Problem, "mount", "NFS 2 has no files above 2 GiB")
                .fix("Mount it with vers=4.2 or vers=3."),
        );
    }
}

fn smb(mount: &Mount, found: &mut Vec<Finding>) {
    if value(mount, "cache") == Some("loose") {
        found.push(
            Finding::new(
                Level::Problem,
                "mount",
                "it is mounted with `cache=loose`: machines see each other's files of yesterday",
            )
            .fix("Mount it with `cache=strict`, the default."),
        );
    }
    if value(mount, "vers").is_some_and(|version| version.starts_with('1') || version.starts_with("2.0")) {
        found.push(
            Finding::new(Level::Warning, "mount", "this version of SMB is old, slow and unsafe")
                .fix("Mount it with vers=3.1.1."),
        );
    }
    if has(mount, "soft") {
        found.push(
            Finding::new(
                Level::Warning,
                "mount",
                "it is mounted with `soft`: a server that is away for a minute is an error here",
            )
            .fix("Mount it with `hard`."),
        );
    }
    if seconds(mount, "actimeo").or_else(|| seconds(mount, "acdirmax")).is_some_and(|oldest| oldest > 60) {
        found.push(
            Finding::new(Level::Warning, "mount", "names that other machines make are seen late")
                .fix("Leave actimeo at its default, 1 s."),
        );
    }
    if !has(mount, "nobrl") {
        found.push(
            Finding::new(
                Level::Info,
                "mount",
                "a lock that some program takes on a file becomes one that other machines cannot read past",
            )
            .fix("`nobrl` avoids that; this program takes no such locks."),
        );
    }
    if has(mount, "noserverino") {
        found.push(
            Finding::new(
                Level::Warning,
                "mount",
                "`noserverino` gives files made-up numbers: two names of one file look like two files",
            )
            .fix("Take `noserverino` out of the mount options."),
        );
    }
}

fn fuse(subtype: &str, found: &mut Vec<Finding>) {
    let (level, what, fix) = match subtype {
        "mergerfs" | "unionfs" | "unionfs-fuse" | "mhddfs" | "aufs" | "overlay" => (
            Level::Problem,
            "it joins several disks: the same name can be made on two of them, so that two workers each hold a claim",
            "Point --dir at the disks themselves, or let a single server export the joined folder and mount that.",
        ),
        "rclone" | "s3fs" | "goofys" | "gcsfuse" | "davfs" | "webdav" | "curlftpfs" => (
            Level::Problem,
            "it shows a store that has no renames and no exclusive creation as if it were a file system",
            "Convert on a real file system and copy the results.",
        ),
        "sshfs" | "gvfsd-fuse" | "smbnetfs" | "afpfs" => (
            Level::Warning,
            "its answers are cached and its renames are imitated",
            "Mount the share with NFS or the kernel's SMB client where more than one machine works on it.",
        ),
        _ => return,
    };
    found.push(Finding::new(level, "mount", what).fix(fix));
}

fn local(name: &str, found: &mut Vec<Finding>) {
    let lower = name.to_lowercase();
    if matches!(lower.as_str(), "vfat" | "msdos" | "fat" | "fat32") {
        found.push(
            Finding::new(Level::Warning, "mount", "FAT has no files above 4 GiB and keeps times to 2 s").fix(
                "Results above 4 GiB fail there; exFAT, NTFS or a Linux file system have no such limit.",
            ),
        );
    }
    if matches!(lower.as_str(), "tmpfs" | "ramfs") {
        found.push(
            Finding::new(Level::Warning, "mount", "it lies in memory and is gone after a restart")
                .fix("Keep a library on a disk."),
        );
    }
    if lower == "overlay" {
        found.push(
            Finding::new(Level::Warning, "mount", "it is a container's own layer, gone with the container")
                .fix("Bind the library into the container as a volume."),
        );
    }
}
