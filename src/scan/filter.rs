//! `--include` and `--exclude`: globs over the path relative to the walked folder.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::error::{Error, Kind, Result};

/// Compiled globs.
#[derive(Clone, Debug)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Filter {
    /// Compiles the globs; case is ignored, `*` does not cross folders, `**` does. A pattern without `/` matches the
    /// file's name in any folder.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        Ok(Self {
            include: if include.is_empty() { None } else { Some(compile(include)?) },
            exclude: compile(exclude)?,
        })
    }
    /// Whether the file at this `/`-separated path below the walked folder is wanted.
    pub fn wants(&self, relative: &str) -> bool {
        self.include.as_ref().is_none_or(|set| set.is_match(relative)) && !self.exclude.is_match(relative)
    }
}

fn compile(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anchored = if pattern.contains('/') {
            pattern.trim_start_matches('/').to_owned()
        } else {
            format!("**/{pattern}")
        };
        for text in [anchored.clone(), format!("{}/**", anchored.trim_end_matches('/'))] {
            let glob =
                GlobBuilder::new(&text).case_insensitive(true).literal_separator(true).build().map_err(
                    |error| {
                        Error::new(Kind::Usage, format!("understand the pattern «{pattern}»"))
                            .because(error)
                            .hint("patterns are globs such as «*.mkv», «Extras/**» or «{A,B}*»")
                    },
                )?;
            set.add(glob);
        }
    }
    set.build()
        .map_err(|error| Error::new(Kind::Usage, "combine the include and exclude patterns").because(error))
}
