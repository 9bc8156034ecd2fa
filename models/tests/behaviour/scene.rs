//! Pictures for the tests: plain ones with rectangles and discs, and textured ones that move.

use models::Luma;

/// A picture that is drawn on.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<u8>,
}

impl Picture {
    pub(crate) fn plain(width: usize, height: usize, grey: u8) -> Self {
        Self { width, height, data: vec![grey; width * height] }
    }

    pub(crate) fn luma(&self) -> Luma<'_> {
        Luma::new(&self.data, self.width, (self.width, self.height)).expect("rows fit")
    }

    /// Sets every pixel whose centre is within the box (x0, y0, x1, y1).
    pub(crate) fn rectangle(&mut self, (x0, y0, x1, y1): (f32, f32, f32, f32), grey: u8) {
        self.paint(grey, |x, y| x >= x0 && x < x1 && y >= y0 && y < y1);
    }

    /// Sets every pixel whose centre is within the disc (x, y, radius).
    pub(crate) fn disc(&mut self, (cx, cy, radius): (f32, f32, f32), grey: u8) {
        self.paint(grey, |x, y| (x - cx).hypot(y - cy) < radius);
    }

    fn paint(&mut self, grey: u8, inside: impl Fn(f32, f32) -> bool) {
        for (i, p) in self.data.iter_mut().enumerate() {
            let (x, y) = ((i % self.width) as f32 + 0.5, (i / self.width) as f32 + 0.5);
            if inside(x, y) {
                *p = grey;
            }
        }
    }
}

/// A number in 0 .. 1 that belongs to a lattice point.
pub(crate) fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    (h ^ (h >> 15)) as f32 / u32::MAX as f32
}

/// Smooth random texture with details of `scale` pixels, 0 .. 1.
pub(crate) fn texture((x, y): (f32, f32), scale: f32, seed: u32) -> f32 {
    let (x, y) = (x / scale, y / scale);
    let (ix, iy) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - ix), ease(y - iy));
    let at = |dx: i32, dy: i32| hash(ix as i32 + dx, iy as i32 + dy, seed);
    let upper = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
    let lower = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
    upper * (1.0 - fy) + lower * fy
}
