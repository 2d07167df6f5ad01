use std::path::Path;

use crate::model::key::Key;
use crate::sys::path::{canonical, extension, folded, is_made_up, is_plain_to_windows, key, plain_share};

fn key_of(root: &str, path: &str) -> Option<String> {
    key(Path::new(root), Path::new(path)).map(|Key(text)| text)
}

#[test]
fn a_key_is_relative_and_composed() {
    assert_eq!(key_of("/lib", "/lib/a/b.mkv").as_deref(), Some("a/b.mkv"));
    assert_eq!(key_of("/lib/", "/lib//a/./b.mkv").as_deref(), Some("a/b.mkv"));
    assert_eq!(key_of("/lib", "/lib/Mu\u{308}ller.mkv").as_deref(), Some("M\u{fc}ller.mkv"));
}

#[test]
fn what_is_not_below_the_root_has_no_key() {
    assert_eq!(key_of("/lib", "/other/a.mkv"), None);
    assert_eq!(key_of("/lib", "/library/a.mkv"), None);
    assert_eq!(key_of("/lib", "/lib"), None);
    assert_eq!(key_of("/lib", "/lib/../a.mkv"), None);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_unicode_has_no_key() {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new("/lib").join(std::ffi::OsStr::from_bytes(b"a\xff.mkv"));
    assert_eq!(key(Path::new("/lib"), &path), None);
}

#[test]
fn names_that_are_one_file_somewhere_fold_to_one_text() {
    assert_eq!(folded("MU\u{308}LLER.MKV"), folded("m\u{fc}ller.mkv"));
    assert_eq!(folded("ΟΔΟΣ"), folded("οδοσ"));
    assert_ne!(folded("a"), folded("b"));
}

#[test]
fn a_share_is_spelled_as_everybody_does_where_that_means_the_same() {
    let plain = |path: &str| plain_share(path).map(|path| path.to_string_lossy().into_owned());
    assert_eq!(plain(r"\\?\UNC\nas\media").as_deref(), Some(r"\\nas\media"));
    assert_eq!(plain(r"\\?\UNC\nas\media\A film.mkv").as_deref(), Some(r"\\nas\media\A film.mkv"));
    let long = format!(r"\\?\UNC\nas\media\{}", "a".repeat(250));
    for other in
        [r"\\?\C:\films", r"\\nas\media", r"\\?\UNC\nas\media\Season 1.", r"\\?\UNC\nas\media\con", &long]
    {
        assert_eq!(plain(other), None, "{other}");
    }
}

#[test]
fn names_that_windows_reads_as_something_else_are_known() {
    for name in [
        "Season 1.",
        "film.mkv ",
        "film.mkv..",
        "CON",
        "con.mkv",
        "Aux.films.mkv",
        "nul .mkv",
        "COM1.mkv",
        "lpt\u{b2}",
        "CONIN$",
    ] {
        assert!(!is_plain_to_windows(name), "{name}");
    }
    for name in
        ["film.mkv", ".hidden", "film .mkv", "Con Air.mkv", "com10.mkv", "COM.mkv", "auxiliary", "..a"]
    {
        assert!(is_plain_to_windows(name), "{name}");
    }
}

#[test]
fn names_that_samba_makes_up_are_known() {
    for name in ["M7X2QK~D.MKV", "_0000A~9.AVI", "S0K8FQ~2", "A12345~6.TS"] {
        assert!(is_made_up(name), "{name}");
    }
    for name in [
        "Movies~1.mkv",
        "m7x2qk~d.mkv",
        "M7X2QK~D.Mkv",
        "M7X2Q~DD.MKV",
        "AM7X2QK~D.MKV",
        "~D.MKV",
        "A.MKV",
        "M7X2QK~D.TOOLONG",
    ] {
        assert!(!is_made_up(name), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn folding_twice_changes_nothing(text in "\\PC*") {
        let once = folded(&text);
        proptest::prop_assert_eq!(folded(&once), once);
    }
}

#[test]
fn extensions_are_lower_case() {
    assert_eq!(extension(Path::new("a/B.Mkv")), "mkv");
    assert_eq!(extension(Path::new("a/b")), "");
    assert_eq!(extension(Path::new("a/.hidden")), "");
    assert_eq!(extension(Path::new("a.tar.GZ")), "gz");
}

#[test]
fn a_canonical_path_exists_and_has_no_dots() {
    let folder = super::folder();
    let path = folder.path().join("x").join("..");
    assert!(canonical(&folder.path().join("x")).is_err());
    std::fs::create_dir(folder.path().join("x")).unwrap();
    assert_eq!(canonical(&path).unwrap(), canonical(folder.path()).unwrap());
}
