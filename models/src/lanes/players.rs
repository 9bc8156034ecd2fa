//! The players lane: where are the people in one whole picture, and which balls does a network
//! see that was trained on everyday pictures?

use hal::infer::{Signature, Tensor};
use wire::units::PixelBox;

use super::{LaneError, Tiers};
use crate::colour::{Colour, Painter, Scale};
use crate::limits::{
    BALLS_MAX, PLAYER_CELLS_MAX, PLAYER_CONFIDENCE_MIN, PLAYER_OVERLAP_MAX, PLAYERS_MAX,
};
use crate::manifest::Lane;
use crate::pack::{Pack, PackError};
use crate::picture::Letterbox;

/// Sides of the cells in pixels, in the order of the network's numbers.
const CELLS: [usize; 3] = [8, 16, 32];
/// Numbers of a cell before those of the kinds: centre, logarithms of the sides, objectness.
const HEAD: usize = 5;

/// A person, or a ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Where, in pixels of the source; within its picture.
    pub area: PixelBox,
    /// Probability, 0 to 1.
    pub confidence: f32,
}

/// What was seen in one picture, of each kind the most certain first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlayersReading {
    /// At most [`PLAYERS_MAX`].
    pub people: Vec<Figure>,
    /// At most [`BALLS_MAX`]; none if the pack's networks know no balls.
    pub balls: Vec<Figure>,
}

/// How a picture of the source lies in the network's input: what an answer needs to become places
/// in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    letterbox: Letterbox,
    /// Columns and rows of the input.
    input: (usize, usize),
    /// Width and height of the source's picture in pixels.
    size: (f32, f32),
}

/// Looks for people in single pictures.
pub struct PlayersLane {
    signature: Signature,
    tiers: Tiers,
    painter: Painter,
    person: usize,
    ball: Option<usize>,
}

impl PlayersLane {
    /// A lane over a players pack, with all its tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Players)?, tier)?;
        let signature = pack.signature(tier)?.clone();
        let manifest = pack.manifest();
        let scale = Scale::named(&manifest.input.scale)
            .expect("a manifest of the lane names one of the scales");
        let labels = &manifest.output.labels;
        let person = *labels.get("person").expect("a manifest of the lane names `person`");
        let ball = labels.get("ball").copied();
        Ok(Self { signature, tiers, painter: Painter::new(scale), person, ball })
    }

    /// The tier that looks.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Names and shapes of the network that looks, for one that looks elsewhere in its place.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Looks for the people of one picture.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next picture.
    pub fn see(&mut self, picture: Colour<'_>) -> Result<PlayersReading, LaneError> {
        let view = self.prepare(picture);
        self.run(view)
    }

    /// Makes one picture the network's [`input`](Self::input), which stays until the next one.
    pub fn prepare(&mut self, picture: Colour<'_>) -> View {
        let tier = self.tiers.active();
        let input = tier.picture_size();
        let letterbox = self.painter.letterbox(picture, input, &mut tier.input.data);
        let size = (picture.luma().width() as f32, picture.luma().height() as f32);
        View { letterbox, input, size }
    }

    /// What the network is asked: the picture that was prepared last.
    pub fn input(&self) -> &Tensor {
        &self.tiers.all[self.tiers.active].input
    }

    /// Asks the lane's own network; `view` is the picture that was prepared last.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next picture.
    pub fn run(&mut self, view: View) -> Result<PlayersReading, LaneError> {
        let output = self.tiers.active().run()?;
        Ok(self.read(view, &output))
    }

    /// What the answer to a picture says, whoever gave it: finite numbers in the shape of the
    /// lane's [`signature`](Self::signature).
    pub fn read(&self, view: View, output: &Tensor) -> PlayersReading {
        let View { letterbox, input, size: (width, height) } = view;
        let numbers = output.shape[2];
        let figures = |kind: usize, most: usize| {
            let found = strongest(candidates(&output.data, input, (numbers, kind)), most);
            let placed = found.into_iter().filter_map(|figure| {
                let (x0, y0) = letterbox.to_source(figure.area.x0, figure.area.y0);
                let (x1, y1) = letterbox.to_source(figure.area.x1, figure.area.y1);
                let (x0, y0) = (x0.max(0.0), y0.max(0.0));
                let area = PixelBox { x0, y0, x1: x1.min(width), y1: y1.min(height) };
                let seen = area.width() > 0.0 && area.height() > 0.0;
                seen.then_some(Figure { area, ..figure })
            });
            placed.collect()
        };
        let balls = self.ball.map_or_else(Vec::new, |kind| figures(kind, BALLS_MAX));
        PlayersReading { people: figures(self.person, PLAYERS_MAX), balls }
    }
}

/// Every cell that says this kind, as a box in pixels of the network's input.
///
/// - `data`: `[1, cells, numbers]`, finite; what the numbers mean stands at
///   [`Post::Yolox`](crate::manifest::Post::Yolox).
/// - `size`: columns and rows of the input.
fn candidates(
    data: &[f32],
    (columns, rows): (usize, usize),
    (numbers, kind): (usize, usize),
) -> Vec<Figure> {
    // No box is larger or further away, however wild the numbers are.
    let most = 2.0 * columns.max(rows) as f32;
    let mut cells = data.chunks_exact(numbers);
    let mut figures = Vec::new();
    for side in CELLS {
        let places = (0..rows / side).flat_map(|y| (0..columns / side).map(move |x| (x, y)));
        for ((x, y), cell) in places.zip(&mut cells) {
            let confidence = cell[4].clamp(0.0, 1.0) * cell[HEAD + kind].clamp(0.0, 1.0);
            if confidence < PLAYER_CONFIDENCE_MIN {
                continue;
            }
            let side = side as f32;
            let centre = |at: usize, off: f32| ((at as f32 + off) * side).clamp(-most, most);
            let half = |log: f32| (log.exp() * side).min(most) / 2.0;
            let (x, y) = (centre(x, cell[0]), centre(y, cell[1]));
            let (w, h) = (half(cell[2]), half(cell[3]));
            let area = PixelBox { x0: x - w, y0: y - h, x1: x + w, y1: y + h };
            figures.push(Figure { area, confidence });
        }
    }
    figures
}

/// The most certain of the boxes that cover the same thing.
fn strongest(mut figures: Vec<Figure>, most: usize) -> Vec<Figure> {
    figures.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    figures.truncate(PLAYER_CELLS_MAX);
    let mut kept: Vec<Figure> = Vec::new();
    for figure in figures {
        if kept.len() == most {
            break;
        }
        if kept.iter().all(|k| k.area.overlap(figure.area) <= PLAYER_OVERLAP_MAX) {
            kept.push(figure);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns and rows of the input: 32 + 8 + 2 cells.
    const SIZE: (usize, usize) = (64, 32);
    /// Five numbers and two kinds.
    const NUMBERS: usize = 7;

    /// An answer in which these cells say something, and the others nothing.
    fn answer(cells: &[(usize, [f32; NUMBERS])]) -> Vec<f32> {
        let mut data = vec![0.0; 42 * NUMBERS];
        for (cell, numbers) in cells {
            data[cell * NUMBERS..][..NUMBERS].copy_from_slice(numbers);
        }
        data
    }

    fn boxes(data: &[f32], kind: usize) -> Vec<[f32; 4]> {
        let area = |f: &Figure| [f.area.x0, f.area.y0, f.area.x1, f.area.y1];
        candidates(data, SIZE, (NUMBERS, kind)).iter().map(area).collect()
    }

    #[test]
    fn cells_of_every_size_give_their_boxes() {
        let two = 2.0_f32.ln();
        let data = answer(&[
            // Third row, fifth column of the cells of 8 pixels.
            (2 * 8 + 4, [0.5, 0.25, 0.0, two, 1.0, 1.0, 0.0]),
            // Second row, last column of those of 16.
            (32 + 4 + 3, [-0.5, 0.0, two, 0.0, 1.0, 1.0, 0.0]),
            // The second of those of 32.
            (32 + 8 + 1, [0.5, 0.5, 0.0, 0.0, 1.0, 1.0, 0.0]),
        ]);
        assert_eq!(
            boxes(&data, 0),
            [[32.0, 10.0, 40.0, 26.0], [24.0, 8.0, 56.0, 24.0], [32.0, 0.0, 64.0, 32.0]]
        );
    }

    #[test]
    fn certainty_is_that_of_an_object_and_of_its_kind_together() {
        let data = answer(&[(0, [0.5, 0.5, 0.0, 0.0, 0.8, 0.5, 0.1]), (9, [0.0; NUMBERS])]);
        let person = candidates(&data, SIZE, (NUMBERS, 0));
        assert_eq!(person.len(), 1);
        assert!((person[0].confidence - 0.4).abs() < 1e-6, "{person:?}");
        assert_eq!(boxes(&data, 1), [[0.0; 4]; 0], "0.08 is no ball");
    }

    #[test]
    fn wild_numbers_give_finite_boxes() {
        let wild = [f32::MAX, f32::MIN, 500.0, -500.0, 1e30, 1e30, 0.0];
        for kind in [0, 1] {
            for area in boxes(&answer(&[(0, wild), (41, wild)]), kind) {
                assert!(area.iter().all(|edge| edge.abs() <= 256.0), "{area:?}");
            }
        }
        let said = candidates(&answer(&[(0, wild)]), SIZE, (NUMBERS, 0));
        assert_eq!(said[0].confidence, 1.0);
    }

    #[test]
    fn of_boxes_that_cover_each_other_the_most_certain_stays() {
        let figure = |x: f32, confidence| Figure {
            area: PixelBox { x0: x, y0: 0.0, x1: x + 10.0, y1: 20.0 },
            confidence,
        };
        let (sure, twin, beside) = (figure(0.0, 0.9), figure(1.0, 0.8), figure(6.0, 0.5));
        assert_eq!(strongest(vec![twin, beside, sure], 8), [sure, beside]);
        assert_eq!(strongest(vec![twin, beside, sure], 1), [sure]);
        let crowd: Vec<Figure> = (0..1_000_i16).map(|i| figure(f32::from(20 * i), 0.5)).collect();
        assert_eq!(strongest(crowd, PLAYERS_MAX).len(), PLAYERS_MAX);
    }
}
