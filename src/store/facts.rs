//! What is remembered of files: probe facts by folder, the rows that questions are answered from, counts by folder and
//! state, and what this machine learnt by working.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, to_json};
use crate::model::key::{Key, Stamp};
use crate::model::media::MediaInfo;

/// A state that no listing has: the rows are not whole, and the facts have to be asked.
pub const NOT_WHOLE: [u8; 16] = [0; 16];

/// What a scan knows of a folder.
#[derive(Clone, Debug)]
pub struct FolderFacts {
    /// Digest of the listing that this is about.
    pub state: [u8; 16],
    /// Packed rows of all its media files.
    pub rows: Vec<u8>,
    /// Facts not yet remembered here: name, stamp, who vouches, facts.
    pub new: Vec<(String, Stamp, String, MediaInfo)>,
    /// Names of all its media files; facts of others are forgotten.
    pub listed: Vec<String>,
    /// By which rules was counted, in which state, and the counts.
    pub counts: Option<(String, [u8; 16], String)>,
}

/// Facts from the text in which they are kept; `None` where it is not understood.
pub fn media(text: &str) -> Option<MediaInfo> {
    serde_json::from_str(text).ok()
}

/// Folder and name of a key.
fn split(key: &Key) -> (&str, &str) {
    key.0.rsplit_once('/').unwrap_or(("", &key.0))
}

/// The bounds of the keys of all folders below one: `/` sorts right before `0`.
fn below(folder: &str) -> (String, String) {
    if folder.is_empty() {
        (String::new(), char::MAX.to_string())
    } else {
        (format!("{folder}/"), format!("{folder}0"))
    }
}

impl Store {
    /// What `by` (the probing tool and its reader's revision) said of a file, where size and mtime are still exactly the same.
    pub fn media_get(&self, library: &str, key: &Key, stamp: &Stamp, by: &str) -> Option<MediaInfo> {
        let (folder, name) = split(key);
        let json = self.text(
            "SELECT info FROM fact WHERE library = ?1 AND folder = ?2 AND name = ?3 AND size = ?4 AND sec = ?5 AND nsec = ?6 AND by = ?7",
            &[&library, &folder, &name, &(stamp.size as i64), &stamp.sec, &stamp.nsec, &by],
        )?;
        serde_json::from_str(&json).ok()
    }

    pub fn media_put(&self, library: &str, key: &Key, stamp: &Stamp, by: &str, info: &MediaInfo) {
        let (folder, name) = split(key);
        self.try_with(|c| {
            put(c, library, folder, name, stamp, by, info)?;
            c.prepare_cached(
                "INSERT OR REPLACE INTO folder (library, folder, state, rows) VALUES (?1, ?2, ?3, x'')",
            )?
            .execute(params![library, folder, NOT_WHOLE])
            .map(drop)
        });
    }

    /// The facts of the files right in a folder: name, stamp, who vouches for them. One that does not parse is left out.
    pub fn facts_in(&self, library: &str, folder: &str) -> Vec<(String, Stamp, String, MediaInfo)> {
        let rows = self.try_with(|c| {
            let mut query = c.prepare_cached(
                "SELECT name, size, sec, nsec, by, info FROM fact WHERE library = ?1 AND folder = ?2",
            )?;
            let rows = query.query_map(params![library, folder], |row| {
                let size: i64 = row.get(1)?;
                let stamp = Stamp { size: size as u64, sec: row.get(2)?, nsec: row.get(3)? };
                Ok((row.get(0)?, stamp, row.get(4)?, row.get::<_, String>(5)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<(String, Stamp, String, String)>>>()
        });
        let parsed = |(name, stamp, by, json): (String, Stamp, String, String)| {
            Some((name, stamp, by, serde_json::from_str(&json).ok()?))
        };
        rows.unwrap_or_default().into_iter().filter_map(parsed).collect()
    }

    /// Calls `each` with what is remembered of every file below a folder of a library (its key; empty: all), by whomever, folder
    /// by folder: the folder's key, the file's name, its stamp, and its facts as they are kept ([`media`] reads them).
    pub fn facts_below(&self, library: &str, folder: &str, mut each: impl FnMut(&str, &str, Stamp, &str)) {
        let (from, to) = below(folder);
        let each = std::cell::RefCell::new(&mut each);
        self.try_with(|c| {
            let mut query = c.prepare_cached(
                "SELECT folder, name, size, sec, nsec, info FROM fact
                 WHERE library = ?1 AND (folder = ?2 OR (folder >= ?3 AND folder < ?4)) ORDER BY folder",
            )?;
            let mut rows = query.query(params![library, folder, from, to])?;
            while let Some(row) = rows.next()? {
                let size: i64 = row.get(2)?;
                let stamp = Stamp { size: size as u64, sec: row.get(3)?, nsec: row.get(4)? };
                let text = |column: usize| Ok::<&str, rusqlite::Error>(row.get_ref(column)?.as_str()?);
                (*each.borrow_mut())(text(0)?, text(1)?, stamp, text(5)?);
            }
            Ok(())
        });
    }

    /// Remembers a folder as it is, in one go.
    pub fn put_folder(&self, library: &str, folder: &str, facts: &FolderFacts) {
        self.try_with(|c| {
            let all = c.unchecked_transaction()?;
            for (name, stamp, by, info) in &facts.new {
                put(&all, library, folder, name, stamp, by, info)?;
            }
            forget_unlisted(&all, library, folder, &facts.listed)?;
            all.prepare_cached(
                "INSERT OR REPLACE INTO folder (library, folder, state, rows) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                library,
                folder,
                facts.state,
                if facts.state == NOT_WHOLE { &[][..] } else { &facts.rows }
            ])?;
            if let Some((by, state, counts)) = &facts.counts {
                all.prepare_cached(
                    "INSERT OR REPLACE INTO census (library, folder, by, state, counts) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![library, folder, by, state, counts])?;
            }
            all.commit()
        });
    }

    /// The counts of a folder, where they were made by these rules of the folder in this state.
    pub fn counts(&self, library: &str, folder: &str, by: &str, state: &[u8; 16]) -> Option<String> {
        self.text(
            "SELECT counts FROM census WHERE library = ?1 AND folder = ?2 AND by = ?3 AND state = ?4",
            params![library, folder, by, state],
        )
    }

    /// The state in which a folder's rows were packed.
    pub fn folder_state(&self, library: &str, folder: &str) -> Option<[u8; 16]> {
        self.try_with(|c| {
            c.prepare_cached("SELECT state FROM folder WHERE library = ?1 AND folder = ?2")?
                .query_row(params![library, folder], |row| row.get(0))
                .optional()
        })
        .flatten()
    }

    /// Calls `each` with every folder at or below one, and its packed rows; none: the facts have to be asked.
    pub fn rows_below(&self, library: &str, folder: &str, mut each: impl FnMut(&str, Option<&[u8]>)) {
        let (from, to) = below(folder);
        let each = std::cell::RefCell::new(&mut each);
        self.try_with(|c| {
            let mut query = c.prepare_cached(
                "SELECT folder, rows FROM folder
                 WHERE library = ?1 AND (folder = ?2 OR (folder >= ?3 AND folder < ?4)) ORDER BY folder",
            )?;
            let mut rows = query.query(params![library, folder, from, to])?;
            while let Some(row) = rows.next()? {
                let (folder, packed) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_blob()?);
                (*each.borrow_mut())(folder, Some(packed).filter(|packed| !packed.is_empty()));
            }
            Ok(())
        });
    }

    /// Forgets all folders at or below one that `there` does not know any more.
    pub fn forget_folders(&self, library: &str, folder: &str, there: impl Fn(&str) -> bool) {
        let (from, to) = below(folder);
        self.try_with(|c| {
            let gone: Vec<String> = {
                let mut query = c.prepare_cached(
                    "SELECT folder FROM folder WHERE library = ?1 AND (folder = ?2 OR (folder >= ?3 AND folder < ?4))",
                )?;
                let rows = query.query_map(params![library, folder, from, to], |row| row.get(0))?;
                rows.collect::<rusqlite::Result<Vec<String>>>()?
            };
            let all = c.unchecked_transaction()?;
            for folder in gone.iter().filter(|folder| !there(folder)) {
                for table in ["fact", "folder", "census", "learnt"] {
                    all.prepare_cached(&format!("DELETE FROM {table} WHERE library = ?1 AND folder = ?2"))?
                        .execute(params![library, folder])?;
                }
            }
            all.commit()
        });
    }

    /// Notes that the library is in use: what is remembered of others goes after half a year.
    pub fn use_library(&self, library: &str) {
        self.try_with(|c| {
            c.prepare_cached("INSERT OR REPLACE INTO used (library, at) VALUES (?1, unixepoch())")?
                .execute(params![library])
                .map(drop)
        });
    }

    /// Keeps what this machine learnt of a file by working on it, until the file is outdated: whatever rewrites the shared
    /// cache blindly cannot take it away.
    pub fn learn(&self, library: &str, folder: &str, name: &str, memo: &str) {
        self.try_with(|c| {
            c.prepare_cached(
                "INSERT OR REPLACE INTO learnt (library, folder, name, memo) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![library, folder, name, memo])
            .map(drop)
        });
    }

    /// What this machine learnt of the files right in a folder.
    pub fn learnt(&self, library: &str, folder: &str) -> Vec<(String, String)> {
        let rows = self.try_with(|c| {
            let mut query =
                c.prepare_cached("SELECT name, memo FROM learnt WHERE library = ?1 AND folder = ?2")?;
            let rows = query.query_map(params![library, folder], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        rows.unwrap_or_default()
    }

    pub fn unlearn(&self, library: &str, folder: &str, name: &str) {
        self.try_with(|c| {
            c.prepare_cached("DELETE FROM learnt WHERE library = ?1 AND folder = ?2 AND name = ?3")?
                .execute(params![library, folder, name])
                .map(drop)
        });
    }

    /// The version that a program said it has when it was in this state.
    pub fn tool_version(&self, program: &str, state: &str) -> Option<String> {
        self.text("SELECT version FROM tool WHERE program = ?1 AND state = ?2", &[&program, &state])
    }

    pub fn set_tool_version(&self, program: &str, state: &str, version: &str) {
        self.try_with(|c| {
            c.execute(
                "INSERT OR REPLACE INTO tool (program, state, version) VALUES (?1, ?2, ?3)",
                params![program, state, version],
            )
            .map(drop)
        });
    }
}

fn put(
    c: &Connection,
    library: &str,
    folder: &str,
    name: &str,
    stamp: &Stamp,
    by: &str,
    info: &MediaInfo,
) -> rusqlite::Result<()> {
    let Ok(json) = to_json(info) else { return Ok(()) };
    c.prepare_cached(
        "INSERT OR REPLACE INTO fact (library, folder, name, size, sec, nsec, by, info)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![library, folder, name, stamp.size as i64, stamp.sec, stamp.nsec, by, json])
    .map(drop)
}

fn forget_unlisted(c: &Connection, library: &str, folder: &str, listed: &[String]) -> rusqlite::Result<()> {
    let listed: std::collections::HashSet<&str> = listed.iter().map(String::as_str).collect();
    let gone: Vec<String> = {
        let mut query = c.prepare_cached("SELECT name FROM fact WHERE library = ?1 AND folder = ?2")?;
        let names = query.query_map(params![library, folder], |row| row.get(0))?;
        names.collect::<rusqlite::Result<Vec<String>>>()?
    };
    for name in gone.iter().filter(|name| !listed.contains(name.as_str())) {
        c.prepare_cached("DELETE FROM fact WHERE library = ?1 AND folder = ?2 AND name = ?3")?
            .execute(params![library, folder, name])?;
    }
    Ok(())
}
