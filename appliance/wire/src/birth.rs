//! What a box tells about itself when it connects: the retained `state` and `info`.
//!
//! `info` also says which stored messages the box can still supply, so that the receiver never
//! waits for one that cannot come: `docs/decisions/0005-holes-in-sequence-numbers.md`.

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::ids::{BootId, Name, Seq};
use crate::time::WallTime;

/// Body of `…/state`, retained; with [`Presence::Lost`] also the last will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BoxState {
    /// Whether the box is there.
    pub state: Presence,
    /// Which start of the box says so.
    pub boot: BootId,
}

/// Whether a box is there. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Connected and working.
    Ready,
    /// Left on purpose.
    Disconnected,
    /// The broker noticed that the connection broke.
    Lost,
}

/// Most boots that one [`Info`] lists, oldest first; later ones follow when these are done.
pub const HELD_MAX: usize = 16;

/// Most gaps that one [`Held`] lists; `upto_seq` ends before the first gap that is not listed.
pub const GAPS_MAX: usize = 8;

/// Body of `…/info`, retained: the birth of a connection. Every statement in it stays true for
/// ever, so a reader may apply an outdated one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Info {
    /// [`crate::envelope::VERSION`].
    pub v: u8,
    /// The device.
    pub dev: Name,
    /// This start of the device.
    pub boot: BootId,
    /// Version of the firmware.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 32)))]
    pub firmware: String<32>,
    /// UTC of the birth, a label.
    pub ts_us: WallTime,
    /// Messages that the box holds, by boot, oldest boot first. A boot before the first one
    /// listed here holds nothing any more.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<Held>", length(max = HELD_MAX))
    )]
    pub held: Vec<Held, HELD_MAX>,
    /// [`schema::HASH`](crate::schema::HASH) of the firmware: which form its messages have. `None`
    /// from firmware that did not tell it yet.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<alloc::string::String>", extend("pattern" = "^[0-9a-f]{16}$"))
    )]
    pub schema: Option<String<16>>,
}

/// Messages of one boot that the box can still supply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Held {
    /// Which boot.
    pub boot: BootId,
    /// Nothing before this one can be supplied.
    pub from_seq: Seq,
    /// Every message from `from_seq` up to and including this one is held, except the gaps.
    pub upto_seq: Seq,
    /// Inclusive ranges of sequence numbers that cannot be supplied any more.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<(Seq, Seq)>", length(max = GAPS_MAX))
    )]
    pub gaps: Vec<(Seq, Seq), GAPS_MAX>,
}
