//! A temporary library and the homes of the machines that work on it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::clips::Clip;
use super::worker::{Run, Worker};

/// A library in a temporary folder, removed at the end of the test.
#[derive(Debug)]
pub struct Share {
    folder: tempfile::TempDir,
    library: PathBuf,
    environment: Vec<(String, String)>,
}

impl Share {
    pub fn new() -> Share {
        let folder = tempfile::Builder::new().prefix("media-converter-test-").tempdir().unwrap();
        let library = folder.path().join("library");
        Share::at(folder, library)
    }

    /// A share whose library is a folder that the test prepared (a small tmpfs, a read-only mount).
    pub fn on(library: &Path) -> Share {
        let folder = tempfile::Builder::new().prefix("media-converter-test-").tempdir().unwrap();
        Share::at(folder, library.to_owned())
    }

    /// A share whose programs work with the ffmpeg and ffprobe of this folder.
    pub fn with(tools: &Path) -> Share {
        let folder = tempfile::Builder::new().prefix("media-converter-test-").tempdir().unwrap();
        let library = folder.path().join("library");
        let mut share = Share::without_trials(folder, library);
        share.use_tools(tools);
        copy_tree(&tried_home(Some(tools)), &share.aside("home"));
        share
    }

    fn use_tools(&mut self, folder: &Path) {
        for (variable, tool) in [("MEDIA_CONVERTER_FFMPEG", "ffmpeg"), ("MEDIA_CONVERTER_FFPROBE", "ffprobe")]
        {
            self.set(variable, folder.join(format!("{tool}{}", std::env::consts::EXE_SUFFIX)));
        }
    }

    fn at(folder: tempfile::TempDir, library: PathBuf) -> Share {
        let share = Share::without_trials(folder, library);
        copy_tree(&tried_home(None), &share.aside("home"));
        share
    }

    fn without_trials(folder: tempfile::TempDir, library: PathBuf) -> Share {
        fs::create_dir_all(&library).unwrap();
        for home in ["home/config", "home/state", "home/cache", "home/data", "tmp"] {
            fs::create_dir_all(folder.path().join(home)).unwrap();
        }
        Share { folder, library, environment: Vec::new() }
    }

    /// The library's root.
    pub fn root(&self) -> &Path {
        &self.library
    }

    /// A path in the library.
    pub fn path(&self, name: &str) -> PathBuf {
        self.library.join(name)
    }

    /// A path beside the library and the home, for whatever else a test needs.
    pub fn aside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a clip there under this name, long enough ago to count as quiet.
    pub fn add(&self, name: &str, clip: Clip) -> PathBuf {
        self.put(name, &fs::read(clip.file()).unwrap())
    }

    /// Puts these bytes there, long enough ago to count as quiet.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        age(&path);
        path
    }

    /// A variable for every program started from now on.
    pub fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        self.environment.push((name.into(), value.as_ref().to_str().expect("Unicode").into()));
    }

    /// The program with a cleared environment, a home of its own, and these arguments.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let home = self.aside("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_media-converter"));
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        // PATH leads to ffmpeg; Windows needs its own three to start a program at all.
        for kept in ["PATH", "SystemRoot", "SystemDrive", "PATHEXT", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        command
            .env("HOME", &home)
            .env("USERPROFILE", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("APPDATA", home.join("config"))
            .env("LOCALAPPDATA", home.join("state"))
            .env("TMPDIR", self.aside("tmp"))
            .env("TEMP", self.aside("tmp"))
            .env("TMP", self.aside("tmp"))
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        Worker::start(self.command(args)).end()
    }

    /// Starts `media-converter --dir ROOT --json ARGS…` and goes on.
    pub fn worker(&self, args: &[&str]) -> Worker {
        let mut all: Vec<&OsStr> = vec!["--dir".as_ref(), self.library.as_os_str(), "--json".as_ref()];
        all.extend(args.iter().map(OsStr::new));
        Worker::start(self.command(all))
    }

    /// Runs `media-converter --dir ROOT --json ARGS…` to its end.
    pub fn convert(&self, args: &[&str]) -> Run {
        self.worker(args).end()
    }

    /// Every file below the library but what lies in `.mediabox`, by `/`-separated name.
    pub fn names(&self) -> Vec<String> {
        self.digests().into_keys().collect()
    }

    /// BLAKE3 of every file below the library but what lies in `.mediabox`.
    pub fn digests(&self) -> BTreeMap<String, String> {
        digests(&self.library).into_iter().filter(|(name, _)| !name.starts_with(".mediabox/")).collect()
    }

    /// Media files only: no names that begin with a dot.
    pub fn media(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| !name.split('/').any(|part| part.starts_with('.'))).collect()
    }

    /// Names that a clean end may not leave behind.
    pub fn litter(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.library, "", &mut |name, _| {
            let file = name.rsplit('/').next().unwrap_or(name);
            let ours = file.starts_with(".mbx-") || file.ends_with(".mediabox.lock");
            if ours || [".part", ".tmp", ".lock"].iter().any(|ending| file.ends_with(ending)) {
                found.push(name.to_owned());
            }
        });
        found
    }

    /// Fails where a run left anything of its own behind.
    #[track_caller]
    pub fn assert_no_litter(&self) {
        assert_eq!(self.litter(), Vec::<String>::new(), "left behind");
    }
}

/// A home in which the program has tried this machine's encoders already. That takes five seconds of processor time, and
/// every test would pay it. Kept per build of the program, since another may try other things.
fn tried_home(tools: Option<&Path>) -> PathBuf {
    static HOMES: Mutex<BTreeMap<Option<PathBuf>, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut known = HOMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let make = || {
        let program = fs::metadata(env!("CARGO_BIN_EXE_media-converter")).unwrap();
        let since = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        let homes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("homes");
        let other = if tools.is_some() { "-others" } else { "" };
        let kept = homes.join(format!("{}-{}{other}", program.len(), since.as_nanos()));
        if !kept.is_dir() {
            fs::create_dir_all(&homes).unwrap();
            let folder = tempfile::tempdir_in(&homes).unwrap();
            let library = folder.path().join("library");
            let mut share = Share::without_trials(folder, library);
            if let Some(tools) = tools {
                share.use_tools(tools);
            }
            share.run(["caps"]).expect(0);
            // Another test binary may have been faster; its home is as good.
            let _ = fs::rename(share.aside("home"), &kept);
        }
        kept
    };
    known.entry(tools.map(Path::to_owned)).or_insert_with(make).clone()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Sets a file's time an hour back, so that no `--min-age` holds it for a copy under way.
pub fn age(path: &Path) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

/// BLAKE3 of every file below a folder.
pub fn digests(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, "", &mut |name, path| {
        if path.is_file() {
            // A running worker may take a file away between the listing and the look.
            if let Ok(bytes) = fs::read(path) {
                found.insert(name.to_owned(), blake3::hash(&bytes).to_hex()[..16].to_owned());
            }
        }
    });
    found
}

fn walk(folder: &Path, prefix: &str, visit: &mut dyn FnMut(&str, &Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        visit(&name, &path);
        if path.is_dir() && !path.is_symlink() {
            walk(&path, &format!("{name}/"), visit);
        }
    }
}
