//! What the box was told is durable, read from its ledger as it grows; and whether the receiver
//! has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;

use crate::stored::Place;

/// A line of the small box's ledger.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Upto { boot: u32, seq: u64 },
    Event { boot: u32, seq: u64, number: u32, confidence: u16 },
    Clip { id: String, bytes: u64, sha256: String },
}

/// A clip as it must arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clip {
    /// Its size.
    pub(super) bytes: u64,
    /// Its digest, in hexadecimal digits.
    pub(super) sha256: String,
}

/// Everything that must arrive.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Of each boot, all messages up to this number.
    pub(super) upto: BTreeMap<u32, u64>,
    /// Number and confidence of events, by the message that carries them.
    pub(super) events: BTreeMap<Place, (u32, u16)>,
    /// Clips by their id.
    pub(super) clips: BTreeMap<String, Clip>,
}

/// A reader of the ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    read: u64,
    /// What it said so far.
    pub(super) durable: Durable,
    /// Clips that were not seen at the receiver yet.
    awaited: BTreeSet<String>,
}

/// What was durable at one moment and had not arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed {
    upto: BTreeMap<u32, u64>,
    clips: BTreeSet<String>,
}

impl Ledger {
    /// The ledger at `path`, which may not be there yet.
    pub(super) fn new(path: &Path) -> Self {
        let (durable, awaited) = (Durable::default(), BTreeSet::new());
        Self { path: path.to_owned(), read: 0, durable, awaited }
    }

    /// Reads what was written since, whole lines only.
    ///
    /// # Errors
    /// When a line is none of the ledger's.
    pub(super) fn follow(&mut self) -> Result<()> {
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        for line in text[..whole].lines() {
            let line = serde_json::from_str(line).with_context(|| format!("ledger: {line}"))?;
            match line {
                Line::Upto { boot, seq } => {
                    let known = self.durable.upto.entry(boot).or_default();
                    *known = seq.max(*known);
                }
                Line::Event { boot, seq, number, confidence } => {
                    self.durable.events.insert((boot, seq), (number, confidence));
                }
                Line::Clip { id, bytes, sha256 } => {
                    self.awaited.insert(id.clone());
                    self.durable.clips.insert(id, Clip { bytes, sha256 });
                }
            }
        }
        Ok(())
    }

    /// What the receiver owes now.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) fn owed(&mut self) -> Result<Owed> {
        self.follow()?;
        Ok(Owed { upto: self.durable.upto.clone(), clips: self.awaited.clone() })
    }

    /// Takes from `owed` what has arrived; true when that is everything.
    pub(super) fn has_arrived(&mut self, owed: &mut Owed, database: &Path) -> bool {
        // The receiver may be dead, starting, or without a disk: then it is asked again.
        let arrived = arrived(owed, database).unwrap_or_default();
        for id in arrived.clips {
            owed.clips.remove(&id);
            self.awaited.remove(&id);
        }
        owed.upto.retain(|boot, upto| arrived.upto.get(boot).is_none_or(|mark| mark < upto));
        owed.upto.is_empty() && owed.clips.is_empty()
    }
}

impl Owed {
    /// For people.
    pub(super) fn text(&self) -> String {
        format!("boots {:?}, {} clips {:?}", self.upto, self.clips.len(), self.clips.first())
    }
}

fn arrived(owed: &Owed, database: &Path) -> Result<Owed> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare("SELECT boot, upto FROM marks")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    let mut upto = BTreeMap::new();
    for row in rows {
        let (boot, seq) = row?;
        upto.insert(boot, u64::try_from(seq)?);
    }
    let mut statement =
        connection.prepare("SELECT count(*) FROM files WHERE id = ?1 AND state = 'stored'")?;
    let mut clips = BTreeSet::new();
    for id in &owed.clips {
        let stored: i64 = statement.query_row([id], |row| row.get(0))?;
        if stored > 0 {
            clips.insert(id.clone());
        }
    }
    Ok(Owed { upto, clips })
}
