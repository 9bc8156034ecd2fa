//! From a track's time stamps, in whatever unit its container counts, to [`MediaTime`].

use ffmpeg_the_third as ffmpeg;
use wire::time::{MEDIA_HZ, MediaTime};

/// Maps a track's time stamps to the file's timeline.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    numerator: i64,
    denominator: i64,
    /// The first picture shown, in 1/90 000 s of the container's time.
    pub(super) origin: i64,
}

impl Clock {
    pub(super) fn new(base: ffmpeg::Rational) -> Self {
        let (numerator, denominator) = (base.numerator().into(), base.denominator().max(1).into());
        Self { numerator, denominator, origin: 0 }
    }

    pub(super) fn at(self, stamp: i64) -> MediaTime {
        let ticks = i128::from(stamp) * i128::from(self.numerator) * i128::from(MEDIA_HZ);
        let denominator = i128::from(self.denominator);
        // To the nearest tick: containers in milliseconds do not divide a frame's length.
        let rounded = (2 * ticks + denominator).div_euclid(2 * denominator);
        MediaTime(rounded as i64 - self.origin)
    }
}
