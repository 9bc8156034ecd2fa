//! The upload of one file: announce, send what is missing, finish, and believe nothing but the
//! receiver's word.
//!
//! ```text
//!         next()             response: missing         all taken by the broker
//! Asking ────────► Asked ──────────────────────► Sending ───────────────► Ending ──► Ended
//!   ▲               │ no answer: Asking again       ▲    response: missing            │
//!   │               │                               └─────────────────────────────────┤
//!   ├─ Paused ◄─────┴── pause, no receiver, no progress                               ▼
//!   └─ (reconnected, response: all again)                        response: stored ─► Done
//! ```
//!
//! With links ([`Upload::by_links`]) an answer names one range and where to put it by HTTP:
//!
//! ```text
//!        response: a link          next(): Open           every byte acknowledged
//! Asked ────────────────► Linked ────────────────► Sending ─────────────────────► Put
//!   ▲                                                 │ failed: Paused             │
//!   └─────────────── Asking, or Ending ◄──────────────┴────────── the server has it┘
//! ```

mod links;

use alloc::vec::Vec;
use core::time::Duration;

use wire::time::Monotonic;
use wire::transfer::{FileResponse, FileStep, FileWay};

use crate::backoff::{Backoff, Delays};
use crate::pacer::Pacer;
use crate::ranges::Ranges;

pub use links::LinkEnd;

/// After so many whole uploads that the receiver could not verify, the file itself is suspect.
const FAILED_WHOLES_MAX: u32 = 3;

/// Waiting times of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For the receiver's answer, and after a setback.
    pub answer: Delays,
    /// A broker that takes longer than this for a PUBACK has lost the connection.
    pub puback_max: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Publish this message of the upload.
    Send(Sent),
    /// The connection is dead: drop it.
    Reconnect,
    /// Open a request to the link of the newest answer, for these bytes of the file; the segments
    /// that follow are its body.
    Open {
        /// Position of the first byte.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// The server at the link does not take or answer anything: drop the request.
    HangUp,
    /// The upload is over; said once.
    Done(Outcome),
}

/// A message of the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// The announcement.
    Init,
    /// Bytes of the file.
    Segment {
        /// Position of the first byte.
        offset: u64,
        /// How many.
        length: u32,
    },
    /// The end.
    Fin,
}

/// What the broker's PUBACK said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It passes the message on.
    Accepted,
    /// Nobody is subscribed: the message is gone.
    NoReceiver,
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has the whole file, verified and durable.
    Persisted,
    /// The receiver does not want the file.
    Cancelled,
    /// Whole uploads fail verification again and again: check the file itself.
    Suspect,
}

/// Why [`Upload::deadline`] wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The next segment may go then.
    Pace,
    /// An answer of the receiver is overdue then.
    Answer,
    /// A PUBACK is overdue then.
    Puback,
    /// The pause is over then.
    Pause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Offline,
    Asking,
    Asked { due: Monotonic },
    Linked { offset: u64, end: u64 },
    Sending { todo: Ranges, to: To },
    Put { due: Monotonic },
    Ending,
    Ended { due: Monotonic },
    Paused { until: Monotonic },
    Finished(Outcome),
    Done,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Broker,
    Link,
}

/// The upload's state machine. See the module for its states.
#[derive(Debug)]
pub struct Upload {
    size: u64,
    waits: Waits,
    state: State,
    /// Published and not answered by the broker, with the time.
    flying: Vec<(Sent, Monotonic)>,
    backoff: Backoff,
    /// Bytes that were missing when the receiver last told.
    missing: u64,
    failed_wholes: u32,
    /// What the announcement asks for.
    way: FileWay,
    failed_links: u32,
    /// The range that the newest link is for.
    given: Option<(u64, u64)>,
    /// The one that a server took, until the receiver says what is missing now.
    took: Option<(u64, u64)>,
    /// Bytes that the broker or the server took, resent ones included.
    taken: u64,
}

impl Upload {
    /// Whether bytes of the file go next, and not an announcement or its end.
    pub fn sends_bytes(&self) -> bool {
        matches!(&self.state, State::Sending { todo, .. } if !todo.is_empty())
            || matches!(self.state, State::Linked { .. })
    }

    /// An upload of a file of `size` bytes, not connected.
    pub const fn new(size: u64, waits: Waits, seed: u64) -> Self {
        let backoff = Backoff::new(waits.answer, seed);
        Self {
            size,
            waits,
            state: State::Offline,
            flying: Vec::new(),
            backoff,
            missing: u64::MAX,
            failed_wholes: 0,
            way: FileWay::Segments,
            failed_links: 0,
            given: None,
            took: None,
            taken: 0,
        }
    }

    /// A connection is there: ask what is missing.
    pub fn handle_connected(&mut self) {
        self.flying.clear();
        if !self.is_over() {
            self.state = State::Asking;
        }
    }

    /// The connection is gone, and with it everything that flew.
    pub fn handle_disconnected(&mut self) {
        self.flying.clear();
        if !self.is_over() {
            self.state = State::Offline;
        }
    }

    /// The broker answered a message, or the server at a link acknowledged a segment.
    pub fn handle_puback(&mut self, now: Monotonic, sent: Sent, taken: Taken) {
        self.flying.retain(|(flying, _)| *flying != sent);
        if taken == Taken::NoReceiver {
            match self.state {
                State::Asked { .. } | State::Sending { .. } | State::Ended { .. } => {
                    self.pause(now);
                }
                State::Offline
                | State::Asking
                | State::Linked { .. }
                | State::Put { .. }
                | State::Ending
                | State::Paused { .. }
                | State::Finished(_)
                | State::Done => {}
            }
            return;
        }
        if let Sent::Segment { length, .. } = sent {
            self.taken = self.taken.saturating_add(u64::from(length));
        }
        if let State::Sending { todo, to } = &self.state
            && todo.is_empty()
            && self.flying.is_empty()
        {
            self.state = match to {
                To::Broker => State::Ending,
                To::Link => State::Put { due: now.plus(self.waits.puback_max) },
            };
        }
    }

    /// The receiver answered. The caller has checked that it answers for this file.
    pub fn handle_response(&mut self, now: Monotonic, response: &FileResponse) {
        if self.is_over() || self.state == State::Offline {
            return;
        }
        match response.reason_code {
            FileResponse::CANCEL => self.state = State::Finished(Outcome::Cancelled),
            FileResponse::PAUSE => self.pause(now),
            FileResponse::RESEND_ALL => self.start_over(now, response.step),
            FileResponse::PERSISTED | FileResponse::RESEND_MISSING => {
                self.handle_stored(now, response);
            }
            _later_version => {}
        }
    }

    /// What to do now; call until `None`. `pacer` is the connection's.
    pub fn next(&mut self, now: Monotonic, pacer: &mut Pacer) -> Option<Effect> {
        let late = |(_, since): &(Sent, Monotonic)| now.since(*since) >= self.waits.puback_max;
        let unanswered = matches!(self.state, State::Put { due } if due <= now);
        if unanswered || self.flying.first().is_some_and(late) {
            if self.is_putting() {
                self.handle_link_end(now, LinkEnd::Failed);
                return Some(Effect::HangUp);
            }
            self.handle_disconnected();
            return Some(Effect::Reconnect);
        }
        match &mut self.state {
            State::Paused { until } if *until <= now => self.state = State::Asking,
            State::Asked { due } if *due <= now => self.state = State::Asking,
            State::Ended { due } if *due <= now => self.state = State::Ending,
            State::Offline
            | State::Asking
            | State::Asked { .. }
            | State::Linked { .. }
            | State::Sending { .. }
            | State::Put { .. }
            | State::Ending
            | State::Ended { .. }
            | State::Paused { .. }
            | State::Finished(_)
            | State::Done => {}
        }
        match &mut self.state {
            // A question is asked when nothing flies: then its answer knows of everything.
            State::Asking | State::Ending if !self.flying.is_empty() => None,
            State::Asking => {
                self.state = State::Asked { due: now.plus(self.backoff.fail()) };
                self.send(now, Sent::Init)
            }
            State::Ending => {
                self.state = State::Ended { due: now.plus(self.backoff.fail()) };
                self.send(now, Sent::Fin)
            }
            State::Linked { offset, end } => {
                let (offset, end) = (*offset, *end);
                let todo = Ranges::of(&[(offset, end)], self.size);
                self.given = Some((offset, end));
                self.state = State::Sending { todo, to: To::Link };
                Some(Effect::Open { offset, length: end - offset })
            }
            State::Sending { .. } => self.next_segment(now, pacer),
            State::Finished(outcome) => {
                let outcome = *outcome;
                self.state = State::Done;
                Some(Effect::Done(outcome))
            }
            State::Offline
            | State::Asked { .. }
            | State::Put { .. }
            | State::Ended { .. }
            | State::Paused { .. }
            | State::Done => None,
        }
    }

    /// When to call [`next`](Self::next) again at the latest, and why.
    pub fn deadline(&self, pacer: &Pacer) -> Option<(Monotonic, Wake)> {
        let step = match &self.state {
            State::Asked { due } | State::Ended { due } => Some((*due, Wake::Answer)),
            State::Paused { until } => Some((*until, Wake::Pause)),
            State::Put { due } => Some((*due, Wake::Puback)),
            State::Sending { todo, .. } if !todo.is_empty() => {
                pacer.deadline().map(|at| (at, Wake::Pace))
            }
            State::Sending { .. } => None,
            State::Offline
            | State::Asking
            | State::Linked { .. }
            | State::Ending
            | State::Finished(_)
            | State::Done => None,
        };
        let late = |since: Monotonic| (since.plus(self.waits.puback_max), Wake::Puback);
        let puback = self.flying.first().map(|(_, since)| late(*since));
        step.into_iter().chain(puback).min_by_key(|(at, _)| *at)
    }

    /// Bytes that the broker or the server took so far, resent ones included.
    pub const fn taken_bytes(&self) -> u64 {
        self.taken
    }

    fn next_segment(&mut self, now: Monotonic, pacer: &mut Pacer) -> Option<Effect> {
        let State::Sending { todo, .. } = &mut self.state else { return None };
        if todo.is_empty() {
            return None;
        }
        let (offset, length) = todo.take(pacer.admit(now)?)?;
        pacer.handle_sent(now, offset, length);
        self.send(now, Sent::Segment { offset, length })
    }

    fn send(&mut self, now: Monotonic, sent: Sent) -> Option<Effect> {
        self.flying.push((sent, now));
        Some(Effect::Send(sent))
    }

    /// `PERSISTED` or `RESEND_MISSING` to the question that is open.
    fn handle_stored(&mut self, now: Monotonic, response: &FileResponse) {
        match (&self.state, response.step) {
            (State::Asked { .. }, FileStep::Init) => {}
            (State::Ended { .. }, FileStep::Fin) => {
                if response.reason_code == FileResponse::PERSISTED {
                    self.state = State::Finished(Outcome::Persisted);
                    return;
                }
            }
            // A late answer to a question that has been answered.
            (_, FileStep::Init | FileStep::Fin | FileStep::Segments) => return,
        }
        let todo = Ranges::of(&response.missing, self.size);
        if todo.is_empty() {
            self.state = State::Ending;
            return;
        }
        let missing = todo.bytes();
        // The first answer, and every one that shows progress, may be followed at once.
        if missing >= self.missing && response.step == FileStep::Fin {
            self.missing = missing.saturating_add(1);
            self.pause(now);
            return;
        }
        if self.put_was_lost(response) {
            return self.fail_link(now);
        }
        self.missing = missing;
        self.backoff.succeed();
        self.state = match (self.way, response.step) {
            (FileWay::Segments, _) | (FileWay::Links, FileStep::Segments) => {
                State::Sending { todo, to: To::Broker }
            }
            (FileWay::Links, FileStep::Init) => self.follow(response, todo),
            // Only an announcement is answered by a link.
            (FileWay::Links, FileStep::Fin) => State::Asking,
        };
    }

    fn start_over(&mut self, now: Monotonic, step: FileStep) {
        self.missing = u64::MAX;
        // That everything is missing is no link's fault.
        self.took = None;
        match step {
            FileStep::Fin => {
                self.failed_wholes += 1;
                if self.failed_wholes >= FAILED_WHOLES_MAX {
                    self.state = State::Finished(Outcome::Suspect);
                } else {
                    self.state = State::Asking;
                }
            }
            FileStep::Segments => self.state = State::Asking,
            // Asked what is missing, it cannot say: something is wrong over there.
            FileStep::Init => self.pause(now),
        }
    }

    fn pause(&mut self, now: Monotonic) {
        self.state = State::Paused { until: now.plus(self.backoff.fail()) };
    }

    const fn is_over(&self) -> bool {
        matches!(self.state, State::Finished(_) | State::Done)
    }
}
