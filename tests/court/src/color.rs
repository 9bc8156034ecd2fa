//! Colours, and how one camera turns them into luma and chroma.

use crate::random::Random;

/// A colour as a camera without faults would see it; each part 0 to 1, gamma-encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rgb {
    /// Red.
    pub r: f32,
    /// Green.
    pub g: f32,
    /// Blue.
    pub b: f32,
}

/// Shorthand for an [`Rgb`].
#[must_use]
pub const fn rgb(r: f32, g: f32, b: f32) -> Rgb {
    Rgb { r, g, b }
}

impl Rgb {
    /// Both brighter or darker by `k`.
    #[must_use]
    pub fn scaled(self, k: f32) -> Self {
        rgb(self.r * k, self.g * k, self.b * k)
    }

    /// A share `u` of the way to `to`.
    #[must_use]
    pub fn mix(self, to: Self, u: f32) -> Self {
        rgb(
            self.r + (to.r - self.r) * u,
            self.g + (to.g - self.g) * u,
            self.b + (to.b - self.b) * u,
        )
    }

    /// Perceived brightness, 0 to 1.
    #[must_use]
    pub fn luma(self) -> f32 {
        0.2126 * self.r + 0.7152 * self.g + 0.0722 * self.b
    }

    /// From hue (turns), saturation and value, each 0 to 1.
    #[must_use]
    pub fn hsv(hue: f32, saturation: f32, value: f32) -> Self {
        let part = |shift: f32| {
            let k = (hue * 6.0 + shift).rem_euclid(6.0);
            value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
        };
        rgb(part(5.0), part(3.0), part(1.0))
    }
}

/// Any colour at all, greys included.
pub(crate) fn any(random: &mut Random) -> Rgb {
    let saturation = if random.chance(0.35) { 0.08 } else { random.range(0.2, 1.0) };
    Rgb::hsv(random.unit(), saturation, random.range(0.08, 1.0))
}

/// A colour as large surfaces have it: mostly muted.
pub(crate) fn calm(random: &mut Random) -> Rgb {
    let saturation = random.unit().powi(2) * 0.65;
    Rgb::hsv(random.unit(), saturation, random.range(0.15, 0.9))
}

/// A skin tone, from dark to light.
pub(crate) fn skin(random: &mut Random) -> Rgb {
    rgb(0.25, 0.16, 0.11).mix(rgb(0.93, 0.76, 0.65), random.unit())
}

/// How a camera renders colours: exposure, curve, white balance.
#[derive(Clone, Copy, Debug)]
pub struct Grade {
    /// Exposure; 1 is neutral.
    pub gain: f32,
    /// Exponent of the tone curve; below 1 is brighter in the shadows.
    pub gamma: f32,
    /// Luma of black, 0 to 0.1.
    pub black: f32,
    /// Colourfulness; 1 is neutral.
    pub saturation: f32,
    /// Gains of red and blue.
    pub tint: (f32, f32),
}

/// Y, Cb, Cr in BT.709 limited range, 0 to 255.
pub(crate) type Yuv = [f32; 3];

impl Grade {
    fn curve(&self, v: f32) -> f32 {
        let v = (v * self.gain).clamp(0.0, 1.0).powf(self.gamma);
        self.black + (1.0 - self.black) * v
    }

    /// The colour as this camera sends it.
    pub(crate) fn yuv(&self, c: Rgb) -> Yuv {
        self.matrix(rgb(
            self.curve(c.r * self.tint.0),
            self.curve(c.g),
            self.curve(c.b * self.tint.1),
        ))
    }

    fn matrix(&self, c: Rgb) -> Yuv {
        let y = c.luma();
        let blue = (c.b - y) / 1.8556 * self.saturation;
        let red = (c.r - y) / 1.5748 * self.saturation;
        [16.0 + 219.0 * y, 128.0 + 224.0 * blue, 128.0 + 224.0 * red]
    }

    /// The same for many colours: the curve tabulated.
    pub(crate) fn table(&self) -> GradeTable {
        let curve = (0..=CURVE_STEPS).map(|i| self.curve(i as f32 / CURVE_STEPS as f32)).collect();
        GradeTable { grade: *self, curve }
    }
}

/// Steps of a tabulated curve; finer than a luma step.
const CURVE_STEPS: usize = 1023;

/// A [`Grade`] with its curve tabulated.
pub(crate) struct GradeTable {
    grade: Grade,
    curve: Vec<f32>,
}

impl GradeTable {
    /// The colour as this camera sends it.
    pub(crate) fn yuv(&self, c: Rgb) -> Yuv {
        let at = |v: f32| self.curve[(v.clamp(0.0, 1.0) * CURVE_STEPS as f32 + 0.5) as usize];
        let tint = self.grade.tint;
        self.grade.matrix(rgb(at(c.r * tint.0), at(c.g), at(c.b * tint.1)))
    }
}
