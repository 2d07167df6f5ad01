//! `setup`: makes this machine ready: ffmpeg, PATH, a look at the graphics, a real encode.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Ending;
use super::args::Common;
use crate::config::places::Places;
use crate::ffmpeg::{samples, tools};
use crate::model::error::Result;
use crate::setup::report::{Step, line};
use crate::setup::{self, Source, UNINSTALL, WORKER, Watch, Wishes, fetch};
use crate::sys::{lasting, stop};
use crate::ui::{self, Look, text::clean};

/// Make this machine ready: find or install ffmpeg, put it in PATH, look at the graphics, encode something
///
/// Nothing is asked. After a fatal step, what the earlier ones replaced is put back. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured.
#[derive(Args, Clone, Debug)]
pub struct SetupArgs {
    /// Take ffmpeg from this archive (.zip, .tar.xz) instead of the system's package manager
    #[arg(long, value_name = "URL", requires = "sha256", conflicts_with = "offline_cache")]
    ffmpeg_url: Option<String>,
    /// What the archive's SHA-256 has to be
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Take ffmpeg from this folder (an archive or the programs), without the network
    #[arg(long, value_name = "DIR")]
    offline_cache: Option<PathBuf>,
    /// Put programs there [default: ~/.local/bin, on Windows %LOCALAPPDATA%\Programs\media-converter]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Use this ffmpeg
    #[arg(long, value_name = "PATH")]
    ffmpeg: Option<PathBuf>,
    /// Use this ffprobe
    #[arg(long, value_name = "PATH")]
    ffprobe: Option<PathBuf>,
    /// End with 20 where no graphics adapter encodes
    #[arg(long)]
    require_gpu: bool,
    /// Also copy this program to the others, so that every terminal knows it
    #[arg(long)]
    install: bool,
    /// Take away what --install and setup put there, the service and the schedule; history and settings stay
    #[arg(long, conflicts_with_all = ["install", "force", "require_gpu", "ffmpeg_url", "offline_cache"])]
    uninstall: bool,
    /// Leave PATH alone
    #[arg(long)]
    keep_path: bool,
    /// Install ffmpeg even where there is one
    #[arg(long)]
    force: bool,
    /// Then make a small sample library in a new folder, and convert it [default: media-converter-demo in your home]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["uninstall", "dry_run"])]
    demo: Option<PathBuf>,
    /// Say what would be done; change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Where setup_report.json and setup_report.txt go [default: the state folder]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print the report as JSON on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub fn run(args: &SetupArgs, common: &Common, look: Look) -> Result<Ending> {
    let places = Places::of_this_user();
    let state = common.state_dir.as_ref().map(PathBuf::from).or(places.state);
    let sha256 = args.sha256.as_deref().map(fetch::sha256).transpose()?;
    let source = match (&args.ffmpeg_url, &args.offline_cache, sha256) {
        (Some(url), _, Some(sha256)) => Source::Url { url: url.clone(), sha256 },
        (_, Some(folder), sha256) => Source::Folder { folder: folder.clone(), sha256 },
        _ => Source::Packages,
    };
    let home = places.home.clone().unwrap_or_else(std::env::temp_dir);
    let wishes = Wishes {
        source,
        programs: args.programs.clone().map_or_else(|| lasting::programs_folder(&home), absolute),
        downloads: state.clone().unwrap_or_else(std::env::temp_dir).join("downloads"),
        home: places.home,
        ffmpeg: args.ffmpeg.clone(),
        ffprobe: args.ffprobe.clone(),
        require_gpu: args.require_gpu,
        dry_run: args.dry_run,
        force: args.force,
        keep_path: args.keep_path,
        install: args.install,
        config: places.config.and_then(|ours| Some(ours.parent()?.to_owned())),
    };
    look.start_logging();
    stop::listen();
    let tasks = if args.uninstall { UNINSTALL } else { WORKER };
    let report = setup::run(&wishes, tasks, &Teller { look, told: Cell::new(0) });
    for what in &report.put_back {
        look.note(&format!("put back: {}", clean(what)));
    }
    if let Some(folder) = args.report.clone().or(state).filter(|_| !args.dry_run && !args.uninstall) {
        report.write(&folder)?;
        look.note(&format!("report: {}", folder.join("setup_report.txt").display()));
    }
    if args.json {
        ui::out_json(&report);
    } else if args.uninstall && report.outcome == "ready" {
        look.note(
            "uninstalled; this machine's settings and history are kept, and so is everything on shares",
        );
    } else {
        look.note(&clean(&report.verdict()));
    }
    if let (Some(folder), Some(ffmpeg)) = (&args.demo, &report.ffmpeg) {
        return demo(folder, &home, ffmpeg, &wishes, look);
    }
    Ok(Ending::Code(report.exit_code))
}

/// A library that comes and goes: it has a history of its own, and converts what this machine's settings say.
fn demo(folder: &Path, home: &Path, ffmpeg: &Path, wishes: &Wishes, look: Look) -> Result<Ending> {
    let wanted = if folder.as_os_str().is_empty() {
        home.join("media-converter-demo")
    } else {
        absolute(folder.to_owned())
    };
    // A folder that is there may be anybody's.
    let folder = (1..1000)
        .map(|number| match number {
            1 => wanted.clone(),
            number => PathBuf::from(format!("{}-{number}", wanted.display())),
        })
        .find(|folder| !folder.exists())
        .unwrap_or(wanted);
    let beside = |name: &str| ffmpeg.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let tools = tools::find(Some(ffmpeg), wishes.ffprobe.as_deref().or(Some(&beside("ffprobe"))))?;
    look.note(&format!("making a sample library in {}", folder.display()));
    for left_out in samples::make(&tools, &folder)? {
        look.note(&format!("left out {}", clean(&left_out)));
    }
    let state = folder.join(".state");
    let words = [
        ("--dir", &folder),
        ("--state-dir", &state),
        ("--ffmpeg", &tools.ffmpeg),
        ("--ffprobe", &tools.ffprobe),
    ];
    let words: Vec<String> = std::iter::once("media-converter".to_owned())
        .chain(
            words.iter().flat_map(|(flag, path)| [(*flag).to_owned(), path.to_string_lossy().into_owned()]),
        )
        .collect();
    let code = super::again(&words);
    // The cut file cannot be converted; that is what 1 says.
    if code <= 1 {
        look.note("the interrupted copy was recognised and left alone, as it should be; the originals wait in the trash");
        return Ok(Ending::Well);
    }
    Ok(Ending::Code(code))
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Tells each step to whoever sits there.
struct Teller {
    look: Look,
    /// Tenths of a download that were told.
    told: Cell<u64>,
}

impl Watch for Teller {
    fn begins(&self, _name: &str) {}

    fn progress(&self, done: u64, total: Option<u64>) {
        let Some(total) = total.filter(|total| *total > 0) else { return };
        let tenths = done * 10 / total;
        if tenths > self.told.get() {
            self.told.set(tenths);
            self.look.note(&format!("  {} % of {} MiB", tenths * 10, total / (1024 * 1024)));
        }
    }

    fn note(&self, text: &str) {
        self.look.note(&format!("  {}", clean(text)));
    }

    fn ended(&self, step: &Step) {
        for line in line(step).lines() {
            self.look.note(&clean(line));
        }
    }
}
