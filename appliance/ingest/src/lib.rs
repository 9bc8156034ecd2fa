//! Bytes in, access units out: RTMP and Enhanced RTMP, FLV, MPEG-TS, fragmented MP4, H.264, H.265
//! and AAC headers.
//! And what to fetch of an HLS stream, and when: [`hls`].
//!
//! Sans-IO: nothing in here knows a socket, a runtime, a file or a clock. A shell reads bytes,
//! hands them to [`rtmp::Session`] with the time of their arrival, writes what
//! [`rtmp::Session::next_output`] returns and acts on [`rtmp::Session::next_event`]. Everything a
//! peer can make this crate hold is bounded by [`limits`]; whatever exceeds a bound ends
//! the one connection concerned, with a reason, and never panics.
//! Design note: `docs/architecture.md`.
#![forbid(unsafe_code)]

pub mod access_unit;
mod codec;
mod container;
pub mod elementary;
mod entry;
pub mod flv;
pub mod fmp4;
pub mod hls;
pub mod limits;
pub mod registry;
pub mod renditions;
pub mod rtmp;
pub mod rtp;
mod timeline;
pub mod ts;
