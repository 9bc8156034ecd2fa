//! The table of files: announced, being received, stored.

use rusqlite::{Connection, OptionalExtension, params};
use wire::ids::ClipId;
use wire::time::WallTime;
use wire::topic::Device;
use wire::transfer::FileInit;

use crate::database::point;
use crate::desk::DeskError;
use crate::ranges::Ranges;

/// A file's identity.
pub(super) type FileKey = (Device, ClipId);

/// What is known of a file.
pub(super) enum Known {
    Nothing,
    Receiving,
    Stored { sha256: String },
}

pub(super) struct Ledger(Connection);

impl Ledger {
    pub(super) fn new(connection: Connection) -> Self {
        Self(connection)
    }

    pub(super) fn read(
        &self,
        (device, id): &FileKey,
    ) -> Result<Option<(FileInit, Ranges)>, DeskError> {
        let row: Option<(String, String)> = self
            .0
            .prepare_cached(
                "SELECT record, ranges FROM files WHERE tenant = ?1 AND device = ?2 AND id = ?3
                     AND state = 'receiving'",
            )?
            .query_row(
                params![device.tenant.as_str(), device.device.as_str(), id.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((init, ranges)) = row else { return Ok(None) };
        let init = serde_json::from_str(&init).map_err(std::io::Error::other)?;
        let pairs: Vec<(u64, u64)> =
            serde_json::from_str(&ranges).map_err(std::io::Error::other)?;
        Ok(Some((init, Ranges::from_pairs(pairs))))
    }

    pub(super) fn known(&self, (device, id): &FileKey) -> Result<Known, DeskError> {
        let row: Option<(String, String)> = self
            .0
            .prepare_cached(
                "SELECT state, sha256 FROM files WHERE tenant = ?1 AND device = ?2 AND id = ?3",
            )?
            .query_row(
                params![device.tenant.as_str(), device.device.as_str(), id.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(match row {
            None => Known::Nothing,
            Some((state, sha256)) if state == "stored" => Known::Stored { sha256 },
            Some(_) => Known::Receiving,
        })
    }

    pub(super) fn forget(&self, (device, id): &FileKey) -> Result<(), DeskError> {
        self.0
            .prepare_cached(
                "DELETE FROM files WHERE tenant = ?1 AND device = ?2 AND id = ?3
                     AND state = 'receiving'",
            )?
            .execute(params![device.tenant.as_str(), device.device.as_str(), id.to_string()])?;
        Ok(())
    }

    /// A file is announced; of an earlier announcement nothing remains.
    pub(super) fn begin(
        &self,
        (device, id): &FileKey,
        init: &FileInit,
        at: WallTime,
    ) -> Result<(), DeskError> {
        point("fleet.file.begin.after")?;
        let record = serde_json::to_string(init).map_err(std::io::Error::other)?;
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO files
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'receiving', '[]', ?7)",
            )?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                id.to_string(),
                init.size,
                init.checksum.as_str(),
                record,
                at.0
            ])?;
        Ok(())
    }

    /// The file has its name.
    pub(super) fn finish(&self, (device, id): &FileKey, at: WallTime) -> Result<(), DeskError> {
        point("fleet.finish.before")?;
        self.0
            .prepare_cached(
                "UPDATE files SET state = 'stored', ranges = '[]', changed_us = ?4
                 WHERE tenant = ?1 AND device = ?2 AND id = ?3",
            )?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                id.to_string(),
                at.0
            ])?;
        faults::mark("fleet.finish.after");
        Ok(())
    }

    /// The bytes of these ranges are synced; all or nothing.
    pub(super) fn put_ranges<'a>(
        &mut self,
        files: impl Iterator<Item = (&'a FileKey, &'a Ranges)>,
    ) -> Result<(), DeskError> {
        let transaction = self.0.transaction()?;
        for ((device, id), ranges) in files {
            let pairs: Vec<(u64, u64)> = ranges.pairs().collect();
            let json = serde_json::to_string(&pairs).map_err(std::io::Error::other)?;
            transaction
                .prepare_cached(
                    "UPDATE files SET ranges = ?4 WHERE tenant = ?1 AND device = ?2 AND id = ?3",
                )?
                .execute(params![
                    device.tenant.as_str(),
                    device.device.as_str(),
                    id.to_string(),
                    json
                ])?;
        }
        point("fleet.ranges.commit.before")?;
        transaction.commit()?;
        faults::mark("fleet.ranges.commit.after");
        Ok(())
    }
}
