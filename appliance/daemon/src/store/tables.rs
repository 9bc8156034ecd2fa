//! Rows in and out. Everything here runs on the writer's thread, or before it starts.

use std::path::PathBuf;

use outbox::{Class, Key, Loaded, Spent};
use rusqlite::{Connection, Error, OptionalExtension, Row, Transaction, params};
use wire::birth::{GAPS_MAX, HELD_MAX, Held};
use wire::clip::ClipRecord;
use wire::ids::{BootId, ClipId, Seq};
use wire::time::WallTime;
use wire::topic::Route;

use super::commands;
use super::writer::Write;
use super::{Farewell, Finish, Spending, StoredClip, StoredMessage, StoredPlan};

/// Evictions that are remembered.
const EVICTIONS_MAX: i64 = 10_000;
/// Longest clip record as postcard, in bytes.
const RECORD_BYTES_MAX: usize = 1024;

/// When and in which boot something is written.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) boot: BootId,
    pub(super) wall: WallTime,
}

/// Durably adds one to the boot counter; a new counter starts at `first`.
pub(super) fn count_boot(connection: &Connection, first: BootId) -> Result<BootId, Error> {
    connection.query_row(
        "INSERT INTO meta (key, value) VALUES ('boot', ?1)
         ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value",
        [first.0],
        |row| Ok(BootId(row.get(0)?)),
    )
}

pub(super) fn apply(
    transaction: &Transaction<'_>,
    context: Context,
    write: &Write,
) -> Result<(), Error> {
    match write {
        Write::Nothing => Ok(()),
        Write::Message(message) => put_message(transaction, message),
        Write::Plan(plan) => transaction
            .prepare_cached(
                "INSERT INTO plans (id, payload) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
            )?
            .execute(params![id_blob(plan.id), plan.payload])
            .map(drop),
        Write::FinishPlan(id, finish) => finish_plan(transaction, context, (*id, finish)),
        Write::ReleaseClip(id, farewell) => release_clip(transaction, context, (*id, farewell)),
        Write::ForgetClip(id) => transaction
            .prepare_cached("DELETE FROM clips WHERE id = ?1 AND state <> 'waiting'")?
            .execute([id_blob(*id)])
            .map(drop),
        Write::ReleaseMessages(boot, upto) => transaction
            .prepare_cached("DELETE FROM messages WHERE boot = ?1 AND seq <= ?2")?
            .execute(params![boot.0, upto.0])
            .map(drop),
        Write::BeginCommand(row) => commands::insert(transaction, context, (row, "begun")),
        Write::RefusedCommand(row) => commands::insert(transaction, context, (row, "refused")),
        Write::Spent(of, spent) => put_spent(transaction, (*of, *spent)),
        Write::EndCommand(id, outcome, text) => commands::end(transaction, (id, *outcome, text)),
    }
}

/// Where the table of single values has the day of a kind of bytes, and how many there were.
const fn spent_keys(of: Spending) -> [&'static str; 2] {
    match of {
        Spending::Clips => ["clips_day", "clips_day_bytes"],
        Spending::Telemetry => ["telemetry_day", "telemetry_day_bytes"],
    }
}

fn put_spent(transaction: &Transaction<'_>, (of, spent): (Spending, Spent)) -> Result<(), Error> {
    let [day_key, bytes_key] = spent_keys(of);
    // SQLite counts to i64::MAX.
    let bytes = i64::try_from(spent.bytes).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2), (?3, ?4)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![day_key, spent.day, bytes_key, bytes])
        .map(drop)
}

/// How many bytes of one kind went on which day.
pub(super) fn spent(connection: &Connection, of: Spending) -> Result<Spent, Error> {
    let value = |key: &str| {
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, i64>(0))
            .optional()
    };
    let [day_key, bytes_key] = spent_keys(of);
    let (day, bytes) = (value(day_key)?, value(bytes_key)?);
    Ok(Spent {
        day: day.unwrap_or_default(),
        bytes: u64::try_from(bytes.unwrap_or_default()).unwrap_or_default(),
    })
}

fn put_message(transaction: &Transaction<'_>, message: &StoredMessage) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO messages (boot, seq, class, route, envelope)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            message.key.boot.0,
            message.key.seq.0,
            message.class.number(),
            message.route.as_str(),
            message.envelope
        ])
        .map(drop)
}

fn finish_plan(
    transaction: &Transaction<'_>,
    context: Context,
    (id, finish): (ClipId, &Finish),
) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM plans WHERE id = ?1")?.execute([id_blob(id)])?;
    match finish {
        Finish::Dropped(reason) => record_eviction(transaction, context, ("plan", id, reason, 0)),
        Finish::Cut(record, path) => transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO clips (id, record, path, bytes, state)
                 VALUES (?1, ?2, ?3, ?4, 'waiting')",
            )?
            .execute(params![
                id_blob(record.id),
                record_bytes(record)?,
                path.to_string_lossy(),
                record.bytes
            ])
            .map(drop),
    }
}

fn release_clip(
    transaction: &Transaction<'_>,
    context: Context,
    (id, farewell): (ClipId, &Farewell),
) -> Result<(), Error> {
    let state = match farewell {
        Farewell::Delivered => "delivered",
        Farewell::Dropped(_) => "dropped",
    };
    let bytes: Option<u64> = transaction
        .prepare_cached(
            "UPDATE clips SET state = ?2 WHERE id = ?1 AND state = 'waiting' RETURNING bytes",
        )?
        .query_row(params![id_blob(id), state], |row| row.get(0))
        .optional()?;
    match (farewell, bytes) {
        (Farewell::Dropped(reason), Some(bytes)) => {
            record_eviction(transaction, context, ("clip", id, reason, bytes))
        }
        (Farewell::Dropped(_), None) | (Farewell::Delivered, _) => Ok(()),
    }
}

fn record_eviction(
    transaction: &Transaction<'_>,
    context: Context,
    (what, id, reason, bytes): (&str, ClipId, &str, u64),
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO evictions (boot, ts_us, what, reason, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![context.boot.0, context.wall.0, format!("{what} {id}"), reason, bytes])?;
    transaction
        .prepare_cached(
            "DELETE FROM evictions WHERE number <= (SELECT max(number) FROM evictions) - ?1",
        )?
        .execute([EVICTIONS_MAX])
        .map(drop)
}

pub(super) fn plans(connection: &Connection) -> Result<Vec<StoredPlan>, Error> {
    let mut statement = connection.prepare("SELECT id, payload FROM plans ORDER BY age")?;
    let rows = statement
        .query_map([], |row| Ok(StoredPlan { id: read_id(row, 0)?, payload: row.get(1)? }))?;
    rows.collect()
}

/// Clips that wait for upload, oldest first.
pub(super) fn clips(connection: &Connection) -> Result<Vec<StoredClip>, Error> {
    select_clips(connection, "state = 'waiting'")
}

/// Clips whose files may be removed.
pub(super) fn released_clips(connection: &Connection) -> Result<Vec<StoredClip>, Error> {
    select_clips(connection, "state <> 'waiting'")
}

fn select_clips(connection: &Connection, which: &str) -> Result<Vec<StoredClip>, Error> {
    let mut statement = connection
        .prepare(&format!("SELECT record, path, age FROM clips WHERE {which} ORDER BY age"))?;
    let rows = statement.query_map([], |row| {
        let bytes: Vec<u8> = row.get(0)?;
        let record = postcard::from_bytes(&bytes).map_err(|error| conversion(0, error))?;
        Ok(StoredClip { record, path: PathBuf::from(row.get::<_, String>(1)?), age: row.get(2)? })
    })?;
    rows.collect()
}

pub(super) fn load(connection: &Connection, range: Loaded) -> Result<Vec<StoredMessage>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT boot, seq, class, route, envelope FROM messages
         WHERE (boot, seq) > (?1, ?2) AND (boot, seq) < (?3, ?4) ORDER BY boot, seq LIMIT ?5",
    )?;
    let (after, before) = (range.after, range.before);
    let bounds = params![after.boot.0, after.seq.0, before.boot.0, before.seq.0, range.count];
    let rows = statement.query_map(bounds, |row| {
        Ok(StoredMessage {
            key: Key { boot: BootId(row.get(0)?), seq: Seq(row.get(1)?) },
            class: Class::from_number(row.get(2)?),
            route: read_route(row, 3)?,
            envelope: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// At most [`HELD_MAX`] boots, oldest first.
pub(super) fn held(connection: &Connection) -> Result<Vec<Held>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT boot, min(seq), max(seq), count(*) FROM messages GROUP BY boot ORDER BY boot
         LIMIT ?1",
    )?;
    let rows = statement.query_map([HELD_MAX as u64], |row| {
        let (from, upto, count): (u64, u64, u64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let held = Held {
            boot: BootId(row.get(0)?),
            from_seq: Seq(from),
            upto_seq: Seq(upto),
            gaps: heapless::Vec::new(),
        };
        Ok((held, upto - from + 1 - count))
    })?;
    rows.map(|row| {
        let (held, missing) = row?;
        if missing == 0 { Ok(held) } else { with_gaps(connection, held) }
    })
    .collect()
}

fn with_gaps(connection: &Connection, mut held: Held) -> Result<Held, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT previous + 1, seq - 1 FROM
             (SELECT seq, lag(seq) OVER (ORDER BY seq) AS previous FROM messages WHERE boot = ?1)
         WHERE seq > previous + 1 ORDER BY seq LIMIT ?2",
    )?;
    let wanted = params![held.boot.0, GAPS_MAX as u64 + 1];
    let rows = statement.query_map(wanted, |row| Ok((Seq(row.get(0)?), Seq(row.get(1)?))))?;
    for row in rows {
        let gap = row?;
        if held.gaps.push(gap).is_err() {
            held.upto_seq = Seq(gap.0.0 - 1);
        }
    }
    Ok(held)
}

fn record_bytes(record: &ClipRecord) -> Result<Vec<u8>, Error> {
    let mut buffer = [0; RECORD_BYTES_MAX];
    let bytes = postcard::to_slice(record, &mut buffer)
        .map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(bytes.to_vec())
}

fn id_blob(id: ClipId) -> [u8; 16] {
    id.0.to_be_bytes()
}

fn read_id(row: &Row<'_>, column: usize) -> Result<ClipId, Error> {
    Ok(ClipId(u128::from_be_bytes(row.get::<_, [u8; 16]>(column)?)))
}

fn read_route(row: &Row<'_>, column: usize) -> Result<Route, Error> {
    let text: String = row.get(column)?;
    let kind = rusqlite::types::Type::Text;
    text.parse().map_err(|error| Error::FromSqlConversionFailure(column, kind, Box::new(error)))
}

fn conversion(column: usize, error: postcard::Error) -> Error {
    let kind = rusqlite::types::Type::Blob;
    Error::FromSqlConversionFailure(column, kind, Box::new(error))
}
