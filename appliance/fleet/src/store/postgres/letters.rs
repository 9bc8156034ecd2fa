//! The table of dead letters in PostgreSQL.

use bytes::Bytes;
use tokio_postgres::{Client, Transaction};
use wire::time::WallTime;
use wire::topic::Device;

use super::session::Waiting;
use crate::dead_letters::DeadLetter;
use crate::desk::DeskError;
use crate::letters::{ALL_MAX, Letter, Numbered, PER_BOX_MAX};

/// Held while letters are written: they are few, and what goes for them is chosen among all.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7163384699840291)";

const PUT: &str = "
    INSERT INTO dead_letters (tenant, device, digest, topic, reason, boot, seq, bytes, size,
        first_us, last_us, count)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)
    ON CONFLICT (tenant, device, digest)
        DO UPDATE SET last_us = excluded.last_us, count = dead_letters.count + 1";
const BOUND_BOX: &str = "
    DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters
        WHERE tenant = $1 AND device = $2 AND seq IS NULL
        ORDER BY last_us DESC, id DESC OFFSET $3)";
const BOUND_ALL: &str = "
    DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters
        WHERE seq IS NULL ORDER BY last_us DESC, id DESC OFFSET $1)";

/// Keeps the letters; returns how many had to go for them. A letter that is there already is
/// counted.
pub(super) fn put(
    (waiting, transaction): (&Waiting, &Transaction<'_>),
    letters: &[Letter],
    at: WallTime,
) -> Result<u64, DeskError> {
    if letters.is_empty() {
        return Ok(0);
    }
    waiting.on(async {
        transaction.batch_execute(LOCK).await?;
        for letter in letters {
            let boot = letter.number.map(|(boot, _)| i64::from(boot.0));
            let seq = letter.number.map(|(_, seq)| seq.0 as i64);
            let (digest, reason) = (&letter.digest[..], letter.reason.as_str());
            let (bytes, size) = (&letter.bytes[..], letter.size as i64);
            transaction
                .execute(
                    PUT,
                    &[
                        &letter.tenant,
                        &letter.device,
                        &digest,
                        &letter.topic,
                        &reason,
                        &boot,
                        &seq,
                        &bytes,
                        &size,
                        &at.0,
                    ],
                )
                .await?;
        }
        let mut dropped = 0;
        for Letter { tenant, device, .. } in letters.iter().filter(|l| l.number.is_none()) {
            let most = i64::from(PER_BOX_MAX);
            dropped += transaction.execute(BOUND_BOX, &[tenant, device, &most]).await?;
        }
        dropped += transaction.execute(BOUND_ALL, &[&i64::from(ALL_MAX)]).await?;
        if dropped > 0 {
            let count = "UPDATE dead_letters_lost SET letters = letters + $1";
            transaction.execute(count, &[&(dropped as i64)]).await?;
        }
        Ok(dropped)
    })
}

/// Letters that stand for a message of their box, the oldest first.
pub(super) fn numbered(
    (waiting, transaction): (&Waiting, &Transaction<'_>),
    most: u32,
) -> Result<Vec<Numbered>, DeskError> {
    let sql = "SELECT tenant, device, bytes, digest FROM dead_letters
         WHERE seq IS NOT NULL AND length(bytes) = size ORDER BY id LIMIT $1";
    let rows = waiting.on(transaction.query(sql, &[&i64::from(most)]))?;
    let letter = |row: &tokio_postgres::Row| {
        let (tenant, device): (&str, &str) = (row.get(0), row.get(1));
        let device = Device { tenant: tenant.parse().ok()?, device: device.parse().ok()? };
        let bytes = Bytes::copy_from_slice(row.get(2));
        let digest = <[u8; 32]>::try_from(row.get::<_, &[u8]>(3)).ok()?;
        Some(Numbered { device, bytes, digest })
    };
    Ok(rows.iter().filter_map(letter).collect())
}

pub(super) fn forget(
    (waiting, transaction): (&Waiting, &Transaction<'_>),
    letters: &[Numbered],
) -> Result<(), DeskError> {
    let sql = "DELETE FROM dead_letters WHERE tenant = $1 AND device = $2 AND digest = $3";
    waiting.on(async {
        transaction.batch_execute(LOCK).await?;
        for Numbered { device, digest, .. } in letters {
            let (tenant, name) = (device.tenant.as_str(), device.device.as_str());
            transaction.execute(sql, &[&tenant, &name, &&digest[..]]).await?;
        }
        Ok(())
    })
}

/// Every letter, the newest last, and how many were dropped.
pub(crate) async fn all(client: &Client) -> Result<(Vec<DeadLetter>, u64), tokio_postgres::Error> {
    let sql = "SELECT tenant, device, topic, reason, boot, seq, bytes, size, first_us, last_us,
         count FROM dead_letters ORDER BY last_us, id";
    let letter = |row: &tokio_postgres::Row| DeadLetter {
        tenant: row.get(0),
        device: row.get(1),
        topic: row.get(2),
        reason: row.get(3),
        boot: row.get::<_, Option<i64>>(4).map(|boot| boot as u32),
        seq: row.get::<_, Option<i64>>(5).map(|seq| seq as u64),
        bytes: row.get(6),
        size: row.get::<_, i64>(7) as u64,
        first_us: row.get(8),
        last_us: row.get(9),
        count: row.get::<_, i64>(10) as u64,
    };
    let letters = client.query(sql, &[]).await?.iter().map(letter).collect();
    let lost = client.query_one("SELECT letters FROM dead_letters_lost", &[]).await?;
    Ok((letters, lost.get::<_, i64>(0) as u64))
}
