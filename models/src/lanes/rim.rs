//! The rim lane: what happened at one hoop, judged from a window of crops that follow it?

use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

use super::history::{Histories, is_jump};
use super::{LaneError, Resident, Tiers};
use crate::limits::RIM_EARLY_MS_MAX;
use crate::manifest::{Lane, Tier};
use crate::pack::{Pack, PackError};
use crate::picture::{Luma, Resampler, Square};

/// What the network says about one moment. The three add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RimSlot {
    /// Time of the frame that filled the slot, of several crops the last one's.
    pub at: MediaTime,
    /// Probability that no shot ends here.
    pub nothing: f32,
    /// Probability that a shot leaves the rim as a miss here.
    pub missed: f32,
    /// Probability that a shot passes the rim here.
    pub made: f32,
}

/// What the network says about a window, oldest slot first.
#[derive(Clone, Debug, PartialEq)]
pub struct RimReading {
    /// As many as the network has (16), evenly spaced (80 ms).
    pub slots: Vec<RimSlot>,
}

/// Watches one hoop of one source.
pub struct RimLane {
    tiers: Tiers,
    histories: Histories,
    resampler: Resampler,
    spacing: MediaSpan,
    crop_widths: f32,
    crop_centre: f32,
    /// Crops that make a slot, tier by tier.
    crops_in_slot: Vec<usize>,
    /// Next place on the grid; `None` before the first frame.
    due: Option<MediaTime>,
    /// The frame before, for the frame interval and to notice jumps.
    last: Option<MediaTime>,
}

impl RimLane {
    /// A lane over a rim pack for one hoop, with all tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Rim)?, tier)?;
        let sizes = tiers.all.iter().map(Resident::picture_size);
        let longest = tiers.all.iter().map(Resident::pictures).max().unwrap_or(1);
        let input = &pack.manifest().input;
        // The manifest was checked: the one is a multiple of the other.
        let in_slot = |tier: &Tier| tier.input_shape[1] / tier.output_shape[1];
        Ok(Self {
            histories: Histories::new(sizes, longest),
            tiers,
            resampler: Resampler::default(),
            spacing: MediaSpan::from_millis(i64::from(input.spacing_ms)),
            // The manifest was checked: rim packs have both.
            crop_widths: input.crop_widths.unwrap_or(1.0),
            crop_centre: input.crop_centre.unwrap_or(0.0),
            crops_in_slot: pack.tiers().iter().map(in_slot).collect(),
            due: None,
            last: None,
        })
    }

    /// Asks for another tier. It takes over at the next crop; while the window is not full yet,
    /// as after a [`reset`](Self::reset), none answers.
    ///
    /// # Errors
    /// [`LaneError::NoTier`].
    pub fn set_tier(&mut self, tier: &str) -> Result<(), LaneError> {
        self.tiers.want(tier)
    }

    /// The tier that gave the last reading.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Takes over from the lane of another pack: with the crops that it has kept, if both cut them
    /// alike, else with an empty window.
    pub fn go_on_from(&mut self, other: &mut Self) {
        let cut = |lane: &Self| (lane.spacing, lane.crop_widths, lane.crop_centre);
        if cut(self) != cut(other) || !self.histories.is_like(&other.histories) {
            return;
        }
        self.tiers.go_on_as(&other.tiers);
        std::mem::swap(&mut self.histories, &mut other.histories);
        (self.due, self.last) = (other.due, other.last);
    }

    /// Shows the lane a frame. Crops it if it is due on the grid of crops; cheap if not.
    ///
    /// - `hoop`: box of ring and net in this frame's pixels; let a
    ///   [`Follower`](super::follow::Follower) keep it on the hoop.
    /// - returns: the window's slots when this frame was cropped and the window is full. The newest
    ///   slot ends with this frame's crop, so that slots of two crops are told at both of them: what
    ///   one grid of slots cuts in two lies within a slot of the other.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next crop.
    pub fn observe(
        &mut self,
        luma: Luma<'_>,
        pts: MediaTime,
        hoop: PixelBox,
    ) -> Result<Option<RimReading>, LaneError> {
        if !self.fill(luma, pts, hoop) {
            return Ok(None);
        }
        let wanted = self.tiers.wanted;
        let times = self.assemble(wanted).or_else(|| self.assemble(self.tiers.active));
        let Some(times) = times else { return Ok(None) };
        if times.tier == wanted {
            self.tiers.active = wanted;
        }
        let logits = self.tiers.active().run()?;
        let (logits, _) = logits.data.as_chunks::<3>();
        let slots = times.slots.iter().zip(logits).map(|(&at, &logits)| {
            let [nothing, missed, made] = softmax(logits);
            RimSlot { at, nothing, missed, made }
        });
        Ok(Some(RimReading { slots: slots.collect() }))
    }

    /// Forgets all crops: after a cut, or when the hoop box jumped to another place.
    pub fn reset(&mut self) {
        self.histories.clear();
        self.due = None;
        self.last = None;
    }

    /// Crops the frame if it is due; true if it was.
    fn fill(&mut self, luma: Luma<'_>, pts: MediaTime, hoop: PixelBox) -> bool {
        if self.last.is_some_and(|last| is_jump(last, pts)) {
            self.reset();
        }
        // The frame nearest to a place on the grid fills it: one that comes less than half a frame
        // interval early is nearer than the next one.
        let interval = self.last.map_or(MediaSpan(0), |last| pts.since(last));
        let early = (interval.0 / 2).min(MediaSpan::from_millis(RIM_EARLY_MS_MAX).0);
        self.last = Some(pts);
        let due = self.due.unwrap_or(pts);
        if pts.plus(MediaSpan(early)) < due {
            return false;
        }
        let mut due = due;
        // Places that no frame came for are filled with the crop before. Crops of every size that
        // a tier takes are kept, so that each can answer at the frame at which it is asked to.
        while due.plus(self.spacing) <= pts {
            self.histories.update_all(|history| history.repeat(due));
            due = due.plus(self.spacing);
        }
        self.due = Some(due.plus(self.spacing));
        let side = (hoop.width() * self.crop_widths).max(1.0);
        let centre_y = hoop.y0 + self.crop_centre * hoop.width();
        let square = Square { x: hoop.centre().0 - side / 2.0, y: centre_y - side / 2.0, side };
        let resampler = &mut self.resampler;
        self.histories.update_all(|history| {
            history.push(pts, |grey| resampler.crop(luma, square, grey));
        });
        true
    }

    /// Fills the input of a tier; `None` if its window is not full.
    fn assemble(&mut self, index: usize) -> Option<Times> {
        let tier = &mut self.tiers.all[index];
        let entries = self.histories.of(tier.picture_size()).entries();
        let surplus = entries.len().checked_sub(tier.pictures())?;
        let crops = entries.iter().skip(surplus);
        for (picture, (_, grey)) in crops.clone().enumerate() {
            grey.write_to(tier.picture_mut(picture));
        }
        let in_slot = self.crops_in_slot[index];
        let slots = crops.skip(in_slot - 1).step_by(in_slot).map(|(at, _)| *at).collect();
        Some(Times { tier: index, slots })
    }
}

/// When the slots of a tier's input were seen.
struct Times {
    tier: usize,
    slots: Vec<MediaTime>,
}

fn softmax(logits: [f32; 3]) -> [f32; 3] {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
    let powers = logits.map(|l| (l - largest).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|p| p / sum)
}
