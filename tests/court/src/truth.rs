//! The truth beside a video: hoops and events, exactly as `NAME.events.json` has them.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The ball passes down through the ring.
    MadeShot,
    /// The ball leaves the ring's surroundings, or passes it.
    MissedShot,
    /// A referee's whistle starts.
    Whistle,
    /// The table's buzzer starts.
    Buzzer,
    /// The scoreboard changes.
    ScoreChange,
}

/// One event of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Seconds from the first frame.
    pub t: f64,
    /// Which hoop, for shots.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hoop: Option<String>,
    /// Whether a person would be sure of it from the picture: the hoop is wholly in it, and was in
    /// the first frame.
    pub certain: bool,
    /// What the scoreboard says from then on, home and guests, when it changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<[u32; 2]>,
}

/// One hoop of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hoop {
    /// `a` or `b`.
    pub id: String,
    /// Bounding box of ring and net in the first frame: left, top, right, bottom, pixels.
    #[serde(rename = "box")]
    pub bounds: [f64; 4],
}

/// One field of the scoreboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// `home`, `away` or `clock`.
    pub field: String,
    /// Bounding box of its digits: left, top, right, bottom, pixels.
    #[serde(rename = "box")]
    pub bounds: [f64; 4],
}

/// Everything that is true of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Frames a second.
    pub fps: f64,
    /// Whether the camera stands still: what is in the first frame stays where it is.
    #[serde(default)]
    pub still: bool,
    /// The hoops in view.
    pub hoops: Vec<Hoop>,
    /// The scoreboard's fields, if it can be read all the time: wholly in view of a camera that
    /// stands still, and not too small.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub board: Vec<Field>,
    /// The events in order of time.
    pub events: Vec<Event>,
}
