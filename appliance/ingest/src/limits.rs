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
    /// Media of one fragment of MP4: 10 s at 40 Mb/s are 50 MB.
    pub fragment_bytes_max: usize,
    /// What describes a fragment, or all of them: 10 s at 60 frames a second with sound stay under
    /// 20 KiB, initialization sections under 4 KiB.
    pub fragment_header_bytes_max: usize,
    /// Samples of one track in a fragment: 10 s at 60 frames a second are 600, of sound at 96 kHz 940.
    pub fragment_samples_max: usize,
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
            fragment_bytes_max: 64 << 20,
            fragment_header_bytes_max: 1 << 20,
            fragment_samples_max: 16_384,
        }
    }
}

/// Bounds of one HLS source: what a server can make it hold, ask for or wait for.
/// [`HlsLimits::default`] suits segments of 1 s to 10 s up to 40 Mb/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HlsLimits {
    /// One playlist. Eleven hours of 2 s segments with names of 60 bytes stay under it.
    pub playlist_bytes_max: usize,
    /// One line of a playlist. Signed URLs of known CDNs stay under 4 KiB.
    pub line_bytes_max: usize,
    /// Lines of a playlist: five for each segment of the longest one.
    pub lines_max: usize,
    /// Variants of a multivariant playlist. Encoding ladders with every codec have under 50.
    pub variants_max: usize,
    /// Renditions of a multivariant playlist, subtitles and all. Films have under 150.
    pub renditions_max: usize,
    /// Segments of a media playlist: eleven hours of 2 s.
    pub segments_max: usize,
    /// Parts of a media playlist. Servers list them for the last three target durations: under
    /// 100 of 200 ms.
    pub parts_max: usize,
    /// One initialization section. Known packagers write under 4 KiB.
    pub init_bytes_max: usize,
    /// One segment or part: 10 s at 40 Mb/s are 50 MB.
    pub segment_bytes_max: usize,
    /// Waiting for a playlist, beside the time for which a blocking reload may be held.
    pub playlist_wait_max: Duration,
    /// Waiting for media is three target durations, and never under this: a slow uplink needs
    /// several seconds for a segment of 1 s too.
    pub media_wait_min: Duration,
    /// Waiting for media is never over this: the segment has left any live window by then.
    pub media_wait_max: Duration,
    /// Target durations above count as this, so that no playlist stops the source from asking.
    pub target_max: Duration,
    /// Between the beginnings of two loads of a playlist, whatever the server says: half of the
    /// shortest part that is used in practice.
    pub reload_min: Duration,
    /// First wait after a playlist failed; doubles with every further failure.
    pub backoff_min: Duration,
    /// Longest wait after a playlist failed. A window of three 2 s segments survives it.
    pub backoff_max: Duration,
    /// First wait after a segment failed; doubles with every further failure.
    pub retry_min: Duration,
    /// Longest wait after a segment failed.
    pub retry_max: Duration,
    /// Attempts at one segment while its playlist is well. With the waits above they take 8 s:
    /// the time that a segment spends in a window of five 2 s segments.
    pub tries_max: u32,
    /// Loads in a row that may show an older state of a playlist, as caches do, until it is
    /// believed that the server counts anew.
    pub stale_loads_max: u32,
    /// A step of the media sequence beyond this is a new numbering and not a loss: a source that
    /// hears nothing for so long has ended as stalled.
    pub jump_segments_max: u64,
    /// A live playlist that has not grown for so many target durations is stalled: three times
    /// the distance that players keep from its end.
    pub stall_targets: u32,
    /// A live playlist is not stalled earlier than this: an encoder restarts within 15 s.
    pub stall_min: Duration,
    /// How long a playlist is asked for that was never loaded, or fails: a router restarts in
    /// less. A live one that loaded before is asked for at least as long as a stalled one.
    pub unreachable_max: Duration,
}

impl Default for HlsLimits {
    fn default() -> Self {
        Self {
            playlist_bytes_max: 2 << 20,
            line_bytes_max: 8 << 10,
            lines_max: 100_000,
            variants_max: 128,
            renditions_max: 256,
            segments_max: 20_000,
            parts_max: 2048,
            init_bytes_max: 1 << 20,
            segment_bytes_max: 64 << 20,
            playlist_wait_max: Duration::from_secs(10),
            media_wait_min: Duration::from_secs(10),
            media_wait_max: Duration::from_secs(60),
            target_max: Duration::from_secs(60),
            reload_min: Duration::from_millis(100),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(4),
            retry_min: Duration::from_millis(250),
            retry_max: Duration::from_secs(4),
            tries_max: 6,
            stale_loads_max: 3,
            jump_segments_max: 1000,
            stall_targets: 9,
            stall_min: Duration::from_secs(20),
            unreachable_max: Duration::from_secs(30),
        }
    }
}
