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
