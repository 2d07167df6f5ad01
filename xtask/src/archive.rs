//! Archives whose bytes depend on nothing but their content: names in order, one date, no owner.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use crate::{Result, doing};

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// In the archive, `/`-separated.
    pub name: String,
    /// On this machine.
    pub file: PathBuf,
    /// A program, for those systems that mark them.
    pub program: bool,
}

/// Every file below `folder`, under `prefix`.
pub fn below(folder: &Path, prefix: &str) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(doing(folder.display()))?;
    for entry in entries {
        let path = entry.map_err(doing(folder.display()))?.path();
        let name = format!("{prefix}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            found.extend(below(&path, &name)?);
        } else {
            found.push(Entry { name, file: path, program: false });
        }
    }
    found.sort();
    Ok(found)
}

/// A `.tar.gz`; `top` is the folder that everything in it lies in.
pub fn tar_gz(out: &Path, top: &str, entries: &[Entry], date: u64) -> Result<()> {
    let file = File::create(out).map_err(doing(out.display()))?;
    // No name and no date of the archive itself.
    let gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for Entry { name, file, program } in entries {
        let bytes = std::fs::read(file).map_err(doing(file.display()))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if *program { 0o755 } else { 0o644 });
        header.set_mtime(date);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, format!("{top}/{name}"), bytes.as_slice())
            .map_err(doing(out.display()))?;
    }
    let gzip = tar.into_inner().map_err(doing(out.display()))?;
    gzip.finish().and_then(|file| file.sync_all()).map_err(doing(out.display()))
}

/// A `.zip`, which Windows opens by itself.
pub fn zip(out: &Path, top: &str, entries: &[Entry]) -> Result<()> {
    let file = File::create(out).map_err(doing(out.display()))?;
    let mut zip = zip::ZipWriter::new(file);
    for Entry { name, file, program } in entries {
        let bytes = std::fs::read(file).map_err(doing(file.display()))?;
        // zip's dates have no zone and begin in 1980: the beginning says that none is meant.
        let options = zip::write::SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(if *program { 0o755 } else { 0o644 });
        zip.start_file(format!("{top}/{name}"), options).map_err(doing(out.display()))?;
        zip.write_all(&bytes).map_err(doing(out.display()))?;
    }
    zip.finish().map_err(doing(out.display()))?.sync_all().map_err(doing(out.display()))
}

/// gzip of some bytes, without name and date, as Debian wants its papers.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(bytes).map_err(doing("gzip"))?;
    gzip.finish().map_err(doing("gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_archives_of_the_same_files_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        for (name, text) in [("b/program", "#!"), ("a.txt", "words"), ("b/z/deep", "")] {
            crate::write(&tree.join(name), text).unwrap();
        }
        let mut entries = below(&tree, "things").unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["things/a.txt", "things/b/program", "things/b/z/deep"]);
        entries[1].program = true;
        let make = |name: &str| {
            let (tar, zip_file) =
                (folder.path().join(format!("{name}.tar.gz")), folder.path().join(format!("{name}.zip")));
            tar_gz(&tar, "top", &entries, 1_700_000_000).unwrap();
            zip(&zip_file, "top", &entries).unwrap();
            (std::fs::read(tar).unwrap(), std::fs::read(zip_file).unwrap())
        };
        let first = make("first");
        File::options()
            .write(true)
            .open(tree.join("a.txt"))
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert!(first == make("second"), "the archives depend on more than their content");

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(first.0.as_slice()));
        let listed: Vec<(String, u32)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().to_string_lossy().into_owned(), entry.header().mode().unwrap())
            })
            .collect();
        assert_eq!(listed[1], ("top/things/b/program".to_owned(), 0o755));
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(first.1)).unwrap();
        assert_eq!(archive.by_index(0).unwrap().name().unwrap(), "top/things/a.txt");
    }
}
