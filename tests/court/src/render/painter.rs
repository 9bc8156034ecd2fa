//! Draws points of the world on a canvas: the camera, its shift and the lens in one place.

use super::canvas::{Canvas, Ink, ink};
use super::shapes::{Convex, Edge, Limb, Line};
use crate::camera::{self, Camera, Seen};
use crate::color::{Rgb, Yuv};
use crate::geometry::Vec3;
use crate::look::Look;

/// A canvas seen through a camera.
pub(super) struct Painter<'a, 'b> {
    pub(super) canvas: &'a mut Canvas<'b>,
    pub(super) camera: &'a Camera,
    pub(super) shift: (f32, f32),
    pub(super) look: &'a Look,
    pub(super) edge: Edge,
}

impl Painter<'_, '_> {
    /// Where a point is in this frame.
    pub(super) fn see(&self, p: Vec3) -> Seen {
        let seen = self.camera.see(p);
        Seen { x: seen.x + self.shift.0, y: seen.y + self.shift.1, depth: seen.depth }
    }

    pub(super) fn yuv(&self, c: Rgb) -> Yuv {
        self.look.lens.grade.yuv(c.scaled(self.look.hall.light))
    }

    /// A limb between two points with a radius in metres at each end.
    pub(super) fn limb(&mut self, (a, ra): (Vec3, f32), (b, rb): (Vec3, f32), color: Yuv) {
        let (sa, sb) = (self.see(a), self.see(b));
        if !camera::in_front(sa.depth) || !camera::in_front(sb.depth) {
            return;
        }
        let ra = ra * self.camera.pixels_per_metre(sa.depth);
        let rb = rb * self.camera.pixels_per_metre(sb.depth);
        let shape = Limb::new((sa.x, sa.y), (sb.x, sb.y), ((ra, rb), self.edge));
        self.canvas.fill(&shape, ink(color));
    }

    /// A line `width` metres wide.
    pub(super) fn line(&mut self, (a, b): (Vec3, Vec3), width: f32, fill: Ink) {
        let (sa, sb) = (self.see(a), self.see(b));
        if !camera::in_front(sa.depth) || !camera::in_front(sb.depth) {
            return;
        }
        let wide = width * self.camera.pixels_per_metre((sa.depth + sb.depth) / 2.0);
        let shape = Line::new((sa.x, sa.y), (sb.x, sb.y), (wide, self.edge.width));
        self.canvas.fill(&shape, fill);
    }

    /// A flat convex polygon, if all of it is in front of the camera.
    pub(super) fn polygon(&mut self, corners: &[Vec3], fill: Ink) {
        let seen: Vec<Seen> = corners.iter().map(|p| self.see(*p)).collect();
        if seen.iter().all(|s| camera::in_front(s.depth)) {
            let points: Vec<(f32, f32)> = seen.iter().map(|s| (s.x, s.y)).collect();
            self.canvas.fill(&Convex::new(&points, self.edge.width), fill);
        }
    }
}
