//! The supply: an input above its limit for too long raises the over-current alarm, and the
//! hardware halves the clock.

use std::time::Duration;

use crate::quantity::Watts;

/// How long the input may be above the limit (assumed; monitors average over some milliseconds to
/// seconds).
const BEARS: Duration = Duration::from_secs(1);
/// How long the clock is halved after that (assumed).
const HALVED: Duration = Duration::from_secs(5);

/// The supply and the hardware's answer to its alarm.
#[derive(Clone, Debug)]
pub struct Supply {
    limit: Watts,
    above: Duration,
    halved: Duration,
    alarms: u32,
}

impl Supply {
    /// A supply with its limit.
    pub fn new(limit: Watts) -> Self {
        Self { limit, above: Duration::ZERO, halved: Duration::ZERO, alarms: 0 }
    }

    /// Lets time pass at an input.
    pub fn step(&mut self, dt: Duration, input: Watts) {
        self.halved = self.halved.saturating_sub(dt);
        if input <= self.limit {
            self.above = Duration::ZERO;
            return;
        }
        self.above += dt;
        if self.above > BEARS {
            self.alarms += 1;
            self.above = Duration::ZERO;
            self.halved = HALVED;
        }
    }

    /// What it may be asked for all the time.
    pub fn limit(&self) -> Watts {
        self.limit
    }

    /// Share of the full clock that is left.
    pub fn clock(&self) -> f64 {
        if self.halved.is_zero() { 1.0 } else { 0.5 }
    }

    /// Over-current alarms since the start.
    pub fn alarms(&self) -> u32 {
        self.alarms
    }
}
