//! How a fan is driven: along a line, or in steps with hysteresis. Both take time to get there.

use crate::quantity::Celsius;

/// A drive that rises with the temperature along a line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Below this temperature the drive is `least`.
    pub from: Celsius,
    /// From this temperature on it is 1.0.
    pub full: Celsius,
    /// The least drive, 0.0 to 1.0.
    pub least: f64,
}

impl Line {
    /// The drive at a temperature, 0.0 to 1.0.
    pub fn at(&self, hottest: Celsius) -> f64 {
        let along = (hottest.0 - self.from.0) / (self.full.0 - self.from.0);
        self.least + (1.0 - self.least) * along.clamp(0.0, 1.0)
    }
}

/// A drive in steps, each with the temperature that it begins at; it ends [`Steps::back`] below.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Temperature and drive, rising.
    pub steps: [(Celsius, f64); 4],
    /// How far below its beginning a step ends, in K.
    pub back: f64,
}

impl Steps {
    /// The step that follows step `now` at a temperature.
    pub fn next(&self, now: usize, hottest: Celsius) -> usize {
        let up = self.steps.iter().rposition(|(from, _)| hottest >= *from).unwrap_or(0);
        let held = |step: &usize| hottest.0 >= self.steps[*step].0.0 - self.back;
        let down = (0..=now).rev().find(held).unwrap_or(0);
        up.max(down)
    }

    /// The drive halfway between going up and going down, as a line.
    pub fn between(&self, hottest: Celsius) -> f64 {
        let half = Celsius(hottest.0 + self.back / 2.0);
        self.steps[self.next(0, half)].1
    }
}

/// What turns follows what it is told with this time constant, in s (assumed).
pub const LAG_S: f64 = 4.0;

/// The speed that follows `speed` after `seconds` of `told`.
pub(crate) fn follow(speed: f64, told: f64, seconds: f64) -> f64 {
    speed + (told - speed) * (seconds / LAG_S).min(1.0)
}

/// What a fan draws at a speed, in W, of `full` at full speed: with the cube of the speed.
pub(crate) fn draws(speed: f64, full: f64) -> f64 {
    full * speed.powi(3)
}
