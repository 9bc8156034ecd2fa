//! An RTMP server for publishers, sans-IO: [`Session`] takes bytes with the time of their arrival
//! and returns bytes, events and deadlines. It plays nothing back and keeps nothing.
//!
//! Layers, each in its file: `handshake` → `chunk` (bytes to messages) → `command` with `amf0`
//! (messages to meaning) → `session` (what to do about it) → [`flv`](crate::flv) (media).

pub mod amf0;
mod chunk;
mod command;
mod handshake;
mod refusal;
mod session;

pub use chunk::ChunkError;
pub use command::Metadata;
pub use handshake::HandshakeError;
pub use refusal::{EndReason, Reason, Refusal};
pub use session::{Event, Session, StreamKey};
