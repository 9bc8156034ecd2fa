//! The list of certificates that were issued, and who may be enrolled again.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, OptionalExtension, params};
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::Device;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS issued (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        public_key BLOB NOT NULL,
        certificate TEXT NOT NULL,
        voucher TEXT NOT NULL,
        issued_us INTEGER NOT NULL,
        ends_us INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS issued_by_device ON issued (tenant, device);
    -- Boxes that a claim may enrol although they have a certificate; used once.
    CREATE TABLE IF NOT EXISTS allowed (
        tenant TEXT NOT NULL,
        device TEXT NOT NULL,
        PRIMARY KEY (tenant, device)
    ) WITHOUT ROWID;
";

/// The list.
#[derive(Debug)]
pub struct Ledger(Connection);

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Whose.
    pub device: Device,
    /// Who vouched, for people.
    pub voucher: String,
    /// As PEM.
    pub certificate: String,
    /// When.
    pub at: WallTime,
    /// Until when it counts.
    pub ends: WallTime,
}

impl Ledger {
    /// Opens or makes the list of an authority's folder.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(folder: &Path) -> Result<Self, super::AuthorityError> {
        let connection = Connection::open(folder.join("authority.sqlite"))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(connection))
    }

    /// What was issued, oldest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn all(&self) -> Result<Vec<Issued>, Error> {
        let mut statement = self.0.prepare(
            "SELECT tenant, device, voucher, certificate, issued_us, ends_us FROM issued
             ORDER BY number",
        )?;
        let rows = statement.query_map([], |row| {
            let name = |column| row.get::<_, String>(column).map(|text| text.parse::<Name>().ok());
            let (Some(tenant), Some(device)) = (name(0)?, name(1)?) else { return Ok(None) };
            Ok(Some(Issued {
                device: Device { tenant, device },
                voucher: row.get(2)?,
                certificate: row.get(3)?,
                at: WallTime(row.get(4)?),
                ends: WallTime(row.get(5)?),
            }))
        })?;
        rows.filter_map(Result::transpose).collect()
    }

    /// The certificate for this key that still counts, if one was issued.
    pub(super) fn same(
        &self,
        device: &Device,
        public_key: &[u8],
        now: WallTime,
    ) -> Result<Option<String>, Error> {
        self.0
            .query_row(
                "SELECT certificate FROM issued WHERE tenant = ?1 AND device = ?2
                 AND public_key = ?3 AND ends_us > ?4 ORDER BY number DESC",
                params![device.tenant.as_str(), device.device.as_str(), public_key, now.0],
                |row| row.get(0),
            )
            .optional()
    }

    /// Whether the box has a certificate that counts, and nobody allowed another one.
    pub(super) fn is_taken(&self, device: &Device, now: WallTime) -> Result<bool, Error> {
        self.0.query_row(
            "SELECT EXISTS (SELECT 1 FROM issued WHERE tenant = ?1 AND device = ?2 AND ends_us > ?3)
             AND NOT EXISTS (SELECT 1 FROM allowed WHERE tenant = ?1 AND device = ?2)",
            params![device.tenant.as_str(), device.device.as_str(), now.0],
            |row| row.get(0),
        )
    }

    /// Lets a claim enrol the box once more.
    ///
    /// # Errors
    /// SQLite's.
    pub fn allow(&self, device: &Device) -> Result<(), Error> {
        let names = [device.tenant.as_str(), device.device.as_str()];
        self.0.execute("INSERT OR IGNORE INTO allowed VALUES (?1, ?2)", names).map(drop)
    }

    /// Durably notes a certificate before anybody gets it.
    pub(super) fn note(&mut self, issued: &Issued, public_key: &[u8]) -> Result<(), Error> {
        let transaction = self.0.transaction()?;
        let (tenant, device) = (issued.device.tenant.as_str(), issued.device.device.as_str());
        transaction.execute(
            "INSERT INTO issued (tenant, device, public_key, certificate, voucher, issued_us, ends_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                tenant,
                device,
                public_key,
                issued.certificate,
                issued.voucher,
                issued.at.0,
                issued.ends.0
            ],
        )?;
        transaction
            .execute("DELETE FROM allowed WHERE tenant = ?1 AND device = ?2", [tenant, device])?;
        transaction.commit()
    }
}
