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
/// What the confidences of its clear runs must be on average while another hoop is in view. Things
/// that are no hoop, such as a place among the spectators, get 0.3 to 0.5 run after run.
pub(super) const BESIDE: f32 = 0.5;
/// A hoop that the finder sees with less than this is faint: it is believed only while no other is
/// known, gives way to the first one that is not, and its boxes are too inexact to correct others.
pub(super) const FAINT: f32 = 0.3;
/// What the confidences of a faint one must add up to: ten runs at 0.2.
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
    /// Runs in a row that did not see it.
    misses: u8,
    /// Runs that saw it clearly.
    clear_runs: u32,
    /// Sum of their confidences.
    clear_confidence: f32,
    /// Sum of the confidences of all runs that saw it.
    confidence: f32,
}

/// A place that is a hoop by all that the finder has said of it.
pub(super) struct Believed {
    pub(super) area: PixelBox,
    /// Hardly ever seen with [`FAINT`] or more.
    pub(super) faint: bool,
}

impl Candidates {
    /// Adds what a run saw beside the hoops that are followed.
    ///
    /// - average: what the confidences of a hoop's clear runs must be on average.
    /// - returns: what is believed by now; again with every run, until it is followed.
    pub(super) fn add(&mut self, seen: &[HoopReading], average: f32) -> Vec<Believed> {
        for candidate in &mut self.all {
            candidate.misses += 1;
        }
        for reading in seen {
            let same = |c: &&mut Candidate| c.area.overlap(reading.area) > SAME_OVERLAP;
            match self.all.iter_mut().find(same) {
                Some(candidate) => candidate.see(reading),
                None => self.all.push(Candidate::new(reading)),
            }
        }
        self.all.retain(|candidate| candidate.misses <= MISSES);
        let present = self.all.iter().filter(|candidate| candidate.misses == 0);
        present.filter_map(|candidate| candidate.believed(average)).collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }
}

impl Candidate {
    fn new(reading: &HoopReading) -> Self {
        let area = reading.area;
        let mut new =
            Self { area, misses: 0, clear_runs: 0, clear_confidence: 0.0, confidence: 0.0 };
        new.see(reading);
        new
    }

    fn see(&mut self, reading: &HoopReading) {
        self.area = reading.area;
        self.misses = 0;
        self.confidence += reading.confidence;
        if reading.confidence >= FAINT {
            self.clear_runs = self.clear_runs.saturating_add(1);
            self.clear_confidence += reading.confidence;
        }
    }

    fn believed(&self, average: f32) -> Option<Believed> {
        let clear = self.clear_runs >= AGREEMENTS
            && self.clear_confidence >= BELIEVED
            && self.clear_confidence >= average * self.clear_runs as f32;
        let enough = clear || self.confidence >= FAINTLY_BELIEVED;
        enough.then_some(Believed { area: self.area, faint: !clear })
    }
}
