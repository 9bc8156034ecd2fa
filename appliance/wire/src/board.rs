//! What a scoreboard says.

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::time::{MediaTime, WallTime};
use crate::units::Permille;

/// The scoreboard of a source says something new: read for the first time, points, or another
/// period. A field is `None` if it is not marked on the source, or not believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BoardReading {
    /// The source that shows it.
    pub source: Name,
    /// Frame that showed the new value first.
    pub at: MediaTime,
    /// When that frame's last byte had arrived at the box.
    pub at_arrived: WallTime,
    /// Points of the home team.
    pub home: Option<u16>,
    /// Points of the guests.
    pub away: Option<u16>,
    /// Number of the period.
    pub period: Option<u16>,
    /// Time left in the period, in tenths of a second.
    pub clock_ds: Option<u16>,
    /// Time left for a shot, in tenths of a second.
    pub shot_clock_ds: Option<u16>,
    /// Probability that what is new is right.
    pub confidence: Permille,
}
