//! The receiver: takes messages and clips of every box of the fleet from the broker, stores them
//! durably and exactly once, and tells the boxes what they may forget.
//!
//! Owns: one SQLite file or its share of a PostgreSQL, one folder or bucket of clips, two
//! connections (messages and files, so that no file ever delays a message). Must not: trust a topic
//! or payload beyond what parses, or acknowledge anything that is not committed.
//! [`tail`] and [`replay`] are for people who subscribe: they store nothing and answer no box.
//! Guides: `docs/receiver.md`, `docs/subscriber.md`; holes in numbers: `docs/decisions/0005-holes-in-sequence-numbers.md`.
#![forbid(unsafe_code)]

pub mod ask;
pub mod authority;
pub mod broker;
pub mod clock;
pub mod config;
pub mod dead_letters;
mod desk;
mod files;
mod letters;
mod line;
mod marks;
mod messages;
mod metrics;
#[cfg(test)]
#[path = "../tests/postgres/mod.rs"]
mod postgres_server;
mod ranges;
mod receive;
pub mod recording;
pub mod replay;
mod shard;
mod store;
pub mod tail;

pub use files::bucket::BucketName;
pub use line::{Line, Stored};
pub use receive::{ReceiveError, receive};
pub use store::{Address, Db};
