//! Puts the program of `tests/fakes/ffmpeg.rs` somewhere as `ffmpeg` and `ffprobe`, with a script of what goes wrong.
//! Used by the unit tests as well, so it stands on the standard library alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Fills `folder` with a fake `ffmpeg` and `ffprobe` that follow `script` (see the top of `tests/fakes/ffmpeg.rs`); returns both. The
/// script may be changed later with [`rescript`]; the calls are written to `fake.log` there.
pub fn install(folder: &Path, script: &str) -> (PathBuf, PathBuf) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("fake.log"), "").unwrap();
    rescript(folder, script);
    let [ffmpeg, ffprobe] = ["ffmpeg", "ffprobe"].map(|name| {
        let to = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        // A link where possible: a freshly written program may still be "busy" when another thread forks.
        if std::fs::hard_link(program(), &to).is_err() {
            std::fs::copy(program(), &to).unwrap();
        }
        to
    });
    (ffmpeg, ffprobe)
}

/// Says anew what goes wrong.
pub fn rescript(folder: &Path, script: &str) {
    std::fs::write(folder.join("fake.txt"), script).unwrap();
}

/// The calls so far, one per line.
pub fn calls(folder: &Path) -> Vec<String> {
    std::fs::read_to_string(folder.join("fake.log")).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The built fake. `cargo test` builds it among the examples; where only a part of the tests was asked for, it is built here.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fakes/ffmpeg.rs");
        let own = std::env::current_exe().unwrap();
        // target/debug/deps/it-0123 → target/debug/examples/fake-ffmpeg
        let examples = own.parent().and_then(Path::parent).unwrap().join("examples");
        let built = examples.join(format!("fake-ffmpeg{}", std::env::consts::EXE_SUFFIX));
        let time = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
        let is_fresh =
            |path: &Path| matches!((time(path), time(&source)), (Ok(built), Ok(written)) if built >= written);
        if is_fresh(&built) {
            return built;
        }
        let adhoc = examples.join(format!("fake-ffmpeg-adhoc{}", std::env::consts::EXE_SUFFIX));
        if is_fresh(&adhoc) {
            return adhoc;
        }
        std::fs::create_dir_all(&examples).unwrap();
        // Another test binary may be building it too: the finished program is moved into place whole.
        let ours =
            examples.join(format!("fake-ffmpeg-{}{}", std::process::id(), std::env::consts::EXE_SUFFIX));
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let done = Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&ours).arg(&source).status();
        assert!(done.is_ok_and(|status| status.success()), "the fake ffmpeg does not compile");
        std::fs::rename(&ours, &adhoc).unwrap();
        adhoc
    })
}
