//! Temperature and power as the plants reckon with them, and as the kernel would state them.

use wire::units::{Millicelsius, Milliwatts};

/// Temperature in °C.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Celsius(pub f64);

impl Celsius {
    /// The higher of the two.
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// As the kernel states it.
    pub fn as_millicelsius(self) -> Millicelsius {
        Millicelsius((self.0 * 1_000.0).round() as i32)
    }
}

impl From<Millicelsius> for Celsius {
    fn from(value: Millicelsius) -> Self {
        Self(f64::from(value.0) / 1_000.0)
    }
}

/// Power in W: electrical where it is drawn, heat where it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Watts(pub f64);

impl Watts {
    /// The higher of the two.
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// As the kernel states it; what flows back counts as nothing.
    pub fn as_milliwatts(self) -> Milliwatts {
        Milliwatts((self.0 * 1_000.0).round().max(0.0) as u32)
    }
}

impl From<Milliwatts> for Watts {
    fn from(value: Milliwatts) -> Self {
        Self(f64::from(value.0) / 1_000.0)
    }
}

impl std::ops::Add for Watts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Mul<f64> for Watts {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self(self.0 * factor)
    }
}
