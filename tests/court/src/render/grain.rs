//! Sensor noise and flicker, added last, to luma.

use crate::geometry::Rect;
use crate::random::Random;

/// Side of the repeated tile of noise, a power of two.
const SIDE: usize = 256;

/// A tile of noise.
pub(super) struct Grain {
    tile: Vec<i8>,
}

impl Grain {
    /// Noise with this standard deviation, luma steps.
    pub(super) fn new(strength: f32, seed: u64) -> Self {
        let mut random = Random::new(seed, "grain");
        let tile = (0..SIDE * SIDE)
            .map(|_| (random.normal() * strength).round().clamp(-60.0, 60.0) as i8)
            .collect();
        Self { tile }
    }

    /// Adds the noise of one frame, and `flicker` steps of brightness, to the luma of `rect`.
    pub(super) fn add(&self, luma: &mut [u8], rect: Rect, (place, flicker): ((usize, usize), i16)) {
        for (row, line) in luma.chunks_exact_mut(rect.width).enumerate() {
            let y = (rect.y + row as i32).rem_euclid(SIDE as i32) as usize + place.1;
            let noise = &self.tile[(y % SIDE) * SIDE..(y % SIDE + 1) * SIDE];
            let mut x = (rect.x.rem_euclid(SIDE as i32) as usize + place.0) % SIDE;
            let mut rest = line;
            while !rest.is_empty() {
                let count = (SIDE - x).min(rest.len());
                let (now, later) = rest.split_at_mut(count);
                for (cell, noise) in now.iter_mut().zip(&noise[x..x + count]) {
                    let sum = i16::from(*cell) + i16::from(*noise) + flicker;
                    *cell = sum.clamp(1, 254) as u8;
                }
                rest = later;
                x = 0;
            }
        }
    }
}
