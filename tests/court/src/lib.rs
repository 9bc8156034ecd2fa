//! Generated basketball games with ground truth.
//!
//! A [`Game`] is simulated from a seed: real physics of ball, ring, board and net in a world of
//! metres, seen through a pinhole camera. [`Game::truth`] is what happened, [`Game::frames`]
//! renders it as I420, [`render::Frames`](Frames) also renders parts of the picture at a cost
//! that follows their area, and [`dataset`] writes training material.
//!
//! How variety is organised: everything that is taste is in [`look::Look`], drawn part by part
//! from the seed, so a held-out set of looks is a choice of seeds or a filter over a look's
//! fields; what is played is drawn from other streams of the same seed. Nothing here knows
//! Courtside: it is used to test and train it, and must stay independent of it.

#![forbid(unsafe_code)]

mod camera;
pub mod color;
pub mod dataset;
mod flight;
mod game;
mod geometry;
pub mod look;
pub mod output;
mod physics;
mod play;
mod random;
mod render;
mod sound;
mod truth;
mod wav;

pub use game::{FrameTruth, Game, GameConfig};
pub use geometry::Rect;
pub use look::Look;
pub use play::Theme;
pub use render::Quality;
pub use render::frames::Frames;
pub use sound::RATE as SOUND_RATE;
pub use truth::{Event, Hoop, Kind, Truth};
