//! The policies that ours is compared with.

use std::time::Duration;

use sim::{Board, Celsius, Watts};

use crate::offers::Offers;
use crate::policy::{Observation, Policy};
use crate::time::At;

/// All of them stay this far below the kernel's passive trip point, as the governor does, in K.
const BELOW_TRIP: f64 = 3.0;

/// Always the same point: the kernel's throttling is all that protects the box.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub usize);

impl Policy for Fixed {
    fn decide(&mut self, _observation: &Observation) -> usize {
        self.0
    }
}

/// One point down while it is too hot or the supply complains, one up when it is cool.
#[derive(Clone, Debug)]
pub struct Step {
    points: usize,
    inputs: Vec<Watts>,
    point: usize,
    changed: At,
}

impl Step {
    /// Between two steps down: what a cooler needs to show the effect.
    const DOWN: Duration = Duration::from_secs(10);
    /// Before a step up.
    const UP: Duration = Duration::from_secs(30);
    /// This far below its trip point it is cool, in K.
    const COOL: f64 = 5.0;

    /// A step governor that starts at the cheapest point.
    pub fn new(offers: &Offers) -> Self {
        let inputs = (0..offers.points.len()).map(|point| offers.input(point)).collect();
        Self { points: offers.points.len(), inputs, point: 0, changed: At(0.0) }
    }
}

impl Policy for Step {
    fn decide(&mut self, seen: &Observation) -> usize {
        let rests = Duration::from_secs_f64(seen.now.0 - self.changed.0);
        let trip = seen.board.trips().0.0 - BELOW_TRIP;
        let hottest = hottest(seen).map_or(trip, |hottest| hottest.0);
        let before = self.point;
        let dear = |point: usize| self.inputs[point].0 > seen.power_max.0;
        if (hottest >= trip || seen.over_currents > 0 || dear(self.point)) && rests >= Self::DOWN {
            self.point = self.point.saturating_sub(1);
        } else if hottest < trip - Self::COOL
            && rests >= Self::UP
            && self.point + 1 < self.points
            && !dear(self.point + 1)
        {
            self.point += 1;
        }
        if self.point != before {
            self.changed = seen.now;
        }
        self.point
    }
}

/// As the kernel's power allocator: a PID controller turns the distance to a temperature into a
/// budget, and the dearest point within it is taken.
#[derive(Clone, Debug)]
pub struct Allocator {
    inputs: Vec<Watts>,
    sustainable: f64,
    integral: f64,
    before: Option<f64>,
}

impl Allocator {
    /// Below the wanted temperature by more than this, it does not control, in K.
    const SWITCH_ON: f64 = 10.0;
    /// The integral counts errors up to this, in K.
    const CUTOFF: f64 = 5.0;

    /// An allocator for a box; `sustainable` is what it can lose at 35 °C: a constant of a device
    /// tree, not measured on the day.
    pub fn new(board: Board, offers: &Offers) -> Self {
        let inputs = (0..offers.points.len()).map(|point| offers.input(point)).collect();
        Self { inputs, sustainable: 20.0 * board.scale(), integral: 0.0, before: None }
    }
}

impl Policy for Allocator {
    fn decide(&mut self, seen: &Observation) -> usize {
        let wanted = seen.board.trips().0.0 - BELOW_TRIP;
        let hottest = hottest(seen).map_or(wanted, |hottest| hottest.0);
        let error = wanted - hottest;
        let budget = if error > Self::SWITCH_ON {
            (self.integral, self.before) = (0.0, None);
            f64::INFINITY
        } else {
            // The kernel's own default gains (drivers/thermal/gov_power_allocator.c).
            let proportional = 2.0 * self.sustainable / Self::SWITCH_ON;
            let gain = if error < 0.0 { proportional / 2.0 } else { proportional };
            if error < Self::CUTOFF {
                self.integral += gain / 10.0 * error;
                self.integral = self.integral.clamp(-self.sustainable, self.sustainable);
            }
            self.before = Some(error);
            self.sustainable + gain * error + self.integral
        };
        let budget = budget.min(seen.power_max.0);
        self.inputs.iter().rposition(|input| input.0 <= budget).unwrap_or(0)
    }
}

/// The hottest sensor of the chip that answers.
fn hottest(seen: &Observation) -> Option<Celsius> {
    seen.snapshot.temperatures[..3].iter().flatten().max().map(|value| Celsius::from(*value))
}
