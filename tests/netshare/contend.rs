//! Claims without conversions: what the tests on real mounts race, count and leave behind. Built with the crash tests'
//! feature only, and run by `fleet.py`; it prints one JSON object.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::model::media::MediaInfo;
use crate::share::cache;
use crate::share::claim::{Acquired, Claim, Forgetful, Terms, acquire};
use crate::sys;

#[derive(Debug, Parser)]
struct Args {
    /// Seconds after which a silent claim may be taken over
    #[arg(long, default_value_t = 900.0)]
    stale_after: f64,
    /// Seconds between heartbeats
    #[arg(long, default_value_t = 60.0)]
    heartbeat: f64,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Claims COUNT files of a folder and dies with them
    Leave { folder: PathBuf, count: u32 },
    /// Claims COUNT files of a folder, keeps them for so many seconds, and releases them
    Hold { folder: PathBuf, count: u32, seconds: f64 },
    /// Claims COUNT files of a folder, looks around under each claim, and dies with them; tells the fastest of each
    Look { folder: PathBuf, count: u32 },
    /// Asks for file number i at the time START + i·SLOT (seconds since 1970, by this machine's clock), and keeps what it gets to the end
    Race { folder: PathBuf, count: u32, start: f64, slot: f64 },
    /// Makes the empty files that FACTS and COUNT are about: WRITERS times FACTS, spread over so many folders
    Files { folder: PathBuf, writers: u32, facts: u32, folders: u32 },
    /// Adds FACTS facts to the shared caches, BATCH at a time, as writer number WRITER; a line tells how many are on the share
    Facts { folder: PathBuf, writer: u32, facts: u32, batch: u32, folders: u32 },
    /// How many facts of each writer the shared caches hold
    Count { folder: PathBuf, writers: u32, facts: u32, folders: u32 },
}

/// Where a writer's fact belongs: its folder and the name of its file.
fn place(folder: &std::path::Path, writer: u32, fact: u32, folders: u32) -> (PathBuf, String) {
    (folder.join(format!("folder {}", fact % folders)), format!("film {writer}-{fact}.mkv"))
}

const STAMP: crate::model::key::Stamp = crate::model::key::Stamp { size: 7, sec: 1_700_000_000, nsec: 0 };

fn addition(name: String, writer: u32) -> cache::Addition {
    let media = MediaInfo { format: "matroska,webm".to_owned(), size: 7, ..MediaInfo::default() };
    let facts = Some(cache::Facts { by: format!("writer {writer}"), media });
    cache::Addition { name, stamp: STAMP, memo: None, facts }
}

/// Adds one writer's facts. A line is printed when a batch is on the share, and only then.
#[expect(clippy::print_stdout, reason = "a test reads it")]
fn add_facts(folder: &std::path::Path, writer: u32, facts: u32, batch: u32, folders: u32) -> ExitCode {
    let mut done = 0;
    while done < facts {
        let until = (done + batch).min(facts);
        let mut all: BTreeMap<PathBuf, Vec<cache::Addition>> = BTreeMap::new();
        for fact in done..until {
            let (folder, name) = place(folder, writer, fact, folders);
            all.entry(folder).or_default().push(addition(name, writer));
        }
        for (folder, additions) in all {
            loop {
                match cache::add_within(&folder, &additions, Duration::from_secs(60)) {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => {
                        println!("error {error}");
                        return ExitCode::FAILURE;
                    }
                }
            }
        }
        done = until;
        println!("reported {done}");
        let _ = std::io::Write::flush(&mut std::io::stdout());
    }
    ExitCode::SUCCESS
}

fn file(folder: &std::path::Path, number: u32) -> PathBuf {
    folder.join(format!("film {number}.mkv"))
}

/// The claim on one file, or in words why not.
fn ask(folder: &std::path::Path, number: u32, terms: &Terms) -> Result<Claim, String> {
    match acquire(&file(folder, number), terms, &Forgetful) {
        Ok(Acquired::Mine(claim)) => Ok(claim),
        Ok(Acquired::Held(by)) => Err(format!("held by {}: {}", by.hostname, by.what)),
        Ok(Acquired::HalfDone(_)) => Err("half done".to_owned()),
        Ok(Acquired::Gone) => Err("gone".to_owned()),
        Err(error) => Err(format!("error: {error}")),
    }
}

/// Claims of many files.
#[derive(Default)]
struct Claims {
    mine: BTreeMap<u32, Claim>,
    others: Vec<String>,
    /// Seconds that the fastest took: the others waited for this machine, not for the share.
    fastest: Option<f64>,
}

/// Claims the files one after the other; those that somebody else holds are counted.
fn claim_all(folder: &std::path::Path, count: u32, terms: &Terms) -> Claims {
    let mut claims = Claims::default();
    for number in 0..count {
        let begun = Instant::now();
        match ask(folder, number, terms) {
            Ok(claim) => drop(claims.mine.insert(number, claim)),
            Err(why) => claims.others.push(format!("{number}: {why}")),
        }
        let took = begun.elapsed().as_secs_f64();
        claims.fastest = Some(claims.fastest.map_or(took, |least| least.min(took)));
    }
    claims
}

/// The program's entry.
#[expect(clippy::print_stdout, reason = "a test reads it")]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let terms = Terms {
        stale_after: Duration::from_secs_f64(args.stale_after),
        heartbeat: Duration::from_secs_f64(args.heartbeat),
        legacy_locks: false,
    };
    match args.task {
        Task::Files { folder, writers, facts, folders } => {
            for number in 0..folders {
                let _ = std::fs::create_dir_all(folder.join(format!("folder {number}")));
            }
            for writer in 0..writers {
                for fact in 0..facts {
                    let (folder, name) = place(&folder, writer, fact, folders);
                    let _ = std::fs::File::create(folder.join(name));
                }
            }
        }
        Task::Facts { folder, writer, facts, batch, folders } => {
            return add_facts(&folder, writer, facts, batch, folders);
        }
        Task::Count { folder, writers, facts, folders } => {
            let read: Vec<cache::Folder> =
                (0..folders).map(|number| cache::read(&folder.join(format!("folder {number}")))).collect();
            let faults: Vec<&String> = read.iter().filter_map(|folder| folder.fault.as_ref()).collect();
            let held = |writer: u32| -> u32 {
                let has = |fact: &u32| {
                    let (_, name) = place(&folder, writer, *fact, folders);
                    read[(fact % folders) as usize].has_facts(&name, &STAMP)
                };
                (0..facts).filter(has).count() as u32
            };
            let held: Vec<u32> = (0..writers).map(held).collect();
            println!("{}", serde_json::json!({"held": held, "faults": faults}));
        }
        Task::Leave { folder, count } => {
            let Claims { mine, others, .. } = claim_all(&folder, count, &terms);
            println!("{}", serde_json::json!({"claimed": mine.len(), "others": others}));
            // Without a destructor, as a kill -9 would.
            std::process::abort();
        }
        Task::Hold { folder, count, seconds } => {
            let Claims { mine, others, .. } = claim_all(&folder, count, &terms);
            std::thread::sleep(Duration::from_secs_f64(seconds));
            let kept = mine.values().filter(|claim| claim.is_current()).count();
            let claimed = mine.len();
            mine.into_values().for_each(Claim::release);
            println!("{}", serde_json::json!({"claimed": claimed, "kept": kept, "others": others}));
        }
        Task::Look { folder, count } => {
            let Claims { mine, others, fastest } = claim_all(&folder, count, &terms);
            let looks = mine.iter().map(|(number, claim)| {
                let begun = Instant::now();
                let _ = claim.look_around(&file(&folder, *number), &Forgetful);
                begun.elapsed().as_secs_f64()
            });
            let look = looks.reduce(f64::min);
            println!(
                "{}",
                serde_json::json!({"others": others, "fastest_claim": fastest, "fastest_look": look})
            );
            std::process::abort();
        }
        Task::Race { folder, count, start, slot } => {
            let (mut mine, mut others, mut late) = (BTreeMap::new(), BTreeMap::new(), 0);
            let mut since = BTreeMap::new();
            for number in 0..count {
                let left = start + f64::from(number) * slot - sys::clock::wall();
                if left > 0.0 {
                    std::thread::sleep(Duration::from_secs_f64(left));
                } else {
                    late += 1;
                }
                match ask(&folder, number, &terms) {
                    Ok(claim) => {
                        since.insert(number, sys::clock::wall());
                        mine.insert(number, claim);
                    }
                    Err(why) => drop(others.insert(number, why)),
                }
            }
            // Until everybody has asked for the last one.
            let left = start + f64::from(count) * slot + 5.0 - sys::clock::wall();
            std::thread::sleep(Duration::from_secs_f64(left.max(0.0)));
            let lost: Vec<u32> =
                mine.iter().filter(|(_, claim)| !claim.is_current()).map(|(number, _)| *number).collect();
            let errors: Vec<_> = others.iter().filter(|(_, what)| what.starts_with("error")).collect();
            let taken_over = mine.values().filter(|claim| claim.taken_from.is_some()).count();
            println!(
                "{}",
                serde_json::json!({
                    "won": mine.keys().collect::<Vec<_>>(), "lost": lost, "late": late, "taken_over": taken_over, "errors": errors,
                    "since": since, "until": sys::clock::wall(),
                })
            );
            mine.into_values().for_each(Claim::release);
        }
    }
    ExitCode::SUCCESS
}
