//! Time in a trial: seconds since its start.

use std::time::Duration;

use wire::time::Monotonic;

/// One step of a trial.
pub const STEP: Duration = Duration::from_millis(250);
/// Steps in a second.
pub const STEPS_PER_SECOND: usize = 4;

/// Seconds since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct At(pub f64);

impl At {
    /// The beginning of a step.
    pub fn of_step(step: usize) -> Self {
        Self(step as f64 * STEP.as_secs_f64())
    }

    /// The step that it lies in.
    pub fn step(self) -> usize {
        (self.0 / STEP.as_secs_f64()).max(0.0) as usize
    }

    /// On the box's clock, which begins with the trial.
    pub fn monotonic(self) -> Monotonic {
        Monotonic((self.0 * 1_000_000.0) as u64)
    }

    /// Since the start.
    pub fn elapsed(self) -> Duration {
        Duration::from_secs_f64(self.0.max(0.0))
    }
}
