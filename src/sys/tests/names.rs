//! One caller, and a file server that loses replies.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::folder;
use crate::sys::fs::{self, Created, EntryKind, Removed};

/// A call whose first replies are lost: it is done, and an error comes back. Later calls are honest.
fn losing(
    times: usize,
    error: impl Fn() -> io::Error,
    mut call: impl FnMut(&Path, &Path) -> io::Result<()>,
) -> impl FnMut(&Path, &Path) -> io::Result<()> {
    let mut left = times;
    move |from, to| {
        let told = call(from, to);
        if left == 0 {
            return told;
        }
        left -= 1;
        Err(error())
    }
}

/// A call that fails without doing anything, and then works.
fn failing(
    times: usize,
    error: impl Fn() -> io::Error,
    mut call: impl FnMut(&Path, &Path) -> io::Result<()>,
) -> impl FnMut(&Path, &Path) -> io::Result<()> {
    let mut left = times;
    move |from, to| {
        if left == 0 {
            return call(from, to);
        }
        left -= 1;
        Err(error())
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

fn taken() -> io::Error {
    io::Error::from(io::ErrorKind::AlreadyExists)
}

/// What a cifs client says after its connection was cut; on Windows the nearest thing.
fn again() -> io::Error {
    #[cfg(unix)]
    return io::Error::from_raw_os_error(libc::EAGAIN);
    #[cfg(windows)]
    return io::Error::from_raw_os_error(32);
}

fn refused() -> io::Error {
    // EXDEV and ERROR_NOT_SAME_DEVICE: no waiting helps.
    io::Error::from(io::ErrorKind::CrossesDevices)
}

fn never(_: &Path, _: &Path) -> io::Result<()> {
    Err(refused())
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to)
}

struct Two {
    _folder: TempDir,
    from: PathBuf,
    to: PathBuf,
}

fn two_files(from: Option<&str>, to: Option<&str>) -> Two {
    let folder = folder();
    let two = Two { from: folder.path().join("from"), to: folder.path().join("to"), _folder: folder };
    for (path, text) in [(&two.from, from), (&two.to, to)] {
        if let Some(text) = text {
            std::fs::write(path, text).unwrap();
        }
    }
    two
}

/// `from` holds `own.me`; `to` holds what is said.
fn two_folders(to: Option<&[&str]>) -> Two {
    let two = two_files(None, None);
    std::fs::create_dir_all(two.from.join("own.me")).unwrap();
    if let Some(children) = to {
        std::fs::create_dir(&two.to).unwrap();
        for child in children {
            std::fs::create_dir(two.to.join(child)).unwrap();
        }
    }
    two
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_listing_is_sorted_and_knows_kinds() {
    let folder = folder();
    std::fs::write(folder.path().join("b"), "").unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    let found = fs::list(folder.path()).unwrap();
    let found: Vec<_> = found.iter().map(|entry| (entry.name.to_str().unwrap(), entry.kind)).collect();
    assert_eq!(found, [("a", EntryKind::Dir), ("b", EntryKind::File)]);
    assert!(fs::is_listed(&folder.path().join("a")).unwrap());
    assert!(!fs::is_listed(&folder.path().join("c")).unwrap());
    assert!(!fs::is_listed(&folder.path().join("no/such/folder")).unwrap());
    assert_eq!(fs::list(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(fs::list(&folder.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_listed_and_absent_at_once() {
    let folder = folder();
    let path = folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(fs::is_listed(&path).unwrap());
    let before = std::time::Instant::now();
    assert_eq!(fs::stamp(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(before.elapsed() < fs::PATIENCE);
}

#[test]
fn a_folder_is_published_onto_nothing_and_onto_an_empty_one() {
    for to in [None, Some(&[][..])] {
        let two = two_folders(to);
        assert_eq!(fs::publish_dir(&two.from, &two.to, "own.me").unwrap(), Created::Yes);
        assert!(two.to.join("own.me").is_dir());
        assert!(!two.from.exists());
    }
}

#[test]
fn a_folder_is_not_published_onto_anothers_or_a_file() {
    let two = two_folders(Some(&["own.other"]));
    assert_eq!(fs::publish_dir(&two.from, &two.to, "own.me").unwrap(), Created::Exists);
    assert!(two.from.join("own.me").is_dir());
    let two = two_folders(None);
    std::fs::write(&two.to, "file").unwrap();
    assert_eq!(fs::publish_dir(&two.from, &two.to, "own.me").unwrap(), Created::Exists);
    assert_eq!(text(&two.to), "file");
}

#[test]
fn a_published_folder_whose_reply_was_lost_is_ours() {
    for error in [missing, taken, again] {
        let two = two_folders(None);
        let mut call = losing(1, error, rename);
        assert_eq!(fs::publish_dir_by(&mut call, &two.from, &two.to, "own.me").unwrap(), Created::Yes);
    }
}

#[test]
fn publishing_a_folder_goes_on_after_a_passing_failure_and_stops_at_a_lasting_one() {
    let two = two_folders(None);
    let mut call = failing(3, again, rename);
    assert_eq!(fs::publish_dir_by(&mut call, &two.from, &two.to, "own.me").unwrap(), Created::Yes);
    let two = two_folders(None);
    let error = fs::publish_dir_by(&mut never, &two.from, &two.to, "own.me").unwrap_err();
    assert_eq!(error.kind(), refused().kind());
    // Another's folder under the name says more than any error.
    let two = two_folders(Some(&["own.other"]));
    assert_eq!(fs::publish_dir_by(&mut never, &two.from, &two.to, "own.me").unwrap(), Created::Exists);
}

#[test]
fn a_false_absence_of_the_folder_to_publish_is_not_believed() {
    let two = two_folders(None);
    let mut call = failing(2, missing, rename);
    assert_eq!(fs::publish_dir_by(&mut call, &two.from, &two.to, "own.me").unwrap(), Created::Yes);
}

#[test]
fn publishing_from_or_into_a_missing_folder_fails_at_once() {
    let two = two_files(None, None);
    let before = std::time::Instant::now();
    assert_eq!(fs::publish_dir(&two.from, &two.to, "own.me").unwrap_err().kind(), io::ErrorKind::NotFound);
    let deep = two_folders(None);
    assert!(fs::publish_dir(&deep.from, &deep.to.join("deep"), "own.me").is_err());
    assert!(before.elapsed() < fs::PATIENCE);
}

#[test]
fn a_folder_that_was_published_and_taken_on_since_is_not_ours() {
    let two = two_folders(None);
    let mut call = |from: &Path, to: &Path| {
        std::fs::rename(from, to)?;
        std::fs::rename(to.join("own.me"), to.join("own.other"))
    };
    assert_eq!(fs::publish_dir_by(&mut call, &two.from, &two.to, "own.me").unwrap(), Created::Exists);
}

#[test]
fn a_file_is_published_once() {
    let two = two_files(Some("new"), None);
    assert_eq!(fs::publish_file(&two.from, &two.to).unwrap(), Created::Yes);
    assert_eq!((text(&two.from), text(&two.to)), ("new".into(), "new".into()));
    let two = two_files(Some("new"), Some("old"));
    assert_eq!(fs::publish_file(&two.from, &two.to).unwrap(), Created::Exists);
    assert_eq!(text(&two.to), "old");
    let two = two_files(None, None);
    assert_eq!(fs::publish_file(&two.from, &two.to).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn equal_content_does_not_make_anothers_file_ours() {
    let two = two_files(Some("same"), Some("same"));
    assert_eq!(fs::hard_link(&two.from, &two.to).unwrap(), Created::Exists);
    assert!(!fs::same_file(&two.from, &two.to).unwrap());
}

#[test]
fn a_link_whose_reply_was_lost_is_ours() {
    for error in [taken, again, missing] {
        let two = two_files(Some("new"), None);
        let mut call = losing(1, error, link);
        assert_eq!(fs::hard_link_by(&mut call, &two.from, &two.to).unwrap(), Created::Yes);
        assert!(fs::same_file(&two.from, &two.to).unwrap());
    }
}

#[test]
fn linking_again_what_is_linked_is_no_failure() {
    let two = two_files(Some("new"), None);
    assert_eq!(fs::hard_link(&two.from, &two.to).unwrap(), Created::Yes);
    assert_eq!(fs::hard_link(&two.from, &two.to).unwrap(), Created::Yes);
}

#[cfg(unix)]
#[test]
fn a_share_without_links_says_so() {
    for code in [libc::EPERM, libc::EOPNOTSUPP, libc::EMLINK, libc::ENOSYS] {
        let two = two_files(Some("new"), None);
        let mut call = move |_: &Path, _: &Path| Err(io::Error::from_raw_os_error(code));
        let error = fs::hard_link_by(&mut call, &two.from, &two.to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}

#[test]
fn without_links_a_file_moves_to_its_name_and_replaces_nothing() {
    use crate::sys::os::fs::rename_new;
    let two = two_files(Some("new"), None);
    assert_eq!(fs::rename_new_by(&mut rename_new, &two.from, &two.to).unwrap(), Created::Yes);
    assert!(!two.from.exists());
    let two = two_files(Some("new"), Some("old"));
    assert_eq!(fs::rename_new_by(&mut rename_new, &two.from, &two.to).unwrap(), Created::Exists);
    assert_eq!((text(&two.from), text(&two.to)), ("new".into(), "old".into()));
    for error in [missing, taken, again] {
        let two = two_files(Some("new"), None);
        let mut call = losing(1, error, rename_new);
        assert_eq!(fs::rename_new_by(&mut call, &two.from, &two.to).unwrap(), Created::Yes);
    }
}

#[test]
fn what_is_consumed_is_moved_and_cannot_be_consumed_twice() {
    let two = two_files(Some("mine"), None);
    assert_eq!(fs::consume(&two.from, &two.to).unwrap(), Removed::Yes);
    assert_eq!(text(&two.to), "mine");
    // Asking again after a lost reply proves itself by the unique name.
    assert_eq!(fs::consume(&two.from, &two.to).unwrap(), Removed::Yes);
    assert_eq!(fs::consume(&two.from, &two.to.with_extension("other")).unwrap(), Removed::Absent);
}

#[test]
fn folders_are_consumed_like_files() {
    let two = two_folders(None);
    assert_eq!(fs::consume(&two.from, &two.to).unwrap(), Removed::Yes);
    assert!(two.to.join("own.me").is_dir());
}

#[test]
fn consuming_believes_the_listing() {
    for error in [missing, again] {
        let two = two_files(Some("mine"), None);
        let mut call = losing(1, error, rename);
        assert_eq!(fs::consume_by(&mut call, &two.from, &two.to).unwrap(), Removed::Yes);
        let two = two_files(Some("mine"), None);
        let mut call = failing(2, error, rename);
        assert_eq!(fs::consume_by(&mut call, &two.from, &two.to).unwrap(), Removed::Yes);
    }
    // Told Ok, but another client's handle moved it on.
    let two = two_files(Some("mine"), None);
    let mut call = |from: &Path, to: &Path| std::fs::rename(from, to.with_extension("theirs"));
    assert_eq!(fs::consume_by(&mut call, &two.from, &two.to).unwrap(), Removed::Absent);
    let two = two_files(Some("mine"), None);
    assert_eq!(fs::consume_by(&mut never, &two.from, &two.to).unwrap_err().kind(), refused().kind());
}

#[test]
fn consuming_into_a_missing_folder_is_an_error_and_moves_nothing() {
    let two = two_files(Some("mine"), None);
    let before = std::time::Instant::now();
    assert!(fs::consume(&two.from, &two.to.join("deep")).is_err());
    assert_eq!(text(&two.from), "mine");
    assert!(before.elapsed() < fs::PATIENCE);
}

#[test]
fn a_file_is_replaced_whole() {
    let two = two_files(Some("new"), Some("old"));
    assert_eq!(fs::replace(&two.from, &two.to).unwrap(), Removed::Yes);
    assert_eq!(text(&two.to), "new");
    assert!(!two.from.exists());
    assert_eq!(fs::replace(&two.from, &two.to).unwrap(), Removed::Absent);
    assert_eq!(text(&two.to), "new");
}

#[test]
fn a_replacement_whose_reply_was_lost_happened() {
    for error in [missing, again] {
        let two = two_files(Some("new"), Some("old"));
        let mut call = losing(1, error, rename);
        assert_eq!(fs::replace_by(&mut call, &two.from, &two.to).unwrap(), Removed::Yes);
    }
    // Somebody else consumed it in the same moment.
    let two = two_files(Some("new"), Some("old"));
    let mut call = |from: &Path, to: &Path| {
        std::fs::rename(from, to.with_extension("theirs"))?;
        Err(missing())
    };
    assert_eq!(fs::replace_by(&mut call, &two.from, &two.to).unwrap(), Removed::Absent);
    assert_eq!(text(&two.to), "old");
}

#[test]
fn files_are_exchanged_or_left_alone() {
    let two = two_files(Some("new"), Some("old"));
    match fs::exchange(&two.from, &two.to) {
        Ok(()) => assert_eq!((text(&two.from), text(&two.to)), ("old".into(), "new".into())),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            assert_eq!((text(&two.from), text(&two.to)), ("new".into(), "old".into()));
        }
    }
}

#[test]
fn removing_says_what_was_there() {
    let two = two_files(Some("x"), None);
    assert_eq!(fs::remove_file(&two.from).unwrap(), Removed::Yes);
    assert_eq!(fs::remove_file(&two.from).unwrap(), Removed::Absent);
    let two = two_folders(None);
    assert_eq!(fs::remove_dir(&two.from).unwrap(), Removed::NotEmpty);
    assert_eq!(fs::remove_dir(&two.from.join("own.me")).unwrap(), Removed::Yes);
    assert_eq!(fs::remove_dir(&two.from).unwrap(), Removed::Yes);
    assert_eq!(fs::remove_dir(&two.from).unwrap(), Removed::Absent);
    assert_eq!(fs::remove_dir(&two.from.join("deep")).unwrap(), Removed::Absent);
}

#[test]
fn a_removal_whose_reply_was_lost_happened() {
    let two = two_files(Some("x"), None);
    let mut calls = 0;
    let mut call = |path: &Path| {
        calls += 1;
        std::fs::remove_file(path)?;
        if calls == 1 { Err(again()) } else { Ok(()) }
    };
    assert_eq!(fs::remove_by(&mut call, &two.from).unwrap(), Removed::Yes);
    assert_eq!(calls, 1);
}

#[test]
fn folders_are_made_once() {
    let folder = folder();
    let path = folder.path().join("a");
    assert_eq!(fs::create_dir(&path).unwrap(), Created::Yes);
    assert_eq!(fs::create_dir(&path).unwrap(), Created::Exists);
    assert!(fs::create_dir(&folder.path().join("b/c")).is_err());
    fs::create_dir_all(&folder.path().join("b/c/d")).unwrap();
    fs::create_dir_all(&folder.path().join("b/c/d")).unwrap();
    assert!(folder.path().join("b/c/d").is_dir());
}

#[cfg(unix)]
#[test]
fn a_refusal_is_reported_without_waiting() {
    let before = std::time::Instant::now();
    let mut call = |_: &Path, _: &Path| Err(io::Error::from_raw_os_error(libc::EACCES));
    let two = two_files(Some("x"), Some("y"));
    for result in [
        fs::consume_by(&mut call, &two.from, &two.to.with_extension("unique")).map(drop),
        fs::replace_by(&mut call, &two.from, &two.to).map(drop),
        fs::hard_link_by(&mut call, &two.from, &two.to.with_extension("unique")).map(drop),
    ] {
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
    assert!(before.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn an_anchor_leads_to_its_folder_and_a_missing_one_to_its_own_path() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a");
    std::fs::create_dir(&folder).unwrap();
    let anchor = fs::Anchor::at(&folder);
    let _ = fs::write_new(&anchor.path().join("film"), b"x").unwrap();
    assert_eq!(std::fs::read(folder.join("film")).unwrap(), b"x");
    assert_eq!(fs::list(anchor.path()).unwrap().len(), 1);
    let missing = dir.path().join("b");
    assert_eq!(fs::Anchor::at(&missing).path(), missing);
}

/// The point of it: what is above the folder is not looked up again.
#[cfg(target_os = "linux")]
#[test]
fn an_anchor_leads_to_a_folder_that_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    let anchor = fs::Anchor::at(&dir.path().join("a/b"));
    std::fs::rename(dir.path().join("a"), dir.path().join("c")).unwrap();
    std::fs::create_dir(anchor.path().join("made")).unwrap();
    assert!(dir.path().join("c/b/made").is_dir());
}
