//! The best that could have been done: dynamic programming by somebody who knows every moment, the
//! weather and the plant.
//!
//! Backward over stages of five seconds, the plant's heat as two numbers on a grid
//! ([`sim::plant::Lumps`]); then forward on the true plant, so that what is compared with was
//! really possible. Never above the kernel's trip point less a margin, never above the supply.

use std::time::Duration;

use sim::plant::{Lumps, Plant};
use sim::{Celsius, Drive};

use crate::baselines::Fixed;
use crate::game::Game;
use crate::offers::Capacity;
use crate::play::{Match, Trace, play};
use crate::policy::{Observation, Policy};
use crate::scenario::World;
use crate::score::{AROUND, Score};
use crate::time::{At, STEPS_PER_SECOND};
use crate::worth;

/// Length of a stage, in s.
const STAGE_S: usize = 5;
/// Distance of the grid's lines, in K: of the slow lump, and of the fast one above it.
const SLOW_STEP: f64 = 1.5;
const ABOVE_STEP: f64 = 1.0;
/// Lines of the fast lump above the slow one.
const ABOVE: usize = 16;
/// The slow lump is followed up to here, in °C.
const SLOW_MAX: f64 = 110.0;
/// What a stage is worth less for each K above the limit, in moments: more than any gain.
const PENALTY: f64 = 8.0;
/// Margins that are tried, in K below the trip point and in W below the supply's limit, until the
/// kernel throttles no more than under the cheapest point and no alarm comes.
const MARGINS: [(f64, f64); 4] = [(0.7, 0.0), (1.7, 0.2), (2.7, 0.6), (4.0, 1.2)];
/// The cheapest point is taken at once when the hottest zone comes this near to the trip point.
const NEAR_TRIP: f64 = 0.4;
/// Weather is known to this, in K and W: what is alike is reckoned once.
const ALIKE: f64 = 0.5;

/// What the optimum came to.
#[derive(Clone, Debug)]
pub struct Optimum {
    /// The value that the backward pass promises.
    pub bound: f64,
    /// What was achieved on the true plant.
    pub achieved: Score,
    /// How.
    pub trace: Trace,
}

impl Optimum {
    /// What others are compared with: the larger of both.
    pub fn value(&self) -> f64 {
        self.bound.max(self.achieved.value)
    }
}

/// Finds it.
pub fn find(of: Match<'_>) -> Optimum {
    let cheapest = Attempt::play(of, &mut Fixed(0));
    let harmless = |attempt: &Attempt| attempt.trace.counts.is_no_worse_than(cheapest.trace.counts);
    let mut bound = f64::NEG_INFINITY;
    let mut attempts = Vec::new();
    for margins in MARGINS {
        let plan = Plan::new(of, margins);
        bound = bound.max(plan.bound());
        attempts.push(Attempt::play(of, &mut Forward { plan: &plan }));
        if attempts.last().is_some_and(harmless) {
            break;
        }
    }
    // Where two numbers say too little of the plant, one point all day may be better.
    let points = 1..of.world.offers.points.len();
    attempts.extend(points.map(|point| Attempt::play(of, &mut Fixed(point))));
    attempts.retain(harmless);
    attempts.push(cheapest);
    let best = attempts.into_iter().max_by(|a, b| a.score.value.total_cmp(&b.score.value));
    let Attempt { score, trace } = best.expect("the cheapest point was tried");
    Optimum { bound, achieved: score, trace }
}

/// One day that was played.
struct Attempt {
    score: Score,
    trace: Trace,
}

impl Attempt {
    fn play(of: Match<'_>, policy: &mut dyn Policy) -> Self {
        let trace = play(of, policy);
        Self { score: Score::of(of.game, &trace), trace }
    }
}

/// The value of every state at every stage.
struct Plan<'a> {
    of: Match<'a>,
    plant: Box<dyn Plant>,
    /// In °C.
    limit: f64,
    /// In W.
    input_max: f64,
    slow_min: f64,
    slow_lines: usize,
    /// Moments in each stage, by parts.
    moments: Vec<f64>,
    /// By stage, slow line and fast line.
    values: Vec<Vec<f32>>,
}

/// What follows from each state at each point, for one weather: the value's four corners.
struct Table {
    drive: Vec<Drive>,
    next: Vec<(usize, [f32; 4], f32)>,
}

impl<'a> Plan<'a> {
    fn new(of: Match<'a>, (margin, spared): (f64, f64)) -> Self {
        let World { scenario, .. } = of.world;
        let plant = of.make.plant(scenario.board, Celsius(25.0));
        let stages = of.game.end.0 as usize / STAGE_S;
        let ambient = |stage: usize| of.world.around(At((stage * STAGE_S) as f64)).ambient.0;
        let slow_min = (0..=stages).map(ambient).fold(f64::INFINITY, f64::min) - 1.0;
        let slow_lines = ((SLOW_MAX - slow_min) / SLOW_STEP).ceil() as usize + 1;
        let limit = scenario.board.trips().0.0 - margin;
        let input_max = scenario.power_max().0 - spared;
        let moments = moments_by_stage(of.game, stages);
        let states = slow_lines * ABOVE;
        let values = vec![vec![0.0; states]];
        let mut plan = Self { of, plant, limit, input_max, slow_min, slow_lines, moments, values };
        plan.backward(stages);
        plan
    }

    fn backward(&mut self, stages: usize) {
        let mut table = None;
        for stage in (0..stages).rev() {
            let drive = self.drives(stage);
            let fits = |table: &Table| table.drive == drive;
            if !table.as_ref().is_some_and(fits) {
                table = Some(self.table(drive));
            }
            let Some(table) = &table else { continue };
            let rewards = self.rewards(stage);
            let after = self.values.last().expect("the values after the last stage");
            let points = rewards.len();
            let value = |state: usize| {
                let at = |point: usize| {
                    let (corner, weights, penalty) = &table.next[state * points + point];
                    let ahead = look_up(after, *corner, weights);
                    rewards[point] + ahead - penalty
                };
                (0..points).map(at).fold(f32::NEG_INFINITY, f32::max)
            };
            let values = (0..self.slow_lines * ABOVE).map(value).collect();
            self.values.push(values);
        }
        self.values.reverse();
    }

    /// What acts on the plant at each point during a stage; the weather a little rounded.
    fn drives(&self, stage: usize) -> Vec<Drive> {
        let at = At((stage * STAGE_S) as f64);
        let points = 0..self.of.world.offers.points.len();
        let rounded = |value: f64| (value / ALIKE).round() * ALIKE;
        points
            .map(|point| {
                let mut drive = self.of.world.drive(at, point);
                drive.around.ambient.0 = rounded(drive.around.ambient.0);
                drive.around.sun.0 = rounded(drive.around.sun.0);
                drive
            })
            .collect()
    }

    fn table(&self, drive: Vec<Drive>) -> Table {
        let mut next = Vec::with_capacity(self.slow_lines * ABOVE * drive.len());
        for state in 0..self.slow_lines * ABOVE {
            let slow = self.slow_min + SLOW_STEP * (state / ABOVE) as f64;
            let fast = slow + ABOVE_STEP * (state % ABOVE) as f64;
            let lumps = Lumps { slow: Celsius(slow), fast: Celsius(fast) };
            for drive in &drive {
                let (after, penalty) = self.after(lumps, drive);
                let (corner, weights) = self.place(after);
                next.push((corner, weights, penalty as f32));
            }
        }
        Table { drive, next }
    }

    /// The heat after a stage, and what is taken off for being too hot in it or for asking too
    /// much of the supply.
    fn after(&self, lumps: Lumps, drive: &Drive) -> (Lumps, f64) {
        let after = self.plant.glide(lumps, drive, Duration::from_secs(STAGE_S as u64));
        let hottest = self.plant.hottest_at(after, drive).0;
        let input = self.plant.drawn_at(after, drive).max(self.plant.drawn_at(lumps, drive));
        let too_dear = (input.0 - self.input_max).max(0.0);
        (after, PENALTY * ((hottest - self.limit).max(0.0) + too_dear))
    }

    /// Moments' worth of a stage at each point: its moments, and its frames in the same coin.
    fn rewards(&self, stage: usize) -> Vec<f32> {
        let (left, _) = self.of.world.neighbour(At((stage * STAGE_S) as f64));
        let total = self.of.game.moments.len().max(1) as f64;
        let frames = (1.0 - worth::MOMENTS) / worth::MOMENTS * total / self.moments.len() as f64;
        let offers = &self.of.world.offers.points;
        let reward = |point: &crate::offers::Offer| {
            let achieved = point.achieved(Capacity { clock: 1.0, left });
            (self.moments[stage] * achieved.recall + frames * achieved.covered) as f32
        };
        offers.iter().map(reward).collect()
    }

    /// Where on the grid a heat lies: the lower corner, and the weights of the four around it.
    fn place(&self, lumps: Lumps) -> (usize, [f32; 4]) {
        let along = |value: f64, lines: usize| {
            let value = value.clamp(0.0, (lines - 1) as f64 - 1e-6);
            (value as usize, value.fract() as f32)
        };
        let (slow, s) = along((lumps.slow.0 - self.slow_min) / SLOW_STEP, self.slow_lines);
        let (above, a) = along((lumps.fast.0 - lumps.slow.0) / ABOVE_STEP, ABOVE);
        let weights = [(1.0 - s) * (1.0 - a), (1.0 - s) * a, s * (1.0 - a), s * a];
        (slow * ABOVE + above, weights)
    }

    fn bound(&self) -> f64 {
        let ambient = self.of.world.around(At(0.0)).ambient;
        let (corner, weights) = self.place(Lumps { fast: ambient, slow: ambient });
        let promised = f64::from(look_up(&self.values[0], corner, &weights));
        worth::MOMENTS * promised / self.of.game.moments.len().max(1) as f64
    }

    fn best(&self, stage: usize, lumps: Lumps) -> usize {
        let rewards = self.rewards(stage);
        let value = |(point, drive): (usize, &Drive)| {
            let (after, penalty) = self.after(lumps, drive);
            let (corner, weights) = self.place(after);
            let ahead = look_up(&self.values[stage + 1], corner, &weights);
            (point, rewards[point] + ahead - penalty as f32)
        };
        let all = self.drives(stage);
        let best = all.iter().enumerate().map(value).max_by(|(_, a), (_, b)| a.total_cmp(b));
        best.map_or(0, |(point, _)| point)
    }
}

/// Parts of moments by stage. A decision at a stage's beginning is in force a step later.
fn moments_by_stage(game: &Game, stages: usize) -> Vec<f64> {
    let mut moments = vec![0.0; stages];
    for at in &game.moments {
        let step = at.step();
        let window = step.saturating_sub(AROUND)..=step + AROUND;
        let share = 1.0 / window.clone().count() as f64;
        for step in window {
            let stage = step.saturating_sub(1) / (STAGE_S * STEPS_PER_SECOND);
            if let Some(sum) = moments.get_mut(stage) {
                *sum += share;
            }
        }
    }
    moments
}

fn look_up(values: &[f32], corner: usize, weights: &[f32; 4]) -> f32 {
    weights[0] * values[corner]
        + weights[1] * values[corner + 1]
        + weights[2] * values[corner + ABOVE]
        + weights[3] * values[corner + ABOVE + 1]
}

/// The plan, followed on the true plant.
struct Forward<'a> {
    plan: &'a Plan<'a>,
}

impl Policy for Forward<'_> {
    fn decide(&mut self, seen: &Observation) -> usize {
        let stage = (seen.now.0 as usize / STAGE_S).min(self.plan.moments.len() - 1);
        if seen.hidden.below_trip < NEAR_TRIP {
            return 0;
        }
        self.plan.best(stage, seen.hidden.lumps)
    }
}
