//! Names: keys relative to a root, stems, extensions, what a person is shown.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::model::key::Key;

/// The key of `path` below `root`: `/`-separated, NFC. `None` where `path` is not below `root` or is not Unicode.
pub fn key(root: &Path, path: &Path) -> Option<Key> {
    let mut key = String::new();
    for component in path.strip_prefix(root).ok()?.components() {
        let Component::Normal(name) = component else { return None };
        if !key.is_empty() {
            key.push('/');
        }
        key.extend(name.to_str()?.nfc());
    }
    if key.is_empty() { None } else { Some(Key(key)) }
}

/// A name in NFC: one spelling for machines that compose accents and those that do not.
pub fn composed(name: &str) -> Cow<'_, str> {
    if is_nfc_quick(name.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.nfc().collect())
}

/// NFC, then case-folded: two names that are one file on some share give the same text.
///
/// The folding is Unicode's lower-casing with the final sigma joined to the ordinary one, not the full CaseFolding
/// table: `ß` and `ss` stay different, as they do on NTFS, APFS and Samba.
pub fn folded(name: &str) -> String {
    let lower = name.nfc().collect::<String>().to_lowercase().replace('ς', "σ");
    // Lower-casing may decompose (`İ`), so that a second NFC is needed to make folding idempotent.
    lower.nfc().collect()
}

/// Lower-case extension without the dot; empty where there is none.
pub fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether this system's programs take a name that a listing showed for that very file. Windows' do not with some.
pub fn means_itself(name: &str) -> bool {
    !cfg!(windows) || is_plain_to_windows(name)
}

/// Windows' programs leave dots and spaces at a name's end away, so that another file is opened, and take some names,
/// whatever extension follows, for devices ("Naming Files, Paths, and Namespaces"). Its own listing shows both, where
/// another system or a server made them.
pub fn is_plain_to_windows(name: &str) -> bool {
    const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|end| {
            matches!(end.as_bytes(), [b'1'..=b'9']) || ["\u{b9}", "\u{b2}", "\u{b3}"].contains(&end)
        })
    });
    !name.ends_with(['.', ' ']) && !DEVICES.contains(&stem.as_str()) && !numbered
}

/// A name as Samba makes it up where a file's own has characters that SMB does not know, or is a device's: eight capitals and
/// digits with `~` before the last (`mangling method = hash2`, smb.conf(5)).
pub fn is_made_up(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let of_it = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
    let [first, middle @ .., b'~', last] = stem.as_bytes() else { return false };
    middle.len() == 5
        && (of_it(*first) || *first == b'_')
        && middle.iter().chain([last]).all(|c| of_it(*c))
        && extension.len() <= 3
        && extension.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || b"_-$~".contains(&c))
}

/// The absolute, symlink-free path of an existing file or folder, without `\\?\` where it is not needed. One folder has one
/// spelling, by whichever drive or share it was reached.
pub fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    let real = dunce::canonicalize(path)?;
    Ok(real.to_str().and_then(plain_share).unwrap_or(real))
}

/// `\\?\UNC\nas\media\films` as everybody writes it: `\\nas\media\films`. `None` where that is not what it is, or where the
/// short form would mean something else. dunce does this for drives only.
pub(in crate::sys) fn plain_share(path: &str) -> Option<PathBuf> {
    /// MAX_PATH less the two that the short form begins with.
    const LONGEST: usize = 258;
    let rest = path.strip_prefix(r"\\?\UNC\")?;
    let plain = rest.encode_utf16().count() < LONGEST && rest.split('\\').all(is_plain_to_windows);
    plain.then(|| format!(r"\\{rest}").into())
}

/// The share behind a mapped drive: `Z:\films` → `\\nas\media\films`. `None`: no mapped drive of this user's (never one, unless
/// Windows). Services and elevated shells do not see a user's drives, but they see the share.
pub fn behind_drive(path: &Path) -> Option<PathBuf> {
    super::os::drives::behind(path)
}

/// Where a folder can be reached from this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As it is spelled.
    Here,
    /// Its drive is not there, as in a service or an elevated shell, but the share behind it is.
    ByShare(PathBuf),
    /// Its drive is not there, and the share behind it cannot be reached either.
    Away(PathBuf),
    /// It is not there.
    Missing,
}

/// Looks for a folder, and for the share behind its drive where the drive is not there.
pub fn reach(folder: &Path) -> Reach {
    if folder.is_dir() {
        return Reach::Here;
    }
    match behind_drive(folder) {
        Some(share) if share.is_dir() => Reach::ByShare(share),
        Some(share) => Reach::Away(share),
        None => Reach::Missing,
    }
}
