//! The desk for files: clips come in as segments, in any order, again and again, and leave as
//! whole, verified files. Those that boxes put into the bucket themselves: [`links`].
//!
//! A segment counts as received once its bytes are synced and its range is committed, which
//! happens every megabyte or second, not for every segment. A file is whole when its size and
//! SHA-256 are right; only then it gets its name, and only then the box hears so.

mod answer;
mod boxes;
pub(crate) mod bucket;
mod links;
mod part;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use mqtt::{Incoming, Message, Quality};
use wire::clip::ClipRecord;
use wire::time::{MediaSpan, Monotonic};
use wire::topic::{self, FilePart, Leaf};
use wire::transfer::{FileInit, FileResponse, FileStep, MISSING_MAX};

use crate::desk::{Desk, DeskError, Now, Outcome};
use crate::letters::{Letter, NUMBER_MAX, Reason};
use crate::line::{Line, Stored};
use crate::metrics::Which;
use crate::ranges::Ranges;
use crate::store::{FileKey, Files, Gathered, Known, Receiving};
use answer::{AWAY, Answer, FULL};
pub(crate) use boxes::{Boxes, Shelf};
use part::{Part, Sealed};

/// Received bytes that a crash may cost.
const CHECKPOINT_BYTES: u64 = 1024 * 1024;
/// Time after which received bytes are made durable.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// Files that are open at once; the others are opened again when they go on.
const OPEN_MAX: usize = 64;

pub(crate) struct FileDesk {
    ledger: Box<dyn Files>,
    shelf: Shelf,
    open: BTreeMap<FileKey, Open>,
    checkpoint: Monotonic,
    /// Of a batch that failed half-way: what was done by then is told all the same.
    outcome: Outcome,
    boxes: Boxes,
}

/// A file that is being received as segments.
struct Open {
    init: FileInit,
    part: Part,
    ranges: Ranges,
    /// Bytes since the last checkpoint.
    dirty: u64,
}

impl FileDesk {
    pub(crate) fn new(ledger: Box<dyn Files>, (shelf, boxes): (Shelf, Boxes)) -> Self {
        Self {
            ledger,
            shelf,
            open: BTreeMap::new(),
            checkpoint: Monotonic::default(),
            outcome: Outcome::default(),
            boxes,
        }
    }

    fn take(
        &mut self,
        message: &Incoming,
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<(), DeskError> {
        let (device, id, part) = match topic::parse(message.topic()) {
            Some((device, Leaf::File(id, part))) => (device, id, part),
            Some((device, Leaf::Info)) => {
                outcome.subscribe.extend(self.boxes.hear(device));
                return Ok(());
            }
            Some((
                _,
                Leaf::State
                | Leaf::Event(_)
                | Leaf::Ack
                | Leaf::FileResponse
                | Leaf::Command(_)
                | Leaf::CommandResponse
                | Leaf::Enrol
                | Leaf::EnrolResponse,
            ))
            | None => {
                return Ok(());
            }
        };
        let key = (device, id);
        let (step, answer) = match part {
            FilePart::Init => (FileStep::Init, self.take_init(&key, message, (now, outcome))?),
            FilePart::Segment(offset) => {
                let answer = self.take_segment(&key, (offset, message.payload()))?;
                let Some(answer) = answer else { return Ok(()) };
                (FileStep::Segments, answer)
            }
            FilePart::Fin(size, sha256) => {
                (FileStep::Fin, self.take_fin(&key, (size, sha256.as_str()), (now, outcome))?)
            }
            FilePart::Abort => return self.abort(&key),
        };
        let (device, id) = key;
        outcome.replies.push(answer.message(&device, (id, step)));
        Ok(())
    }

    fn take_init(
        &mut self,
        key: &FileKey,
        message: &Incoming,
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Answer, DeskError> {
        let init: FileInit = match serde_json::from_slice(message.payload()) {
            Ok(init) => init,
            Err(error) => {
                tracing::error!(%error, file = %key.1, "an announcement cannot be read; `courtside-fleet dead-letters` has it");
                let letter = Letter::of(message, Reason::Malformed, None);
                outcome.tally.letters_dropped += self.ledger.put_letter(&letter, now.wall)?;
                outcome.tally.letter(letter.reason);
                return Ok(Answer::cancel("the announcement cannot be read"));
            }
        };
        let record = &init.user_data;
        if record.id != key.1 || record.bytes != init.size || record.sha256 != init.checksum {
            return Ok(Answer::cancel("the announcement contradicts itself"));
        }
        if init.size == 0 {
            return Ok(Answer::cancel("the file is empty"));
        }
        if init.size > NUMBER_MAX {
            return Ok(Answer::cancel("no disk holds a file of this size"));
        }
        match self.ledger.known(key)? {
            Known::Stored { sha256 } if sha256 == init.checksum.as_str() => {
                self.clear(key)?;
                return Ok(Answer::new(FileResponse::PERSISTED, "stored already"));
            }
            Known::Stored { .. } => return Ok(Answer::cancel("another file has this id")),
            Known::Nothing | Known::Receiving => {}
        }
        if let Some(answer) = self.announce_links(key, &init, (now, outcome))? {
            return Ok(answer);
        }
        if self.open(key)?.is_some_and(|open| open.init != init) {
            self.abort(key)?;
        }
        if self.open(key)?.is_none() {
            match self.begin(key, init, now) {
                Err(DeskError::File(error)) if is_full(&error) => return Ok(Answer::pause(FULL)),
                begun => begun?,
            }
        }
        let Some(open) = self.open(key)? else { return Ok(Answer::pause(FULL)) };
        let missing = open.ranges.missing(0, open.init.size, MISSING_MAX);
        Ok(Answer::new(FileResponse::PERSISTED, "send what is missing").missing(missing))
    }

    fn take_segment(
        &mut self,
        key: &FileKey,
        (offset, bytes): (u64, &Bytes),
    ) -> Result<Option<Answer>, DeskError> {
        let Some(open) = self.open(key)? else {
            return Ok(match self.ledger.known(key)? {
                Known::Stored { .. } => None,
                Known::Nothing | Known::Receiving => {
                    Some(Answer::new(FileResponse::RESEND_ALL, "this file is not announced"))
                }
            });
        };
        let end = offset.checked_add(bytes.len() as u64);
        let Some(end) = end.filter(|end| *end <= open.init.size) else {
            return Ok(Some(Answer::cancel("a segment reaches beyond the announced size")));
        };
        match open.part.write(offset, bytes) {
            Err(error) if is_full(&error) => return Ok(Some(Answer::pause(FULL))),
            written => written?,
        }
        open.ranges.insert(offset, end);
        open.dirty += bytes.len() as u64;
        Ok(None)
    }

    fn take_fin(
        &mut self,
        key: &FileKey,
        (size, sha256): (u64, &str),
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Answer, DeskError> {
        if let Known::Stored { sha256: stored } = self.ledger.known(key)? {
            self.clear(key)?;
            return Ok(if stored == sha256 {
                Answer::new(FileResponse::PERSISTED, "stored already")
            } else {
                Answer::cancel("another file has this id")
            });
        }
        if let Some(answer) = self.end_links(key, (size, sha256), (now, outcome))? {
            return Ok(answer);
        }
        self.open(key)?;
        let Some(open) = self.open.get_mut(key) else {
            return Ok(Answer::new(FileResponse::RESEND_ALL, "this file is not announced"));
        };
        if open.init.size != size || open.init.checksum.as_str() != sha256 {
            return Ok(Answer::cancel("the end contradicts the announcement"));
        }
        let missing = open.ranges.missing(0, size, MISSING_MAX);
        if !missing.is_empty() {
            return Ok(
                Answer::new(FileResponse::RESEND_MISSING, "bytes are missing").missing(missing)
            );
        }
        let sealed = match &self.shelf.bucket {
            None => open.part.seal(&open.init.user_data),
            Some(bucket) if open.part.is(&open.init.user_data)? => {
                match bucket.put(&key.0, (&open.init.user_data, open.part.file())) {
                    Ok(address) => Ok(Sealed::Done(address.into())),
                    Err(error) => return Ok(away(key, &error, outcome)),
                }
            }
            Some(_) => Ok(Sealed::Different),
        };
        match sealed {
            Ok(Sealed::Done(path)) => {
                let Some(open) = self.open.remove(key) else { return Ok(Answer::pause(FULL)) };
                self.finish(key, (open.init.user_data, path), (now, outcome))
            }
            Ok(Sealed::Different) => {
                tracing::error!(file = %key.1, "the SHA-256 is wrong; the whole file is asked for again");
                self.abort(key)?;
                Ok(Answer::new(FileResponse::RESEND_ALL, "the SHA-256 is wrong"))
            }
            Err(error) if is_full(&error) => Ok(Answer::pause(FULL)),
            Err(error) => Err(error.into()),
        }
    }

    /// The file is whole, at its place: notes it durably before anybody hears of it.
    fn finish(
        &mut self,
        key: &FileKey,
        (record, path): (ClipRecord, PathBuf),
        (now, outcome): (Now, &mut Outcome),
    ) -> Result<Answer, DeskError> {
        self.ledger.finish(key, now.wall)?;
        outcome.tally.clips += 1;
        outcome.tally.clip_bytes += record.bytes;
        // Saturating: what a box writes there need not make sense.
        let length = record.interval.end.0.saturating_sub(record.interval.start.0);
        let ended_us = record.starts.0.saturating_add(micros(MediaSpan(length)));
        let delay_ms = now.wall.0.saturating_sub(ended_us) as f64 / 1_000.0;
        let stored = Stored::Clip { path, delay_ms, record: Box::new(record) };
        outcome.lines.push(Line::new(&key.0, now.wall, stored));
        self.clear(key)?;
        Ok(Answer::new(FileResponse::PERSISTED, "stored and verified"))
    }

    fn begin(&mut self, key: &FileKey, init: FileInit, now: Now) -> Result<(), DeskError> {
        self.make_room()?;
        let (device, id) = key;
        let part = Part::create(&self.shelf.folder, device, *id)?;
        let file = Receiving { init, gathered: Gathered::Part(Ranges::default()) };
        self.ledger.begin(key, &file, now.wall)?;
        let open = Open { init: file.init, part, ranges: Ranges::default(), dirty: 0 };
        self.open.insert(key.clone(), open);
        Ok(())
    }

    /// The part of a file, from memory or, after a restart, from the disk.
    fn open(&mut self, key: &FileKey) -> Result<Option<&mut Open>, DeskError> {
        if !self.open.contains_key(key) {
            let Some(Receiving { init, gathered }) = self.ledger.read(key)? else {
                return Ok(None);
            };
            let Gathered::Part(ranges) = gathered else { return Ok(None) };
            self.make_room()?;
            let (device, id) = key;
            // A part that is gone starts over; its row goes with it.
            let Some(part) = Part::reopen(&self.shelf.folder, device, *id)? else {
                self.ledger.forget(key)?;
                return Ok(None);
            };
            self.open.insert(key.clone(), Open { init, part, ranges, dirty: 0 });
        }
        Ok(self.open.get_mut(key))
    }

    /// Closes everything when too much is open: whatever goes on is opened again.
    fn make_room(&mut self) -> Result<(), DeskError> {
        if self.open.len() >= OPEN_MAX {
            self.make_durable()?;
            self.open.clear();
        }
        Ok(())
    }

    fn abort(&mut self, key: &FileKey) -> Result<(), DeskError> {
        if matches!(self.ledger.known(key)?, Known::Stored { .. }) {
            return Ok(());
        }
        self.give_up_upload(key)?;
        self.open.remove(key);
        self.ledger.forget(key)?;
        Part::remove(&self.shelf.folder, &key.0, key.1)?;
        Ok(())
    }

    /// Of a file that is in the bucket no part is needed here. The receiver may have died before it
    /// came to that.
    fn clear(&mut self, key: &FileKey) -> Result<(), DeskError> {
        if self.shelf.bucket.is_some() {
            Part::remove(&self.shelf.folder, &key.0, key.1)?;
        }
        Ok(())
    }

    /// Syncs what was written and then commits that it was received.
    fn make_durable(&mut self) -> Result<(), DeskError> {
        for open in self.open.values().filter(|open| open.dirty > 0) {
            open.part.sync()?;
        }
        let received = self.open.iter().filter(|(_, open)| open.dirty > 0);
        let received: Vec<_> = received.map(|(key, open)| (key, &open.ranges)).collect();
        self.ledger.put_ranges(&received)?;
        for open in self.open.values_mut() {
            open.dirty = 0;
        }
        Ok(())
    }
}

impl Desk for FileDesk {
    const WHICH: Which = Which::Files;
    // Few, and each one that is lost costs the box seconds.
    const REPLIES: Quality = Quality::AtLeastOnce;

    fn handle(&mut self, batch: &[Incoming], now: Now) -> Result<Outcome, DeskError> {
        let mut outcome = std::mem::take(&mut self.outcome);
        for message in batch {
            if let Err(error) = self.take(message, (now, &mut outcome)) {
                self.outcome = outcome;
                return Err(error);
            }
        }
        let dirty: u64 = self.open.values().map(|open| open.dirty).sum();
        let due = now.mono.since(self.checkpoint) >= CHECKPOINT_EVERY && dirty > 0;
        if due || dirty >= CHECKPOINT_BYTES {
            if let Err(error) = self.make_durable() {
                self.outcome = outcome;
                return Err(error);
            }
            self.checkpoint = now.mono;
        }
        Ok(outcome)
    }

    fn greet(&mut self) -> Result<Vec<Message>, DeskError> {
        self.boxes.forget();
        Ok(Vec::new())
    }
}

fn micros(span: MediaSpan) -> i64 {
    span.as_millis().saturating_mul(1_000)
}

/// The bucket does not do what it was asked.
fn away(key: &FileKey, error: &dyn std::error::Error, outcome: &mut Outcome) -> Answer {
    tracing::error!(%error, file = %key.1, "a clip cannot be put into the bucket; its box waits and asks again");
    outcome.tally.bucket_errors += 1;
    Answer::pause(AWAY)
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
