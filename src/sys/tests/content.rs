use std::io;

use super::folder;
use crate::model::key::Stamp;
use crate::sys::fs::{self, Created, FINGERPRINT_SPAN};

#[test]
fn a_new_file_is_written_once() {
    let folder = folder();
    let path = folder.path().join("a");
    assert_eq!(fs::write_new(&path, b"first").unwrap(), Created::Yes);
    assert_eq!(fs::write_new(&path, b"second").unwrap(), Created::Exists);
    assert_eq!(fs::read_small(&path, 5).unwrap(), b"first");
    assert!(fs::write_new(&folder.path().join("no/folder"), b"").is_err());
}

#[test]
fn overwriting_neither_makes_nor_shortens_a_file() {
    let folder = folder();
    let path = folder.path().join("a");
    assert_eq!(fs::overwrite_in_place(&path, b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
    std::fs::write(&path, "0123456789").unwrap();
    fs::overwrite_in_place(&path, b"abc").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"abc3456789");
}

#[test]
fn a_file_that_is_too_large_to_be_small_is_not_read() {
    let folder = folder();
    let path = folder.path().join("a");
    std::fs::write(&path, "12345").unwrap();
    assert_eq!(fs::read_small(&path, 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(fs::read_small(&folder.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_fingerprint_is_of_size_and_both_ends() {
    let folder = folder();
    let path = folder.path().join("a");
    let span = FINGERPRINT_SPAN as usize;
    let mut bytes: Vec<u8> = (0..4 * span).map(|at| (at % 251) as u8).collect();
    let print_of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        fs::fingerprint(&path).unwrap()
    };
    let print = print_of(&bytes);
    assert_eq!(print.stamp.size, bytes.len() as u64);
    let mut expected = blake3::Hasher::new();
    expected.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes[..span]).update(&bytes[3 * span..]);
    assert_eq!(print.hash, expected.finalize().to_hex()[..32]);
    for (at, is_seen) in
        [(0, true), (span - 1, true), (2 * span, false), (3 * span, true), (4 * span - 1, true)]
    {
        bytes[at] ^= 0xff;
        assert_eq!(print_of(&bytes).same_content(&print), !is_seen, "byte {at}");
        bytes[at] ^= 0xff;
    }
    bytes.push(0);
    assert!(!print_of(&bytes).same_content(&print));
    for small in [0, 1, span, span + 1] {
        let print = print_of(&bytes[..small]);
        let mut expected = blake3::Hasher::new();
        let (head, tail) = (&bytes[..small.min(span)], &bytes[small - small.min(span)..small]);
        expected.update(&(small as u64).to_le_bytes()).update(head).update(tail);
        assert_eq!(print.hash, expected.finalize().to_hex()[..32], "{small} bytes");
    }
}

#[test]
fn a_copy_is_whole_new_and_can_be_stopped() {
    let folder = folder();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let bytes: Vec<u8> = (0..3 * 1024 * 1024 + 17).map(|at| (at % 249) as u8).collect();
    std::fs::write(&from, &bytes).unwrap();
    let mut seen = Vec::new();
    let done = fs::copy_new(&from, &to, &mut |bytes| {
        seen.push(bytes);
        true
    });
    assert_eq!(done.unwrap(), Created::Yes);
    assert_eq!(std::fs::read(&to).unwrap(), bytes);
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&(bytes.len() as u64)));
    assert_eq!(fs::copy_new(&from, &to, &mut |_| true).unwrap(), Created::Exists);
    let stopped = folder.path().join("stopped");
    let error = fs::copy_new(&from, &stopped, &mut |_| false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert!(!stopped.exists(), "an unfinished copy is taken away");
    let none = fs::copy_new(&folder.path().join("none"), &stopped, &mut |_| true);
    assert_eq!(none.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!stopped.exists());
}

#[cfg(unix)]
#[test]
fn a_copy_takes_no_mode_bits_and_adopting_does() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = folder();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, "x").unwrap();
    std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o4751)).unwrap();
    assert_eq!(fs::copy_new(&from, &to, &mut |_| true).unwrap(), Created::Yes);
    assert_eq!(std::fs::metadata(&to).unwrap().mode() & 0o111, 0);
    fs::adopt_ownership(&from, &to);
    assert_eq!(std::fs::metadata(&to).unwrap().mode() & 0o7777, 0o751);
    fs::adopt_ownership(&folder.path().join("none"), &to);
}

#[test]
fn a_time_that_is_set_is_read_back() {
    let folder = folder();
    let path = folder.path().join("a");
    std::fs::write(&path, "x").unwrap();
    for (sec, nsec) in [(1_000_000_000, 123_456_700), (0, 0), (1, 500_000_000)] {
        let stamp = Stamp { size: 1, sec, nsec };
        fs::set_mtime(&path, &stamp).unwrap();
        assert_eq!(fs::stamp(&path).unwrap(), stamp);
    }
    assert!(fs::set_mtime(&folder.path().join("none"), &Stamp::default()).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_time_before_1970_is_kept() {
    let folder = folder();
    let path = folder.path().join("a");
    std::fs::write(&path, "x").unwrap();
    let stamp = Stamp { size: 1, sec: -2, nsec: 250_000_000 };
    fs::set_mtime(&path, &stamp).unwrap();
    assert_eq!(fs::stamp(&path).unwrap(), stamp);
}

#[test]
fn syncing_what_is_there_works_and_what_is_not_fails() {
    let folder = folder();
    let path = folder.path().join("a");
    std::fs::write(&path, "x").unwrap();
    fs::sync_file(&path).unwrap();
    fs::sync_dir(folder.path()).unwrap();
    assert!(fs::sync_file(&folder.path().join("none")).is_err());
    assert!(fs::sync_dir(&folder.path().join("none")).is_err());
}

#[test]
fn there_is_room_on_the_disk() {
    let folder = folder();
    assert!(fs::free_space(folder.path()).unwrap() > 0);
    let path = folder.path().join("a");
    std::fs::write(&path, "x").unwrap();
    assert!(fs::free_space(&path).unwrap() > 0);
    assert!(fs::free_space(&folder.path().join("none")).is_err());
}

#[test]
fn one_file_is_itself_under_any_name() {
    let folder = folder();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    std::fs::write(&a, "x").unwrap();
    std::fs::write(&b, "x").unwrap();
    assert!(fs::same_file(&a, &a).unwrap());
    assert!(!fs::same_file(&a, &b).unwrap());
    assert_eq!(fs::same_file(&a, &folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn very_long_paths_work() {
    let folder = folder();
    let mut deep = folder.path().to_owned();
    for _ in 0..8 {
        deep.push("x".repeat(60));
    }
    fs::create_dir_all(&deep).unwrap();
    let (a, b, c) = (deep.join("a"), deep.join("b"), deep.join("c"));
    assert_eq!(fs::write_new(&a, b"long").unwrap(), Created::Yes);
    assert_eq!(fs::publish_file(&a, &b).unwrap(), Created::Yes);
    assert_eq!(fs::consume(&b, &c).unwrap(), fs::Removed::Yes);
    assert_eq!(fs::replace(&a, &c).unwrap(), fs::Removed::Yes);
    assert_eq!(fs::read_small(&c, 10).unwrap(), b"long");
    assert!(fs::free_space(&deep).unwrap() > 0);
    std::fs::create_dir_all(deep.join("from/own.me")).unwrap();
    assert_eq!(fs::publish_dir(&deep.join("from"), &deep.join("to"), "own.me").unwrap(), Created::Yes);
}

#[test]
fn a_file_of_holes_alone_is_hollow_and_one_with_a_byte_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    if !fs::is_hollow(&path) {
        println!("SKIPPED: this file system does not tell holes from data");
        return;
    }
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, b"x").unwrap();
    assert!(!fs::is_hollow(&path));
    assert!(!fs::is_hollow(&dir.path().join("gone")));
}
