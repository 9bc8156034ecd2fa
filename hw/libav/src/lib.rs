//! Software decode and demuxing through FFmpeg's libraries.
//!
//! Owns everything that touches libavcodec, libavformat and libswresample: [`video`] and
//! [`audio`] implement the decoder traits of `hal`, [`file`] reads media files. Knows no sockets,
//! no policy and nothing of where access units come from.
//! What a frame costs: `benches/decode.rs`.

pub mod audio;
mod codec;
pub mod file;
mod picture;
pub mod video;
