//! Who is in the picture.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::time::{MediaTime, WallTime};
use crate::units::{Permille, PictureSize, PixelBox};

/// Version of [`PlayersSeen`]. A reader refuses another version.
pub const VERSION: u8 = 1;
/// Most people that one message tells of.
pub const PEOPLE_MAX: usize = 32;
/// Most balls that one message tells of.
pub const BALLS_MAX: usize = 8;

/// The people in one picture of a source. Telemetry: published about once a second while it is
/// fresh and never sent again, so that it is no [`Body`](crate::envelope::Body) of an envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlayersSeen {
    /// [`VERSION`].
    pub v: u8,
    /// The source that shows them.
    pub source: Name,
    /// The picture.
    pub at: MediaTime,
    /// When the picture's last byte had arrived at the box.
    pub at_arrived: WallTime,
    /// Everybody, the most certain first: players, referees, benches, spectators.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<Sighting>", length(max = PEOPLE_MAX))
    )]
    pub people: Vec<Sighting, PEOPLE_MAX>,
    /// Balls, held or not, the most certain first; empty if the pack knows none.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<Sighting>", length(max = BALLS_MAX))
    )]
    pub balls: Vec<Sighting, BALLS_MAX>,
}

/// One person, or one ball.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sighting {
    /// Left, top, right and bottom edge, in thousandths of the picture's width and height.
    #[serde(rename = "box")]
    pub area: [Permille; 4],
    /// Probability.
    pub confidence: Permille,
}

impl Sighting {
    /// A sighting in a picture of `size`; what lies outside of the picture is cut off.
    pub fn of(area: PixelBox, size: PictureSize, confidence: f32) -> Self {
        let (width, height) = (f32::from(size.width), f32::from(size.height));
        let edges = [area.x0 / width, area.y0 / height, area.x1 / width, area.y1 / height];
        Self { area: edges.map(Permille::from_share), confidence: Permille::from_share(confidence) }
    }
}
