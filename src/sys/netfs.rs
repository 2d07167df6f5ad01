//! What holds a path: a local disk, NFS, SMB, FUSE — and what it can be trusted with.

use std::path::Path;

/// Kind of file system under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// A disk of this machine; the name is the kernel's (`ext4`, `NTFS`).
    Local(String),
    /// NFS, with the version where the mount table tells (`3`, `4.2`).
    Nfs { version: Option<String> },
    /// SMB through Linux' cifs/smb3 client (its renames over files are not safe: docs/PROTOCOL.md).
    LinuxSmb,
    /// A Windows network redirector (UNC or mapped drive).
    WindowsNetwork,
    /// FUSE, with its subtype (`mergerfs`, `sshfs`, …). Also any other kernel file system that is neither a disk of this
    /// machine nor NFS nor SMB (`9p`, `ceph`, `virtiofs`), under its own name: as little is known of it.
    Fuse { subtype: String },
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What it is.
    pub kind: FileSystem,
    /// Mount options as the kernel lists them; empty where unknown.
    pub options: Vec<String>,
    /// Where it comes from (`nas:/export`, `//nas/media`); empty where unknown.
    pub source: String,
}

/// Looks at what holds `path` (which must exist).
pub fn of(path: &Path) -> std::io::Result<Mount> {
    super::os::netfs::of(path)
}

impl FileSystem {
    /// Not a disk of this machine.
    pub fn is_network(&self) -> bool {
        const REMOTE: &[&str] = &[
            "sshfs",
            "rclone",
            "s3fs",
            "gvfsd-fuse",
            "glusterfs",
            "davfs",
            "cephfs",
            "smbnetfs",
            "curlftpfs",
            "9p",
            "ceph",
            "lustre",
            "beegfs",
            "afs",
            "gfs2",
            "ocfs2",
            "coda",
            "webdav",
            "afpfs",
        ];
        match self {
            Self::Local(_) => false,
            Self::Nfs { .. } | Self::LinuxSmb | Self::WindowsNetwork => true,
            Self::Fuse { subtype } => REMOTE.contains(&subtype.as_str()),
        }
    }
}
