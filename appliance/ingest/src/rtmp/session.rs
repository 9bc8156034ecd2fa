//! One publisher's connection, from the first byte to the last.
//!
//! ```text
//! Handshake ──► Connecting ──► Idle ──publish──► Asking ──accept──► Publishing ──► Closed
//!     │             │           │                  │ refuse             │ unpublish,
//!     └─────────────┴───────────┴──── refusal, deadline, end of file ───┴ take-over
//! ```
//!
//! The shell owns the socket, the clock and the decision who may publish; it calls
//! [`Session::handle_bytes`], fetches all output and all events after every call, and waits until
//! [`Session::deadline`] at most.

mod messages;

use core::fmt;
use std::collections::VecDeque;

use bytes::Bytes;
use wire::time::Monotonic;

use super::chunk::{Bounds, Reader};
use super::command::{self, Level, Metadata};
use super::handshake::{Handshake, Progress};
use super::refusal::{EndReason, Reason, Refusal};
use crate::access_unit::MediaItem;
use crate::elementary::Counters;
use crate::flv::Demuxer;
use crate::limits::Limits;

/// A publisher's stream key. Never shown: its `Debug` is a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(String);

impl StreamKey {
    /// Wraps the stream name of a `publish` command.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself: for comparison, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody wants to publish. Answer with [`Session::accept_publish`] or
    /// [`Session::refuse_publish`]; until then nothing more is read.
    PublishRequested {
        /// Application, without slashes at its ends and without a query.
        app: String,
        /// Stream key as sent.
        key: StreamKey,
    },
    /// What the accepted publisher says about its stream.
    Metadata(Metadata),
    /// A track or an access unit.
    Media(MediaItem),
    /// The stream's timeline starts again at zero.
    Discontinuity,
    /// The session is over, for whatever reason: write the remaining output and close. Comes
    /// exactly once and last.
    Ended(EndReason),
}

/// One connection of a publisher.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    opened: Monotonic,
    state: State,
    reader: Reader,
    received: Received,
    commands: u32,
    streams: u32,
    /// Input that arrived while the shell decides.
    unread: Vec<u8>,
    demuxer: Demuxer,
    output: VecDeque<Bytes>,
    output_bytes: usize,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum State {
    Handshake(Handshake),
    Connecting,
    Idle { app: String },
    Asking { stream: u32 },
    Publishing { stream: u32, last_media: Monotonic },
    Closed,
}

/// Bytes received, for the acknowledgements that the peer's window asks for.
#[derive(Debug, Default)]
struct Received {
    total: u64,
    acknowledged: u64,
    window: Option<u32>,
}

const CONTROL_CHUNKS: u8 = 2;
const STATUS_CHUNKS: u8 = 5;

impl Session {
    /// A connection that was accepted at `now`.
    pub fn new(limits: Limits, now: Monotonic) -> Self {
        Self {
            limits,
            opened: now,
            state: State::Handshake(Handshake::new()),
            reader: Reader::new(),
            received: Received::default(),
            commands: 0,
            streams: 0,
            unread: Vec::new(),
            demuxer: Demuxer::new(limits),
            output: VecDeque::new(),
            output_bytes: 0,
            events: VecDeque::new(),
        }
    }

    /// Takes bytes that arrived at `now`. Fetch all output and events afterwards, also after an
    /// error: they precede it. Bytes after the end of a session are ignored.
    ///
    /// # Errors
    /// [`Refusal`]: log it; [`Event::Ended`] is the last event.
    pub fn handle_bytes(&mut self, now: Monotonic, bytes: &[u8]) -> Result<(), Refusal> {
        self.received.total = self.received.total.wrapping_add(bytes.len() as u64);
        let result = self.process(now, bytes).and_then(|()| self.acknowledge());
        self.close_on_error(result)
    }

    /// The peer closed its end.
    pub fn handle_end_of_file(&mut self) {
        self.end(EndReason::Disconnected);
    }

    /// Ends the session from this side, with a word to the publisher where there is one to say.
    /// Does nothing to a closed session.
    pub fn end(&mut self, reason: EndReason) {
        let stream = match self.state {
            State::Closed => return,
            State::Asking { stream } | State::Publishing { stream, .. } => Some(stream),
            State::Handshake(_) | State::Connecting | State::Idle { .. } => None,
        };
        let news = match reason {
            EndReason::TakenOver | EndReason::ShuttingDown | EndReason::Deadline(_) => {
                Some((Level::Error, "NetStream.Publish.Failed"))
            }
            EndReason::NotAccepted => Some((Level::Error, "NetStream.Publish.BadName")),
            EndReason::Unpublished => Some((Level::Status, "NetStream.Unpublish.Success")),
            EndReason::Disconnected | EndReason::Refused => None,
        };
        if let (Some(stream), Some((level, code))) = (stream, news) {
            let status = command::on_status(stream, level, code, &reason.to_string());
            // The session closes anyway; a peer that does not read misses its last message.
            let _ = self.send(STATUS_CHUNKS, &status);
        }
        self.close();
        self.events.push_back(Event::Ended(reason));
    }

    /// Lets the publisher begin, and reads what it sent meanwhile. Does nothing unless a
    /// publisher waits for an answer.
    ///
    /// # Errors
    /// As [`handle_bytes`](Self::handle_bytes).
    pub fn accept_publish(&mut self, now: Monotonic) -> Result<(), Refusal> {
        let State::Asking { stream } = self.state else { return Ok(()) };
        self.state = State::Publishing { stream, last_media: now };
        let unread = std::mem::take(&mut self.unread);
        let begin = command::stream_begin(stream);
        let code = "NetStream.Publish.Start";
        let status = command::on_status(stream, Level::Status, code, "Publishing.");
        let result = self
            .send(CONTROL_CHUNKS, &begin)
            .and_then(|()| self.send(STATUS_CHUNKS, &status))
            .and_then(|()| self.process(now, &unread));
        self.close_on_error(result)
    }

    /// Replaces [`Limits::idle_max`]: which source a publisher is for, and so how long it may be
    /// silent, is known only once it has asked.
    pub fn set_idle_max(&mut self, idle_max: core::time::Duration) {
        self.limits.idle_max = idle_max;
    }

    /// Turns the publisher away. It hears that the name is bad, and not which part of it:
    /// the reason belongs in the log. Does nothing unless a publisher waits for an answer.
    pub fn refuse_publish(&mut self) {
        if matches!(self.state, State::Asking { .. }) {
            self.end(EndReason::NotAccepted);
        }
    }

    /// The next bytes to write to the peer.
    pub fn next_output(&mut self) -> Option<Bytes> {
        let bytes = self.output.pop_front()?;
        self.output_bytes -= bytes.len();
        Some(bytes)
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_deadline`](Self::handle_deadline) is due, and why. `None` while the shell
    /// owes an answer, and after the end.
    pub fn deadline(&self) -> Option<(Monotonic, Reason)> {
        match self.state {
            State::Handshake(_) => {
                Some((self.opened.plus(self.limits.handshake_max), Reason::Handshake))
            }
            State::Connecting | State::Idle { .. } => {
                Some((self.opened.plus(self.limits.publish_max), Reason::Publish))
            }
            State::Publishing { last_media, .. } => {
                let idle = (last_media.plus(self.limits.idle_max), Reason::Idle);
                let stalled = self
                    .reader
                    .oldest_partial()
                    .map(|since| (since.plus(self.limits.message_time_max), Reason::Stalled));
                Some(stalled.filter(|stalled| stalled.0 < idle.0).unwrap_or(idle))
            }
            State::Asking { .. } | State::Closed => None,
        }
    }

    /// Ends the session if its deadline has passed at `now`; harmless when called early.
    pub fn handle_deadline(&mut self, now: Monotonic) {
        if let Some((at, reason)) = self.deadline()
            && at <= now
        {
            self.end(EndReason::Deadline(reason));
        }
    }

    /// What the stream lost and had repaired so far.
    pub fn counters(&self) -> Counters {
        self.demuxer.counters()
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Memory held for this peer at this moment: incomplete messages, input kept back and
    /// replies, in bytes. Events that were not fetched are not included.
    pub fn held_bytes(&self) -> usize {
        self.reader.reserved_bytes() + self.unread.capacity() + self.output_bytes
    }

    fn close_on_error(&mut self, result: Result<(), Refusal>) -> Result<(), Refusal> {
        if result.is_err() {
            self.end(EndReason::Refused);
        }
        result
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.reader = Reader::new();
        self.unread = Vec::new();
    }

    fn process(&mut self, now: Monotonic, mut input: &[u8]) -> Result<(), Refusal> {
        while !input.is_empty() {
            match &mut self.state {
                State::Closed => return Ok(()),
                State::Asking { .. } => return self.keep_back(input),
                State::Handshake(handshake) => match handshake.read(&mut input)? {
                    Progress::Waiting => {}
                    Progress::Reply(reply) => self.queue(reply)?,
                    Progress::Done => self.state = State::Connecting,
                },
                State::Connecting | State::Idle { .. } | State::Publishing { .. } => {
                    let bounds = self.bounds();
                    if let Some(message) = self.reader.read(now, &mut input, &bounds)? {
                        self.message(now, message)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn keep_back(&mut self, input: &[u8]) -> Result<(), Refusal> {
        if self.unread.len() + input.len() > self.limits.unanswered_bytes_max {
            return Err(Refusal::Unanswered(self.limits.unanswered_bytes_max));
        }
        self.unread.extend_from_slice(input);
        Ok(())
    }

    fn bounds(&self) -> Bounds {
        let limits = &self.limits;
        let (message_bytes_max, partial_bytes_max) = match self.state {
            State::Publishing { .. } => (limits.message_bytes_max, limits.partial_bytes_max),
            State::Handshake(_)
            | State::Connecting
            | State::Idle { .. }
            | State::Asking { .. }
            | State::Closed => (limits.command_bytes_max, limits.partial_bytes_stranger_max),
        };
        Bounds {
            message_bytes_max,
            partial_bytes_max,
            partial_streams_max: limits.partial_streams_max,
            chunk_streams_max: limits.chunk_streams_max,
        }
    }
}
