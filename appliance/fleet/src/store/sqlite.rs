//! One SQLite file, for one receiver: batches of messages. Uploads: [`files`], tables: [`schema`].

pub(crate) mod files;
pub(crate) mod letters;
pub(crate) mod schema;

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use wire::ids::{BootId, Seq};
use wire::time::WallTime;
use wire::topic::Device;
use wire::transfer::Ack;

use super::{Batch, BootKey, EventRow, Hole, Messages, Novelty, Progress, Topic, Word};
use crate::desk::DeskError;
use crate::letters::{Letter, Numbered};
use crate::marks::Mark;

/// Boots whose progress is kept in memory.
const MARKS_MAX: usize = 1024;

/// The store of messages. Nobody else writes into its file, so it knows the marks by heart.
pub(crate) struct Sqlite {
    connection: Connection,
    marks: Progress,
}

struct Running<'a> {
    transaction: Transaction<'a>,
    at: WallTime,
    known: &'a mut Progress,
    /// What is known once the batch is durable.
    changed: Progress,
}

impl Sqlite {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, marks: Progress::new() }
    }
}

impl Messages for Sqlite {
    fn begin(&mut self, at: WallTime) -> Result<Box<dyn Batch + '_>, DeskError> {
        if self.marks.len() > MARKS_MAX {
            self.marks.clear();
        }
        let transaction = self.connection.transaction()?;
        let changed = Progress::new();
        Ok(Box::new(Running { transaction, at, known: &mut self.marks, changed }))
    }

    fn newest(&mut self, boots: u32) -> Result<Vec<(Device, Ack)>, DeskError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT tenant, device, boot, upto FROM
                 (SELECT *, row_number() OVER
                     (PARTITION BY tenant, device ORDER BY boot DESC) AS age FROM marks)
             WHERE age <= ?1",
        )?;
        let rows = statement.query_map([boots], |row| {
            let names: (String, String) = (row.get(0)?, row.get(1)?);
            Ok((names, Ack { boot: BootId(row.get(2)?), upto_seq: Seq(row.get(3)?) }))
        })?;
        let mut newest = Vec::new();
        for row in rows {
            let ((tenant, device), ack) = row?;
            // Only parsed names were ever stored.
            if let (Ok(tenant), Ok(device)) = (tenant.parse(), device.parse()) {
                newest.push((Device { tenant, device }, ack));
            }
        }
        Ok(newest)
    }
}

impl Batch for Running<'_> {
    fn put_events(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError> {
        rows.iter().map(|row| self.put_event(row)).collect()
    }

    fn put_conflicts(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError> {
        rows.iter().map(|row| self.put_conflict(row)).collect()
    }

    fn marks(&mut self, keys: &BTreeSet<BootKey>) -> Result<Progress, DeskError> {
        let mark = |key: &BootKey| {
            let mark = match self.known.get(key) {
                Some(mark) => mark.clone(),
                None => read_mark(&self.transaction, key)?,
            };
            Ok((key.clone(), mark))
        };
        keys.iter().map(mark).collect()
    }

    fn unfinished(&mut self, device: &Device, boot: BootId) -> Result<Vec<BootId>, DeskError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT boot FROM marks AS m WHERE tenant = ?1 AND device = ?2 AND boot < ?3
                 AND upto < (SELECT max(seq) FROM events AS e WHERE e.tenant = ?1
                     AND e.device = ?2 AND e.boot = m.boot)",
        )?;
        let names = params![device.tenant.as_str(), device.device.as_str(), boot.0];
        let rows = statement.query_map(names, |row| Ok(BootId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn put_marks(&mut self, marks: &Progress) -> Result<(), DeskError> {
        for ((device, boot), mark) in marks {
            self.transaction
                .prepare_cached(
                    "INSERT INTO marks VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET upto = excluded.upto",
                )?
                .execute(params![
                    device.tenant.as_str(),
                    device.device.as_str(),
                    boot.0,
                    mark.upto()
                ])?;
        }
        self.changed.extend(marks.clone());
        Ok(())
    }

    fn put_holes(&mut self, holes: &[Hole]) -> Result<(), DeskError> {
        for Hole { device, boot, from, upto } in holes {
            self.transaction
                .prepare_cached("INSERT INTO holes VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                boot.0,
                from,
                upto,
                self.at.0
            ])?;
        }
        Ok(())
    }

    fn put_words(&mut self, words: &[Word]) -> Result<(), DeskError> {
        for Word { device, topic, text } in words {
            let column = match topic {
                Topic::State => "state",
                Topic::Info => "info",
            };
            self.transaction
                .prepare_cached(&format!(
                    "INSERT INTO boxes (tenant, device, {column}, {column}_us)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET {column} = excluded.{column},
                         {column}_us = excluded.{column}_us"
                ))?
                .execute(params![
                    device.tenant.as_str(),
                    device.device.as_str(),
                    text,
                    self.at.0
                ])?;
        }
        Ok(())
    }

    fn put_letters(&mut self, letters: &[Letter]) -> Result<u64, DeskError> {
        letters::put(&self.transaction, letters, self.at)
    }

    fn numbered(&mut self, most: u32) -> Result<Vec<Numbered>, DeskError> {
        letters::numbered(&self.transaction, most)
    }

    fn forget_letters(&mut self, letters: &[Numbered]) -> Result<(), DeskError> {
        letters::forget(&self.transaction, letters)
    }

    fn commit(self: Box<Self>) -> Result<(), DeskError> {
        schema::point("fleet.commit.before")?;
        self.transaction.commit()?;
        faults::mark("fleet.commit.after");
        self.known.extend(self.changed);
        Ok(())
    }
}

impl Running<'_> {
    fn put_event(&self, row: &EventRow) -> Result<Novelty, DeskError> {
        let (event, revision, stage) = match row.event() {
            Some((id, revision, stage)) => (Some(id), Some(revision), Some(stage)),
            None => (None, None, None),
        };
        let EventRow { device, envelope, payload } = row;
        schema::point("fleet.event.before")?;
        let changed = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO events (tenant, device, boot, seq, source, kind, event,
                     revision, stage, ts_us, stored_us, envelope, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                envelope.boot.0,
                envelope.seq.0,
                row.source(),
                envelope.body.kind(),
                event,
                revision,
                stage,
                envelope.ts_us.0,
                self.at.0,
                &payload[..],
                row.json()
            ])?;
        Ok(Novelty::of(changed))
    }

    fn put_conflict(&self, row: &EventRow) -> Result<Novelty, DeskError> {
        let EventRow { device, envelope, payload } = row;
        let changed = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO conflicts (tenant, device, boot, seq, stored_us, envelope)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6 FROM events WHERE tenant = ?1 AND device = ?2
                     AND boot = ?3 AND seq = ?4 AND envelope <> ?6",
            )?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                envelope.boot.0,
                envelope.seq.0,
                self.at.0,
                &payload[..]
            ])?;
        Ok(Novelty::of(changed))
    }
}

/// A boot that is not in memory: from its row, its messages and its numbered letters.
fn read_mark(transaction: &Transaction<'_>, (device, boot): &BootKey) -> Result<Mark, DeskError> {
    let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
    let upto: Option<u64> = transaction
        .prepare_cached("SELECT upto FROM marks WHERE tenant = ?1 AND device = ?2 AND boot = ?3")?
        .query_row(params![tenant, name, boot.0], |row| row.get(0))
        .optional()?;
    let upto = upto.unwrap_or(0);
    let mut statement = transaction.prepare_cached(
        "SELECT seq FROM events WHERE tenant = ?1 AND device = ?2 AND boot = ?3 AND seq > ?4
         UNION ALL SELECT seq FROM dead_letters WHERE tenant = ?1 AND device = ?2 AND boot = ?3
             AND seq > ?4",
    )?;
    let rows = statement.query_map(params![tenant, name, boot.0, upto], |row| row.get(0))?;
    let received: Vec<u64> = rows.collect::<Result<_, _>>()?;
    Ok(Mark::restore(upto, received))
}
