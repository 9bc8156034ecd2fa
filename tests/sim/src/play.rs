//! Plays a day on a box with one policy, and keeps what happened.

use std::time::Duration;

use governor::Work;
use sim::rig::Make;
use sim::{Celsius, Counts, Drive, Load, Rig, Seeded, Sensor, Surroundings, Zones};
use wire::units::Permille;

use crate::game::Game;
use crate::offers::{AGE_BEFORE, Achieved, Capacity};
use crate::policy::{Hidden, Observation, Policy};
use crate::scenario::World;
use crate::score::recall_at;
use crate::time::{At, STEP, STEPS_PER_SECOND};

/// From a decision until frames come out at another point (assumed: one window of the rim lane).
const CHANGE_TAKES: Duration = Duration::from_millis(250);
/// From a moment until the box has told it (docs/benchmarks/first-version.md).
const TOLD_AFTER: Duration = Duration::from_millis(500);
/// Predictions are taken this often, and are of so much later.
const PREDICTED_EVERY_S: usize = 10;
/// How far ahead a prediction looks, in s.
pub const AHEAD_S: usize = 60;
/// Before this they are not judged, in s: the box is being learned.
const LEARNS_FOR_S: usize = 300;

/// Where and with whom.
#[derive(Clone, Copy)]
pub struct Match<'a> {
    /// The scenario with its weather.
    pub world: &'a World<'a>,
    /// The day.
    pub game: &'a Game,
    /// The plant.
    pub make: Make,
    /// Of the sensors' noise.
    pub seed: u64,
}

/// A change of the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: At,
    /// Whether it answers a cue, or ends such an answer.
    pub answers: bool,
}

/// What a policy said of the future.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// When it said so.
    pub step: usize,
    /// Of which sensor.
    pub sensor: Sensor,
    /// What it would read in 60 s, in °C.
    pub celsius: f32,
}

/// What happened, by step.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Recall of a moment, 0.0 to 1.0.
    pub recall: Vec<f32>,
    /// Share of the camera's frames that were analysed in time.
    pub covered: Vec<f32>,
    /// The hottest zone of the chip, in °C, as a perfect sensor tells it.
    pub hottest: Vec<f32>,
    /// What the box drew, in W.
    pub power: Vec<f32>,
    /// The point.
    pub point: Vec<u8>,
    /// The processor cores, in °C.
    pub cpu: Vec<f32>,
    /// The disk, in °C.
    pub disk: Vec<f32>,
    /// What a policy said of the future.
    pub predicted: Vec<Prediction>,
    /// Changes of the point.
    pub changes: Vec<Change>,
    /// What must not happen.
    pub counts: Counts,
}

/// Plays it.
pub fn play(of: Match<'_>, policy: &mut dyn Policy) -> Trace {
    let mut player = Player::new(of);
    let steps = of.game.end.step();
    for step in 0..steps {
        player.cues(step, policy);
        player.moments(step, policy);
        if step % STEPS_PER_SECOND == 0 && step > 0 {
            player.second(step, policy);
        }
        player.step(step);
    }
    player.trace.counts = player.rig.counts();
    player.trace
}

struct Player<'a> {
    of: Match<'a>,
    rig: Rig,
    trace: Trace,
    next_cue: usize,
    next_moment: usize,
    /// Whether a moment is seen.
    chance: Seeded,
    /// Wanted, and in force after [`CHANGE_TAKES`].
    wanted: usize,
    in_force: usize,
    changed: At,
    sprinted: bool,
    /// Of the last second.
    done: Done,
    alarms: u32,
}

/// What the engine did since the last report.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    frames: f64,
    busy: Duration,
    slowest: Duration,
    age: Duration,
}

impl<'a> Player<'a> {
    fn new(of: Match<'a>) -> Self {
        Self {
            rig: Rig::new(of.world.scenario.setup(of.make, of.seed)),
            of,
            trace: Trace::default(),
            next_cue: 0,
            next_moment: 0,
            chance: Seeded::new(of.seed, 0x5ee),
            wanted: 0,
            in_force: 0,
            changed: At(-1.0),
            sprinted: false,
            done: Done::default(),
            alarms: 0,
        }
    }

    fn cues(&mut self, step: usize, policy: &mut dyn Policy) {
        while let Some((at, cue)) = self.of.game.cues.get(self.next_cue)
            && at.step() <= step
        {
            self.next_cue += 1;
            if let Some(point) = policy.cue(At::of_step(step), *cue) {
                self.choose(step, point, &*policy);
            }
        }
    }

    /// Tells of every moment that was seen, [`TOLD_AFTER`] later.
    fn moments(&mut self, step: usize, policy: &mut dyn Policy) {
        let now = At::of_step(step);
        while let Some(at) = self.of.game.moments.get(self.next_moment)
            && now.0 >= at.0 + TOLD_AFTER.as_secs_f64()
        {
            self.next_moment += 1;
            if self.chance.happens(recall_at(&self.trace, *at)) {
                policy.moment(now);
            }
        }
    }

    fn second(&mut self, step: usize, policy: &mut dyn Policy) {
        let now = At::of_step(step);
        let observation = self.observation(now);
        let point = policy.decide(&observation);
        self.choose(step, point, &*policy);
        let second = step / STEPS_PER_SECOND;
        if second >= LEARNS_FOR_S
            && second.is_multiple_of(PREDICTED_EVERY_S)
            && let Some((sensor, value)) = policy.predicted(now)
        {
            let celsius = Celsius::from(value).0 as f32;
            self.trace.predicted.push(Prediction { step, sensor, celsius });
        }
    }

    fn choose(&mut self, step: usize, point: usize, policy: &dyn Policy) {
        let point = point.min(self.of.world.offers.points.len() - 1);
        let sprints = policy.sprints();
        if point != self.wanted {
            let at = At::of_step(step);
            self.trace.changes.push(Change { at, answers: sprints || self.sprinted });
            self.wanted = point;
            self.changed = at;
        }
        self.sprinted = sprints;
    }

    fn observation(&mut self, now: At) -> Observation {
        let scenario = self.of.world.scenario;
        let done = std::mem::take(&mut self.done);
        let alarms = self.rig.counts().over_currents;
        let over_currents = alarms - std::mem::replace(&mut self.alarms, alarms);
        let (passive, _) = scenario.board.trips();
        Observation {
            now,
            board: scenario.board,
            snapshot: self.rig.snapshot(),
            over_currents,
            power_max: scenario.power_max(),
            work: Work {
                frames: done.frames.round() as u32,
                offered: crate::offers::CAMERA_HZ as u32,
                busy: done.busy,
                aside: Duration::ZERO,
                slowest: done.slowest,
            },
            frame_age: done.age,
            taken: Permille::from_share(1.0 - self.of.world.neighbour(now).0 as f32),
            hidden: Hidden {
                lumps: self.rig.plant().lumps(),
                below_trip: passive.0 - self.rig.zones().junction().0,
            },
        }
    }

    fn step(&mut self, step: usize) {
        let now = At::of_step(step);
        if now.0 - self.changed.0 >= CHANGE_TAKES.as_secs_f64() {
            self.in_force = self.wanted;
        }
        let (left, beside) = self.of.world.neighbour(now);
        let clock = self.rig.clock();
        let offers = &self.of.world.offers;
        let achieved = offers.points[self.in_force].achieved(Capacity { clock, left });
        let load = if clock > 0.0 { offers.load(&achieved).plus(beside) } else { Load::default() };
        let around: Surroundings = self.of.world.around(now);
        self.rig.step(STEP, &Drive { load, around });
        self.note(&achieved);
    }

    fn note(&mut self, achieved: &Achieved) {
        self.done.frames += achieved.hz * STEP.as_secs_f64();
        self.done.busy += STEP.mul_f64(achieved.busy);
        self.done.slowest = self.done.slowest.max(achieved.frame);
        let age = achieved.age.saturating_sub(AGE_BEFORE);
        self.done.age = self.done.age.max(age);
        let trace = &mut self.trace;
        trace.recall.push(achieved.recall as f32);
        trace.covered.push(achieved.covered as f32);
        let zones: Zones = self.rig.zones();
        trace.hottest.push(zones.junction().0 as f32);
        trace.cpu.push(zones.cpu.0 as f32);
        trace.disk.push(zones.disk.0 as f32);
        trace.power.push(self.rig.drawn().0 as f32);
        trace.point.push(self.in_force as u8);
    }
}
