//! When the governor is told that a moment may be coming.
//!
//! Owns the edges: of each source and kind a cue is told when it begins, and at most once a second
//! of media time. What shows a cue is fusion's business, what it is worth the governor's.

use governor::Cue;
use wire::time::{MediaSpan, MediaTime};

/// Between two cues of one kind.
const EVERY: MediaSpan = MediaSpan::from_millis(1_000);

/// The cues of one source.
#[derive(Debug, Default)]
pub(crate) struct Edges([Edge; Cue::ALL.len()]);

#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    /// When what was seen last had begun.
    began: Option<MediaTime>,
    told: Option<MediaTime>,
}

impl Edges {
    /// Takes in since when a cue shows at `at`, if it does; returns it if it is to be told.
    pub(crate) fn see(&mut self, cue: Cue, at: MediaTime, since: Option<MediaTime>) -> Option<Cue> {
        let edge = &mut self.0[cue as usize];
        let since = since?;
        // Sound comes later than pictures; time falls nowhere else on a source.
        let is_new = edge.began.is_none_or(|began| since > began);
        if !is_new {
            return None;
        }
        edge.began = Some(since);
        if edge.told.is_some_and(|told| (0..EVERY.0).contains(&at.since(told).0)) {
            return None;
        }
        edge.told = Some(at);
        Some(cue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> MediaTime {
        MediaTime::from_millis(ms)
    }

    #[test]
    fn cue_is_told_when_it_begins_and_not_while_it_lasts() {
        let mut edges = Edges::default();
        let told: Vec<i64> = (0..100)
            .filter(|frame| {
                let since = (10..90).contains(frame).then_some(ms(400));
                edges.see(Cue::BallNearRim, ms(40 * frame), since).is_some()
            })
            .collect();
        assert_eq!(told, [10]);
    }

    #[test]
    fn cue_that_comes_again_within_a_second_is_not_told_and_kinds_do_not_count_together() {
        let mut edges = Edges::default();
        let mut see = |cue, at, since| edges.see(cue, ms(at), Some(ms(since))).is_some();
        assert!(see(Cue::Whistle, 1_000, 900));
        assert!(!see(Cue::Whistle, 1_500, 1_400), "too soon");
        assert!(!see(Cue::Whistle, 2_500, 1_400), "it began too soon, and lasts");
        assert!(see(Cue::CrowdSwell, 2_500, 2_500));
        assert!(see(Cue::Whistle, 2_600, 2_600));
        assert!(!see(Cue::Whistle, 2_590, 2_500), "sound that is behind the pictures");
    }
}
