//! Which frame the free engine takes next.
//!
//! Each source is analysed on an even grid at the operating point's rate at most; among the
//! sources whose frame is due, the one that was served longest ago is next, so that none starves
//! however many there are. A frame that is not due stays where it is until a newer one replaces
//! it.

use core::time::Duration;

use wire::time::{MediaSpan, MediaTime, Monotonic};

use crate::operating_point::OperatingPoint;

/// Most sources of one box; numbers of sources lie below it.
pub const SOURCES_MAX: usize = 16;

/// A frame that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Number of its source.
    pub source: usize,
    /// Its media time.
    pub at: MediaTime,
    /// When its last byte had arrived.
    pub arrived: Monotonic,
}

/// Remembers what each source got.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    sources: [Served; SOURCES_MAX],
}

#[derive(Clone, Copy, Debug, Default)]
struct Served {
    /// Point of the source's grid that was served last.
    grid: Option<MediaTime>,
    /// When; `None` is longest ago.
    last: Option<Monotonic>,
}

impl Admission {
    /// The source whose waiting frame is analysed now, and counts it as served; `None` when no
    /// frame is due.
    ///
    /// # Panics
    /// If a source's number is not below [`SOURCES_MAX`]: configuration allows no more sources.
    pub fn next(&mut self, now: Monotonic, point: OperatingPoint, slots: &[Slot]) -> Option<usize> {
        let interval = point.frame_rate.media_interval();
        let due = |slot: &&Slot| self.sources[slot.source].is_due(slot.at, interval);
        let turn = |slot: &&Slot| (self.sources[slot.source].last, slot.arrived);
        let chosen = slots.iter().filter(due).min_by_key(turn)?;
        self.sources[chosen.source].serve(now, chosen.at, interval);
        Some(chosen.source)
    }

    /// How long a source has waited for its turn; `None` if it was never served.
    pub fn since_served(&self, now: Monotonic, source: usize) -> Option<Duration> {
        self.sources.get(source)?.last.map(|last| now.since(last))
    }
}

impl Served {
    fn is_due(&self, at: MediaTime, interval: MediaSpan) -> bool {
        let Some(grid) = self.grid else { return true };
        // Cameras and containers jitter: a frame that is a little early is the one that was
        // meant, and the next would come a whole frame late.
        let slack = MediaSpan(interval.0 / 4);
        let timeline_restarted = grid.since(at) > interval;
        timeline_restarted || at.plus(slack) >= grid.plus(interval)
    }

    fn serve(&mut self, now: Monotonic, at: MediaTime, interval: MediaSpan) {
        self.last = Some(now);
        let meant = self.grid.map(|grid| grid.plus(interval));
        // The grid goes on from where it was, so that early and late frames even out; after a
        // pause or a restart it begins anew.
        let goes_on = |point: &MediaTime| {
            let late = at.since(*point);
            late.0.abs() <= interval.0
        };
        self.grid = Some(meant.filter(goes_on).unwrap_or(at));
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::operating_point::FrameRate;

    fn at_rate(millihertz: u32) -> OperatingPoint {
        OperatingPoint { frame_rate: FrameRate(millihertz), ..OperatingPoint::SMALLEST }
    }

    fn slot(source: usize, at: i64) -> Slot {
        Slot { source, at: MediaTime(at), arrived: Monotonic(at.unsigned_abs()) }
    }

    /// Media times in ms of the frames that one source gets analysed.
    fn analysed(millihertz: u32, times_ms: &[i64]) -> Vec<i64> {
        let mut admission = Admission::default();
        let taken = |ms: &&i64| {
            let now = Monotonic::from_millis(**ms as u64);
            admission.next(now, at_rate(millihertz), &[slot(0, **ms * 90)]).is_some()
        };
        times_ms.iter().filter(taken).copied().collect()
    }

    #[test]
    fn camera_below_the_cap_loses_no_frame_despite_jitter() {
        let frames: Vec<i64> = (0..500).map(|n| n * 40 + n * 7 % 5).collect();
        assert_eq!(analysed(30_000, &frames), frames);
        assert_eq!(analysed(25_000, &frames), frames);
    }

    #[test]
    fn half_the_rate_takes_every_second_frame() {
        let frames: Vec<i64> = (0..100).map(|n| n * 40).collect();
        let expected: Vec<i64> = (0..50).map(|n| n * 80).collect();
        assert_eq!(analysed(12_500, &frames), expected);
    }

    #[test]
    fn faster_camera_is_thinned_to_the_cap() {
        let frames: Vec<i64> = (0..600).map(|n| n * 1_000 / 60).collect();
        let taken = analysed(30_000, &frames).len();
        assert!((299..=301).contains(&taken), "{taken} of 600 frames in 10 s at 30 a second");
    }

    #[test]
    fn timeline_that_restarts_is_served_at_once() {
        assert_eq!(analysed(25_000, &[5_000, 5_040, 0, 40]), [5_000, 5_040, 0, 40]);
    }

    #[test]
    fn pause_does_not_lead_to_a_burst() {
        let mut frames = vec![0, 80];
        frames.extend((0..20).map(|n| 5_000 + n * 20));
        let taken = analysed(12_500, &frames);
        assert_eq!(taken, [0, 80, 5_000, 5_060, 5_140, 5_220, 5_300, 5_380]);
    }

    #[test]
    fn source_served_longest_ago_is_next() {
        let mut admission = Admission::default();
        let order: Vec<usize> = (0..6)
            .map(|n| {
                let slots = [0, 1, 2].map(|source| slot(source, n * 9_000));
                let now = Monotonic::from_millis(n as u64);
                admission.next(now, at_rate(25_000), &slots).expect("all are due")
            })
            .collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
        assert_eq!(
            admission.since_served(Monotonic::from_millis(10), 0),
            Some(Duration::from_millis(7))
        );
    }

    proptest! {
        /// No source is analysed above the cap, whatever its frames' times.
        #[test]
        fn cap_holds_on_any_timeline(
            steps in proptest::collection::vec(1i64..20_000, 1..300),
            millihertz in 1_000u32..60_000,
        ) {
            let mut admission = Admission::default();
            let (mut at, mut taken) = (0, 0i64);
            for step in steps {
                at += step;
                let slots = [slot(0, at)];
                taken += i64::from(admission.next(Monotonic(0), at_rate(millihertz), &slots).is_some());
            }
            let interval = FrameRate(millihertz).media_interval().0;
            // One for the first frame and one for the slack of the last.
            prop_assert!(taken <= at / interval + 2, "{taken} frames in {at} at {interval}");
        }

        /// However the frames come, a source whose frame is always due is served at least once
        /// in as many turns as there are sources.
        #[test]
        fn nobody_starves(sources in 1usize..SOURCES_MAX, steps in proptest::collection::vec(
            proptest::collection::vec(3_600i64..90_000, SOURCES_MAX), 50,
        )) {
            let mut admission = Admission::default();
            let mut at = [0i64; SOURCES_MAX];
            let mut waited = [0usize; SOURCES_MAX];
            for (turn, step) in steps.iter().enumerate() {
                for source in 0..sources {
                    at[source] += step[source];
                }
                let slots: Vec<Slot> = (0..sources).map(|s| slot(s, at[s])).collect();
                let now = Monotonic(turn as u64);
                let chosen = admission.next(now, at_rate(30_000), &slots);
                for (source, waited) in waited.iter_mut().enumerate().take(sources) {
                    *waited += 1;
                    prop_assert!(*waited <= sources || chosen == Some(source));
                }
                waited[chosen.expect("every step is longer than the interval")] = 0;
            }
        }
    }
}
