//! Software decode, encode and demuxing through FFmpeg's libraries.
//!
//! Owns everything that touches libavcodec, libavformat and libswresample: [`video`] and
//! [`audio`] implement the decoder traits of `hal`, [`encode`] its encoder trait, [`file`] reads
//! media files. Knows no sockets, no policy and nothing of where access units come from.
//! What a frame costs: `benches/decode.rs`, `benches/encode.rs`.

pub mod audio;
mod codec;
pub mod encode;
pub mod file;
mod picture;
pub mod video;
