//! Game events: what happened, when, how sure we are and why.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::ids::{EventId, Name};
use crate::time::{MediaInterval, MediaTime, WallTime};
use crate::units::Permille;

/// Most cues that one event lists.
pub const CUES_MAX: usize = 8;

/// Something that happened in the game. Published at once as [`Stage::Provisional`], then
/// confirmed or retracted under the same [`EventId`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GameEvent {
    /// Identity; the same in every later revision of this event.
    pub id: EventId,
    /// 0 for the first publication, then one more each time the event is published again.
    pub revision: u8,
    /// How settled the event is.
    pub stage: Stage,
    /// What happened.
    pub kind: EventKind,
    /// The source whose timeline the media times refer to.
    pub source: Name,
    /// Which hoop, for shots.
    pub hoop: Option<Name>,
    /// The moment: for a shot, when the ball passes or leaves the rim.
    pub at: MediaTime,
    /// The stretch that belongs to the event, from release to outcome for a shot.
    pub interval: MediaInterval,
    /// Media time of the frame that decided.
    pub decided_at: MediaTime,
    /// When the last byte of the frame at [`at`](Self::at) had arrived at the box.
    pub at_arrived: WallTime,
    /// When the last byte of the frame at [`decided_at`](Self::decided_at) had arrived.
    pub decided_arrived: WallTime,
    /// Probability that the event happened as stated.
    pub confidence: Permille,
    /// What spoke for or against it, strongest first.
    #[cfg_attr(feature = "schema", schemars(with = "alloc::vec::Vec<Cue>", length(max = CUES_MAX)))]
    pub cues: Vec<Cue, CUES_MAX>,
}

/// How settled an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Published at once; a later revision confirms or retracts it.
    Provisional,
    /// Final: it happened.
    Confirmed,
    /// Final: it did not happen, or not like this.
    Retracted,
}

/// Kinds of events. Append-only: the position is the number in postcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The ball went through the hoop from above.
    MadeShot,
    /// A shot that did not go in.
    MissedShot,
    /// The referee's whistle.
    Whistle,
    /// The game clock's buzzer.
    Buzzer,
    /// The scoreboard's score changed.
    ScoreChange,
}

impl EventKind {
    /// The kind's name, as in JSON, in topics and in ground-truth files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MadeShot => "made_shot",
            Self::MissedShot => "missed_shot",
            Self::Whistle => "whistle",
            Self::Buzzer => "buzzer",
            Self::ScoreChange => "score_change",
        }
    }
}

/// One piece of evidence, as log-odds for the event (positive speaks for it).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cue {
    /// Which observation.
    pub kind: CueKind,
    /// Natural-log odds in 1/100.
    pub centi_nats: i16,
}

/// Where evidence comes from. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CueKind {
    /// The rim lane's verdict.
    Rim,
    /// The ball's track around the hoop.
    BallTrack,
    /// The crowd became louder.
    CrowdSwell,
    /// A whistle near the moment.
    Whistle,
    /// The score changed after the moment.
    Score,
}
