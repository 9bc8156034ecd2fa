//! From the publisher's 32-bit milliseconds to [`MediaTime`].
//!
//! - Zero is the presentation of an epoch's first picture. With B-frames its decoding time is
//!   therefore negative, by the reordering delay.
//! - Video decides the timeline. Audio that lies further from the last picture than the allowed
//!   jump is dropped; audio a little before zero keeps its negative time.
//! - A video step beyond the allowed jump starts a new epoch. A smaller step back is repaired:
//!   jitter by holding the decoding time, anything longer by moving the rest of the stream on.
//!
//! Owns no clock. The 32-bit counter wraps every 49.7 days; differences are taken modulo 2^32.

use core::time::Duration;

use wire::time::{MediaSpan, MediaTime};

/// A step back up to this is jitter of one frame; a longer one is a new offset of the
/// publisher's clock, which stays.
const JITTER_MAX: i64 = 500;

/// Times of one access unit, and what had to be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) dts: MediaTime,
    pub(super) pts: MediaTime,
    pub(super) repaired: bool,
}

/// What a video timestamp leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Video {
    Placed(Placed),
    /// The timestamp is in another epoch: call [`Timeline::start`] at the next keyframe.
    Jump,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    /// Timestamp that reads as `anchor_ms`: the last one of video.
    anchor_raw: u32,
    anchor_ms: i64,
    video_last_ms: i64,
    audio_last_ms: Option<i64>,
    jump_ms: i64,
}

impl Timeline {
    /// Starts an epoch at its first picture: decoded at `raw` ms, shown `composition_ms` later.
    pub(super) fn start(raw: u32, composition_ms: i32, jump_max: Duration) -> Self {
        let anchor_ms = -i64::from(composition_ms);
        let jump_ms = i64::try_from(jump_max.as_millis()).unwrap_or(i64::MAX);
        Self { anchor_raw: raw, anchor_ms, video_last_ms: anchor_ms, audio_last_ms: None, jump_ms }
    }

    pub(super) fn video(&mut self, raw: u32, composition_ms: i32) -> Video {
        let mut at = self.read(raw);
        let step = at - self.video_last_ms;
        if step.abs() > self.jump_ms {
            return Video::Jump;
        }
        let repaired = step < 0;
        if repaired {
            at = self.video_last_ms;
        }
        // The anchor follows the stream, so that a difference never comes near half the range.
        if !(-JITTER_MAX..0).contains(&step) {
            (self.anchor_raw, self.anchor_ms) = (raw, at);
        }
        self.video_last_ms = at;
        let dts = MediaTime::from_millis(at);
        let pts = dts.plus(MediaSpan::from_millis(i64::from(composition_ms)));
        Video::Placed(Placed { dts, pts, repaired })
    }

    /// `None` when the timestamp has nothing to do with this epoch.
    pub(super) fn audio(&mut self, raw: u32) -> Option<Placed> {
        let at = self.read(raw);
        if (at - self.video_last_ms).abs() > self.jump_ms {
            return None;
        }
        let floor = self.audio_last_ms.unwrap_or(at);
        let repaired = at < floor;
        let at = at.max(floor);
        self.audio_last_ms = Some(at);
        let dts = MediaTime::from_millis(at);
        Some(Placed { dts, pts: dts, repaired })
    }

    fn read(&self, raw: u32) -> i64 {
        self.anchor_ms + i64::from(raw.wrapping_sub(self.anchor_raw).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUMP: Duration = Duration::from_secs(10);

    fn start(raw: u32) -> Timeline {
        let mut timeline = Timeline::start(raw, 0, JUMP);
        assert_eq!(at(&mut timeline, raw), (0, false));
        timeline
    }

    fn at(timeline: &mut Timeline, raw: u32) -> (i64, bool) {
        match timeline.video(raw, 0) {
            Video::Placed(placed) => (placed.dts.0 / 90, placed.repaired),
            Video::Jump => panic!("{raw} jumps"),
        }
    }

    #[test]
    fn the_counter_may_wrap_at_any_moment() {
        for first in [0, 5, 0x00FF_FFF0, 0x7FFF_FFF0, 0xFFFF_FFF0, u32::MAX] {
            let mut timeline = start(first);
            for frame in 1..100 {
                assert_eq!(
                    at(&mut timeline, first.wrapping_add(40 * frame)),
                    (40 * i64::from(frame), false)
                );
            }
        }
    }

    #[test]
    fn two_wraps_of_the_counter_are_a_hundred_days() {
        let mut timeline = start(0);
        let (mut raw, mut expected) = (0_u32, 0_i64);
        // Nine seconds a step, so that the test is short and no step is a jump.
        while expected < 100 * 86_400_000 {
            raw = raw.wrapping_add(9_000);
            expected += 9_000;
            assert_eq!(at(&mut timeline, raw), (expected, false));
        }
    }

    #[test]
    fn jitter_backwards_is_held_and_leaves_no_offset() {
        let mut timeline = start(1000);
        let times = [1040, 1037, 1080, 1080, 620, 1120];
        let placed = times.map(|raw| at(&mut timeline, raw));
        assert_eq!(
            placed,
            [(40, false), (40, true), (80, false), (80, false), (80, true), (120, false)]
        );
    }

    #[test]
    fn a_clock_set_back_by_seconds_moves_the_rest_on() {
        let mut timeline = start(10_000);
        assert_eq!(at(&mut timeline, 10_040), (40, false));
        let placed = [7_000, 7_040, 7_080].map(|raw| at(&mut timeline, raw));
        assert_eq!(placed, [(40, true), (80, false), (120, false)]);
        assert_eq!(
            timeline.audio(7_080).map(|placed| placed.dts),
            Some(MediaTime::from_millis(120))
        );
    }

    #[test]
    fn ten_seconds_are_a_gap_and_more_is_a_jump() {
        for (to, jumps) in [(20_000, false), (20_001, true), (0, false), (u32::MAX, true)] {
            let mut timeline = start(10_000);
            assert_eq!(timeline.video(to, 0) == Video::Jump, jumps, "{to}");
        }
    }

    #[test]
    fn the_first_picture_is_shown_at_zero_and_decoded_before() {
        let mut timeline = Timeline::start(500, 80, JUMP);
        let Video::Placed(first) = timeline.video(500, 80) else { panic!("a jump") };
        assert_eq!((first.dts, first.pts), (MediaTime::from_millis(-80), MediaTime(0)));
        let Video::Placed(next) = timeline.video(540, 160) else { panic!("a jump") };
        assert_eq!(
            (next.dts, next.pts),
            (MediaTime::from_millis(-40), MediaTime::from_millis(120))
        );
    }

    #[test]
    fn audio_may_come_before_zero_but_not_from_another_time() {
        let mut timeline = start(1000);
        let placed = |timeline: &mut Timeline, raw| {
            timeline.audio(raw).map(|placed| (placed.dts.0 / 90, placed.repaired))
        };
        assert_eq!(placed(&mut timeline, 990), Some((-10, false)));
        assert_eq!(placed(&mut timeline, 1013), Some((13, false)));
        assert_eq!(placed(&mut timeline, 1010), Some((13, true)));
        assert_eq!(placed(&mut timeline, 500_000), None);
        assert_eq!(placed(&mut timeline, 1036), Some((36, false)));
    }
}
