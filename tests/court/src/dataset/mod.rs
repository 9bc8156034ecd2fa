//! Training material: short pieces of games as raw luma with what is true of each frame.

pub mod field;
pub mod rim;
