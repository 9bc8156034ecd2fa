//! HLS, pulled: what to fetch next and when, from a playlist to its segments in order.
//!
//! Sans-IO: the shell sends the requests that [`Puller`] asks for and hands segments to a
//! demuxer. Nothing in here reads a segment, knows HTTP or a clock. Only playlists are kept, the
//! last one of each track, within [`HlsLimits`](crate::limits::HlsLimits).
//!
//! Understood: RFC 8216 and, of draft-pantos-hls-rfc8216bis, parts and blocking reloads. Not
//! supported: encryption, delta updates, variables, switching between variants.
//! Design note: `docs/architecture.md`.
//!
//! ```text
//!   Puller ──► Track (main) ──► Loader     when the playlist is loaded
//!     │                  └────► Progress   what is next in it, by window
//!     └──────► Track (audio, if separate)
//! ```

mod attributes;
mod effect;
mod loader;
mod location;
mod media;
mod multivariant;
pub mod playlist;
mod progress;
mod puller;
mod track;
mod window;

pub use effect::{
    AudioPlace, Broadcast, Cause, Counters, Effect, EndReason, Event, Failure, Fetch, FetchId,
    Format, Media, Parts, Piece, Response, Start, Track, What,
};
pub use playlist::{ByteRange, PlaylistError, Resolution, Variant};
pub use puller::Puller;

/// The address of a source cannot be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no http or https address; write it as https://host/path/stream.m3u8")]
pub struct UrlError;
