//! Pictures of a game: a still backdrop, and everything that moves drawn over it from far to near.

pub(crate) mod backdrop;
mod ball;
pub(crate) mod canvas;
mod crowd;
mod floor;
pub(crate) mod frames;
mod grain;
mod hoop;
mod painter;
mod player;
mod scoreboard;
mod shapes;
mod walls;

pub use backdrop::Quality;
pub(crate) use scoreboard::{BoardPlace, FIELDS};
