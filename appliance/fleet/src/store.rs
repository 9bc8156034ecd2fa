//! Where messages and the state of uploads are kept: what the desks ask of a database.
//!
//! Owns: the questions, and which database answers them. Must not: decide what becomes of a
//! message, move a mark or know SQL; [`crate::messages`] decides, [`crate::marks`] moves, the
//! modules below ask in SQL.

pub(crate) mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use wire::envelope::{Body, Envelope};
use wire::ids::{BootId, ClipId, Name, Seq};
use wire::time::WallTime;
use wire::topic::{self, Device};
use wire::transfer::{Ack, FileInit};

use crate::desk::DeskError;
use crate::letters::{Letter, Numbered};
use crate::marks::Mark;
use crate::ranges::Ranges;

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

/// The table of files: announced, being received, stored.
pub(crate) trait Files: Send + 'static {
    /// The announcement and what was received, of a file that is being received.
    fn read(&mut self, key: &FileKey) -> Result<Option<(FileInit, Ranges)>, DeskError>;

    /// What is known of a file.
    fn known(&mut self, key: &FileKey) -> Result<Known, DeskError>;

    /// A file that is being received is given up.
    fn forget(&mut self, key: &FileKey) -> Result<(), DeskError>;

    /// A file is announced; of an earlier announcement nothing remains.
    fn begin(&mut self, key: &FileKey, init: &FileInit, at: WallTime) -> Result<(), DeskError>;

    /// The file has its name.
    fn finish(&mut self, key: &FileKey, at: WallTime) -> Result<(), DeskError>;

    /// The bytes of these ranges are synced; all or nothing.
    fn put_ranges(&mut self, files: &[(&FileKey, &Ranges)]) -> Result<(), DeskError>;

    /// Keeps an announcement that could not be read; returns how many letters had to go for it.
    fn put_letter(&mut self, letter: &Letter, at: WallTime) -> Result<u64, DeskError>;
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
