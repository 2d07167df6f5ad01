//! How the machine is, from /proc and /sys. Where they are not there (macOS), nothing is known.

use std::path::Path;
use std::time::Duration;

use crate::sys::vitals::Busy;

fn text(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

pub fn memory() -> Option<u64> {
    let machine = available(&text("/proc/meminfo")?)?;
    Some(narrowest().map_or(machine, |group| group.left().min(machine)))
}

pub fn memory_of_machine() -> Option<u64> {
    let machine = field(&text("/proc/meminfo")?, "MemTotal:")?;
    Some(narrowest().map_or(machine, |group| group.most.min(machine)))
}

fn narrowest() -> Option<Group> {
    container(Path::new("/sys/fs/cgroup"), &text("/proc/self/cgroup").unwrap_or_default())
}

fn available(meminfo: &str) -> Option<u64> {
    field(meminfo, "MemAvailable:")
}

/// A field of /proc/meminfo in bytes.
fn field(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// A control group that has a limit: bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    most: u64,
    used: u64,
}

impl Group {
    fn left(self) -> u64 {
        self.most.saturating_sub(self.used)
    }

    /// The page cache counts as used there, and is given up first.
    fn of(folder: &Path, [most, used, inactive, active]: [&str; 4]) -> Option<Self> {
        let most = number(folder.join(most))?;
        let stat = text(folder.join("memory.stat")).unwrap_or_default();
        let cache = |name: &str| {
            stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        Some(Self { most, used: number(folder.join(used))?.saturating_sub(cache(inactive) + cache(active)) })
    }
}

/// The one of our control groups that leaves the least. Where the kernel (that of many a NAS) or the system still uses the
/// first hierarchy for memory, its groups are those of the line with `memory`.
fn container(root: &Path, membership: &str) -> Option<Group> {
    const FIRST: [&str; 4] =
        ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ", "total_active_file "];
    const SECOND: [&str; 4] = ["memory.max", "memory.current", "inactive_file ", "active_file "];
    let all = |root: &Path, own: &str, names: [&str; 4]| -> Vec<Group> {
        let own = root.join(own.trim_start_matches('/'));
        let groups = own.ancestors().take_while(|group| group.starts_with(root));
        groups.filter_map(|group| Group::of(group, names)).collect()
    };
    let groups = membership.lines().flat_map(|line| {
        let mut words = line.splitn(3, ':').skip(1);
        match (words.next(), words.next()) {
            (Some(""), Some(own)) => all(root, own, SECOND),
            (Some(kinds), Some(own)) if kinds.split(',').any(|kind| kind == "memory") => {
                all(&root.join("memory"), own, FIRST)
            }
            _ => Vec::new(),
        }
    });
    groups.min_by_key(|group| group.left())
}

pub fn memory_stall() -> Option<f64> {
    stalled(&text("/proc/pressure/memory")?)
}

/// `some avg10=0.12 avg60=…`
fn stalled(pressure: &str) -> Option<f64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("avg10=")?.parse().ok())
}

pub fn on_battery() -> Option<bool> {
    supply(Path::new("/sys/class/power_supply"))
}

/// A battery that discharges while no mains is online. A mouse has a battery, too: those are of the scope `Device`.
fn supply(folder: &Path) -> Option<bool> {
    let (mut battery, mut mains) = (None, None);
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let of =
            |name: &str| text(entry.path().join(name)).map(|text| text.trim().to_owned()).unwrap_or_default();
        match of("type").as_str() {
            "Battery" if of("scope") != "Device" => {
                battery = Some(battery.unwrap_or(false) || of("status") == "Discharging");
            }
            "Mains" | "USB" if !of("online").is_empty() => {
                mains = Some(mains.unwrap_or(false) || of("online") == "1");
            }
            _ => {}
        }
    }
    battery.map(|discharging| discharging && mains != Some(true))
}

pub fn cpu_temperature() -> Option<u32> {
    hottest(Path::new("/sys/class/hwmon"))
}

/// The hottest sensor of the processor's own drivers.
fn hottest(folder: &Path) -> Option<u32> {
    const DRIVERS: [&str; 5] = ["coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal"];
    let mut found = None;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let is_processor = text(entry.path().join("name")).is_some_and(|name| DRIVERS.contains(&name.trim()));
        if !is_processor {
            continue;
        }
        for sensor in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let name = sensor.file_name().into_string().unwrap_or_default();
            if name.starts_with("temp")
                && name.ends_with("_input")
                && let Some(thousandths) = number(sensor.path())
            {
                found = found.max(u32::try_from(thousandths / 1000).ok());
            }
        }
    }
    found
}

pub fn busy() -> Option<Busy> {
    processors(&text("/proc/stat")?)
}

/// The first line of /proc/stat (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal, all in ticks of 1/100 s. Who
/// runs at low priority, as our children do, is in nobody's way.
fn processors(stat: &str) -> Option<Busy> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|word| word.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks[..] else { return None };
    let time = |ticks: u64| Duration::from_millis(ticks * 10);
    Some(Busy {
        others: time(user + system + irq + softirq),
        // Who waits for a disk uses no processor.
        idle: time(idle + iowait),
        all: time(user + nice + system + idle + iowait + irq + softirq + steal),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Group, available, container, hottest, processors, stalled, supply};

    fn put(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(available("MemTotal: 8 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 8 kB\n"), None);
        let pressure =
            "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\nfull avg10=3.00 avg60=0 avg300=0 total=1\n";
        assert_eq!(stalled(pressure), Some(12.5));
        let before = processors("cpu  100 900 50 1000 10 0 5 0 0 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(before.others, Duration::from_millis(1550));
        assert_eq!(before.idle, Duration::from_millis(10_100));
        // In 10 s of two processors: 4 s of others, 12 s of our niced children.
        let after = processors("cpu  450 2100 95 1400 10 0 10 0 0 0\n").unwrap();
        assert_eq!(after.since(&before), Some(20));
        assert_eq!(before.since(&before), None, "no time has passed");
        assert_eq!(processors("intr 1 2 3"), None);
    }

    #[test]
    fn the_narrowest_control_group_counts_and_the_page_cache_is_no_use_of_memory() {
        let dir = tempfile::tempdir().unwrap();
        put(
            dir.path(),
            &[
                ("a/memory.max", "max\n"),
                ("a/memory.current", "1\n"),
                ("a/b/memory.max", "1000\n"),
                ("a/b/memory.current", "900\n"),
                ("a/b/memory.stat", "anon 400\ninactive_file 300\nactive_file 200\n"),
                ("a/b/c/memory.max", "800\n"),
                ("a/b/c/memory.current", "100\n"),
            ],
        );
        assert_eq!(container(dir.path(), "0::/a/b/c\n"), Some(Group { most: 1000, used: 400 }));
        assert_eq!(container(dir.path(), "0::/a\n"), None, "no limit");
        put(
            dir.path(),
            &[
                ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory/memory.usage_in_bytes", "5000\n"),
                ("memory/x/memory.limit_in_bytes", "2000\n"),
                ("memory/x/memory.usage_in_bytes", "1500\n"),
                ("memory/x/memory.stat", "inactive_file 7\ntotal_inactive_file 600\ntotal_active_file 100\n"),
            ],
        );
        let old = "9:name=systemd:/y\n4:cpu,memory:/x\n0::/\n";
        assert_eq!(container(dir.path(), old), Some(Group { most: 2000, used: 800 }), "the first hierarchy");
        // A container sees its own group as the root, and reads where that lies outside.
        let inside = container(&dir.path().join("a/b"), "0::/docker/1234\n");
        assert_eq!(inside, Some(Group { most: 1000, used: 400 }));
    }

    #[test]
    fn a_laptop_on_battery_is_told_from_one_on_mains_and_from_a_mouse() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(supply(&dir.path().join("none")), None);
        put(
            dir.path(),
            &[("mouse/type", "Battery"), ("mouse/scope", "Device"), ("mouse/status", "Discharging")],
        );
        assert_eq!(supply(dir.path()), None);
        put(
            dir.path(),
            &[
                ("BAT0/type", "Battery"),
                ("BAT0/status", "Discharging\n"),
                ("AC/type", "Mains"),
                ("AC/online", "0\n"),
            ],
        );
        assert_eq!(supply(dir.path()), Some(true));
        put(dir.path(), &[("AC/online", "1\n")]);
        assert_eq!(supply(dir.path()), Some(false), "a weak charger lets it discharge all the same");
        put(dir.path(), &[("AC/online", "0\n"), ("BAT0/status", "Full\n")]);
        assert_eq!(supply(dir.path()), Some(false));
    }

    #[test]
    fn the_hottest_core_counts_and_other_sensors_do_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(hottest(dir.path()), None);
        put(
            dir.path(),
            &[
                ("hwmon0/name", "nvme\n"),
                ("hwmon0/temp1_input", "99000\n"),
                ("hwmon1/name", "coretemp\n"),
                ("hwmon1/temp1_input", "61000\n"),
                ("hwmon1/temp2_input", "73500\n"),
                ("hwmon1/temp2_crit", "100000\n"),
            ],
        );
        assert_eq!(hottest(dir.path()), Some(73));
    }
}
