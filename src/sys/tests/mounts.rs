use super::folder;
use crate::sys::netfs::{self, FileSystem};

#[test]
fn a_temporary_folder_is_no_network() {
    let mount = netfs::of(folder().path()).unwrap();
    assert!(!mount.kind.is_network(), "{mount:?}");
}

#[test]
fn what_is_not_there_lies_nowhere() {
    let error = netfs::of(&folder().path().join("none")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn remote_fuse_counts_as_network_and_a_pool_of_disks_does_not() {
    let fuse = |subtype: &str| FileSystem::Fuse { subtype: subtype.to_owned() };
    assert!(fuse("sshfs").is_network());
    assert!(fuse("9p").is_network());
    assert!(!fuse("mergerfs").is_network());
    assert!(FileSystem::LinuxSmb.is_network());
    assert!(!FileSystem::Local("ext4".to_owned()).is_network());
}

#[cfg(target_os = "linux")]
mod table {
    use std::path::Path;

    use crate::sys::netfs::{FileSystem, Mount};
    use crate::sys::os::netfs::find;

    const TABLE: &[u8] = b"\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:40 / /mnt/nas rw,relatime shared:2 - nfs4 nas:/export rw,vers=4.2,soft,proto=tcp
41 22 0:41 / /mnt/nas\\040two rw - cifs //nas/media rw,vers=3.1.1,noserverino
42 22 0:42 / /mnt/pool rw master:3 - fuse.mergerfs a:b rw,allow_other
43 22 0:43 / /mnt/old ro - nfs nas:/old rw,vers=3
44 40 0:44 / /mnt/nas/inner rw - ext4 /dev/sdb1 rw
45 22 0:45 / /mnt/nas rw - xfs /dev/sdc1 rw
46 22 0:46 / /mnt/ntfs rw - fuseblk /dev/sdd1 rw
47 22 0:47 / /mnt/nfs-plain rw - nfs4 nas:/x rw
broken line
48 22 0:48 / /mnt/drive rw - 9p drvfs rw
";

    fn at(path: &str, id: Option<u64>) -> Mount {
        find(TABLE, id, Path::new(path)).unwrap()
    }

    #[test]
    fn the_mount_is_found_by_its_number() {
        let mount = at("/mnt/nas/film.mkv", Some(40));
        assert_eq!(mount.kind, FileSystem::Nfs { version: Some("4.2".to_owned()) });
        assert_eq!(mount.source, "nas:/export");
        assert!(mount.options.iter().any(|option| option == "soft"));
        assert!(mount.options.iter().any(|option| option == "relatime"));
    }

    #[test]
    fn without_a_number_the_last_of_the_longest_prefixes_counts() {
        assert_eq!(at("/mnt/nas/film.mkv", None).kind, FileSystem::Local("xfs".to_owned()));
        assert_eq!(at("/mnt/nas/inner/film.mkv", None).source, "/dev/sdb1");
        assert_eq!(at("/mnt/nasty", None).source, "/dev/sda1");
        assert_eq!(at("/mnt/nas/film.mkv", Some(999)).kind, FileSystem::Local("xfs".to_owned()));
    }

    #[test]
    fn each_kind_is_known() {
        assert_eq!(at("/mnt/nas two/film.mkv", None).kind, FileSystem::LinuxSmb);
        assert_eq!(at("/mnt/pool", None).kind, FileSystem::Fuse { subtype: "mergerfs".to_owned() });
        assert_eq!(at("/mnt/old/x", None).kind, FileSystem::Nfs { version: Some("3".to_owned()) });
        assert_eq!(at("/mnt/ntfs/x", None).kind, FileSystem::Fuse { subtype: "fuseblk".to_owned() });
        assert_eq!(at("/mnt/nfs-plain", None).kind, FileSystem::Nfs { version: Some("4".to_owned()) });
        assert_eq!(at("/mnt/drive/c", None).kind, FileSystem::Fuse { subtype: "9p".to_owned() });
        assert_eq!(at("/home", None).kind, FileSystem::Local("ext4".to_owned()));
    }
}
