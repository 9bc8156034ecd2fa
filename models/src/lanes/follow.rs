//! Keeps a hoop's box on the hoop while the camera shakes, pans and drifts, between two runs of
//! the finder.
//!
//! Watches the surroundings, not the hoop: net, ball and hands move, the wall and the backboard
//! move with the camera. Each frame is matched against a reference picture and not against the
//! frame before, so that errors do not add up (the matching is in `motion.rs`).

use wire::units::PixelBox;

use super::motion::{Surroundings, Window};
use crate::limits::{
    FOLLOW_ANCHOR_SHARE, FOLLOW_CERTAINTY_MIN, FOLLOW_JUMP_WIDTHS, FOLLOW_LOST_FRAMES,
    FOLLOW_RENEW_CERTAINTY, FOLLOW_RENEW_FRAMES,
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
    /// Motion from frame to frame, smoothed, in pixels.
    velocity: (f32, f32),
    frames_missed: u32,
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
        Self { area, reference: None, velocity: (0.0, 0.0), frames_missed: 0 }
    }

    /// Where the hoop is in this frame. To be called with every frame, in order: the search
    /// reaches [`FOLLOW_REACH_PX`](crate::limits::FOLLOW_REACH_PX) beyond the last motion.
    pub fn follow(&mut self, luma: Luma<'_>) -> Followed {
        let Some(reference) = &mut self.reference else {
            self.renew(luma);
            return Followed { area: self.area, certainty: 1.0 };
        };
        reference.frames += 1;
        let so_far = (self.area.x0 - reference.area.x0, self.area.y0 - reference.area.y0);
        let expected = (so_far.0 + self.velocity.0, so_far.1 + self.velocity.1);
        let found = reference.surroundings.locate(luma, expected);
        if found.certainty < FOLLOW_CERTAINTY_MIN {
            self.velocity = (self.velocity.0 / 2.0, self.velocity.1 / 2.0);
            self.frames_missed = self.frames_missed.saturating_add(1);
            return Followed { area: self.area, certainty: found.certainty };
        }
        self.frames_missed = 0;
        let step = (found.moved.0 - so_far.0, found.moved.1 - so_far.1);
        self.velocity = ((self.velocity.0 + step.0) / 2.0, (self.velocity.1 + step.1) / 2.0);
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
        let lost = self.frames_missed >= FOLLOW_LOST_FRAMES;
        if lost || away > FOLLOW_JUMP_WIDTHS * self.area.width() {
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

    /// The box as last followed or anchored.
    pub fn area(&self) -> PixelBox {
        self.area
    }

    fn renew(&mut self, luma: Luma<'_>) {
        let surroundings = Surroundings::of(luma, Window::around(self.area, luma));
        self.reference = Some(Reference { surroundings, area: self.area, frames: 0 });
    }
}
