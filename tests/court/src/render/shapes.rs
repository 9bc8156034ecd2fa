//! Shapes with soft edges: what is covered of a pixel, and how light falls on it.

/// Something that can be filled. Coordinates are pixels of the whole picture.
pub(crate) trait Shape {
    /// First and last row it can touch.
    fn rows(&self) -> (f32, f32);
    /// First and last column it can touch in the row through `y`.
    fn span(&self, y: f32) -> (f32, f32);
    /// Coverage 0 to 1 and shade (1 neutral) at a point.
    fn at(&self, x: f32, y: f32) -> (f32, f32);
}

/// The lens as shapes need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    /// Width of an edge, pixels.
    pub(crate) width: f32,
    /// Direction of the light, and difference between lit and dark sides.
    pub(crate) light: (f32, f32),
    pub(crate) contrast: f32,
}

/// A limb: two round ends and what is between them, shaded like a cylinder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limb {
    a: (f32, f32),
    d: (f32, f32),
    radius: (f32, f32),
    per_length: f32,
    reach: f32,
    edge: Edge,
    thin: f32,
}

impl Limb {
    /// A limb from `a` to `b` with a radius at each end, pixels.
    pub(crate) fn new(a: (f32, f32), b: (f32, f32), (radius, edge): ((f32, f32), Edge)) -> Self {
        let d = (b.0 - a.0, b.1 - a.1);
        let length = d.0 * d.0 + d.1 * d.1;
        let half = edge.width / 2.0;
        let widest = radius.0.max(radius.1);
        let thin = (widest / half).min(1.0);
        let radius = (radius.0.max(half), radius.1.max(half));
        Self {
            a,
            d,
            radius,
            per_length: if length > 1e-6 { 1.0 / length } else { 0.0 },
            reach: radius.0.max(radius.1) + half,
            edge,
            thin,
        }
    }
}

impl Shape for Limb {
    fn rows(&self) -> (f32, f32) {
        let end = self.a.1 + self.d.1;
        (self.a.1.min(end) - self.reach, self.a.1.max(end) + self.reach)
    }

    fn span(&self, y: f32) -> (f32, f32) {
        strip(self.a, self.d, (self.reach, y))
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (px, py) = (x - self.a.0, y - self.a.1);
        let h = ((px * self.d.0 + py * self.d.1) * self.per_length).clamp(0.0, 1.0);
        let radius = self.radius.0 + (self.radius.1 - self.radius.0) * h;
        let (ox, oy) = (px - self.d.0 * h, py - self.d.1 * h);
        let distance = (ox * ox + oy * oy).sqrt();
        let cover = ((radius - distance) / self.edge.width + 0.5).clamp(0.0, 1.0) * self.thin;
        let lit = (ox * self.edge.light.0 + oy * self.edge.light.1) / radius;
        let round = distance / radius;
        (cover, 1.0 + self.edge.contrast * (lit.clamp(-1.0, 1.0) * 0.8 - 0.5 * round * round))
    }
}

/// Columns within `reach` of the segment from `a` along `d`, in the row `y`.
fn strip(a: (f32, f32), d: (f32, f32), (reach, y): (f32, f32)) -> (f32, f32) {
    let (mut from, mut to) = (0.0f32, 1.0f32);
    if d.1.abs() > 1e-3 {
        let (h0, h1) = ((y - reach - a.1) / d.1, (y + reach - a.1) / d.1);
        from = h0.min(h1).clamp(0.0, 1.0);
        to = h0.max(h1).clamp(0.0, 1.0);
    }
    let (x0, x1) = (a.0 + d.0 * from, a.0 + d.0 * to);
    (x0.min(x1) - reach, x0.max(x1) + reach)
}

/// A line with straight ends, so that lines end to end never cover a pixel twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    a: (f32, f32),
    d: (f32, f32),
    per_length: f32,
    half: f32,
    edge: f32,
    strength: f32,
}

impl Line {
    /// A line `width` pixels wide with edges `edge` pixels wide.
    pub(crate) fn new(a: (f32, f32), b: (f32, f32), (width, edge): (f32, f32)) -> Self {
        let d = (b.0 - a.0, b.1 - a.1);
        let length = d.0 * d.0 + d.1 * d.1;
        Self {
            a,
            d,
            per_length: if length > 1e-6 { 1.0 / length } else { 0.0 },
            half: (width / 2.0).max(edge / 2.0),
            edge,
            strength: (width / edge).min(1.0),
        }
    }
}

impl Shape for Line {
    fn rows(&self) -> (f32, f32) {
        let end = self.a.1 + self.d.1;
        let reach = self.half + self.edge / 2.0;
        (self.a.1.min(end) - reach, self.a.1.max(end) + reach)
    }

    fn span(&self, y: f32) -> (f32, f32) {
        strip(self.a, self.d, (self.half + self.edge / 2.0, y))
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (px, py) = (x - self.a.0, y - self.a.1);
        let h = (px * self.d.0 + py * self.d.1) * self.per_length;
        if !(0.0..1.0).contains(&h) {
            return (0.0, 1.0);
        }
        let (ox, oy) = (px - self.d.0 * h, py - self.d.1 * h);
        let distance = (ox * ox + oy * oy).sqrt();
        (((self.half - distance) / self.edge + 0.5).clamp(0.0, 1.0) * self.strength, 1.0)
    }
}

/// A convex polygon.
#[derive(Clone, Debug)]
pub(crate) struct Convex {
    points: Vec<(f32, f32)>,
    /// Inward normals and offsets of the sides.
    sides: Vec<(f32, f32, f32)>,
    edge: f32,
}

impl Convex {
    /// The polygon with these corners, in order either way round.
    pub(crate) fn new(points: &[(f32, f32)], edge: f32) -> Self {
        let next = |i: usize| points[(i + 1) % points.len()];
        let area: f32 =
            (0..points.len()).map(|i| points[i].0 * next(i).1 - next(i).0 * points[i].1).sum();
        let turn = if area > 0.0 { 1.0 } else { -1.0 };
        let sides = (0..points.len())
            .filter_map(|i| {
                let (a, b) = (points[i], next(i));
                let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                let length = dx.hypot(dy);
                let (nx, ny) = (-dy * turn / length, dx * turn / length);
                (length > 1e-4).then_some((nx, ny, -(nx * a.0 + ny * a.1)))
            })
            .collect();
        Self { points: points.to_vec(), sides, edge }
    }
}

impl Shape for Convex {
    fn rows(&self) -> (f32, f32) {
        let low = self.points.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
        let high = self.points.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
        (low - self.edge, high + self.edge)
    }

    fn span(&self, y: f32) -> (f32, f32) {
        let (top, bottom) = (y - self.edge, y + self.edge);
        let (mut left, mut right) = (f32::INFINITY, f32::NEG_INFINITY);
        for (i, a) in self.points.iter().enumerate() {
            let b = self.points[(i + 1) % self.points.len()];
            if a.1.max(b.1) < top || a.1.min(b.1) > bottom {
                continue;
            }
            let at = |level: f32| {
                let h = if (b.1 - a.1).abs() > 1e-4 { (level - a.1) / (b.1 - a.1) } else { 0.0 };
                a.0 + (b.0 - a.0) * h.clamp(0.0, 1.0)
            };
            let flat = (b.1 - a.1).abs() <= 1e-4;
            for x in [at(top), at(bottom), if flat { b.0 } else { at(y) }] {
                left = left.min(x);
                right = right.max(x);
            }
        }
        (left - self.edge, right + self.edge)
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let inside =
            self.sides.iter().map(|(nx, ny, c)| nx * x + ny * y + c).fold(f32::INFINITY, f32::min);
        ((inside / self.edge + 0.5).clamp(0.0, 1.0), 1.0)
    }
}

/// An upright ellipse that fades out from its middle: shadows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shadow {
    pub(crate) at: (f32, f32),
    pub(crate) radius: (f32, f32),
}

impl Shape for Shadow {
    fn rows(&self) -> (f32, f32) {
        (self.at.1 - self.radius.1, self.at.1 + self.radius.1)
    }

    fn span(&self, _: f32) -> (f32, f32) {
        (self.at.0 - self.radius.0, self.at.0 + self.radius.0)
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (u, v) = ((x - self.at.0) / self.radius.0, (y - self.at.1) / self.radius.1);
        let r = u * u + v * v;
        (if r < 1.0 { (1.0 - r) * (1.0 - r) } else { 0.0 }, 1.0)
    }
}
