//! Programs that play ffmpeg: a shell script in a folder that stands first in PATH.

#[cfg(unix)]
use std::path::PathBuf;

#[cfg(unix)]
use super::Share;

#[cfg(unix)]
impl Share {
    /// From now on `name` is this shell script; `$REAL` in it is the real program. Returns where it lies.
    pub fn fake(&mut self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let real = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        let real = real.unwrap_or_else(|| panic!("{name} is installed: tests/run.sh sees to it"));
        let folder = self.aside("fakes");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, format!("#!/bin/sh\nREAL='{}'\n{script}\n", real.display())).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
        self.set("PATH", PathBuf::from(std::env::join_paths(folders).unwrap()));
        file
    }
}
