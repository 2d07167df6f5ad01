//! The programs out of an archive, and nothing else of it: names in an archive are somebody else's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zip::ZipArchive;

use crate::model::error::{Error, Kind, Result};
use crate::sys::fs::{self, EntryKind, Growing, Removed};
use crate::sys::process::{self, Spawn};

/// Longest time for `tar`.
const DEADLINE: Duration = Duration::from_secs(600);

/// Folders within folders that an archive may have above its programs.
const DEPTH: usize = 4;

/// Takes the programs of these names (`.exe` included) out of the archive into the folder, which is empty; with them, on
/// Windows, the libraries that lie beside them.
pub fn programs(archive: &Path, into: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io("unpack", archive, error);
    let mut start = [0; 4];
    File::open(archive).and_then(|mut file| file.read_exact(&mut start)).map_err(fail)?;
    let found =
        if start == *b"PK\x03\x04" { unzip(archive, into, names)? } else { untar(archive, into, names)? };
    for name in names {
        if !found.iter().any(|path| path.file_name().is_some_and(|found| found == name.as_str())) {
            return Err(Error::new(Kind::Io, format!("find {name} in")).at(archive).hint(
                "The archive is to be a build of ffmpeg for this system, with both ffmpeg and ffprobe in it.",
            ));
        }
    }
    for path in &found {
        fs::make_program(path).map_err(|error| Error::io("make a program of", path, error))?;
    }
    Ok(found)
}

fn unzip(archive: &Path, into: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let broken = |error: zip::result::ZipError| Error::new(Kind::Io, "unpack").at(archive).because(error);
    let file = File::open(archive).map_err(|error| Error::io("unpack", archive, error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let mut wanted: Vec<(usize, PathBuf)> = Vec::new();
    let listed: Vec<(usize, PathBuf)> = (0..zip.len())
        .filter_map(|index| {
            let entry = zip.by_index_raw(index).ok()?;
            entry.is_file().then(|| entry.enclosed_name()).flatten().map(|name| (index, name))
        })
        .collect();
    let is = |path: &Path, name: &str| path.file_name().is_some_and(|found| found.eq_ignore_ascii_case(name));
    for name in names {
        wanted.extend(listed.iter().find(|(_, path)| is(path, name)).cloned());
    }
    let home: Vec<Option<PathBuf>> =
        wanted.iter().map(|(_, path)| path.parent().map(Path::to_owned)).collect();
    wanted.extend(listed.into_iter().filter(|(_, path)| {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dll"))
            && home.contains(&path.parent().map(Path::to_owned))
    }));
    let mut found = Vec::new();
    for (index, path) in wanted {
        let Some(name) = path.file_name() else { continue };
        // As it is to be called, whatever its case in the archive.
        let name = names
            .iter()
            .find(|wanted| name.eq_ignore_ascii_case(wanted))
            .map_or(name.to_owned(), OsString::from);
        let target = into.join(name);
        let mut entry = zip.by_index(index).map_err(broken)?;
        let write = |error| Error::io("unpack to", &target, error);
        let mut out = Growing::open(&target).map_err(write)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            // A wrong checksum shows as an error at the end.
            match entry.read(&mut buffer).map_err(|error| Error::io("unpack", archive, error))? {
                0 => break,
                read => out.append(&buffer[..read]).map_err(write)?,
            }
        }
        out.finish().map_err(write)?;
        found.push(target);
    }
    Ok(found)
}

/// By the system's `tar`, which knows xz, bzip2 and zstd where their programs are there.
fn untar(archive: &Path, into: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let tar = process::find_program(Path::new("tar")).ok_or_else(|| {
        Error::new(Kind::Io, "unpack").at(archive).hint("There is no `tar` here: use a .zip of ffmpeg.")
    })?;
    let tree = into.join("unpacked");
    fs::create_dir_all(&tree).map_err(|error| Error::io("unpack to", &tree, error))?;
    let args =
        ["-xf".into(), archive.as_os_str().to_owned(), "-C".into(), tree.clone().into_os_string()].to_vec();
    let output = process::output(&Spawn { program: tar, args, background: true }, DEADLINE, 64 * 1024)
        .map_err(|error| Error::io("unpack", archive, error))?;
    if !output.ended.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.lines().last().unwrap_or("tar failed").to_owned();
        return Err(Error::new(Kind::Io, "unpack")
            .at(archive)
            .because(words)
            .hint("It is to be a .zip or a .tar.xz of ffmpeg; for the latter, `xz` has to be installed."));
    }
    let mut found = Vec::new();
    for name in names {
        if let Some(program) = search(&tree, name, DEPTH) {
            let target = into.join(name);
            let moved =
                fs::consume(&program, &target).map_err(|error| Error::io("unpack to", &target, error))?;
            if moved == Removed::Yes {
                found.push(target);
            }
        }
    }
    Ok(found)
}

/// The file of this name, in this folder or below it; links are not followed.
fn search(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let entries = fs::list(folder).ok()?;
    if entries.iter().any(|entry| entry.kind == EntryKind::File && entry.name == name) {
        return Some(folder.join(name));
    }
    entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Dir && depth > 0)
        .find_map(|entry| search(&folder.join(&entry.name), name, depth - 1))
}
