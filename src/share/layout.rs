//! The only place that spells the name of a file of ours.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::sys;

/// Folder of ours at the library's root.
pub const LIBRARY_DIR: &str = ".mediabox";
/// The doorbell's ending.
pub const LOCK_SUFFIX: &str = ".mediabox.lock";
/// The second Python generation's ending.
pub const LEGACY_LOCK_SUFFIX: &str = ".lock";
/// The shared cache, one in each media folder.
pub const CACHE_NAME: &str = ".mediabox_cache.json";
/// Settings that the whole fleet shares, at the library's root.
pub const CONFIG_NAME: &str = "media-converter.toml";

/// The stage file in a work folder: no media ending, so neither a media server nor a Python worker takes it for media.
pub const STAGE: &str = "out.part";
/// The holder's record in its work folder; the doorbell is a second name of it.
pub const INFO: &str = "info";
/// The commit record in a work folder.
pub const COMMIT: &str = "commit";
/// Names of displaced originals in a work folder begin with this; a sweep never deletes them.
pub const ORIGINAL_PREFIX: &str = "orig";

/// Staging folder in a work folder, renamed onto the lock directory.
pub(super) const CLAIM_STAGING: &str = "l";
/// Staging folder in a work folder, renamed onto the seal's slot.
pub(super) const SEAL_STAGING: &str = "s";
/// Where staging goes that must not be published any more.
pub(super) const RETIRED: &str = "r";
/// The slot in an owner's entry.
pub(super) const SEAL: &str = "seal";
/// Where a finished entry is moved in a work folder.
pub(super) const ENDED: &str = "end";
/// The folder's old cache while the new one takes its place (Linux SMB alone).
pub(super) const OLD_CACHE: &str = "out.old";
/// A doorbell taken away to be looked at.
pub(super) const OLD_DOORBELL: &str = "oldL";

/// In a job's folder below `--temp-dir`: the path of its work folder.
pub const SCRATCH_NOTE: &str = "work";

const OURS: &str = ".mbx-";
const SCRATCH: &str = "media-converter";
const RESULTS_SUFFIX: &str = ".log";
const WISH_SUFFIX: &str = ".json";
const NOTICE_SUFFIX: &str = ".json";
const OWN: &str = "own.";
const BY: &str = "by.";
const HASH_DIGITS: usize = 16;
const TOKEN_DIGITS: usize = 32;
const HOME_DIGITS: usize = 8;

/// A name of ours in a media folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// `.mbx-<hash>.lk`
    LockDir { hash: String },
    /// `.mbx-<hash>.w-<token>`
    WorkDir { hash: String, token: String },
    /// `<file>.mediabox.lock`
    Doorbell { file: String },
    /// `.mediabox_cache.json` and what belongs to it
    Cache,
    /// `.mediabox`
    Library,
    /// `media-converter.toml`
    Config,
}

/// What a name is, where it is ours.
pub fn ours(name: &str) -> Option<Ours> {
    if let Some(rest) = name.strip_prefix(OURS) {
        let (hash, rest) = rest.split_at_checked(HASH_DIGITS)?;
        if !is_hex(hash) {
            return None;
        }
        if rest == ".lk" {
            return Some(Ours::LockDir { hash: hash.to_owned() });
        }
        let token = rest.strip_prefix(".w-")?;
        return is_token(token).then(|| Ours::WorkDir { hash: hash.to_owned(), token: token.to_owned() });
    }
    if let Some(file) = name.strip_suffix(LOCK_SUFFIX) {
        return (!file.is_empty()).then(|| Ours::Doorbell { file: file.to_owned() });
    }
    if name.starts_with(CACHE_NAME) {
        return Some(Ours::Cache);
    }
    match name {
        LIBRARY_DIR => Some(Ours::Library),
        CONFIG_NAME => Some(Ours::Config),
        _ => None,
    }
}

/// First 16 hex digits of BLAKE3 over the folded *stem*: sources that would make the same output share one claim.
pub fn stem_hash(file_name: &str) -> String {
    let folded = sys::path::folded(stem(file_name));
    let mut hex = blake3::hash(folded.as_bytes()).to_hex().to_string();
    hex.truncate(HASH_DIGITS);
    hex
}

/// The name without its last extension; a name that only begins with a dot has none.
pub fn stem(file_name: &str) -> &str {
    match file_name.rfind('.') {
        Some(dot) if dot > 0 => &file_name[..dot],
        _ => file_name,
    }
}

/// `.mbx-<h>.lk` beside `source`.
pub fn lock_dir(source: &Path) -> PathBuf {
    source.with_file_name(lock_dir_name(&hash_of(source)))
}

/// `.mbx-<h>.w-<token>` beside `source`.
pub fn work_dir(source: &Path, token: &str) -> PathBuf {
    source.with_file_name(work_dir_name(&hash_of(source), token))
}

/// `<file>.mediabox.lock`
pub fn doorbell(source: &Path) -> PathBuf {
    suffixed(source, LOCK_SUFFIX)
}

/// `<file>.lock`, the second Python generation's name.
pub fn legacy_doorbell(source: &Path) -> PathBuf {
    suffixed(source, LEGACY_LOCK_SUFFIX)
}

/// A folder of `doctor`'s trials: `.mediabox/try-<token>`.
pub fn trial_dir(root: &Path, token: &str) -> PathBuf {
    root.join(LIBRARY_DIR).join(format!("try-{token}"))
}

/// A job's folder below `--temp-dir`: `media-converter.mbx-<h>.w-<T>`.
pub fn scratch_dir(temp: &Path, work_dir: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(SCRATCH);
    name.push(work_dir.file_name().unwrap_or_default());
    temp.join(name)
}

/// Whether a name below `--temp-dir` is such a folder's.
pub fn is_scratch(name: &str) -> bool {
    scratch_token(name).is_some()
}

/// The token of such a name.
pub(super) fn scratch_token(name: &str) -> Option<String> {
    match ours(name.strip_prefix(SCRATCH)?)? {
        Ours::WorkDir { token, .. } => Some(token),
        _ => None,
    }
}

/// The trash folder of a library: `.mediabox/trash`.
pub fn trash(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("trash")
}

/// What somebody wants first: `.mediabox/first`.
pub(super) fn wishes(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("first")
}

/// One wish's file.
pub(super) fn wish(root: &Path, token: &str) -> PathBuf {
    wishes(root).join(format!("{token}{WISH_SUFFIX}"))
}

/// The token of such a file's name.
pub(super) fn wish_token(name: &str) -> Option<&str> {
    name.strip_suffix(WISH_SUFFIX).filter(|token| is_token(token))
}

/// What each machine says of itself: `.mediabox/machines`.
pub(super) fn machines(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("machines")
}

/// One process's notice in [`machines`].
pub(super) fn machine(root: &Path, token: &str) -> PathBuf {
    machines(root).join(format!("{token}{NOTICE_SUFFIX}"))
}

/// The token of such a file's name.
pub(super) fn machine_token(name: &str) -> Option<&str> {
    name.strip_suffix(NOTICE_SUFFIX).filter(|token| is_token(token))
}

/// What became of contents, whatever their names: `.mediabox/results`.
pub(super) fn results(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("results")
}

/// A process's own file in [`results`].
pub(super) fn results_file(token: &str) -> String {
    format!("{token}{RESULTS_SUFFIX}")
}

/// Whether a name in [`results`] is such a file.
pub(super) fn is_results_file(name: &str) -> bool {
    name.strip_suffix(RESULTS_SUFFIX).is_some_and(is_token)
}

/// The file that pauses the whole fleet: `.mediabox/pause`.
pub fn pause(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("pause")
}

/// The file that pauses one machine, in its state folder.
pub fn own_pause(state: &Path) -> PathBuf {
    state.join("pause")
}

/// The file that holds a library's id.
pub fn library_id(root: &Path) -> PathBuf {
    root.join(LIBRARY_DIR).join("id")
}

pub(super) fn lock_dir_name(hash: &str) -> String {
    format!("{OURS}{hash}.lk")
}

pub(super) fn work_dir_name(hash: &str, token: &str) -> String {
    format!("{OURS}{hash}.w-{token}")
}

/// The owner's entry in a lock directory.
pub(super) fn own(token: &str) -> String {
    format!("{OWN}{token}")
}

/// The sealer's mark in a seal.
pub(super) fn by(token: &str) -> String {
    format!("{BY}{token}")
}

/// The token of an owner's entry.
pub(super) fn own_token(name: &str) -> Option<&str> {
    name.strip_prefix(OWN).filter(|token| is_token(token))
}

/// The token of a sealer's mark.
pub(super) fn by_token(name: &str) -> Option<&str> {
    name.strip_prefix(BY).filter(|token| is_token(token))
}

/// What NAS systems, file managers and NFS clients drop into any folder: may be removed from a lock directory.
pub(super) fn is_litter(name: &str) -> bool {
    matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini" | "@eaDir" | ".AppleDouble")
        || name.starts_with("._")
}

/// A new token: 8 digits for this machine's boot and pid namespace, 8 for the pid, 16 at random.
pub(super) fn new_token() -> String {
    let me = sys::host::me();
    format!("{}{:08x}{}", sys::host::home(me), me.pid, sys::host::random_hex(8))
}

/// The home digits and the pid of a token.
pub(super) fn token_parts(token: &str) -> Option<(&str, u32)> {
    let (home, rest) = token.split_at_checked(HOME_DIGITS)?;
    let pid = u32::from_str_radix(rest.get(..8)?, 16).ok()?;
    Some((home, pid))
}

fn hash_of(source: &Path) -> String {
    stem_hash(&source.file_name().unwrap_or_default().to_string_lossy())
}

fn suffixed(source: &Path, suffix: &str) -> PathBuf {
    let mut name = source.file_name().unwrap_or(OsStr::new("")).to_owned();
    name.push(suffix);
    source.with_file_name(name)
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_DIGITS && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
