//! A Debian package: the program, its papers, and units for one library per instance, installed but not enabled.
//!
//! `dpkg-deb` packs it, so it is made on Debian and its children only.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::archive::gzip;
use crate::{Result, date, doing, have, output, papers, read, root, run as run_program, version, write};

#[derive(Args, Clone, Debug)]
pub struct DebArgs {
    /// The program, built already
    #[arg(long, value_name = "FILE", default_value = "target/release/media-converter")]
    program: PathBuf,
    /// Debian's name for its processor
    #[arg(long, value_name = "NAME", default_value = "amd64")]
    architecture: String,
    /// Where the package goes
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
}

pub fn run(args: &DebArgs) -> Result<()> {
    let file = make(&args.program, &args.architecture, &args.out)?;
    println!("{}", file.display());
    Ok(())
}

/// The units of the package, and where they come from.
pub const UNITS: [&str; 3] =
    ["media-converter@.service", "media-converter-scheduled@.service", "media-converter-scheduled@.timer"];

/// Makes `media-converter_VERSION_ARCHITECTURE.deb` in the folder.
pub fn make(program: &Path, architecture: &str, out: &Path) -> Result<PathBuf> {
    let version = version()?;
    let tree = out.join(format!("deb-{architecture}"));
    if tree.exists() {
        std::fs::remove_dir_all(&tree).map_err(doing(tree.display()))?;
    }
    let bytes = std::fs::read(program).map_err(doing(program.display()))?;
    let needs = crate::dist::newest_glibc(&bytes).unwrap_or((2, 17));
    write(&tree.join("usr/bin/media-converter"), &bytes)?;
    documents(&tree, &version)?;
    for unit in UNITS {
        write(
            &tree.join("usr/lib/systemd/system").join(unit),
            read(&root().join("installers/linux/deb").join(unit))?,
        )?;
    }
    control(&tree, &version, architecture, needs)?;
    for path in walk(&tree)? {
        let runs = path.ends_with("usr/bin/media-converter")
            || path.is_dir()
            || (path.starts_with(tree.join("DEBIAN")) && path.extension().is_none() && ends_in_script(&path));
        mark(&path, runs)?;
    }
    let file = out.join(format!("media-converter_{version}_{architecture}.deb"));
    run_program(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .arg(&tree)
            .arg(&file)
            .env("SOURCE_DATE_EPOCH", date().to_string())
            .stdout(std::process::Stdio::null()),
    )?;
    std::fs::remove_dir_all(&tree).map_err(doing(tree.display()))?;
    Ok(file)
}

/// Whether this machine can make one.
pub fn possible() -> bool {
    have("dpkg-deb")
}

fn ends_in_script(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| ["prerm", "postrm", "postinst", "preinst"].iter().any(|script| name == *script))
}

fn documents(tree: &Path, version: &str) -> Result<()> {
    let made = tree.join("papers");
    papers::write(&made)?;
    let share = tree.join("usr/share");
    for (from, to) in [
        ("completions/media-converter.bash", "bash-completion/completions/media-converter"),
        ("completions/_media-converter", "zsh/vendor-completions/_media-converter"),
        ("completions/media-converter.fish", "fish/vendor_completions.d/media-converter.fish"),
    ] {
        write(&share.join(to), read(&made.join(from))?)?;
    }
    for page in walk(&made.join("man"))?.into_iter().filter(|path| path.is_file()) {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        write(&share.join(format!("man/man1/{name}.gz")), gzip(read(&page)?.as_bytes())?)?;
    }
    std::fs::remove_dir_all(&made).map_err(doing(made.display()))?;
    let papers = share.join("doc/media-converter");
    let license = read(&root().join("LICENSE"))?;
    write(&papers.join("copyright"), copyright(&license))?;
    write(&papers.join("README.md"), read(&root().join("README.md"))?)?;
    write(&papers.join("NEWS.md.gz"), gzip(read(&root().join("CHANGELOG.md"))?.as_bytes())?)?;
    write(&papers.join("changelog.gz"), gzip(changelog(version).as_bytes())?)?;
    write(
        &papers.join("examples/media-converter.toml"),
        read(&root().join("examples/media-converter.toml"))?,
    )?;
    let quiet = "# The program is built by Rust's own means: its SQLite and its standard library are in it.\n\
                 media-converter: embedded-library\n\
                 # Packages that are not made for Debian's own archive close no report there.\n\
                 media-converter: initial-upload-closes-no-bugs\n\
                 # Instances of the templates are named by whoever enabled them; debhelper's snippets know no names but fixed ones.\n\
                 media-converter: maintainer-script-calls-systemctl *\n";
    write(&share.join("lintian/overrides/media-converter"), quiet)
}

/// Machine-readable, as Debian wants it.
fn copyright(license: &str) -> String {
    let holder = license
        .lines()
        .find_map(|line| line.strip_prefix("Copyright (c) "))
        .unwrap_or("the authors of media-converter");
    let text: String = license
        .lines()
        .map(|line| if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: media-converter\n\nFiles: *\nCopyright: {holder}\nLicense: MIT\n{text}"
    )
}

fn changelog(version: &str) -> String {
    let when = output(Command::new("date").args(["-u", "-R", "-d", &format!("@{}", date())]))
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 +0000\n".to_owned());
    format!(
        "media-converter ({version}) stable; urgency=medium\n\n  * What is new is in NEWS.md.gz.\n\n -- {}  {when}",
        maintainer()
    )
}

/// Who answers for the package; a release names somebody.
fn maintainer() -> String {
    std::env::var("DEB_MAINTAINER")
        .unwrap_or_else(|_| "The media-converter authors <media-converter@example.org>".to_owned())
}

fn control(tree: &Path, version: &str, architecture: &str, glibc: (u32, u32)) -> Result<()> {
    let size: u64 = walk(tree)?
        .iter()
        .filter_map(|path| path.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|m| m.len())
        .sum();
    let text = format!(
        "Package: media-converter\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: {}\n\
         Installed-Size: {}\n\
         Depends: libc6 (>= {}.{}), libgcc-s1, ffmpeg | jellyfin-ffmpeg7 | jellyfin-ffmpeg6\n\
         Recommends: nfs-common | cifs-utils\n\
         Section: video\n\
         Priority: optional\n\
         Description: converts a media library on a NAS from many machines at once\n \
         Each machine that mounts the library (NFS or SMB) runs it. It claims one file\n \
         at a time on the share itself, converts it with ffmpeg, verifies the result,\n \
         swaps it in and goes on. There is no server, and no moment in which neither\n \
         the original nor its result exists.\n",
        maintainer(),
        size.div_ceil(1024),
        glibc.0,
        glibc.1
    );
    write(&tree.join("DEBIAN/control"), text)?;
    for script in ["prerm", "postrm", "postinst"] {
        write(&tree.join("DEBIAN").join(script), read(&root().join("installers/linux/deb").join(script))?)?;
    }
    let mut sums = String::new();
    for path in walk(&tree.join("usr"))?.into_iter().filter(|path| path.is_file()) {
        let name = path.strip_prefix(tree).map_err(doing(path.display()))?.to_string_lossy().into_owned();
        let sum = output(Command::new("md5sum").arg(&path))?;
        sums.push_str(&format!(
            "{}  {name}\n",
            sum.split(' ').next().unwrap_or_default().trim_start_matches('\\')
        ));
    }
    write(&tree.join("DEBIAN/md5sums"), sums)
}

/// Everything below a folder, in order.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(doing(folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()).map_err(doing(folder.display())))
        .collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        let is_folder = path.is_dir();
        found.push(path.clone());
        if is_folder {
            found.extend(walk(&path)?);
        }
    }
    Ok(found)
}

#[cfg(unix)]
fn mark(path: &Path, runs: bool) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if runs { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(doing(path.display()))
}

#[cfg(not(unix))]
fn mark(_path: &Path, _runs: bool) -> Result<()> {
    Err("a Debian package is made on a Unix system".to_owned())
}
