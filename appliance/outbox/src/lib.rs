//! Decides what a box sends next over MQTT, at what pace, when it sends again and what it evicts.
//!
//! Owns: the order of messages ([`Outbox`]), the upload of one file ([`Upload`]) and its pace
//! ([`Pacer`]), back-off and the order of eviction. Must not: know MQTT packets, files, clocks or topics. `daemon::uplink`
//! feeds it what happened and carries out the effects. What is decided here rests on two facts:
//! the broker's acknowledgement is not delivery, and a connection may die at any moment.
//! Design notes: `docs/architecture.md`, `docs/decisions/0005-holes-in-sequence-numbers.md`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod allowance;
mod backoff;
mod class;
mod evict;
mod gate;
mod messages;
mod pacer;
mod ranges;
mod upload;

pub use allowance::{Allowance, Spent};
pub use backoff::{Backoff, Delays};
pub use class::Class;
pub use evict::{Evictable, Eviction, Quota, Reason as EvictionReason, evict};
pub use gate::{Clip, Closed, GameLock, Gate, Hours, Play, Wish};
pub use messages::{
    Counters, Effect, Item, Key, LIVE_MAX, Limits, Loaded, Outbox, Reconnect, Refused, Wake,
};
pub use pacer::{Link, Pacer, Terms};
pub use upload::{
    Effect as UploadEffect, LinkEnd, Outcome, Sent, Taken, Upload, Waits, Wake as UploadWake,
};
