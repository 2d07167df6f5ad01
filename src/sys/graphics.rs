//! Graphics adapters and their drivers, as the system lists them. Whether one encodes is found out by trying.

use super::os;

/// Who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Nvidia,
    Amd,
    Intel,
    Apple,
    /// Of no use for encoding: a server's console, a virtual machine's screen.
    Other,
}

impl Vendor {
    /// By PCI vendor id.
    pub(in crate::sys) fn of_pci(id: u16) -> Self {
        match id {
            0x10de => Self::Nvidia,
            0x1002 | 0x1022 => Self::Amd,
            0x8086 => Self::Intel,
            0x106b => Self::Apple,
            _ => Self::Other,
        }
    }

    /// Its name, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nvidia => "NVIDIA",
            Self::Amd => "AMD",
            Self::Intel => "Intel",
            Self::Apple => "Apple",
            Self::Other => "other",
        }
    }
}

/// A graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    pub vendor: Vendor,
    pub name: String,
    /// The driver: NVIDIA's release (`570.86.16`), else the kernel module's name or Windows' version.
    pub driver: Option<String>,
}

/// The adapters of this machine (in a container: those that it was given).
pub fn adapters() -> Vec<Adapter> {
    os::graphics::adapters()
}
