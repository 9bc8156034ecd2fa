//! Evidence of the rim lane over time: every moment is judged by several overlapping windows,
//! each with another look-ahead; this ring keeps their weighted mean.
//!
//! Owns the ring; decides nothing.

use wire::time::{MediaSpan, MediaTime};

use crate::RimWindow;

/// Distance of two of the rim lane's slots.
pub const SLOT: MediaSpan = MediaSpan::from_millis(80);
/// Slots kept, 5.1 s: the longest look-ahead, the refractory time and a margin.
const KEPT: usize = 64;

/// Mean probabilities of one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// A shot went in here.
    pub made: f32,
    /// A shot missed here.
    pub missed: f32,
    /// Sum of the weights behind the means; 0.0 when nothing is known.
    pub weight: f32,
}

impl Mean {
    /// Probability that a shot ended here, either way.
    pub fn either(self) -> f32 {
        self.made + self.missed
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    index: i64,
    /// Sum of how far the frames were from the slot's middle, in ticks, by weight.
    off: f32,
    made: f32,
    missed: f32,
    weight: f32,
}

/// Ring of weighted sums by slot number.
#[derive(Clone, Debug)]
pub struct Slots {
    cells: [Cell; KEPT],
}

impl Default for Slots {
    fn default() -> Self {
        Self { cells: [Cell { index: i64::MIN, ..Cell::default() }; KEPT] }
    }
}

impl Slots {
    /// Number of the slot that a media time falls into.
    pub fn index_of(at: MediaTime) -> i64 {
        (at.0 + SLOT.0 / 2).div_euclid(SLOT.0)
    }

    /// When the frames of a slot were taken, by the weights of their windows; the middle of the
    /// slot if nothing is known of it.
    pub fn time_of(&self, index: i64) -> MediaTime {
        let cell = self.cells[Self::position(index)];
        let known = cell.index == index && cell.weight > 0.0;
        let off = if known { (cell.off / cell.weight) as i64 } else { 0 };
        Self::middle_of(index).plus(MediaSpan(off))
    }

    fn middle_of(index: i64) -> MediaTime {
        MediaTime(index * SLOT.0)
    }

    /// Adds one window. Its slots are numbered from the newest one back: frames do not come
    /// exactly every 80 ms, and where a slot's time lies between two numbers, each slot rounded for
    /// itself would leave gaps.
    pub fn add(&mut self, window: &RimWindow<'_>) {
        let Some(newest) = window.slots.last().map(|slot| Self::index_of(slot.at)) else { return };
        for (behind, slot) in window.slots.iter().rev().enumerate() {
            let weight = look_ahead_weight(behind);
            if weight <= 0.0 || !slot.made.is_finite() || !slot.missed.is_finite() {
                continue;
            }
            let cell = self.cell_mut(newest - behind as i64);
            cell.off += weight * slot.at.since(Self::middle_of(newest - behind as i64)).0 as f32;
            cell.made += weight * slot.made;
            cell.missed += weight * slot.missed;
            cell.weight += weight;
        }
    }

    /// What is known about a slot.
    pub fn mean(&self, index: i64) -> Mean {
        let cell = self.cells[Self::position(index)];
        if cell.index != index || cell.weight <= 0.0 {
            return Mean::default();
        }
        Mean {
            made: cell.made / cell.weight,
            missed: cell.missed / cell.weight,
            weight: cell.weight,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn position(index: i64) -> usize {
        index.rem_euclid(KEPT as i64) as usize
    }

    fn cell_mut(&mut self, index: i64) -> &mut Cell {
        let cell = &mut self.cells[Self::position(index)];
        if cell.index != index {
            *cell = Cell { index, ..Cell::default() };
        }
        cell
    }
}

/// How much a window's word counts about a moment with `behind` slots after it. With nothing
/// behind it the lane guesses; a make is told from a miss only when the ball has left the net,
/// so that later words outweigh the earlier ones.
fn look_ahead_weight(behind: usize) -> f32 {
    match behind {
        0 | 1 => 0.0,
        2 => 0.1,
        3 => 0.3,
        4 => 0.6,
        5 => 1.0,
        6 => 1.5,
        _ => 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RimSlot;

    fn window(last: i64, made_at: i64) -> [RimSlot; 16] {
        core::array::from_fn(|position| {
            let index = last - 15 + position as i64;
            let made = if index == made_at { 0.9 } else { 0.0 };
            RimSlot { at: MediaTime(index * SLOT.0), missed: 0.0, made }
        })
    }

    #[test]
    fn a_moment_without_look_ahead_counts_for_nothing() {
        let mut slots = Slots::default();
        slots.add(&RimWindow { slots: &window(100, 100) });
        assert_eq!(slots.mean(100), Mean::default());
        slots.add(&RimWindow { slots: &window(105, 100) });
        assert!((slots.mean(100).made - 0.9).abs() < 1e-6);
    }

    #[test]
    fn a_window_whose_frames_come_a_little_early_and_late_has_no_gaps() {
        let mut slots = Slots::default();
        let mut window = window(100, 1_000);
        for (position, slot) in window.iter_mut().enumerate() {
            let jitter = if position % 2 == 0 { 30 } else { 50 };
            slot.at = slot.at.minus(MediaSpan::from_millis(jitter));
        }
        slots.add(&RimWindow { slots: &window });
        // The newest two slots count for nothing.
        assert_eq!(slots.time_of(97), window[13].at);
        // The same moment in a window of the other grid, with as much look-ahead.
        for slot in &mut window {
            slot.at = slot.at.minus(MediaSpan::from_millis(10));
        }
        slots.add(&RimWindow { slots: &window });
        assert_eq!(slots.time_of(97), window[13].at.plus(MediaSpan::from_millis(5)));
        let known = (80..=100).filter(|index| slots.mean(*index).weight > 0.0);
        assert!(known.eq(84..=97));
    }

    #[test]
    fn old_slots_are_forgotten_when_the_ring_comes_round() {
        let mut slots = Slots::default();
        slots.add(&RimWindow { slots: &window(20, 10) });
        assert!(slots.mean(10).made > 0.5);
        slots.add(&RimWindow { slots: &window(20 + KEPT as i64, 0) });
        assert_eq!(slots.mean(10), Mean::default());
    }

    #[test]
    fn a_network_that_answers_nan_adds_nothing() {
        let mut slots = Slots::default();
        let mut poisoned = window(20, 10);
        poisoned[5].made = f32::NAN;
        slots.add(&RimWindow { slots: &poisoned });
        assert_eq!(slots.mean(10), Mean::default());
    }

    #[test]
    fn times_before_the_first_frame_have_slots_too() {
        assert_eq!(Slots::index_of(MediaTime::from_millis(-80)), -1);
        assert_eq!(Slots::index_of(MediaTime::from_millis(39)), 0);
        assert_eq!(Slots::index_of(MediaTime::from_millis(41)), 1);
    }
}
