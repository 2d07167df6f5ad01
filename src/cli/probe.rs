//! `probe FILE`: what we see in it, what we would do, and why.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common, Programs, Wants};
use super::session::{BUILT_IN, Session, folder_of};
use crate::job;
use crate::model::error::{Error, Kind, Result};
use crate::model::key::Stamp;
use crate::model::media::{Hdr, MediaInfo, Stream, StreamKind};
use crate::model::plan::Decision;
use crate::model::policy::TypeFilter;
use crate::scan::examine::{self, Examined, Rules};
use crate::share::cache::{self, Memo};
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look, plans, text};

/// Show what is in a file, what would be done with it, and why
#[derive(Args, Clone, Debug)]
pub struct ProbeArgs {
    /// The file
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    wants: Wants,
    #[command(flatten)]
    programs: Programs,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    files: Vec<Probed>,
}

#[derive(Debug, Serialize)]
struct Probed {
    path: PathBuf,
    stamp: Stamp,
    media: MediaInfo,
    decision: Decision,
    /// How it is shorter than its own structure says, for which a run would leave it alone; null: it is not.
    cut_short: Option<String>,
    /// What the fleet remembers of earlier runs; null: nothing.
    remembered: Option<Memo>,
}

/// Runs it.
pub fn run(args: &ProbeArgs, common: &Common, look: Look) -> Result<Ending> {
    let collect = Collect::default().wants(&args.wants).programs(&args.programs);
    let folders = args.files.iter().map(|file| folder_of(file)).collect();
    let session = Session::begin(common, collect, folders, look)?;
    let policy = session.settings.policy(BUILT_IN)?;
    for file in &args.files {
        if !file.is_file() {
            return Err(Error::new(Kind::Usage, "look at the file")
                .at(file)
                .because("there is no such file"));
        }
    }
    let tools = session.tools()?;
    let caps = session.caps(&tools, &session.store(), Some(&policy))?;
    // Somebody who names a file wants to know about it, whatever its kind.
    let rules = Rules { tools: &tools, caps: &caps, policy: &policy, types: TypeFilter::Both };
    let mut probed = Vec::new();
    let mut ending = Ending::Well;
    for file in &args.files {
        match examine::fully(file, rules) {
            Ok(examined) => {
                let remembered = remembered(file, &examined.stamp);
                let cut_short = job::cut_short(file).map(|failed| failed.words);
                if !args.json {
                    ui::out(&describe(file, &examined, cut_short.as_deref(), remembered.as_ref()));
                }
                let Examined { stamp, media, decision } = examined;
                probed.push(Probed { path: file.clone(), stamp, media, decision, cut_short, remembered });
            }
            Err(error) => {
                session.look.error(&error);
                ending = Ending::SomeFailed;
            }
        }
    }
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, files: probed });
    }
    Ok(ending)
}

fn remembered(file: &Path, stamp: &Stamp) -> Option<Memo> {
    let name = file.file_name()?.to_str()?;
    cache::read(&folder_of(file)).memo(name, stamp).cloned()
}

fn describe(file: &Path, examined: &Examined, cut_short: Option<&str>, remembered: Option<&Memo>) -> String {
    let media = &examined.media;
    let mut out = format!("{}\n", text::clean(&file.to_string_lossy()));
    let mut facts = vec![media.format.clone(), text::bytes(media.size)];
    facts.extend(media.duration.map(text::time));
    facts.extend(media.bit_rate.map(|rate| format!("{:.1} Mbit/s", rate as f64 / 1e6)));
    if !media.chapters.is_empty() {
        facts.push(text::counted(media.chapters.len() as u64, "chapter"));
    }
    out.push_str(&format!("{}\n\n", facts.join(", ")));
    let rows: Vec<Vec<String>> = media.streams.iter().map(row).collect();
    let left = Align::Left;
    out.push_str(&table(
        &[
            ("#", Align::Right),
            ("kind", left),
            ("codec", left),
            ("lang", left),
            ("details", left),
            ("title", left),
        ],
        &rows,
    ));
    out.push('\n');
    match &examined.decision {
        Decision::Convert(_) if cut_short.is_some() => {
            out.push_str(&format!("left alone: cut short: {}\n", cut_short.unwrap_or_default()));
        }
        Decision::Skip(skip) => {
            out.push_str(&format!("left alone: {} ({})\n", text::clean(&skip.words), skip.code.words()));
            // A film that is as wanted may end early all the same; nobody but its viewer would tell.
            if let Some(words) = cut_short {
                out.push_str(&format!("cut short: {words}\n"));
            }
        }
        Decision::Convert(plan) => {
            let stem = file.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
            out.push_str(&format!("would become {}\n", text::clean(&plan.output_name(&stem))));
            for line in plans::lines(plan) {
                out.push_str(&format!("  {}\n", text::clean(&line)));
            }
        }
    }
    if let Some(memo) = remembered {
        out.push_str(&format!(
            "remembered from earlier: {} (by {})\n",
            text::clean(&memo.words),
            text::clean(&memo.host)
        ));
    }
    out
}

fn row(stream: &Stream) -> Vec<String> {
    let kind = match stream.kind {
        StreamKind::Video => "video",
        StreamKind::Picture => "picture",
        StreamKind::Audio => "audio",
        StreamKind::Subtitle => "subtitle",
        StreamKind::Data => "data",
        StreamKind::Attachment => "attachment",
    };
    vec![
        stream.index.to_string(),
        kind.to_owned(),
        stream.codec.clone(),
        stream.language.clone().unwrap_or_default(),
        details(stream),
        stream.title.clone().unwrap_or_default(),
    ]
}

/// What tells streams of one codec apart.
fn details(stream: &Stream) -> String {
    let mut parts = Vec::new();
    parts.extend(stream.profile.clone());
    if let Some(video) = &stream.video {
        parts.push(format!("{}x{}", video.width, video.height));
        parts.push(video.pix_fmt.clone());
        parts.extend(video.fps().map(|fps| format!("{fps:.3} fps").replace(".000", "")));
        match video.hdr() {
            Hdr::Sdr => {}
            Hdr::Pq if video.hdr10_plus => parts.push("HDR10+".to_owned()),
            Hdr::Pq => parts.push("HDR (PQ)".to_owned()),
            Hdr::Hlg => parts.push("HDR (HLG)".to_owned()),
        }
        parts
            .extend(video.dolby_vision.map(|dv| format!("Dolby Vision {}.{}", dv.profile, dv.compatibility)));
    }
    if let Some(audio) = &stream.audio {
        parts.push(audio.layout.clone().unwrap_or_else(|| format!("{} channels", audio.channels)));
        parts.push(format!("{} Hz", audio.sample_rate));
    }
    parts.extend(stream.bit_rate.map(|rate| format!("{} kbit/s", rate / 1000)));
    let d = &stream.disposition;
    for (set, word) in [
        (d.default, "default"),
        (d.forced, "forced"),
        (d.hearing_impaired, "hearing impaired"),
        (d.visual_impaired, "visual impaired"),
        (d.comment, "comment"),
        (d.attached_pic, "cover"),
    ] {
        if set {
            parts.push(word.to_owned());
        }
    }
    parts.join(", ")
}
