//! How far have the surroundings of a hoop moved since a reference picture?
//!
//! The surroundings are cut into patches. For every motion within reach each patch says how badly
//! it fits (squared difference without its mean, as a share of its own contrast, at most 1), and
//! the motion that the patches together like best wins. The cap is what makes it robust: a patch
//! that a player covers can vote against the truth once, however different it looks. First on
//! pixels merged 2 x 2, then around the best on the finer ones, then between them by a parabola.

use wire::units::PixelBox;

use super::peaks::vertex;
use crate::limits::{
    FOLLOW_NOISE_VARIANCE, FOLLOW_PATCHES_MIN, FOLLOW_REACH_PX_MIN, FOLLOW_REACH_PX_S,
    FOLLOW_WIDTHS,
};
use crate::picture::Luma;

/// Patches along one side of the surroundings.
const PATCHES: usize = 6;
/// Cells along one side of a patch, on the coarse level; twice that on the fine level.
const COARSE: usize = 8;
const FINE: usize = 2 * COARSE;
/// Cells along one side of the surroundings on the fine level.
const SIDE: usize = PATCHES * FINE;
/// Pixels along one side of a cell, at most: so many bytes add up within 16 bits.
const CELL_MAX: usize = 257;
/// Cells around the coarse best that the fine level tries.
const FINE_REACH: usize = 2;
/// Patches with less weight than this are left out: they cost as much as any other.
const FLAT: f32 = 0.1;
/// A tie is won by the motion nearer to the prediction: cost of one coarse cell, squared, as a
/// share of the cost of all patches. A hundredth of what one patch can say.
const TIE: f32 = 1e-4;

/// A square of source pixels, and into how large cells they are merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Left and top edge, in pixels; may lie outside the picture.
    x: isize,
    y: isize,
    /// Pixels along one side of a fine cell.
    cell: usize,
}

impl Window {
    /// The surroundings of a hoop, moved into the picture as far as possible.
    pub(super) fn around(area: PixelBox, luma: Luma<'_>) -> Self {
        let cell = (FOLLOW_WIDTHS * area.width() / SIDE as f32).round().max(1.0) as usize;
        let cell = cell.min(luma.width().max(luma.height()).div_ceil(SIDE)).min(CELL_MAX);
        let side = (SIDE * cell) as isize;
        let (x, y) = area.centre();
        let within = |centre: f32, length: usize| {
            // The cast saturates; so must the subtraction, for a box that is nowhere.
            let start = (centre.round() as isize).saturating_sub(side / 2);
            start.min(length as isize - side).max(0)
        };
        Self { x: within(x, luma.width()), y: within(y, luma.height()), cell }
    }
}

/// A reference picture of a hoop's surroundings.
pub(super) struct Surroundings {
    window: Window,
    fine: Cells,
    coarse: Cells,
    fine_patches: Vec<Patch>,
    coarse_patches: Vec<Patch>,
}

/// A part of the surroundings on one level.
#[derive(Clone, Copy)]
struct Patch {
    /// Column and row of its first cell.
    corner: (usize, usize),
    /// How much it has to say: nothing if it is flat, 1 if it has strong texture.
    weight: f32,
    /// Mean squared difference that is as bad as no match at all.
    misfit: f32,
}

/// A motion since the reference picture.
pub(super) struct Motion {
    /// Right and down, in pixels.
    pub(super) moved: (f32, f32),
    /// Share of the surroundings that agrees, 0 to 1.
    pub(super) certainty: f32,
}

impl Surroundings {
    /// Takes a reference picture.
    pub(super) fn of(luma: Luma<'_>, window: Window) -> Self {
        let fine = Cells::sample(luma, window, SIDE);
        let coarse = fine.halved();
        Self {
            window,
            fine_patches: patches::<FINE>(&fine),
            coarse_patches: patches::<COARSE>(&coarse),
            fine,
            coarse,
        }
    }

    /// Side of the surroundings in pixels.
    pub(super) fn side_px(&self) -> f32 {
        (SIDE * self.window.cell) as f32
    }

    /// Finds the surroundings in another picture, near where they are `expected` to have moved in
    /// the `since` seconds after they were last found.
    pub(super) fn locate(&self, luma: Luma<'_>, expected: (f32, f32), since: f32) -> Motion {
        let cell = self.window.cell;
        let reach_px = (FOLLOW_REACH_PX_S * since).max(FOLLOW_REACH_PX_MIN);
        let reach_px = reach_px * luma.height() as f32 / 720.0;
        let reach = (reach_px / (2 * cell) as f32).ceil().max(3.0) as usize;
        let margin = 2 * reach + FINE_REACH;
        let limit = luma.width().max(luma.height()) as f32;
        let start = |e: f32| e.clamp(-limit, limit).round() as isize;
        let (dx, dy) = (start(expected.0), start(expected.1));
        let margin_px = (margin * cell) as isize;
        let window =
            Window { x: self.window.x + dx - margin_px, y: self.window.y + dy - margin_px, cell };
        let fine = Cells::sample(luma, window, SIDE + 2 * margin);
        let coarse = fine.halved();

        // The margin is even, so that both grids have cells at the same places.
        let middle = margin / 2;
        let level = Level::<COARSE>::new(&self.coarse, &self.coarse_patches, &coarse);
        let coarse_best = level.best((middle, middle), reach);
        let level = Level::<FINE>::new(&self.fine, &self.fine_patches, &fine);
        let best = level.best((2 * coarse_best.0, 2 * coarse_best.1), FINE_REACH);
        let (sub_x, sub_y) = level.between(best);
        let moved = |start: isize, cells: usize, sub: f32| {
            start as f32 + (cells as f32 - margin as f32 + sub) * cell as f32
        };
        Motion {
            moved: (moved(dx, best.0, sub_x), moved(dy, best.1, sub_y)),
            certainty: level.agreement(best),
        }
    }
}

/// A square of merged pixels.
struct Cells {
    side: usize,
    data: Vec<u8>,
}

impl Cells {
    /// Merges the pixels from the window's corner on into `side` x `side` cells; outside, the
    /// picture's border repeats.
    fn sample(luma: Luma<'_>, window: Window, side: usize) -> Self {
        let Window { x, y, cell } = window;
        let clamp = |v: isize, length: usize| v.clamp(0, length as isize - 1) as usize;
        let length = side * cell;
        let inside = x >= 0 && x as usize + length <= luma.width();
        let area = (cell * cell) as u32;
        let mut data = Vec::with_capacity(side * side);
        let mut columns = vec![0_u16; length];
        let mut padded = vec![0_u8; length];
        for line in 0..side {
            columns.fill(0);
            for k in 0..cell {
                let row = luma.row(clamp(y + (line * cell + k) as isize, luma.height()));
                let row = if inside {
                    &row[x as usize..][..length]
                } else {
                    for (i, p) in padded.iter_mut().enumerate() {
                        *p = row[clamp(x + i as isize, luma.width())];
                    }
                    &padded
                };
                // A cell has at most `CELL_MAX` rows of at most 255: no overflow, and unchecked
                // it is vectorised.
                for (sum, &pixel) in columns.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(u16::from(pixel));
                }
            }
            data.extend(columns.chunks_exact(cell).map(|sums| {
                let sum = sums.iter().fold(area / 2, |s, &c| s.wrapping_add(u32::from(c)));
                (sum / area) as u8
            }));
        }
        Self { side, data }
    }

    /// The cells merged 2 x 2.
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let mut data = Vec::with_capacity(side * side);
        for lines in self.data.chunks_exact(2 * self.side).take(side) {
            let (upper, lower) = lines.split_at(self.side);
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            data.extend(pairs.map(|(u, l)| {
                let sum = [u[0], u[1], l[0], l[1]].iter().map(|&p| u16::from(p)).sum::<u16>();
                ((sum + 2) / 4) as u8
            }));
        }
        Self { side, data }
    }

    /// `N` cells from (x, y) on.
    fn run<const N: usize>(&self, x: usize, y: usize) -> &[u8; N] {
        let (run, _) = self.data[y * self.side + x..].as_chunks::<N>();
        &run[0]
    }
}

/// The patches of one level that are not flat, those with the most to say first: they rule out a
/// wrong place the soonest.
fn patches<const N: usize>(cells: &Cells) -> Vec<Patch> {
    let patch = |index: usize| {
        let corner = (index % PATCHES * N, index / PATCHES * N);
        let (mut sum, mut squares) = (0_u32, 0_u32);
        for line in 0..N {
            for &p in cells.run::<N>(corner.0, corner.1 + line) {
                sum += u32::from(p);
                squares += u32::from(p) * u32::from(p);
            }
        }
        let n = (N * N) as f32;
        let variance = (squares as f32 / n - (sum as f32 / n).powi(2)).max(0.0);
        let misfit = variance + FOLLOW_NOISE_VARIANCE;
        Patch { corner, weight: variance / misfit, misfit }
    };
    let mut patches: Vec<Patch> = (0..PATCHES * PATCHES).map(patch).collect();
    patches.retain(|patch| patch.weight > FLAT);
    patches.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    patches
}

/// Reference and picture on one level, with patches of `N` x `N` cells.
struct Level<'a, const N: usize> {
    reference: &'a Cells,
    patches: &'a [Patch],
    picture: &'a Cells,
    weights: f32,
}

impl<'a, const N: usize> Level<'a, N> {
    fn new(reference: &'a Cells, patches: &'a [Patch], picture: &'a Cells) -> Self {
        let weights = patches.iter().map(|patch| patch.weight).sum();
        Self { reference, patches, picture, weights }
    }

    /// The cheapest place within `reach` cells of `middle`.
    fn best(&self, middle: (usize, usize), reach: usize) -> (usize, usize) {
        let last = self.picture.side - PATCHES * N;
        let range = |m: usize| m.saturating_sub(reach)..=(m + reach).min(last);
        let places = range(middle.1).flat_map(|y| range(middle.0).map(move |x| (x, y)));
        let away =
            |(x, y): (usize, usize)| x.abs_diff(middle.0).pow(2) + y.abs_diff(middle.1).pow(2);
        // From the middle outwards: the prediction is mostly right, and the cheaper the best so
        // far, the sooner the others are given up.
        let mut places: Vec<(usize, usize)> = places.collect();
        places.sort_by_key(|&place| away(place));
        let mut best = (f32::INFINITY, middle);
        for place in places {
            let tie = TIE * self.weights * away(place) as f32;
            if let Some(cost) = self.cost_below(place, best.0 - tie) {
                best = (cost + tie, place);
            }
        }
        best.1
    }

    /// Where the minimum lies between the cells, -0.5 to 0.5 from the best one.
    fn between(&self, (x, y): (usize, usize)) -> (f32, f32) {
        let last = self.picture.side - PATCHES * N;
        let own = -self.cost((x, y));
        let inside = |v: usize| v > 0 && v < last;
        let axis = |inside: bool, before: (usize, usize), after: (usize, usize)| {
            if inside { vertex(-self.cost(before), own, -self.cost(after)) } else { 0.0 }
        };
        let dx = axis(inside(x), (x.wrapping_sub(1), y), (x + 1, y));
        let dy = axis(inside(y), (x, y.wrapping_sub(1)), (x, y + 1));
        (dx, dy)
    }

    /// Sum over all patches of weight times misfit.
    fn cost(&self, at: (usize, usize)) -> f32 {
        self.misfits(at).map(|(weight, misfit)| weight * misfit).sum()
    }

    /// The same, if it is less than `limit`; much faster if it is not.
    fn cost_below(&self, at: (usize, usize), limit: f32) -> Option<f32> {
        let mut cost = 0.0;
        for (weight, misfit) in self.misfits(at) {
            cost += weight * misfit;
            if cost >= limit {
                return None;
            }
        }
        Some(cost)
    }

    /// Share of the texture that fits.
    fn agreement(&self, at: (usize, usize)) -> f32 {
        let fits: f32 = self.misfits(at).map(|(weight, misfit)| weight * (1.0 - misfit)).sum();
        fits / self.weights.max(FOLLOW_PATCHES_MIN)
    }

    /// Weight and misfit (0 to 1) of each patch, if the surroundings were at `at`.
    fn misfits(&self, at: (usize, usize)) -> impl Iterator<Item = (f32, f32)> {
        self.patches.iter().map(move |patch| {
            let misfit = self.difference(patch.corner, at) / patch.misfit;
            (patch.weight, misfit.min(1.0))
        })
    }

    /// Mean squared difference of one patch, after its mean difference is taken out: light may
    /// change.
    fn difference(&self, (px, py): (usize, usize), (x, y): (usize, usize)) -> f32 {
        // One sum per column: 16 rows of at most 255 fit, and nothing moves across a vector.
        let (mut sums, mut squares) = ([0_i16; N], 0_i32);
        for line in 0..N {
            let reference = self.reference.run::<N>(px, py + line);
            let picture = self.picture.run::<N>(px + x, py + y + line);
            let mut differences = [0_i16; N];
            for (d, (&r, &p)) in differences.iter_mut().zip(reference.iter().zip(picture)) {
                *d = i16::from(p).wrapping_sub(i16::from(r));
            }
            for (sum, d) in sums.iter_mut().zip(differences) {
                *sum = sum.wrapping_add(d);
            }
            for d in differences {
                squares = squares.wrapping_add(i32::from(d).wrapping_mul(i32::from(d)));
            }
        }
        let sum: i32 = sums.iter().fold(0, |s, &d| s.wrapping_add(i32::from(d)));
        let n = (N * N) as f32;
        squares as f32 / n - (sum as f32 / n).powi(2)
    }
}
