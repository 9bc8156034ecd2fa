//! Opening the store: one owner at a time, the tables brought up to date, the boot counted.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use hal::Clock;
use rusqlite::Connection;
use tokio::sync::watch;
use wire::birth::Held;
use wire::ids::{BootId, Seq};
use wire::time::WallTime;

use super::writer::Writer;
use super::{
    COMMANDS_MAX, Health, Spending, SpentByKind, Store, StoredClip, StoredPlan, commands, schema,
    tables,
};

/// 2024-01-01T00:00:00Z; a wall clock before it is not set.
const EPOCH_2024: WallTime = WallTime(1_704_067_200_000_000);

/// A store that was opened, and what it remembers.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// This start of the device.
    pub boot: BootId,
    /// Clips that were planned and not cut, oldest first.
    pub plans: Vec<StoredPlan>,
    /// Clips that wait for upload, oldest first.
    pub clips: Vec<StoredClip>,
    /// Messages that wait for the receiver's acknowledgement, by boot.
    pub held: Vec<Held>,
    /// Files of clips that were released, but perhaps not removed before the last stop: remove
    /// them and call [`Store::forget_clip`].
    pub leftovers: Vec<StoredClip>,
    /// How many bytes of clips went on which day.
    pub spent: SpentByKind,
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the lock file cannot be written.
    #[error("`{}` cannot be written: {error}; make `box.data_dir` a folder that the user `courtside` may write", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Another process has it.
    #[error("`{}` is in use: another `courtside run` works on the same `box.data_dir`; stop it, or give this one its own folder", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A later firmware wrote it.
    #[error("`{}` was written by a later version (schema {found}, this one reads up to {}); install that version again, or move the file away", path.display(), schema::VERSION)]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: u32,
    },
    /// SQLite refused.
    #[error("the store `{}` cannot be opened: {error}; check the disk, or move the file away to start with an empty store", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Its reason.
        error: rusqlite::Error,
    },
}

impl Store {
    /// Opens the database at `path`, or makes a new one, durably counts this boot and starts the
    /// writer. The folder must exist.
    ///
    /// The counter of a new database starts at the seconds since 2024, so that a box whose disk
    /// was replaced never uses a boot number again that the receiver has seen.
    ///
    /// # Errors
    /// [`OpenError`]; each variant says what to do.
    pub fn open<C: Clock>(path: &Path, clock: Arc<C>) -> Result<Opened, OpenError> {
        let lock = lock(&path.with_extension("lock"))?;
        let database = |error| OpenError::Database { path: path.to_owned(), error };
        let mut connection = connect(path).map_err(database)?;
        let found = schema::migrate(&mut connection).map_err(database)?;
        if found > schema::VERSION {
            return Err(OpenError::Newer { path: path.to_owned(), found });
        }
        let first = seconds_since_2024(clock.wall().0);
        let boot = tables::count_boot(&connection, first).map_err(database)?;
        commands::interrupt(&connection).map_err(database)?;
        faults::mark("store.opened");
        let plans = tables::plans(&connection).map_err(database)?;
        let clips = tables::clips(&connection).map_err(database)?;
        let held = tables::held(&connection).map_err(database)?;
        let leftovers = tables::released_clips(&connection).map_err(database)?;
        let spent = |of| tables::spent(&connection, of).map_err(database);
        let spent =
            SpentByKind { clips: spent(Spending::Clips)?, telemetry: spent(Spending::Telemetry)? };
        let (commands, receiver) = sync_channel(COMMANDS_MAX);
        let (persisted, persisted_receiver) = watch::channel(Seq(0));
        let (health, health_receiver) = watch::channel(Health::Good);
        let path = path.to_owned();
        let writer = Writer {
            path: path.clone(),
            connection,
            boot,
            clock,
            commands: receiver,
            persisted,
            health,
        };
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                writer.run();
                drop(lock);
            })
            .map_err(|error| OpenError::Folder { path, error })?;
        let store = Store { commands, persisted: persisted_receiver, health: health_receiver };
        Ok(Opened { store, boot, plans, clips, held, leftovers, spent })
    }
}

/// A connection with the settings that durability rests on.
pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

/// The lock lasts as long as the file is open, so a killed process leaves none behind.
fn lock(path: &Path) -> Result<File, OpenError> {
    let folder = |error| OpenError::Folder { path: path.to_owned(), error };
    let file = File::create(path).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(folder(error)),
    }
}

fn seconds_since_2024(wall: WallTime) -> BootId {
    let seconds = (wall.0 - EPOCH_2024.0) / 1_000_000;
    BootId(u32::try_from(seconds).unwrap_or(0).max(1))
}
