//! Clips: what was cut, from where, and what the file contains. The record is also the sidecar
//! `{file id}.json` beside the clip at the receiver.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::ids::{ClipId, EventId, Name};
use crate::time::{MediaInterval, MediaTime, WallTime};
use crate::units::PictureSize;

/// Most events that one clip shows.
pub const CLIP_EVENTS_MAX: usize = 8;

/// Everything about one finished clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClipRecord {
    /// Identity of the clip; also the file id of its upload.
    pub id: ClipId,
    /// The source it was cut from.
    pub source: Name,
    /// What a player shows: the first frame's position and the position just after the last
    /// frame, on the source's timeline.
    pub interval: MediaInterval,
    /// Frames that a player shows.
    pub frames: u32,
    /// Picture size.
    pub picture: PictureSize,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, as 64 lower-case hexadecimal digits.
    #[cfg_attr(feature = "schema", schemars(with = "str", extend("pattern" = "^[0-9a-f]{64}$")))]
    pub sha256: heapless::String<64>,
    /// UTC of the first frame, a label.
    pub starts: WallTime,
    /// The events it shows.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<ClipEvent>", length(max = CLIP_EVENTS_MAX))
    )]
    pub events: Vec<ClipEvent, CLIP_EVENTS_MAX>,
}

/// An event that a clip shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClipEvent {
    /// Which event.
    pub id: EventId,
    /// Its moment on the source's timeline.
    pub at: MediaTime,
}
