//! The board lane: what number stands in a field of a scoreboard or of a score bug?

use wire::units::PixelBox;

use super::{LaneError, Tiers};
use crate::limits::{BOARD_TEXT_MAX, LETTERBOX_GREY};
use crate::manifest::Lane;
use crate::pack::{Pack, PackError};
use crate::picture::{Grey, Luma, Resampler};

/// What the numbers of a column stand for, in their order; one more stands for none of them.
pub const SYMBOLS: &[u8] = b"0123456789:.";

/// Narrowest that a field is laid into the input, in pixels.
const COLUMNS_MIN: usize = 8;

/// What stands in a field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReading {
    /// Digits, `:` and `.`, from left to right; empty if it is dark.
    pub text: String,
    /// How certain its least certain symbol is, 0 to 1.
    pub confidence: f32,
}

/// Reads fields of single pictures.
pub struct BoardLane {
    tiers: Tiers,
    resampler: Resampler,
    grey: Grey,
}

impl BoardLane {
    /// A lane over a board pack, with all its tiers resident, starting with `tier`.
    ///
    /// # Errors
    /// [`PackError::Lane`] for another kind of pack, [`PackError::NoTier`].
    pub fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let tiers = Tiers::load(pack.for_lane(Lane::Board)?, tier)?;
        Ok(Self { tiers, resampler: Resampler::default(), grey: Grey::filled(0, 0, 0) })
    }

    /// The tier that reads.
    pub fn tier(&self) -> &str {
        self.tiers.active_name()
    }

    /// Reads the field whose digits fill `area`, in pixels of the picture.
    ///
    /// # Errors
    /// [`LaneError::Infer`]; the lane goes on with the next picture.
    pub fn read(&mut self, luma: Luma<'_>, area: PixelBox) -> Result<FieldReading, LaneError> {
        let tier = self.tiers.active();
        let (columns, rows) = tier.picture_size();
        // As high as the input; as wide as that makes it, in the middle, squeezed if need be.
        let shape = area.width() / area.height().max(1.0);
        let wide = (rows as f32 * shape).round() as usize;
        let wide = wide.clamp(COLUMNS_MIN.min(columns), columns);
        if (self.grey.width, self.grey.height) != (wide, rows) {
            self.grey = Grey::filled(wide, rows, 0);
        }
        self.resampler.stretch(luma, area, &mut self.grey);
        let left = (columns - wide) / 2;
        let input = tier.picture_mut(0);
        input.fill(f32::from(LETTERBOX_GREY) / 255.0);
        for (line, pixels) in input.chunks_exact_mut(columns).zip(self.grey.data.chunks_exact(wide))
        {
            for (place, pixel) in line[left..][..wide].iter_mut().zip(pixels) {
                *place = f32::from(*pixel) / 255.0;
            }
        }
        let output = tier.run()?;
        Ok(decode(&output.data))
    }
}

/// The text of `[1, columns, 13]` logits: the likeliest symbol of each column; one that goes on
/// over neighbouring columns is one.
fn decode(logits: &[f32]) -> FieldReading {
    let (columns, _) = logits.as_chunks::<{ SYMBOLS.len() + 1 }>();
    let mut reading = FieldReading { text: String::new(), confidence: 1.0 };
    // The likeliest class of the columns before, and how surely the surest of them says so.
    let mut run = (usize::MAX, 1.0_f32);
    for column in columns {
        let best = (0..column.len()).fold(0, |a, b| if column[b] > column[a] { b } else { a });
        let sum: f32 = column.iter().map(|logit| (logit - column[best]).exp()).sum();
        let chance = 1.0 / sum;
        if best == run.0 {
            run.1 = run.1.max(chance);
            continue;
        }
        reading.confidence = reading.confidence.min(run.1);
        run = (best, chance);
        if let Some(symbol) = SYMBOLS.get(best) {
            reading.text.push(char::from(*symbol));
        }
    }
    reading.confidence = reading.confidence.min(run.1);
    if reading.text.len() > BOARD_TEXT_MAX {
        // Longer than any board's: noise.
        reading.confidence = 0.0;
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of columns that say these classes with this strength.
    fn columns(said: &[(usize, f32)]) -> Vec<f32> {
        let column = |(class, strength): &(usize, f32)| {
            let mut logits = [0.0; SYMBOLS.len() + 1];
            logits[*class] = *strength;
            logits
        };
        said.iter().flat_map(column).collect()
    }

    #[test]
    fn neighbours_are_one_symbol_and_twins_need_a_gap() {
        let said = [12, 1, 1, 12, 1, 10, 12, 3, 3].map(|class| (class, 20.0));
        let reading = decode(&columns(&said));
        assert_eq!(reading.text.as_str(), "11:3");
        assert!(reading.confidence > 0.999);
        assert_eq!(decode(&columns(&[(12, 20.0); 8])).text.as_str(), "");
    }

    #[test]
    fn certainty_is_that_of_the_least_certain_symbol() {
        let mut logits = columns(&[(12, 20.0), (7, 20.0), (12, 20.0), (2, 9.0), (2, 2.0)]);
        assert!(decode(&logits).confidence > 0.99, "its surest column speaks for a symbol");
        // An even chance that the seven is a one.
        logits[13 + 1] = 20.0;
        assert!((decode(&logits).confidence - 0.5).abs() < 0.01);
        let long: Vec<(usize, f32)> = (0..8).flat_map(|i| [(i, 20.0), (12, 20.0)]).collect();
        assert_eq!(decode(&columns(&long)).confidence, 0.0);
    }
}
