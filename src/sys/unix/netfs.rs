//! Linux: what holds a path, by the kernel's mount table, and `statfs` where the table does not tell.

use std::io;
use std::path::Path;

use crate::sys::netfs::{FileSystem, Mount};

pub fn of(path: &Path) -> io::Result<Mount> {
    let path = std::fs::canonicalize(path)?;
    if let Ok(table) = std::fs::read("/proc/self/mountinfo")
        && let Some(mount) = find(&table, mount_id(&path), &path)
    {
        return Ok(mount);
    }
    // A container without /proc: the magic number of statfs(2) still tells the kind.
    let kind = match rustix::fs::statfs(&path)?.f_type as u32 {
        0x6969 => FileSystem::Nfs { version: None },
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => FileSystem::LinuxSmb,
        0x6573_5546 => FileSystem::Fuse { subtype: String::new() },
        other => FileSystem::Local(format!("{other:#x}")),
    };
    Ok(Mount { kind, options: Vec::new(), source: String::new() })
}

/// The mount's number in the table, from statx(2); kernels before 5.8 have none.
fn mount_id(path: &Path) -> Option<u64> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let found = statx(CWD, path, AtFlags::NO_AUTOMOUNT, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}

/// Finds the mount in a mountinfo table (proc_pid_mountinfo(5)): by number, else the last of the longest prefixes,
/// because a later mount covers an earlier one.
pub(in crate::sys) fn find(table: &[u8], id: Option<u64>, path: &Path) -> Option<Mount> {
    use std::os::unix::ffi::OsStrExt;

    let mut best: Option<(usize, Mount)> = None;
    for line in table.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(dash) = fields.iter().position(|field| *field == b"-") else { continue };
        let (Some(number), Some(point), Some(options), Some(kind), Some(source)) =
            (fields.first(), fields.get(4), fields.get(5), fields.get(dash + 1), fields.get(dash + 2))
        else {
            continue;
        };
        let point = unescape(point);
        if !path.starts_with(std::ffi::OsStr::from_bytes(&point)) {
            continue;
        }
        let length = point.len();
        let exact = id.is_some() && str::from_utf8(number).ok().and_then(|text| text.parse().ok()) == id;
        if !exact && best.as_ref().is_some_and(|(longest, _)| *longest > length) {
            continue;
        }
        let more = fields.get(dash + 3).copied().unwrap_or_default();
        let options: Vec<String> = [options, more]
            .iter()
            .flat_map(|list| String::from_utf8_lossy(list).split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter(|option| !option.is_empty())
            .collect();
        let mount = Mount {
            kind: kind_of(&String::from_utf8_lossy(kind), &options),
            options,
            source: String::from_utf8_lossy(&unescape(source)).into_owned(),
        };
        if exact {
            return Some(mount);
        }
        best = Some((length, mount));
    }
    best.map(|(_, mount)| mount)
}

fn kind_of(name: &str, options: &[String]) -> FileSystem {
    match name {
        "nfs" | "nfs4" => {
            let version = options.iter().find_map(|option| {
                option.strip_prefix("vers=").or_else(|| option.strip_prefix("nfsvers=")).map(str::to_owned)
            });
            FileSystem::Nfs { version: version.or_else(|| (name == "nfs4").then(|| "4".to_owned())) }
        }
        "cifs" | "smb3" | "smbfs" => FileSystem::LinuxSmb,
        "fuse" | "fuseblk" | "9p" | "ceph" | "virtiofs" | "vboxsf" | "lustre" | "beegfs" | "afs" | "gfs2"
        | "ocfs2" | "coda" | "prl_fs" => FileSystem::Fuse { subtype: name.to_owned() },
        _ => match name.strip_prefix("fuse.").or_else(|| name.strip_prefix("fuseblk.")) {
            Some(subtype) => FileSystem::Fuse { subtype: subtype.to_owned() },
            None => FileSystem::Local(name.to_owned()),
        },
    }
}

/// The table writes a space, a tab, a newline and a backslash as `\040` and the like.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\\'
            && let Some(digits) = after.get(..3)
            && let Some(code) = str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 8).ok())
        {
            plain.push(code);
            rest = &after[3..];
        } else {
            plain.push(byte);
            rest = after;
        }
    }
    plain
}
