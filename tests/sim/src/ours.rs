//! The governor as a policy: hands it what `daemon` hands it, once a second and on every cue.

use governor::operating_point::Claim;
use governor::power::Sample;
use governor::{Cue, Effect, Governor, OperatingPoint, Pressure, Probe, Trips};
use sim::{Sensor, Watts};
use wire::units::{Millicelsius, Permille};

use crate::offers::Offers;
use crate::policy::{Observation, Policy};
use crate::time::At;

/// What calibration measured of a point's power, of the truth: it ran on a cool box, for seconds
/// (assumed).
const CALIBRATED: f64 = 0.93;

/// The governor.
#[derive(Clone, Debug)]
pub struct Ours {
    governor: Governor,
    ladder: Vec<OperatingPoint>,
}

impl Ours {
    /// A governor with the points that the engine offers, and what calibration and accuracy say of
    /// them. Of the box's heat it knows nothing.
    pub fn new(offers: &Offers, power_max: Watts) -> Self {
        let ladder: Vec<OperatingPoint> = offers.points.iter().map(|offer| offer.point).collect();
        let mut governor = Governor::new(At(0.0).monotonic(), &ladder);
        governor.handle_claims(|point| {
            let offer = offers.points.iter().find(|offer| offer.point == point);
            let offer = offer.expect("the ladder's points are the offers'");
            Claim {
                cost: offer.frame,
                recall: Permille::from_share(offer.recall as f32),
                power: Some((offer.power * CALIBRATED).as_milliwatts()),
            }
        });
        governor.handle_budget(power_max.as_milliwatts());
        Self { governor, ladder }
    }

    /// The governor itself, to ask it why.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    fn point(&mut self, now: At) -> usize {
        while let Some(effect) = self.governor.next(now.monotonic()) {
            match effect {
                Effect::Changed(_) | Effect::Report(_) | Effect::ShutDown(_) => {}
            }
        }
        let point = self.governor.operating_point();
        let alike = |rung: &OperatingPoint| {
            let rate = rung.frame_rate == point.frame_rate;
            rate && (rung.ball_tier, rung.rim_tier) == (point.ball_tier, point.rim_tier)
        };
        // What the trials do not know, a lower rate under pressure, counts as the cheapest point.
        self.ladder.iter().position(alike).unwrap_or(0)
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
        let input = seen.snapshot.input;
        self.governor.handle_readings(now, &probes);
        self.governor.handle_power(now, Sample { input, over_current: seen.over_currents });
        self.governor.handle_pressure(
            now,
            Pressure {
                cpu: Some(seen.taken),
                frame_age: Some(seen.frame_age),
                ..Pressure::default()
            },
        );
        self.governor.handle_work(now, seen.work);
        self.point(seen.now)
    }

    fn cue(&mut self, now: At, cue: Cue) -> Option<usize> {
        self.governor.handle_cue(now.monotonic(), cue);
        Some(self.point(now))
    }

    fn moment(&mut self, now: At) {
        self.governor.handle_moment(now.monotonic());
    }

    fn predicted(&self, now: At) -> Option<(Sensor, Millicelsius)> {
        let outlook = self.governor.explain(now.monotonic()).outlook?;
        let sensor = Sensor::ALL.into_iter().find(|sensor| sensor.name() == outlook.sensor)?;
        Some((sensor, outlook.value))
    }

    fn sprints(&self) -> bool {
        self.governor.is_sprinting()
    }
}
