//! A ball in the picture: a shaded, seamed sphere, smeared along its way by the exposure.

use super::shapes::{Edge, Shape};

/// A ball at the instants of one exposure.
pub(crate) struct BallShape<'a> {
    /// Middles during the exposure, pixels; the last is the frame's instant.
    pub(crate) middles: &'a [(f32, f32)],
    pub(crate) radius: f32,
    pub(crate) edge: Edge,
    /// Two axes of the ball's own frame as seen, for the seams.
    pub(crate) spin: ([f32; 3], [f32; 3]),
    /// Half the width of a seam, share of the radius.
    pub(crate) seam: f32,
    /// Shade of the seams.
    pub(crate) seam_shade: f32,
}

impl Shape for BallShape<'_> {
    fn rows(&self) -> (f32, f32) {
        let reach = self.radius + self.edge.width;
        let low = self.middles.iter().map(|m| m.1).fold(f32::INFINITY, f32::min);
        let high = self.middles.iter().map(|m| m.1).fold(f32::NEG_INFINITY, f32::max);
        (low - reach, high + reach)
    }

    fn span(&self, _: f32) -> (f32, f32) {
        let reach = self.radius + self.edge.width;
        let low = self.middles.iter().map(|m| m.0).fold(f32::INFINITY, f32::min);
        let high = self.middles.iter().map(|m| m.0).fold(f32::NEG_INFINITY, f32::max);
        (low - reach, high + reach)
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (mut cover, mut shade) = (0.0, 0.0);
        for middle in self.middles {
            let (dx, dy) = ((x - middle.0) / self.radius, (y - middle.1) / self.radius);
            let distance = (dx * dx + dy * dy).sqrt();
            let part = ((1.0 - distance) * self.radius / self.edge.width + 0.5).clamp(0.0, 1.0);
            if part > 0.0 {
                cover += part;
                shade += part * self.shade(dx, dy, distance);
            }
        }
        if cover <= 0.0 {
            return (0.0, 1.0);
        }
        (cover / self.middles.len() as f32, shade / cover)
    }
}

impl BallShape<'_> {
    fn shade(&self, dx: f32, dy: f32, distance: f32) -> f32 {
        let dz = (1.0 - distance * distance).max(0.0).sqrt();
        let lit = dx * self.edge.light.0 + dy * self.edge.light.1 + 0.45 * dz;
        let base = 1.0 + self.edge.contrast * (lit - 0.25).clamp(-0.9, 0.9);
        let along = |axis: &[f32; 3]| (dx * axis[0] + dy * axis[1] + dz * axis[2]).abs();
        let (u, v) = (along(&self.spin.0), along(&self.spin.1));
        let soft = (self.edge.width / self.radius * 0.6).max(0.02);
        let ring = (u * u + v * v - 0.5).abs() * 0.8;
        let nearest = u.min(v).min(ring);
        let seam =
            ((self.seam - nearest) / soft + 0.5).clamp(0.0, 1.0) * (self.seam / soft).min(1.0);
        base * (1.0 + (self.seam_shade - 1.0) * seam)
    }
}
