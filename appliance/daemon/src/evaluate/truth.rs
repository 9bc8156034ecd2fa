//! Truth files: `NAME.events.json`, written by the game generator or by a person.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use wire::event::EventKind;
use wire::ids::Name;
use wire::units::PixelBox;

/// What really happened in a video.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Truth {
    /// Hoops at the start; absent when a person wrote the file.
    #[serde(default)]
    hoops: Vec<TruthHoop>,
    /// Everything that happened.
    pub events: Vec<TruthEvent>,
}

#[derive(Clone, Debug, Deserialize)]
struct TruthHoop {
    id: String,
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

    /// The hoops as a technician would configure them.
    ///
    /// # Errors
    /// A hoop's id is no name.
    pub fn hoops(&self) -> Result<Vec<(Name, PixelBox)>> {
        let configured = |hoop: &TruthHoop| {
            let [x0, y0, x1, y1] = hoop.area;
            let name = hoop.id.parse().with_context(|| format!("hoop id {:?}", hoop.id))?;
            Ok((name, PixelBox { x0, y0, x1, y1 }))
        };
        self.hoops.iter().map(configured).collect()
    }
}
