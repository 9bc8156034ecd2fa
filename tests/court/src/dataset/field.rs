//! Short sequences of whole pictures for the ball and hoop lanes.
//!
//! `fields.u8` holds sequences back to back, each `[12][288][512]` luma, limited range;
//! `fields.json` lists them. Rendered at twice the size and averaged down, as the box does it.

use serde::Serialize;

use super::Piece;
use crate::game::{Game, GameConfig};
use crate::geometry::Rect;
use crate::look::Look;
use crate::random::Random;
use crate::render::Quality;
use crate::render::frames::Frames;

/// Frames of a sequence.
pub const FRAMES: usize = 12;
/// Width and height of a picture, pixels.
pub const SIZE: (usize, usize) = (512, 288);
/// Frames a second.
pub const FPS: f64 = 25.0;

/// One sequence in `fields.json`. Coordinates in pixels of the 512×288 picture.
#[derive(Clone, Debug, Serialize)]
pub struct Sequence {
    /// First byte in `fields.u8`.
    pub offset: u64,
    /// Seed it was made from.
    pub seed: u64,
    /// x, y, radius and visibility (0 to 1) of each ball in each frame.
    pub balls_per_frame: Vec<Vec<[f32; 4]>>,
    /// Left, top, right, bottom of ring and net of each hoop in each frame.
    pub hoops_per_frame: Vec<Vec<[f32; 4]>>,
}

impl Piece for Sequence {
    fn render(seed: u64) -> (Self, Vec<u8>) {
        render(seed)
    }

    fn set_offset(&mut self, offset: u64) {
        self.offset = offset;
    }
}

/// Renders the sequence of a seed: its entry (offset 0) and its `[12][288][512]` bytes.
#[must_use]
pub fn render(seed: u64) -> (Sequence, Vec<u8>) {
    let mut random = Random::new(seed, "field");
    let large = (SIZE.0 * 2, SIZE.1 * 2);
    let config = GameConfig {
        size: large,
        seconds: 7.0,
        shot_every: f64::from(random.range(3.5, 6.0)),
        ..GameConfig::of_seed(seed)
    };
    let game = Game::with_look(config, Look::of_seed(seed));
    let start = random.below(150);
    let frames = Frames::luma(&game, Rect::whole(large), Quality::Plain);
    let mut picture = vec![0; large.0 * large.1];
    let mut bytes = vec![0; FRAMES * SIZE.0 * SIZE.1];
    let mut sequence = Sequence {
        offset: 0,
        seed,
        balls_per_frame: Vec::with_capacity(FRAMES),
        hoops_per_frame: Vec::with_capacity(FRAMES),
    };
    for (index, small) in bytes.chunks_exact_mut(SIZE.0 * SIZE.1).enumerate() {
        frames.render(start + index, &mut picture);
        halve(&picture, small);
        let truth = game.frame_truth(start + index);
        let balls = truth.balls.iter().map(|b| [b[0] / 2.0, b[1] / 2.0, b[2] / 2.0, b[3]]);
        sequence.balls_per_frame.push(balls.collect());
        let hoops = truth.hoops.iter().map(|(_, b)| b.map(|v| v / 2.0));
        sequence.hoops_per_frame.push(hoops.collect());
    }
    (sequence, bytes)
}

/// Averages each two by two pixels.
fn halve(large: &[u8], small: &mut [u8]) {
    let pitch = SIZE.0 * 2;
    for (row, out) in small.chunks_exact_mut(SIZE.0).enumerate() {
        let (above, below) = large[row * 2 * pitch..(row * 2 + 2) * pitch].split_at(pitch);
        let pairs = above.chunks_exact(2).zip(below.chunks_exact(2));
        for (cell, (a, b)) in out.iter_mut().zip(pairs) {
            let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
            *cell = ((sum + 2) / 4) as u8;
        }
    }
}
