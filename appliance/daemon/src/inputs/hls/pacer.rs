//! When the frames of an HLS stream are due: segments come in bursts, a game does not.
//!
//! Frames are played at the speed of play from the first one on. When nothing is left to play, the
//! next frame is due at once, and the stream is that much later; when too much of a live stream
//! waits, it is played a little faster. Owns no frame and no clock.

use std::time::Duration;

use wire::time::{MediaSpan, MediaTime, Monotonic};

/// How much of a live stream may wait before it is played faster: the three segments of the usual
/// six seconds with which it begins, and two that come late together after a hiccup of the network.
const AHEAD_MAX: MediaSpan = MediaSpan::from_millis(30_000);
/// Played faster, time shrinks by this share: fast enough to catch up ten seconds in three minutes.
const FASTER: i64 = 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// A frame, and when it was due.
    anchor: Option<(MediaTime, Monotonic)>,
    /// The stream is live: what waits makes it later than it need be.
    live: bool,
}

impl Pacer {
    /// When the next frame is due.
    ///
    /// - next, newest: decoding times of the frame that waits first, and of the one that waits
    ///   last.
    pub(super) fn due(&self, now: Monotonic, (next, newest): (MediaTime, MediaTime)) -> Monotonic {
        let Some((at, due)) = self.anchor else { return now };
        let mut span = next.since(at).0.max(0);
        if self.live && newest.since(next).0 > AHEAD_MAX.0 {
            span -= span / FASTER;
        }
        due.plus(Duration::from_micros(span as u64 * 100 / 9))
    }

    /// The frame of this time was handed out; it was due then.
    pub(super) fn played(&mut self, now: Monotonic, at: MediaTime, due: Monotonic) {
        // Late because there was nothing, or because the box was busy for long.
        let late = now.since(due) > Duration::from_millis(500);
        match self.anchor {
            // Sound mostly comes behind the picture that it belongs to: it does not wait, and what
            // follows does not wait for it once more.
            Some((anchor, _)) if at < anchor && !late => {}
            Some(_) | None => self.anchor = Some((at, if late { now } else { due })),
        }
    }

    /// The stream is live: it is not to fall behind.
    pub(super) fn catch_up(&mut self) {
        self.live = true;
    }

    /// The next frame does not continue the ones before.
    pub(super) fn cut(&mut self) {
        self.anchor = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> MediaTime {
        MediaTime::from_millis(ms)
    }

    const fn clock(ms: u64) -> Monotonic {
        Monotonic::from_millis(ms)
    }

    #[test]
    fn a_burst_is_played_at_the_speed_of_play() {
        let mut pacer = Pacer::default();
        for frame in 0..100 {
            let now = clock(1_000 + 40 * frame as u64);
            let due = pacer.due(now, (ms(40 * frame), ms(4_000)));
            assert_eq!(due, now);
            pacer.played(now, ms(40 * frame), due);
        }
    }

    #[test]
    fn sound_that_comes_behind_its_picture_slows_nothing_down() {
        let mut pacer = Pacer::default();
        let mut now = clock(0);
        for second in 0..60 {
            for at in [ms(1_000 * second), ms(1_000 * second - 400)] {
                let due = pacer.due(now, (at, ms(60_000)));
                now = now.max(due);
                pacer.played(now, at, due);
            }
        }
        assert_eq!(now, clock(59_000));
    }

    #[test]
    fn after_a_pause_it_goes_on_at_once_and_stays_later() {
        let mut pacer = Pacer::default();
        pacer.played(clock(0), ms(0), clock(0));
        // Segments stayed away for three seconds.
        let due = pacer.due(clock(3_040), (ms(40), ms(40)));
        assert_eq!(due, clock(40));
        pacer.played(clock(3_040), ms(40), due);
        assert_eq!(pacer.due(clock(3_040), (ms(80), ms(6_000))), clock(3_080));
    }

    #[test]
    fn when_too_much_of_a_live_stream_waits_it_is_played_a_little_faster() {
        let a_minute_of = |mut pacer: Pacer, waiting_ms| {
            let (mut now, mut played) = (clock(0), ms(0));
            while played < ms(60_000) {
                let newest = played.plus(MediaSpan::from_millis(waiting_ms));
                let due = pacer.due(now, (played, newest)).max(now);
                pacer.played(due, played, due);
                (now, played) = (due, played.plus(MediaSpan::from_millis(40)));
            }
            now.since(clock(0)).as_millis()
        };
        let live = || Pacer { anchor: None, live: true };
        let took = a_minute_of(live(), 40_000);
        assert!((56_900..57_100).contains(&took), "{took} ms for a minute");
        for took in [a_minute_of(live(), 20_000), a_minute_of(Pacer::default(), 40_000)] {
            assert!((59_900..=60_000).contains(&took), "{took} ms for a minute");
        }
    }
}
