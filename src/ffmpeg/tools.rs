//! Finding ffmpeg and ffprobe and knowing what build they are.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::progress;
use crate::model::error::{Error, Kind, Result};
use crate::sys::{self, process::Spawn};

/// A program that does not say its version within this time does not work.
const PATIENCE: Duration = Duration::from_secs(15);

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    /// Version word of the first line, e.g. `5.1.9-0+deb12u1`.
    pub version: String,
    /// Major, minor; `None` for builds from git.
    pub release: Option<(u32, u32)>,
}

/// Finds both: the given paths, else beside our own program, else PATH. [`Kind::MissingTool`] with what to install where one is missing or
/// does not run.
///
/// [`Kind::MissingTool`]: crate::model::error::Kind::MissingTool
pub fn find(ffmpeg: Option<&Path>, ffprobe: Option<&Path>) -> Result<Tools> {
    find_remembered(ffmpeg, ffprobe, &|_, _| None, &|_, _, _| ())
}

/// [`find`], asking only programs whose version `recall` does not know from before: it is given a program's path and what
/// tells that it is still the same file. `keep` takes what was asked.
pub fn find_remembered(
    ffmpeg: Option<&Path>,
    ffprobe: Option<&Path>,
    recall: &dyn Fn(&str, &str) -> Option<String>,
    keep: &dyn Fn(&str, &str, &str),
) -> Result<Tools> {
    let ffmpeg = locate("ffmpeg", ffmpeg, None)?;
    // Who names an ffmpeg in a folder of its own means the ffprobe beside it, not an older one in PATH.
    let ffprobe = locate("ffprobe", ffprobe, ffmpeg.parent())?;
    let ask = |program: &Path, name: &str| {
        let path = program.to_string_lossy();
        let file = sys::path::canonical(program).unwrap_or_else(|_| program.to_owned());
        let stamp = sys::fs::stamp(&file).unwrap_or_default();
        let state = format!("{} {} {}.{:09}", file.display(), stamp.size, stamp.sec, stamp.nsec);
        if let Some(version) = recall(&path, &state) {
            return Ok(version);
        }
        let version = version(program, name)?;
        keep(&path, &state, &version);
        Ok(version)
    };
    let version = ask(&ffmpeg, "ffmpeg")?;
    ask(&ffprobe, "ffprobe")?;
    let release = release(&version);
    Ok(Tools { ffmpeg, ffprobe, version, release })
}

fn locate(name: &str, given: Option<&Path>, companion: Option<&Path>) -> Result<PathBuf> {
    let missing = || Error::new(Kind::MissingTool, format!("find {name}"));
    if let Some(given) = given {
        return sys::process::find_program(given).ok_or_else(|| {
            missing()
                .at(given)
                .hint(format!("There is no program of that name; give the whole path of {name}."))
        });
    }
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join(name));
    let companion = companion.map(|folder| folder.join(name));
    [companion, beside, Some(PathBuf::from(name))]
        .into_iter()
        .flatten()
        .find_map(|candidate| sys::process::find_program(&candidate))
        .ok_or_else(|| missing().hint(install_hint()))
}

/// Asks a program for its version; whatever does not answer as it should is as good as missing.
fn version(program: &Path, name: &str) -> Result<String> {
    let broken = |why: String| {
        Error::new(Kind::MissingTool, format!("run {name}")).at(program).because(why).hint(install_hint())
    };
    let spawn = Spawn { program: program.to_path_buf(), args: vec!["-version".into()], background: false };
    let output = sys::process::output(&spawn, PATIENCE, 64 * 1024).map_err(|e| broken(e.to_string()))?;
    if output.timed_out {
        return Err(broken(format!("it did not answer `-version` within {} s", PATIENCE.as_secs())));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let word = stdout.lines().next().and_then(|line| version_word(line, name));
    match word {
        Some(word) if output.ended.success() => Ok(word.to_owned()),
        _ => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let end = match output.ended.code {
                Some(code) => format!("`-version` ended with exit code {code}"),
                None => "`-version` was ended by a signal".to_owned(),
            };
            Err(broken(progress::telling(&stderr).map_or(end.clone(), |line| format!("{end}: {line}"))))
        }
    }
}

/// `ffmpeg version 5.1.9-0+deb12u1 Copyright (c) …` says `5.1.9-0+deb12u1`.
fn version_word<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.trim_start().strip_prefix("version ")?.split_whitespace().next()
}

/// Major and minor of a version word; `None` for builds from git (`N-109542-g1bf1659d3e`, `2023-07-16-git-c541ecf0dc-full_build`).
fn release(version: &str) -> Option<(u32, u32)> {
    let digits = version.strip_prefix('n').unwrap_or(version);
    let (major, rest) = digits.split_once('.')?;
    let minor = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn install_hint() -> String {
    let system = sys::fs::read_small(Path::new("/etc/os-release"), 64 * 1024).unwrap_or_default();
    hint(std::env::consts::OS, &String::from_utf8_lossy(&system))
}

/// What to type; `os_release` is the text of /etc/os-release.
fn hint(os: &str, os_release: &str) -> String {
    let ids: Vec<&str> = os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .collect();
    let is = |wanted: &[&str]| ids.iter().any(|id| wanted.contains(id));
    let command = match os {
        "windows" => "winget install --id Gyan.FFmpeg --exact",
        "macos" => "brew install ffmpeg",
        _ if is(&["debian", "ubuntu"]) => "sudo apt install ffmpeg",
        _ if is(&["fedora", "rhel", "centos"]) => {
            "sudo dnf install --allowerasing ffmpeg (from RPM Fusion: Fedora's own ffmpeg-free has no libx264)"
        }
        _ if is(&["arch"]) => "sudo pacman -S ffmpeg",
        _ if is(&["suse", "opensuse"]) => "sudo zypper install ffmpeg",
        _ if is(&["alpine"]) => "doas apk add ffmpeg",
        _ => return "Install ffmpeg with ffprobe, version 4.4 or newer, from your system's packages.".into(),
    };
    format!("Install ffmpeg: {command}")
}
