//! Physical and digital quantities as types. A quantity never travels as a bare integer:
//! convert once, at the edge, with a named method.

use serde::{Deserialize, Serialize};

/// Temperature in 1/1000 °C, the unit Linux reports in `/sys/class/thermal/*/temp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millicelsius(pub i32);

/// Electrical power in 1/1000 W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Milliwatts(pub u32);

/// Electrical tension in 1/1000 V.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millivolts(pub u32);

/// Electrical current in 1/1000 A; negative where it flows back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Milliamperes(pub i32);

/// Revolutions of a fan in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rpm(pub u32);

/// A share in 1/100 that may exceed the whole, such as the used part of a disk's rated life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Percent(pub u8);

/// A probability or a share in 1/1000, 0 to 1000.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-unit" = "1/1000")))]
pub struct Permille(#[cfg_attr(feature = "schema", schemars(range(max = 1000)))] pub u16);

impl Permille {
    /// The nearest permille to a share in 0.0 ..= 1.0; NaN and values outside are clamped.
    pub fn from_share(share: f32) -> Self {
        // A NaN fails both comparisons and becomes 0: an unknown confidence is no confidence.
        let clamped = if share > 1.0 {
            1.0
        } else if share > 0.0 {
            share
        } else {
            0.0
        };
        Self((clamped * 1000.0 + 0.5) as u16)
    }

    /// The share as a number in 0.0 ..= 1.0.
    pub fn as_share(self) -> f32 {
        f32::from(self.0) / 1000.0
    }
}

/// A picture's size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PictureSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// A rectangle in the pixels of the source's picture; `x1` and `y1` lie just outside. Edges may
/// lie outside the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Bottom edge.
    pub y1: f32,
}

impl PixelBox {
    /// Width in pixels.
    pub fn width(self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in pixels.
    pub fn height(self) -> f32 {
        self.y1 - self.y0
    }

    /// Centre, as (x, y).
    pub fn centre(self) -> (f32, f32) {
        ((self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0)
    }

    /// The box moved by (`dx`, `dy`) pixels.
    pub fn moved(self, dx: f32, dy: f32) -> Self {
        Self { x0: self.x0 + dx, y0: self.y0 + dy, x1: self.x1 + dx, y1: self.y1 + dy }
    }

    /// Intersection over union, 0.0 to 1.0; 0.0 for boxes without area.
    pub fn overlap(self, other: Self) -> f32 {
        let width = self.x1.min(other.x1) - self.x0.max(other.x0);
        let height = self.y1.min(other.y1) - self.y0.max(other.y0);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let shared = width * height;
        let both = self.width() * self.height() + other.width() * other.height();
        shared / (both - shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_shared_part_of_what_both_cover() {
        let one = PixelBox { x0: 0.0, y0: 0.0, x1: 10.0, y1: 20.0 };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(near(one.overlap(one), 1.0));
        assert!(near(one.overlap(one.moved(5.0, 0.0)), 100.0 / 300.0));
        assert!(near(one.overlap(one.moved(5.0, 10.0)), 50.0 / 350.0));
        let apart = [one.moved(10.0, 0.0), one.moved(-15.0, -30.0), PixelBox { x1: 0.0, ..one }];
        assert!(apart.iter().all(|other| one.overlap(*other) == 0.0));
    }
}
