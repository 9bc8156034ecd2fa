//! The one module that maps between clocks.
//!
//! [`Timeline`] puts the times of successive publishers of one source behind each other, so that
//! a media time names one picture of a boot. [`ArrivalLog`] remembers when the last seconds of
//! frames arrived, so that an event can say how old its frames are. Neither reads a clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cut::Anchor;
use crate::links::Arrival;
use ingest::access_unit::MediaItem;
use wire::time::{MEDIA_HZ, MediaSpan, MediaTime, Monotonic, WallTime};

/// Least distance between the last media time of one publisher and the first of the next.
const EPOCH_GAP: MediaSpan = MediaSpan::from_millis(1_000);

/// Continuous media time of one source over all its publishers of this boot.
#[derive(Debug, Default)]
pub struct Timeline {
    offset: MediaSpan,
    head: Option<Head>,
    epoch_open: bool,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    at: MediaTime,
    arrived: Monotonic,
}

impl Timeline {
    /// The next item starts a new epoch: a publisher came back, or its times jumped.
    pub fn start_epoch(&mut self) {
        self.epoch_open = false;
    }

    /// Moves an item's times onto the source's timeline. The first access unit of an epoch is
    /// put as far behind the end of the last epoch as wall time passed between them, and at
    /// least [`EPOCH_GAP`]; the very first unit of the source is at its own time.
    ///
    /// Returns the media time at which a new epoch begins, if this item begins one that is not
    /// the first.
    pub fn rebase(&mut self, item: &mut MediaItem) -> Option<MediaTime> {
        let MediaItem::Unit(unit) = item else { return None };
        let mut began = None;
        if !self.epoch_open {
            self.epoch_open = true;
            if let Some(head) = self.head {
                let silent = ticks(unit.arrived.since(head.arrived));
                let start = head.at.plus(MediaSpan(silent.0.max(EPOCH_GAP.0)));
                self.offset = start.since(unit.dts.min(unit.pts));
                began = Some(start);
            }
        }
        unit.pts = unit.pts.plus(self.offset);
        unit.dts = unit.dts.plus(self.offset);
        let at = self.head.map_or(unit.pts, |head| head.at.max(unit.pts));
        self.head = Some(Head { at, arrived: unit.arrived });
        began
    }

    /// The newest media time, if anything arrived yet.
    pub fn head(&self) -> Option<MediaTime> {
        self.head.map(|head| head.at)
    }
}

fn ticks(duration: Duration) -> MediaSpan {
    MediaSpan((duration.as_micros() as i64).saturating_mul(MEDIA_HZ) / 1_000_000)
}

/// Arrival times of the last analysed frames.
#[derive(Debug, Default)]
pub struct ArrivalLog {
    entries: VecDeque<(MediaTime, Arrival)>,
}

impl ArrivalLog {
    /// Frames remembered: ten seconds at 60 frames a second.
    const KEPT: usize = 600;

    /// Remembers a frame; frames come in order.
    pub fn note(&mut self, at: MediaTime, arrived: Arrival) {
        if self.entries.len() == Self::KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back((at, arrived));
    }

    /// The newest frame, on the one timeline of all sources; zeros if nothing arrived yet.
    pub fn newest(&self) -> Anchor {
        let (media, arrived) = self.entries.back().copied().unwrap_or_default();
        Anchor { media, wall: arrived.steady }
    }

    /// Arrival of the first frame at or after `at`; of the newest frame if there is none, and
    /// the epoch of wall time if nothing arrived at all.
    pub fn arrival(&self, at: MediaTime) -> WallTime {
        let position = self.entries.partition_point(|(time, _)| *time < at);
        let entry = self.entries.get(position).or(self.entries.back());
        entry.map_or(WallTime::default(), |(_, arrived)| arrived.wall)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ingest::access_unit::{AccessUnit, Track};

    use super::*;

    fn unit(pts_ms: i64, arrived_ms: u64) -> MediaItem {
        let at = MediaTime::from_millis(pts_ms);
        MediaItem::Unit(AccessUnit {
            track: Track::Video,
            pts: at,
            dts: at,
            keyframe: true,
            data: Bytes::new(),
            arrived: Monotonic::from_millis(arrived_ms),
        })
    }

    fn pts(item: &MediaItem) -> MediaTime {
        match item {
            MediaItem::Unit(unit) => unit.pts,
            MediaItem::Video(_) | MediaItem::Audio(_) => panic!("only units have times"),
        }
    }

    #[test]
    fn a_publisher_that_comes_back_continues_behind_its_own_past() {
        let mut timeline = Timeline::default();
        let mut item = unit(0, 100);
        assert_eq!(timeline.rebase(&mut item), None);
        let mut item = unit(4_000, 4_100);
        timeline.rebase(&mut item);
        timeline.start_epoch();
        let mut item = unit(0, 7_100);
        assert_eq!(timeline.rebase(&mut item), Some(MediaTime::from_millis(7_000)));
        assert_eq!(pts(&item), MediaTime::from_millis(7_000));
        let mut item = unit(40, 7_140);
        assert_eq!(timeline.rebase(&mut item), None);
        assert_eq!(pts(&item), MediaTime::from_millis(7_040));
    }

    #[test]
    fn times_that_jump_back_within_an_instant_still_move_forward() {
        let mut timeline = Timeline::default();
        timeline.rebase(&mut unit(9_000, 100));
        timeline.start_epoch();
        let mut item = unit(0, 101);
        timeline.rebase(&mut item);
        assert_eq!(pts(&item), MediaTime::from_millis(10_000));
    }

    #[test]
    fn arrival_is_that_of_the_frame_at_or_after_the_moment() {
        let mut log = ArrivalLog::default();
        assert_eq!(log.arrival(MediaTime(0)), WallTime(0));
        let arrived = |wall, steady| Arrival {
            monotonic: Monotonic(0),
            wall: WallTime(wall),
            steady: WallTime(steady),
        };
        log.note(MediaTime::from_millis(0), arrived(10, 9));
        log.note(MediaTime::from_millis(40), arrived(50, 43));
        assert_eq!(log.newest().wall, WallTime(43));
        assert_eq!(log.arrival(MediaTime::from_millis(1)), WallTime(50));
        assert_eq!(log.arrival(MediaTime::from_millis(40)), WallTime(50));
        assert_eq!(log.arrival(MediaTime::from_millis(99)), WallTime(50));
    }
}
