//! `caps`: what this machine's ffmpeg really can do, with the evidence.

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common, Programs};
use super::session::Session;
use crate::ffmpeg;
use crate::job::bench;
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::error::Result;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look};

/// Show which encoders really work on this machine, and why the others do not
#[derive(Args, Clone, Debug)]
pub struct CapsArgs {
    /// Try everything again instead of showing what was remembered
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    programs: Programs,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    ffmpeg: std::path::PathBuf,
    ffprobe: std::path::PathBuf,
    #[serde(flatten)]
    caps: Caps,
    /// Encoders that failed in mid-job lately.
    probation: Vec<bench::Kept>,
}

/// Runs it.
pub fn run(args: &CapsArgs, common: &Common, look: Look) -> Result<Ending> {
    let session = Session::begin(common, Collect::default().programs(&args.programs), Vec::new(), look)?;
    let tools = session.tools()?;
    let store = session.store();
    let conditions = ffmpeg::caps::conditions(&tools);
    let caps = if args.refresh {
        bench::forgive_all(&store, &conditions);
        session.fresh_caps(&tools, &store)?
    } else {
        session.caps(&tools, &store, None)?
    };
    let probation = bench::on_probation(&store, &conditions);
    if args.json {
        ui::out_json(&Document {
            schema: SCHEMA,
            ffmpeg: tools.ffmpeg,
            ffprobe: tools.ffprobe,
            caps,
            probation,
        });
        return Ok(Ending::Well);
    }
    session.look.note(&format!("ffmpeg {} ({})", tools.version, tools.ffmpeg.display()));
    let rows: Vec<Vec<String>> = caps
        .encoders
        .iter()
        .map(|e| {
            let (works, evidence) = match &e.verdict {
                Verdict::Works { fps } if *fps > 0.0 => ("works", figures(*fps, e)),
                Verdict::Works { .. } => ("works", String::new()),
                Verdict::Failed { why } => ("fails", why.clone()),
                Verdict::NotListed => ("absent", "not in this build of ffmpeg".to_owned()),
            };
            let kept = probation.iter().find(|kept| kept.encoder == e.name && kept.device == e.device);
            let (works, evidence) = match kept {
                Some(kept) if kept.is_out() => {
                    ("out", format!("failed {} jobs: {}", kept.failures, kept.why))
                }
                Some(kept) => ("rests", format!("failed a job: {}", kept.why)),
                None => (works, evidence),
            };
            let depth = if e.ten_bit { "8, 10" } else { "8" };
            vec![
                e.codec.clone(),
                e.name.clone(),
                if e.hardware { "hardware" } else { "software" }.to_owned(),
                works.to_owned(),
                if works == "works" { depth.to_owned() } else { String::new() },
                e.device.clone().unwrap_or_default(),
                evidence,
            ]
        })
        .collect();
    let left = Align::Left;
    let decoders = caps.decoders.iter().flatten().map(|d| {
        let (works, evidence) = match (&d.verdict, d.gain) {
            (Verdict::Failed { why }, _) => ("fails", why.clone()),
            (_, Some(gain)) if d.is_worth_it() => {
                ("used", format!("the whole chain is {gain:.2} times as fast"))
            }
            (_, Some(gain)) => ("unused", format!("the whole chain is only {gain:.2} times as fast")),
            (_, None) => ("unused", "its use could not be timed".to_owned()),
        };
        vec![
            d.codec.clone(),
            format!("{} (decodes)", d.accel),
            "hardware".to_owned(),
            works.to_owned(),
            if d.ten_bit { "10" } else { "8" }.to_owned(),
            d.device.clone().unwrap_or_default(),
            evidence,
        ]
    });
    let maps = caps.libplacebo.iter().map(|verdict| {
        let (works, evidence) = match verdict {
            Verdict::Works { .. } => ("works", String::new()),
            Verdict::Failed { why } => ("fails", why.clone()),
            Verdict::NotListed => ("absent", String::new()),
        };
        let row = ["", "libplacebo (HDR to SDR)", "hardware", works, "", "", &evidence];
        row.map(str::to_owned).to_vec()
    });
    let rows: Vec<Vec<String>> = rows.into_iter().chain(decoders).chain(maps).collect();
    ui::out(&table(
        &[
            ("codec", left),
            ("encoder", left),
            ("kind", left),
            ("tried", left),
            ("bits", left),
            ("device", left),
            ("evidence", left),
        ],
        &rows,
    ));
    Ok(Ending::Well)
}

/// What a working encoder was seen to do.
fn figures(fps: f64, cap: &EncoderCap) -> String {
    let mut words = format!("{fps:.0} fps");
    if !cap.keeps.is_empty() {
        let kept: Vec<&str> = cap.keeps.iter().map(|what| what.words()).collect();
        words.push_str(&format!(", keeps {}", kept.join(", ")));
    }
    if let Some((width, height)) = cap.largest {
        words.push_str(&format!(", up to {width}×{height}"));
    }
    if let Some(sessions) = cap.sessions {
        let more = if sessions >= 8 { " or more" } else { "" };
        words.push_str(&format!(", {sessions}{more} at once"));
    }
    words
}
