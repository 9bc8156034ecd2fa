//! Which rung a box that is not too hot goes to, and what stands in the way of a higher one.
//!
//! Owns the order of the rules: what the engine cannot do and what heat and supply forbid comes
//! first, then a sprint that a cue asks for, then the rung of quiet play.

use core::time::Duration;

use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts, Permille};

use crate::choice::{Candidate, Candidates, Plan};
use crate::cue::{Asked, Strength};
use crate::engine::{CLIMB_LOAD_MAX, LOAD_MAX, Verdict};
use crate::forecast::{Horizon, Outlook};
use crate::machine::{Choice, DWELL, Governor, Play};
use crate::power::Busy;
use crate::reason::{Mode, Reason};
use crate::state::{Heat, State};
use crate::thermal::Band;

/// A sprint is granted if heat allows so much of it.
const SPRINT_MIN: Duration = Duration::from_secs(10);
/// After a sprint was ended by heat, the next one waits so long.
const SPRINT_PAUSE: Duration = Duration::from_secs(8);
/// Room beyond the margin that a sprint needs to begin, in 1/1000 °C: one that begins shall last.
const SPRINT_ROOM: i32 = 500;
/// Room beyond the margin that a climb in quiet play needs, so that it is not taken back, in
/// 1/1000 °C.
const CLIMB_ROOM: i32 = 1_000;
/// As long as a sensor's response is not learned, a climb needs so much room there.
const UNKNOWN_ROOM: Millicelsius = Millicelsius(15_000);

/// What stands in the way of an operating point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The box is not in a state to climb.
    State(Mode),
    /// A sensor does not answer.
    Blind,
    /// The engine would be busy for this share of the time.
    Engine(Permille),
    /// A sensor would get too hot.
    Heat(Outlook),
    /// How the box warms up is not known yet, and it is not far from a limit.
    Unknown,
    /// The box would draw the first and may draw the second.
    Supply(Milliwatts, Milliwatts),
    /// Other programs leave too little.
    Pressure,
    /// The hour's changes of tiers are used up.
    Allowance,
    /// The last change is too fresh, for so long.
    Resting(Duration),
    /// It is saved for sprints.
    Saved,
}

/// How far what a cue asks for can be afforded.
enum Afforded {
    /// Whenever it comes.
    All,
    /// While enough is left for what goes before it.
    Spare,
}

impl Governor {
    /// Goes where the rules lead. Called once a second, after the engine's work came in.
    pub(crate) fn pursue(&mut self, now: Monotonic, heat: Heat) {
        if self.state != State::Nominal {
            return;
        }
        if self.choice == Choice::Pinned {
            return self.return_to_pin(now);
        }
        match self.meter.verdict() {
            Verdict::Busy(load) => return self.step_down(now, DWELL, Reason::Busy(load)),
            Verdict::Slow(slowest) => return self.step_down(now, DWELL, Reason::Slow(slowest)),
            Verdict::Unknown | Verdict::Fine(_) => {}
        }
        if let Some(reason) = self.too_much(now) {
            return self.go_down(now, reason);
        }
        if self.wish.now(now).is_some() {
            self.sprint(now);
        }
        match self.play {
            Play::Quiet => self.settle(now, heat),
            Play::Sprint { from } => self.stay(now, from),
        }
    }

    /// A sprint that could last for ever is none: its rung is that of quiet play from now on, if
    /// that is the plan.
    fn stay(&mut self, now: Monotonic, from: usize) {
        let Verdict::Fine(load) = self.meter.verdict() else { return };
        let is_due = self.rests(now) >= STAY_AFTER
            && self.rests_in_quiet(now) >= self.climb_dwell(now)
            && self.has_tier_changes_for(now, from);
        if !is_due || load > CLIMB_LOAD_MAX {
            return;
        }
        let sustainable = self.forecast.sustainable(&self.thermometer).unwrap_or(f32::MAX);
        let (candidates, demand) = (self.candidates(now), self.wish.demand());
        let plan = Plan { base: from, ..self.plan }.best(&candidates, sustainable, &demand);
        if plan.base >= self.rung {
            self.settle_in_sprint(now, from);
        }
    }

    /// Starts or raises a sprint, if a cue asks for one and it is granted.
    pub(crate) fn sprint(&mut self, now: Monotonic) {
        let Some((asked, afforded)) = self.asked(now) else { return };
        let is_paused = self.cooled.is_some_and(|at| now.since(at) < SPRINT_PAUSE);
        if self.state != State::Nominal || self.choice == Choice::Pinned || is_paused {
            return;
        }
        let horizon = match afforded {
            Afforded::All => Horizon::Sprint(SPRINT_MIN),
            // There must be enough left for the others.
            Afforded::Spare => Horizon::Minute,
        };
        let higher = (self.rung + 1..self.ladder.len()).rev();
        let granted = |rung: &usize| self.obstacle(now, *rung, horizon).is_none();
        let Some(rung) = higher.into_iter().find(granted) else { return };
        if self.claims[rung].recall <= self.claims[self.rung].recall {
            return;
        }
        if self.play == Play::Quiet {
            self.play = Play::Sprint { from: self.rung };
        }
        let reason = match asked.strength {
            Strength::Strong | Strength::Weak => Reason::Sprint(asked.cue),
            Strength::Live => Reason::Live,
        };
        self.move_to(now, rung, reason);
    }

    /// Whether a cue asks for a sprint that the plan has heat for.
    pub(crate) fn is_asked(&self, now: Monotonic) -> bool {
        self.asked(now).is_some()
    }

    /// The strongest cue that the plan has heat for.
    fn asked(&self, now: Monotonic) -> Option<(Asked, Afforded)> {
        self.wish.all(now).find_map(|asked| Some((asked, self.affords(asked.strength)?)))
    }

    fn affords(&self, strength: Strength) -> Option<Afforded> {
        let in_full = |served: f32| served >= 0.99;
        let served = self.served[strength as usize];
        // Where nothing is paid in full, what is paid in part is worth the most: nobody goes
        // before it.
        let is_first = !self.served.iter().any(|served| in_full(*served));
        if in_full(served) || (is_first && served > 0.0) {
            Some(Afforded::All)
        } else {
            (served > 0.0).then_some(Afforded::Spare)
        }
    }

    /// Goes back to the rung of quiet play.
    pub(crate) fn end_sprint(&mut self, now: Monotonic) {
        if let Play::Sprint { from } = self.play {
            self.move_to(now, from.min(self.rung), Reason::SprintOver);
            self.play = Play::Quiet;
        }
    }

    /// The supply's alarm came: what was drawn is too much.
    pub(crate) fn shy_away(&mut self, now: Monotonic) {
        if self.rung == 0 {
            return;
        }
        match self.choice {
            Choice::Pinned => self.move_to(now, 0, Reason::OverCurrent),
            Choice::Adaptive => self.go_down(now, Reason::OverCurrent),
        }
    }

    /// The sensor closest to its limit as it will be in a minute, if the operating point stays;
    /// `None` until the box's response is learned.
    pub fn predicted(&self) -> Option<Outlook> {
        let watts = self.drawn();
        self.forecast.outlook(&self.thermometer, watts, Horizon::Minute)
    }

    /// What the box draws now, in watts.
    pub(crate) fn drawn(&self) -> f32 {
        self.supply.drawn(self.meter.load())
    }

    /// How busy the engine is on a rung, or is expected to be.
    pub(crate) fn busy(&self, now: Monotonic, rung: usize) -> Busy {
        let load = if rung == self.rung {
            self.meter.load()
        } else {
            self.meter.expected(now, &self.ladder, (self.rung, rung))
        };
        (rung, load)
    }

    /// What the box draws on a rung, in watts.
    pub(crate) fn watts(&self, now: Monotonic, rung: usize) -> f32 {
        self.supply.expected(now, (self.busy(now, self.rung), self.busy(now, rung)))
    }

    /// What stands in the way of a rung above the one in force for so long.
    pub(crate) fn obstacle(
        &self,
        now: Monotonic,
        rung: usize,
        horizon: Horizon,
    ) -> Option<Obstacle> {
        if self.state != State::Nominal {
            return Some(Obstacle::State(self.state.mode()));
        }
        if self.is_blind(now) {
            return Some(Obstacle::Blind);
        }
        if self.strain.relief().is_slowed() {
            return Some(Obstacle::Pressure);
        }
        let (_, load) = self.busy(now, rung);
        let most = match horizon {
            Horizon::Sprint(_) => LOAD_MAX,
            Horizon::Minute | Horizon::Settled => CLIMB_LOAD_MAX,
        };
        if load > most {
            return Some(Obstacle::Engine(load));
        }
        let watts = self.watts(now, rung);
        self.over_budget(now, watts).or_else(|| self.heat(watts, horizon))
    }

    fn over_budget(&self, now: Monotonic, watts: f32) -> Option<Obstacle> {
        let limit = self.supply.limit(now)?;
        let expected = watts + self.supply.margin();
        (expected > limit).then(|| Obstacle::Supply(milliwatts(expected), milliwatts(limit)))
    }

    fn heat(&self, watts: f32, horizon: Horizon) -> Option<Obstacle> {
        if self.forecast.is_unknown(&self.thermometer, UNKNOWN_ROOM) {
            return Some(Obstacle::Unknown);
        }
        let outlook = self.forecast.outlook(&self.thermometer, watts, horizon)?;
        let room = match horizon {
            Horizon::Sprint(_) => SPRINT_ROOM,
            Horizon::Minute | Horizon::Settled => CLIMB_ROOM,
        };
        let is_too_hot = outlook.value.0 + outlook.margin.0 + room > outlook.limit.0;
        is_too_hot.then_some(Obstacle::Heat(outlook))
    }

    /// Why the rung in force is too much, if it is.
    fn too_much(&self, now: Monotonic) -> Option<Reason> {
        if self.rung == 0 {
            return None;
        }
        let watts = self.watts(now, self.rung);
        if let Some(limit) = self.supply.limit(now).filter(|limit| watts > *limit) {
            return Some(Reason::OverBudget(milliwatts(watts), milliwatts(limit)));
        }
        // In quiet play half the margin: what was chosen with all of it is not to be taken back for
        // a trifle.
        let spare = || match self.asked(now) {
            Some((_, Afforded::Spare)) => Horizon::Minute,
            Some((_, Afforded::All)) | None => Horizon::Sprint(SPRINT_MIN),
        };
        let (horizon, share) = match self.play {
            Play::Quiet => (Horizon::Minute, 2),
            Play::Sprint { .. } => (spare(), 1),
        };
        let outlook = self.forecast.outlook(&self.thermometer, watts, horizon);
        let is_over = |o: &Outlook| o.value.0 + o.margin.0 / share > o.limit.0;
        outlook.filter(is_over).map(Reason::TooHotSoon)
    }

    /// To the highest rung below that is not too much, or the one of quiet play after a sprint.
    fn go_down(&mut self, now: Monotonic, reason: Reason) {
        let fits = |rung: &usize| {
            let watts = self.watts(now, *rung);
            let fits_supply = self.over_budget(now, watts).is_none();
            let outlook = self.forecast.outlook(&self.thermometer, watts, Horizon::Minute);
            fits_supply && !outlook.is_some_and(|outlook| outlook.is_too_hot())
        };
        let highest = match self.play {
            Play::Quiet => self.rung,
            Play::Sprint { from } => (from + 1).min(self.rung),
        };
        let rung = (0..highest).rev().find(fits).unwrap_or(0);
        match self.play {
            Play::Quiet => self.set_back(now),
            Play::Sprint { .. } => self.cooled = Some(now),
        }
        self.move_to(now, rung, reason);
    }

    /// To the rung of quiet play.
    fn settle(&mut self, now: Monotonic, heat: Heat) {
        let base = self.base(now, heat);
        if base < self.rung {
            // A plan that changes its mind costs changes of tiers; heat is not near.
            if self.rests_in_quiet(now) >= SAVING_DWELL && self.has_tier_changes_for(now, base) {
                self.move_to(now, base, Reason::Saving);
            }
        } else if base > self.rung {
            self.climb(now);
        }
    }

    fn climb(&mut self, now: Monotonic) {
        let next = self.rung + 1;
        if self.rests_in_quiet(now) < self.climb_dwell(now) || !self.has_tier_changes_for(now, next)
        {
            return;
        }
        if self.obstacle(now, next, Horizon::Minute).is_none() {
            self.move_to(now, next, Reason::Headroom(self.meter.load()));
        }
    }

    /// The rung of quiet play. While nothing is learned it is the next one up, and what stands in
    /// the way of it decides.
    fn base(&mut self, now: Monotonic, heat: Heat) -> usize {
        let top = self.ladder.len() - 1;
        let is_measured = matches!(self.meter.verdict(), Verdict::Fine(_));
        if !is_measured {
            return self.rung;
        }
        let sustainable = self.forecast.sustainable(&self.thermometer);
        let Some(sustainable) = sustainable else {
            // Nothing is saved where nothing is known of heat.
            self.plan = Plan { base: self.rung, top };
            let is_cool = matches!(heat, Heat::Unknown | Heat::NoSensor | Heat::Band(Band::Cool));
            return if is_cool { (self.rung + 1).min(top) } else { self.rung };
        };
        let candidates = self.candidates(now);
        self.plan.base = self.rung;
        let demand = self.wish.demand();
        self.plan = self.plan.best(&candidates, sustainable, &demand);
        self.served = self.plan.served(&candidates, sustainable, &demand);
        self.plan.base
    }

    fn candidates(&self, now: Monotonic) -> Candidates {
        let candidate = |rung: usize| {
            let watts = self.watts(now, rung);
            let (_, load) = self.busy(now, rung);
            let fits_engine = rung <= self.rung || load <= CLIMB_LOAD_MAX;
            let is_allowed = fits_engine && self.over_budget(now, watts).is_none();
            Candidate { recall: self.claims[rung].recall.as_share(), watts, is_allowed }
        };
        (0..self.ladder.len()).map(candidate).collect()
    }

    fn return_to_pin(&mut self, now: Monotonic) {
        let is_kept_back = self.supply.is_alarmed(now) || self.is_blind(now);
        if self.rung > 0 || is_kept_back || !self.has_tier_changes_for(now, 1) {
            return;
        }
        if self.rests_in_quiet(now) >= self.climb_dwell(now) {
            self.move_to(now, 1, Reason::Pinned);
        }
    }

    /// Whether a sensor does not answer, or has not for long enough.
    fn is_blind(&self, now: Monotonic) -> bool {
        self.thermometer.is_blind(now) || self.blind_until.is_some_and(|until| now < until)
    }
}

/// A sprint of so long may become quiet play.
const STAY_AFTER: Duration = Duration::from_secs(60);
/// Time on a rung before it is left to save for sprints.
const SAVING_DWELL: Duration = Duration::from_secs(600);

fn milliwatts(watts: f32) -> Milliwatts {
    Milliwatts((watts.clamp(0.0, 1e6) * 1_000.0) as u32)
}
