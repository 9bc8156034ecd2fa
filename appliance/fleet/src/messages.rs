//! The desk for messages: events, births, states. Stores each message once by
//! `(tenant, device, boot, seq)` and acknowledges cumulatively.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mqtt::{Encoding, Incoming, Message, Quality, Retain};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use wire::birth::{BoxState, Info};
use wire::envelope::{Body, Envelope, VERSION};
use wire::ids::{BootId, Name, Seq};
use wire::topic::{self, Device, Leaf};
use wire::transfer::Ack;

use crate::desk::{Desk, DeskError, Now, Outcome};
use crate::line::{Line, Stored};
use crate::marks::Mark;

/// Boots whose progress is kept in memory.
const MARKS_MAX: usize = 1024;
/// Boots of each device, newest first, of which a greeting tells.
const GREETED_BOOTS: u32 = 4;

type Progress = BTreeMap<(Device, BootId), Mark>;

pub(crate) struct MessageDesk {
    connection: Connection,
    marks: Progress,
}

/// One batch in the making.
struct Batch<'a> {
    transaction: Transaction<'a>,
    marks: &'a mut Progress,
    now: Now,
    touched: BTreeSet<(Device, BootId)>,
    lines: Vec<Line>,
}

impl MessageDesk {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, marks: Progress::new() }
    }
}

impl Desk for MessageDesk {
    // The next one says the same and more, and a box that misses one asks by sending again.
    const REPLIES: Quality = Quality::Once;

    fn handle(&mut self, batch: &[Incoming], now: Now) -> Result<Outcome, DeskError> {
        if self.marks.len() > MARKS_MAX {
            self.marks.clear();
        }
        let outcome = handle(&mut self.connection, &mut self.marks, (batch, now));
        if outcome.is_err() {
            // The marks may be ahead of what was rolled back.
            self.marks.clear();
        }
        outcome
    }

    fn greet(&mut self) -> Result<Vec<Message>, DeskError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT tenant, device, boot, upto FROM
                 (SELECT *, row_number() OVER
                     (PARTITION BY tenant, device ORDER BY boot DESC) AS age FROM marks)
             WHERE age <= ?1",
        )?;
        let rows = statement.query_map([GREETED_BOOTS], |row| {
            let names: (String, String) = (row.get(0)?, row.get(1)?);
            Ok((names, Ack { boot: BootId(row.get(2)?), upto_seq: Seq(row.get(3)?) }))
        })?;
        let mut messages = Vec::new();
        for row in rows {
            let ((tenant, device), ack) = row?;
            // Only parsed names were ever stored.
            if let (Ok(tenant), Ok(device)) = (tenant.parse(), device.parse()) {
                messages.push(acknowledgement(&Device { tenant, device }, ack));
            }
        }
        Ok(messages)
    }
}

fn handle(
    connection: &mut Connection,
    marks: &mut Progress,
    (messages, now): (&[Incoming], Now),
) -> Result<Outcome, DeskError> {
    let transaction = connection.transaction()?;
    let mut batch = Batch { transaction, marks, now, touched: BTreeSet::new(), lines: Vec::new() };
    for message in messages {
        batch.take(message)?;
    }
    let mut replies = Vec::new();
    for (device, boot) in std::mem::take(&mut batch.touched) {
        let upto = batch.mark(&device, boot)?.upto();
        put_mark(&batch.transaction, (&device, boot), upto)?;
        replies.push(acknowledgement(&device, Ack { boot, upto_seq: Seq(upto) }));
    }
    let Batch { transaction, lines, .. } = batch;
    crate::database::point("fleet.commit.before")?;
    transaction.commit()?;
    faults::mark("fleet.commit.after");
    Ok(Outcome { replies, lines })
}

impl Batch<'_> {
    fn take(&mut self, message: &Incoming) -> Result<(), DeskError> {
        let Some((device, leaf)) = topic::parse(message.topic()) else {
            tracing::warn!(topic = message.topic(), "a topic of no box");
            return Ok(());
        };
        match leaf {
            Leaf::Event(topic::Encoding::Postcard) => self.take_event(&device, message.payload()),
            Leaf::Info => self.take_info(&device, message.payload()),
            Leaf::State => self.take_state(&device, message.payload()),
            Leaf::Event(topic::Encoding::Json)
            | Leaf::File(..)
            | Leaf::Ack
            | Leaf::FileResponse
            | Leaf::Command(_)
            | Leaf::CommandResponse
            | Leaf::Enrol
            | Leaf::EnrolResponse => Ok(()),
        }
    }

    fn take_event(&mut self, device: &Device, payload: &Bytes) -> Result<(), DeskError> {
        let envelope: Envelope = match postcard::from_bytes(payload) {
            Ok(envelope) => envelope,
            Err(error) => {
                let version = payload.first().copied().unwrap_or_default();
                tracing::error!(%error, version, device = %device.device, "a message cannot be read; it stays on the box until this receiver is updated");
                return Ok(());
            }
        };
        if envelope.v != VERSION || envelope.dev != device.device || envelope.seq.0 == 0 {
            tracing::error!(device = %device.device, from = %envelope.dev, version = envelope.v, "a message is refused: another device's name, number 0, or another version");
            return Ok(());
        }
        let (boot, seq) = (envelope.boot, envelope.seq);
        self.touched.insert((device.clone(), boot));
        if self.put_event(device, &envelope, payload)? {
            self.mark(device, boot)?.receive(seq.0);
            let latency_ms = match &envelope.body {
                Body::Game(event) => {
                    Some((self.now.wall.0 - event.decided_arrived.0) as f64 / 1_000.0)
                }
                Body::Clip(_) | Body::Notice(_) | Body::Board(_) => None,
            };
            let stored = Stored::Event { latency_ms, envelope: Box::new(envelope) };
            self.lines.push(Line::new(device, self.now.wall, stored));
        } else if self.is_conflict(device, &envelope, payload)? {
            self.lines.push(Line::new(
                device,
                self.now.wall,
                Stored::Conflict { boot, seq: seq.0 },
            ));
        }
        Ok(())
    }

    /// Whether it is new.
    fn put_event(
        &self,
        device: &Device,
        envelope: &Envelope,
        payload: &Bytes,
    ) -> Result<bool, DeskError> {
        let (event, revision, stage) = match &envelope.body {
            Body::Game(event) => {
                let stage = format!("{:?}", event.stage).to_lowercase();
                (Some(event.id.to_string()), Some(event.revision), Some(stage))
            }
            Body::Clip(_) | Body::Notice(_) | Body::Board(_) => (None, None, None),
        };
        let json = serde_json::to_string(envelope)
            .expect("wire types have text keys, so JSON can hold them");
        crate::database::point("fleet.event.before")?;
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
                envelope.body.source().map_or(topic::SOURCE_BOX, Name::as_str),
                envelope.body.kind(),
                event,
                revision,
                stage,
                envelope.ts_us.0,
                self.now.wall.0,
                &payload[..],
                json
            ])?;
        Ok(changed == 1)
    }

    /// A duplicate is byte for byte the same; anything else is kept aside, once.
    fn is_conflict(
        &self,
        device: &Device,
        envelope: &Envelope,
        payload: &Bytes,
    ) -> Result<bool, DeskError> {
        let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
        let changed = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO conflicts (tenant, device, boot, seq, stored_us, envelope)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6 FROM events WHERE tenant = ?1 AND device = ?2
                     AND boot = ?3 AND seq = ?4 AND envelope <> ?6",
            )?
            .execute(params![
                tenant,
                name,
                envelope.boot.0,
                envelope.seq.0,
                self.now.wall.0,
                &payload[..]
            ])?;
        Ok(changed == 1)
    }

    fn take_state(&mut self, device: &Device, payload: &Bytes) -> Result<(), DeskError> {
        match serde_json::from_slice::<BoxState>(payload) {
            Ok(_) => self.put_word(device, ("state", payload)),
            Err(error) => {
                tracing::warn!(%error, device = %device.device, "a state cannot be read");
                Ok(())
            }
        }
    }

    /// The box says what it holds: whatever is missing and not held cannot come any more.
    fn take_info(&mut self, device: &Device, payload: &Bytes) -> Result<(), DeskError> {
        let info: Info = match serde_json::from_slice(payload) {
            Ok(info) => info,
            Err(error) => {
                tracing::warn!(%error, device = %device.device, "a birth message cannot be read");
                return Ok(());
            }
        };
        self.put_word(device, ("info", payload))?;
        let Some(first) = info.held.first() else { return Ok(()) };
        for boot in self.boots_before(device, first.boot)? {
            let end = self.mark(device, boot)?.highest() + 1;
            self.close(device, boot, (0, end))?;
        }
        for held in &info.held {
            self.close(device, held.boot, (0, held.from_seq.0))?;
            for (from, upto) in &held.gaps {
                self.close(device, held.boot, (from.0, upto.0.saturating_add(1)))?;
            }
        }
        Ok(())
    }

    fn close(
        &mut self,
        device: &Device,
        boot: BootId,
        (from, to): (u64, u64),
    ) -> Result<(), DeskError> {
        let before = self.mark(device, boot)?.upto();
        let holes = self.mark(device, boot)?.close(from, to);
        if self.mark(device, boot)?.upto() != before {
            self.touched.insert((device.clone(), boot));
        }
        for (from, to) in holes {
            self.transaction
                .prepare_cached("INSERT INTO holes VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                boot.0,
                from,
                to - 1,
                self.now.wall.0
            ])?;
            let stored = Stored::Hole { boot, from_seq: from, upto_seq: to - 1 };
            self.lines.push(Line::new(device, self.now.wall, stored));
        }
        Ok(())
    }

    /// Known boots before `boot` that are not complete.
    fn boots_before(&self, device: &Device, boot: BootId) -> Result<Vec<BootId>, DeskError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT boot FROM marks AS m WHERE tenant = ?1 AND device = ?2 AND boot < ?3
                 AND upto < (SELECT max(seq) FROM events AS e WHERE e.tenant = ?1
                     AND e.device = ?2 AND e.boot = m.boot)",
        )?;
        let names = params![device.tenant.as_str(), device.device.as_str(), boot.0];
        let rows = statement.query_map(names, |row| Ok(BootId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn mark(&mut self, device: &Device, boot: BootId) -> Result<&mut Mark, DeskError> {
        use std::collections::btree_map::Entry;
        match self.marks.entry((device.clone(), boot)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                Ok(unknown.insert(read_mark(&self.transaction, (device, boot))?))
            }
        }
    }

    fn put_word(
        &self,
        device: &Device,
        (column, payload): (&'static str, &Bytes),
    ) -> Result<(), DeskError> {
        let text = String::from_utf8_lossy(payload);
        self.transaction
            .prepare_cached(&format!(
                "INSERT INTO boxes (tenant, device, {column}, {column}_us) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET {column} = excluded.{column},
                     {column}_us = excluded.{column}_us"
            ))?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                text,
                self.now.wall.0
            ])?;
        Ok(())
    }
}

fn read_mark(
    transaction: &Transaction<'_>,
    (device, boot): (&Device, BootId),
) -> Result<Mark, DeskError> {
    let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
    let upto: Option<u64> = transaction
        .prepare_cached("SELECT upto FROM marks WHERE tenant = ?1 AND device = ?2 AND boot = ?3")?
        .query_row(params![tenant, name, boot.0], |row| row.get(0))
        .optional()?;
    let upto = upto.unwrap_or(0);
    let mut statement = transaction.prepare_cached(
        "SELECT seq FROM events WHERE tenant = ?1 AND device = ?2 AND boot = ?3 AND seq > ?4",
    )?;
    let rows = statement.query_map(params![tenant, name, boot.0, upto], |row| row.get(0))?;
    let received: Vec<u64> = rows.collect::<Result<_, _>>()?;
    Ok(Mark::restore(upto, received))
}

fn put_mark(
    transaction: &Transaction<'_>,
    (device, boot): (&Device, BootId),
    upto: u64,
) -> Result<(), DeskError> {
    transaction
        .prepare_cached(
            "INSERT INTO marks VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET upto = excluded.upto",
        )?
        .execute(params![device.tenant.as_str(), device.device.as_str(), boot.0, upto])?;
    Ok(())
}

fn acknowledgement(device: &Device, ack: Ack) -> Message {
    let json = serde_json::to_vec(&ack).expect("an acknowledgement is two numbers");
    Message {
        topic: device.ack().as_str().to_owned(),
        payload: Bytes::from(json),
        encoding: Encoding::Json,
        retain: Retain::No,
    }
}
