//! Adapters by sysfs and by NVIDIA's /proc; a Mac with Apple's own chip has one that needs no looking for.

use std::path::Path;

use crate::sys::graphics::{Adapter, Vendor};

pub fn adapters() -> Vec<Adapter> {
    if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        return vec![Adapter { vendor: Vendor::Apple, name: "Apple media engine".to_owned(), driver: None }];
    }
    below(Path::new("/"))
}

/// The adapters of the system whose root this is.
pub fn below(root: &Path) -> Vec<Adapter> {
    let mut found = nvidia(&root.join("proc/driver/nvidia"));
    let mut nodes: Vec<_> = std::fs::read_dir(root.join("sys/class/drm"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        .map(|entry| entry.path().join("device"))
        .collect();
    nodes.sort();
    for device in nodes {
        let Some(vendor) = hex(&device.join("vendor")) else { continue };
        let vendor = Vendor::of_pci(vendor);
        if vendor == Vendor::Nvidia && found.iter().any(|adapter| adapter.vendor == Vendor::Nvidia) {
            continue;
        }
        let driver = std::fs::read_link(device.join("driver"))
            .ok()
            .and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
        let model = hex(&device.join("device")).map_or_else(String::new, |id| format!(" {id:04x}"));
        found.push(Adapter { vendor, name: format!("{}{model}", vendor.words()), driver });
    }
    found
}

fn hex(file: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(file).ok()?;
    u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

/// NVIDIA's own module tells release and models; a container sees them without any node in /sys.
fn nvidia(folder: &Path) -> Vec<Adapter> {
    let Some(driver) = std::fs::read_to_string(folder.join("version")).ok().and_then(|text| release(&text))
    else {
        return Vec::new();
    };
    let cards = std::fs::read_dir(folder.join("gpus")).into_iter().flatten().flatten();
    let mut found: Vec<Adapter> = cards
        .filter_map(|card| {
            let text = std::fs::read_to_string(card.path().join("information")).ok()?;
            let name = text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned();
            Some(Adapter { vendor: Vendor::Nvidia, name, driver: Some(driver.clone()) })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.16  Fri …` → `570.86.16`.
pub fn release(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    line.split_whitespace()
        .find(|word| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .map(str::to_owned)
}
