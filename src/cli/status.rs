//! `status`: who works on a library, what holds whom up, and how this machine is.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common};
use super::session::Session;
use crate::model::caps::Verdict;
use crate::model::error::{Error, Kind, Result};
use crate::share::board::{self, Notice, Posted};
use crate::share::{layout, library, pause};
use crate::sys;
use crate::sys::vitals;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look, text};

/// Silence after which somebody may wonder: three signs of life that did not come.
const SILENT: f64 = 200.0;

/// Show who works on a library, what holds each machine up, and how this one is
///
/// Each running worker says on the share what it does, once a minute and whenever that changes. Takes no lock.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// The library or a folder of it
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    /// A pause of this machine, and of the fleet, in words.
    paused: Option<String>,
    fleet_paused: Option<String>,
    machines: Vec<Machine>,
    this_machine: Vitals,
}

#[derive(Debug, Serialize)]
struct Machine {
    #[serde(flatten)]
    notice: Notice,
    /// Seconds since its last word, by the file server's clock.
    age: Option<f64>,
    /// It ran on this machine and is no more.
    is_dead: bool,
}

#[derive(Debug, Serialize)]
struct Vitals {
    cards: Vec<String>,
    gpu_temperature: Option<u32>,
    cpu_temperature: Option<u32>,
    on_battery: Option<bool>,
    /// Bytes that programs can still have.
    memory: Option<u64>,
}

/// Runs it.
pub fn run(args: &StatusArgs, common: &Common, look: Look) -> Result<Ending> {
    let session = Session::begin(common, Collect::default(), vec![args.dir.clone()], look)?;
    let dir = sys::path::canonical(&args.dir).map_err(|error| {
        Error::new(Kind::Library, "open the folder")
            .at(&args.dir)
            .because(error)
            .hint("Check the path, and that the share is mounted on this machine.")
    })?;
    let library = library::open(&dir, session.store().library_at(&dir).as_deref(), false)?;
    let root = library.map(|library| library.root);
    let posted = match &root {
        Some(root) => board::read(root).map_err(|error| Error::io("read the board of", root, error))?,
        None => Vec::new(),
    };
    let words = |file: PathBuf| pause::read(&file).ok().flatten().map(|pause| pause.words());
    let cards = sys::gpu::look();
    let document = Document {
        schema: SCHEMA,
        paused: session.state_dir().map(layout::own_pause).and_then(words),
        fleet_paused: root.as_deref().map(layout::pause).and_then(words),
        machines: posted.into_iter().map(machine).collect(),
        this_machine: Vitals {
            cards: cards.words,
            gpu_temperature: cards.temperature,
            cpu_temperature: vitals::cpu_temperature(),
            on_battery: vitals::on_battery(),
            memory: vitals::memory(),
        },
    };
    if args.json {
        ui::out_json(&document);
    } else {
        show(&document, root.is_some(), session.look);
    }
    Ok(Ending::Well)
}

fn machine(Posted { notice, age, is_dead }: Posted) -> Machine {
    Machine { notice, age, is_dead }
}

fn show(document: &Document, is_library: bool, look: Look) {
    if let Some(words) = &document.fleet_paused {
        look.note(&text::clean(&format!("the fleet is paused{words}")));
    }
    if let Some(words) = &document.paused {
        look.note(&text::clean(&format!("this machine is paused{words}")));
    }
    let this = &document.this_machine;
    let mut facts = this.cards.clone();
    facts.extend(this.cpu_temperature.map(|degrees| format!("processor {degrees} °C")));
    facts.extend(this.memory.map(|free| format!("{} of memory free", text::bytes(free))));
    facts.extend(this.on_battery.filter(|on| *on).map(|_| "on battery".to_owned()));
    look.note(&text::clean(&format!("this machine: {}", facts.join("; "))));
    if document.machines.is_empty() {
        look.note(if is_library { "nobody works here now" } else { "no library is here yet" });
        return;
    }
    let left = Align::Left;
    let headings = [
        ("machine", left),
        ("does", left),
        ("files", left),
        ("encoders", left),
        ("seen", left),
        ("why", left),
    ];
    ui::out(&table(&headings, &document.machines.iter().map(row).collect::<Vec<_>>()));
    let files =
        document.machines.iter().flat_map(|m| m.notice.files.iter().map(|file| (&m.notice.host, file)));
    for (host, file) in files {
        ui::out(&format!("{}\n", text::clean(&format!("{host}: {file}"))));
    }
}

fn row(machine: &Machine) -> Vec<String> {
    let Machine { notice, age, is_dead } = machine;
    let does = match age {
        _ if *is_dead => "died".to_owned(),
        Some(age) if *age > SILENT => "silent".to_owned(),
        _ => notice.standing.clone(),
    };
    let encoders =
        notice.encoders.iter().filter(|cap| matches!(cap.verdict, Verdict::Works { fps } if fps > 0.0));
    let mut names: Vec<&str> = encoders.map(|cap| cap.name.as_str()).collect();
    names.dedup();
    [
        format!("{} ({})", notice.host, notice.pid),
        does,
        format!("{} of {}", notice.files.len(), notice.jobs),
        names.join(", "),
        age.map_or_else(String::new, |age| format!("{} ago", text::took(age))),
        notice.why.clone().unwrap_or_default(),
    ]
    .iter()
    .map(|cell| text::clean(cell))
    .collect()
}
