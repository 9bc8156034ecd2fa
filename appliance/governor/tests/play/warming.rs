//! A box with one sensor, which warms up by what it does.

use std::time::Duration;

use governor::operating_point::{Claim, LADDER};
use governor::power::Sample;
use governor::{Cue, Effect, Governor, OperatingPoint, Pressure, Probe, Shed, Trips, Work};
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts, Permille};

/// Watts, ms a frame and share of the moments seen of the first four rungs.
pub(crate) const RUNGS: [(f32, u64, u16); 4] =
    [(11.0, 3, 750), (14.0, 3, 880), (17.0, 6, 920), (24.0, 12, 950)];

/// A chip on a heat sink: 120 J/°C, 2.2 °C a watt; the chip is 0.4 °C a watt above it after 3 s.
pub(crate) struct Warming {
    pub(crate) governor: Governor,
    pub(crate) now: Monotonic,
    pub(crate) air: f32,
    pub(crate) sink: f32,
    pub(crate) chip: f32,
    pub(crate) neighbour: f32,
    pub(crate) sensor: Sensor,
    pub(crate) is_metered: bool,
    pub(crate) over_current: u32,
    pub(crate) frame_age: Duration,
    pub(crate) effects: Vec<Effect>,
}

/// What the sensor does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Sensor {
    Reads,
    Silent,
    /// Says the same for ever.
    Stuck(i32),
}

impl Warming {
    pub(crate) fn new(air: f32) -> Self {
        let mut governor = Governor::new(Monotonic(0), &LADDER[..4]);
        governor.handle_claims(|point| {
            let rung = LADDER.iter().position(|known| *known == point).expect("a rung");
            let (_, cost_ms, recall) = RUNGS[rung];
            let cost = Duration::from_millis(cost_ms);
            Claim { cost, recall: Permille(recall), power: None }
        });
        Self {
            governor,
            now: Monotonic(0),
            air,
            sink: air + 20.0,
            chip: 4.0,
            neighbour: 0.0,
            sensor: Sensor::Reads,
            is_metered: true,
            over_current: 0,
            frame_age: Duration::from_millis(30),
            effects: Vec::new(),
        }
    }

    pub(crate) fn rung(&self) -> usize {
        let point = self.governor.operating_point();
        let tiers = |p: OperatingPoint| (p.ball_tier, p.rim_tier);
        let rung = |known: &OperatingPoint| {
            tiers(*known) == tiers(point) && known.frame_rate >= point.frame_rate
        };
        LADDER.iter().position(rung).expect("a rung of the ladder")
    }

    pub(crate) fn celsius(&self) -> f32 {
        ((self.sink + self.chip) * 2.0).round() / 2.0
    }

    pub(crate) fn second(&mut self) {
        self.now = self.now.plus(Duration::from_secs(1));
        let (watts, cost_ms, _) = RUNGS[self.rung()];
        let watts = watts + self.neighbour;
        self.sink += (watts - (self.sink - self.air) / 2.2) / 120.0;
        self.chip += (0.4 * watts - self.chip) / 3.0;
        let value = match self.sensor {
            Sensor::Reads => Some(Millicelsius((self.celsius() * 1_000.0) as i32)),
            Sensor::Silent => None,
            Sensor::Stuck(milli) => Some(Millicelsius(milli)),
        };
        let passive = Some(Millicelsius(99_000));
        let critical = Some(Millicelsius(104_500));
        let trips = Trips { passive, hot: None, critical };
        self.governor.handle_readings(self.now, &[Probe { name: "junction", value, trips }]);
        let input = self.is_metered.then_some(Milliwatts((watts * 1_000.0) as u32));
        let over_current = std::mem::take(&mut self.over_current);
        self.governor.handle_power(self.now, Sample { input, over_current });
        let frame_age = Some(self.frame_age);
        self.governor.handle_pressure(self.now, Pressure { frame_age, ..Pressure::default() });
        let rate = self.governor.operating_point().frame_rate.0 / 1_000;
        let frames = rate.min(25);
        self.governor.handle_work(
            self.now,
            Work {
                frames,
                offered: 25,
                busy: Duration::from_millis(u64::from(frames) * cost_ms),
                aside: Duration::ZERO,
                slowest: Duration::from_millis(cost_ms),
            },
        );
        self.drain();
    }

    pub(crate) fn cue(&mut self, cue: Cue) {
        self.governor.handle_cue(self.now, cue);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(effect) = self.governor.next(self.now) {
            self.effects.push(effect);
        }
    }

    pub(crate) fn seconds(&mut self, count: u32) {
        (0..count).for_each(|_| self.second());
    }

    /// How often tiers or rate changed beside sprints, since the effects were cleared.
    pub(crate) fn points_changed(&self) -> usize {
        let changed = |effect: &&Effect| match effect {
            Effect::Changed(change) => {
                let left_out = |p: OperatingPoint| OperatingPoint { shed: Shed::Nothing, ..p };
                let (before, after) = (left_out(change.before.point), left_out(change.after.point));
                before != after && !change.is_of_a_sprint
            }
            Effect::Report(_) | Effect::ShutDown(_) => false,
        };
        self.effects.iter().filter(changed).count()
    }

    pub(crate) fn why(&self) -> String {
        self.governor.explain(self.now).to_string()
    }
}
