//! The SQLite file: its settings and tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, TransactionBehavior};

/// Statements that lead from one version to the next; `PRAGMA user_version` counts them.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE events (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        boot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        -- Of game events only.
        event TEXT,
        revision INTEGER,
        stage TEXT,
        ts_us INTEGER NOT NULL,
        stored_us INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (tenant, device, boot, seq)
    ) WITHOUT ROWID;
    CREATE INDEX events_by_event ON events (tenant, device, event) WHERE event IS NOT NULL;
    -- Up to where each boot is complete.
    CREATE TABLE marks (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        boot INTEGER NOT NULL,
        upto INTEGER NOT NULL,
        PRIMARY KEY (tenant, device, boot)
    ) WITHOUT ROWID;
    -- Messages that the box could not supply any more; inclusive.
    CREATE TABLE holes (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        boot INTEGER NOT NULL,
        from_seq INTEGER NOT NULL,
        upto_seq INTEGER NOT NULL,
        closed_us INTEGER NOT NULL
    );
    -- Another content under a number that is taken.
    CREATE TABLE conflicts (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        boot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        stored_us INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        UNIQUE (tenant, device, boot, seq, envelope)
    );
    -- What each box last said about itself.
    CREATE TABLE boxes (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        state TEXT,
        state_us INTEGER,
        info TEXT,
        info_us INTEGER,
        PRIMARY KEY (tenant, device)
    ) WITHOUT ROWID;
    CREATE TABLE files (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        id TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        record TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('receiving', 'stored')),
        -- JSON: received byte ranges, of which the bytes are synced.
        ranges TEXT NOT NULL,
        changed_us INTEGER NOT NULL,
        PRIMARY KEY (tenant, device, id)
    ) WITHOUT ROWID;
",
    "
    -- What came and could not be read. With boot and seq: a message of its box, kept whole and
    -- never dropped.
    CREATE TABLE dead_letters (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        digest BLOB NOT NULL,
        topic TEXT NOT NULL,
        reason TEXT NOT NULL,
        boot INTEGER,
        seq INTEGER,
        bytes BLOB NOT NULL,
        size INTEGER NOT NULL,
        first_us INTEGER NOT NULL,
        last_us INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (tenant, device, digest)
    );
    CREATE INDEX dead_letters_by_number ON dead_letters (tenant, device, boot, seq)
        WHERE seq IS NOT NULL;
    -- Letters that had to go for newer ones.
    CREATE TABLE dead_letters_lost (letters INTEGER NOT NULL);
    INSERT INTO dead_letters_lost VALUES (0);
",
    // The multipart upload under which the box puts the file into the bucket itself.
    "ALTER TABLE files ADD COLUMN upload TEXT;",
];

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("a later version wrote it (schema {found}, this one reads up to {})", MIGRATIONS.len())]
    Newer { found: usize },
    #[error(transparent)]
    Sqlite(#[from] Error),
}

/// Opens or makes the database.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { found });
    }
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()?;
    Ok(connection)
}

/// A fail point, with the disk's error as SQLite would tell it.
pub(crate) fn point(name: &'static str) -> Result<(), Error> {
    faults::pass(name).map_err(|error| {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let code = if full { rusqlite::ffi::SQLITE_FULL } else { rusqlite::ffi::SQLITE_READONLY };
        Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    })
}
