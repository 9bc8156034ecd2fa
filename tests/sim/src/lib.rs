//! The governor's trials: seeded games of four hours on simulated boxes, played by the governor, by
//! other policies and by an optimum that knows the future, and what each of them saw.
//!
//! Everything is reckoned: no clock, no threads, no files. The benchmark `governor` runs all of it
//! and writes `docs/benchmarks/governor.md`.
#![forbid(unsafe_code)]

pub mod baselines;
pub mod contest;
pub mod game;
pub mod offers;
pub mod optimum;
pub mod ours;
pub mod play;
pub mod policy;
pub mod report;
pub mod scenario;
pub mod score;
pub mod svg;
pub mod time;
pub mod worth;

pub use game::Game;
pub use offers::Offers;
pub use policy::{Observation, Policy};
pub use scenario::Scenario;
pub use score::Score;
pub use time::At;
