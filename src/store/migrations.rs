//! The store's tables, step by step. Steps only add: an older program finds everything it knows in a newer store.

use rusqlite::{Connection, TransactionBehavior};

/// Step *n* brings a store from `user_version` *n* to *n + 1*. A step that was released is never edited.
pub const STEPS: &[&str] = &[
    "
    CREATE TABLE history (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        path TEXT NOT NULL,
        profile TEXT NOT NULL,
        outcome TEXT NOT NULL
    );
    CREATE TABLE caps (
        conditions TEXT PRIMARY KEY,
        caps TEXT NOT NULL,
        at INTEGER NOT NULL
    );
    CREATE TABLE library_at (
        dir BLOB PRIMARY KEY,
        library TEXT NOT NULL
    );
    CREATE TABLE claim_seen (
        state TEXT PRIMARY KEY,
        seen REAL NOT NULL,
        boot TEXT NOT NULL,
        at INTEGER NOT NULL
    );
    CREATE TABLE media (
        library TEXT NOT NULL,
        key TEXT NOT NULL,
        size INTEGER NOT NULL,
        sec INTEGER NOT NULL,
        nsec INTEGER NOT NULL,
        by TEXT NOT NULL,
        info TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (library, key)
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE note (
        name TEXT NOT NULL,
        about TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (name, about)
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE fact (
        library TEXT NOT NULL,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        sec INTEGER NOT NULL,
        nsec INTEGER NOT NULL,
        by TEXT NOT NULL,
        info TEXT NOT NULL,
        PRIMARY KEY (library, folder, name)
    ) WITHOUT ROWID;
    CREATE TABLE folder (
        library TEXT NOT NULL,
        folder TEXT NOT NULL,
        state BLOB NOT NULL,
        rows BLOB NOT NULL,
        PRIMARY KEY (library, folder)
    );
    CREATE TABLE census (
        library TEXT NOT NULL,
        folder TEXT NOT NULL,
        by TEXT NOT NULL,
        state BLOB NOT NULL,
        counts TEXT NOT NULL,
        PRIMARY KEY (library, folder, by)
    );
    CREATE TABLE learnt (
        library TEXT NOT NULL,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        memo TEXT NOT NULL,
        PRIMARY KEY (library, folder, name)
    ) WITHOUT ROWID;
    CREATE TABLE used (
        library TEXT PRIMARY KEY,
        at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE tool (
        program TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        version TEXT NOT NULL
    ) WITHOUT ROWID;
    DELETE FROM media;
",
];

/// Brings the store up to date and drops what nobody can need any more.
pub fn apply(connection: &mut Connection) -> rusqlite::Result<()> {
    // The lock is taken before the version is read, so that two first starts do not both create the tables.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in STEPS.iter().skip(version as usize) {
        transaction.execute_batch(step)?;
    }
    let newest = STEPS.len() as u32;
    if version < newest {
        transaction.pragma_update(None, "user_version", newest)?;
    }
    // A claim is judged within hours; a library that was not used for half a year has moved or gone.
    transaction.execute("DELETE FROM claim_seen WHERE at < unixepoch() - 7 * 86400", [])?;
    let unused = "SELECT library FROM used WHERE at < unixepoch() - 180 * 86400";
    if transaction.prepare(unused)?.exists([])? {
        for table in ["fact", "folder", "census", "learnt", "used"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE library IN ({unused})"), [])?;
        }
    }
    transaction.commit()
}
