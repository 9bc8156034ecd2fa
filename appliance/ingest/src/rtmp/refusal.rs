//! Why a connection ends: refused for what it sent, out of time, or done.

use super::amf0::Amf0Error;
use super::chunk::ChunkError;
use super::handshake::HandshakeError;
use crate::elementary::StreamError;

/// Why bytes were refused. The connection is over: write what is still in
/// [`next_output`](super::Session::next_output), then close it. No other connection is concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not an RTMP publisher.
    #[error("handshake refused: {0}")]
    Handshake(#[from] HandshakeError),
    /// The chunk layer is violated, or holds too much.
    #[error("RTMP chunks refused: {0}")]
    Chunk(#[from] ChunkError),
    /// A command that cannot be read.
    #[error("RTMP command refused: {0}")]
    Command(#[from] Amf0Error),
    /// The media cannot be taken.
    #[error("stream refused: {0}")]
    Media(#[from] StreamError),
    /// A chunk size out of range.
    #[error("chunk size {0} refused: it must be from 1 to {1}")]
    ChunkSize(u32, u32),
    /// A control message that is too short.
    #[error("protocol control message of type {0} is too short")]
    ControlTooShort(u8),
    /// A message type that RTMP does not define.
    #[error("message type {0} is not RTMP")]
    MessageType(u8),
    /// An aggregate message whose parts do not fit into it.
    #[error("an aggregate message ends inside one of its parts")]
    Aggregate,
    /// A command or metadata message that is too long.
    #[error("a command of {0} bytes refused: {1} are allowed")]
    CommandTooLong(usize, usize),
    /// Too many commands.
    #[error("more than {0} commands on one connection")]
    Commands(u32),
    /// A command in the wrong order.
    #[error("command `{0}` refused: it does not belong at this point of the session")]
    OutOfOrder(&'static str),
    /// A player.
    #[error("the peer wants to play a stream; this port only takes publishers")]
    Play,
    /// Media from somebody who has not asked to publish.
    #[error("media before the publish command")]
    MediaBeforePublish,
    /// Media piled up while the shell decides.
    #[error("more than {0} bytes arrived before the publisher was accepted")]
    Unanswered(usize),
    /// Replies pile up.
    #[error("more than {0} bytes of replies wait: the peer asks and does not read")]
    Output(usize),
    /// Events pile up: the shell does not fetch them, or the stream consists of crumbs.
    #[error("more than {0} events wait to be fetched")]
    Events(usize),
}

/// Which bound of time a deadline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The handshake is not finished.
    #[error("the handshake took too long")]
    Handshake,
    /// No publish command.
    #[error("no publish command came in time")]
    Publish,
    /// A message was begun and not finished.
    #[error("a message was begun and not finished in time")]
    Stalled,
    /// No media that can be used.
    #[error("the publisher sent no usable picture or sound for too long")]
    Idle,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// The publisher said so.
    #[error("the publisher ended the stream")]
    Unpublished,
    /// The peer closed the connection without a word.
    #[error("the peer closed the connection")]
    Disconnected,
    /// A deadline passed.
    #[error("{0}")]
    Deadline(Reason),
    /// Another publisher took the stream over.
    #[error("another publisher with the same key took over")]
    TakenOver,
    /// The shell did not accept the publisher.
    #[error("the publisher was not accepted")]
    NotAccepted,
    /// What the peer sent was refused; the [`Refusal`] told why.
    #[error("what the peer sent was refused")]
    Refused,
    /// The shell stops.
    #[error("the box is shutting down")]
    ShuttingDown,
}
