//! What a box is asked to do, and its answers: `…/cmd/{verb}` and `…/cmd-response`. JSON alone.
//!
//! A sender that hears nothing sends the same command again: a box does each once by its id.
//! Why so: `docs/decisions/0028-commands.md`.

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::ids::{BootId, Name};
use crate::time::WallTime;

/// Longest payload of a command, in bytes; a longer one is refused unread.
pub const COMMAND_BYTES_MAX: usize = 4 * 1024;

/// A command may expire so many seconds after the box's present at most: so long the box remembers
/// what it did, so that nothing is ever done twice.
pub const LIFETIME_S_MAX: i64 = 7 * 86_400;

/// Body of `…/cmd/{verb}`; signed, it is the text within [`Signed`]. A field that the box does not
/// know is refused: what was asked would not be what is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// [`crate::envelope::VERSION`].
    pub v: u8,
    /// Chosen by the sender, never used for another command: a UUID's 32 digits, for example.
    pub id: Name,
    /// Who asks, for the box's audit.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 64)))]
    pub by: String<64>,
    /// Not to be begun at or after this moment; at most [`LIFETIME_S_MAX`] ahead.
    pub expires_us: WallTime,
    /// For how long, in seconds: of `watch`, `hold_clips` and `send_clips`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<u32>,
    /// Of `restart`: what if a game may be on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during_play: Option<DuringPlay>,
}

/// What is to be done while a game may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DuringPlay {
    /// The command is refused.
    Refuse,
    /// It is done all the same.
    Allow,
}

/// A [`Command`] with a signature, in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The command as JSON text, byte for byte as it was signed.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 1024)))]
    pub signed: String<1024>,
    /// What `minisign` made of the topic, a line feed and `signed`: so it counts for this box and
    /// this verb alone.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 1024)))]
    pub signature: String<1024>,
}

/// What a box can be asked for: the last level of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// To publish `state` and `info` again.
    Birth,
    /// To look as closely as it can at once, as a technician's button asks.
    Sprint,
    /// To tell its counters every two seconds, whether something happens or not.
    Watch,
    /// To upload no clips for a while.
    HoldClips,
    /// To upload clips for a while although it is not the hour for it or a game is on.
    SendClips,
    /// To stop in order and start again.
    Restart,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Birth, Self::Sprint, Self::Watch, Self::HoldClips, Self::SendClips, Self::Restart];

    /// The verb as it stands in topics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Birth => "birth",
            Self::Sprint => "sprint",
            Self::Watch => "watch",
            Self::HoldClips => "hold_clips",
            Self::SendClips => "send_clips",
            Self::Restart => "restart",
        }
    }

    /// The verb of a topic's last level.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }
}

/// Body of `…/cmd-response`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandResponse {
    /// [`crate::envelope::VERSION`].
    pub v: u8,
    /// Which command; `None` if that could not be read.
    pub id: Option<Name>,
    /// The last level of the command's topic.
    pub verb: Name,
    /// What became of it.
    pub outcome: CommandOutcome,
    /// The same for people: what was done, or why not and what to do.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 240)))]
    pub text: String<240>,
    /// Which start of the box answers.
    pub boot: BootId,
    /// UTC of the answer.
    pub ts_us: WallTime,
}

/// What became of a command. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// Done, or begun where that takes longer.
    Done,
    /// Not done, and it will not be. The same id may be used again.
    Refused,
    /// The box stopped while it was at it; whether it was done is not known.
    Interrupted,
}
