//! What a session does about each message: control, commands, metadata, media; and how replies
//! and events are queued. The states and the shell's view are in the parent module.

use bytes::{Buf, Bytes};
use wire::time::Monotonic;

use super::{CONTROL_CHUNKS, Event, Session, State, StreamKey};
use crate::access_unit::MediaItem;
use crate::elementary::Output;
use crate::flv::Tag;
use crate::rtmp::amf0::Value;
use crate::rtmp::chunk::{self, Message};
use crate::rtmp::command::{self, Command, kind};
use crate::rtmp::refusal::{EndReason, Refusal};

/// Announced to the peer; acknowledgements from it are not waited for.
const WINDOW_BYTES: u32 = 2_500_000;
/// Size of our own chunks; all replies fit into one. ffmpeg takes it over for its own and writes
/// each chunk by itself: the 4096 bytes that servers usually announce would wake us eight times for
/// one picture.
const CHUNK_BYTES: usize = 64 << 10;
/// Message streams that a connection may create.
const STREAMS_MAX: u32 = 8;

const COMMAND_CHUNKS: u8 = 3;

impl Session {
    pub(super) fn message(&mut self, now: Monotonic, message: Message) -> Result<(), Refusal> {
        match message.kind {
            kind::AUDIO | kind::VIDEO => self.media(now, message),
            kind::COMMAND_AMF0 | kind::COMMAND_AMF3 => self.command(&message),
            kind::DATA_AMF0 | kind::DATA_AMF3 => self.data(&message),
            kind::SET_CHUNK_SIZE => {
                let bytes = control_value(&message)?;
                let limit = self.limits.chunk_bytes_max;
                if !(1..=limit).contains(&bytes) {
                    return Err(Refusal::ChunkSize(bytes, limit));
                }
                self.reader.set_chunk_bytes(bytes);
                Ok(())
            }
            kind::ABORT => {
                self.reader.abort(control_value(&message)?);
                Ok(())
            }
            kind::WINDOW_ACKNOWLEDGEMENT_SIZE => {
                // Zero would ask for an acknowledgement of every byte; take it as "none".
                self.received.window = Some(control_value(&message)?).filter(|window| *window > 0);
                Ok(())
            }
            kind::USER_CONTROL => match message.payload.as_ref() {
                [0, 6, a, b, c, d, ..] => {
                    self.send(CONTROL_CHUNKS, &command::pong([*a, *b, *c, *d]))
                }
                _ => Ok(()),
            },
            kind::ACKNOWLEDGEMENT
            | kind::SET_PEER_BANDWIDTH
            | kind::SHARED_OBJECT_AMF3
            | kind::SHARED_OBJECT_AMF0 => Ok(()),
            kind::AGGREGATE => self.aggregate(now, message),
            other => Err(Refusal::MessageType(other)),
        }
    }

    fn command(&mut self, message: &Message) -> Result<(), Refusal> {
        self.commands += 1;
        if self.commands > self.limits.commands_max {
            return Err(Refusal::Commands(self.limits.commands_max));
        }
        self.check_command_bytes(message)?;
        let command = command::parse(message, &self.limits)?;
        match (&self.state, command) {
            (State::Connecting, Command::Connect { transaction, app }) => {
                self.state = State::Idle { app };
                self.connected(transaction)
            }
            (State::Idle { .. } | State::Publishing { .. }, Command::Connect { .. }) => {
                Err(Refusal::OutOfOrder("connect"))
            }
            (State::Idle { app }, Command::Publish { name }) => {
                let app = app.clone();
                self.state = State::Asking { stream: message.stream };
                self.event(Event::PublishRequested { app, key: StreamKey::new(name) })
            }
            (_, Command::Publish { .. }) => Err(Refusal::OutOfOrder("publish")),
            (State::Connecting, Command::CreateStream { .. }) => {
                Err(Refusal::OutOfOrder("createStream"))
            }
            (_, Command::CreateStream { transaction }) => {
                self.streams += 1;
                if self.streams > STREAMS_MAX {
                    return Err(Refusal::OutOfOrder("createStream"));
                }
                let stream = Value::Number(f64::from(self.streams));
                self.send(COMMAND_CHUNKS, &command::result(transaction, stream))
            }
            (_, Command::ReleaseStream { transaction }) => {
                self.send(COMMAND_CHUNKS, &command::result(transaction, Value::Undefined))
            }
            (_, Command::FcPublish { transaction, name }) => {
                self.send(COMMAND_CHUNKS, &command::on_fc_publish(&name))?;
                self.send(COMMAND_CHUNKS, &command::result(transaction, Value::Undefined))
            }
            (State::Publishing { .. }, Command::CloseStream) => {
                self.end(EndReason::Unpublished);
                Ok(())
            }
            (_, Command::Play) => Err(Refusal::Play),
            // `deleteStream` follows `FCUnpublish` and then the encoder hangs up: an answer to the
            // first could only meet a closed socket. Unknown functions need none either.
            (_, Command::FcUnpublish | Command::CloseStream | Command::Other)
            | (State::Handshake(_) | State::Asking { .. } | State::Closed, _) => Ok(()),
        }
    }

    fn connected(&mut self, transaction: f64) -> Result<(), Refusal> {
        let chunk_bytes = command::control(kind::SET_CHUNK_SIZE, CHUNK_BYTES as u32);
        let window = command::control(kind::WINDOW_ACKNOWLEDGEMENT_SIZE, WINDOW_BYTES);
        self.send(CONTROL_CHUNKS, &window)?;
        self.send(CONTROL_CHUNKS, &command::set_peer_bandwidth(WINDOW_BYTES))?;
        self.send(CONTROL_CHUNKS, &chunk_bytes)?;
        self.send(COMMAND_CHUNKS, &command::connected(transaction))
    }

    fn data(&mut self, message: &Message) -> Result<(), Refusal> {
        self.check_command_bytes(message)?;
        match (&self.state, command::parse_metadata(message, &self.limits)) {
            (State::Publishing { .. }, Some(metadata)) => self.event(Event::Metadata(metadata)),
            _ => Ok(()),
        }
    }

    fn media(&mut self, now: Monotonic, message: Message) -> Result<(), Refusal> {
        if !matches!(self.state, State::Publishing { .. }) {
            return Err(Refusal::MediaBeforePublish);
        }
        let tag = Tag { timestamp_ms: message.timestamp, body: message.payload, arrived: now };
        let result = if message.kind == kind::VIDEO {
            self.demuxer.handle_video(tag)
        } else {
            self.demuxer.handle_audio(tag)
        };
        while let Some(output) = self.demuxer.next_output() {
            match output {
                Output::Discontinuity => self.event(Event::Discontinuity)?,
                Output::Item(item) => {
                    // Only what can be used counts as a sign of life.
                    if let (MediaItem::Unit(_), State::Publishing { last_media, .. }) =
                        (&item, &mut self.state)
                    {
                        *last_media = now;
                    }
                    self.event(Event::Media(item))?;
                }
            }
        }
        Ok(result?)
    }

    /// Several media messages in one, each with the header and the back pointer of an FLV tag.
    fn aggregate(&mut self, now: Monotonic, message: Message) -> Result<(), Refusal> {
        let mut rest = message.payload;
        let mut first = None;
        while rest.len() >= 11 {
            let kind = rest.get_u8();
            let length = rest.get_uint(3) as usize;
            let low = rest.get_uint(3) as u32;
            let timestamp = u32::from(rest.get_u8()) << 24 | low;
            rest.advance(3);
            if rest.len() < length {
                return Err(Refusal::Aggregate);
            }
            let payload = rest.split_to(length);
            rest.advance(rest.len().min(4));
            let first = *first.get_or_insert(timestamp);
            let timestamp = message.timestamp.wrapping_add(timestamp.wrapping_sub(first));
            if matches!(kind, kind::AUDIO | kind::VIDEO) {
                self.media(now, Message { kind, stream: message.stream, timestamp, payload })?;
            }
        }
        Ok(())
    }

    fn check_command_bytes(&self, message: &Message) -> Result<(), Refusal> {
        let (length, limit) = (message.payload.len(), self.limits.command_bytes_max);
        if length > limit { Err(Refusal::CommandTooLong(length, limit)) } else { Ok(()) }
    }

    /// Acknowledges what arrived, once per window and at most once per call of the shell.
    pub(super) fn acknowledge(&mut self) -> Result<(), Refusal> {
        let (total, window) = (self.received.total, self.received.window);
        let due = window.is_some_and(|window| {
            total.wrapping_sub(self.received.acknowledged) >= u64::from(window)
        });
        if !due || matches!(self.state, State::Handshake(_) | State::Closed) {
            return Ok(());
        }
        self.received.acknowledged = total;
        // The sequence number is the count modulo 2^32.
        let message = command::control(kind::ACKNOWLEDGEMENT, total as u32);
        self.send(CONTROL_CHUNKS, &message)
    }

    pub(super) fn send(&mut self, chunk_stream: u8, message: &Message) -> Result<(), Refusal> {
        let mut bytes = Vec::with_capacity(message.payload.len() + 16);
        chunk::write(message, chunk_stream, CHUNK_BYTES, &mut bytes);
        self.queue(Bytes::from(bytes))
    }

    pub(super) fn queue(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        if self.output_bytes + bytes.len() > self.limits.output_bytes_max {
            return Err(Refusal::Output(self.limits.output_bytes_max));
        }
        self.output_bytes += bytes.len();
        self.output.push_back(bytes);
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), Refusal> {
        if self.events.len() >= self.limits.events_max {
            return Err(Refusal::Events(self.limits.events_max));
        }
        self.events.push_back(event);
        Ok(())
    }
}

fn control_value(message: &Message) -> Result<u32, Refusal> {
    let bytes = message.payload.first_chunk().ok_or(Refusal::ControlTooShort(message.kind))?;
    Ok(u32::from_be_bytes(*bytes))
}
