//! Points in metres and the frame of a hoop.
//!
//! World: x along the court, y across it, z up, origin at the centre spot on the floor.
//! Hoop frame: origin in the ring's centre, y from the board towards the court, z up.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A point or direction, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// Shorthand for a [`Vec3`].
pub(crate) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub(crate) fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub(crate) fn cross(self, o: Self) -> Self {
        vec3(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Length of the part along the floor.
    pub(crate) fn flat(self) -> f32 {
        self.x.hypot(self.y)
    }

    /// The direction, or straight up for a null vector.
    pub(crate) fn unit(self) -> Self {
        let length = self.length();
        if length < 1e-9 { vec3(0.0, 0.0, 1.0) } else { self * (1.0 / length) }
    }

    /// The point a fraction `u` of the way to `to`.
    pub(crate) fn towards(self, to: Self, u: f32) -> Self {
        self + (to - self) * u
    }

    /// The same point at height `z`.
    pub(crate) const fn at_height(self, z: f32) -> Self {
        vec3(self.x, self.y, z)
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        vec3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        vec3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        vec3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// Height of the ring above the floor, metres.
pub(crate) const RING_HEIGHT: f32 = 3.05;
/// Half length of the court, metres.
pub(crate) const COURT_HALF_LENGTH: f32 = 14.0;
/// Half width of the court, metres.
pub(crate) const COURT_HALF_WIDTH: f32 = 7.5;
/// Distance of the ring's centre from the middle of the court, metres.
pub(crate) const HOOP_X: f32 = 12.425;

/// Where a hoop stands and which way it looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoopPlace {
    /// Centre of the ring.
    pub(crate) centre: Vec3,
    /// From the board towards the court.
    pub(crate) out: Vec3,
    /// Across, so that (side, out, up) is right-handed.
    pub(crate) side: Vec3,
}

impl HoopPlace {
    /// Hoop `a` stands at positive x, hoop `b` at negative x.
    pub(crate) fn of(index: usize) -> Self {
        let sign = if index == 0 { 1.0 } else { -1.0 };
        Self {
            centre: vec3(HOOP_X * sign, 0.0, RING_HEIGHT),
            out: vec3(-sign, 0.0, 0.0),
            side: vec3(0.0, sign, 0.0),
        }
    }

    /// World point to hoop frame.
    pub(crate) fn local(&self, p: Vec3) -> Vec3 {
        self.local_direction(p - self.centre)
    }

    /// World direction to hoop frame.
    pub(crate) fn local_direction(&self, d: Vec3) -> Vec3 {
        vec3(d.dot(self.side), d.dot(self.out), d.z)
    }

    /// Hoop frame to world point.
    pub(crate) fn world(&self, p: Vec3) -> Vec3 {
        self.centre + self.world_direction(p)
    }

    /// Direction in the hoop frame to world direction.
    pub(crate) fn world_direction(&self, d: Vec3) -> Vec3 {
        self.side * d.x + self.out * d.y + vec3(0.0, 0.0, d.z)
    }
}

/// A whole-pixel rectangle of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge, pixels; even.
    pub x: i32,
    /// Top edge, pixels; even.
    pub y: i32,
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
}

impl Rect {
    /// The whole of a picture of this size.
    #[must_use]
    pub const fn whole(size: (usize, usize)) -> Self {
        Self { x: 0, y: 0, width: size.0, height: size.1 }
    }

    /// Bytes of an I420 picture of this size: full luma, chroma rounded up to whole samples.
    #[must_use]
    pub const fn i420_len(&self) -> usize {
        self.width * self.height + 2 * self.chroma_width() * self.chroma_height()
    }

    /// Columns of a chroma plane.
    #[must_use]
    pub const fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    /// Rows of a chroma plane.
    #[must_use]
    pub const fn chroma_height(&self) -> usize {
        self.height.div_ceil(2)
    }
}
