//! Graphics cards: what is there, under which driver, and how busy. A missing driver or library is a fact, not an error.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;

/// PCI's number of NVIDIA.
const NVIDIA: u16 = 0x10de;

/// A card as the kernel lists it (Linux); elsewhere only NVIDIA's are seen, by [`nvidia`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What programs open for video: `/dev/dri/renderD128`.
    pub node: PathBuf,
    /// PCI vendor and device: 0x8086 is Intel, 0x1002 AMD, 0x10de NVIDIA.
    pub id: (u16, u16),
    /// The kernel's driver: `i915`, `xe`, `amdgpu`, `nvidia`.
    pub driver: Option<String>,
}

/// An NVIDIA card at this moment; what the driver does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nvidia {
    /// As ffmpeg's `-gpu` counts.
    pub index: u32,
    pub name: String,
    /// e.g. `570.86.15`.
    pub driver: Option<String>,
    /// Encode sessions open now, of all programs.
    pub sessions: Option<u32>,
    /// °C.
    pub temperature: Option<u32>,
    /// Percent.
    pub encoder_load: Option<u32>,
    /// Bytes used and all.
    pub memory: Option<(u64, u64)>,
}

/// The cards that have a render node, in the order of their names.
pub fn cards() -> Vec<Card> {
    cards_in(Path::new("/sys/class/drm"), Path::new("/dev/dri"))
}

fn cards_in(sysfs: &Path, devices: &Path) -> Vec<Card> {
    let Ok(entries) = std::fs::read_dir(sysfs) else { return Vec::new() };
    let mut cards: Vec<Card> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| name.starts_with("renderD"))?;
            let node = devices.join(name);
            // A container sees every card in sysfs, and only those it was given in /dev.
            if !node.exists() {
                return None;
            }
            let device = entry.path().join("device");
            let id = |file: &str| {
                let text = std::fs::read_to_string(device.join(file)).ok()?;
                u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
            };
            let driver = std::fs::read_link(device.join("driver")).ok();
            let driver = driver.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
            Some(Card { node, id: (id("vendor").unwrap_or(0), id("device").unwrap_or(0)), driver })
        })
        .collect();
    cards.sort_by(|a, b| a.node.cmp(&b.node));
    cards
}

/// NVIDIA's cards, asked through the driver's own library; `Err` says why there is nobody to ask.
pub fn nvidia() -> Result<Vec<Nvidia>, String> {
    // Distributions install the plain name with the development files only.
    let nvml = Nvml::builder()
        .lib_path(OsStr::new("libnvidia-ml.so.1"))
        .init()
        .or_else(|_| Nvml::init())
        .map_err(|error| error.to_string())?;
    let driver = nvml.sys_driver_version().ok();
    let count = nvml.device_count().map_err(|error| error.to_string())?;
    let cards = (0..count).filter_map(|index| {
        let card = nvml.device_by_index(index).ok()?;
        Some(Nvidia {
            index,
            name: card.name().unwrap_or_else(|_| "NVIDIA".to_owned()),
            driver: driver.clone(),
            sessions: card.encoder_stats().ok().map(|stats| stats.session_count),
            temperature: card.temperature(TemperatureSensor::Gpu).ok(),
            encoder_load: card.encoder_utilization().ok().map(|load| load.utilization),
            memory: card.memory_info().ok().map(|memory| (memory.used, memory.total)),
        })
    });
    Ok(cards.collect())
}

impl Nvidia {
    /// `NVIDIA H100, driver 570.86.15: 33 °C, encoder 0 %, 0 sessions, 1.2 of 80 GiB`
    pub fn words(&self) -> String {
        let mut words = self.name.clone();
        if let Some(driver) = &self.driver {
            words.push_str(&format!(", driver {driver}"));
        }
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let figures: Vec<String> = [
            self.temperature.map(|degrees| format!("{degrees} °C")),
            self.encoder_load.map(|percent| format!("encoder {percent} %")),
            self.sessions.map(|count| format!("{count} {}", if count == 1 { "session" } else { "sessions" })),
            self.memory.map(|(used, all)| format!("{:.1} of {:.0} GiB", gib(used), gib(all))),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !figures.is_empty() {
            words.push_str(&format!(": {}", figures.join(", ")));
        }
        words
    }
}

/// How the cards are at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The hottest in °C; `None` where none tells.
    pub temperature: Option<u32>,
    /// Each in words.
    pub words: Vec<String>,
}

/// Looks at all cards.
pub fn look() -> Now {
    // Loading NVIDIA's library takes time that a machine without its cards need not spend every few seconds.
    let nvidia = if may_be_nvidia() { nvidia().unwrap_or_default() } else { Vec::new() };
    let others = cards().into_iter().filter(|card| card.id.0 != NVIDIA);
    let words = others.map(|card| {
        let vendor = super::graphics::Vendor::of_pci(card.id.0).words();
        format!("{vendor} {:04x} ({})", card.id.1, card.node.display())
    });
    Now {
        temperature: nvidia
            .iter()
            .filter_map(|card| card.temperature)
            .max()
            .max(temperature_in(Path::new("/sys/class/drm"))),
        words: nvidia.iter().map(Nvidia::words).chain(words).collect(),
    }
}

/// Whether it is worth asking for NVIDIA's library. A container may see the device without the module's folder in /proc.
pub fn may_be_nvidia() -> bool {
    !cfg!(target_os = "linux")
        || ["/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg"].iter().any(|path| Path::new(path).exists())
}

/// Sensors of the drivers of AMD and Intel.
fn temperature_in(sysfs: &Path) -> Option<u32> {
    let cards = std::fs::read_dir(sysfs).ok()?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with("card") && !name.contains('-'))
    });
    let sensors = cards.filter_map(|card| std::fs::read_dir(card.path().join("device/hwmon")).ok());
    let readings = sensors.flatten().flatten().filter_map(|sensor| {
        let text = std::fs::read_to_string(sensor.path().join("temp1_input")).ok()?;
        Some(text.trim().parse::<u32>().ok()? / 1000)
    });
    readings.max()
}

/// Cards and drivers in one text that changes when one of them does. Cheap: where the kernel tells, no library is loaded.
pub fn drivers() -> String {
    let mut text = String::new();
    for card in cards() {
        let driver = card.driver.as_deref().unwrap_or("no driver");
        text.push_str(&format!("{} {:04x}:{:04x} {driver}\n", card.node.display(), card.id.0, card.id.1));
    }
    for file in ["/proc/driver/nvidia/version", "/proc/sys/kernel/osrelease"] {
        if let Some(line) = std::fs::read_to_string(file).ok().as_deref().and_then(|text| text.lines().next())
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    // A container may see the cards without the module's folder.
    if may_be_nvidia() && !Path::new("/proc/driver/nvidia/version").exists() {
        for card in nvidia().unwrap_or_default() {
            text.push_str(&format!("{} {} {}\n", card.index, card.name, card.driver.unwrap_or_default()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Nvidia, cards_in, drivers, nvidia, temperature_in};

    #[test]
    fn no_card_and_no_library_are_facts() {
        // Whatever this machine has, asking must neither fail nor take a card for granted.
        let cards = nvidia();
        assert!(cards.is_ok() || cards.is_err_and(|why| !why.is_empty()));
        assert_eq!(drivers(), drivers());
    }

    #[test]
    fn a_card_is_told_with_what_its_driver_tells_and_no_more() {
        let mut card = Nvidia {
            index: 0,
            name: "NVIDIA L4".into(),
            driver: Some("570.86.15".into()),
            sessions: Some(1),
            temperature: Some(41),
            encoder_load: Some(7),
            memory: Some((3 << 30, 24 << 30)),
        };
        assert_eq!(card.words(), "NVIDIA L4, driver 570.86.15: 41 °C, encoder 7 %, 1 session, 3.0 of 24 GiB");
        card = Nvidia {
            driver: None,
            sessions: None,
            temperature: None,
            encoder_load: None,
            memory: None,
            ..card
        };
        assert_eq!(card.words(), "NVIDIA L4");
    }

    #[test]
    fn cards_are_read_from_the_kernels_list_where_their_node_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (sysfs, devices) = (dir.path().join("drm"), dir.path().join("dri"));
        std::fs::create_dir_all(&devices).unwrap();
        for (name, vendor) in [
            ("renderD129", "0x1002"),
            ("renderD128", "0x8086"),
            ("renderD130", "0x10de"),
            ("card0", "0x8086"),
        ] {
            let device = sysfs.join(name).join("device");
            std::fs::create_dir_all(&device).unwrap();
            std::fs::write(device.join("vendor"), format!("{vendor}\n")).unwrap();
            std::fs::write(device.join("device"), "0x56a0\n").unwrap();
        }
        for node in ["renderD128", "renderD129", "card0"] {
            std::fs::write(devices.join(node), "").unwrap();
        }
        let cards = cards_in(&sysfs, &devices);
        let seen: Vec<_> =
            cards.iter().map(|c| (c.node.file_name().unwrap().to_str().unwrap(), c.id)).collect();
        assert_eq!(seen, [("renderD128", (0x8086, 0x56a0)), ("renderD129", (0x1002, 0x56a0))]);
        assert!(cards_in(&dir.path().join("none"), &devices).is_empty());
        assert_eq!(temperature_in(&sysfs), None);
        let sensor = sysfs.join("card0/device/hwmon/hwmon3");
        std::fs::create_dir_all(&sensor).unwrap();
        std::fs::write(sensor.join("temp1_input"), "67000\n").unwrap();
        assert_eq!(temperature_in(&sysfs), Some(67));
    }
}
