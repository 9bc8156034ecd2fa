//! Decoding and demuxing of media that the `ffmpeg` command makes in a temporary folder. Where
//! there is no `ffmpeg`, each test says so and passes.

mod audio;
mod file;
mod media;
mod video;
