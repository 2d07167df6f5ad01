//! Where things of ours lie on this machine, and which configuration files a run reads.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

/// Our folder's name below the platform's folders.
const OURS: &str = "media-converter";

/// The platform's folders, as far as they are known (a service may have no home).
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/media-converter`, `%APPDATA%\media-converter`.
    pub config: Option<PathBuf>,
    /// `$XDG_STATE_HOME/media-converter`, `%LOCALAPPDATA%\media-converter`: never roams, never on a share.
    pub state: Option<PathBuf>,
}

impl Places {
    /// Asks the platform.
    pub fn of_this_user() -> Self {
        let Ok(strategy) = etcetera::choose_base_strategy() else {
            return Self::default();
        };
        Self {
            home: Some(strategy.home_dir().to_owned()),
            config: Some(strategy.config_dir().join(OURS)),
            // Windows has no state folder; its cache folder is the local, not roaming, one.
            state: Some(strategy.state_dir().unwrap_or_else(|| strategy.cache_dir()).join(OURS)),
        }
    }
}

/// Names on the share, which another room spells.
#[derive(Clone, Copy, Debug)]
pub struct ShareNames {
    /// `media-converter.toml`
    pub config: &'static str,
    /// `.mediabox`
    pub library: &'static str,
}

/// The library's own file for a folder: beside the `.mediabox` that is found upward from it, else in the folder itself.
pub fn library_file(dir: &Path, names: ShareNames) -> Option<PathBuf> {
    let absolute = std::path::absolute(dir).ok()?;
    let root = absolute.ancestors().find(|folder| folder.join(names.library).is_dir());
    Some(root.unwrap_or(&absolute).join(names.config)).filter(|file| file.is_file())
}
