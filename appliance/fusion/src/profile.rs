//! What differs between sports: how long evidence is collected and how sure a verdict must be.

use crate::odds::{logistic, logit};
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
    /// Look-ahead after which an event's kind stands, with what confidence it then has: a
    /// correction would come too late to be of use.
    pub turn_until: MediaSpan,
    /// Look-ahead after which an event is confirmed or retracted.
    pub settle_after: MediaSpan,
    /// What the log-odds of the evidence are multiplied by for the confidence that is told…
    pub confidence_slope: f32,
    /// …and then moved by. Both are fitted, so that of the events told with 0.8 eight of ten are
    /// right; what is published and retracted does not depend on them.
    pub confidence_offset: f32,
    /// Two outcomes at one hoop closer than this are one shot; the later evidence decides which.
    pub apart: MediaSpan,
}

impl Profile {
    /// Basketball. The times follow from the rim lane's window of 16 × 80 ms: it has said all it
    /// can about a moment 1.2 s later, and of held-out clips it tells 94 % right after 400 ms and
    /// 95 % after 800 (`models/train`, judge).
    pub const BASKETBALL: Self = Self {
        look_ahead_sure: MediaSpan(4 * SLOT.0),
        look_ahead_likely: MediaSpan(6 * SLOT.0),
        sure: 0.85,
        likely: 0.5,
        // With the way to the subscriber, an event that replaces another one is told within 900 ms
        // of its moment.
        turn_after: MediaSpan(9 * SLOT.0),
        turn_until: MediaSpan(10 * SLOT.0),
        settle_after: MediaSpan(14 * SLOT.0),
        // The lane's probabilities are means over windows, and so more timid than it is right.
        // Fitted on generated games, measured on others by `scripts/accuracy`.
        confidence_slope: 2.2,
        confidence_offset: 0.35,
        apart: MediaSpan::from_millis(1_300),
    };

    /// The confidence to tell for an event of this probability by the evidence.
    pub(crate) fn confidence(&self, probability: f32) -> f32 {
        logistic(self.confidence_slope * logit(probability) + self.confidence_offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_rises_with_the_evidence_and_stays_a_share() {
        let confidences =
            [0.0, 0.2, 0.5, 0.8, 0.95, 1.0].map(|p| Profile::BASKETBALL.confidence(p));
        assert!(confidences.is_sorted(), "{confidences:?}");
        assert!(confidences[1] < 0.2 && confidences[3] > 0.8, "not stretched: {confidences:?}");
        assert!(confidences.iter().all(|c| (0.0..=1.0).contains(c)), "{confidences:?}");
    }
}
