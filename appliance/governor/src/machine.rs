//! The governor: what is measured goes in, the operating point and its reason come out.
//!
//! Temperature decides the [`State`]. In `Nominal` [`pursuit`](crate::pursuit) chooses: the
//! highest point that engine, heat a minute ahead and supply allow, less what is saved for
//! sprints. `Throttled` goes down a rung every ten seconds while it stays hot and never up: the
//! prediction was wrong. `Critical` and `Shutdown` are the lowest rung, and `Critical` leaves out
//! lanes one after the other. Constants and their reasons: `docs/governor.md`.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts};

use crate::choice::Plan;
use crate::cue::{Cue, Wish};
use crate::engine::{Meter, RUNGS_MAX, Work};
use crate::forecast::Forecast;
use crate::operating_point::{Claim, OperatingPoint, Shed};
use crate::power::{Sample, Supply};
use crate::pressure::{Pressure, Strain};
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
/// Most changes of a lane's tier in any hour beside those that a cue asks for. A climb is allowed
/// only if a way down still fits; with the last change the box goes down as far as it can.
pub const TIER_CHANGES_PER_HOUR: usize = 6;
/// In `Critical`, so long after one lane was left out the next one is.
pub const SHED_STEP: Duration = Duration::from_secs(10);
/// After a sensor was silent, so long must all answer before anything faster is chosen.
pub const SEEING_DWELL: Duration = Duration::from_secs(30);
/// Changes that are remembered for people.
pub const HISTORY: usize = 12;

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

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
    /// The end of a sprint.
    Sprint,
}

/// What the game asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// No cue, or none that is granted: heat is saved.
    Quiet,
    /// A cue asked for more, and it is spent.
    Sprint {
        /// The rung of quiet play to go back to.
        from: usize,
    },
}

/// Who chooses the operating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The governor.
    Adaptive,
    /// The configuration: the upper of two rungs is in force while the box can stand it.
    Pinned,
}

/// Chooses the operating point. Hand in what is measured, then call [`next`](Self::next) until
/// it returns `None`.
#[derive(Clone, Debug)]
pub struct Governor {
    pub(crate) ladder: heapless::Vec<OperatingPoint, RUNGS_MAX>,
    pub(crate) claims: heapless::Vec<Claim, RUNGS_MAX>,
    pub(crate) choice: Choice,
    pub(crate) rung: usize,
    pub(crate) play: Play,
    pub(crate) plan: Plan,
    /// How much of what each strength of cue asks for the plan can afford.
    pub(crate) served: [f32; 3],
    pub(crate) state: State,
    pub(crate) thermometer: Thermometer,
    pub(crate) forecast: Forecast,
    pub(crate) supply: Supply,
    pub(crate) strain: Strain,
    pub(crate) wish: Wish,
    had_readings: bool,
    pub(crate) meter: Meter,
    decided: Monotonic,
    /// When the rung last changed; `None` before.
    pub(crate) changed: Option<Monotonic>,
    /// When the rung of quiet play last changed; `None` before.
    pub(crate) settled: Option<Monotonic>,
    /// When heat last ended a sprint; `None` before.
    pub(crate) cooled: Option<Monotonic>,
    /// A sensor was silent for too long: until when nothing faster is chosen than before.
    pub(crate) blind_until: Option<Monotonic>,
    pub(crate) setbacks: u8,
    pub(crate) setback: Monotonic,
    /// Since when the box is critical by what is measured.
    critical_since: Option<Monotonic>,
    pub(crate) tier_changes: heapless::Vec<Monotonic, TIER_CHANGES_PER_HOUR>,
    told: Told,
    pub(crate) reason: Reason,
    pub(crate) history: heapless::Deque<(Monotonic, Change), HISTORY>,
}

/// What the shell knows.
#[derive(Clone, Debug)]
struct Told {
    status: Status,
    sprinting: bool,
    no_temperature: bool,
    left_out: usize,
    shutdown: bool,
}

impl Governor {
    /// A governor of a box of which nothing is known: it starts on the lowest rung of `ladder`
    /// and climbs as far as temperature, supply and engine allow.
    ///
    /// # Panics
    /// If the ladder has no rung or more than [`RUNGS_MAX`]: ladders come from constants.
    pub fn new(now: Monotonic, ladder: &[OperatingPoint]) -> Self {
        assert!(!ladder.is_empty(), "a ladder has a lowest rung");
        let ladder = heapless::Vec::from_slice(ladder).expect("at most RUNGS_MAX rungs");
        let mut meter = Meter::default();
        meter.begin(now);
        let status = Status { mode: Mode::Boot, point: ladder[0] };
        Self {
            claims: ladder.iter().enumerate().map(|(rung, _)| Claim::unknown(rung)).collect(),
            ladder,
            choice: Choice::Adaptive,
            rung: 0,
            play: Play::Quiet,
            plan: Plan::default(),
            served: [1.0; 3],
            state: State::Boot { since: now },
            thermometer: Thermometer::default(),
            forecast: Forecast::default(),
            supply: Supply::default(),
            strain: Strain::default(),
            wish: Wish::default(),
            had_readings: false,
            meter,
            decided: now,
            changed: None,
            settled: None,
            cooled: None,
            blind_until: None,
            setbacks: 0,
            setback: now,
            critical_since: None,
            tier_changes: heapless::Vec::new(),
            told: Told {
                status,
                sprinting: false,
                no_temperature: false,
                left_out: 0,
                shutdown: false,
            },
            reason: Reason::Ready,
            history: heapless::Deque::new(),
        }
    }

    /// A governor of a box that runs one operating point, whatever comes; only where it would
    /// break the box, in `Critical` and after an over-current alarm, the smallest one is in force.
    pub fn pinned(now: Monotonic, point: OperatingPoint) -> Self {
        let mut governor = Self::new(now, &[OperatingPoint::SMALLEST, point]);
        governor.choice = Choice::Pinned;
        governor.rung = 1;
        governor.reason = Reason::Pinned;
        governor
    }

    /// Takes in what is known of the points of the ladder. Without it a larger tier is expected to
    /// cost twice as much and to see a little more.
    pub fn handle_claims(&mut self, claim_of: impl Fn(OperatingPoint) -> Claim) {
        self.claims = self.ladder.iter().map(|point| claim_of(*point)).collect();
        self.meter.claim(self.claims.iter().map(|claim| claim.cost));
        self.supply.claim(self.claims.iter().map(|claim| claim.power));
    }

    /// Takes in what the supply may be asked for all the time.
    pub fn handle_budget(&mut self, power_max: Milliwatts) {
        self.supply.set_budget(power_max);
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
        self.forecast.observe(now, &self.thermometer, self.drawn());
        self.decide(now);
    }

    /// Takes in what the supply says. Call it about once a second.
    pub fn handle_power(&mut self, now: Monotonic, sample: Sample) {
        let busy = (self.rung, self.meter.load());
        if self.supply.observe(now, busy, sample) {
            self.shy_away(now);
        }
    }

    /// Takes in what other programs leave. Call it about once a second.
    pub fn handle_pressure(&mut self, now: Monotonic, pressure: Pressure) {
        if self.choice == Choice::Pinned {
            return;
        }
        let before = self.operating_point();
        let Some(reason) = self.strain.observe(now, pressure) else { return };
        // A box that is critical does as little for another reason.
        let is_free = matches!(self.state, State::Boot { .. } | State::Nominal);
        if self.operating_point() != before {
            self.meter.judge_anew();
            self.supply.disturb(now);
            self.reason = if is_free { reason } else { self.reason.clone() };
        }
    }

    /// Takes in that a moment may be coming; the point in force may change at once.
    pub fn handle_cue(&mut self, now: Monotonic, cue: Cue) {
        self.wish.handle(now, cue);
        self.decide(now);
        self.sprint(now);
    }

    /// Takes in that a moment was seen: what cues are worth is learned from it.
    pub fn handle_moment(&mut self, now: Monotonic) {
        self.wish.moment(now);
    }

    /// Takes in what the engine did since the last call. Call it about once a second.
    pub fn handle_work(&mut self, now: Monotonic, work: Work) {
        self.meter.observe(now, self.rung, work);
        self.wish.look(now);
        let heat = self.decide(now);
        self.pursue(now, heat);
    }

    /// What the engine is asked to do now.
    pub fn operating_point(&self) -> OperatingPoint {
        let point = self.ladder[self.rung];
        let shed = point.shed.max(self.shed());
        self.strain.relief().of(OperatingPoint { shed, ..point })
    }

    /// Whether a sprint is under way.
    pub fn is_sprinting(&self) -> bool {
        matches!(self.play, Play::Sprint { .. })
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
            let is_sprinting = self.is_sprinting();
            let was_sprinting = core::mem::replace(&mut self.told.sprinting, is_sprinting);
            let is_usual = match self.reason {
                Reason::Sprint(_) | Reason::Live | Reason::SprintOver => true,
                Reason::TooHotSoon(_) => was_sprinting,
                Reason::Hot(_)
                | Reason::Cooled(_)
                | Reason::Busy(_)
                | Reason::Slow(_)
                | Reason::Headroom(_)
                | Reason::Ready
                | Reason::NoTemperature
                | Reason::Blind(_)
                | Reason::OverBudget(..)
                | Reason::OverCurrent
                | Reason::Saving
                | Reason::Old(_)
                | Reason::ProcessorShort(_)
                | Reason::MemoryShort(_)
                | Reason::Relieved
                | Reason::Pinned => false,
            };
            let is_of_a_sprint = is_usual && before.mode == status.mode;
            let change = Change { before, after: status, reason, is_of_a_sprint };
            if self.history.is_full() {
                self.history.pop_front();
            }
            // There is room: the oldest was taken.
            let _ = self.history.push_back((now, change.clone()));
            return Some(Effect::Changed(change));
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
        let sprint = self.wish.now(self.decided).filter(|_| self.is_sprinting());
        let sprint = sprint.map(|asked| (asked.until, Wait::Sprint));
        state.into_iter().chain(readings).chain(sprint).min_by_key(|(at, _)| *at)
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
            self.reason = reason_of((before, self.state), worst.clone());
        }
        let is_measured = worst.as_ref().is_some_and(|worst| !worst.assumed);
        let is_critical = matches!(self.state, State::Critical { .. }) && is_measured;
        self.critical_since = is_critical.then(|| self.critical_since.unwrap_or(now));
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
        if let Some(name) = self.thermometer.missing(now).cloned() {
            self.blind_until = Some(now.plus(SEEING_DWELL));
            if self.rung > 0 {
                self.set_back(now);
                self.move_to(now, 0, Reason::Blind(name));
            }
        }
        if self.is_sprinting() && !self.is_asked(now) {
            self.end_sprint(now);
        }
        heat
    }

    /// What is left out because the box is critical.
    fn shed(&self) -> Shed {
        let Some(since) = self.critical_since else { return Shed::Nothing };
        match self.decided.since(since).as_secs() / SHED_STEP.as_secs() {
            0 => Shed::Players,
            1 => Shed::Board,
            2.. => Shed::Search,
        }
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
fn reason_of((before, state): (State, State), worst: Option<Worst>) -> Reason {
    match (state, worst) {
        (State::Shutdown | State::Critical { .. }, Some(worst)) => Reason::Hot(worst),
        (State::Throttled { .. }, Some(worst)) if worst.band >= Band::Hot => Reason::Hot(worst),
        (State::Throttled { .. }, Some(worst)) => Reason::Cooled(worst),
        (State::Nominal, Some(worst)) if before.mode() != Mode::Boot => Reason::Cooled(worst),
        (State::Nominal, Some(_)) => Reason::Ready,
        (State::Boot { .. }, Some(_)) => Reason::Ready,
        (_, None) => Reason::NoTemperature,
    }
}
