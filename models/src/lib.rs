//! Model packs, the engine that runs them, and the lanes that turn pictures and sound into readings.
//!
//! A *pack* is a folder with a manifest, networks and golden vectors ([`pack`]). An *engine* runs
//! a network behind [`hal::infer::Infer`] ([`engine`]). A *lane* ([`lanes`]) keeps the pictures
//! that its network wants, runs it, and says what the numbers mean in pixels of the source.
//!
//! Knows no file outside a pack's folder, no clock, no thread and no policy: the caller decides
//! which frame a lane sees and which tier it runs, and measures how long that took.
//! Design note: `docs/architecture.md`; how a pack is made: `models/train/README.md`.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod colour;
pub mod engine;
pub mod incoming;
pub mod lanes;
pub mod limits;
pub mod manifest;
pub mod pack;
pub mod picture;
pub mod spectrum;
pub mod trust;

pub use colour::Colour;
pub use engine::Engines;
pub use lanes::LaneError;
pub use pack::{Pack, PackError};
pub use picture::Luma;
pub use trust::Trust;
