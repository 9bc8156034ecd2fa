//! A box that exists in numbers alone: how warm it becomes, what its kernel and its supply do about
//! that, and what its sensors say of it, right or wrong.
//!
//! Two plants of different make, so that a policy cannot win by knowing the one it is tried on:
//! [`network::Network`] and [`layered::Layered`]. No clock, no policy; the same seed and the same
//! steps give the same box. Only [`tree`] writes files: the box's sensors as a sysfs tree.
#![forbid(unsafe_code)]

pub mod board;
pub mod fan;
pub mod kernel;
pub mod layered;
mod mesh;
pub mod network;
pub mod plant;
pub mod quantity;
pub mod rig;
pub mod seeded;
pub mod sensing;
pub mod supply;
pub mod tree;

pub use board::Board;
pub use plant::{Airflow, Drive, Load, Lumps, Plant, Surroundings, Zones};
pub use quantity::{Celsius, Watts};
pub use rig::{Counts, Rig, Setup};
pub use seeded::Seeded;
pub use sensing::{Failure, Fault, Sensor, Snapshot};
