//! A connection to PostgreSQL that comes back: opened when it is needed, and again when it broke.

use tokio::runtime::Handle;
use tokio_postgres::{Client, Statement};

use super::address::Address;
use super::{letters, schema};
use crate::dead_letters::DeadLetter;
use crate::desk::DeskError;

/// Waits for answers, on a thread that may block.
#[derive(Clone)]
pub(crate) struct Waiting(Handle);

impl Waiting {
    pub(crate) fn on<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DeskError> {
        Ok(self.0.block_on(answer)?)
    }
}

/// The connection, if there is one now.
pub(crate) struct Session {
    address: Address,
    waiting: Waiting,
    open: Option<Open>,
}

/// An open connection.
pub(crate) struct Open {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
}

impl Session {
    /// Connects and brings the tables up to date. Must be called on a thread that may block.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(crate) fn connect(address: Address, runtime: Handle) -> Result<Self, OpenError> {
        let waiting = Waiting(runtime);
        let mut session = Self { address, waiting, open: None };
        let mut client = session.dial()?;
        session.waiting.0.block_on(schema::migrate(&mut client))?;
        session.prepare(client)?;
        Ok(session)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// The connection; a new one if the last one broke.
    pub(crate) fn open(&mut self) -> Result<&mut Open, DeskError> {
        if self.open.as_ref().is_none_or(|open| open.client.is_closed()) {
            self.open = None;
            let client = self.dial()?;
            self.prepare(client)?;
        }
        Ok(self.open.as_mut().expect("it was made above"))
    }

    /// Every dead letter, and how many were dropped.
    pub(crate) fn letters(&mut self) -> Result<(Vec<DeadLetter>, u64), DeskError> {
        let waiting = self.waiting();
        waiting.on(letters::all(&self.open()?.client))
    }

    /// One statement with one value, for tests.
    #[cfg(test)]
    pub(crate) fn execute(&mut self, sql: &str, bytes: &[u8]) -> Result<u64, DeskError> {
        let waiting = self.waiting();
        waiting.on(self.open()?.client.execute(sql, &[&bytes]))
    }

    fn dial(&self) -> Result<Client, tokio_postgres::Error> {
        self.waiting.0.block_on(self.address.dial(&self.waiting.0))
    }

    fn prepare(&mut self, client: Client) -> Result<(), tokio_postgres::Error> {
        let statements = self.waiting.0.block_on(Statements::prepare(&client))?;
        self.open = Some(Open { client, statements });
        Ok(())
    }
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("a later version wrote it (schema {found}, this one reads up to {known})")]
    Newer { found: i32, known: i32 },
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
}

/// What is asked for every batch.
pub(crate) struct Statements {
    pub(super) put_events: Statement,
    pub(super) put_conflicts: Statement,
    pub(super) new_marks: Statement,
    pub(super) lock_marks: Statement,
    pub(super) unfinished: Statement,
    pub(super) put_marks: Statement,
}

impl Statements {
    async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            put_events: client.prepare(PUT_EVENTS).await?,
            put_conflicts: client.prepare(PUT_CONFLICTS).await?,
            new_marks: client.prepare(NEW_MARKS).await?,
            lock_marks: client.prepare(LOCK_MARKS).await?,
            unfinished: client.prepare(UNFINISHED).await?,
            put_marks: client.prepare(PUT_MARKS).await?,
        })
    }
}

const PUT_EVENTS: &str = "
    INSERT INTO events (tenant, device, boot, seq, source, kind, event, revision, stage, ts_us,
        stored_us, envelope, json)
    SELECT tenant, device, boot, seq, source, kind, event, revision, stage, ts_us, $13::bigint,
        envelope, json
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
        $7::text[], $8::smallint[], $9::text[], $10::bigint[], $11::bytea[], $12::text[])
        WITH ORDINALITY AS u (tenant, device, boot, seq, source, kind, event, revision, stage,
            ts_us, envelope, json, n)
    ORDER BY n
    ON CONFLICT DO NOTHING
    RETURNING tenant, device, boot, seq";

const PUT_CONFLICTS: &str = "
    INSERT INTO conflicts (tenant, device, boot, seq, stored_us, envelope)
    SELECT u.tenant, u.device, u.boot, u.seq, $6::bigint, u.envelope
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
        WITH ORDINALITY AS u (tenant, device, boot, seq, envelope, n)
    JOIN events AS e ON e.tenant = u.tenant AND e.device = u.device AND e.boot = u.boot
        AND e.seq = u.seq
    WHERE e.envelope <> u.envelope
    ORDER BY u.n
    ON CONFLICT DO NOTHING
    RETURNING tenant, device, boot, seq, envelope";

/// So that there is a row to lock.
const NEW_MARKS: &str = "
    INSERT INTO marks (tenant, device, boot, upto, above)
    SELECT tenant, device, boot, 0, '[]'
    FROM unnest($1::text[], $2::text[], $3::bigint[])
        WITH ORDINALITY AS u (tenant, device, boot, n)
    ORDER BY n
    ON CONFLICT DO NOTHING";

const LOCK_MARKS: &str = "
    SELECT m.tenant, m.device, m.boot, m.upto, m.above
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (tenant, device, boot)
    JOIN marks AS m ON m.tenant = u.tenant AND m.device = u.device AND m.boot = u.boot
    ORDER BY m.tenant, m.device, m.boot
    FOR UPDATE OF m";

const UNFINISHED: &str = "
    SELECT boot FROM marks WHERE tenant = $1 AND device = $2 AND boot < $3 AND above <> '[]'";

const PUT_MARKS: &str = "
    UPDATE marks AS m SET upto = u.upto, above = u.above
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
        AS u (tenant, device, boot, upto, above)
    WHERE m.tenant = u.tenant AND m.device = u.device AND m.boot = u.boot";

/// A fail point, with the disk's error.
pub(crate) fn point(name: &'static str) -> Result<(), DeskError> {
    Ok(faults::pass(name)?)
}
