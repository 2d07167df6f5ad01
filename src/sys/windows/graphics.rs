//! Adapters by the registry's list of display drivers.

use super::registry::{Key, Root};
use crate::sys::graphics::{Adapter, Vendor};

/// The class of display adapters; each child with four digits is one.
const DISPLAY: &str = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}";

pub fn adapters() -> Vec<Adapter> {
    let Ok(Some(class)) = Key::open(Root::Machine, DISPLAY) else { return Vec::new() };
    let mut found: Vec<Adapter> = Vec::new();
    for child in class.children().unwrap_or_default() {
        if child.len() != 4 || !child.bytes().all(|digit| digit.is_ascii_digit()) {
            continue;
        }
        let Ok(Some(key)) = Key::open(Root::Machine, &format!(r"{DISPLAY}\{child}")) else { continue };
        let text = |name: &str| key.text(name).ok().flatten().map(|value| value.text);
        let Some(name) = text("DriverDesc") else { continue };
        let vendor = text("MatchingDeviceId").and_then(|id| pci(&id)).map_or(Vendor::Other, Vendor::of_pci);
        let driver = text("DriverVersion")
            .map(|version| if vendor == Vendor::Nvidia { release(&version) } else { version });
        let adapter = Adapter { vendor, name, driver };
        // A card that moved to another slot leaves its old entry behind.
        if !found.contains(&adapter) {
            found.push(adapter);
        }
    }
    found
}

/// `pci\ven_10de&dev_2684` → 0x10de.
fn pci(id: &str) -> Option<u16> {
    let id = id.to_ascii_lowercase();
    let digits = id.split_once("ven_")?.1.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Windows' `32.0.15.7086` is NVIDIA's 570.86: the last five digits.
pub fn release(version: &str) -> String {
    let digits: String = version.chars().filter(char::is_ascii_digit).collect();
    match digits.len().checked_sub(5) {
        Some(begin) => format!("{}.{}", &digits[begin..begin + 3], &digits[begin + 3..]),
        None => version.to_owned(),
    }
}
