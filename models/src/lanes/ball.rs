//! The ball lane: where are the balls in the newest picture, judged from a few pictures about
//! 40 ms apart?

use wire::time::{MediaSpan, MediaTime};

use super::history::{Histories, History, is_jump};
use super::{LaneError, Resident, Tiers, peaks};
use crate::limits::{
    BALL_CONFIDENCE_MIN, BALL_STEP_MS_MAX, BALL_WINDOW_MAX, BALLS_MAX, PICTURE_SPACING_MS_MIN,
};
use crate::manifest::Lane;
use crate::pack::{Pack, PackError};
use crate::picture::{Letterbox, Luma, Resampler};

/// A place in the picture that looks like a ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BallReading {
    /// Centre, in pixels of the source from the left edge.
    pub x: f32,
    /// Centre, in pixels of the source from the top edge.
    pub y: f32,
    /// Probability, 0 to 1.
    pub confidence: f32,
}

/// Looks for balls in the pictures of one source.
pub struct BallLane {
    tiers: Tiers,
    histories: Histories,
    resampler: Resampler,
    /// Columns and rows of the pictures that the histories were made from.
    source: Option<(usize, usize)>,
    spacing: MediaSpan,
}

impl BallLane {
    /// A lane over a ball pack, with all its tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Ball)?, tier)?;
        let sizes = tiers.all.iter().map(Resident::picture_size);
        Ok(Self {
            histories: Histories::new(sizes, BALL_WINDOW_MAX),
            tiers,
            resampler: Resampler::default(),
            source: None,
            spacing: MediaSpan::from_millis(i64::from(pack.manifest().input.spacing_ms)),
        })
    }

    /// Asks for another tier. It takes over at the next picture for which its window is full:
    /// at once if both tiers take pictures of one size, else after a few pictures, during which
    /// the old tier goes on, so that the lane is never blind.
    ///
    /// # Errors
    /// [`LaneError::NoTier`].
    pub fn set_tier(&mut self, tier: &str) -> Result<(), LaneError> {
        self.tiers.want(tier)
    }

    /// The tier that gave the last readings.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Takes over from the lane of another pack: with the pictures that it has kept, if both look
    /// at such pictures, else with an empty window.
    pub fn go_on_from(&mut self, other: &mut Self) {
        if !self.histories.is_like(&other.histories) {
            return;
        }
        self.tiers.go_on_as(&other.tiers);
        std::mem::swap(&mut self.histories, &mut other.histories);
        self.source = other.source;
    }

    /// Keeps a picture without looking for balls, for frames that the engine has no time for.
    /// Costs a few tenths of a ms; the better the motion that the next reading sees.
    pub fn remember(&mut self, luma: Luma<'_>, pts: MediaTime) {
        self.keep(luma, pts);
    }

    /// Keeps a picture and looks for balls in it.
    ///
    /// - returns: at most [`BALLS_MAX`] readings, the most certain first; `None` while the window
    ///   is not full (after the start, a cut or a gap), when the picture has the time of one
    ///   already seen, or when the source is slower than [`BALL_STEP_MS_MAX`].
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next picture.
    pub fn observe(
        &mut self,
        luma: Luma<'_>,
        pts: MediaTime,
    ) -> Result<Option<Vec<BallReading>>, LaneError> {
        let Some(letterbox) = self.keep(luma, pts) else { return Ok(None) };
        let wanted = self.tiers.wanted;
        let letterbox = if wanted != self.tiers.active && self.assemble(wanted) {
            self.tiers.active = wanted;
            letterbox.wanted
        } else if self.assemble(self.tiers.active) {
            letterbox.active
        } else {
            return Ok(None);
        };
        let tier = self.tiers.active();
        let (width, _) = tier.picture_size();
        let heat = tier.run()?;
        let columns = heat.shape[3];
        let cell = width as f32 / columns as f32;
        let found = peaks::find(&heat.data, columns, BALL_CONFIDENCE_MIN, BALLS_MAX);
        let readings = found.iter().map(|peak| {
            let (x, y) = letterbox.to_source(peak.x * cell, peak.y * cell);
            BallReading { x, y, confidence: peak.confidence }
        });
        let inside = |r: &BallReading| {
            (0.0..luma.width() as f32).contains(&r.x) && (0.0..luma.height() as f32).contains(&r.y)
        };
        Ok(Some(readings.filter(inside).collect()))
    }

    /// Forgets all pictures: after a cut, or when the source changed.
    pub fn reset(&mut self) {
        self.histories.clear();
    }

    /// Puts the picture into the histories of the active and the wanted tier; `None` if it is not
    /// a new one.
    fn keep(&mut self, luma: Luma<'_>, pts: MediaTime) -> Option<Kept> {
        let source = (luma.width(), luma.height());
        let sizes = self.tiers.picture_sizes();
        let newest = self.histories.of(sizes[0]).newest();
        if self.source != Some(source) || newest.is_some_and(|n| is_jump(n, pts)) {
            self.reset();
            self.source = Some(source);
        } else if newest.is_some_and(|n| pts.since(n).as_millis() < PICTURE_SPACING_MS_MIN) {
            return None;
        }
        let resampler = &mut self.resampler;
        self.histories.update(sizes, |history| {
            history.push(pts, |grey| {
                resampler.letterbox(luma, grey);
            });
        });
        let [active, wanted] = sizes.map(|size| Letterbox::of(source, size));
        Some(Kept { active, wanted })
    }

    /// Fills the input of a tier; false if its window is not full.
    fn assemble(&mut self, tier: usize) -> bool {
        let tier = &mut self.tiers.all[tier];
        let history = self.histories.of(tier.picture_size());
        let Some(chosen) = choose(history, tier.pictures(), self.spacing) else { return false };
        for (index, entry) in chosen.into_iter().enumerate() {
            history.entries()[entry].1.write_to(tier.picture_mut(index));
        }
        true
    }
}

/// Where the newest picture lies in the inputs.
struct Kept {
    active: Letterbox,
    wanted: Letterbox,
}

/// Chooses `count` pictures, oldest first, that end with the newest and are evenly spaced: a whole
/// number of the source's frame intervals, as near to `spacing` as it gets (25 frames a second:
/// every picture; 50 and 60: every second).
fn choose(history: &History, count: usize, spacing: MediaSpan) -> Option<Vec<usize>> {
    let times: Vec<i64> = history.entries().iter().map(|(at, _)| at.0).collect();
    let newest = *times.last()?;
    let mut intervals: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_unstable();
    let interval = *intervals.get(intervals.len() / 2)?;
    let every = ((spacing.0 + interval / 2) / interval).max(1);
    let step = interval * every;
    if MediaSpan(step).as_millis() > BALL_STEP_MS_MAX {
        return None;
    }
    let nearest = |back: usize| {
        let due = newest - back as i64 * step;
        let (index, off) =
            times.iter().map(|t| (t - due).abs()).enumerate().min_by_key(|&(_, off)| off)?;
        // One lost picture is replaced by its neighbour, more are a window that is not full.
        (off <= step).then_some(index)
    };
    let reaches = newest - times[0] >= (count as i64 - 1) * step - step / 4;
    if !reaches {
        return None;
    }
    (0..count).rev().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times in ms of the pictures that are chosen at the last of these times in ticks.
    fn chosen_ms(frames: &[i64]) -> Option<Vec<i64>> {
        let mut history = History::new((2, 2), BALL_WINDOW_MAX);
        for &ticks in frames {
            history.push(MediaTime(ticks), |_| ());
        }
        let chosen = choose(&history, 5, MediaSpan::from_millis(40))?;
        Some(chosen.iter().map(|&i| history.entries()[i].0.0 / 90).collect())
    }

    #[test]
    fn pictures_are_about_40_ms_apart_at_every_frame_rate() {
        let rates: [(i64, &[i64]); 6] = [
            (24, &[833, 875, 916, 958, 1000]),
            (25, &[840, 880, 920, 960, 1000]),
            (30, &[866, 900, 933, 966, 1000]),
            (50, &[840, 880, 920, 960, 1000]),
            (60, &[866, 900, 933, 966, 1000]),
            (120, &[833, 875, 916, 958, 1000]),
        ];
        for (fps, expected) in rates {
            let frames: Vec<i64> = (0..=fps).map(|i| i * 90_000 / fps).collect();
            assert_eq!(chosen_ms(&frames).as_deref(), Some(expected), "{fps} frames a second");
        }
    }

    #[test]
    fn one_lost_picture_is_bridged_and_a_slow_source_gives_nothing() {
        let lossy: Vec<i64> = (0..20).filter(|i| *i != 17).map(|i| i * 3_600).collect();
        assert_eq!(chosen_ms(&lossy).map(|t| t.len()), Some(5));
        let slow: Vec<i64> = (0..20).map(|i| i * 10_800).collect();
        assert_eq!(chosen_ms(&slow), None);
    }

    #[test]
    fn a_window_is_full_with_the_fifth_picture_and_not_before() {
        let frames: Vec<i64> = (0..5).map(|i| i * 3_600).collect();
        assert_eq!(chosen_ms(&frames[..4]), None);
        assert_eq!(chosen_ms(&frames), Some(vec![0, 40, 80, 120, 160]));
        assert_eq!(chosen_ms(&[0]), None);
    }
}
