//! From a container's time stamps, which count on and wrap, to [`MediaTime`].
//!
//! - Zero is the presentation of an epoch's first picture. With B-frames its decoding time is
//!   therefore negative, by the reordering delay.
//! - Video decides the timeline. Audio that lies further from the last picture than the allowed
//!   jump is dropped; audio a little before zero keeps its negative time.
//! - A video step beyond the allowed jump starts a new epoch. A smaller step back is repaired:
//!   jitter by holding the decoding time, anything longer by moving the rest of the stream on.
//!
//! Owns no clock.

use core::time::Duration;

use wire::time::{MEDIA_HZ, MediaSpan, MediaTime};

/// A step back up to this is jitter of one frame; a longer one is a new offset of the
/// publisher's clock, which stays.
const JITTER_MAX: MediaSpan = MediaSpan::from_millis(500);

/// How a container counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeBase {
    /// Its stamps are taken modulo two to this power.
    bits: u32,
    /// Ticks of [`MediaTime`] in one of its units.
    ticks: i64,
}

impl TimeBase {
    /// Of FLV and RTMP: milliseconds in 32 bits, which wrap every 49.7 days.
    pub(crate) const FLV: Self = Self { bits: 32, ticks: MEDIA_HZ / 1_000 };
    /// Of an MPEG transport stream: 90 kHz in 33 bits, which wrap every 26.5 hours.
    pub(crate) const MPEG: Self = Self { bits: 33, ticks: 1 };

    /// From one stamp to another, the shorter way round.
    pub(crate) fn step(self, from: u64, to: u64) -> MediaSpan {
        let unused = u64::BITS - self.bits;
        let units = (to.wrapping_sub(from) << unused).cast_signed() >> unused;
        MediaSpan(units * self.ticks)
    }
}

/// Times of one access unit, and what had to be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) dts: MediaTime,
    pub(crate) pts: MediaTime,
    pub(crate) repaired: bool,
}

/// What a video time stamp leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Video {
    Placed(Placed),
    /// The stamp is in another epoch: call [`Timeline::start`] at the next keyframe.
    Jump,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    base: TimeBase,
    /// Stamp that reads as `anchor`: the last one of video.
    anchor_raw: u64,
    anchor: MediaTime,
    video_last: MediaTime,
    audio_last: Option<MediaTime>,
    jump: MediaSpan,
}

impl Timeline {
    /// Starts an epoch at its first picture: decoded at the stamp `raw`, shown `composition` later.
    pub(crate) fn start(
        base: TimeBase,
        (raw, composition): (u64, MediaSpan),
        jump_max: Duration,
    ) -> Self {
        let anchor = MediaTime(0).minus(composition);
        let jump = MediaSpan::from_millis(jump_max.as_millis() as i64);
        Self { base, anchor_raw: raw, anchor, video_last: anchor, audio_last: None, jump }
    }

    pub(crate) fn video(&mut self, raw: u64, composition: MediaSpan) -> Video {
        let mut dts = self.read(raw);
        let step = dts.since(self.video_last);
        if step.0.abs() > self.jump.0 {
            return Video::Jump;
        }
        let repaired = step.0 < 0;
        if repaired {
            dts = self.video_last;
        }
        // The anchor follows the stream, so that a difference never comes near half the range.
        if !(-JITTER_MAX.0..0).contains(&step.0) {
            (self.anchor_raw, self.anchor) = (raw, dts);
        }
        self.video_last = dts;
        Video::Placed(Placed { dts, pts: dts.plus(composition), repaired })
    }

    /// `None` when the stamp has nothing to do with this epoch.
    pub(crate) fn audio(&mut self, raw: u64) -> Option<Placed> {
        let at = self.read(raw);
        if at.since(self.video_last).0.abs() > self.jump.0 {
            return None;
        }
        let floor = self.audio_last.unwrap_or(at);
        let dts = at.max(floor);
        self.audio_last = Some(dts);
        Some(Placed { dts, pts: dts, repaired: at < floor })
    }

    fn read(&self, raw: u64) -> MediaTime {
        self.anchor.plus(self.base.step(self.anchor_raw, raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUMP: Duration = Duration::from_secs(10);

    fn start(raw: u32) -> Timeline {
        let mut timeline = Timeline::start(TimeBase::FLV, (raw.into(), MediaSpan(0)), JUMP);
        assert_eq!(at(&mut timeline, raw), (0, false));
        timeline
    }

    fn at(timeline: &mut Timeline, raw: u32) -> (i64, bool) {
        match timeline.video(raw.into(), MediaSpan(0)) {
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
        for (to, jumps) in [(20_000_u32, false), (20_001, true), (0, false), (u32::MAX, true)] {
            let mut timeline = start(10_000);
            assert_eq!(timeline.video(to.into(), MediaSpan(0)) == Video::Jump, jumps, "{to}");
        }
    }

    #[test]
    fn the_first_picture_is_shown_at_zero_and_decoded_before() {
        let ms = MediaSpan::from_millis;
        let mut timeline = Timeline::start(TimeBase::FLV, (500, ms(80)), JUMP);
        let Video::Placed(first) = timeline.video(500, ms(80)) else { panic!("a jump") };
        assert_eq!((first.dts, first.pts), (MediaTime::from_millis(-80), MediaTime(0)));
        let Video::Placed(next) = timeline.video(540, ms(160)) else { panic!("a jump") };
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

    #[test]
    fn a_transport_stream_counts_ticks_and_wraps_after_a_day() {
        let (first, wrap) = ((1_u64 << 33) - 3_600, 1_u64 << 33);
        let mut timeline = Timeline::start(TimeBase::MPEG, (first, MediaSpan(0)), JUMP);
        for frame in 0..100 {
            let placed = timeline.video((first + 3_600 * frame) % wrap, MediaSpan(0));
            let dts = MediaTime::from_millis(40 * frame as i64);
            assert_eq!(placed, Video::Placed(Placed { dts, pts: dts, repaired: false }));
        }
    }
}
