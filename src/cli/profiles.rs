//! `profiles`: what files can be turned into.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Ending;
use super::args::{Collect, Common};
use super::session::{BUILT_IN, Session};
use crate::model::error::{Error, Kind, Result};
use crate::model::policy::{Policy, VideoCodec};
use crate::plan;
use crate::ui::ndjson::SCHEMA;
use crate::ui::table::{Align, table};
use crate::ui::{self, Look};

/// List the profiles, or show one with all its values
#[derive(Args, Clone, Debug)]
pub struct ProfilesArgs {
    #[command(subcommand)]
    command: Option<ProfilesCommand>,
    /// Also those of this folder's library
    #[arg(long, value_name = "DIR")]
    dir: Vec<PathBuf>,
    /// Print one JSON document on stdout (docs/json.md)
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum ProfilesCommand {
    /// Print a profile with all its values, as a [profiles] table could have them
    Show {
        /// The profile
        name: String,
    },
}

impl ProfilesArgs {
    /// `--json` was given.
    pub fn json(&self) -> bool {
        self.json
    }
}

#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    profiles: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    /// The file that defines it; null: built in.
    file: Option<PathBuf>,
    policy: Policy,
}

/// Runs it.
pub fn run(args: &ProfilesArgs, common: &Common, look: Look) -> Result<Ending> {
    let session = Session::begin(common, Collect::default(), args.dir.clone(), look)?;
    let profiles = &session.settings.profiles;
    if let Some(ProfilesCommand::Show { name }) = &args.command {
        let policy = profiles.policy(name, BUILT_IN)?;
        if args.json {
            let file = profiles.file(name).map(PathBuf::from);
            let listed = vec![Listed { name: name.clone(), file, policy }];
            ui::out_json(&Document { schema: SCHEMA, profiles: listed });
        } else {
            let text = toml::to_string_pretty(&policy)
                .map_err(|error| Error::new(Kind::Internal, "write a profile as TOML").because(error))?;
            ui::out(&text);
        }
        return Ok(Ending::Well);
    }
    let mut names: Vec<&str> = (BUILT_IN.names)().to_vec();
    names.extend(profiles.names().filter(|name| !(BUILT_IN.names)().contains(name)));
    let mut listed = Vec::new();
    for name in names {
        let policy = profiles.policy(name, BUILT_IN)?;
        listed.push(Listed { name: name.to_owned(), file: profiles.file(name).map(PathBuf::from), policy });
    }
    if args.json {
        ui::out_json(&Document { schema: SCHEMA, profiles: listed });
        return Ok(Ending::Well);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|l| {
            let from =
                l.file.as_ref().map_or_else(|| "built in".to_owned(), |file| file.display().to_string());
            vec![l.name.clone(), words(l), from]
        })
        .collect();
    ui::out(&table(&[("profile", Align::Left), ("makes", Align::Left), ("from", Align::Left)], &rows));
    Ok(Ending::Well)
}

/// What it makes: the built-in's own words, else the policy in one line.
fn words(listed: &Listed) -> String {
    if let (None, Some(summary)) = (&listed.file, plan::profile_summary(&listed.name)) {
        return summary.to_owned();
    }
    let policy = &listed.policy;
    let mut parts = Vec::new();
    parts.push(match policy.video.codec {
        Some(VideoCodec::H264) => format!("H.264 {} bit", policy.video.bit_depth),
        Some(VideoCodec::Hevc) => format!("HEVC {} bit", policy.video.bit_depth),
        Some(VideoCodec::Av1) => format!("AV1 {} bit", policy.video.bit_depth),
        None => "video as it is".to_owned(),
    });
    parts.extend(policy.video.max_height.map(|height| format!("up to {height} lines")));
    parts.push(match policy.audio.codec {
        Some(codec) => format!("{codec:?}").to_uppercase(),
        None => "audio as it is".to_owned(),
    });
    parts.push(format!("in {:?}", policy.container).to_lowercase());
    if policy.music.enabled {
        parts.push(format!("music to {:?}", policy.music.codec).to_lowercase());
    }
    parts.join(", ")
}
