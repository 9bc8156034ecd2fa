//! PostgreSQL, for receivers on several machines: batches of messages. Uploads: [`files`], dead
//! letters: [`letters`], tables: [`schema`], where it is: [`address`], connections: [`session`].
//!
//! Several receivers write at once. Each batch takes its locks in one order, so that no two wait
//! for each other: new messages by their keys, letters, marks by their keys, boxes by their names.
//! The row of a mark is locked until the batch is durable, so a mark tells only what is durable and
//! never goes back.

pub(crate) mod address;
pub(crate) mod files;
pub(crate) mod letters;
pub(crate) mod schema;
pub(crate) mod session;

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement, Transaction};
use wire::ids::{BootId, Seq};
use wire::time::WallTime;
use wire::topic::Device;
use wire::transfer::Ack;

use super::{Batch, BootKey, EventRow, Hole, Messages, Novelty, Progress, Topic, Word};
use crate::desk::DeskError;
use crate::letters::{Letter, Numbered};
use crate::marks::Mark;
use session::{Session, Statements, Waiting};

/// The store of messages.
pub(crate) struct Postgres(Session);

struct Running<'a> {
    waiting: Waiting,
    statements: &'a Statements,
    transaction: Transaction<'a>,
    at: WallTime,
}

impl Postgres {
    pub(crate) fn new(session: Session) -> Self {
        Self(session)
    }
}

impl Messages for Postgres {
    fn begin(&mut self, at: WallTime) -> Result<Box<dyn Batch + '_>, DeskError> {
        let waiting = self.0.waiting();
        let open = self.0.open()?;
        let transaction = waiting.on(open.client.transaction())?;
        Ok(Box::new(Running { waiting, statements: &open.statements, transaction, at }))
    }

    fn newest(&mut self, boots: u32) -> Result<Vec<(Device, Ack)>, DeskError> {
        let waiting = self.0.waiting();
        let open = self.0.open()?;
        let sql = "SELECT tenant, device, boot, upto FROM
             (SELECT *, row_number() OVER
                 (PARTITION BY tenant, device ORDER BY boot DESC) AS age FROM marks) AS m
             WHERE age <= $1";
        let rows = waiting.on(open.client.query(sql, &[&i64::from(boots)]))?;
        let mut newest = Vec::new();
        for row in rows {
            if let Some(((device, boot), upto)) = boot_key(&row).zip(Some(number(&row, 3)?)) {
                newest.push((device, Ack { boot, upto_seq: Seq(upto) }));
            }
        }
        Ok(newest)
    }
}

/// Columns of keys, for `unnest`.
#[derive(Default)]
struct Keys<'a> {
    tenants: Vec<&'a str>,
    devices: Vec<&'a str>,
    boots: Vec<i64>,
}

impl<'a> Keys<'a> {
    fn push(&mut self, device: &'a Device, boot: BootId) {
        self.tenants.push(device.tenant.as_str());
        self.devices.push(device.device.as_str());
        self.boots.push(boot.0.into());
    }
}

/// One row's identity, as it comes back.
type Found = (String, String, i64, i64);

impl Batch for Running<'_> {
    fn put_events(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError> {
        session::point("fleet.event.before")?;
        let mut keys = Keys::default();
        let events: Vec<_> = rows.iter().map(|row| row.event()).collect();
        let json: Vec<String> = rows.iter().map(|row| row.json()).collect();
        let mut columns = EventColumns::default();
        for (row, event) in rows.iter().zip(&events) {
            keys.push(&row.device, row.envelope.boot);
            columns.push(row, event.as_ref());
        }
        let EventColumns { seqs, sources, kinds, ids, revisions, stages, times, payloads } =
            columns;
        let values: &[&(dyn ToSql + Sync)] = &[
            &keys.tenants,
            &keys.devices,
            &keys.boots,
            &seqs,
            &sources,
            &kinds,
            &ids,
            &revisions,
            &stages,
            &times,
            &payloads,
            &json,
            &self.at.0,
        ];
        let found = self.query(&self.statements.put_events, values)?;
        let new: BTreeSet<Found> =
            found.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        Ok(rows.iter().map(|row| Novelty::of(usize::from(new.contains(&identity(row))))).collect())
    }

    fn put_conflicts(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError> {
        let mut keys = Keys::default();
        let mut seqs = Vec::new();
        let mut payloads = Vec::new();
        for row in rows {
            keys.push(&row.device, row.envelope.boot);
            seqs.push(row.envelope.seq.0 as i64);
            payloads.push(&row.payload[..]);
        }
        let values: &[&(dyn ToSql + Sync)] =
            &[&keys.tenants, &keys.devices, &keys.boots, &seqs, &payloads, &self.at.0];
        let found = self.query(&self.statements.put_conflicts, values)?;
        let mut new: BTreeSet<(Found, Vec<u8>)> = found
            .iter()
            .map(|row| ((row.get(0), row.get(1), row.get(2), row.get(3)), row.get(4)))
            .collect();
        // The same other content may be there twice; it is new once.
        let is_new = |row: &&EventRow| new.remove(&(identity(row), row.payload.to_vec()));
        Ok(rows.iter().map(is_new).map(|new| Novelty::of(usize::from(new))).collect())
    }

    fn marks(&mut self, keys: &BTreeSet<BootKey>) -> Result<Progress, DeskError> {
        let mut columns = Keys::default();
        for (device, boot) in keys {
            columns.push(device, *boot);
        }
        let values: &[&(dyn ToSql + Sync)] = &[&columns.tenants, &columns.devices, &columns.boots];
        self.query(&self.statements.new_marks, values)?;
        let rows = self.query(&self.statements.lock_marks, values)?;
        let mut marks = Progress::new();
        for row in rows {
            let above: &str = row.get(4);
            let above: Vec<(u64, u64)> =
                serde_json::from_str(above).map_err(std::io::Error::other)?;
            let mark = Mark::restore_ranges(number(&row, 3)?, above);
            marks.extend(boot_key(&row).map(|key| (key, mark)));
        }
        Ok(marks)
    }

    fn unfinished(&mut self, device: &Device, boot: BootId) -> Result<Vec<BootId>, DeskError> {
        let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
        let values: &[&(dyn ToSql + Sync)] = &[&tenant, &name, &i64::from(boot.0)];
        let rows = self.query(&self.statements.unfinished, values)?;
        Ok(rows.iter().map(|row| BootId(row.get::<_, i64>(0) as u32)).collect())
    }

    fn put_marks(&mut self, marks: &Progress) -> Result<(), DeskError> {
        let mut keys = Keys::default();
        let (mut uptos, mut aboves) = (Vec::new(), Vec::new());
        for ((device, boot), mark) in marks {
            keys.push(device, *boot);
            uptos.push(mark.upto() as i64);
            let above: Vec<(u64, u64)> = mark.above().collect();
            aboves.push(serde_json::to_string(&above).map_err(std::io::Error::other)?);
        }
        let values: &[&(dyn ToSql + Sync)] =
            &[&keys.tenants, &keys.devices, &keys.boots, &uptos, &aboves];
        self.query(&self.statements.put_marks, values)?;
        Ok(())
    }

    fn put_holes(&mut self, holes: &[Hole]) -> Result<(), DeskError> {
        if holes.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::default();
        let (mut froms, mut uptos) = (Vec::new(), Vec::new());
        for hole in holes {
            keys.push(&hole.device, hole.boot);
            froms.push(hole.from as i64);
            uptos.push(hole.upto as i64);
        }
        let sql = "INSERT INTO holes SELECT *, $6::bigint FROM
             unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])";
        let values: &[&(dyn ToSql + Sync)] =
            &[&keys.tenants, &keys.devices, &keys.boots, &froms, &uptos, &self.at.0];
        self.waiting.on(self.transaction.execute(sql, values))?;
        Ok(())
    }

    fn put_words(&mut self, words: &[Word]) -> Result<(), DeskError> {
        if words.is_empty() {
            return Ok(());
        }
        // One row for each box, in the order of their names.
        let mut boxes: BTreeMap<&Device, [Option<&str>; 2]> = BTreeMap::new();
        for word in words {
            let said = boxes.entry(&word.device).or_default();
            match word.topic {
                Topic::State => said[0] = Some(&word.text),
                Topic::Info => said[1] = Some(&word.text),
            }
        }
        let tenants: Vec<&str> = boxes.keys().map(|device| device.tenant.as_str()).collect();
        let devices: Vec<&str> = boxes.keys().map(|device| device.device.as_str()).collect();
        let states: Vec<_> = boxes.values().map(|said| said[0]).collect();
        let infos: Vec<_> = boxes.values().map(|said| said[1]).collect();
        let values: &[&(dyn ToSql + Sync)] = &[&tenants, &devices, &states, &infos, &self.at.0];
        self.waiting.on(self.transaction.execute(PUT_WORDS, values))?;
        Ok(())
    }

    fn put_letters(&mut self, letters: &[Letter]) -> Result<u64, DeskError> {
        letters::put((&self.waiting, &self.transaction), letters, self.at)
    }

    fn numbered(&mut self, most: u32) -> Result<Vec<Numbered>, DeskError> {
        letters::numbered((&self.waiting, &self.transaction), most)
    }

    fn forget_letters(&mut self, letters: &[Numbered]) -> Result<(), DeskError> {
        letters::forget((&self.waiting, &self.transaction), letters)
    }

    fn commit(self: Box<Self>) -> Result<(), DeskError> {
        session::point("fleet.commit.before")?;
        self.waiting.on(self.transaction.commit())?;
        faults::mark("fleet.commit.after");
        Ok(())
    }
}

impl Running<'_> {
    fn query(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DeskError> {
        self.waiting.on(self.transaction.query(statement, values))
    }
}

/// A word that came later wins, whoever stores it first.
const PUT_WORDS: &str = "
    INSERT INTO boxes (tenant, device, state, state_us, info, info_us)
    SELECT tenant, device, state, CASE WHEN state IS NOT NULL THEN $5::bigint END,
        info, CASE WHEN info IS NOT NULL THEN $5::bigint END
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        WITH ORDINALITY AS u (tenant, device, state, info, n) ORDER BY n
    ON CONFLICT (tenant, device) DO UPDATE SET
        state = CASE WHEN excluded.state_us >= coalesce(boxes.state_us, 0)
            THEN excluded.state ELSE boxes.state END,
        state_us = greatest(excluded.state_us, boxes.state_us),
        info = CASE WHEN excluded.info_us >= coalesce(boxes.info_us, 0)
            THEN excluded.info ELSE boxes.info END,
        info_us = greatest(excluded.info_us, boxes.info_us)";

/// The columns of new messages, for `unnest`.
#[derive(Default)]
struct EventColumns<'a> {
    seqs: Vec<i64>,
    sources: Vec<&'a str>,
    kinds: Vec<&'a str>,
    ids: Vec<Option<&'a str>>,
    revisions: Vec<Option<i16>>,
    stages: Vec<Option<&'a str>>,
    times: Vec<i64>,
    payloads: Vec<&'a [u8]>,
}

impl<'a> EventColumns<'a> {
    fn push(&mut self, row: &'a EventRow, event: Option<&'a (String, u8, &'static str)>) {
        self.seqs.push(row.envelope.seq.0 as i64);
        self.sources.push(row.source());
        self.kinds.push(row.envelope.body.kind());
        self.ids.push(event.map(|(id, _, _)| id.as_str()));
        self.revisions.push(event.map(|(_, revision, _)| (*revision).into()));
        self.stages.push(event.map(|(_, _, stage)| *stage));
        self.times.push(row.envelope.ts_us.0);
        self.payloads.push(&row.payload[..]);
    }
}

fn identity(row: &EventRow) -> Found {
    let (device, boot, seq) = row.key();
    let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
    (tenant.to_owned(), name.to_owned(), boot.0.into(), seq.0 as i64)
}

/// Tenant, device and boot from the first three columns. Only parsed names were ever stored.
fn boot_key(row: &Row) -> Option<BootKey> {
    let (tenant, device): (&str, &str) = (row.get(0), row.get(1));
    let boot = u32::try_from(row.get::<_, i64>(2)).ok()?;
    let device = Device { tenant: tenant.parse().ok()?, device: device.parse().ok()? };
    Some((device, BootId(boot)))
}

fn number(row: &Row, column: usize) -> Result<u64, DeskError> {
    let number: i64 = row.get(column);
    u64::try_from(number).map_err(|error| std::io::Error::other(error).into())
}
