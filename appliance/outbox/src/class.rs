//! What is more urgent than what.

use wire::envelope::Body;

/// Urgency of what a box sends; the smaller goes first. Within a class, older goes first, and of the
/// backlog of messages always the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// State, commands' answers, game events, scores.
    P0,
    /// What people wait for: records of clips, notices.
    P1,
    /// Telemetry.
    P2,
    /// Clips.
    P3,
    /// Everything that nobody waits for.
    P4,
}

impl Class {
    /// The class of a message.
    pub const fn of(body: &Body) -> Self {
        match body {
            Body::Game(_) | Body::Board(_) => Self::P0,
            Body::Clip(_) | Body::Notice(_) => Self::P1,
        }
    }

    /// The class's number, as it is stored.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The class with this number; a number of a later version is the least urgent class.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::P0,
            1 => Self::P1,
            2 => Self::P2,
            3 => Self::P3,
            _ => Self::P4,
        }
    }
}
