//! Where messages and the state of uploads are kept: what the desks ask of a database.
//!
//! Owns: the questions, and which database answers them. Must not: decide what becomes of a
//! message, move a mark or know SQL; [`crate::messages`] decides, [`crate::marks`] moves, the
//! modules below ask in SQL.

pub(crate) mod postgres;
pub(crate) mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::runtime::Handle;
use wire::envelope::{Body, Envelope};
use wire::ids::{BootId, ClipId, Name, Seq};
use wire::time::WallTime;
use wire::topic::{self, Device};
use wire::transfer::{Ack, FileInit};

use crate::dead_letters::DeadLetter;
use crate::desk::{DeskError, with_causes};
use crate::letters::{Letter, Numbered};
use crate::marks::Mark;
use crate::ranges::Ranges;

pub use postgres::address::Address;
pub(crate) use postgres::address::AddressError;

/// Which database.
#[derive(Clone, Debug)]
pub enum Db {
    /// A file, for one receiver.
    Sqlite(PathBuf),
    /// A server, for one receiver or several.
    Postgres(Address),
}

impl fmt::Display for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

/// Both stores of a receiver, each with its connection.
pub(crate) struct Stores {
    pub(crate) messages: Box<dyn Messages>,
    pub(crate) files: Box<dyn Files>,
}

/// Opens the database, and makes its tables or brings them up to date. Must be called on a thread
/// that may block.
///
/// # Errors
/// Why it cannot be opened.
pub(crate) fn open(db: &Db, runtime: &Handle) -> Result<Stores, String> {
    Ok(Stores { messages: open_messages(db, runtime)?, files: open_files(db, runtime)? })
}

fn open_messages(db: &Db, runtime: &Handle) -> Result<Box<dyn Messages>, String> {
    Ok(match db {
        Db::Sqlite(path) => Box::new(sqlite::Sqlite::new(in_file(path)?)),
        Db::Postgres(address) => Box::new(postgres::Postgres::new(on_server(address, runtime)?)),
    })
}

/// The state of uploads alone, by one more connection. Must be called on a thread that may block.
///
/// # Errors
/// Why it cannot be opened.
pub(crate) fn open_files(db: &Db, runtime: &Handle) -> Result<Box<dyn Files>, String> {
    Ok(match db {
        Db::Sqlite(path) => Box::new(sqlite::files::Ledger::new(in_file(path)?)),
        Db::Postgres(address) => {
            Box::new(postgres::files::Ledger::new(on_server(address, runtime)?))
        }
    })
}

fn in_file(path: &Path) -> Result<rusqlite::Connection, String> {
    sqlite::schema::open(path).map_err(|error| with_causes(&error))
}

fn on_server(address: &Address, runtime: &Handle) -> Result<postgres::session::Session, String> {
    postgres::session::Session::connect(address.clone(), runtime.clone())
        .map_err(|error| with_causes(&error))
}

/// Every dead letter, the newest last, and how many were dropped. Must be called on a thread that
/// may block.
///
/// # Errors
/// Why they cannot be read.
pub(crate) fn letters(db: &Db, runtime: &Handle) -> Result<(Vec<DeadLetter>, u64), String> {
    match db {
        Db::Sqlite(path) => {
            let connection = sqlite::schema::open(path).map_err(|error| error.to_string())?;
            sqlite::letters::all(&connection).map_err(|error| error.to_string())
        }
        Db::Postgres(address) => {
            on_server(address, runtime)?.letters().map_err(|error| error.to_string())
        }
    }
}

/// One boot of one device.
pub(crate) type BootKey = (Device, BootId);
/// How far boots have come.
pub(crate) type Progress = BTreeMap<BootKey, Mark>;
/// A file's identity.
pub(crate) type FileKey = (Device, ClipId);

/// A message with its bytes, to be stored under `(tenant, device, boot, seq)`.
#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) device: Device,
    pub(crate) envelope: Box<Envelope>,
    pub(crate) payload: Bytes,
}

/// Messages that the box could not supply any more: inclusive numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) device: Device,
    pub(crate) boot: BootId,
    pub(crate) from: u64,
    pub(crate) upto: u64,
}

/// What a box says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    State,
    Info,
}

/// The last word of a box about itself, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) device: Device,
    pub(crate) topic: Topic,
    pub(crate) text: String,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Receiving,
    Stored { sha256: String },
}

/// A file that is being received.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receiving {
    /// Its announcement.
    pub(crate) init: FileInit,
    pub(crate) gathered: Gathered,
}

/// Where the bytes of a file come together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// In a part on a receiver's disk: those that are synced.
    Part(Ranges),
    /// In the bucket, under the id of this multipart upload.
    Upload(String),
}

/// The store of messages.
pub(crate) trait Messages: Send + 'static {
    /// Begins a batch. Dropping it undoes it.
    fn begin(&mut self, at: WallTime) -> Result<Box<dyn Batch + '_>, DeskError>;

    /// Up to where the newest boots of every device are complete, `boots` of each.
    fn newest(&mut self, boots: u32) -> Result<Vec<(Device, Ack)>, DeskError>;
}

/// A batch in the making: all of it becomes durable, or nothing.
pub(crate) trait Batch {
    /// Stores what is not there yet: for each row whether it is new. Rows are in the order of
    /// their keys, and each key is there once.
    fn put_events(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError>;

    /// Keeps each row aside that differs from what is stored under its number: new ones of them.
    fn put_conflicts(&mut self, rows: &[&EventRow]) -> Result<Vec<Novelty>, DeskError>;

    /// How far these boots have come. Nobody else moves them until the batch ends.
    fn marks(&mut self, keys: &BTreeSet<BootKey>) -> Result<Progress, DeskError>;

    /// Boots of the device before `boot` of which something is missing.
    fn unfinished(&mut self, device: &Device, boot: BootId) -> Result<Vec<BootId>, DeskError>;

    /// Notes how far boots have come.
    fn put_marks(&mut self, marks: &Progress) -> Result<(), DeskError>;

    /// Notes what cannot come any more.
    fn put_holes(&mut self, holes: &[Hole]) -> Result<(), DeskError>;

    /// Notes what boxes say of themselves.
    fn put_words(&mut self, words: &[Word]) -> Result<(), DeskError>;

    /// Keeps what could not be read; returns how many letters had to go for it.
    fn put_letters(&mut self, letters: &[Letter]) -> Result<u64, DeskError>;

    /// Letters that stand for a message of their box, from the beginning, at most `most`.
    fn numbered(&mut self, most: u32) -> Result<Vec<Numbered>, DeskError>;

    /// These letters could be read.
    fn forget_letters(&mut self, letters: &[Numbered]) -> Result<(), DeskError>;

    /// Makes all of it durable.
    fn commit(self: Box<Self>) -> Result<(), DeskError>;
}

/// Whether a row is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    New,
    Known,
}

impl Novelty {
    /// By how many rows a statement for one row changed.
    pub(crate) const fn of(changed: usize) -> Self {
        if changed == 0 { Self::Known } else { Self::New }
    }
}

/// The table of files: announced, being received, stored.
pub(crate) trait Files: Send + 'static {
    /// A file that is being received.
    fn read(&mut self, key: &FileKey) -> Result<Option<Receiving>, DeskError>;

    /// What is known of a file.
    fn known(&mut self, key: &FileKey) -> Result<Known, DeskError>;

    /// A file that is being received is given up.
    fn forget(&mut self, key: &FileKey) -> Result<(), DeskError>;

    /// A file is announced; of an earlier announcement nothing remains.
    fn begin(&mut self, key: &FileKey, file: &Receiving, at: WallTime) -> Result<(), DeskError>;

    /// The file is whole, at its place.
    fn finish(&mut self, key: &FileKey, at: WallTime) -> Result<(), DeskError>;

    /// The bytes of these ranges are synced; all or nothing.
    fn put_ranges(&mut self, files: &[(&FileKey, &Ranges)]) -> Result<(), DeskError>;

    /// Keeps an announcement that could not be read; returns how many letters had to go for it.
    fn put_letter(&mut self, letter: &Letter, at: WallTime) -> Result<u64, DeskError>;
}

impl Receiving {
    /// As its row has it.
    fn of((init, ranges, upload): (&str, &str, Option<String>)) -> Result<Self, serde_json::Error> {
        let gathered = match upload {
            Some(upload) => Gathered::Upload(upload),
            None => {
                let pairs: Vec<(u64, u64)> = serde_json::from_str(ranges)?;
                Gathered::Part(Ranges::from_pairs(pairs))
            }
        };
        Ok(Self { init: serde_json::from_str(init)?, gathered })
    }

    /// What its row has of where the bytes are: ranges and the upload's id.
    fn columns(&self) -> (String, Option<&str>) {
        match &self.gathered {
            Gathered::Part(ranges) => (ranges_json(ranges), None),
            Gathered::Upload(upload) => (ranges_json(&Ranges::default()), Some(upload)),
        }
    }
}

/// Ranges as their column has them.
fn ranges_json(ranges: &Ranges) -> String {
    let pairs: Vec<(u64, u64)> = ranges.pairs().collect();
    serde_json::to_string(&pairs).expect("JSON can hold numbers")
}

impl EventRow {
    pub(crate) fn key(&self) -> (&Device, BootId, Seq) {
        (&self.device, self.envelope.boot, self.envelope.seq)
    }

    pub(crate) fn source(&self) -> &str {
        self.envelope.body.source().map_or(topic::SOURCE_BOX, Name::as_str)
    }

    /// Id, revision and stage of a game event.
    pub(crate) fn event(&self) -> Option<(String, u8, &'static str)> {
        match &self.envelope.body {
            Body::Game(event) => Some((event.id.to_string(), event.revision, stage(event.stage))),
            Body::Clip(_) | Body::Notice(_) | Body::Board(_) => None,
        }
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.envelope)
            .expect("wire types have text keys, so JSON can hold them")
    }
}

const fn stage(stage: wire::event::Stage) -> &'static str {
    use wire::event::Stage;
    match stage {
        Stage::Provisional => "provisional",
        Stage::Confirmed => "confirmed",
        Stage::Retracted => "retracted",
    }
}
