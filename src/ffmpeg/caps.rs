//! What this ffmpeg can really do here: every candidate encoder is tried with a real, short encode whose output is decoded and looked at.

mod decode;
mod keeping;
mod list;
mod mapping;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::encoders::{self, Encoder, Family, LOW_POWER};
use super::progress::{is_session_limit, telling};
use super::tools::Tools;
use crate::model::caps::{Caps, EncoderCap, Verdict};
use crate::model::error::{Error, Kind, Result};
use crate::sys::{self, process::Spawn, stop::Stop};

/// Raised when trials find out more than before, so that what older versions remembered is tried anew.
const REVISION: u32 = 3;
/// Nothing moving for this long is a hang. A card that has to wake up takes seconds; a wedged driver takes for ever.
const STALL: Duration = Duration::from_secs(20);
/// Trials at once: consumer cards refuse a third session or a ninth, and a trial must not fail for its neighbours.
const AT_ONCE: usize = 2;

/// Lists encoders and filters and tries every candidate. Takes many seconds; the caller caches what is [`lasting`] per [`conditions`].
pub fn trial(tools: &Tools) -> Result<Caps> {
    trial_within(tools, STALL)
}

/// Adds to what is known the trials of those wanted encoders that were not tried yet: a run that makes H.264 need not
/// wait for AV1's. Without anything to try it costs nothing.
pub fn complete(tools: &Tools, known: Option<Caps>, wanted: &dyn Fn(&str) -> bool) -> Result<Caps> {
    complete_within(tools, STALL, known, wanted)
}

/// What identifies the conditions of a trial: ffmpeg's version and path, size and mtime, drivers and devices. A changed text means a new trial.
pub fn conditions(tools: &Tools) -> String {
    let file = sys::path::canonical(&tools.ffmpeg).unwrap_or_else(|_| tools.ffmpeg.clone());
    let stamp = sys::fs::stamp(&file).unwrap_or_default();
    format!(
        "trial {REVISION}\nffmpeg {}\n{} {} {}.{:09}\n{}",
        tools.version,
        file.display(),
        stamp.size,
        stamp.sec,
        stamp.nsec,
        sys::gpu::drivers()
    )
}

/// Every wanted encoder was tried.
pub fn has_all(known: &Caps, wanted: &dyn Fn(&str) -> bool) -> bool {
    let tried = |name: &str| known.encoders.iter().any(|cap| cap.name == name);
    let names = encoders::VIDEO.iter().map(|e| e.name).chain(encoders::AUDIO.iter().map(|(name, _)| *name));
    names.filter(|name| wanted(name)).all(tried)
}

/// What will be the same next time. Not, where a card was busy or did not answer: that may be over soon, and is left out.
pub fn lasting(caps: &Caps) -> Caps {
    let mut caps = caps.clone();
    let lasts = |verdict: &Verdict| match verdict {
        Verdict::Failed { why } => !is_session_limit(why) && !why.starts_with(trial::HUNG),
        Verdict::Works { .. } | Verdict::NotListed => true,
    };
    caps.encoders.retain(|encoder| lasts(&encoder.verdict));
    caps.libplacebo = caps.libplacebo.filter(lasts);
    caps
}

/// What a person can do about a trial's failure.
pub fn advice(why: &str) -> Option<&'static str> {
    const ADVICE: &[(&[&str], &str)] = &[
        (
            &["required nvenc API version"],
            "this ffmpeg wants a newer NVENC than the driver has: update the driver (13.0 came with 570), or use an older build of ffmpeg",
        ),
        (
            &["minimum required Nvidia driver"],
            "update the NVIDIA driver to the version named, or use an older build of ffmpeg",
        ),
        (
            &[
                "Cannot load libcuda",
                "Cannot load nvcuda",
                "Cannot load libnvidia-encode",
                "Cannot load nvEncodeAPI",
            ],
            "no NVIDIA driver is visible here; a container needs --gpus all and NVIDIA_DRIVER_CAPABILITIES=video,compute,utility",
        ),
        (
            &["No capable devices found"],
            "the card has no encoder for this codec or this ffmpeg is too new for its driver",
        ),
        (
            &["OpenEncodeSessionEx failed: out of memory"],
            "all encode sessions of the card are in use; it is tried again later",
        ),
        (
            &["No VA display found", "Failed to initialise VAAPI"],
            "there is no usable render node; the user must be in the group render, a container needs /dev/dri, and the card its VA driver",
        ),
        (&["No usable encoding"], "the card's driver has no encoder for this codec"),
        (&["MFX session", "qsv"], "Quick Sync needs an Intel card and its runtime (libmfx-gen or libvpl)"),
        (&["amfrt", "AMF"], "AMF needs an AMD card and its own driver"),
    ];
    ADVICE.iter().find(|(phrases, _)| phrases.iter().any(|p| why.contains(p))).map(|(_, text)| *text)
}

fn trial_within(tools: &Tools, stall: Duration) -> Result<Caps> {
    complete_within(tools, stall, None, &|_| true)
}

fn complete_within(
    tools: &Tools,
    stall: Duration,
    known: Option<Caps>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Caps> {
    let mut caps = match known {
        Some(known) => known,
        None => Caps {
            version: tools.version.clone(),
            release: tools.release,
            encoders: Vec::new(),
            filters: list::filters(&ask(tools, "-filters")?),
            listed: list::encoders(&ask(tools, "-encoders")?),
            decoders: None,
            libplacebo: None,
        },
    };
    let untried = |name: &str| wanted(name) && !caps.encoders.iter().any(|tried| tried.name == name);
    let candidates = candidates(&caps.listed, &untried);
    let makes_video = encoders::VIDEO.iter().any(|encoder| wanted(encoder.name));
    let accelerators = match caps.decoders {
        // Where nothing video is wanted, nothing is decoded either.
        None if makes_video => decode::accelerators(tools),
        _ => Vec::new(),
    };
    let maps = makes_video
        && caps.libplacebo.is_none()
        && ["libplacebo", "zscale"].iter().all(|filter| caps.has_filter(filter));
    if !maps
        && candidates.iter().all(|candidate| matches!(candidate, Candidate::NotListed { .. }))
        && accelerators.is_empty()
    {
        // Nothing to run, so no clip either.
        let absent = candidates.iter().filter_map(Candidate::absent).collect();
        return Ok(joined(caps, absent));
    }
    let room = Room::new()?;
    let stand = trial::Stand::new(tools, stall);
    let next = AtomicUsize::new(0);
    let tried: Mutex<Vec<(usize, EncoderCap)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(candidate) = candidates.get(n) else { return };
                    if sys::stop::asked() != Stop::No {
                        return;
                    }
                    let cap = candidate.try_on(&stand, &room.0.join(format!("{n}.mkv")));
                    tried.lock().unwrap_or_else(PoisonError::into_inner).push((n, cap));
                }
            });
        }
    });
    let interrupted =
        || Error::new(Kind::Interrupted, "finish trying ffmpeg's encoders: we were asked to stop");
    if sys::stop::asked() != Stop::No {
        return Err(interrupted());
    }
    let mut tried = tried.into_inner().unwrap_or_else(PoisonError::into_inner);
    tried.sort_by_key(|(n, _)| *n);
    caps = joined(caps, tried.into_iter().map(|(_, cap)| cap).collect());
    if maps {
        caps.libplacebo = Some(mapping::verdict(&stand));
    }
    if caps.decoders.is_none() && makes_video {
        caps.decoders = Some(decode::try_all(&stand, &accelerators, &caps, decode::LONG, &room.0));
        if sys::stop::asked() != Stop::No {
            return Err(interrupted());
        }
    }
    Ok(caps)
}

/// New results among the old ones, in the order of the tables, whatever was tried first.
fn joined(mut caps: Caps, new: Vec<EncoderCap>) -> Caps {
    let place = |cap: &EncoderCap| {
        let video = encoders::VIDEO.iter().position(|e| e.name == cap.name);
        let audio = || encoders::AUDIO.iter().position(|(name, _)| *name == cap.name);
        video.or_else(|| Some(encoders::VIDEO.len() + audio()?)).unwrap_or(usize::MAX)
    };
    caps.encoders.extend(new);
    caps.encoders.sort_by_key(place);
    caps
}

/// One encoder on one device.
#[derive(Debug)]
enum Candidate {
    NotListed { name: &'static str, codec: &'static str, hardware: bool },
    Video { encoder: &'static Encoder, device: Option<String> },
    Audio { name: &'static str, codec: &'static str },
}

fn candidates(listed: &BTreeSet<String>, wanted: &dyn Fn(&str) -> bool) -> Vec<Candidate> {
    let nodes = sys::gpu::cards();
    // The driver's library is loaded only where there is an ffmpeg to use it.
    let nvenc = listed.iter().any(|name| name.ends_with("_nvenc") && wanted(name));
    let nvidia = if nvenc { sys::gpu::nvidia().map_or(0, |cards| cards.len()) } else { 0 };
    let node = |card: &sys::gpu::Card| card.node.display().to_string();
    let mut all = Vec::new();
    for encoder in encoders::VIDEO.iter().filter(|encoder| wanted(encoder.name)) {
        if !listed.contains(encoder.name) {
            let hardware = encoder.is_hardware();
            all.push(Candidate::NotListed { name: encoder.name, codec: encoder.codec, hardware });
            continue;
        }
        let mut devices: Vec<String> = match encoder.family {
            Family::Vaapi => nodes.iter().map(node).collect(),
            Family::Qsv => nodes.iter().filter(|card| card.id.0 == 0x8086).map(node).collect(),
            Family::Nvenc if nvidia > 1 => (0..nvidia).map(|n| n.to_string()).collect(),
            _ => Vec::new(),
        };
        let on_node = matches!(encoder.family, Family::Vaapi | Family::Qsv);
        if devices.is_empty() && on_node && std::env::consts::OS == "linux" {
            // Without a card the first one's name makes ffmpeg say what is missing; by default it only says that it failed.
            devices.push("/dev/dri/renderD128".to_owned());
        }
        if devices.is_empty() {
            all.push(Candidate::Video { encoder, device: None });
        }
        all.extend(devices.drain(..).map(|device| Candidate::Video { encoder, device: Some(device) }));
    }
    all.extend(encoders::AUDIO.iter().filter(|(name, _)| wanted(name)).map(|&(name, codec)| {
        if listed.contains(name) {
            Candidate::Audio { name, codec }
        } else {
            Candidate::NotListed { name, codec, hardware: false }
        }
    }));
    all
}

impl Candidate {
    /// What there is to say of it without a trial.
    fn absent(&self) -> Option<EncoderCap> {
        let Candidate::NotListed { name, codec, hardware } = self else { return None };
        Some(EncoderCap {
            name: (*name).to_owned(),
            codec: (*codec).to_owned(),
            hardware: *hardware,
            device: None,
            ten_bit: false,
            keeps: BTreeSet::new(),
            sessions: None,
            largest: None,
            verdict: Verdict::NotListed,
        })
    }

    fn try_on(&self, stand: &trial::Stand<'_>, file: &Path) -> EncoderCap {
        match self {
            Candidate::NotListed { .. } => self.absent().expect("it is not listed"),
            Candidate::Audio { name, codec } => EncoderCap {
                name: (*name).to_owned(),
                codec: (*codec).to_owned(),
                hardware: false,
                device: None,
                ten_bit: false,
                keeps: BTreeSet::new(),
                sessions: None,
                largest: None,
                verdict: verdict(stand.audio(name, file)),
            },
            Candidate::Video { encoder, device } => {
                let (device, result) = on_device(stand, encoder, device.clone(), file);
                let works = result.is_ok();
                let ten_bit = works && stand.video(encoder, device.as_deref(), true, file).is_ok();
                // Software has neither limit; only the machine's patience.
                let limited = works && encoder.is_hardware();
                let keeps = if works {
                    keeping::kept(stand, encoder, device.as_deref(), ten_bit, file)
                } else {
                    BTreeSet::new()
                };
                let largest = limited.then(|| stand.largest(encoder, device.as_deref(), ten_bit, file));
                let sessions = limited.then(|| stand.sessions(encoder, device.as_deref(), file));
                EncoderCap {
                    name: encoder.name.to_owned(),
                    codec: encoder.codec.to_owned(),
                    hardware: encoder.is_hardware(),
                    device,
                    ten_bit,
                    keeps,
                    sessions,
                    largest,
                    verdict: verdict(result),
                }
            }
        }
    }
}

/// Tries 8 bit; again where only the card's other encoder, or a free session, is missing.
fn on_device(
    stand: &trial::Stand<'_>,
    encoder: &Encoder,
    device: Option<String>,
    file: &Path,
) -> (Option<String>, trial::Result) {
    let mut result = stand.video(encoder, device.as_deref(), false, file);
    for _ in 0..2 {
        if !result.as_ref().is_err_and(|why| is_session_limit(why)) {
            break;
        }
        sys::stop::sleep(Duration::from_millis(700));
        result = stand.video(encoder, device.as_deref(), false, file);
    }
    if let (Family::Vaapi, Some(node), Err(why)) = (encoder.family, &device, &result)
        && why.contains("No usable encoding entrypoint")
    {
        let low = Some(format!("{node}{LOW_POWER}"));
        let again = stand.video(encoder, low.as_deref(), false, file);
        if again.is_ok() {
            return (low, again);
        }
    }
    (device, result)
}

fn verdict(result: trial::Result) -> Verdict {
    match result {
        Ok(fps) => Verdict::Works { fps },
        Err(why) => Verdict::Failed { why },
    }
}

/// One of ffmpeg's lists.
fn ask(tools: &Tools, what: &str) -> Result<String> {
    let args = vec!["-hide_banner".into(), what.into()];
    let spawn = Spawn { program: tools.ffmpeg.clone(), args, background: false };
    let failed = |why: String| {
        Error::new(Kind::MissingTool, format!("get the list `{what}`")).at(&tools.ffmpeg).because(why)
    };
    let output = sys::process::output(&spawn, STALL, 4 << 20).map_err(|error| failed(error.to_string()))?;
    if output.timed_out {
        return Err(failed(format!("{}: no end within {} s", trial::HUNG, STALL.as_secs())));
    }
    if !output.ended.success() {
        let line = telling(&String::from_utf8_lossy(&output.stderr));
        return Err(failed(line.unwrap_or_else(|| "it ended with an error".to_owned())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder of our own for the trials' files; gone at the end.
#[derive(Debug)]
struct Room(PathBuf);

impl Room {
    fn new() -> Result<Self> {
        let name = format!("media-converter-trial-{}", sys::host::random_hex(6));
        let folder = std::env::temp_dir().join(name);
        sys::fs::create_dir_all(&folder).map_err(|e| Error::io("make a folder for trials", &folder, e))?;
        Ok(Self(folder))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for entry in sys::fs::list(&self.0).unwrap_or_default() {
            let _ = sys::fs::remove_file(&self.0.join(entry.name));
        }
        let _ = sys::fs::remove_dir(&self.0);
    }
}
