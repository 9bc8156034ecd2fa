//! The governor: state and load to operating point.
//!
//! Temperature decides the [`State`]; within `Nominal` the operating point follows the engine's
//! load: up one rung when the next one is expected to fit, down one when the engine is too busy
//! or too slow. `Throttled` goes down a rung every ten seconds while it stays hot and never up;
//! `Critical` and `Shutdown` are the lowest rung. Constants and their reasons:
//! `docs/governor.md`.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::Millicelsius;

use crate::engine::{CLIMB_LOAD_MAX, Meter, RUNGS_MAX, Verdict, Work};
use crate::operating_point::OperatingPoint;
use crate::reason::{Change, Finding, Mode, Reason, Status};
use crate::state::{BOOT_GRACE, COOL_DWELL, EMERGENCY_DWELL, Heat, State, step};
use crate::thermal::{Band, Probe, Thermometer, Worst};

/// Time between two steps down while it stays hot: what a heat sink needs to show the effect.
pub const THROTTLE_STEP: Duration = Duration::from_secs(10);
/// Least time between two changes that are not forced by [`Band::Critical`].
pub const DWELL: Duration = Duration::from_secs(2);
/// Time on a rung before the next climb, once a step down was needed; doubled with each further
/// one.
pub const CLIMB_DWELL: Duration = Duration::from_secs(30);
/// Steps down are forgotten one by one in this time.
pub const SETBACK_MEMORY: Duration = Duration::from_secs(1_800);
/// Most changes of a lane's tier in any hour. A climb is allowed only if every step down that
/// may follow still fits.
pub const TIER_CHANGES_PER_HOUR: usize = 8;

/// Most doublings of [`CLIMB_DWELL`]: 16 minutes.
const SETBACKS_MAX: u8 = 6;
const HOUR: Duration = Duration::from_secs(3_600);

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Another state or operating point is in force.
    Changed(Change),
    /// Tell the operator.
    Report(Finding),
    /// Finish what is being written and power the box off. Returned once.
    ShutDown(Reason),
}

/// What the governor waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The end of [`BOOT_GRACE`].
    FirstReadings,
    /// The end of [`COOL_DWELL`].
    Cooling,
    /// The end of [`EMERGENCY_DWELL`].
    Emergency,
    /// Readings that are overdue, and the assumed temperature that grows meanwhile.
    Readings,
}

/// Chooses the operating point. Hand in what is measured, then call [`next`](Self::next) until
/// it returns `None`.
#[derive(Clone, Debug)]
pub struct Governor {
    ladder: heapless::Vec<OperatingPoint, RUNGS_MAX>,
    rung: usize,
    state: State,
    thermometer: Thermometer,
    had_readings: bool,
    meter: Meter,
    decided: Monotonic,
    /// When the rung last changed; `None` before.
    changed: Option<Monotonic>,
    setbacks: u8,
    setback: Monotonic,
    tier_changes: heapless::Vec<Monotonic, TIER_CHANGES_PER_HOUR>,
    told: Told,
    reason: Reason,
}

/// What the shell knows.
#[derive(Clone, Debug)]
struct Told {
    status: Status,
    no_temperature: bool,
    left_out: usize,
    shutdown: bool,
}

impl Governor {
    /// A governor of a box of which nothing is known: it starts on the lowest rung of `ladder`
    /// and climbs as far as temperature and engine allow.
    ///
    /// # Panics
    /// If the ladder has no rung or more than [`RUNGS_MAX`]: ladders come from constants.
    pub fn new(now: Monotonic, ladder: &[OperatingPoint]) -> Self {
        assert!(!ladder.is_empty(), "a ladder has a lowest rung");
        let ladder = heapless::Vec::from_slice(ladder).expect("at most RUNGS_MAX rungs");
        let mut meter = Meter::default();
        meter.restart(now);
        let status = Status { mode: Mode::Boot, point: ladder[0] };
        Self {
            ladder,
            rung: 0,
            state: State::Boot { since: now },
            thermometer: Thermometer::default(),
            had_readings: false,
            meter,
            decided: now,
            changed: None,
            setbacks: 0,
            setback: now,
            tier_changes: heapless::Vec::new(),
            told: Told { status, no_temperature: false, left_out: 0, shutdown: false },
            reason: Reason::Ready,
        }
    }

    /// Takes in what a frame costs at an operating point by the packs' own figures. Without it a
    /// larger tier is expected to cost twice as much.
    pub fn handle_costs(&mut self, cost_of: impl Fn(OperatingPoint) -> Duration) {
        self.meter.claim(self.ladder.iter().map(|point| cost_of(*point)));
    }

    /// Takes in how much a sensor of this board that fell silent may warm up in a second at worst.
    /// Without it the rate is [`SLEW_PER_SECOND`](crate::thermal::SLEW_PER_SECOND).
    pub fn handle_slew(&mut self, per_second: Millicelsius) {
        self.thermometer.set_slew(per_second);
    }

    /// Takes in the temperatures. Call it about once a second, with the sensors always in the
    /// same order; an empty list says that the box has none.
    pub fn handle_readings(&mut self, now: Monotonic, probes: &[Probe<'_>]) {
        self.had_readings = true;
        self.thermometer.update(now, probes);
        self.decide(now);
    }

    /// Takes in what the engine did since the last call. Call it about once a second.
    pub fn handle_work(&mut self, now: Monotonic, work: Work) {
        self.meter.observe(now, self.rung, work);
        let heat = self.decide(now);
        match self.meter.verdict() {
            Verdict::Unknown => {}
            Verdict::Busy(load) => self.step_down(now, DWELL, Reason::Busy(load)),
            Verdict::Slow(slowest) => self.step_down(now, DWELL, Reason::Slow(slowest)),
            Verdict::Fine(load) => self.climb(now, heat, load),
        }
    }

    /// Takes in what the supply says. Call it about once a second.
    pub fn handle_power(&mut self, _now: Monotonic, _sample: crate::power::Sample) {}

    /// Takes in what other programs leave. Call it about once a second.
    pub fn handle_pressure(&mut self, _now: Monotonic, _pressure: crate::pressure::Pressure) {}

    /// Takes in that a moment may be coming; the point in force may change at once.
    pub fn handle_cue(&mut self, _now: Monotonic, _cue: crate::cue::Cue) {}

    /// Takes in what the supply may be asked for all the time.
    pub fn handle_budget(&mut self, _power_max: wire::units::Milliwatts) {}

    /// Why this operating point is in force, what limits it and what would be next, for people.
    pub fn explain(&self, _now: Monotonic) -> Status {
        self.status()
    }

    /// What the engine is asked to do now.
    pub fn operating_point(&self) -> OperatingPoint {
        self.ladder[self.rung]
    }

    /// State and operating point.
    pub fn status(&self) -> Status {
        Status { mode: self.state.mode(), point: self.operating_point() }
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The next thing to do; several changes since the last call are one.
    pub fn next(&mut self, now: Monotonic) -> Option<Effect> {
        let heat = self.decide(now);
        if let Some(finding) = self.finding(now, heat) {
            return Some(Effect::Report(finding));
        }
        let status = self.status();
        if status != self.told.status {
            let before = core::mem::replace(&mut self.told.status, status);
            let reason = self.reason.clone();
            return Some(Effect::Changed(Change { before, after: status, reason }));
        }
        if self.state == State::Shutdown && !core::mem::replace(&mut self.told.shutdown, true) {
            return Some(Effect::ShutDown(self.reason.clone()));
        }
        None
    }

    /// When [`next`](Self::next) may return something although nothing was handed in.
    pub fn deadline(&self) -> Option<(Monotonic, Wait)> {
        let state = match self.state {
            State::Boot { since } => Some((since.plus(BOOT_GRACE), Wait::FirstReadings)),
            State::Throttled { cool_since: Some(since) }
            | State::Critical { calm_since: Some(since), .. } => {
                Some((since.plus(COOL_DWELL), Wait::Cooling))
            }
            State::Critical { emergency_since: Some(since), .. } => {
                Some((since.plus(EMERGENCY_DWELL), Wait::Emergency))
            }
            State::Nominal
            | State::Throttled { cool_since: None }
            | State::Critical { calm_since: None, emergency_since: None }
            | State::Shutdown => None,
        };
        let a_second_on = self.decided.plus(Duration::from_secs(1));
        let silent = self.thermometer.worst(self.decided).and(self.thermometer.silent_at());
        let readings = silent.map(|at| (at.max(a_second_on), Wait::Readings));
        state.into_iter().chain(readings).min_by_key(|(at, _)| *at)
    }

    /// Lets the temperature act.
    fn decide(&mut self, now: Monotonic) -> Heat {
        self.decided = now;
        let worst = self.thermometer.worst(now);
        let heat = match &worst {
            Some(worst) => Heat::Band(worst.band),
            None if self.had_readings => Heat::NoSensor,
            None => Heat::Unknown,
        };
        let before = self.state;
        self.state = step(before, now, heat);
        if self.state.mode() != before.mode() {
            self.reason = reason_of(self.state, worst.clone());
        }
        match (self.state, worst) {
            (State::Critical { .. } | State::Shutdown, Some(worst)) if self.rung > 0 => {
                self.set_back(now);
                self.move_to(now, 0, Reason::Hot(worst));
            }
            (State::Throttled { .. }, Some(worst)) if worst.band == Band::Hot => {
                self.step_down(now, THROTTLE_STEP, Reason::Hot(worst));
            }
            _ => {}
        }
        heat
    }

    fn step_down(&mut self, now: Monotonic, dwell: Duration, reason: Reason) {
        if self.rung > 0 && self.rests(now) >= dwell {
            self.set_back(now);
            self.move_to(now, self.rung - 1, reason);
        }
    }

    fn climb(&mut self, now: Monotonic, heat: Heat, load: wire::units::Permille) {
        let next = self.rung + 1;
        let cool = matches!(heat, Heat::Unknown | Heat::NoSensor | Heat::Band(Band::Cool));
        if self.state != State::Nominal || !cool || next >= self.ladder.len() {
            return;
        }
        if self.rests(now) < self.climb_dwell(now) || !self.has_tier_changes_for(now, next) {
            return;
        }
        let expected = self.meter.expected(now, &self.ladder, (self.rung, next));
        if expected <= CLIMB_LOAD_MAX {
            self.move_to(now, next, Reason::Headroom(load));
        }
    }

    fn move_to(&mut self, now: Monotonic, rung: usize, reason: Reason) {
        if self.tiers_differ(self.rung, rung) {
            self.forget_tier_changes(now);
            let pushed = self.tier_changes.push(now);
            assert!(pushed.is_ok(), "every climb leaves room for the steps down after it");
        }
        self.rung = rung;
        self.reason = reason;
        self.changed = Some(now);
        self.meter.restart(now);
    }

    /// Time since the last change; for ever before the first.
    fn rests(&self, now: Monotonic) -> Duration {
        self.changed.map_or(Duration::MAX, |at| now.since(at))
    }

    fn set_back(&mut self, now: Monotonic) {
        self.setbacks = (self.setbacks + 1).min(SETBACKS_MAX);
        self.setback = now;
    }

    fn climb_dwell(&mut self, now: Monotonic) -> Duration {
        while self.setbacks > 0 && now.since(self.setback) >= SETBACK_MEMORY {
            self.setbacks -= 1;
            self.setback = self.setback.plus(SETBACK_MEMORY);
        }
        match self.setbacks {
            0 => DWELL,
            n => CLIMB_DWELL * (1 << (n - 1)),
        }
    }

    fn tiers_differ(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.ladder[a], self.ladder[b]);
        (a.ball_tier, a.rim_tier) != (b.ball_tier, b.rim_tier)
    }

    /// Whether the climb to `rung`, and then every step down from it, fit the hour's allowance.
    fn has_tier_changes_for(&mut self, now: Monotonic, rung: usize) -> bool {
        if !self.tiers_differ(self.rung, rung) {
            return true;
        }
        self.forget_tier_changes(now);
        let downs = (0..rung).filter(|lower| self.tiers_differ(*lower, lower + 1)).count();
        self.tier_changes.len() + 1 + downs <= TIER_CHANGES_PER_HOUR
    }

    fn forget_tier_changes(&mut self, now: Monotonic) {
        self.tier_changes.retain(|at| now.since(*at) < HOUR);
    }

    fn finding(&mut self, now: Monotonic, heat: Heat) -> Option<Finding> {
        let booted = self.state.mode() != Mode::Boot;
        let blind = booted && matches!(heat, Heat::Unknown | Heat::NoSensor);
        if blind != self.told.no_temperature {
            self.told.no_temperature = blind;
            if blind {
                return Some(Finding::NoTemperature);
            }
        }
        let left_out = self.thermometer.left_out();
        if left_out != self.told.left_out {
            self.told.left_out = left_out;
            if left_out > 0 {
                return Some(Finding::SensorsLeftOut(left_out));
            }
        }
        self.thermometer.next_loss(now).map(Finding::SensorLost)
    }
}

/// Why a state was entered.
fn reason_of(state: State, worst: Option<Worst>) -> Reason {
    match (state, worst) {
        (State::Shutdown | State::Critical { .. }, Some(worst)) => Reason::Hot(worst),
        (State::Throttled { .. }, Some(worst)) if worst.band >= Band::Hot => Reason::Hot(worst),
        (State::Throttled { .. }, Some(worst)) => Reason::Cooled(worst),
        (State::Nominal, Some(_)) => Reason::Ready,
        (State::Boot { .. }, Some(_)) => Reason::Ready,
        (_, None) => Reason::NoTemperature,
    }
}
