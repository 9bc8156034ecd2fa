//! Why the operating point is what it is, for people: what limits it, and what would be next.

use core::fmt;
use core::time::Duration;

use wire::time::Monotonic;
use wire::units::{Milliwatts, Permille};

use crate::cue::Strength;
use crate::forecast::{Horizon, Outlook};
use crate::machine::{Governor, HISTORY, HOUR, TIER_CHANGES_PER_HOUR};
use crate::operating_point::OperatingPoint;
use crate::pursuit::Obstacle;
use crate::reason::{Celsius, Change, Reason, Share, Status, Watts};

/// A picture of the governor's thoughts.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// State and operating point.
    pub status: Status,
    /// How long the point has been in force; `None` since the start.
    pub rests: Option<Duration>,
    /// Why.
    pub reason: Reason,
    /// Whether a cue asked for it.
    pub is_sprint: bool,
    /// The sensor closest to its limit, as expected in a minute; `None` before it can be told.
    pub outlook: Option<Outlook>,
    /// Where that would end.
    pub settled: Option<Outlook>,
    /// What is drawn, what may be drawn by the supply, and what can be for ever by temperature.
    pub power: (Milliwatts, Option<Milliwatts>, Option<Milliwatts>),
    /// How busy the engine is.
    pub load: Permille,
    /// The rung for quiet play and the one for sprints.
    pub plan: (OperatingPoint, OperatingPoint),
    /// By strength of cue: the share of the time for which it asks for a sprint, and how much of
    /// that can be afforded.
    pub cues: [(Strength, Permille, Permille); 3],
    /// The next point up, and what stands in its way.
    pub next: Option<(OperatingPoint, Option<Obstacle>)>,
    /// Changes of tiers in the last hour beside those that a cue asked for.
    pub tier_changes: usize,
    /// The last changes, the oldest first, with how long ago each was.
    pub history: heapless::Vec<(Duration, Change), HISTORY>,
}

impl Governor {
    /// Why this operating point is in force, what limits it and what would be next.
    pub fn explain(&self, now: Monotonic) -> Explanation {
        let watts = self.drawn();
        let outlook = |horizon| self.forecast.outlook(&self.thermometer, watts, horizon);
        let sustainable = self.forecast.sustainable(&self.thermometer);
        let milli = |watts: f32| Milliwatts((watts.clamp(0.0, 1e6) * 1_000.0) as u32);
        let next = self.rung + 1;
        let obstacle = || {
            let blocked = self.obstacle(now, next, Horizon::Minute);
            let spent = !self.has_tier_changes_for(now, next);
            blocked.or(spent.then_some(Obstacle::Allowance)).or_else(|| self.rest(now))
        };
        let rung = |rung: usize| self.ladder[rung.min(self.ladder.len() - 1)];
        let recent = |at: &&Monotonic| now.since(**at) < HOUR;
        Explanation {
            status: self.status(),
            rests: self.changed.map(|at| now.since(at)),
            reason: self.reason.clone(),
            is_sprint: self.is_sprinting(),
            outlook: outlook(Horizon::Minute),
            settled: outlook(Horizon::Settled),
            power: (milli(watts), self.supply.limit(now).map(milli), sustainable.map(milli)),
            load: self.meter.load(),
            plan: (rung(self.plan.base), rung(self.plan.top)),
            cues: Strength::ALL.map(|strength| {
                let share = |of: &[f32; 3]| Permille::from_share(of[strength as usize]);
                (strength, share(&self.wish.demand().wanted), share(&self.served))
            }),
            next: (next < self.ladder.len()).then(|| (self.ladder[next], obstacle())),
            tier_changes: self.tier_changes.iter().filter(recent).count(),
            history: self.history.iter().map(|(at, c)| (now.since(*at), c.clone())).collect(),
        }
    }

    fn rest(&self, now: Monotonic) -> Option<Obstacle> {
        if self.plan.base <= self.rung && self.forecast.is_learned() {
            return Some(Obstacle::Saved);
        }
        let left = self.clone().climb_dwell(now).saturating_sub(self.rests_in_quiet(now));
        (!left.is_zero()).then_some(Obstacle::Resting(left))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { mode, point } = self.status;
        write!(f, "operating point  {point} ({mode}")?;
        match self.rests {
            Some(rests) => writeln!(f, ", for {} s)", rests.as_secs())?,
            None => writeln!(f, ", since the start)")?,
        }
        writeln!(f, "why              {}", self.reason)?;
        let sprint = if self.is_sprint { "under way" } else { "none" };
        write!(f, "sprint           {sprint}; asked for")?;
        for (place, (strength, wanted, served)) in self.cues.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma} {} of the time by {strength} (", Share(*wanted))?;
            write!(f, "{} of that granted)", Share(*served))?;
        }
        writeln!(f)?;
        writeln!(f, "quiet play       {}", self.plan.0)?;
        writeln!(f, "in a sprint      {}", self.plan.1)?;
        match &self.outlook {
            Some(outlook) => writeln!(f, "in a minute      {outlook}")?,
            None => {
                writeln!(f, "in a minute      not known: no sensor was followed for long enough")?
            }
        }
        if let Some(settled) = &self.settled {
            writeln!(f, "in the end       {} at {}", settled.sensor, Celsius(settled.value))?;
        }
        let (drawn, limit, sustainable) = &self.power;
        write!(f, "power            {}", Watts(*drawn))?;
        if let Some(limit) = limit {
            write!(f, " of {}", Watts(*limit))?;
        }
        if let Some(sustainable) = sustainable {
            write!(f, "; {} can be cooled for ever", Watts(*sustainable))?;
        }
        writeln!(f, "\nengine           busy {} of the time", Share(self.load))?;
        match &self.next {
            None => writeln!(f, "next             nothing: this is the highest point")?,
            Some((next, None)) => writeln!(f, "next             {next}")?,
            Some((next, Some(obstacle))) => writeln!(f, "next             {next}, but {obstacle}")?,
        }
        writeln!(
            f,
            "tier changes     {} of {TIER_CHANGES_PER_HOUR} in the last hour, sprints apart",
            self.tier_changes
        )?;
        for (ago, change) in &self.history {
            writeln!(f, "{:>6} s ago     {change}", ago.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(mode) => write!(f, "the box is {mode}"),
            Self::Blind => write!(f, "a sensor does not answer"),
            Self::Engine(load) => {
                write!(f, "the engine would be busy {} of the time", Share(*load))
            }
            Self::Heat(outlook) => write!(f, "{outlook}"),
            Self::Unknown => write!(f, "how the box warms up is not known yet"),
            Self::Supply(expected, limit) => {
                write!(f, "it would draw {}, and may draw {}", Watts(*expected), Watts(*limit))
            }
            Self::Pressure => write!(f, "other programs leave too little"),
            Self::Allowance => write!(f, "the hour's changes of tiers are used up"),
            Self::Resting(left) => {
                write!(f, "the last change is too fresh for {} s", left.as_secs())
            }
            Self::Saved => write!(f, "it is saved for sprints"),
        }
    }
}
