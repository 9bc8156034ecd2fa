//! The table of files in PostgreSQL. Parts lie on the disk of the receiver that takes them; a file
//! that goes on at another receiver starts over there. One that its box puts into the bucket itself
//! goes on anywhere.

use wire::time::WallTime;

use super::letters;
use super::session::{Session, point};
use crate::desk::DeskError;
use crate::letters::Letter;
use crate::ranges::Ranges;
use crate::store::{FileKey, Files, Known, Receiving, ranges_json};

pub(crate) struct Ledger(Session);

impl Ledger {
    pub(crate) fn new(session: Session) -> Self {
        Self(session)
    }
}

impl Files for Ledger {
    fn read(&mut self, key: &FileKey) -> Result<Option<Receiving>, DeskError> {
        let sql = "SELECT record, ranges, upload FROM files
             WHERE tenant = $1 AND device = $2 AND id = $3 AND state = 'receiving'";
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let client = &self.0.open()?.client;
        let Some(row) = waiting.on(client.query_opt(sql, &[&tenant, &device, &id]))? else {
            return Ok(None);
        };
        let file = Receiving::of((row.get(0), row.get(1), row.get(2)));
        Ok(Some(file.map_err(std::io::Error::other)?))
    }

    fn known(&mut self, key: &FileKey) -> Result<Known, DeskError> {
        let sql = "SELECT state, sha256 FROM files WHERE tenant = $1 AND device = $2 AND id = $3";
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let client = &self.0.open()?.client;
        let row = waiting.on(client.query_opt(sql, &[&tenant, &device, &id]))?;
        Ok(match row {
            None => Known::Nothing,
            Some(row) if row.get::<_, &str>(0) == "stored" => Known::Stored { sha256: row.get(1) },
            Some(_) => Known::Receiving,
        })
    }

    fn forget(&mut self, key: &FileKey) -> Result<(), DeskError> {
        let sql = "DELETE FROM files WHERE tenant = $1 AND device = $2 AND id = $3
             AND state = 'receiving'";
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let client = &self.0.open()?.client;
        waiting.on(client.execute(sql, &[&tenant, &device, &id]))?;
        Ok(())
    }

    fn begin(&mut self, key: &FileKey, file: &Receiving, at: WallTime) -> Result<(), DeskError> {
        point("fleet.file.begin.after")?;
        // A file that another receiver stored meanwhile stays stored.
        let sql = "INSERT INTO files
                 (tenant, device, id, size, sha256, record, state, ranges, changed_us, upload)
             VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $8, $9)
             ON CONFLICT (tenant, device, id) DO UPDATE SET size = excluded.size,
                 sha256 = excluded.sha256, record = excluded.record, ranges = excluded.ranges,
                 changed_us = excluded.changed_us, upload = excluded.upload
             WHERE files.state = 'receiving'";
        let init = &file.init;
        let (ranges, upload) = file.columns();
        let record = serde_json::to_string(init).map_err(std::io::Error::other)?;
        let size = i64::try_from(init.size).map_err(std::io::Error::other)?;
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let sha256 = init.checksum.as_str();
        let client = &self.0.open()?.client;
        waiting.on(client.execute(
            sql,
            &[&tenant, &device, &id, &size, &sha256, &record, &ranges, &at.0, &upload],
        ))?;
        Ok(())
    }

    fn finish(&mut self, key: &FileKey, at: WallTime) -> Result<(), DeskError> {
        point("fleet.finish.before")?;
        let sql = "UPDATE files SET state = 'stored', ranges = '[]', upload = NULL, changed_us = $4
             WHERE tenant = $1 AND device = $2 AND id = $3";
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let client = &self.0.open()?.client;
        waiting.on(client.execute(sql, &[&tenant, &device, &id, &at.0]))?;
        faults::mark("fleet.finish.after");
        Ok(())
    }

    fn put_ranges(&mut self, files: &[(&FileKey, &Ranges)]) -> Result<(), DeskError> {
        let sql = "UPDATE files SET ranges = $4 WHERE tenant = $1 AND device = $2 AND id = $3
             AND state = 'receiving'";
        let waiting = self.0.waiting();
        let transaction = waiting.on(self.0.open()?.client.transaction())?;
        for (key, ranges) in files {
            let json = ranges_json(ranges);
            let (tenant, device, id) = names(key);
            waiting.on(transaction.execute(sql, &[&tenant, &device, &id, &json]))?;
        }
        point("fleet.ranges.commit.before")?;
        waiting.on(transaction.commit())?;
        faults::mark("fleet.ranges.commit.after");
        Ok(())
    }

    fn put_letter(&mut self, letter: &Letter, at: WallTime) -> Result<u64, DeskError> {
        let waiting = self.0.waiting();
        let transaction = waiting.on(self.0.open()?.client.transaction())?;
        let dropped = letters::put((&waiting, &transaction), std::slice::from_ref(letter), at)?;
        waiting.on(transaction.commit())?;
        Ok(dropped)
    }
}

fn names((device, id): &FileKey) -> (&str, &str, String) {
    (device.tenant.as_str(), device.device.as_str(), id.to_string())
}
