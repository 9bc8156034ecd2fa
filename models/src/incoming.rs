//! What comes in, and what is done about it before the lanes look: an interlaced picture is seen
//! through the earlier half of its rows.
//!
//! Owns the decision, source by source, and its slowness: a lane compares a picture with those
//! before it, so that a view that changes to and fro would look like motion. Must not touch the
//! picture itself, nor what is recorded: a view is handed to the lanes, and nobody else.
//! Why so, and what it brought: `docs/decisions/0016-what-comes-in-is-adapted.md`.

use std::fmt;

use hal::surface::{Half, Scan};
use wire::time::MediaTime;

use crate::limits::{
    COMB_PICTURES, COMB_POINTS_MIN, COMB_ROWS, COMB_SHARE_MIN, COMB_STEP_MIN, INTERLACED_MS,
};
use crate::picture::Luma;

/// What is done to a source's pictures before the lanes look at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Adaptation {
    /// Which rows they see.
    pub rows: Rows,
}

/// Which rows of a picture the lanes see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rows {
    /// All, as they are.
    #[default]
    All,
    /// Those of the earlier half, because the other one shows another moment.
    Half(Half),
}

/// In the words of whoever put up the camera.
impl fmt::Display for Adaptation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.rows {
            Rows::All => "the picture is looked at as it is",
            Rows::Half(_) => {
                "the picture is interlaced: every second row of it is looked at; \
                 set the camera to progressive if it can"
            }
        })
    }
}

impl Adaptation {
    /// The picture as the lanes are to see it.
    pub fn view<'a>(&self, luma: Luma<'a>) -> Luma<'a> {
        match self.rows {
            Rows::All => luma,
            Rows::Half(half) => luma.through(half),
        }
    }
}

/// Watches what comes in from one source.
#[derive(Default)]
pub struct Incoming {
    size: (usize, usize),
    /// The earlier half, as a decoder named last.
    first: Option<Half>,
    /// When a picture was last known to be woven out of two moments.
    woven: Option<MediaTime>,
    /// Combed pictures one after the other.
    combed: u32,
}

impl Incoming {
    /// Looks at a picture; how it and the next ones are to be seen.
    ///
    /// - `scan`: what the decoder says. It is believed at once when it says interlaced; when it
    ///   does not, the picture may still be: a capture card or a converter may have forgotten it.
    pub fn observe(&mut self, luma: Luma<'_>, scan: Scan, at: MediaTime) -> Adaptation {
        let size = (luma.width(), luma.height());
        if self.size != size || self.woven.is_some_and(|woven| at < woven) {
            *self = Self { size, ..Self::default() };
        }
        match scan {
            Scan::Interlaced(first) => {
                self.first = Some(first);
                self.woven = Some(at);
            }
            Scan::Progressive => self.look_for_combs(luma, at),
        }
        let is_recent = |woven: &MediaTime| at.since(*woven).as_millis() < INTERLACED_MS;
        self.woven = self.woven.filter(is_recent);
        let rows = match self.woven {
            // Of a stream that does not say which half is the earlier one, either will do: the
            // other would show the same half a picture later, always.
            Some(_) => Rows::Half(self.first.unwrap_or(Half::Upper)),
            None => Rows::All,
        };
        Adaptation { rows }
    }

    fn look_for_combs(&mut self, luma: Luma<'_>, at: MediaTime) {
        self.combed = if is_combed(luma) { self.combed + 1 } else { 0 };
        if self.combed >= COMB_PICTURES || (self.combed > 0 && self.woven.is_some()) {
            self.woven = Some(at);
        }
    }
}

/// Whether edges are torn into combs, as they are where two moments are woven into one picture:
/// in five rows below each other, every second one is brighter than both its neighbours, or darker.
/// One picture of one moment hardly ever has such a place, however rich in detail it is; means of
/// four columns are compared, because noise has such places too.
fn is_combed(luma: Luma<'_>) -> bool {
    let places = (0..luma.height().saturating_sub(4)).step_by(COMB_ROWS);
    let (mut combs, mut points) = (0, 0);
    for y in places {
        let rows = [0, 1, 2, 3, 4].map(|k| luma.row(y + k).as_chunks::<4>().0);
        points += rows[0].len();
        combs += (0..rows[0].len()).filter(|&x| is_comb(rows.map(|row| sum(row[x])))).count();
    }
    combs >= COMB_POINTS_MIN.max((points as f32 * COMB_SHARE_MIN) as usize)
}

fn sum(pixels: [u8; 4]) -> u16 {
    pixels.iter().fold(0, |sum, &pixel| sum.wrapping_add(u16::from(pixel)))
}

fn is_comb([a, b, c, d, e]: [u16; 5]) -> bool {
    let (low, high) = (a.min(c).min(e), a.max(c).max(e));
    let (other_low, other_high) = (b.min(d), b.max(d));
    let gap = low.saturating_sub(other_high).max(other_low.saturating_sub(high));
    // The rows of one half are alike there; those of a fine pattern only happen to alternate.
    gap >= (4 * COMB_STEP_MIN).max(high - low).max(other_high - other_low)
}
