//! What says that a moment may be coming, from lanes that do not depend on the tier in force.
//!
//! A low tier is blind to what would raise it; sound, the board and a ball near the rim are not.

use core::fmt;
use core::time::Duration;

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
