//! The scene lane: does this picture go on with the one before, or was there a cut? No network.
//!
//! Two pictures of one camera look alike on a coarse grid, whatever moves in them and however fast
//! the camera pans; pictures of two cameras do not. A flash looks like a cut for one picture, so a
//! change is believed when the picture after it does not go back. Dissolves are not seen.

use std::collections::VecDeque;

use wire::time::MediaTime;

use super::history::is_jump;
use crate::limits::{
    SCENE_CHANGE_MIN, SCENE_CUT_STEP, SCENE_CUT_STEP_PICTURES, SCENE_CUTS, SCENE_GRID,
    SCENE_PACE_PICTURES, SCENE_PACE_QUIETEST, SCENE_PAN_CELLS,
};
use crate::picture::{Grey, Luma, Resampler};

/// How a picture goes on from the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The same scene.
    Same,
    /// Another scene, which began with the picture at this time: the one before this.
    Cut(MediaTime),
}

/// Notices cuts in one source.
pub struct SceneLane {
    resampler: Resampler,
    grey: Grey,
    last: Option<(MediaTime, Look)>,
    /// A change that the next picture may take back: the last picture before it, and its time.
    suspected: Option<(Look, MediaTime)>,
    /// How much pictures changed lately, oldest first.
    pace: VecDeque<f32>,
}

impl Default for SceneLane {
    fn default() -> Self {
        Self {
            resampler: Resampler::default(),
            grey: Grey::filled(SCENE_GRID.0, SCENE_GRID.1, 0),
            last: None,
            suspected: None,
            pace: VecDeque::with_capacity(SCENE_PACE_PICTURES),
        }
    }
}

impl SceneLane {
    /// Shows the lane a picture.
    pub fn observe(&mut self, luma: Luma<'_>, pts: MediaTime) -> Scene {
        if self.last.as_ref().is_some_and(|(last, _)| is_jump(*last, pts)) {
            self.reset();
        }
        self.resampler.letterbox(luma, &mut self.grey);
        let look = Look::of(&self.grey.data);
        let Some((before, previous)) = self.last.replace((pts, look.clone())) else {
            return Scene::Same;
        };
        if let Some((old, began)) = self.suspected.take() {
            let change = old.change_to(&previous);
            // Somebody who comes close to the lens goes on moving; another framing is there.
            let goes_on =
                change < SCENE_CUTS[0].0 && previous.change_to(&look) > change / SCENE_CUT_STEP;
            // A flash goes back to what was there before it; that step back is no cut either.
            return if goes_on || old.change_to(&look) < self.believed() {
                Scene::Same
            } else {
                self.pace.clear();
                debug_assert_eq!(began, before);
                Scene::Cut(began)
            };
        }
        let change = previous.change_to(&look);
        if change > self.believed() {
            self.suspected = Some((previous, pts));
        } else {
            if self.pace.len() == SCENE_PACE_PICTURES {
                self.pace.pop_front();
            }
            self.pace.push_back(change);
        }
        Scene::Same
    }

    /// The picture that was shown last, on [`SCENE_GRID`], row after row.
    pub fn grid(&self) -> &[u8] {
        &self.grey.data
    }

    /// Forgets everything: the next picture is the first.
    pub fn reset(&mut self) {
        self.last = None;
        self.suspected = None;
        self.pace.clear();
    }

    /// The change from which on two pictures belong to different scenes.
    fn believed(&self) -> f32 {
        let mut lately: Vec<f32> = self.pace.iter().copied().collect();
        lately.sort_by(f32::total_cmp);
        let usual = lately.get(lately.len() / 2).copied().unwrap_or_default();
        let usual = usual.max(SCENE_PACE_QUIETEST);
        let [scene, framing] = SCENE_CUTS.map(|(least, times)| (usual * times).clamp(least, 1.0));
        let last = self.pace.iter().rev().take(SCENE_CUT_STEP_PICTURES);
        let step = SCENE_CUT_STEP * last.copied().fold(0.0, f32::max);
        scene.min(framing.max(step))
    }
}

/// A picture on a coarse grid, without its brightness and contrast.
#[derive(Clone)]
struct Look(Vec<f32>);

impl Look {
    fn of(grey: &[u8]) -> Self {
        let count = grey.len() as f32;
        let mean = grey.iter().map(|&g| f32::from(g)).sum::<f32>() / count;
        let centred: Vec<f32> = grey.iter().map(|&g| f32::from(g) - mean).collect();
        let spread = (centred.iter().map(|c| c * c).sum::<f32>() / count).sqrt();
        // A black or blank picture is told by its noise otherwise.
        let scale = 1.0 / spread.max(3.0);
        Self(centred.into_iter().map(|c| c * scale).collect())
    }

    /// 0 for the same picture, about 1 for one that has nothing to do with it. A picture that is
    /// only shifted, by a pan, is the same.
    fn change_to(&self, other: &Self) -> f32 {
        let still = self.change_by(other, (0, 0));
        if still < SCENE_CHANGE_MIN {
            return still;
        }
        let (across, down) = SCENE_PAN_CELLS;
        let shifts = (-down..=down).flat_map(|y| (-across..=across).map(move |x| (x, y)));
        shifts.map(|shift| self.change_by(other, shift)).fold(still, f32::min)
    }

    /// The change where both pictures overlap, when the other is shifted by whole cells.
    fn change_by(&self, other: &Self, (x, y): (isize, isize)) -> f32 {
        let columns = SCENE_GRID.0 - x.unsigned_abs();
        let (left, other_left) = (x.max(0) as usize, (-x).max(0) as usize);
        let mut squares = 0.0;
        let rows = SCENE_GRID.1 - y.unsigned_abs();
        for row in 0..rows {
            let own_row = (row + y.max(0) as usize) * SCENE_GRID.0;
            let other_row = (row + (-y).max(0) as usize) * SCENE_GRID.0;
            let own = &self.0[own_row + left..][..columns];
            let others = &other.0[other_row + other_left..][..columns];
            squares += own.iter().zip(others).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        }
        0.5 * squares / (rows * columns) as f32
    }
}
