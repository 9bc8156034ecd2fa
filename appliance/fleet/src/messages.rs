//! The desk for messages: events, births, states. Stores each message once by
//! `(tenant, device, boot, seq)` and acknowledges cumulatively.
//!
//! Owns: what becomes of a message. Must not: know the database; [`crate::store`] does.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mqtt::{Encoding, Incoming, Message, Quality, Retain};
use wire::birth::{BoxState, Info};
use wire::envelope::Body;
use wire::ids::{BootId, Seq};
use wire::topic::{self, Device, Leaf};
use wire::transfer::Ack;

use crate::desk::{Desk, DeskError, Now, Outcome, Tally};
use crate::letters::{self, Letter, NUMBER_MAX, Reason};
use crate::line::{Line, Stored};
use crate::metrics::Which;
use crate::store::{Batch, BootKey, EventRow, Hole, Messages, Novelty, Progress, Topic, Word};

/// Boots of each device, newest first, of which a greeting tells.
const GREETED_BOOTS: u32 = 4;
/// Letters that one transaction reads again.
const REREAD_MAX: u32 = 256;
/// Longest `info` or `state` that is read, in bytes.
const WORD_BYTES_MAX: usize = 16 * 1024;

pub(crate) struct MessageDesk {
    store: Box<dyn Messages>,
    greeting: Greeting,
}

/// What the boxes are told when a connection comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Up to where their newest boots are complete.
    Marks,
    /// Nothing: of several receivers each would tell it to every box. A box that waits asks by
    /// sending again.
    Silence,
}

/// A batch, sorted by what its messages are.
#[derive(Default)]
struct Post {
    events: Vec<EventRow>,
    infos: Vec<(Device, Info)>,
    /// The last one of each box.
    words: BTreeMap<(Device, Topic), String>,
    letters: Vec<Letter>,
    /// Boots of messages that cannot be read, and their numbers.
    numbers: Vec<(BootKey, Seq)>,
}

impl MessageDesk {
    pub(crate) fn new(store: Box<dyn Messages>, greeting: Greeting) -> Self {
        Self { store, greeting }
    }

    /// Reads kept letters again: those of a form that this version knows become messages.
    pub(crate) fn reread(&mut self, now: Now) -> Result<Outcome, DeskError> {
        let mut batch = self.store.begin(now.wall)?;
        let kept = batch.numbered(REREAD_MAX)?;
        let read = |letter: &letters::Numbered| {
            letters::read(&letter.device, &letter.bytes).map(|row| (letter.clone(), row))
        };
        let (solved, mut events): (Vec<_>, Vec<_>) =
            kept.iter().filter_map(|letter| read(letter).ok()).unzip();
        events.sort_by(|a: &EventRow, b| a.key().cmp(&b.key()));
        let mut outcome = Outcome::default();
        if !events.is_empty() {
            put_events(&mut *batch, &events, (now, &mut outcome))?;
            batch.forget_letters(&solved)?;
            batch.commit()?;
        }
        Ok(outcome)
    }
}

impl Desk for MessageDesk {
    const WHICH: Which = Which::Messages;
    // The next one says the same and more, and a box that misses one asks by sending again.
    const REPLIES: Quality = Quality::Once;

    fn handle(&mut self, messages: &[Incoming], now: Now) -> Result<Outcome, DeskError> {
        let mut outcome = Outcome::default();
        let post = sort(messages, &mut outcome.tally);
        let mut batch = self.store.begin(now.wall)?;
        put_events(&mut *batch, &post.events, (now, &mut outcome))?;
        outcome.tally.letters_dropped += batch.put_letters(&post.letters)?;
        let holes = settle(&mut *batch, &post, &mut outcome)?;
        batch.put_holes(&holes)?;
        let words = post.words.into_iter();
        let words: Vec<Word> =
            words.map(|((device, topic), text)| Word { device, topic, text }).collect();
        batch.put_words(&words)?;
        batch.commit()?;
        outcome.tally.holes += holes.len() as u64;
        for Hole { device, boot, from, upto } in holes {
            let stored = Stored::Hole { boot, from_seq: from, upto_seq: upto };
            outcome.lines.push(Line::new(&device, now.wall, stored));
        }
        if !post.letters.is_empty() {
            tracing::error!(
                messages = post.letters.len(),
                reason = post.letters[0].reason.as_str(),
                topic = post.letters[0].topic,
                "messages cannot be read; `courtside-fleet dead-letters` has them"
            );
        }
        Ok(outcome)
    }

    fn greet(&mut self) -> Result<Vec<Message>, DeskError> {
        let newest = match self.greeting {
            Greeting::Marks => self.store.newest(GREETED_BOOTS)?,
            Greeting::Silence => Vec::new(),
        };
        Ok(newest.into_iter().map(|(device, ack)| acknowledgement(&device, ack)).collect())
    }
}

fn sort(messages: &[Incoming], tally: &mut Tally) -> Post {
    let mut post = Post::default();
    for message in messages {
        if let Err((reason, number)) = post.take(message) {
            let letter =
                Letter::of(message, reason, number.as_ref().map(|((_, boot), seq)| (*boot, *seq)));
            post.letters.push(letter);
            post.numbers.extend(number);
            tally.letter(reason);
        }
    }
    post.events.sort_by(|a, b| a.key().cmp(&b.key()));
    post
}

impl Post {
    /// Sorts a message in; the error says why it cannot be read, and which message it is.
    fn take(&mut self, message: &Incoming) -> Result<(), (Reason, Option<(BootKey, Seq)>)> {
        let unnumbered = |reason| (reason, None);
        let parsed = topic::parse(message.topic());
        let (device, leaf) = parsed.ok_or(unnumbered(Reason::Topic))?;
        let payload = message.payload();
        match leaf {
            Leaf::Event(topic::Encoding::Postcard) => {
                let row = letters::read(&device, payload).map_err(|(reason, number)| {
                    (reason, number.map(|(boot, seq)| ((device, boot), seq)))
                })?;
                self.events.push(row);
            }
            Leaf::Info | Leaf::State if payload.len() > WORD_BYTES_MAX => {
                return Err(unnumbered(Reason::Oversized));
            }
            Leaf::Info => {
                let info = read_info(payload).map_err(unnumbered)?;
                self.words.insert((device.clone(), Topic::Info), text(payload));
                self.infos.push((device, info));
            }
            Leaf::State => {
                let _state: BoxState =
                    serde_json::from_slice(payload).map_err(|_| unnumbered(Reason::Malformed))?;
                self.words.insert((device, Topic::State), text(payload));
            }
            Leaf::Event(topic::Encoding::Json)
            | Leaf::File(..)
            | Leaf::Ack
            | Leaf::FileResponse
            | Leaf::Command(_)
            | Leaf::CommandResponse
            | Leaf::Enrol
            | Leaf::EnrolResponse => {}
        }
        Ok(())
    }

    /// Boots of which something came.
    fn touched(&self) -> BTreeSet<BootKey> {
        let events = self.events.iter().map(|row| (row.device.clone(), row.envelope.boot));
        events.chain(self.numbers.iter().map(|(key, _)| key.clone())).collect()
    }
}

fn read_info(payload: &Bytes) -> Result<Info, Reason> {
    let info: Info = serde_json::from_slice(payload).map_err(|_| Reason::Malformed)?;
    let fits = |seq: &Seq| seq.0 <= NUMBER_MAX;
    let held = |held: &wire::birth::Held| {
        let gaps = held.gaps.iter().all(|(from, upto)| fits(from) && fits(upto));
        gaps && fits(&held.from_seq) && fits(&held.upto_seq)
    };
    if info.held.iter().all(held) { Ok(info) } else { Err(Reason::Number) }
}

fn text(payload: &Bytes) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// Stores what is new, in the order of its numbers, and keeps what contradicts aside.
fn put_events(
    batch: &mut dyn Batch,
    events: &[EventRow],
    (now, outcome): (Now, &mut Outcome),
) -> Result<(), DeskError> {
    if events.is_empty() {
        return Ok(());
    }
    let again = |at: usize| at > 0 && events[at - 1].key() == events[at].key();
    let (firsts, mut others): (Vec<_>, Vec<_>) =
        events.iter().enumerate().partition(|(at, _)| !again(*at));
    let rows: Vec<&EventRow> = firsts.iter().map(|(_, row)| *row).collect();
    for (first, novelty) in firsts.into_iter().zip(batch.put_events(&rows)?) {
        match novelty {
            Novelty::New => outcome.take_event(first.1, now),
            Novelty::Known => others.push(first),
        }
    }
    others.sort_by_key(|(at, _)| *at);
    let rows: Vec<&EventRow> = others.iter().map(|(_, row)| *row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    for (row, novelty) in rows.iter().zip(batch.put_conflicts(&rows)?) {
        if novelty == Novelty::Known {
            outcome.tally.duplicates += 1;
        } else {
            outcome.tally.conflicts += 1;
            let (boot, seq) = (row.envelope.boot, row.envelope.seq.0);
            let stored = Stored::Conflict { boot, seq };
            outcome.lines.push(Line::new(&row.device, now.wall, stored));
        }
    }
    Ok(())
}

impl Outcome {
    fn take_event(&mut self, row: &EventRow, now: Now) {
        self.tally.events += 1;
        let latency_ms = match &row.envelope.body {
            // Saturating: what a box writes there need not make sense.
            Body::Game(event) => {
                Some(now.wall.0.saturating_sub(event.decided_arrived.0) as f64 / 1_000.0)
            }
            Body::Clip(_) | Body::Notice(_) | Body::Board(_) => None,
        };
        let stored = Stored::Event { latency_ms, envelope: row.envelope.clone() };
        self.lines.push(Line::new(&row.device, now.wall, stored));
    }
}

/// Moves the marks over what came and what cannot come any more, and answers. Returns the holes.
fn settle(
    batch: &mut dyn Batch,
    post: &Post,
    outcome: &mut Outcome,
) -> Result<Vec<Hole>, DeskError> {
    let mut touched = post.touched();
    let mut keys = touched.clone();
    for (device, info) in &post.infos {
        keys.extend(info.held.iter().map(|held| (device.clone(), held.boot)));
        if let Some(first) = info.held.first() {
            let before = batch.unfinished(device, first.boot)?;
            keys.extend(before.into_iter().map(|boot| (device.clone(), boot)));
        }
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let before = batch.marks(&keys)?;
    let mut marks = before.clone();
    for row in &post.events {
        receive(&mut marks, (&row.device, row.envelope.boot), row.envelope.seq);
    }
    for ((device, boot), seq) in &post.numbers {
        receive(&mut marks, (device, *boot), *seq);
    }
    let holes = post.infos.iter().flat_map(|(device, info)| close(&mut marks, device, info));
    let holes: Vec<Hole> = holes.collect();
    let moved = marks.iter().filter(|(key, mark)| mark.upto() != before[*key].upto());
    touched.extend(moved.map(|(key, _)| key.clone()));
    for key in &touched {
        let (device, boot) = (&key.0, key.1);
        let upto_seq = Seq(marks[key].upto());
        outcome.replies.push(acknowledgement(device, Ack { boot, upto_seq }));
    }
    // A boot of which something came has a row from then on, also when it cannot move yet.
    marks.retain(|key, mark| touched.contains(key) || *mark != before[key]);
    if !marks.is_empty() {
        batch.put_marks(&marks)?;
    }
    Ok(holes)
}

fn receive(marks: &mut Progress, (device, boot): (&Device, BootId), seq: Seq) {
    if let Some(mark) = marks.get_mut(&(device.clone(), boot)) {
        mark.receive(seq.0);
    }
}

/// The box says what it holds: whatever is missing and not held cannot come any more.
fn close(marks: &mut Progress, device: &Device, info: &Info) -> Vec<Hole> {
    let Some(first) = info.held.first() else { return Vec::new() };
    let mut holes = Vec::new();
    let of_device = (device.clone(), BootId(0))..(device.clone(), first.boot);
    for ((device, boot), mark) in marks.range_mut(of_device) {
        let end = mark.highest() + 1;
        holes.extend(closed(mark, (device, *boot), (0, end)));
    }
    for held in &info.held {
        let key = (device.clone(), held.boot);
        let Some(mark) = marks.get_mut(&key) else { continue };
        holes.extend(closed(mark, (device, held.boot), (0, held.from_seq.0)));
        for (from, upto) in &held.gaps {
            holes.extend(closed(mark, (device, held.boot), (from.0, upto.0 + 1)));
        }
    }
    holes
}

fn closed(
    mark: &mut crate::marks::Mark,
    (device, boot): (&Device, BootId),
    (from, to): (u64, u64),
) -> Vec<Hole> {
    let holes = mark.close(from, to).into_iter();
    holes.map(|(from, to)| Hole { device: device.clone(), boot, from, upto: to - 1 }).collect()
}

fn acknowledgement(device: &Device, ack: Ack) -> Message {
    let json = serde_json::to_vec(&ack).expect("an acknowledgement is two numbers");
    Message {
        topic: device.ack().as_str().to_owned(),
        payload: Bytes::from(json),
        encoding: Encoding::Json,
        retain: Retain::No,
    }
}
