//! The database's tables, by version. A version that was released is never edited: the next one
//! is appended.

use rusqlite::{Connection, Error, TransactionBehavior};

/// Statements that lead from one version to the next; `PRAGMA user_version` counts them.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    -- What the receiver has not acknowledged. Rows go only by its acknowledgement.
    CREATE TABLE messages (
        boot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        class INTEGER NOT NULL,
        route TEXT NOT NULL,
        envelope BLOB NOT NULL,
        PRIMARY KEY (boot, seq)
    ) WITHOUT ROWID;
    -- Clips that are planned and not cut.
    CREATE TABLE plans (
        age INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        payload BLOB NOT NULL
    );
    -- Clips that are cut. 'waiting' for upload; 'delivered' and 'dropped' only wait for the
    -- removal of their file.
    CREATE TABLE clips (
        age INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        record BLOB NOT NULL,
        path TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dropped'))
    );
    -- What was given up without the receiver's acknowledgement, and why.
    CREATE TABLE evictions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        boot INTEGER NOT NULL,
        ts_us INTEGER NOT NULL,
        what TEXT NOT NULL,
        reason TEXT NOT NULL,
        bytes INTEGER NOT NULL
    );
",
    "
    -- What the box was asked to do and what became of it: its memory of ids, and its audit. A
    -- 'refused' one was not done, so its id may come again.
    CREATE TABLE commands (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT,
        verb TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        -- File of the key that signed it.
        signer TEXT,
        body TEXT NOT NULL,
        boot INTEGER NOT NULL,
        ts_us INTEGER NOT NULL,
        expires_us INTEGER NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('begun', 'done', 'refused', 'interrupted')),
        text TEXT NOT NULL
    );
    CREATE UNIQUE INDEX commands_by_id ON commands (id) WHERE outcome <> 'refused';
",
];

/// The version that this build reads and writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings the database to [`VERSION`], all or nothing. Returns the version it had; a newer one is
/// left alone.
pub(super) fn migrate(connection: &mut Connection) -> Result<u32, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(found)
}
