//! How a source's clock runs beside the box's.

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::time::{MediaTime, WallTime};

/// Version of [`SourceTimeline`]. A reader refuses another version.
pub const VERSION: u8 = 1;

/// What is known of one source's clock. Telemetry: published every two seconds while something
/// happens, and never sent again, so that it is no [`Body`](crate::envelope::Body) of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceTimeline {
    /// [`VERSION`].
    pub v: u8,
    /// The source.
    pub source: Name,
    /// What can be said.
    pub state: ClockState,
    /// Epochs before this one: times that media did not continue what came before.
    pub epoch: u32,
    /// Where this epoch begins.
    pub began: MediaTime,
    /// A media time of it, and when its picture would have arrived at the box if nothing had held it
    /// up on its way.
    pub at: MediaTime,
    /// See [`at`](Self::at); `None` until it is known.
    pub at_box: Option<WallTime>,
    /// How much faster than the box's clock that of the pictures runs, in parts per thousand million.
    pub drift_ppb: Option<i32>,
    /// How far that may be off: 95 in 100 are within.
    pub drift_error_ppb: Option<i32>,
    /// How much faster than that of the pictures the clock of the sound runs.
    pub sound_drift_ppb: Option<i32>,
    /// How much later than the picture of the same media time the sound comes, in microseconds.
    pub sound_offset_us: Option<i32>,
}

/// What can be said of a source's clock. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// Not enough has come in this epoch.
    Settling,
    /// Measured, and corrected.
    Measured,
    /// Off by more than 500 ppm: corrected by so much and no further.
    Beyond,
    /// The box paces this source itself.
    Paced,
}
