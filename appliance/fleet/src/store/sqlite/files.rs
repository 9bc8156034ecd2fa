//! The table of files in SQLite.

use rusqlite::{Connection, OptionalExtension, params};
use wire::time::WallTime;

use super::letters;
use super::schema::point;
use crate::desk::DeskError;
use crate::letters::Letter;
use crate::ranges::Ranges;
use crate::store::{FileKey, Files, Known, Receiving, ranges_json};

pub(crate) struct Ledger(Connection);

impl Ledger {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(connection)
    }
}

impl Files for Ledger {
    fn read(&mut self, (device, id): &FileKey) -> Result<Option<Receiving>, DeskError> {
        let row: Option<(String, String, Option<String>)> = self
            .0
            .prepare_cached(
                "SELECT record, ranges, upload FROM files
                 WHERE tenant = ?1 AND device = ?2 AND id = ?3 AND state = 'receiving'",
            )?
            .query_row(
                params![device.tenant.as_str(), device.device.as_str(), id.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((init, ranges, upload)) = row else { return Ok(None) };
        let file = Receiving::of((&init, &ranges, upload)).map_err(std::io::Error::other)?;
        Ok(Some(file))
    }

    fn known(&mut self, (device, id): &FileKey) -> Result<Known, DeskError> {
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

    fn forget(&mut self, (device, id): &FileKey) -> Result<(), DeskError> {
        self.0
            .prepare_cached(
                "DELETE FROM files WHERE tenant = ?1 AND device = ?2 AND id = ?3
                     AND state = 'receiving'",
            )?
            .execute(params![device.tenant.as_str(), device.device.as_str(), id.to_string()])?;
        Ok(())
    }

    fn begin(
        &mut self,
        (device, id): &FileKey,
        file: &Receiving,
        at: WallTime,
    ) -> Result<(), DeskError> {
        point("fleet.file.begin.after")?;
        let init = &file.init;
        let record = serde_json::to_string(init).map_err(std::io::Error::other)?;
        let (ranges, upload) = file.columns();
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO files
                     (tenant, device, id, size, sha256, record, state, ranges, changed_us, upload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'receiving', ?7, ?8, ?9)",
            )?
            .execute(params![
                device.tenant.as_str(),
                device.device.as_str(),
                id.to_string(),
                init.size,
                init.checksum.as_str(),
                record,
                ranges,
                at.0,
                upload
            ])?;
        Ok(())
    }

    fn finish(&mut self, (device, id): &FileKey, at: WallTime) -> Result<(), DeskError> {
        point("fleet.finish.before")?;
        self.0
            .prepare_cached(
                "UPDATE files SET state = 'stored', ranges = '[]', upload = NULL, changed_us = ?4
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

    fn put_ranges(&mut self, files: &[(&FileKey, &Ranges)]) -> Result<(), DeskError> {
        let transaction = self.0.transaction()?;
        for ((device, id), ranges) in files {
            transaction
                .prepare_cached(
                    "UPDATE files SET ranges = ?4 WHERE tenant = ?1 AND device = ?2 AND id = ?3",
                )?
                .execute(params![
                    device.tenant.as_str(),
                    device.device.as_str(),
                    id.to_string(),
                    ranges_json(ranges)
                ])?;
        }
        point("fleet.ranges.commit.before")?;
        transaction.commit()?;
        faults::mark("fleet.ranges.commit.after");
        Ok(())
    }

    fn put_letter(&mut self, letter: &Letter, at: WallTime) -> Result<u64, DeskError> {
        let transaction = self.0.transaction()?;
        let dropped = letters::put(&transaction, std::slice::from_ref(letter), at)?;
        transaction.commit()?;
        Ok(dropped)
    }
}
