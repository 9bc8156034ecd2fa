//! The scoreboard of a source: its fields are read four times a second.
//!
//! Owns when and where the board lane looks. What the readings amount to is fusion's business.

use fusion::board::Field;
use models::LaneError;
use models::lanes::board::BoardLane;
use models::picture::Luma;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

/// Between two looks. A score stands for seconds; three looks confirm it within one.
const EVERY: MediaSpan = MediaSpan::from_millis(250);

/// One reading of one field, for the director.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReport {
    /// Which.
    pub field: Field,
    /// Digits, `:` and `.`.
    pub text: String,
    /// How certain it is, 0 to 1.
    pub confidence: f32,
}

/// Reads the fields that a technician has marked.
pub struct Board {
    /// The network.
    pub lane: BoardLane,
    /// Where the digits of each field stand, in the picture's pixels.
    pub fields: Vec<(Field, PixelBox)>,
    last: Option<MediaTime>,
}

impl Board {
    /// A board with these fields.
    pub fn new(lane: BoardLane, fields: Vec<(Field, PixelBox)>) -> Self {
        Self { lane, fields, last: None }
    }

    /// Looks at the board if it is time; fields that do not lie in the picture are left out.
    ///
    /// # Errors
    /// The network's; the next look is tried again.
    pub fn observe(
        &mut self,
        luma: Luma<'_>,
        at: MediaTime,
    ) -> Result<Vec<FieldReport>, LaneError> {
        let due = |last: MediaTime| at < last || at.since(last).0 >= EVERY.0;
        if self.fields.is_empty() || !self.last.is_none_or(due) {
            return Ok(Vec::new());
        }
        self.last = Some(at);
        let (width, height) = (luma.width() as f32, luma.height() as f32);
        let inside = |area: &PixelBox| area.x1 <= width && area.y1 <= height;
        let mut reports = Vec::with_capacity(self.fields.len());
        for (field, area) in self.fields.iter().filter(|(_, area)| inside(area)) {
            let reading = self.lane.read(luma, *area)?;
            let (text, confidence) = (reading.text, reading.confidence);
            reports.push(FieldReport { field: *field, text, confidence });
        }
        Ok(reports)
    }
}
