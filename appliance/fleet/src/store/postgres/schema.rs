//! The tables in PostgreSQL, and how they follow the versions of the receiver.

use tokio_postgres::Client;

use super::session::OpenError;

/// Held while the tables are changed, so that of several receivers that start at once one does it.
/// Any number that no other program of the same database uses.
const LOCK: i64 = 0x636f_7572_7473_6964;

/// Statements that lead from one version to the next; the table `schema_version` counts them.
///
/// Names and topics are compared byte by byte (`COLLATE "C"`): it is faster, and the order of
/// locks does not depend on the database's language.
const MIGRATIONS: &[&str] = &[
    r#"
    CREATE TABLE events (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        boot BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        kind TEXT COLLATE "C" NOT NULL,
        -- Of game events only.
        event TEXT COLLATE "C",
        revision SMALLINT,
        stage TEXT COLLATE "C",
        ts_us BIGINT NOT NULL,
        stored_us BIGINT NOT NULL,
        envelope BYTEA NOT NULL,
        -- No jsonb: it refuses a NUL in a text.
        json TEXT COLLATE "C" NOT NULL,
        PRIMARY KEY (tenant, device, boot, seq)
    );
    CREATE INDEX events_by_event ON events (tenant, device, event) WHERE event IS NOT NULL;
    -- Up to where each boot is complete, and what is there above it: JSON, half-open ranges.
    -- Half empty pages, so that a mark moves without touching its index.
    CREATE TABLE marks (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        boot BIGINT NOT NULL,
        upto BIGINT NOT NULL,
        above TEXT COLLATE "C" NOT NULL,
        PRIMARY KEY (tenant, device, boot)
    ) WITH (fillfactor = 50);
    -- Messages that the box could not supply any more; inclusive.
    CREATE TABLE holes (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        boot BIGINT NOT NULL,
        from_seq BIGINT NOT NULL,
        upto_seq BIGINT NOT NULL,
        closed_us BIGINT NOT NULL
    );
    -- Another content under a number that is taken.
    CREATE TABLE conflicts (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        boot BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        stored_us BIGINT NOT NULL,
        envelope BYTEA NOT NULL,
        UNIQUE (tenant, device, boot, seq, envelope)
    );
    -- What each box last said about itself.
    CREATE TABLE boxes (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        state TEXT,
        state_us BIGINT,
        info TEXT,
        info_us BIGINT,
        PRIMARY KEY (tenant, device)
    );
    CREATE TABLE files (
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        id TEXT COLLATE "C" NOT NULL,
        size BIGINT NOT NULL,
        sha256 TEXT NOT NULL,
        record TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('receiving', 'stored')),
        -- JSON: received byte ranges, of which the bytes are synced.
        ranges TEXT NOT NULL,
        changed_us BIGINT NOT NULL,
        PRIMARY KEY (tenant, device, id)
    );
    -- What came and could not be read. With boot and seq: a message of its box, kept whole and
    -- never dropped.
    CREATE TABLE dead_letters (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        tenant TEXT COLLATE "C" NOT NULL,
        device TEXT COLLATE "C" NOT NULL,
        digest BYTEA NOT NULL,
        topic TEXT COLLATE "C" NOT NULL,
        reason TEXT NOT NULL,
        boot BIGINT,
        seq BIGINT,
        bytes BYTEA NOT NULL,
        size BIGINT NOT NULL,
        first_us BIGINT NOT NULL,
        last_us BIGINT NOT NULL,
        count BIGINT NOT NULL,
        PRIMARY KEY (tenant, device, digest)
    );
    -- Letters that had to go for newer ones.
    CREATE TABLE dead_letters_lost (letters BIGINT NOT NULL);
    INSERT INTO dead_letters_lost VALUES (0);
"#,
    // The multipart upload under which the box puts the file into the bucket itself.
    "ALTER TABLE files ADD COLUMN upload TEXT;",
];

/// Makes the tables, or brings them up to date.
///
/// # Errors
/// [`OpenError::Newer`] for tables of a later version.
pub(super) async fn migrate(client: &mut Client) -> Result<(), OpenError> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let make = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
    transaction.batch_execute(make).await?;
    let row = transaction.query_opt("SELECT version FROM schema_version", &[]).await?;
    let found = row.map_or(0, |row| row.get::<_, i32>(0));
    let known = MIGRATIONS.len() as i32;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.batch_execute(migration).await?;
    }
    if found < known {
        transaction.batch_execute("DELETE FROM schema_version").await?;
        transaction.execute("INSERT INTO schema_version VALUES ($1)", &[&known]).await?;
    }
    Ok(transaction.commit().await?)
}
