//! Decoding and demuxing of media that the `ffmpeg` command makes in a temporary folder, and
//! encoding of pictures that are painted. Where there is no `ffmpeg`, each test that needs it says
//! so and passes.

mod audio;
mod encode;
mod file;
mod media;
mod video;
