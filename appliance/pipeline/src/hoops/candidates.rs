//! Hoops that the finder sees and nobody follows yet: when are they believed?
//!
//! Owns what runs of the finder add up to. Moves no box and knows no hoop that is followed.

use models::lanes::hoop::HoopReading;
use wire::units::PixelBox;

/// Runs of the finder that must agree before a hoop is believed.
pub(super) const AGREEMENTS: u32 = 3;
/// What their confidences must add up to: three runs that are as good as even, or more of those
/// that are not.
const BELIEVED: f32 = 1.5;
/// A hoop that the finder sees with less than this is faint: it is believed only while no other is
/// known, gives way to the first one that is not, and its boxes are too inexact to correct others.
pub(super) const FAINT: f32 = 0.3;
/// What the confidences of a faint one must add up to.
const FAINTLY_BELIEVED: f32 = 2.0;
/// Runs in a row that may miss a hoop that is not believed yet.
const MISSES: u8 = 2;
/// Two boxes that overlap by more than this are the same hoop.
pub(super) const SAME_OVERLAP: f32 = 0.3;

/// What the finder sees beside the hoops that are followed.
#[derive(Default)]
pub(super) struct Candidates {
    all: Vec<Candidate>,
}

/// A hoop that the finder sees run after run.
struct Candidate {
    area: PixelBox,
    /// Runs that saw it.
    runs: u32,
    /// Runs in a row that did not.
    misses: u8,
    /// Sum of the confidences.
    confidence: f32,
}

/// A place that is a hoop by all that the finder has said of it.
pub(super) struct Believed {
    pub(super) area: PixelBox,
    /// Seen with less than [`FAINT`] on average.
    pub(super) faint: bool,
}

impl Candidates {
    /// Adds what a run saw beside the hoops that are followed.
    ///
    /// - returns: what is believed by now; again with every run, until it is followed.
    pub(super) fn add(&mut self, seen: &[HoopReading]) -> Vec<Believed> {
        for candidate in &mut self.all {
            candidate.misses += 1;
        }
        for reading in seen {
            let same = |c: &&mut Candidate| overlap(c.area, reading.area) > SAME_OVERLAP;
            if let Some(candidate) = self.all.iter_mut().find(same) {
                candidate.area = reading.area;
                candidate.runs = candidate.runs.saturating_add(1);
                candidate.misses = 0;
                candidate.confidence += reading.confidence;
            } else {
                let (area, confidence) = (reading.area, reading.confidence);
                self.all.push(Candidate { area, runs: 1, misses: 0, confidence });
            }
        }
        self.all.retain(|candidate| candidate.misses <= MISSES);
        let present = self.all.iter().filter(|candidate| candidate.misses == 0);
        present.filter_map(Candidate::believed).collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }
}

impl Candidate {
    fn believed(&self) -> Option<Believed> {
        let faint = self.confidence < FAINT * self.runs as f32;
        let needed = if faint { FAINTLY_BELIEVED } else { BELIEVED };
        let enough = self.runs >= AGREEMENTS && self.confidence >= needed;
        enough.then_some(Believed { area: self.area, faint })
    }
}

/// Intersection over union.
pub(super) fn overlap(a: PixelBox, b: PixelBox) -> f32 {
    let width = a.x1.min(b.x1) - a.x0.max(b.x0);
    let height = a.y1.min(b.y1) - a.y0.max(b.y0);
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let shared = width * height;
    shared / (a.width() * a.height() + b.width() * b.height() - shared)
}
