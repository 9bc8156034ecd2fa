//! The ledger: what the store called durable, one line each, on a disk of its own that never
//! fails. It is written after the fact, so it never claims too much.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// One line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    /// All messages of this boot up to this number are durable.
    Upto { boot: u32, seq: u64 },
    /// A message of this number with this content is durable.
    Event { boot: u32, seq: u64, number: u32, confidence: u16 },
    /// The wish for this clip is durable.
    Clip { id: &'a str, bytes: u64, sha256: &'a str },
}

/// See the module.
pub(crate) struct Ledger(Mutex<File>);

impl Ledger {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(File::options().create(true).append(true).open(path)?)))
    }

    /// Appends lines in one write, so that a kill never leaves half of one among others.
    pub(crate) fn note(&self, lines: &[Line<'_>]) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}
