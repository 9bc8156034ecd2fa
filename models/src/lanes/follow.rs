//! Keeps a hoop's box on the hoop while the camera shakes, pans and drifts, between two runs of
//! the finder.
//!
//! Watches the surroundings, not the hoop: net, ball and hands move, the wall and the backboard
//! move with the camera. Each frame is matched against a reference picture and not against the
//! frame before, so that errors do not add up (the matching is in `motion.rs`).

use wire::time::MediaTime;
use wire::units::PixelBox;

use super::motion::{Surroundings, Window};
use crate::limits::{
    FOLLOW_ANCHOR_SHARE, FOLLOW_CERTAINTY_MIN, FOLLOW_FRAME_MS_MAX, FOLLOW_JUMP_WIDTHS,
    FOLLOW_LOST_MS, FOLLOW_RENEW_CERTAINTY, FOLLOW_RENEW_FRAMES,
};
use crate::picture::Luma;

/// Where a hoop is now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Followed {
    /// Its box, in pixels of the source.
    pub area: PixelBox,
    /// How sure that is, 0 to 1: the share of the surroundings that agrees on the motion. Below
    /// [`FOLLOW_CERTAINTY_MIN`] the box was not moved: somebody stands in front, and the box waits
    /// for the surroundings to come back, or the picture was cut, and it waits for
    /// [`Follower::anchor`].
    pub certainty: f32,
}

/// Follows one hoop of one source.
pub struct Follower {
    area: PixelBox,
    reference: Option<Reference>,
    /// Motion, smoothed, in pixels a second.
    velocity: (f32, f32),
    /// When the surroundings were recognised last; `None` before the first frame.
    seen: Option<MediaTime>,
    /// The frame before.
    last: Option<MediaTime>,
}

/// The surroundings as they were, and where the hoop was in them.
struct Reference {
    surroundings: Surroundings,
    area: PixelBox,
    frames: u32,
}

impl Follower {
    /// Follows the hoop that has this box in the next frame (or the one before it).
    pub fn new(area: PixelBox) -> Self {
        Self { area, reference: None, velocity: (0.0, 0.0), seen: None, last: None }
    }

    /// Where the hoop is in the frame of this time. To be called with every frame, in order; the
    /// longer ago the surroundings were recognised, the further around the last motion it searches
    /// ([`FOLLOW_REACH_PX_S`](crate::limits::FOLLOW_REACH_PX_S)), so that a busy box that skips
    /// frames keeps its hoop.
    pub fn follow(&mut self, luma: Luma<'_>, at: MediaTime) -> Followed {
        self.last = Some(at);
        let (Some(reference), Some(seen)) = (&mut self.reference, self.seen) else {
            self.renew(luma);
            self.seen = Some(at);
            return Followed { area: self.area, certainty: 1.0 };
        };
        reference.frames += 1;
        let elapsed_ms = at.since(seen).as_millis().max(1);
        let since = elapsed_ms.min(FOLLOW_FRAME_MS_MAX) as f32 / 1e3;
        let so_far = (self.area.x0 - reference.area.x0, self.area.y0 - reference.area.y0);
        let expected = (so_far.0 + since * self.velocity.0, so_far.1 + since * self.velocity.1);
        let found = reference.surroundings.locate(luma, expected, since);
        if found.certainty < FOLLOW_CERTAINTY_MIN {
            self.velocity = (self.velocity.0 / 2.0, self.velocity.1 / 2.0);
            return Followed { area: self.area, certainty: found.certainty };
        }
        self.seen = Some(at);
        let step = (found.moved.0 - so_far.0, found.moved.1 - so_far.1);
        let smoothed = |before: f32, step: f32| (before + step * 1e3 / elapsed_ms as f32) / 2.0;
        self.velocity = (smoothed(self.velocity.0, step.0), smoothed(self.velocity.1, step.1));
        self.area = self.area.moved(step.0, step.1);
        let side = reference.surroundings.side_px();
        let far = found.moved.0.abs().max(found.moved.1.abs()) > side / 3.0;
        let old = reference.frames >= FOLLOW_RENEW_FRAMES;
        if (far || old) && found.certainty >= FOLLOW_RENEW_CERTAINTY {
            self.renew(luma);
        }
        Followed { area: self.area, certainty: found.certainty }
    }

    /// Corrects the box with one that the finder found in the frame last followed: a little way
    /// if it is near, wholly if it is somewhere else or the hoop had been lost.
    pub fn anchor(&mut self, found: PixelBox) {
        let ((x, y), (fx, fy)) = (self.area.centre(), found.centre());
        let away = (fx - x).abs().max((fy - y).abs());
        if self.is_lost() || away > FOLLOW_JUMP_WIDTHS * self.area.width() {
            *self = Self::new(found);
            return;
        }
        let towards = |from: f32, to: f32| from + FOLLOW_ANCHOR_SHARE * (to - from);
        let mix = |a: PixelBox, b: PixelBox| PixelBox {
            x0: towards(a.x0, b.x0),
            y0: towards(a.y0, b.y0),
            x1: towards(a.x1, b.x1),
            y1: towards(a.y1, b.y1),
        };
        let mixed = mix(self.area, found);
        // The reference picture stays good; only the place of the hoop in it was wrong.
        if let Some(reference) = &mut self.reference {
            let so_far = (self.area.x0 - reference.area.x0, self.area.y0 - reference.area.y0);
            reference.area = mixed.moved(-so_far.0, -so_far.1);
        }
        self.area = mixed;
    }

    /// Whether the surroundings have not been recognised for
    /// [`FOLLOW_LOST_MS`](crate::limits::FOLLOW_LOST_MS).
    pub fn is_lost(&self) -> bool {
        let missed = self.seen.zip(self.last).map(|(seen, last)| last.since(seen).as_millis());
        missed.is_some_and(|ms| ms >= FOLLOW_LOST_MS)
    }

    /// The box as last followed or anchored.
    pub fn area(&self) -> PixelBox {
        self.area
    }

    fn renew(&mut self, luma: Luma<'_>) {
        let surroundings = Surroundings::of(luma, Window::around(self.area, luma));
        self.reference = Some(Reference { surroundings, area: self.area, frames: 0 });
    }
}
