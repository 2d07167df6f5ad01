//! PATH by the login shells' profiles.

use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sys::fs::{Created, Growing, read_small, write_new};

/// Marks what is ours in a file of the user's.
const MARK: &str = "# added by media-converter setup";

/// A longer profile is none.
const LONGEST: u64 = 1024 * 1024;

/// Read by sh and its children, by bash instead of it, by zsh.
const PROFILES: [&str; 3] = [".profile", ".bash_profile", ".zprofile"];

/// Files that got a line, with their length before.
#[derive(Debug)]
pub struct Added(Vec<(PathBuf, u64, String)>);

impl Added {
    pub fn take_back(self) -> io::Result<()> {
        for (file, before, line) in self.0 {
            let now = read(&file)?;
            // Only where nobody has written behind us.
            if now.len() as u64 == before + line.len() as u64 && now.ends_with(&line) {
                if before == 0 {
                    std::fs::remove_file(&file)?;
                } else {
                    std::fs::OpenOptions::new().write(true).open(&file)?.set_len(before)?;
                }
            } else {
                drop_line(&file, &line)?;
            }
        }
        Ok(())
    }

    pub fn place(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|(file, ..)| file.display().to_string()).collect();
        names.join(", ")
    }
}

pub fn same_folder(a: &Path, b: &Path) -> bool {
    // `components` drops what makes no difference: doubled and final slashes.
    a.components().eq(b.components())
}

pub fn is_written_down(folder: &Path, home: Option<&Path>) -> io::Result<bool> {
    let Some(home) = home else { return Ok(false) };
    let mut spellings = vec![folder.to_string_lossy().into_owned()];
    if let Ok(below) = folder.strip_prefix(home) {
        // Debian's profile says `$HOME/.local/bin`.
        spellings.extend([format!("$HOME/{}", below.display()), format!("~/{}", below.display())]);
    }
    for profile in PROFILES {
        let text = read(&home.join(profile))?;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        if lines.into_iter().any(|line| line.contains("PATH") && spellings.iter().any(|s| line.contains(s))) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn line(folder: &Path) -> io::Result<String> {
    let Some(text) = folder.to_str().filter(|text| !text.contains([':', '\n'])) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "PATH cannot hold a folder of this name"));
    };
    Ok(format!("export PATH='{}':\"$PATH\" {MARK}\n", text.replace('\'', r"'\''")))
}

pub fn add_to_path(folder: &Path, home: Option<&Path>) -> io::Result<Added> {
    let home =
        home.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "this user has no home to keep a PATH in"))?;
    let line = line(folder)?;
    let mut added = Added(Vec::new());
    for profile in PROFILES {
        let file = home.join(profile);
        // A profile of bash's or zsh's own, once made, would hide the common one from them.
        if profile != PROFILES[0] && !file.exists() {
            continue;
        }
        let written = (|| {
            let text = read(&file)?;
            let line =
                if text.is_empty() || text.ends_with('\n') { line.clone() } else { format!("\n{line}") };
            let mut profile = Growing::open(&file)?;
            let before = profile.length();
            profile.append(line.as_bytes())?;
            profile.finish()?;
            Ok((file.clone(), before, line))
        })();
        match written {
            Ok(entry) => added.0.push(entry),
            Err(error) => {
                added.take_back()?;
                return Err(error);
            }
        }
    }
    Ok(added)
}

pub fn remove_from_path(folder: &Path, home: Option<&Path>) -> io::Result<bool> {
    let (Some(home), line) = (home, line(folder)?) else { return Ok(false) };
    let mut found = false;
    for profile in PROFILES {
        found |= drop_line(&home.join(profile), &line)?;
    }
    Ok(found)
}

fn drop_line(file: &Path, line: &str) -> io::Result<bool> {
    let text = read(file)?;
    let Some(rest) = text
        .contains(line.trim())
        .then(|| text.split_inclusive('\n').filter(|other| other.trim() != line.trim()).collect::<String>())
    else {
        return Ok(false);
    };
    if rest.is_empty() && !file.is_symlink() {
        std::fs::remove_file(file)?;
        return Ok(true);
    }
    // Who keeps profiles elsewhere and links them keeps the link.
    let file = &crate::sys::path::canonical(file)?;
    // Whole or not at all: a login with half a profile is a bad morning.
    let beside = file.with_extension("media-converter-new");
    let _ = std::fs::remove_file(&beside);
    if write_new(&beside, rest.as_bytes())? == Created::Exists {
        return Err(io::Error::new(ErrorKind::AlreadyExists, format!("{} is in the way", beside.display())));
    }
    std::fs::set_permissions(&beside, std::fs::metadata(file)?.permissions())?;
    std::fs::rename(&beside, file)?;
    Ok(true)
}

/// The file's text; empty where there is none.
fn read(file: &Path) -> io::Result<String> {
    match read_small(file, LONGEST) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Lets everybody run the file.
pub fn make_program(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

pub fn programs_folder(home: &Path) -> PathBuf {
    home.join(".local/bin")
}

#[cfg(test)]
mod tests {
    use super::{add_to_path, remove_from_path};

    #[test]
    fn a_profile_that_is_a_link_stays_one() {
        let home = tempfile::tempdir().unwrap();
        let (kept, link) = (home.path().join("dotfiles"), home.path().join(".profile"));
        for before in ["umask 022\n", ""] {
            std::fs::write(&kept, before).unwrap();
            std::os::unix::fs::symlink("dotfiles", &link).unwrap();
            add_to_path("/opt/ours".as_ref(), Some(home.path())).unwrap();
            assert!(std::fs::read_to_string(&kept).unwrap().contains("/opt/ours"));
            assert!(remove_from_path("/opt/ours".as_ref(), Some(home.path())).unwrap());
            assert_eq!(std::fs::read_to_string(&kept).unwrap(), before);
            assert!(link.is_symlink());
            std::fs::remove_file(&link).unwrap();
        }
    }
}
