//! What differs between sports: how long evidence is collected and how sure a verdict must be.

use crate::slots::SLOT;
use wire::time::MediaSpan;

/// Rules of one sport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Least look-ahead behind a moment before a very certain event is published.
    pub look_ahead_sure: MediaSpan,
    /// Look-ahead behind a moment before a merely likely event is published.
    pub look_ahead_likely: MediaSpan,
    /// Probability from which an event is very certain.
    pub sure: f32,
    /// Probability below which nothing is published, and below which a published event is
    /// retracted.
    pub likely: f32,
    /// Look-ahead after which an event is replaced by the other outcome, if that is the likelier
    /// one by then.
    pub turn_after: MediaSpan,
    /// Look-ahead after which an event is confirmed or retracted.
    pub settle_after: MediaSpan,
    /// Two outcomes at one hoop closer than this are one shot; the later evidence decides which.
    pub apart: MediaSpan,
}

impl Profile {
    /// Basketball. The times follow from the rim lane's window of 16 × 80 ms: it has said all it
    /// can about a moment 1.2 s later, and what it says changes little after 400 ms
    /// (`docs/benchmarks/accuracy.md`).
    pub const BASKETBALL: Self = Self {
        look_ahead_sure: MediaSpan(4 * SLOT.0),
        look_ahead_likely: MediaSpan(6 * SLOT.0),
        sure: 0.85,
        likely: 0.5,
        // With the way to the subscriber, an event that replaces another one is told 900 ms after
        // its moment.
        turn_after: MediaSpan(9 * SLOT.0),
        settle_after: MediaSpan(14 * SLOT.0),
        apart: MediaSpan::from_millis(1_300),
    };
}
