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

/// A field without a number for so long is told to the technician, once…
const UNREAD: MediaSpan = MediaSpan::from_millis(60_000);
/// …and a reading less certain than this is none. Fusion believes no other either.
const SURE: f32 = 0.9;

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
    fields: Vec<Marked>,
    last: Option<MediaTime>,
}

/// A field where a technician has marked it.
struct Marked {
    field: Field,
    area: PixelBox,
    /// When a number stood in it last, or when it was looked at first; `None` once it was told that
    /// nothing can be read.
    read: Option<MediaTime>,
    looked: bool,
}

impl Board {
    /// A board with these fields: where the digits of each stand, in the picture's pixels.
    pub fn new(lane: BoardLane, fields: Vec<(Field, PixelBox)>) -> Self {
        let marked = |(field, area)| Marked { field, area, read: None, looked: false };
        Self { lane, fields: fields.into_iter().map(marked).collect(), last: None }
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
        let mut reports = Vec::with_capacity(self.fields.len());
        for marked in &mut self.fields {
            if !std::mem::replace(&mut marked.looked, true) {
                marked.read = Some(at);
            }
            if marked.area.x1 > width || marked.area.y1 > height {
                continue;
            }
            let reading = self.lane.read(luma, marked.area)?;
            let (text, confidence) = (reading.text, reading.confidence);
            if confidence >= SURE && !text.is_empty() {
                marked.read = Some(at);
            }
            reports.push(FieldReport { field: marked.field, text, confidence });
        }
        Ok(reports)
    }

    /// The board is left out of the frame at `at`: nobody can say that it is unreadable.
    pub fn rest(&mut self, at: MediaTime) {
        self.fields.iter_mut().for_each(|marked| marked.read = marked.read.map(|_| at));
    }

    /// A field in which nothing could be read for a minute; each is told once, and again when it
    /// could be read in between.
    pub fn unread(&mut self, at: MediaTime) -> Option<Field> {
        let silent =
            |marked: &&mut Marked| marked.read.is_some_and(|read| at.since(read).0 > UNREAD.0);
        let marked = self.fields.iter_mut().find(silent)?;
        marked.read = None;
        Some(marked.field)
    }
}
