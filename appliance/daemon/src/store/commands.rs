//! Rows of commands: which ids were used, and the audit of who asked for what.

use std::path::Path;

use rusqlite::{Connection, Error, OpenFlags, OptionalExtension, Row, Transaction, params};
use wire::ids::Name;
use wire::time::WallTime;

use super::tables::Context;

/// Commands that are remembered, at least; one that has not expired is never forgotten.
const COMMANDS_KEPT: i64 = 10_000;
/// What is told of a command during which the box stopped.
const INTERRUPTED: &str =
    "the box stopped while it was at it; look whether it was done, and ask anew with another id";

/// A command, as it is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its id; `None` if it has none that can be read.
    pub id: Option<Name>,
    /// The last level of its topic.
    pub verb: Name,
    /// Who asks, as the sender says; empty if that cannot be read.
    pub asked_by: String,
    /// File of the key that signed it.
    pub signer: Option<String>,
    /// The command as it came, at most a few kilobytes.
    pub body: String,
    /// When it expires.
    pub expires: WallTime,
    /// What is told about it.
    pub text: String,
}

/// What became of a command that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not done.
    Refused,
    /// The box stopped in between, or is at it.
    Interrupted,
}

/// What is remembered of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// For what it was used.
    pub verb: String,
    /// The command, as it came.
    pub body: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What was told.
    pub text: String,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }

    /// One that is still begun counts as interrupted: nobody will end it.
    fn of(text: &str) -> Self {
        match text {
            "done" => Self::Done,
            "refused" => Self::Refused,
            _begun_or_interrupted => Self::Interrupted,
        }
    }
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    context: Context,
    (row, outcome): (&CommandRow, &str),
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO commands
                 (id, verb, asked_by, signer, body, boot, ts_us, expires_us, outcome, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            row.id.as_ref().map(Name::as_str),
            row.verb.as_str(),
            row.asked_by,
            row.signer,
            row.body,
            context.boot.0,
            context.wall.0,
            row.expires.0,
            outcome,
            row.text
        ])?;
    transaction
        .prepare_cached(
            "DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?1
             AND (outcome = 'refused' OR expires_us < ?2)",
        )?
        .execute(params![COMMANDS_KEPT, context.wall.0])
        .map(drop)
}

pub(super) fn end(
    transaction: &Transaction<'_>,
    (id, outcome, text): (&Name, Outcome, &str),
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "UPDATE commands SET outcome = ?2, text = ?3 WHERE id = ?1 AND outcome = 'begun'",
        )?
        .execute(params![id.as_str(), outcome.as_str(), text])
        .map(drop)
}

/// Commands that the box was at when it stopped.
pub(super) fn interrupt(connection: &Connection) -> Result<(), Error> {
    let statement =
        "UPDATE commands SET outcome = 'interrupted', text = ?1 WHERE outcome = 'begun'";
    connection.execute(statement, [INTERRUPTED]).map(drop)
}

pub(super) fn known(connection: &Connection, id: &Name) -> Result<Option<Known>, Error> {
    connection
        .prepare_cached(
            "SELECT verb, body, outcome, text FROM commands WHERE id = ?1 AND outcome <> 'refused'",
        )?
        .query_row([id.as_str()], |row| {
            Ok(Known {
                verb: row.get(0)?,
                body: row.get(1)?,
                outcome: Outcome::of(&row.get::<_, String>(2)?),
                text: row.get(3)?,
            })
        })
        .optional()
}

/// The last `count` commands of the database at `path`, oldest first, as JSON objects with the
/// keys `at_us`, `boot`, `id`, `verb`, `by`, `signer`, `outcome`, `text`. The box may run.
///
/// # Errors
/// The database cannot be read, or no version of it that has commands.
pub fn read_commands(path: &Path, count: u32) -> Result<Vec<serde_json::Value>, Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(
        "SELECT * FROM (SELECT number, ts_us, boot, id, verb, asked_by, signer, outcome, text
         FROM commands ORDER BY number DESC LIMIT ?1) ORDER BY number",
    )?;
    let row = |row: &Row<'_>| {
        Ok(serde_json::json!({
            "at_us": row.get::<_, i64>(1)?,
            "boot": row.get::<_, u32>(2)?,
            "id": row.get::<_, Option<String>>(3)?,
            "verb": row.get::<_, String>(4)?,
            "by": row.get::<_, String>(5)?,
            "signer": row.get::<_, Option<String>>(6)?,
            "outcome": row.get::<_, String>(7)?,
            "text": row.get::<_, String>(8)?,
        }))
    };
    statement.query_map([count], row)?.collect()
}
