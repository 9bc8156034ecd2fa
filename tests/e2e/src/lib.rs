//! The box and the receiver as processes, with a real broker and a real RTMP client.
//!
//! Owns: starting, watching, killing and ending the programs; hearing what a subscriber hears;
//! judging events against the game's truth and clips against their records. Knows the programs
//! only as a user does: by their commands, configuration files, topics and folders. Must not link
//! any of their code but the vocabulary and the connection of `mqtt`.
#![forbid(unsafe_code)]

pub mod attack;
pub mod camera;
pub mod chance;
pub mod clip_check;
pub mod clock;
pub mod conditions;
pub mod described;
pub mod edges;
pub mod footage;
pub mod kills;
pub mod ledger;
pub mod load;
pub mod observer;
pub mod peer;
pub mod program;
pub mod promise;
pub mod publisher;
pub mod relay;
pub mod report;
pub mod rtmp;
pub mod score;
pub mod showing;
pub mod stored;
pub mod telemetry;
pub mod venue;
pub mod vitals;
pub mod warmth;
pub mod web;
