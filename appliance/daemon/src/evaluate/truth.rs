//! Truth files: `NAME.events.json`, written by the game generator or by a person.

use std::path::Path;

use anyhow::{Context, Result};
use fusion::board::Field;
use serde::Deserialize;
use wire::event::EventKind;
use wire::ids::Name;
use wire::time::MediaTime;
use wire::units::PixelBox;

use super::finding::InView;
use crate::config::FIELDS;

/// What really happened in a video.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Truth {
    /// Hoops at the start, and again wherever the picture jumps; absent when a person wrote the
    /// file.
    #[serde(default)]
    hoops: Vec<TruthHoop>,
    /// The scoreboard's fields; absent when there is none to be read.
    #[serde(default)]
    board: Vec<TruthField>,
    /// Everything that happened.
    pub events: Vec<TruthEvent>,
}

#[derive(Clone, Debug, Deserialize)]
struct TruthHoop {
    id: String,
    #[serde(rename = "box")]
    area: [f32; 4],
    /// Seconds from the first frame; the box is true until the next one of this id.
    #[serde(default)]
    from: f64,
}

#[derive(Clone, Debug, Deserialize)]
struct TruthField {
    field: String,
    #[serde(rename = "box")]
    area: [f32; 4],
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
pub struct TruthEvent {
    /// What.
    pub kind: EventKind,
    /// When, in seconds from the first frame. Absent: anywhere in the video.
    #[serde(default)]
    pub t: Option<f64>,
    /// At which hoop, if the labeller said so.
    #[serde(default)]
    pub hoop: Option<String>,
    /// Whether the labeller was sure; an uncertain event counts neither as found nor as missed.
    #[serde(default = "sure")]
    pub certain: bool,
    /// What the scoreboard says from then on, home and guests.
    #[serde(default)]
    pub score: Option<[u16; 2]>,
}

fn sure() -> bool {
    true
}

impl Truth {
    /// Reads a truth file.
    ///
    /// # Errors
    /// Names the file, the line and what is wrong.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("truth file {} not read", path.display()))?;
        serde_json::from_str(&text).with_context(|| {
            format!(
                "truth file {} not understood; it holds {{\"hoops\":[…],\"events\":[{{\"kind\":\
                 \"made_shot\",\"t\":12.48}},…]}}",
                path.display()
            )
        })
    }

    /// The scoreboard's fields as a technician would mark them.
    ///
    /// # Errors
    /// There is no such field.
    pub fn board(&self) -> Result<Vec<(Field, PixelBox)>> {
        let marked = |mark: &TruthField| {
            let known = FIELDS.iter().find(|(name, _)| *name == mark.field);
            let (_, field) = known.with_context(|| format!("no field {:?}", mark.field))?;
            let [x0, y0, x1, y1] = mark.area;
            Ok((*field, PixelBox { x0, y0, x1, y1 }))
        };
        self.board.iter().map(marked).collect()
    }

    /// What the scoreboard says at `t` seconds: 0 to 0 before the first points.
    pub fn score_at(&self, t: f64) -> [u16; 2] {
        let before = self.events.iter().filter(|event| event.t.is_some_and(|at| at <= t));
        before.filter_map(|event| event.score).next_back().unwrap_or_default()
    }

    /// Whether a scoreboard is to be read.
    pub fn has_board(&self) -> bool {
        !self.board.is_empty()
    }

    /// Every hoop with the time for which its box is true.
    pub fn in_view(&self) -> Vec<InView> {
        let time = |seconds: f64| MediaTime::from_millis((1_000.0 * seconds) as i64);
        let in_view = |hoop: &TruthHoop| {
            let [x0, y0, x1, y1] = hoop.area;
            let later = self.hoops.iter().filter(|h| h.id == hoop.id && h.from > hoop.from);
            let until = later.map(|h| h.from).fold(f64::INFINITY, f64::min);
            InView {
                id: hoop.id.clone(),
                area: PixelBox { x0, y0, x1, y1 },
                from: time(hoop.from),
                until: if until.is_finite() { time(until) } else { MediaTime(i64::MAX) },
            }
        };
        self.hoops.iter().map(in_view).collect()
    }

    /// The hoops as a technician would configure them at the start.
    ///
    /// # Errors
    /// A hoop's id is no name.
    pub fn hoops(&self) -> Result<Vec<(Name, PixelBox)>> {
        let configured = |hoop: &TruthHoop| {
            let [x0, y0, x1, y1] = hoop.area;
            let name = hoop.id.parse().with_context(|| format!("hoop id {:?}", hoop.id))?;
            Ok((name, PixelBox { x0, y0, x1, y1 }))
        };
        self.hoops.iter().filter(|hoop| hoop.from <= 0.0).map(configured).collect()
    }
}
