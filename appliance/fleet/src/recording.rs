//! Recordings of what boxes told: JSON lines that `tail --record` writes and `replay` reads.
//!
//! ```text
//! {"courtside_recording":1,"began_us":1767225600000000}
//! {"at_us":0,"topic":"cv1/demo/court-1/state","qos":1,"retain":true,"text":"{\"state\":…"}
//! {"at_us":12,"topic":"cv1/demo/court-1/evtb/court-1/clip","qos":1,"retain":false,"base64":"AQdj…"}
//! ```
//!
//! Owns: that format. Must not: understand messages; `replay::rewrite` does.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mqtt::{Quality, Retain};
use serde::{Deserialize, Serialize};
use wire::ids::Name;
use wire::time::WallTime;
use wire::topic::{ACK, COMMAND, FILE_RESPONSE, ROOT};

/// Version of the format.
const VERSION: u32 = 1;
/// Longest recording that is read, in bytes: weeks of a box without telemetry.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Levels of messages to a box.
const TO_BOXES: &[&str] = &[ACK, FILE_RESPONSE, COMMAND];

/// A recording, checked whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// UTC at its beginning.
    pub began: WallTime,
    /// What was told, in order. Not empty.
    pub entries: Vec<Entry>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// Time since the beginning.
    pub at: Duration,
    /// Which box told it.
    pub tenant: Name,
    /// Which box told it.
    pub device: Name,
    /// The topic behind the box, such as `evt/court-1/made_shot`.
    pub leaf: String,
    /// With what promise.
    pub quality: Quality,
    /// Whether the broker kept it.
    pub retain: Retain,
    /// What was told.
    pub payload: Bytes,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("{}: the recording cannot be read: {error}; make one with `courtside-fleet tail --record FILE`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A line is not as it should be.
    #[error("{}, line {line}: {why}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong and what to do.
        why: String,
    },
    /// Nothing was recorded.
    #[error("{}: nothing was recorded; leave `tail --record` running while a box tells something", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    courtside_recording: u32,
    began_us: i64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    at_us: u64,
    topic: String,
    qos: u8,
    retain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Writes a recording, line by line, so that one that is cut off loses its last line at most.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(mut out: W, began: WallTime) -> io::Result<Self> {
        write_line(&mut out, &Header { courtside_recording: VERSION, began_us: began.0 })?;
        Ok(Self { out })
    }

    /// Writes a message that came `at` after the beginning.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, at: Duration, message: &mqtt::Incoming) -> io::Result<()> {
        let text = std::str::from_utf8(message.payload()).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| STANDARD.encode(message.payload()));
        let line = Line {
            at_us: u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
            topic: message.topic().to_owned(),
            qos: u8::from(message.quality() == Quality::AtLeastOnce),
            retain: message.retain() == Retain::Yes,
            text,
            base64,
        };
        write_line(&mut self.out, &line)
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())?;
    out.flush()
}

impl Recording {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`RecordingError`]; a line that is not as it should be is named.
    pub fn read(file: &Path) -> Result<Self, RecordingError> {
        let unreadable = |error| RecordingError::Unreadable { file: file.to_owned(), error };
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        if opened.metadata().map_err(unreadable)?.len() > BYTES_MAX {
            let why =
                "it is longer than 512 MiB; cut it, or record with --kind and without --telemetry";
            return Err(unreadable(io::Error::other(why)));
        }
        let mut lines = BufReader::new(opened).lines().zip(1..);
        let wrong = |line, why| RecordingError::Line { file: file.to_owned(), line, why };
        let text = |(line, number): (io::Result<String>, usize)| match line {
            Ok(text) => Ok((text, number)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(wrong(
                number,
                "no UTF-8 text; payloads of bytes are written as `base64`".to_owned(),
            )),
            Err(error) => Err(unreadable(error)),
        };
        let Some(first) = lines.next() else {
            return Err(RecordingError::Empty { file: file.to_owned() });
        };
        let (first, number) = text(first)?;
        let began = read_header(&first).map_err(|why| wrong(number, why))?;
        let mut entries: Vec<Entry> = Vec::new();
        for line in lines {
            let (text, number) = text(line)?;
            if text.trim().is_empty() {
                continue;
            }
            let earliest = entries.last().map_or(Duration::ZERO, |entry| entry.at);
            let entry = read_entry(&text, number, earliest).map_err(|why| wrong(number, why))?;
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(RecordingError::Empty { file: file.to_owned() });
        }
        Ok(Self { began, entries })
    }
}

fn read_header(text: &str) -> Result<WallTime, String> {
    let header: Header = serde_json::from_str(text).map_err(|error| {
        format!("not the beginning of a recording ({error}); expected {{\"courtside_recording\":{VERSION},\"began_us\":…}}")
    })?;
    if header.courtside_recording != VERSION {
        let found = header.courtside_recording;
        return Err(format!(
            "a recording of version {found}; this program reads {VERSION}, use a newer one"
        ));
    }
    Ok(WallTime(header.began_us))
}

fn read_entry(text: &str, line: usize, earliest: Duration) -> Result<Entry, String> {
    let read: Line = serde_json::from_str(text).map_err(|error| {
        format!("no message of a recording: {error}; repair or delete the line")
    })?;
    let at = Duration::from_micros(read.at_us);
    if at < earliest {
        return Err(format!(
            "`at_us` = {} is earlier than the line before; sort the lines",
            read.at_us
        ));
    }
    let quality = match read.qos {
        0 => Quality::Once,
        1 => Quality::AtLeastOnce,
        other => return Err(format!("`qos` = {other}; boxes tell with 0 or 1")),
    };
    let payload = match (read.text, read.base64) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(code)) => STANDARD
            .decode(code)
            .map(Bytes::from)
            .map_err(|error| format!("`base64` cannot be decoded: {error}"))?,
        (Some(_), Some(_)) | (None, None) => {
            return Err("a message has either `text` or `base64`".to_owned());
        }
    };
    let (tenant, device, leaf) = split_topic(&read.topic)?;
    let retain = if read.retain { Retain::Yes } else { Retain::No };
    Ok(Entry { line, at, tenant, device, leaf, quality, retain, payload })
}

fn split_topic(topic: &str) -> Result<(Name, Name, String), String> {
    let mut levels = topic.splitn(4, '/');
    let mut level = || levels.next().unwrap_or_default();
    let (root, tenant, device, leaf) = (level(), level(), level(), level());
    let odd = || format!("`{topic}` is no topic of a box; they begin {ROOT}/TENANT/DEVICE/");
    if root != ROOT || leaf.is_empty() || leaf.contains(['+', '#', '\0']) {
        return Err(odd());
    }
    if TO_BOXES.contains(&leaf.split('/').next().unwrap_or_default()) {
        return Err(format!(
            "`{topic}` is a message to a box; published again, it would have a box forget what nobody \
             has stored, so delete the line"
        ));
    }
    let name = |text: &str| text.parse().map_err(|_| odd());
    Ok((name(tenant)?, name(device)?, leaf.to_owned()))
}
