//! `setup`: makes this machine ready: ffmpeg, PATH, a look at the graphics, a real encode.

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;

use super::Ending;
use super::args::Common;
use crate::config::places::Places;
use crate::model::error::Result;
use crate::setup::report::{Step, line};
use crate::setup::{self, Source, WORKER, Watch, Wishes, fetch};
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
    /// Leave PATH alone
    #[arg(long)]
    keep_path: bool,
    /// Install ffmpeg even where there is one
    #[arg(long)]
    force: bool,
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
    };
    look.start_logging();
    stop::listen();
    let report = setup::run(&wishes, WORKER, &Teller { look, told: Cell::new(0) });
    for what in &report.put_back {
        look.note(&format!("put back: {}", clean(what)));
    }
    if let Some(folder) = args.report.clone().or(state).filter(|_| !args.dry_run) {
        report.write(&folder)?;
        look.note(&format!("report: {}", folder.join("setup_report.txt").display()));
    }
    if args.json {
        ui::out_json(&report);
    } else {
        look.note(&clean(&report.verdict()));
    }
    Ok(Ending::Code(report.exit_code))
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
