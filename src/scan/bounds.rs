//! What a walk enters and what it passes by: symbolic links, hidden names, and what NAS boxes and desktops leave behind.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::error::{Error, Kind, Result};
use crate::model::policy::{Links, TypeFilter};
use crate::{plan, sys};

/// Settings of a walk.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub links: Links,
    /// Names that begin with a dot are looked at, too.
    hidden: bool,
    /// Names that are passed by.
    junk: GlobSet,
    /// Folders' own times are looked up.
    pub(super) times: bool,
}

impl Bounds {
    /// Compiles the names to pass by: globs over one name, case ignored.
    pub fn new(links: Links, hidden: bool, junk: &[String]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for pattern in junk {
            // A pattern for one name in any folder; people write folders with a slash at the end.
            let name = pattern.trim_end_matches('/');
            let glob = GlobBuilder::new(name).case_insensitive(true).build().map_err(|error| {
                Error::new(Kind::Usage, format!("understand the name «{pattern}»"))
                    .because(error)
                    .hint("junk is a list of names or globs over names, such as «@eaDir» or «*.partial.*»")
            })?;
            set.add(glob);
        }
        let junk = set
            .build()
            .map_err(|error| Error::new(Kind::Usage, "combine the names of junk").because(error))?;
        Ok(Self { links, hidden, junk, times: false })
    }

    /// The same, for a walk that tells folders' own times, too.
    pub fn with_times(&self) -> Self {
        Self { times: true, ..self.clone() }
    }

    /// The same, for a walk that follows no links.
    pub(super) fn without_links(&self) -> Self {
        Self { links: Links::Skip, ..self.clone() }
    }

    /// Never a library's, whoever asks: hidden names unless they are wanted, AppleDouble halves, and what is called junk.
    pub(super) fn passes_by(&self, name: &str) -> bool {
        name.starts_with("._") || (name.starts_with('.') && !self.hidden) || self.junk.is_match(name)
    }
}

/// Whether a name is that of a media file of the user's. The temporary outputs of the Python workers carry a media extension
/// while they grow.
pub(super) fn is_media(name: &str) -> bool {
    let path = Path::new(name);
    let extension = sys::path::extension(path);
    if !plan::is_media_extension(&extension, TypeFilter::Both) {
        return false;
    }
    let python = ["mp4", "mkv", "avi", "mov", "mp3", "m4a", "flac"].contains(&extension.as_str())
        && path.file_stem().is_some_and(|stem| sys::path::extension(Path::new(stem)) == "tmp");
    !python
}
