//! Thermal, power and latency policy: what the box can feel and what the game asks for goes in,
//! the operating point and its reason come out, and with it the rule by which the free engine
//! picks its next frame.
//!
//! Pure: no clock, no sysfs, no logging, no allocation. `daemon` reads the sensors, hands the
//! readings in and acts on what [`Governor::next`] returns. State diagram, limits and tuning data:
//! `docs/governor.md`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod admission;
pub mod choice;
pub mod cue;
pub mod engine;
pub mod explain;
pub mod forecast;
pub mod machine;
mod moves;
pub mod operating_point;
pub mod power;
pub mod pressure;
mod pursuit;
pub mod reason;
pub mod response;
pub mod state;
pub mod thermal;

pub use admission::{Admission, Slot};
pub use cue::Cue;
pub use engine::Work;
pub use machine::{Effect, Governor};
pub use operating_point::{FrameRate, OperatingPoint, Shed, Tier};
pub use pressure::Pressure;
pub use reason::{Change, Finding, Mode, Reason, Status};
pub use thermal::{Probe, Trips};
