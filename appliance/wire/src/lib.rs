//! The vocabulary of Courtside: units, ids, time, and every message that is written to disk or
//! sent over MQTT.
//!
//! What is in here is a promise to the fleet: enums are append-only, fields are only ever added
//! at the end, and the golden bytes in `tests/golden.rs` must not change within one
//! [`envelope::VERSION`]. Nothing in here does I/O, reads a clock or allocates.
//! Design note: `docs/architecture.md`; names: `docs/glossary.md`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "schema")]
extern crate alloc;

pub mod birth;
pub mod board;
pub mod clip;
pub mod codec;
pub mod command;
pub mod enrol;
pub mod envelope;
pub mod event;
pub mod ids;
pub mod players;
pub mod schema;
pub mod time;
pub mod timeline;
pub mod topic;
pub mod transfer;
pub mod units;
