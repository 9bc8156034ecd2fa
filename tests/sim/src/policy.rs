//! What every policy sees and says.

use std::time::Duration;

use governor::{Cue, Work};
use sim::plant::Lumps;
use sim::{Board, Sensor, Snapshot, Watts};
use wire::units::{Millicelsius, Permille};

use crate::time::At;

/// What a policy sees once a second.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Now.
    pub now: At,
    /// The box.
    pub board: Board,
    /// What its sensors say.
    pub snapshot: Snapshot,
    /// Over-current alarms in the last second.
    pub over_currents: u32,
    /// What the supply may be asked for all the time.
    pub power_max: Watts,
    /// What the engine did in the last second.
    pub work: Work,
    /// Age of the oldest frame in the last second when it was done, from when it was decoded.
    pub frame_age: Duration,
    /// Share of the time in which others take the processors.
    pub taken: Permille,
    /// What only an optimum may look at.
    pub hidden: Hidden,
}

/// The plant's true heat.
#[derive(Clone, Copy, Debug)]
pub struct Hidden {
    /// As two numbers.
    pub lumps: Lumps,
    /// How far the hottest zone is below the kernel's passive trip point, in K.
    pub below_trip: f64,
}

/// Chooses among the points of [`Offers`](crate::Offers), the cheapest being 0.
pub trait Policy {
    /// The point from now on. Called once a second.
    fn decide(&mut self, observation: &Observation) -> usize;

    /// The point from now on, if a cue changes it.
    fn cue(&mut self, _now: At, _cue: Cue) -> Option<usize> {
        None
    }

    /// A moment was seen, which the point that was in force then may have missed.
    fn moment(&mut self, _now: At) {}

    /// Which sensor will be the closest to its limit in 60 s if nothing is changed, and what it
    /// will read; `None` if the policy does not say so.
    fn predicted(&self, _now: At) -> Option<(Sensor, Millicelsius)> {
        None
    }

    /// Whether the point in force answers a cue.
    fn sprints(&self) -> bool {
        false
    }
}
