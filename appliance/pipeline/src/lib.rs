//! The stages from access unit to event and clip, the links between them, and the ports they
//! need. Knows no runtime, no socket, no file and no systemd: `daemon` gives it threads, drivers
//! and ports. Design note: `docs/architecture.md`.
#![forbid(unsafe_code)]

pub mod board;
pub mod captured;
mod cues;
pub mod cut;
pub mod cutting;
pub mod director;
pub mod drift;
pub mod feeder;
pub mod health;
pub mod hearing;
pub mod hoops;
pub mod inference;
pub mod links;
pub mod mp4;
pub mod players;
pub mod record;
pub mod recording;
pub mod remote;
pub mod renewal;
pub mod sight;
pub mod sound;
pub mod source;
pub mod source_clock;
pub mod timeline;
