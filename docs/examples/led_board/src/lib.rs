//! An LED board beside the court: takes the payloads of `cv1/+/+/evtb/#` and says what to show.
//!
//! Owns: what three subscribers' rules come to on a microcontroller, with neither std nor an
//! allocator, in less than 400 bytes of state: duplicates are dropped, later revisions win, missing
//! numbers are not waited for. Must not: know the network; whatever MQTT client the board has hands
//! over bytes. `docs/subscriber.md` says how to build it for a board.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::Write as _;

use heapless::String;
use wire::board::BoardReading;
use wire::envelope::{Body, Envelope, VERSION};
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, EventId, Seq};

/// Characters of one row of the board.
pub const COLUMNS: usize = 16;
/// Sequence numbers behind the newest one of which the board knows whether it had them.
const WINDOW: u64 = 64;
/// Events whose newest revision is remembered. One settles within about a second.
const EVENTS_MAX: usize = 16;

/// What the LEDs show.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Shown {
    /// Points and period, `54:108 P3`.
    pub score: String<COLUMNS>,
    /// What happened last, `MADE SHOT`; a question mark behind it while it is provisional.
    pub last: String<COLUMNS>,
    /// Made shots since the board was switched on, without retracted ones.
    pub made: u16,
}

/// The board's memory. It follows one box.
#[derive(Clone, Debug, Default)]
pub struct Board {
    shown: Shown,
    numbers: Numbers,
    /// The newest ones last.
    events: heapless::Vec<Known, EVENTS_MAX>,
    last: Option<EventId>,
}

/// What is known of an event.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: EventId,
    revision: u8,
    made: u16,
}

impl Board {
    /// Takes the payload of one message and returns what to show if that changed.
    ///
    /// What cannot be read (another version, damage) changes nothing: a board keeps showing.
    pub fn take(&mut self, payload: &[u8]) -> Option<&Shown> {
        let envelope: Envelope = postcard::from_bytes(payload).ok()?;
        if envelope.v != VERSION || !self.numbers.is_new(envelope.boot, envelope.seq) {
            return None;
        }
        let before = self.shown.clone();
        match envelope.body {
            Body::Game(event) => self.take_event(&event),
            Body::Board(reading) => self.take_reading(&reading),
            Body::Clip(_) | Body::Notice(_) => {}
        }
        (self.shown != before).then_some(&self.shown)
    }

    /// What the LEDs show now.
    pub const fn shown(&self) -> &Shown {
        &self.shown
    }

    fn take_event(&mut self, event: &GameEvent) {
        let place = self.events.iter().position(|known| known.id == event.id);
        let before = place.map(|at| self.events[at]);
        // Also an earlier revision that is late, after the later one settled the event.
        if before.is_some_and(|known| known.revision >= event.revision) {
            return;
        }
        let is_made = event.kind == EventKind::MadeShot && event.stage != Stage::Retracted;
        let known = Known { id: event.id, revision: event.revision, made: u16::from(is_made) };
        let counted = before.map_or(0, |known| known.made);
        self.shown.made = self.shown.made.saturating_add(known.made).saturating_sub(counted);
        match place {
            Some(at) => self.events[at] = known,
            None => {
                if self.events.is_full() {
                    self.events.remove(0);
                }
                let _there_is_room = self.events.push(known);
            }
        }
        let text = match event.kind {
            EventKind::MadeShot => "MADE SHOT",
            EventKind::MissedShot => "MISSED SHOT",
            EventKind::Whistle => "WHISTLE",
            EventKind::Buzzer => "BUZZER",
            EventKind::ScoreChange => "SCORE",
        };
        match event.stage {
            Stage::Provisional => self.tell(event.id, text, "?"),
            Stage::Confirmed => self.tell(event.id, text, ""),
            Stage::Retracted if self.last == Some(event.id) => self.tell(event.id, "", ""),
            Stage::Retracted => {}
        }
    }

    fn tell(&mut self, id: EventId, text: &str, mark: &str) {
        self.last = Some(id);
        self.shown.last.clear();
        write_row(&mut self.shown.last, format_args!("{text}{mark}"));
    }

    fn take_reading(&mut self, reading: &BoardReading) {
        let (Some(home), Some(away)) = (reading.home, reading.away) else { return };
        self.shown.score.clear();
        write_row(&mut self.shown.score, format_args!("{home}:{away}"));
        if let Some(period) = reading.period {
            write_row(&mut self.shown.score, format_args!(" P{period}"));
        }
    }
}

/// Writes as much as the row holds.
fn write_row(row: &mut String<COLUMNS>, text: core::fmt::Arguments<'_>) {
    let _row_is_full = row.write_fmt(text);
}

/// Which sequence numbers were seen, of the newest boot: the newest, and the 64 before it.
#[derive(Clone, Debug, Default)]
struct Numbers {
    boot: BootId,
    newest: u64,
    /// Bit n: the number `newest - n` was seen.
    seen: u64,
}

impl Numbers {
    fn is_new(&mut self, boot: BootId, seq: Seq) -> bool {
        // A message of an earlier start is news of the past; a scoreboard has no use for it.
        if boot < self.boot || (boot == self.boot && self.newest.saturating_sub(seq.0) >= WINDOW) {
            return false;
        }
        if boot > self.boot {
            *self = Self { boot, newest: seq.0, seen: 1 };
            return true;
        }
        if seq.0 > self.newest {
            let steps = seq.0 - self.newest;
            self.seen = if steps < WINDOW { self.seen << steps | 1 } else { 1 };
            self.newest = seq.0;
            return true;
        }
        let bit = 1 << (self.newest - seq.0);
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}
