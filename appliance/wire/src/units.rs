//! Physical and digital quantities as types. A quantity never travels as a bare integer:
//! convert once, at the edge, with a named method.

use serde::{Deserialize, Serialize};

/// Temperature in 1/1000 °C, the unit Linux reports in `/sys/class/thermal/*/temp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millicelsius(pub i32);

/// Electrical power in 1/1000 W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Milliwatts(pub u32);

/// A probability or a share in 1/1000, 0 to 1000.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Permille(pub u16);

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
}
