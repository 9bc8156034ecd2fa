//! What every message carries around its body. Consumers drop duplicates by
//! `(dev, boot, seq)`.

use serde::{Deserialize, Serialize};

use crate::board::BoardReading;
use crate::clip::ClipRecord;
use crate::event::GameEvent;
use crate::ids::{BootId, Name, Seq};
use crate::time::{ClockQuality, Monotonic, WallTime};
use crate::topic;

/// Version of the envelope and of every body. A reader refuses another version.
pub const VERSION: u8 = 1;

/// Longest envelope as postcard, in bytes; `tests/golden.rs` builds the longest one.
pub const BYTES_MAX: usize = 640;

/// A message of one box. The same value is published as JSON on `…/evt/…` and as postcard on
/// `…/evtb/…`, under one sequence number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope {
    /// [`VERSION`].
    pub v: u8,
    /// The device, unique within its tenant.
    pub dev: Name,
    /// Which start of the device.
    pub boot: BootId,
    /// Number of the message within the boot, from 1.
    pub seq: Seq,
    /// UTC when the message was made.
    pub ts_us: WallTime,
    /// The box's monotonic clock when the message was made.
    pub mono_us: Monotonic,
    /// How far `ts_us` can be trusted.
    pub clock: ClockQuality,
    /// The message itself.
    pub body: Body,
}

/// What is told. Append-only: the position is the number in postcard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
// An envelope lives for one publication; boxing would cost `no_std` readers an allocator.
#[allow(clippy::large_enum_variant)]
pub enum Body {
    /// Something happened in the game.
    Game(GameEvent),
    /// A clip was cut and waits for upload, or is being uploaded.
    Clip(ClipRecord),
    /// Something was lost or is degraded on the box: named, so that nobody has to guess.
    Notice(Notice),
    /// The scoreboard says something new.
    Board(BoardReading),
}

impl Body {
    /// The kind level of the message's topic.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Game(event) => event.kind.as_str(),
            Self::Clip(_) => topic::KIND_CLIP,
            Self::Notice(_) => topic::KIND_NOTICE,
            Self::Board(_) => topic::KIND_BOARD,
        }
    }

    /// The source concerned; `None` for the whole box.
    pub const fn source(&self) -> Option<&Name> {
        match self {
            Self::Game(event) => Some(&event.source),
            Self::Clip(clip) => Some(&clip.source),
            Self::Notice(notice) => notice.source.as_ref(),
            Self::Board(board) => Some(&board.source),
        }
    }
}

/// Loss, degradation and recovery, as events of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// The source concerned, if one is.
    pub source: Option<Name>,
    /// How many things (frames, clips, messages) it concerns.
    pub count: u32,
    /// One sentence for a person: what, why, what to do.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 160)))]
    pub text: heapless::String<160>,
}

/// Kinds of notices. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A source's publisher connected.
    SourceUp,
    /// A source's publisher went away or fell silent.
    SourceDown,
    /// Stored data was evicted to make room.
    Evicted,
    /// A clip could not be cut in full.
    ClipLost,
    /// A clip was cut, but a part of what it should show was missing.
    ClipIncomplete,
    /// The operating point changed.
    Governor,
    /// A source's pictures are looked at in another way, because of what comes in.
    Adapted,
    /// The box itself: a sensor, a fan, a power rail or a disk is not as it should be.
    Hardware,
}
