//! The hoop finder: where are the hoops in one whole picture?

use wire::units::PixelBox;

use super::{LaneError, Tiers, peaks};
use crate::limits::{
    HOOP_CONFIDENCE_MIN, HOOP_LOG_SIZE_MAX, HOOP_OVERLAP_MAX, HOOP_SIZE_UNIT_PX, HOOPS_MAX,
};
use crate::manifest::Lane;
use crate::pack::{Pack, PackError};
use crate::picture::{Grey, Luma, Resampler};

/// A place in the picture that looks like a hoop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoopReading {
    /// Ring and net together, in pixels of the source.
    pub area: PixelBox,
    /// Probability, 0 to 1.
    pub confidence: f32,
}

/// Finds hoops in single pictures.
pub struct HoopLane {
    tiers: Tiers,
    resampler: Resampler,
    grey: Grey,
}

impl HoopLane {
    /// A lane over a hoop pack, with all its tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Hoop)?, tier)?;
        Ok(Self { tiers, resampler: Resampler::default(), grey: Grey::filled(0, 0, 0) })
    }

    /// Asks for another tier, from the next picture on.
    ///
    /// # Errors
    /// [`LaneError::NoTier`].
    pub fn set_tier(&mut self, tier: &str) -> Result<(), LaneError> {
        self.tiers.want(tier)?;
        self.tiers.active = self.tiers.wanted;
        Ok(())
    }

    /// The tier that finds.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Finds the hoops of one picture.
    ///
    /// - returns: at most [`HOOPS_MAX`] hoops that hardly overlap, the most certain first.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next picture.
    pub fn find(&mut self, luma: Luma<'_>) -> Result<Vec<HoopReading>, LaneError> {
        let tier = self.tiers.active();
        let (width, height) = tier.picture_size();
        if (self.grey.width, self.grey.height) != (width, height) {
            self.grey = Grey::filled(width, height, 0);
        }
        let letterbox = self.resampler.letterbox(luma, &mut self.grey);
        self.grey.write_to(tier.picture_mut(0));
        let output = tier.run()?;
        let (rows, columns) = (output.shape[2], output.shape[3]);
        let cell = width as f32 / columns as f32;
        let (heat, sizes) = output.data.split_at(rows * columns);
        let (log_widths, log_heights) = sizes.split_at(rows * columns);

        let mut readings: Vec<HoopReading> = Vec::new();
        for peak in peaks::find(heat, columns, HOOP_CONFIDENCE_MIN, 4 * HOOPS_MAX) {
            let half = |log: f32| {
                let log = log.clamp(-HOOP_LOG_SIZE_MAX, HOOP_LOG_SIZE_MAX);
                log.exp() * HOOP_SIZE_UNIT_PX / 2.0
            };
            let (x, y) = (peak.x * cell, peak.y * cell);
            let (w, h) = (half(log_widths[peak.cell]), half(log_heights[peak.cell]));
            let (x0, y0) = letterbox.to_source(x - w, y - h);
            let (x1, y1) = letterbox.to_source(x + w, y + h);
            let area = PixelBox { x0, y0, x1, y1 };
            if readings.iter().all(|r| r.area.overlap(area) <= HOOP_OVERLAP_MAX) {
                readings.push(HoopReading { area, confidence: peak.confidence });
            }
        }
        readings.truncate(HOOPS_MAX);
        Ok(readings)
    }
}
