//! The table of dead letters in SQLite.

use bytes::Bytes;
use rusqlite::{Connection, params};
use wire::time::WallTime;
use wire::topic::Device;

use crate::dead_letters::DeadLetter;
use crate::desk::DeskError;
use crate::letters::{ALL_MAX, Letter, Numbered, PER_BOX_MAX};

/// Keeps the letters; returns how many had to go for them. A letter that is there already is
/// counted.
pub(crate) fn put(
    connection: &Connection,
    letters: &[Letter],
    at: WallTime,
) -> Result<u64, DeskError> {
    for letter in letters {
        let (boot, seq) = letter.number.map_or((None, None), |(b, s)| (Some(b.0), Some(s.0)));
        connection
            .prepare_cached(
                "INSERT INTO dead_letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 1)
                 ON CONFLICT DO UPDATE SET last_us = excluded.last_us, count = count + 1",
            )?
            .execute(params![
                letter.tenant,
                letter.device,
                &letter.digest[..],
                letter.topic,
                letter.reason.as_str(),
                boot,
                seq,
                &letter.bytes[..],
                letter.size,
                at.0
            ])?;
    }
    let mut dropped = 0;
    for letter in letters.iter().filter(|letter| letter.number.is_none()) {
        dropped += connection
            .prepare_cached(
                "DELETE FROM dead_letters WHERE rowid IN (SELECT rowid FROM dead_letters
                     WHERE tenant = ?1 AND device = ?2 AND seq IS NULL
                     ORDER BY last_us DESC, rowid DESC LIMIT -1 OFFSET ?3)",
            )?
            .execute(params![letter.tenant, letter.device, PER_BOX_MAX])?;
    }
    if !letters.is_empty() {
        dropped += connection
            .prepare_cached(
                "DELETE FROM dead_letters WHERE rowid IN (SELECT rowid FROM dead_letters
                     WHERE seq IS NULL ORDER BY last_us DESC, rowid DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([ALL_MAX])?;
    }
    if dropped > 0 {
        connection
            .prepare_cached("UPDATE dead_letters_lost SET letters = letters + ?1")?
            .execute([dropped])?;
    }
    Ok(dropped as u64)
}

/// Letters that stand for a message of their box, the oldest first.
pub(super) fn numbered(connection: &Connection, most: u32) -> Result<Vec<Numbered>, DeskError> {
    let mut statement = connection.prepare_cached(
        "SELECT tenant, device, bytes, digest FROM dead_letters
         WHERE seq IS NOT NULL AND length(bytes) = size ORDER BY rowid LIMIT ?1",
    )?;
    let rows = statement.query_map([most], |row| {
        let names: (String, String) = (row.get(0)?, row.get(1)?);
        let (bytes, digest): (Vec<u8>, [u8; 32]) = (row.get(2)?, row.get(3)?);
        Ok((names, Bytes::from(bytes), digest))
    })?;
    let mut numbered = Vec::new();
    for row in rows {
        let ((tenant, device), bytes, digest) = row?;
        if let (Ok(tenant), Ok(device)) = (tenant.parse(), device.parse()) {
            numbered.push(Numbered { device: Device { tenant, device }, bytes, digest });
        }
    }
    Ok(numbered)
}

pub(super) fn forget(connection: &Connection, letters: &[Numbered]) -> Result<(), DeskError> {
    for Numbered { device, digest, .. } in letters {
        connection
            .prepare_cached(
                "DELETE FROM dead_letters WHERE tenant = ?1 AND device = ?2 AND digest = ?3",
            )?
            .execute(params![device.tenant.as_str(), device.device.as_str(), &digest[..]])?;
    }
    Ok(())
}

/// Every letter, the newest last, and how many were dropped.
pub(crate) fn all(connection: &Connection) -> Result<(Vec<DeadLetter>, u64), rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT tenant, device, topic, reason, boot, seq, bytes, size, first_us, last_us, count
         FROM dead_letters ORDER BY last_us",
    )?;
    let rows = statement.query_map([], |row| {
        let bytes: Vec<u8> = row.get(6)?;
        Ok(DeadLetter {
            tenant: row.get(0)?,
            device: row.get(1)?,
            topic: row.get(2)?,
            reason: row.get(3)?,
            boot: row.get(4)?,
            seq: row.get(5)?,
            bytes,
            size: row.get(7)?,
            first_us: row.get(8)?,
            last_us: row.get(9)?,
            count: row.get(10)?,
        })
    })?;
    let letters = rows.collect::<Result<_, _>>()?;
    let lost =
        connection.query_row("SELECT letters FROM dead_letters_lost", [], |row| row.get(0))?;
    Ok((letters, lost))
}
