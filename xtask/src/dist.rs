//! Archives for each target.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use sha2::{Digest as _, Sha256};

use crate::archive::{self, Entry};
use crate::{
    Result, date, deb, doing, have, output, papers, read, root, run as run_program, sbom, version, write,
};

#[derive(Args, Clone, Debug)]
pub struct DistArgs {
    /// Build for this target only (repeatable) [default: every one below that this machine can build]
    #[arg(long = "target", value_name = "TRIPLE")]
    targets: Vec<String>,
    /// Where everything goes
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
    /// Only say what could be built here, and what is missing for the rest
    #[arg(long)]
    list: bool,
    /// Do not make anything: only write SHA256SUMS over what lies there
    #[arg(long, conflicts_with_all = ["targets", "list"])]
    sums: bool,
}

/// What is released.
const TARGETS: [&str; 8] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-pc-windows-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
];

/// The oldest glibc that a portable program needs: CentOS 7's, older than any NAS that runs containers.
const GLIBC: (u32, u32) = (2, 17);

pub fn run(args: &DistArgs) -> Result<()> {
    if args.sums {
        return sums(&args.out);
    }
    let named = !args.targets.is_empty();
    let wanted: Vec<String> =
        if named { args.targets.clone() } else { TARGETS.iter().map(ToString::to_string).collect() };
    let host = host()?;
    let mut built = Vec::new();
    for target in &wanted {
        let way = match way(target, &host) {
            Ok(way) => way,
            Err(why) if named && !args.list => return Err(format!("{target}: {why}")),
            Err(why) => {
                println!("SKIPPED: {target}: {why}");
                continue;
            }
        };
        if args.list {
            println!("{target}: {}", way.words());
        } else {
            one(target, way, &args.out)?;
            built.push(target.clone());
        }
    }
    if args.list {
        return Ok(());
    }
    let version = version()?;
    let list = args.out.join(format!("media-converter-{version}.cdx.json"));
    write(&list, sbom::make(&version, &built, date())?)?;
    println!("{}", list.display());
    sums(&args.out)
}

/// How a target is built on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// cargo alone: the target is this machine's own, or its linker is in PATH.
    Cargo,
    /// `cargo zigbuild`, whose linker and C library fit every Linux.
    Zig,
}

impl Way {
    fn words(self) -> &'static str {
        match self {
            Way::Cargo => "cargo build",
            Way::Zig => "cargo zigbuild",
        }
    }
}

/// How it can be built, or what is missing.
fn way(target: &str, host: &str) -> std::result::Result<Way, String> {
    let library = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    let has_std = std::fs::read_dir(library.trim()).is_ok_and(|mut entries| entries.next().is_some());
    if !has_std {
        return Err(format!("its standard library is not installed (`rustup target add {target}`)"));
    }
    let linux = target.contains("-linux-");
    if linux && have("cargo-zigbuild") {
        return Ok(Way::Zig);
    }
    if target == host {
        return Ok(Way::Cargo);
    }
    let linker = match target {
        "x86_64-pc-windows-gnu" => "x86_64-w64-mingw32-gcc",
        "x86_64-unknown-linux-musl" => "musl-gcc",
        "aarch64-unknown-linux-gnu" => "aarch64-linux-gnu-gcc",
        _ if target.ends_with("-apple-darwin") && host.ends_with("-apple-darwin") => return Ok(Way::Cargo),
        _ => return Err(format!("it is built on a system of its own kind, not on {host}")),
    };
    if have(linker) {
        Ok(Way::Cargo)
    } else if linux {
        Err(format!("neither cargo-zigbuild nor {linker} is in PATH"))
    } else {
        Err(format!("{linker} is not in PATH"))
    }
}

fn host() -> Result<String> {
    output(Command::new("rustc").arg("-vV"))?
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc does not say for what it builds".to_owned())
}

/// Builds one target and packs it.
fn one(target: &str, way: Way, out: &Path) -> Result<()> {
    let program = build(target, way)?;
    let version = version()?;
    let top = format!("media-converter-{version}-{target}");
    let windows = target.contains("-windows-");
    std::fs::create_dir_all(out).map_err(doing(out.display()))?;
    let made = out.join("papers");
    papers::write(&made)?;
    let mut entries = archive::below(&made.join("completions"), "completions")?;
    entries.extend(archive::below(&made.join("man"), "man")?);
    entries.extend(archive::below(&root().join("docs"), "docs")?);
    entries.extend(archive::below(&root().join("examples"), "examples")?);
    for paper in ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"] {
        entries.push(Entry { name: paper.to_owned(), file: root().join(paper), program: false });
    }
    for (name, file) in installers(target) {
        entries.push(Entry { name: name.to_owned(), file: root().join(file), program: true });
    }
    let name = if windows { "media-converter.exe" } else { "media-converter" };
    entries.push(Entry { name: name.to_owned(), file: program.clone(), program: true });
    entries.sort();
    let file = if windows {
        let file = out.join(format!("{top}.zip"));
        archive::zip(&file, &top, &entries)?;
        file
    } else {
        let file = out.join(format!("{top}.tar.gz"));
        archive::tar_gz(&file, &top, &entries, date())?;
        file
    };
    std::fs::remove_dir_all(&made).map_err(doing(made.display()))?;
    println!("{}{}", file.display(), libc_words(target, &program)?);
    let debian = match target {
        "x86_64-unknown-linux-gnu" => Some("amd64"),
        "aarch64-unknown-linux-gnu" => Some("arm64"),
        _ => None,
    };
    if let Some(architecture) = debian {
        if deb::possible() {
            println!("{}", deb::make(&program, architecture, out)?.display());
        } else {
            println!("SKIPPED: the package for Debian: dpkg-deb is not in PATH");
        }
    }
    Ok(())
}

/// What puts an archive's program in its place, per system.
fn installers(target: &str) -> Vec<(&'static str, &'static str)> {
    if target.contains("-windows-") {
        vec![
            ("install-media-converter.ps1", "installers/windows/install-media-converter.ps1"),
            ("install-media-converter.bat", "installers/windows/install-media-converter.bat"),
        ]
    } else if target.contains("-apple-") {
        vec![("install-media-converter.sh", "installers/macos/install-media-converter.sh")]
    } else {
        Vec::new()
    }
}

fn build(target: &str, way: Way) -> Result<PathBuf> {
    let mut command = Command::new(sbom::cargo());
    command.current_dir(root());
    let (verb, named) = match way {
        Way::Cargo => ("build", target.to_owned()),
        // The version behind the dot is the C library that the program is to do with.
        Way::Zig if target.ends_with("-linux-gnu") => {
            ("zigbuild", format!("{target}.{}.{}", GLIBC.0, GLIBC.1))
        }
        Way::Zig => ("zigbuild", target.to_owned()),
    };
    command.args([verb, "--release", "--locked", "--bin", "media-converter", "--target", &named]);
    if way == Way::Cargo && target == "aarch64-unknown-linux-gnu" {
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    }
    run_program(&mut command)?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let name = if target.contains("-windows-") { "media-converter.exe" } else { "media-converter" };
    let program = folder.join(target).join("release").join(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("the build ended without {}", program.display()))
    }
}

/// What the program needs of the system's C library, in words.
fn libc_words(target: &str, program: &Path) -> Result<String> {
    if !target.ends_with("-linux-gnu") {
        return Ok(String::new());
    }
    let bytes = std::fs::read(program).map_err(doing(program.display()))?;
    Ok(newest_glibc(&bytes).map_or_else(String::new, |(major, minor)| {
        let note = if (major, minor) > GLIBC { ", NOT PORTABLE: build it with cargo-zigbuild" } else { "" };
        format!(" (needs glibc {major}.{minor}{note})")
    }))
}

/// The newest `GLIBC_x.y` that is named in a program's table of symbol versions.
pub fn newest_glibc(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"\0GLIBC_";
    program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| {
            let rest = &program[at + MARK.len()..];
            let end = rest.iter().position(|byte| *byte == 0)?;
            let mut parts = std::str::from_utf8(&rest[..end]).ok()?.split('.');
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        })
        .max()
}

/// `SHA256SUMS` over everything else in the folder, as `sha256sum -c` reads it.
fn sums(out: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(out).map_err(doing(out.display()))? {
        let path = entry.map_err(doing(out.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && name != "SHA256SUMS" {
            let bytes = std::fs::read(&path).map_err(doing(path.display()))?;
            let sum =
                Sha256::digest(&bytes).iter().fold(String::new(), |sum, byte| sum + &format!("{byte:02x}"));
            lines.push((name, sum));
        }
    }
    lines.sort();
    let text = lines.iter().fold(String::new(), |text, (name, sum)| text + &format!("{sum}  {name}\n"));
    let file = out.join("SHA256SUMS");
    write(&file, &text)?;
    if read(&file)? != text {
        return Err(format!("{} is not what was written", file.display()));
    }
    println!("{}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_c_library_that_is_named_counts() {
        let table = b"\x7fELF..\0GLIBC_2.2.5\0libc.so.6\0GLIBC_2.17\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        assert_eq!(newest_glibc(table), Some((2, 17)));
        assert_eq!(newest_glibc(b"\x7fELF static"), None);
    }

    #[test]
    fn sums_are_sha256_and_leave_themselves_out() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a"), "abc").unwrap();
        for _ in 0..2 {
            sums(folder.path()).unwrap();
        }
        assert_eq!(
            read(&folder.path().join("SHA256SUMS")).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"
        );
    }

    #[test]
    fn every_installer_that_an_archive_is_to_hold_is_there() {
        for target in TARGETS {
            for (_, file) in installers(target) {
                assert!(root().join(file).is_file(), "{target}: {file}");
            }
        }
    }

    #[test]
    fn a_target_without_standard_library_says_what_to_install() {
        let why = way("riscv64gc-unknown-linux-gnu", "x86_64-unknown-linux-gnu").unwrap_err();
        assert!(why.contains("rustup target add riscv64gc"), "{why}");
    }
}
