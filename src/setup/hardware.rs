//! Step: graphics adapters and their drivers.

use super::{Context, Ending, Fatal, NO_GPU};
use crate::sys::graphics::{self, Adapter, Vendor};

/// ffmpeg 8 and later is built against NVENC's interface of this driver and refuses older ones.
const NVIDIA_NEEDED: u32 = 570;

pub fn look(context: &mut Context) -> Result<Ending, Fatal> {
    context.adapters = graphics::adapters();
    judge(&context.adapters, context.wishes.require_gpu)
}

/// What is to be said of these adapters.
pub fn judge(adapters: &[Adapter], required: bool) -> Result<Ending, Fatal> {
    let useful: Vec<&Adapter> = adapters.iter().filter(|adapter| adapter.vendor != Vendor::Other).collect();
    if useful.is_empty() {
        let found = match adapters {
            [] => "no graphics adapter is visible here".to_owned(),
            [first, ..] => format!("{} cannot encode", first.name),
        };
        return if required {
            Err(Fatal {
                reason: found,
                advice: Some("Install the graphics driver; in a container, pass the device in.".to_owned()),
                exit_code: NO_GPU,
            })
        } else {
            Ok(Ending::Skipped(format!("{found}; the processor encodes")))
        };
    }
    let list: Vec<String> = useful
        .iter()
        .map(|adapter| match &adapter.driver {
            Some(driver) => format!("{} (driver {driver})", adapter.name),
            None => adapter.name.clone(),
        })
        .collect();
    let list = list.join(", ");
    let old = useful.iter().any(|adapter| {
        adapter.vendor == Vendor::Nvidia
            && adapter.driver.as_deref().and_then(major).is_some_and(|m| m < NVIDIA_NEEDED)
    });
    Ok(if old {
        Ending::Warning(
            format!("{list}: an NVIDIA driver before {NVIDIA_NEEDED}"),
            format!(
                "Newer ffmpeg cannot use NVENC with it; install driver {NVIDIA_NEEDED} or later from NVIDIA or your system's packages."
            ),
        )
    } else {
        Ending::Fine(list)
    })
}

fn major(driver: &str) -> Option<u32> {
    // `nouveau` has no release, and no NVENC either; the trial will tell.
    driver.split('.').next()?.parse().ok()
}
