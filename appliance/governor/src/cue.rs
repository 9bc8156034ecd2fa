//! What says that a moment may be coming, from lanes that do not depend on the tier in force.
//!
//! A low tier is blind to what would raise it; sound, the board and a ball near the rim are not.

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
            Self::CrowdSwell => 10,
            Self::Whistle => 30,
            Self::ScoreChange => 10,
            Self::Button => 60,
        })
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

/// How much of the time cues ask for a sprint until that was seen.
const WANTED: f32 = 0.3;
/// Over which time that is followed, in seconds.
const WANTED_MEMORY: f32 = 600.0;

/// What cues ask for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The cue that lasts longest, and until when.
    latest: Option<(Cue, Monotonic)>,
    wanted: f32,
    looked: Option<Monotonic>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { latest: None, wanted: WANTED, looked: None }
    }
}

impl Wish {
    /// Takes in a cue.
    pub fn handle(&mut self, now: Monotonic, cue: Cue) {
        let until = now.plus(cue.lasts());
        if self.latest.is_none_or(|(_, before)| until > before) {
            self.latest = Some((cue, until));
        }
    }

    /// The cue that asks for a sprint now, and until when.
    pub fn now(&self, now: Monotonic) -> Option<(Cue, Monotonic)> {
        self.latest.filter(|(_, until)| *until > now)
    }

    /// Share of the time for which sprints were asked for lately.
    pub fn wanted(&self) -> f32 {
        self.wanted
    }

    /// Follows how much is asked for. Call it about once a second.
    pub fn look(&mut self, now: Monotonic) {
        let passed = self.looked.replace(now).map_or(Duration::ZERO, |before| now.since(before));
        let asked = if self.now(now).is_some() { 1.0 } else { 0.0 };
        let seconds = passed.as_secs_f32();
        self.wanted += (asked - self.wanted) * seconds / (seconds + WANTED_MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Monotonic {
        Monotonic::from_millis(count * 1_000)
    }

    #[test]
    fn a_short_cue_does_not_end_a_long_one() {
        let mut wish = Wish::default();
        wish.handle(second(10), Cue::Whistle);
        wish.handle(second(12), Cue::BallNearRim);
        assert_eq!(wish.now(second(39)), Some((Cue::Whistle, second(40))));
        assert_eq!(wish.now(second(40)), None);
    }

    #[test]
    fn how_much_is_asked_for_is_followed() {
        let mut wish = Wish::default();
        for now in 0..6_000 {
            if now % 60 == 0 {
                wish.handle(second(now), Cue::BallNearRim);
            }
            wish.look(second(now));
        }
        assert!((0.07..0.13).contains(&wish.wanted()), "{}", wish.wanted());
    }
}
