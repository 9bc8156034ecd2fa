//! Dead letters for people: what came and could not be read, as the store has it.
//!
//! Owns: how they are listed. Must not: change the store; only the receiver does.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::receive::ReceiveError;
use crate::store;

/// Bytes of a letter that a line for people shows.
const SHOWN_BYTES: usize = 16;

/// One thing that came, once or more often, and could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The topic's second level.
    pub tenant: String,
    /// Its third level.
    pub device: String,
    /// The topic.
    pub topic: String,
    /// Why: `topic`, `oversized`, `malformed`, `version`, `device` or `number`.
    pub reason: String,
    /// Of which start of the box it is, if it stands for one of its messages.
    pub boot: Option<u32>,
    /// The message's number.
    pub seq: Option<u64>,
    /// What is kept of it; base64 in JSON.
    #[serde(serialize_with = "base64_text")]
    pub bytes: Vec<u8>,
    /// How long it was, in bytes.
    pub size: u64,
    /// UTC when it came first, in microseconds.
    pub first_us: i64,
    /// UTC when it came last, in microseconds.
    pub last_us: i64,
    /// How often it came.
    pub count: u64,
}

/// All that is kept, and what is not kept any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// In the order in which they came last.
    pub letters: Vec<DeadLetter>,
    /// Letters that had to go for newer ones, since the store was made.
    pub dropped: u64,
}

/// Reads the letters from the store of a configuration; a receiver may run meanwhile. Needs a tokio
/// runtime.
///
/// # Errors
/// [`ReceiveError::Database`].
pub async fn list(config: &Config) -> Result<DeadLetters, ReceiveError> {
    let (db, runtime) = (config.db.clone(), Handle::current());
    let read = tokio::task::spawn_blocking(move || store::letters(&db, &runtime)).await;
    let read = read.unwrap_or_else(|error| Err(error.to_string()));
    let refused = |why| ReceiveError::Database { db: config.db.clone(), why };
    let (letters, dropped) = read.map_err(refused)?;
    Ok(DeadLetters { letters, dropped })
}

impl DeadLetter {
    /// The letter as JSON, without line break.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a letter has text keys, so JSON can hold it")
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {:9}  {}", Utc(self.last_us), self.reason, self.topic)?;
        if let (Some(boot), Some(seq)) = (self.boot, self.seq) {
            write!(f, "  boot {boot} message {seq}")?;
        }
        write!(f, "  {} times since {}  {} bytes:", self.count, Utc(self.first_us), self.size)?;
        for byte in self.bytes.iter().take(SHOWN_BYTES) {
            write!(f, " {byte:02x}")?;
        }
        if self.size > SHOWN_BYTES as u64 { f.write_str(" …") } else { Ok(()) }
    }
}

/// UTC to the second, for people.
struct Utc(i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1_000_000)) {
            Ok(second) => second.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

fn base64_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}
