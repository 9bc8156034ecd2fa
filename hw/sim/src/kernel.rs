//! What the kernel does by itself: throttling step by step from the passive trip point, as its
//! governor `step_wise` does, and switching off at the critical one.
//!
//! Reads the sensors where they are; what fails on the way to other readers does not fail here.

use std::time::Duration;

use crate::quantity::Celsius;

/// How often the kernel looks (assumed; device trees have 0.5 to 1 s).
const POLL: Duration = Duration::from_secs(1);
/// Deepest cooling state.
const STATE_MAX: u8 = 7;
/// What one cooling state takes off the clock: seven of them leave three tenths (assumed).
const CLOCK_PER_STATE: f64 = 0.1;
/// How long a box that switched off is away until it analyses again (assumed).
const AWAY: Duration = Duration::from_secs(90);

/// The kernel's thermal core.
#[derive(Clone, Debug)]
pub struct Kernel {
    passive: Celsius,
    critical: Celsius,
    state: u8,
    before: Option<Celsius>,
    until_poll: Duration,
    away: Duration,
    throttled: Duration,
    shutdowns: u32,
}

impl Kernel {
    /// A kernel with its trip points.
    pub fn new(passive: Celsius, critical: Celsius) -> Self {
        Self {
            passive,
            critical,
            state: 0,
            before: None,
            until_poll: POLL,
            away: Duration::ZERO,
            throttled: Duration::ZERO,
            shutdowns: 0,
        }
    }

    /// Lets time pass at a temperature of the hottest zone.
    pub fn step(&mut self, dt: Duration, hottest: Celsius) {
        self.away = self.away.saturating_sub(dt);
        if self.state > 0 {
            self.throttled += dt;
        }
        self.until_poll = self.until_poll.saturating_sub(dt);
        if !self.until_poll.is_zero() {
            return;
        }
        self.until_poll = POLL;
        let before = self.before.replace(hottest).unwrap_or(hottest);
        if hottest >= self.critical && self.away.is_zero() {
            self.away = AWAY;
            self.shutdowns += 1;
            self.state = 0;
        } else if hottest >= self.passive && hottest >= before {
            self.state = (self.state + 1).min(STATE_MAX);
        } else if hottest < self.passive && hottest < before {
            self.state = self.state.saturating_sub(1);
        }
    }

    /// Share of the full clock that is left; 0.0 while the box is off.
    pub fn clock(&self) -> f64 {
        if self.away.is_zero() { 1.0 - CLOCK_PER_STATE * f64::from(self.state) } else { 0.0 }
    }

    /// Time in which it throttled.
    pub fn throttled(&self) -> Duration {
        self.throttled
    }

    /// How often it switched off.
    pub fn shutdowns(&self) -> u32 {
        self.shutdowns
    }
}
