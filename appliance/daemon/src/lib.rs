//! The daemon of a courtside box: composes the pipeline with sockets, files, MQTT, SQLite and
//! systemd, and holds the command line's work. The `courtside` binary only parses arguments.
//! Design note: `docs/architecture.md`.
#![forbid(unsafe_code)]

pub mod calibrate;
pub mod clock;
pub mod commands;
pub mod config;
pub mod devices;
pub mod doctor;
pub mod drivers;
mod durable;
pub mod engine;
pub mod enrol;
pub mod evaluate;

pub mod govern;
pub mod hardware;
pub mod inputs;
pub mod notes;
pub mod outputs;
pub mod packs;
pub mod remote;
pub mod run;
pub mod stages;
pub mod status;
pub mod store;
pub mod telemetry;
pub mod tiers;
pub mod trial;
pub mod uplink;
pub mod vault;
pub mod watchdog;
