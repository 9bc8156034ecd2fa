//! The governor as a policy.

use std::time::Duration;

use governor::{Cue, Effect, Governor, OperatingPoint, Probe, Trips};
use sim::Sensor;
use wire::units::Millicelsius;

use crate::offers::Offers;
use crate::policy::{Observation, Policy};
use crate::time::At;

/// The governor.
#[derive(Clone, Debug)]
pub struct Ours {
    governor: Governor,
    ladder: Vec<OperatingPoint>,
}

impl Ours {
    /// A governor of a box that nobody knows, with the points that the engine offers.
    pub fn new(offers: &Offers) -> Self {
        let ladder: Vec<OperatingPoint> = offers.points.iter().map(|offer| offer.point).collect();
        let mut governor = Governor::new(At(0.0).monotonic(), &ladder);
        let cost = |point: OperatingPoint| {
            let offer = offers.points.iter().find(|offer| offer.point == point);
            offer.map_or(Duration::ZERO, |offer| offer.frame)
        };
        governor.handle_costs(cost);
        Self { governor, ladder }
    }

    fn point(&mut self, now: At) -> usize {
        while let Some(effect) = self.governor.next(now.monotonic()) {
            match effect {
                Effect::Changed(_) | Effect::Report(_) | Effect::ShutDown(_) => {}
            }
        }
        let point = self.governor.operating_point();
        self.ladder.iter().position(|rung| *rung == point).unwrap_or(0)
    }
}

impl Policy for Ours {
    fn decide(&mut self, seen: &Observation) -> usize {
        let now = seen.now.monotonic();
        let probes = Sensor::ALL.map(|sensor| {
            let trips = sensor.trips(seen.board);
            let trips = Trips { passive: trips.passive, hot: trips.hot, critical: trips.critical };
            let value = seen.snapshot.temperatures[sensor as usize];
            Probe { name: sensor.name(), value, trips }
        });
        self.governor.handle_readings(now, &probes);
        self.governor.handle_work(now, seen.work);
        self.point(seen.now)
    }

    fn cue(&mut self, now: At, cue: Cue) -> Option<usize> {
        self.governor.handle_cue(now.monotonic(), cue);
        Some(self.point(now))
    }

    fn predicted(&self, _now: At) -> Option<Millicelsius> {
        None
    }
}
