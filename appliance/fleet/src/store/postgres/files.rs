//! The table of files in PostgreSQL. Parts lie on the disk of the receiver that takes them; a file
//! that goes on at another receiver starts over there.

use wire::time::WallTime;
use wire::transfer::FileInit;

use super::letters;
use super::session::{Session, point};
use crate::desk::DeskError;
use crate::letters::Letter;
use crate::ranges::Ranges;
use crate::store::{FileKey, Files, Known};

pub(crate) struct Ledger(Session);

impl Ledger {
    pub(crate) fn new(session: Session) -> Self {
        Self(session)
    }
}

impl Files for Ledger {
    fn read(&mut self, key: &FileKey) -> Result<Option<(FileInit, Ranges)>, DeskError> {
        let sql = "SELECT record, ranges FROM files WHERE tenant = $1 AND device = $2 AND id = $3
             AND state = 'receiving'";
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let client = &self.0.open()?.client;
        let Some(row) = waiting.on(client.query_opt(sql, &[&tenant, &device, &id]))? else {
            return Ok(None);
        };
        let init = serde_json::from_str(row.get(0)).map_err(std::io::Error::other)?;
        let pairs: Vec<(u64, u64)> =
            serde_json::from_str(row.get(1)).map_err(std::io::Error::other)?;
        Ok(Some((init, Ranges::from_pairs(pairs))))
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

    fn begin(&mut self, key: &FileKey, init: &FileInit, at: WallTime) -> Result<(), DeskError> {
        point("fleet.file.begin.after")?;
        // A file that another receiver stored meanwhile stays stored.
        let sql = "INSERT INTO files VALUES ($1, $2, $3, $4, $5, $6, 'receiving', '[]', $7)
             ON CONFLICT (tenant, device, id) DO UPDATE SET size = excluded.size,
                 sha256 = excluded.sha256, record = excluded.record, ranges = '[]',
                 changed_us = excluded.changed_us
             WHERE files.state = 'receiving'";
        let record = serde_json::to_string(init).map_err(std::io::Error::other)?;
        let size = i64::try_from(init.size).map_err(std::io::Error::other)?;
        let (waiting, (tenant, device, id)) = (self.0.waiting(), names(key));
        let sha256 = init.checksum.as_str();
        let client = &self.0.open()?.client;
        waiting.on(client.execute(sql, &[&tenant, &device, &id, &size, &sha256, &record, &at.0]))?;
        Ok(())
    }

    fn finish(&mut self, key: &FileKey, at: WallTime) -> Result<(), DeskError> {
        point("fleet.finish.before")?;
        let sql = "UPDATE files SET state = 'stored', ranges = '[]', changed_us = $4
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
            let pairs: Vec<(u64, u64)> = ranges.pairs().collect();
            let json = serde_json::to_string(&pairs).map_err(std::io::Error::other)?;
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
