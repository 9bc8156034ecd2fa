//! Every bound on what one connection may hold, send or delay, with the reason for its default.
//! No other module of this crate invents a bound of its own.

use core::time::Duration;

/// Bounds of one connection. [`Limits::default`] suits a venue's cameras and encoders up to
/// 2160p; only [`idle_max`](Self::idle_max) is meant to be configured by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the connection to the end of the handshake. Three round trips over a bad mobile link
    /// take under 3 s; whoever needs longer holds a slot for nothing.
    pub handshake_max: Duration,
    /// From the connection to the `publish` command. Encoders need under 2 s after the handshake.
    pub publish_max: Duration,
    /// Between two media messages of a publisher. Counted from *complete* messages, so that
    /// trickling bytes or sending pings does not keep a connection alive.
    pub idle_max: Duration,
    /// From the first byte of a message to its last. A 1 MB keyframe over 1 Mb/s takes 8 s.
    pub message_time_max: Duration,
    /// One message. A keyframe of a 2160p stream at 40 Mb/s stays under 2 MiB.
    pub message_bytes_max: usize,
    /// One message before the publisher is accepted, and one command or metadata message at any
    /// time. Commands of known encoders stay under 2 KiB, metadata under 8 KiB.
    pub command_bytes_max: usize,
    /// Memory reserved for incomplete messages of an accepted publisher: one message of the
    /// largest size beside a little audio.
    pub partial_bytes_max: usize,
    /// The same before the publisher is accepted: 200 strangers together hold 13 MB.
    pub partial_bytes_stranger_max: usize,
    /// Chunk streams with an incomplete message. Encoders interleave two or three.
    pub partial_streams_max: usize,
    /// Chunk streams whose last header is remembered (48 bytes each). Encoders use under ten.
    pub chunk_streams_max: usize,
    /// Largest chunk size that a peer may set: the protocol's own upper end. Costs no memory,
    /// because a chunk never exceeds its message.
    pub chunk_bytes_max: u32,
    /// Bytes kept while the shell decides whether a publisher is accepted. Well-behaved
    /// encoders send nothing until then.
    pub unanswered_bytes_max: usize,
    /// Replies that the shell has not fetched yet; grows only when a peer asks and never reads.
    pub output_bytes_max: usize,
    /// Events that the shell has not fetched yet. One read of 64 KiB carries at most a few
    /// hundred events of an honest stream.
    pub events_max: usize,
    /// Commands in the life of a connection. A publisher needs about seven.
    pub commands_max: u32,
    /// Malformed access units in a row until the stream is given up: two seconds at 25 frames.
    pub malformed_units_max: u32,
    /// Nesting of an AMF0 value. Known encoders nest two deep.
    pub amf0_depth_max: u8,
    /// AMF0 values in one message, counting every element and property. OBS sends about 25.
    pub amf0_values_max: u16,
    /// A step of a track's timestamps beyond this, either way, starts a new epoch.
    pub jump_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_max: Duration::from_secs(5),
            publish_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(10),
            message_time_max: Duration::from_secs(15),
            message_bytes_max: 3 << 20,
            command_bytes_max: 32 << 10,
            partial_bytes_max: 4 << 20,
            partial_bytes_stranger_max: 64 << 10,
            partial_streams_max: 16,
            chunk_streams_max: 64,
            chunk_bytes_max: 0x00FF_FFFF,
            unanswered_bytes_max: 256 << 10,
            output_bytes_max: 64 << 10,
            events_max: 8192,
            commands_max: 256,
            malformed_units_max: 50,
            amf0_depth_max: 8,
            amf0_values_max: 512,
            jump_max: Duration::from_secs(10),
        }
    }
}
