//! Single pictures for the hoop finder: many looks, few pictures of each.
//!
//! `looks.u8` holds pairs of pictures back to back, each `[2][432][768]` luma, limited range;
//! `looks.json` lists them. Pictures of other shapes are letterboxed, as the box does it.

use serde::Serialize;

use super::Piece;
use crate::game::{Game, GameConfig};
use crate::geometry::Rect;
use crate::look::Look;
use crate::random::Random;
use crate::render::Quality;
use crate::render::frames::Frames;

/// Pictures of one look.
pub const PICTURES: usize = 2;
/// Width and height of a picture, pixels.
pub const SIZE: (usize, usize) = (768, 432);
/// Luma around a picture of another shape.
const PADDING: u8 = 114;
/// Share of looks whose camera is turned away from the hoop.
const AWAY: f32 = 0.1;
/// Seconds of a game; the second picture is taken at its end, when the camera may have moved.
const SECONDS: f32 = 9.0;

/// One look in `looks.json`. Coordinates in pixels of the 768×432 picture.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// First byte in `looks.u8`.
    pub offset: u64,
    /// Seed it was made from.
    pub seed: u64,
    /// Where the camera stands.
    pub stand: String,
    /// Left, top, right, bottom of ring and net of each hoop in each picture.
    pub hoops_per_frame: Vec<Vec<[f32; 4]>>,
}

impl Piece for Pair {
    fn render(seed: u64) -> (Self, Vec<u8>) {
        render(seed)
    }

    fn set_offset(&mut self, offset: u64) {
        self.offset = offset;
    }
}

/// Renders the pair of a seed: its entry (offset 0) and its `[2][432][768]` bytes.
#[must_use]
pub fn render(seed: u64) -> (Pair, Vec<u8>) {
    let mut random = Random::new(seed, "look");
    let size = random.weighted(&[
        (0.76, SIZE),
        (0.12, (242, SIZE.1)), // a phone held upright
        (0.12, (576, SIZE.1)), // 4:3
    ]);
    let config = GameConfig { size, seconds: f64::from(SECONDS), ..GameConfig::of_seed(seed) };
    let mut look = Look::of_seed(seed);
    if random.chance(AWAY) {
        look.view.at.0 += random.sign() * random.range(0.8, 2.0);
    }
    let stand = format!("{:?}", look.view.stand);
    let game = Game::with_look(config, look);
    let frames = Frames::luma(&game, Rect::whole(size), Quality::Plain);
    let margin = ((SIZE.0 - size.0) / 2, (SIZE.1 - size.1) / 2);
    let mut picture = vec![0; size.0 * size.1];
    let mut bytes = vec![PADDING; PICTURES * SIZE.0 * SIZE.1];
    let mut pair = Pair { offset: 0, seed, stand, hoops_per_frame: Vec::with_capacity(PICTURES) };
    for (number, boxed) in bytes.chunks_exact_mut(SIZE.0 * SIZE.1).enumerate() {
        let share = (number as f32 + random.unit()) / PICTURES as f32;
        let index = (share * (SECONDS - 0.1) * config.fps as f32) as usize;
        frames.render(index, &mut picture);
        let rows = boxed.chunks_exact_mut(SIZE.0).skip(margin.1);
        for (row, line) in rows.zip(picture.chunks_exact(size.0)) {
            row[margin.0..margin.0 + size.0].copy_from_slice(line);
        }
        let (x, y) = (margin.0 as f32, margin.1 as f32);
        let hoops = game.frame_truth(index).hoops;
        pair.hoops_per_frame
            .push(hoops.iter().map(|(_, b)| [b[0] + x, b[1] + y, b[2] + x, b[3] + y]).collect());
    }
    (pair, bytes)
}
