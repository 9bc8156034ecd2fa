//! What says that a moment may be coming, from lanes that do not depend on the tier in force, and
//! how much that is worth.
//!
//! A low tier is blind to what would raise it; sound, the board and a ball near the rim are not.
//! Owns how long a cue lasts, how much of the time is asked for, and which share of the moments
//! came in it: both are followed while the box runs, since halls and games differ.

use core::fmt;
use core::time::Duration;

use wire::time::Monotonic;

/// A reason to look closely now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cue {
    /// A ball came near a rim.
    BallNearRim,
    /// The crowd became loud.
    CrowdSwell,
    /// A whistle was heard: free throws may follow.
    Whistle,
    /// The scoreboard changed: play goes on at the other end.
    ScoreChange,
    /// Somebody asked for it.
    Button,
}

impl Cue {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BallNearRim, Self::CrowdSwell, Self::Whistle, Self::ScoreChange, Self::Button];

    /// How long it is worth looking closely after it.
    pub const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::BallNearRim => 6,
            Self::CrowdSwell => 8,
            Self::Whistle => 30,
            Self::ScoreChange => 10,
            Self::Button => 60,
        })
    }

    /// How much it says.
    pub const fn strength(self) -> Strength {
        match self {
            Self::BallNearRim | Self::CrowdSwell | Self::Button => Strength::Strong,
            Self::Whistle | Self::ScoreChange => Strength::Weak,
        }
    }
}

impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BallNearRim => "a ball near the rim",
            Self::CrowdSwell => "the crowd swelled",
            Self::Whistle => "a whistle",
            Self::ScoreChange => "the score changed",
            Self::Button => "somebody asked for it",
        })
    }
}

/// How much a cue says, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A moment is likely within seconds.
    Strong,
    /// A moment is more likely than at other times.
    Weak,
    /// Play goes on: a strong cue came within [`LIVE`].
    Live,
}

impl Strength {
    /// All of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Strong, Self::Weak, Self::Live];
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strong => "strong cues",
            Self::Weak => "weak cues",
            Self::Live => "live play",
        })
    }
}

/// How long play is taken to go on after a strong cue: two attacks.
pub const LIVE: Duration = Duration::from_secs(45);
/// For how much of the time there is a cue of each strength and none of a stronger one, until that
/// was seen (assumed).
const WANTED: [f32; 3] = [0.25, 0.15, 0.25];
/// Which share of the moments comes then, until that was seen (assumed).
const SHARES: [f32; 3] = [0.8, 0.05, 0.1];
/// Over which time the first is followed, in seconds, and over how many moments the second.
const WANTED_MEMORY: f32 = 900.0;
const SHARES_MEMORY: f32 = 100.0;

/// What is asked for and what it is worth, by strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Share of the time.
    pub wanted: [f32; 3],
    /// Share of the moments.
    pub shares: [f32; 3],
}

/// What asks for a sprint now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How much it says.
    pub strength: Strength,
    /// The cue.
    pub cue: Cue,
    /// Until when.
    pub until: Monotonic,
}

/// What cues ask for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// By strength: the cue that lasts longest.
    latest: [Option<Asked>; 3],
    demand: Demand,
    looked: Option<Monotonic>,
}

impl Default for Wish {
    fn default() -> Self {
        let demand = Demand { wanted: WANTED, shares: SHARES };
        Self { latest: [None; 3], demand, looked: None }
    }
}

impl Wish {
    /// Takes in a cue.
    pub fn handle(&mut self, now: Monotonic, cue: Cue) {
        let strength = cue.strength();
        self.ask(Asked { strength, cue, until: now.plus(cue.lasts()) });
        if strength == Strength::Strong {
            self.ask(Asked { strength: Strength::Live, cue, until: now.plus(LIVE) });
        }
    }

    /// A moment was seen just now.
    pub fn moment(&mut self, now: Monotonic) {
        let came_in = self.now(now).map(|asked| asked.strength);
        for (strength, share) in Strength::ALL.iter().zip(&mut self.demand.shares) {
            let hit = if came_in == Some(*strength) { 1.0 } else { 0.0 };
            *share += (hit - *share) / SHARES_MEMORY;
        }
    }

    /// The strongest that asks for a sprint now.
    pub fn now(&self, now: Monotonic) -> Option<Asked> {
        self.all(now).next()
    }

    /// All that ask for a sprint now, the strongest first.
    pub fn all(&self, now: Monotonic) -> impl Iterator<Item = Asked> {
        self.latest.iter().flatten().filter(move |asked| asked.until > now).copied()
    }

    /// What is asked for and what it is worth.
    pub fn demand(&self) -> Demand {
        self.demand
    }

    /// Follows how much is asked for. Call it about once a second.
    pub fn look(&mut self, now: Monotonic) {
        let passed = self.looked.replace(now).map_or(Duration::ZERO, |before| now.since(before));
        let asked = self.now(now).map(|asked| asked.strength);
        let seconds = passed.as_secs_f32();
        for (strength, wanted) in Strength::ALL.iter().zip(&mut self.demand.wanted) {
            let now = if asked == Some(*strength) { 1.0 } else { 0.0 };
            *wanted += (now - *wanted) * seconds / (seconds + WANTED_MEMORY);
        }
    }

    fn ask(&mut self, asked: Asked) {
        let latest = &mut self.latest[asked.strength as usize];
        if latest.is_none_or(|before| asked.until > before.until) {
            *latest = Some(asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Monotonic {
        Monotonic::from_millis(count * 1_000)
    }

    fn strength(wish: &Wish, now: u64) -> Option<Strength> {
        wish.now(second(now)).map(|asked| asked.strength)
    }

    #[test]
    fn the_strongest_cue_that_lasts_is_the_one_that_asks() {
        let mut wish = Wish::default();
        wish.handle(second(10), Cue::Whistle);
        wish.handle(second(12), Cue::BallNearRim);
        assert_eq!(strength(&wish, 12), Some(Strength::Strong));
        assert_eq!(strength(&wish, 18), Some(Strength::Weak));
        assert_eq!(strength(&wish, 40), Some(Strength::Live));
        assert_eq!(strength(&wish, 57), None);
    }

    #[test]
    fn a_short_cue_does_not_end_a_long_one() {
        let mut wish = Wish::default();
        wish.handle(second(10), Cue::Button);
        wish.handle(second(12), Cue::BallNearRim);
        assert_eq!(wish.now(second(60)).map(|asked| asked.cue), Some(Cue::Button));
    }

    #[test]
    fn how_much_is_asked_for_and_what_it_is_worth_is_followed() {
        let mut wish = Wish::default();
        for now in 0..9_000 {
            if now % 60 == 0 {
                wish.handle(second(now), Cue::BallNearRim);
            }
            if now % 120 == 3 || now % 120 == 30 {
                wish.moment(second(now));
            }
            wish.look(second(now));
        }
        let Demand { wanted: [strong, weak, live], shares } = wish.demand();
        assert!((0.08..0.12).contains(&strong), "{strong}");
        assert!((0.6..0.7).contains(&live), "{live}");
        assert!(weak < 0.01, "{weak}");
        assert!((0.45..0.65).contains(&shares[0]), "{shares:?}");
        assert!((0.35..0.55).contains(&shares[2]), "{shares:?}");
    }
}
