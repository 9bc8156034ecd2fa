//! What the box draws, what each operating point adds to it, and what it may.
//!
//! What was measured on a rung is believed before what calibration says, and that before a guess
//! by the engine's load. Where nothing measures power the guess drives the thermal models alone:
//! they learn what it is worth.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::{Milliwatts, Permille};

use crate::engine::RUNGS_MAX;
use crate::response::P95;

/// How long an over-current event is remembered: what it was drawing then is too much.
pub const CEILING_MEMORY: Duration = Duration::from_secs(1_800);
/// How long it is believed what a rung drew: it may have been another program's.
const LEVEL_MEMORY: Duration = Duration::from_secs(1_800);
/// A meter that has been silent for so long measures nothing.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Below what was drawn at an over-current event.
const CEILING_SHARE: f32 = 0.95;
/// What an engine that is busy all the time is guessed to add, in watts.
const WATTS_PER_LOAD: f32 = 15.0;
/// What the rest of the box is guessed to draw, in watts.
const WATTS_IDLE: f32 = 6.0;
/// Until a change shows in full.
const SETTLE: Duration = Duration::from_secs(2);
/// What has jumped by then is the rung's; what moves later is somebody else's.
const JUMP: Duration = Duration::from_secs(8);

/// One reading of the supply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What the whole box draws; `None` if nothing measures it.
    pub input: Option<Milliwatts>,
    /// How often the supply's or a rail's over-current alarm came since the last reading.
    pub over_current: u32,
}

/// Follows the supply. All values are watts.
#[derive(Clone, Debug, Default)]
pub struct Supply {
    /// What each rung draws beside an idle engine, as calibration measured it.
    claims: [Option<f32>; RUNGS_MAX],
    /// What each rung drew beside the first one, as it was measured when it came into force.
    levels: [Option<(Monotonic, f32)>; RUNGS_MAX],
    /// What is drawn beside the rung's own.
    offset: Option<f32>,
    /// Smoothed over some seconds, and how far single readings are from it.
    now: Option<f32>,
    spread: f32,
    budget: Option<f32>,
    ceiling: Option<(Monotonic, f32)>,
    changed: Monotonic,
    /// When the meter answered last.
    answered: Option<Monotonic>,
}

/// A rung and the share of the time that the engine is busy there, or is expected to be.
pub type Busy = (usize, Permille);

impl Supply {
    /// Takes in what each rung adds to an idle box.
    pub fn claim(&mut self, powers: impl Iterator<Item = Option<Milliwatts>>) {
        for (claim, power) in self.claims.iter_mut().zip(powers) {
            *claim = power.map(watts);
        }
    }

    /// Takes in what the supply may be asked for all the time.
    pub fn set_budget(&mut self, budget: Milliwatts) {
        self.budget = Some(watts(budget));
    }

    /// Another rung is in force.
    pub fn restart(&mut self, now: Monotonic, (from, to): (Busy, Busy)) {
        // The step is known before it is measured.
        let step = self.step(now, from, to);
        self.now = self.now.map(|now| (now + step).max(0.0));
        self.changed = now;
    }

    /// What is asked for has changed without the rung: what moves now is not the rung's.
    pub fn disturb(&mut self, now: Monotonic) {
        self.changed = Monotonic(now.0.saturating_sub(JUMP.as_micros() as u64));
    }

    /// Takes in a reading on a rung; whether it tells of an over-current event.
    pub fn observe(&mut self, now: Monotonic, (rung, load): Busy, sample: Sample) -> bool {
        if self.answered.is_some_and(|at| now.since(at) >= SILENCE_MAX) {
            (self.now, self.offset, self.answered) = (None, None, None);
            self.levels = [None; RUNGS_MAX];
        }
        if let Some(input) = sample.input.map(watts) {
            self.answered = Some(now);
            let before = *self.now.get_or_insert(input);
            self.spread += 0.05 * ((input - before).abs() - self.spread);
            self.now = Some(before + 0.2 * (input - before));
            self.attribute(now, rung, input);
        }
        if sample.over_current > 0 {
            let drawn = self.drawn(load) * CEILING_SHARE;
            let lower = self.ceiling(now).map_or(drawn, |ceiling| ceiling.min(drawn));
            self.ceiling = Some((now, lower));
        }
        sample.over_current > 0
    }

    /// What the box draws now with the engine busy for `load` of the time.
    pub fn drawn(&self, load: Permille) -> f32 {
        self.now.unwrap_or_else(|| WATTS_IDLE + WATTS_PER_LOAD * load.as_share())
    }

    /// What it will draw on rung `to`.
    pub fn expected(&self, now: Monotonic, (from, to): (Busy, Busy)) -> f32 {
        (self.drawn(from.1) + self.step(now, from, to)).max(0.0)
    }

    /// Whether an over-current event is remembered.
    pub fn is_alarmed(&self, now: Monotonic) -> bool {
        self.ceiling(now).is_some()
    }

    /// What may be drawn; `None` if nothing limits it.
    pub fn limit(&self, now: Monotonic) -> Option<f32> {
        let limits = self.budget.into_iter().chain(self.ceiling(now));
        limits.min_by(f32::total_cmp)
    }

    /// What single readings are above the mean by at most, 19 times of 20.
    pub fn margin(&self) -> f32 {
        self.spread * P95
    }

    fn attribute(&mut self, now: Monotonic, rung: usize, input: f32) {
        let age = now.since(self.changed);
        let Some(offset) = self.offset else {
            self.offset = Some(input);
            self.levels[rung] = Some((now, 0.0));
            return;
        };
        if age < SETTLE {
            return;
        }
        let beside = input - offset;
        match &mut self.levels[rung] {
            None => self.levels[rung] = Some((now, beside)),
            Some((at, level)) if age < JUMP => {
                *level += 0.2 * (beside - *level);
                *at = now;
            }
            Some((at, level)) => {
                self.offset = Some(offset + 0.2 * (beside - *level));
                *at = now;
            }
        }
    }

    fn ceiling(&self, now: Monotonic) -> Option<f32> {
        let lasts = |(at, _): &(Monotonic, f32)| now.since(*at) < CEILING_MEMORY;
        self.ceiling.filter(lasts).map(|(_, watts)| watts)
    }

    fn step(&self, now: Monotonic, (from, busy): Busy, (to, expected): Busy) -> f32 {
        let level = |rung: usize| {
            let recent = |(at, _): &(Monotonic, f32)| now.since(*at) < LEVEL_MEMORY;
            self.levels[rung].filter(recent).map(|(_, level)| level)
        };
        let measured = || Some(level(to)? - level(from)?);
        let claimed = || Some(self.claims[to]? - self.claims[from]?);
        let guessed = WATTS_PER_LOAD * (expected.as_share() - busy.as_share());
        // Only where power is measured are claims in the same unit as what is drawn.
        let known = self.now.and_then(|_| measured().or_else(claimed));
        known.unwrap_or(guessed)
    }
}

fn watts(power: Milliwatts) -> f32 {
    power.0 as f32 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Busy = (0, Permille(100));
    const BUSY: Busy = (2, Permille(500));

    fn sample(milliwatts: u32) -> Sample {
        Sample { input: Some(Milliwatts(milliwatts)), over_current: 0 }
    }

    fn second(count: u64) -> Monotonic {
        Monotonic::from_millis(count * 1_000)
    }

    fn on_both_rungs() -> Supply {
        let mut supply = Supply::default();
        (0..100).for_each(|s| _ = supply.observe(second(s), IDLE, sample(10_000)));
        supply.restart(second(100), (IDLE, BUSY));
        (100..200).for_each(|s| _ = supply.observe(second(s), BUSY, sample(22_000)));
        supply
    }

    #[test]
    fn a_rung_costs_what_was_measured_there_whatever_else_draws_now() {
        let mut supply = on_both_rungs();
        let down = supply.expected(second(200), (BUSY, IDLE));
        assert!((down - 10.0).abs() < 0.5, "{down} W");
        // A neighbour draws 4 W more.
        (200..260).for_each(|s| _ = supply.observe(second(s), BUSY, sample(26_000)));
        let down = supply.expected(second(260), (BUSY, IDLE));
        assert!((13.0..15.0).contains(&down), "{down} W");
    }

    #[test]
    fn calibration_is_believed_until_a_rung_was_in_force_and_a_guess_without_it() {
        let mut supply = Supply::default();
        (0..100).for_each(|s| _ = supply.observe(second(s), IDLE, sample(10_000)));
        let expected = |supply: &Supply| supply.expected(second(100), (IDLE, BUSY));
        assert_eq!(expected(&supply), 10.0 + 0.4 * WATTS_PER_LOAD);
        supply.claim([Some(2_000), None, Some(9_000)].map(|p| p.map(Milliwatts)).into_iter());
        assert_eq!(expected(&supply), 17.0);
        assert_eq!(Supply::default().drawn(Permille(500)), WATTS_IDLE + WATTS_PER_LOAD / 2.0);
    }

    #[test]
    fn what_was_measured_on_a_rung_is_tried_again_after_half_an_hour() {
        let mut supply = on_both_rungs();
        supply.restart(second(200), (BUSY, IDLE));
        (200..2_100).for_each(|s| _ = supply.observe(second(s), IDLE, sample(10_000)));
        let expected = |at: u64| supply.expected(second(at), (IDLE, BUSY));
        assert!((expected(1_900) - 22.0).abs() < 0.5, "{}", expected(1_900));
        assert!((expected(2_100) - 10.0 - 0.4 * WATTS_PER_LOAD).abs() < 0.01);
    }

    #[test]
    fn a_meter_that_falls_silent_measures_nothing() {
        let mut supply = on_both_rungs();
        (200..210).for_each(|s| _ = supply.observe(second(s), BUSY, Sample::default()));
        assert_eq!(supply.drawn(Permille(500)), WATTS_IDLE + WATTS_PER_LOAD / 2.0);
    }

    #[test]
    fn an_over_current_event_teaches_a_ceiling_for_half_an_hour() {
        let mut supply = on_both_rungs();
        assert_eq!(supply.limit(second(200)), None);
        supply.set_budget(Milliwatts(30_000));
        assert!(supply.observe(second(200), BUSY, Sample { over_current: 1, ..sample(22_000) }));
        let limit = supply.limit(second(200)).expect("an event teaches");
        assert!((limit - 20.9).abs() < 0.3, "{limit} W");
        assert_eq!(supply.limit(second(200 + 1_800)), Some(30.0));
    }
}
