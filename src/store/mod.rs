//! This machine's own SQLite on a local disk: history, caps, probe facts, observations of claims, known libraries.
//!
//! Promises: never needed for correctness, never on a share, may be deleted at any time; where it cannot be opened the run goes on with
//! one in memory. Never locks out another process of ours (WAL, busy timeout). A damaged store is set aside as `*.bad` and begun anew.

mod facts;
mod migrations;
#[cfg(test)]
mod tests;

pub use facts::{FolderFacts, NOT_WHOLE, media};

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, ToSql, params};

use crate::model::caps::Caps;
use crate::model::error::{Error, Kind, Result};
use crate::model::outcome::Outcome;
use crate::sys;

/// The store's file in its folder.
const FILE: &str = "media-converter.sqlite3";
/// How long a statement waits for another process of ours.
const BUSY: Duration = Duration::from_secs(5);
/// Trials kept: one per ffmpeg build and set of devices; a machine has few.
const CAPS_KEPT: u32 = 16;

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    /// Where it lies; `None` in memory.
    file: Option<PathBuf>,
}

/// One line of history.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Seconds since 1970.
    pub at: f64,
    pub path: String,
    pub profile: String,
    pub outcome: Outcome,
}

impl Store {
    /// Opens or creates the store in this folder (the platform's state folder: [`crate::config`] knows it). A damaged store is set aside.
    /// `Err` where there can be no store at all: the folder cannot be made or written, lies on a network share, or the file stays locked.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        sys::fs::create_dir_all(folder).map_err(|e| Error::io("create the state folder", folder, e))?;
        // SQLite's write-ahead log needs memory shared between its processes, which two machines with one NFS
        // home do not have: they would corrupt each other's store.
        if sys::netfs::of(folder).is_ok_and(|mount| mount.kind.is_network()) {
            return Err(Error::new(Kind::Io, "keep the local store on a network share")
                .at(folder)
                .hint("Point the state folder at a local disk; until then this machine keeps no history."));
        }
        let connection = match connect(&file) {
            Ok(connection) => connection,
            Err(error) if is_damage(&error) => {
                set_aside(&file).map_err(|e| Error::io("set aside the damaged store", &file, e))?;
                connect(&file).map_err(|e| fault("open the local store", &file, e))?
            }
            Err(error) => return Err(fault("open the local store", &file, error)),
        };
        Ok(Self { connection: Mutex::new(connection), file: Some(file) })
    }

    /// [`Store::open`], else one in memory with the reason why: the store is a convenience, and a run never ends for the lack of it.
    pub fn open_or_forget(folder: &Path) -> (Self, Option<Error>) {
        match Self::open(folder) {
            Ok(store) => (store, None),
            Err(error) => (Self::in_memory(), Some(error)),
        }
    }

    /// A store that is forgotten at the end.
    pub fn in_memory() -> Self {
        let connection = memory().expect("SQLite is compiled in and needs only memory for this");
        Self { connection: Mutex::new(connection), file: None }
    }

    /// Where it lies; `None` where it is in memory.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub fn add_history(&self, record: &Record) -> Result<()> {
        let outcome = to_json(&record.outcome)?;
        self.with("write the history", |c| {
            c.prepare_cached("INSERT INTO history (at, path, profile, outcome) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![record.at, record.path, record.profile, outcome])
                .map(drop)
        })
    }

    /// Newest first; `path_contains` ignores case. Lines that a newer version wrote and this one cannot read are left out.
    pub fn history(&self, limit: usize, path_contains: Option<&str>) -> Result<Vec<Record>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let wanted = path_contains.map(str::to_lowercase);
        self.with("read the history", |c| {
            let mut statement =
                c.prepare_cached("SELECT at, path, profile, outcome FROM history ORDER BY id DESC")?;
            let mut rows = statement.query([])?;
            let mut records = Vec::new();
            while let Some(row) = rows.next()? {
                if records.len() as i64 >= limit {
                    break;
                }
                let path: String = row.get(1)?;
                // SQLite's own lower() knows ASCII only; names on shares have umlauts.
                if wanted.as_ref().is_some_and(|w| !path.to_lowercase().contains(w)) {
                    continue;
                }
                let outcome: String = row.get(3)?;
                if let Ok(outcome) = serde_json::from_str(&outcome) {
                    records.push(Record { at: row.get(0)?, path, profile: row.get(2)?, outcome });
                }
            }
            Ok(records)
        })
    }

    /// Caps found under these conditions (`ffmpeg::caps::conditions`).
    pub fn caps(&self, conditions: &str) -> Option<Caps> {
        let json = self.text("SELECT caps FROM caps WHERE conditions = ?1", &[&conditions])?;
        serde_json::from_str(&json).ok()
    }

    pub fn set_caps(&self, conditions: &str, caps: &Caps) {
        let Ok(json) = to_json(caps) else { return };
        self.try_with(|c| {
            c.execute(
                "INSERT OR REPLACE INTO caps (conditions, caps, at) VALUES (?1, ?2, unixepoch())",
                params![conditions, json],
            )?;
            c.execute(
                "DELETE FROM caps WHERE conditions NOT IN (SELECT conditions FROM caps ORDER BY at DESC, rowid DESC LIMIT ?1)",
                params![CAPS_KEPT],
            )
            .map(drop)
        });
    }

    /// A room's own small note of this name about something.
    pub fn note(&self, name: &str, about: &str) -> Option<String> {
        self.text("SELECT text FROM note WHERE name = ?1 AND about = ?2", &[&name, &about])
    }

    pub fn set_note(&self, name: &str, about: &str, text: &str) {
        self.try_with(|c| {
            c.execute(
                "INSERT OR REPLACE INTO note (name, about, text) VALUES (?1, ?2, ?3)",
                params![name, about, text],
            )
            .map(drop)
        });
    }

    /// The library id that was seen at this folder before.
    pub fn library_at(&self, dir: &Path) -> Option<String> {
        self.text(
            "SELECT library FROM library_at WHERE dir = ?1",
            params![dir.as_os_str().as_encoded_bytes()],
        )
    }

    pub fn set_library_at(&self, dir: &Path, id: &str) {
        self.try_with(|c| {
            c.execute(
                "INSERT OR REPLACE INTO library_at (dir, library) VALUES (?1, ?2)",
                params![dir.as_os_str().as_encoded_bytes(), id],
            )
            .map(drop)
        });
    }

    /// First time (boot clock in seconds, boot id) that this state of a claim was seen.
    pub fn first_seen(&self, state: &str) -> Option<(f64, String)> {
        self.try_with(|c| {
            c.prepare_cached("SELECT seen, boot FROM claim_seen WHERE state = ?1")?
                .query_row(params![state], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .flatten()
    }

    /// Remembers that the state is seen now. The first time within one boot is kept; a time of another boot's clock
    /// cannot be compared with ours, so the watch begins anew.
    pub fn saw(&self, state: &str, at: f64, boot: &str) {
        self.try_with(|c| {
            c.prepare_cached(
                "INSERT INTO claim_seen (state, seen, boot, at) VALUES (?1, ?2, ?3, unixepoch())
                 ON CONFLICT (state) DO UPDATE SET seen = ?2, boot = ?3, at = unixepoch() WHERE boot <> ?3",
            )?
            .execute(params![state, at, boot])
            .map(drop)
        });
    }

    pub fn forget(&self, state: &str) {
        self.try_with(|c| c.execute("DELETE FROM claim_seen WHERE state = ?1", params![state]).map(drop));
    }

    fn text(&self, sql: &str, values: &[&dyn ToSql]) -> Option<String> {
        self.try_with(|c| c.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()).flatten()
    }

    /// For conveniences whose failure nobody needs to hear of: the next run just does the work again.
    fn try_with<T>(&self, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        self.with("use the local store", work).inspect_err(|e| tracing::debug!("{e}")).ok()
    }

    /// Damage often shows only when a page is read, long after the open: then the store is begun anew and the work done once more.
    fn with<T>(&self, doing: &str, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.file.clone().unwrap_or_default();
        match work(&connection) {
            Err(error) if is_damage(&error) => {
                tracing::warn!("the local store {} is damaged ({error}) and is begun anew", at.display());
                *connection = self.replacement().map_err(|e| fault("begin a new local store", &at, e))?;
                work(&connection).map_err(|e| fault(doing, &at, e))
            }
            result => result.map_err(|e| fault(doing, &at, e)),
        }
    }

    fn replacement(&self) -> rusqlite::Result<Connection> {
        let Some(file) = &self.file else { return memory() };
        // Another process may have met the same damage and begun a new file already: that one is good and stays.
        if let Ok(connection) = connect(file)
            && connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
                .is_ok_and(|verdict| verdict == "ok")
        {
            return Ok(connection);
        }
        if set_aside(file).is_err() {
            return memory();
        }
        connect(file).or_else(|_| memory())
    }
}

fn memory() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    migrations::apply(&mut connection)?;
    Ok(connection)
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    // Where the file system has no shared memory for the log, SQLite says so with the old mode or an error; the
    // rollback journal serves as well, only slower.
    let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    match mode {
        Ok(mode) if mode == "wal" => {}
        Err(error) if is_damage(&error) => return Err(error),
        _ => {
            connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))?;
        }
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    migrations::apply(&mut connection)?;
    Ok(connection)
}

/// The file is no store of ours any more; not: it is locked, or the disk is full.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase),
        // A value of the wrong type in a column of ours can only come from a damaged or foreign file.
        None => matches!(
            error,
            rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..)
        ),
    }
}

/// Moves the store and its journals out of the way under a name that is free.
fn set_aside(file: &Path) -> std::io::Result<()> {
    let mark = sys::host::random_hex(4);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut from = file.as_os_str().to_owned();
        from.push(suffix);
        let mut to = file.as_os_str().to_owned();
        to.push(format!(".{mark}{suffix}.bad"));
        sys::fs::consume(Path::new(&from), Path::new(&to))?;
    }
    Ok(())
}

fn fault(doing: &str, file: &Path, error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Kind::Space,
        _ => Kind::Io,
    };
    Error::new(kind, doing).at(file).because(error)
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Kind::Internal, "write a record as JSON").because(e))
}
